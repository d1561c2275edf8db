# SPDX-License-Identifier: BSD-3-Clause
"""weir features: shown as ethtool shows them, switched while packets flow."""
import re
import subprocess
import time

import pytest

import runs
from running import Weir

# What a script makes of `ethtool -k`: the rest of the line is not looked at.
LINE = re.compile(r"(\t?)([^\s:]+): (on|off)( \[fixed\])?( \[requested on\])?")
SHORT = {"rx": "rx-checksumming", "tx": "tx-checksumming", "sg": "scatter-gather",
         "tso": "tcp-segmentation-offload", "ufo": "udp-fragmentation-offload",
         "gso": "generic-segmentation-offload", "gro": "generic-receive-offload",
         "lro": "large-receive-offload"}


def parse(text):
    """Names in order, and by name: (indented, on, fixed, requested on)."""
    first, *lines = text.splitlines()
    assert re.fullmatch(r"Features for \S+:", first), first
    found = {}
    for line in lines:
        match = LINE.match(line)
        assert match, line
        indent, name, state, fixed, requested = match.groups()
        assert name not in found, name
        found[name] = (bool(indent), state == "on", fixed is not None, requested is not None)
    return found


@pytest.fixture(scope="module")
def bulk(binary, tmp_path_factory):
    """TCP streams of full segments, and some that are not."""
    path = tmp_path_factory.mktemp("bulk") / "bulk.pcap"
    Weir(binary).run("generate", path, "--packets", 20000, "--flows", 20, "--protocol", "tcp",
                     "--size", "1000-1514", "--seed", 3).ok()
    return path


@pytest.fixture
def engine(weir, tmp_path, bulk):
    """Packets from `in` to `out`, which carries any length; the ports of another pair are idle."""
    path, socket = runs.write(
        tmp_path,
        {"in": {"replay": {"files": [str(bulk)], "speed": "20kpps", "loop": 0}},
         "out": {"device": "net_null0"},
         "wan": {"device": "net_ring0", "features": {"rx": True}},
         "lan": {"file": str(tmp_path / "lan.pcap")}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}, {"from": "wan", "to": "lan"}],
        workers={"count": 2})
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    yield socket
    summary = running.stop().ok().json()
    packets = runs.account(summary)
    assert not packets["dropped"], packets


def show(weir, socket, port):
    return parse(weir.run("features", port, "--socket", socket).ok().stdout)


def switch(weir, socket, *words):
    return weir.run("features", *words, "--socket", socket)


def test_looks_like_ethtool(weir, engine, namespace):
    namespace.veth("one", "other")
    kernels = parse(namespace.exec("ethtool", "-k", "one"))
    ours = show(weir, engine, "wan")
    # Kernels before 4.14 had the one; newer ones than ours may have more.
    both = [name for name in kernels if name in ours]
    assert [name for name in ours if name in kernels] == both
    assert set(ours) - set(kernels) <= {"udp-fragmentation-offload"}
    assert len(both) > 50
    for name in both:
        assert ours[name][0] == kernels[name][0], name


def test_who_does_it(weir, engine):
    text = weir.run("features", "wan", "--socket", engine).ok().stdout
    assert "\nrx-checksumming: on (weir)\n" in text
    assert "\nscatter-gather: on (device)\n" in text
    assert "\ngeneric-receive-offload: off (nobody)\n" in text
    assert "\nrx-vlan-filter: off [fixed] (nobody)\n" in text
    result = weir.run("features", "wan", "--socket", engine, "--json").ok().json()
    port, = result["features"]
    by_name = {feature["name"]: feature for feature in port["features"]}
    assert by_name["rx-checksumming"]["by"] == "weir" and by_name["rx-checksumming"]["requested"]
    for short, name in SHORT.items():
        assert by_name[name]["short"] == short


def test_all_ports_side_by_side(weir, engine):
    lines = weir.run("features", "--socket", engine).ok().stdout.splitlines()
    assert lines[0].split() == ["feature", "in", "out", "wan", "lan"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert set(SHORT.values()) <= set(rows)
    assert re.fullmatch(r"scatter-gather +off fixed +on device +on device +on device",
                        rows["scatter-gather"])
    assert "rx-vlan-filter" not in rows
    assert "rx-vlan-filter" in weir.run("features", "--all", "--socket", engine).ok().stdout


def test_switching_tells_what_follows(weir, engine):
    text = switch(weir, engine, "in", "gro", "on").ok().stdout
    assert text.splitlines() == [
        "Actual changes:", "generic-receive-offload: on (weir)",
        "Actual changes of out:", "generic-segmentation-offload: on [not requested] (weir)"]
    assert show(weir, engine, "in")["generic-receive-offload"][1]
    assert "so already" in switch(weir, engine, "in", "gro", "on").ok().stdout
    switch(weir, engine, "in", "gro", "off").ok()
    assert not show(weir, engine, "out")["generic-segmentation-offload"][1]


def test_dependencies(weir, engine):
    switch(weir, engine, "out", "tso", "on").ok()
    assert show(weir, engine, "out")["tx-tcp6-segmentation"][1]
    text = switch(weir, engine, "out", "sg", "off").ok().stdout
    assert "tcp-segmentation-offload: off [not requested] (nobody)" in text, text
    result = switch(weir, engine, "out", "tso", "on")
    assert result.code == 2 and "needs scatter-gather" in result.stderr, result
    # Together they may, in any order.
    switch(weir, engine, "out", "tso", "on", "sg", "on").ok()
    assert show(weir, engine, "out")["tcp-segmentation-offload"][1]
    switch(weir, engine, "in", "gro", "on").ok()
    result = switch(weir, engine, "in", "lro", "on")
    assert result.code == 2 and "generic-receive-offload" in result.stderr, result
    text = switch(weir, engine, "in", "lro", "on", "gro", "off").ok().stdout
    assert "warning: ports.in.features.large-receive-offload is not lossless" in text
    assert "(weir: not lossless)" in text
    switch(weir, engine, "in", "lro", "off").ok()


def test_settings_know_the_same_names(weir, engine):
    weir.run("set", "ports.in.features.gro", "on", "--socket", engine).ok()
    assert show(weir, engine, "in")["generic-receive-offload"][1]
    weir.run("set", "/ports/in/features/generic-receive-offload", "false", "--socket", engine).ok()
    result = weir.run("set", "ports.out.features", '{"tso": true, "sg": false}',
                      "--socket", engine)
    assert result.code == 2 and "scatter-gather" in result.stderr, result
    assert not show(weir, engine, "out")["tcp-segmentation-offload"][1]


@pytest.mark.parametrize("words, part", [
    (("wann", "gro", "on"), 'did you mean "wan"?'),
    (("wan", "gor", "on"), 'did you mean "gro"?'),
    (("wan", "gro"), "expected on or off too"),
    (("wan", "gro", "perhaps"), "expected on or off"),
    (("wan", "gro", "on", "generic-receive-offload", "on"), "given twice"),
    (("wan", "gro", "on", "gro", "off"), "given twice"),
    (("wan", "gro", "on", "rx-all", "on"), "rx-all is fixed"),
    (("wan", "tx-tcp6-segmentation", "on"), "goes with tcp-segmentation-offload"),
    (("in", "gso", "on"), "nothing is sent to the port"),
    (("lan", "gro", "on"), "the port receives nothing"),
])
def test_mistakes(weir, engine, words, part):
    result = switch(weir, engine, *words)
    assert result.code == 2 and part in result.stderr, result
    assert not show(weir, engine, "wan")["generic-receive-offload"][1]


def test_from_the_console(weir, tmp_path):
    """The same command by the same table."""
    result = subprocess.run(
        [str(weir.binary), "run", "-p", "net_null0,no-rx=1", "-i", "--memory", "no-huge",
         "--socket", "", "-f", "gro"], capture_output=True, text=True, check=False, timeout=30,
        input="features port0 gro off\nfeatures port0\nquit\n")
    assert result.returncode == 0, result.stderr
    assert "generic-receive-offload: off (nobody)" in result.stdout
    assert "Features for port0:" in result.stdout


def test_nothing_is_lost_or_changed_while_they_are_switched(weir, bulk, tmp_path):
    """What leaves is what came, byte for byte and in order, whatever is merged and cut between."""
    socket = tmp_path / "weir.sock"
    running = weir.start("replay", bulk, "--speed", "20kpps", "--loop", 5, "--memory", "no-huge",
                         "--socket", socket, "--verify", "--features", "gro,gso", "--workers", 2,
                         "--port", "net_null0,no-rx=1", "--json")
    running.wait_until(socket.exists, "its socket")
    switches = 0
    while running.process.poll() is None and switches < 60:
        result = switch(weir, socket, "in", "gro", "off" if switches % 2 == 0 else "on")
        if result.code != 0:
            break
        switches += 1
        time.sleep(0.02)
    report = running.wait(30).ok().json()
    assert switches > 10, (switches, result)
    assert report["verify"]["good"] and report["verify"]["complete"], report["verify"]
    packets = runs.account(report["summary"])
    assert packets["merged"] > 100 and packets["out"] == 100000, packets


@pytest.mark.parametrize("words, expected", [
    (("gro",), {"in": {"generic-receive-offload": True}, "out": {}}),
    (("gro,gso,tso=off",), {"in": {"generic-receive-offload": True},
                            "out": {"generic-segmentation-offload": True,
                                    "tcp-segmentation-offload": False}}),
    (("tx=auto,rx=on",), {"in": {"rx-checksumming": True}, "out": {"tx-checksumming": "auto"}}),
])
def test_replay_shorthand(weir, bulk, words, expected):
    config = weir.run("replay", bulk, "--print-config", "--features", *words).ok().json()
    for port, features in expected.items():
        for name, value in features.items():
            assert config["ports"][port]["features"][name] == value
    others = config["ports"]["out"]["features"]["generic-receive-offload"]
    assert others is False


def test_shorthand_mistakes(weir, bulk, tmp_path):
    result = weir.run("replay", bulk, "--print-config", "--features", "gor")
    assert result.code == 2 and 'did you mean "gro"?' in result.stderr, result
    result = weir.run("run", "--port", "net_null0", "--print-config", "--features", "gro=perhaps")
    assert result.code == 2 and "expected true, false" in result.stderr, result
    path, _socket = runs.write(tmp_path, {"in": runs.from_file(bulk), "out": {"file": "x.pcap"}},
                               [{"from": "in", "to": "out"}])
    result = weir.run("run", path, "--features", "gro")
    assert result.code == 2 and "--features go with --port" in result.stderr, result


def test_a_kernel_interface_takes_super_packets_by_itself(weir, tmp_path, namespace):
    namespace.veth("one", "other")
    path, socket = runs.write(
        tmp_path, {"one": {"interface": "one"}, "other": {"interface": "other"}},
        [{"from": "one", "to": "other"}, {"from": "other", "to": "one"}],
        memory={"mode": "no-huge"})
    running = weir.start("run", path, "--json", namespace=namespace)
    running.wait_until(socket.exists, "its socket")
    features = show(weir, socket, "one")
    assert features["tcp-segmentation-offload"][1] and features["scatter-gather"][1]
    switch(weir, socket, "one", "tso", "off").ok()
    assert not show(weir, socket, "one")["tcp-segmentation-offload"][1]
    running.stop().ok()


def test_a_port_that_cannot_is_said_by_name(weir, tmp_path):
    path, _socket = runs.write(
        tmp_path,
        {"in": {"generate": {"packets": 1}},
         "out": {"device": f"net_pcap0,tx_pcap={tmp_path}/x.pcap", "features": {"tso": True}}},
        [{"from": "in", "to": "out"}])
    result = weir.run("run", path)
    assert result.code != 0, result
    assert "/ports/out/features/tcp-segmentation-offload is true, but the port can neither" \
        in result.stderr, result
