# SPDX-License-Identifier: BSD-3-Clause
"""What an application with raw packets may not do, and what it leaves behind when it is killed."""
import contextlib
import ctypes
import random
import re
import sys
import time
from pathlib import Path

import pytest

import raw_application
from raw_engine import library, start, udp # pylint: disable=unused-import
from running import Running

# A process of another user that may yet read all files: what it may do is for the engine to say.
NOBODY = ["setpriv", "--reuid=65534", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]


def shown(weir, folder):
    return weir.run("show", "rdma", "--json", "--socket", folder / "weir.sock").ok().json()["rdma"]


def holder(engine, *words, port="a"):
    """A process that asks for all of a port."""
    return Running([*words, sys.executable, raw_application.__file__, str(engine.libweir),
                    str(engine.path), port, "1"])


def test_rules_look_at_few_things(start):
    """Each set of bits that rules look at costs every packet a lookup."""
    engine = start()
    applications = [engine.application() for _each in range(5)]
    lookups = [{"source": "10.0.0.0", "source_prefix": 8, "destination": "10.0.0.0",
                "destination_prefix": prefix} for prefix in range(1, 17)]
    for application in applications[:4]:
        for number, rule in enumerate(lookups):
            rule["source_prefix"] = 8 + applications.index(application)
            application.flow("a", **rule, priority=number)
        application.flow("a", **{**rule, "destination": "11.0.0.0"})  # looks at nothing new
    with pytest.raises(raw_application.Failure, match="port a: .* 16 ways .*: use members and"):
        applications[3].flow("a", vlan=5)
    with pytest.raises(raw_application.Failure, match="port a: .* 64 ways"):
        applications[4].flow("a", vlan=5)
    applications[4].flow("b", vlan=5)
    applications[4].flow("a", **lookups[0])
    engine.wires["a"].send([udp(1)])
    assert [packet.bytes for packet in applications[3].receive(1)] == [udp(1)]
    engine.stop()


def queue_memory():
    """Where this process has mapped the memory of its queue pairs."""
    lines = Path("/proc/self/maps").read_text(encoding="ascii").splitlines()
    return {int(line.split("-")[0], 16) for line in lines if "memfd:weir-packets" in line}


def test_who_scribbles_is_sent_away(start, weir, tmp_path):
    """Its rules go with it, and it hears why."""
    engine = start()
    good, before = engine.application(), queue_memory()
    evil = engine.application()
    engine.applications.remove(evil)
    evil.flow("a")
    good.flow("b")
    engine.wires["a"].send([udp(1)])
    assert len(evil.receive(1)) == 1
    ctypes.c_uint32.from_address((queue_memory() - before).pop() + 64).value = 77  # released
    engine.wires["a"].send([udp(1)])
    engine.running.wait_until(lambda: len(shown(weir, tmp_path)["queue_pairs"]) == 1, "its end")
    device = shown(weir, tmp_path)["device"]
    assert (device["kicked"], device["last_reason"]) == (
        1, "its shared memory holds a position that cannot be")
    engine.wires["a"].send([udp(2)])
    # The second one may have come when the rule was gone.
    assert udp(2) in engine.wires["b"].receive(1) + engine.wires["b"].rest()
    engine.wires["b"].send([udp(3)])
    assert [packet.bytes for packet in good.receive(1)] == [udp(3)]
    with contextlib.suppress(raw_application.Failure):
        evil.close()
    engine.stop()


@pytest.mark.parametrize("policy,who,words", [
    ("trusted", NOBODY, r'only applications of the engine.s user .*"raw": "all"'),
    ("off", [], r'applications get no packets, .* "raw" of "verbs" is "off"'),
    ("all", NOBODY, None)])
def test_who_may_have_packets(start, policy, who, words):
    engine = start(verbs_raw=policy, ports=("a", "b"),
                   more_ports={"ring": {"application": "echo"}, "void": {"device": "net_null0"}},
                   pipelines=[{"from": "a", "to": "b"}, {"from": "ring", "to": "void"},
                              {"from": "b", "to": "ring"}])
    one = holder(engine, *who)
    if words is None:
        one.wait_until(lambda: "attached" in one.text["stdout"], "that it is there")
    else:
        found = one.wait()
        assert found.code != 0 and re.search(words, found.stderr), found
    other = holder(engine, *who, port="ring")  # it is there for applications
    other.wait_until(lambda: "attached" in other.text["stdout"], "that it is there")
    if policy == "off":
        assert engine.application().mode() == "copy"
    one.finish()
    other.finish()
    engine.stop()


@pytest.mark.parametrize("mode,who", [("read-only", []), ("dedicated", []), ("copy", NOBODY)])
def test_killed_under_load(start, weir, tmp_path, binary, mode, who):
    """At any instant: all it held is back, and another application misses nothing."""
    engine = start(verbs_raw="all", more_ports={
        "load": {"device": "net_null0,size=64", "application_pool": mode == "dedicated"},
        "void": {"device": "net_null1"}},
        pipelines=[{"from": "load", "to": "void"}, {"from": "a", "to": "b"},
                   {"from": "b", "to": "a"}])
    other = engine.application()
    other.flow("a")
    seed = random.randrange(1 << 32)
    print("seed", seed)
    instants = random.Random(seed)
    for number in range(10):
        victim = Running([*who, "env", f"WEIR_VERBS_SOCKET={engine.path}",
                          str(binary.parent.parent / "examples/echo"), "load"])
        victim.wait_until(lambda run=victim: mode in run.text["stderr"], "that it is there")
        time.sleep(instants.random() / 50)
        victim.process.kill()
        engine.wires["a"].send([udp(number)] * 20)
        assert [packet.bytes for packet in other.receive(20)] == [udp(number)] * 20
        victim.finish()
    engine.running.wait_until(lambda: len(shown(weir, tmp_path)["queue_pairs"]) == 1, "their end")
    account = engine.stop()  # which fails if a buffer did not come back
    assert account["made"] > 0
