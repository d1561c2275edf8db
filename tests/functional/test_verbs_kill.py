# SPDX-License-Identifier: BSD-3-Clause
"""SIGKILL at any instant: of applications ($WEIR_KILLS times), and of the engine ($WEIR_RESTARTS)."""
import os
import random
import statistics
import time

import pytest

from running import SLOWER
from verbs_apps import Pair, verbs_load, wait_for, world # pylint: disable=unused-import

pytestmark = pytest.mark.alone
KILLS = int(os.environ.get("WEIR_KILLS", "20"))
RESTARTS = int(os.environ.get("WEIR_RESTARTS", "4"))
# The promise is 10 ms; processes and tests share what CPUs there are, and ask by a program.
BACK_MS = 1000 * SLOWER
SHARED = 64


@pytest.fixture
def dice():
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
    print(f"WEIR_SEED={seed}")
    return random.Random(seed)


def say(what, times_ns):
    """The distribution, for people (pytest -rP)."""
    ms = sorted(time_ns / 1e6 for time_ns in times_ns)
    print(f"{what}: {len(ms)} times, ms: median {statistics.median(ms):.2f}, "
          f"p90 {ms[len(ms) * 9 // 10]:.2f}, max {ms[-1]:.2f}; "
          f"within 10 ms: {100 * sum(t <= 10 for t in ms) / len(ms):.1f} %")


def wait_gone(engine, pid):
    wait_for(lambda: pid not in engine.pids(), "connection taken back")


@pytest.mark.parametrize("world", ["direct", "engine"], indirect=True)
@pytest.mark.timeout_seconds(120 + KILLS)
def test_killed_applications(world, dice):
    """Each has one peer, which is told, and a shared receive queue, which gets back what it had
    taken. Pairs that run all the time lose nothing."""
    bystanders = [world.pair(), world.pair("write", "write"), world.pair("add", "add")]
    survivor, owner = world.application(length=100000), world.application(100000, SHARED)
    told_ns, back_ns, died = [], [], world.engine.show()["device"]["died"]
    for _round in range(KILLS):
        victim = world.application(length=100000)
        to_one = Pair(victim, survivor, dice.choice(["send", "write", "add"]), "send")
        to_owner = Pair(victim, owner, "send", "send")
        if dice.random() < 0.5:
            to_owner.wait_moves(1)
        time.sleep(dice.uniform(0, 0.03))
        begins = len(survivor.lines), len(owner.lines)
        killed_ns = victim.kill()
        wait_gone(world.engine, victim.pid)
        back_ns.append(time.monotonic_ns() - killed_ns)
        told_ns.append(survivor.failed_ns(to_one.other_link, begins[0]) - killed_ns)
        told_ns.append(owner.failed_ns(to_owner.other_link, begins[1]) - killed_ns)
        survivor.ask(f"destroy {to_one.other_link}", "destroyed", to_one.other_link)
        owner.ask(f"destroy {to_owner.other_link}", "destroyed", to_owner.other_link)
        world.applications.remove(victim)
    say("told after", told_ns)
    say("back, as `weir show rdma` is asked, after", back_ns)
    assert statistics.median(told_ns) <= BACK_MS * 1e6 / 10 and max(told_ns) <= BACK_MS * 1e6
    assert world.engine.show()["device"]["died"] == died + KILLS
    check_depth(world, owner)
    for bystander in bystanders:
        bystander.wait_moves()
        print("bystanders:", bystander.settle())
    assert max(world.engine.show()["connections"], key=lambda found: found["pid"])
    world.engine.stop()


def check_depth(world, owner):
    """As many receives are free in the shared queue as were posted."""
    filler = world.application(length=100000)
    owner.tell("hold")
    links = [Pair(filler, owner, "send", "nothing") for _link in range(2)]
    count = lambda: sum(owner.report(link.other_link)[3] for link in links)
    wait_for(lambda: count() >= SHARED, f"message in each of {SHARED} receives")
    time.sleep(0.2 * SLOWER)
    assert count() == SHARED
    filler.check()
    owner.check()


@pytest.mark.parametrize("world", ["engine"], indirect=True)
@pytest.mark.timeout_seconds(60 + 10 * RESTARTS)
def test_killed_engine(world, dice):
    """Every message arrives once, in order, and every addition is done once."""
    pairs = [world.pair(), world.pair(length=200000), world.pair("write", "write"),
             world.pair("add", "send"), Pair(world.application(), world.application(256, SHARED))]
    assert {pair.one.report(pair.link)[0] for pair in pairs} == {"engine"}
    for _round in range(RESTARTS):
        time.sleep(dice.uniform(0, 0.3))
        begin = [len(application.lines) for application in world.applications]
        killed_ns = time.monotonic_ns()
        world.engine.kill()
        fatal = [int(application.expect("fatal", at)[1])
                 for application, at in zip(world.applications, begin)]
        say("told after", [time_ns - killed_ns for time_ns in fatal])
        time.sleep(dice.uniform(0, 0.05))
        world.engine.start()
        for application, at in zip(world.applications, begin):
            application.expect("reconnected", at)
        for pair in pairs:
            pair.wait_moves(10)
    for pair in pairs:
        print("exchanged:", pair.settle())
    world.engine.stop()


@pytest.mark.parametrize("world", ["direct"], indirect=True)
def test_the_direct_path_needs_no_engine(world):
    pairs = [world.pair(), world.pair("write", "write"), world.pair("add", "add")]
    for pair in pairs:
        pair.wait_moves()
    world.engine.kill()
    for pair in pairs:
        pair.one.expect("fatal")
        pair.wait_moves()
    begin = [len(application.lines) for application in world.applications]
    world.engine.start()
    for application, at in zip(world.applications, begin):
        application.expect("reconnected", at)
    for pair in pairs:
        pair.wait_moves()
    new = world.pair()
    new.wait_moves()
    for pair in [*pairs, new]:
        pair.settle()
    world.engine.stop()
