# SPDX-License-Identifier: BSD-3-Clause
"""Real and virtual ports: what goes in at one comes out at the other, and is counted."""
import random
import subprocess
import time

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

import captures
import memif
import runs


def frames(count=500):
    """Of many flows and sizes up to the MTU."""
    made = []
    for i in range(count):
        layer = (TCP if i % 3 else UDP)(sport=1024 + i % 50, dport=80)
        packet = (Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
                  / IP(src="10.0.0.1", dst=f"10.0.{i % 7}.2", id=i) / layer)
        made.append(bytes(packet / bytes(max(4, i * 3 % 1460 - 40))))
    return made


def both_ways(namespace, left, right, running):
    """Sends on each interface and wants the same at the other; then the account."""
    sent = frames()
    one, two = namespace.wire(left), namespace.wire(right)
    running.wait_until(lambda: (one.send(sent[:1]), two.receive(1, 0.2))[1], "a first packet")
    two.rest(0.2)
    for source, target in ((one, two), (two, one)):
        source.send(sent, gap_seconds=0.0001)
        got = target.receive(len(sent))
        assert len(got) == len(sent)
        assert captures.flows(frame[12:] for frame in got) == \
            captures.flows(frame[12:] for frame in sent)
        assert not target.rest(0.1)
    report = running.stop().ok().json()
    packets = runs.account(report)
    assert packets["out"] >= 2 * len(sent) + 1
    assert packets["in"] == packets["out"], packets


def refused_by_testpmd_too(namespace, device):
    """Whether DPDK's own tool cannot use the device either: then it is this host that cannot."""
    words = namespace.prefix() + ["timeout", "-s", "INT", "3", "dpdk-testpmd", "--no-huge", "-m", "256",
                                  "--no-pci", "--vdev", device, "--", "--auto-start",
                                  "--total-num-mbufs=8192", "--stats-period=1"]
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                                check=False)
    except FileNotFoundError:
        return False
    return b"Tx-pps" not in result.stdout


@pytest.mark.parametrize("driver", ["net_af_packet", "net_af_xdp"])
@pytest.mark.parametrize("workers", [1, 2])
def test_veth(weir, namespace, tmp_path, driver, workers):
    namespace.veth("left", "a")
    namespace.veth("right", "b")
    path, _socket = runs.write(
        tmp_path,
        {"a": {"device": f"{driver}0,iface=a"}, "b": {"device": f"{driver}1,iface=b"}},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}], workers={"count": workers})
    running = weir.start("run", path, "--json", namespace=namespace)
    if driver == "net_af_xdp":
        time.sleep(1)
        if running.process.poll() is not None and \
                refused_by_testpmd_too(namespace, "net_af_xdp0,iface=a"):
            pytest.skip("af_xdp does not work on this host, for testpmd neither")
    both_ways(namespace, "left", "right", running)


def test_software_rss_keeps_flows_in_order(weir, namespace, tmp_path):
    namespace.veth("left", "a")
    namespace.veth("right", "b")
    rss = {"mode": "software", "queues": 8}
    path, _socket = runs.write(
        tmp_path,
        {"a": {"device": "net_af_packet0,iface=a", "rss": rss},
         "b": {"device": "net_af_packet1,iface=b", "rss": rss}},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}], workers={"count": 2})
    both_ways(namespace, "left", "right",
              weir.start("run", path, "--json", namespace=namespace))


def test_tap(weir, namespace, tmp_path):
    path, _socket = runs.write(
        tmp_path,
        {"a": {"device": "net_tap0,iface=left"}, "b": {"device": "net_tap1,iface=right"}},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}])
    running = weir.start("run", path, "--json", namespace=namespace)
    running.wait_until(lambda: namespace.has("left") and namespace.has("right"), "its interfaces")
    both_ways(namespace, "left", "right", running)


def test_ring(weir, tmp_path, traffic):
    out = tmp_path / "out.pcap"
    path, _socket = runs.write(
        tmp_path,
        {"in": runs.from_file(traffic), "ring": {"device": "net_ring0"}, "out": runs.to_file(out)},
        [{"from": "in", "to": "ring"}, {"from": "ring", "to": "out"}])
    packets = runs.account(weir.run("run", path, "--duration", "1s", "--json").ok().json())
    # Each passes the engine twice.
    assert packets["in"] == packets["out"] == 4000, packets
    assert list(captures.raw_frames(out)) == list(captures.raw_frames(traffic))


def test_pcap(weir, tmp_path, traffic):
    out = tmp_path / "out.pcap"
    path, _socket = runs.write(
        tmp_path, {"file": {"device": f"net_pcap0,rx_pcap={traffic},tx_pcap={out}"}},
        [{"from": "file", "to": "file", "stages": ["macswap"]}])
    packets = runs.account(weir.run("run", path, "--duration", "1s", "--json").ok().json())
    assert packets["in"] == packets["out"] == 2000, packets
    swapped = [(link, frame[6:12] + frame[0:6] + frame[12:])
               for link, frame in captures.raw_frames(traffic)]
    assert list(captures.raw_frames(out)) == swapped


@pytest.mark.parametrize("zero_copy", ["no", "yes"])
def test_memif_between_two_processes(weir, tmp_path, traffic, zero_copy):
    out, meeting = tmp_path / "out.pcap", tmp_path / "memif.sock"
    taker, giver = tmp_path / "taker", tmp_path / "giver"
    taker.mkdir()
    giver.mkdir()
    device = f"net_memif0,id=0,socket={meeting},socket-abstract=no,role="
    path, _socket = runs.write(taker, {"peer": {"device": device + "server"},
                                       "out": runs.to_file(out)},
                               [{"from": "peer", "to": "out"}])
    server = weir.start("run", path, "--json")
    server.wait_until(meeting.exists, "the memif socket")
    # What memif shares must lie in few files.
    arguments = ["--single-file-segments"] if zero_copy == "yes" else []
    zero_copy = ",zero-copy=yes" if zero_copy == "yes" else ""
    path, _socket = runs.write(
        giver, {"in": runs.from_file(traffic, speed="5kpps"),
                "peer": {"device": device + "client" + zero_copy},
                "silent": {"device": "net_ring0"}},
        [{"from": "in", "to": "peer"}, {"from": "silent", "to": "peer"}],
        memory={"eal_args": arguments})
    # Longer than the file: what is still in shared memory when a peer leaves is lost.
    packets = runs.account(weir.run("run", path, "--duration", "1.5s", "--json").ok().json())
    taken = runs.account(server.stop().ok().json())
    # What is sent before the two have met is dropped, by name.
    assert packets["out"] + packets["dropped"].get("tx_no_port", 0) == 2000, packets
    assert packets["out"] > 1000
    assert taken["in"] == taken["out"] == packets["out"], taken
    whole = list(captures.raw_frames(traffic))
    assert list(captures.raw_frames(out)) == whole[2000 - packets["out"]:]


def test_memif_peers_may_leave_at_any_instant(weir, tmp_path):
    """While packets flow both ways, or before that, and then another one comes."""
    meeting = tmp_path / "memif.sock"
    path, _socket = runs.write(
        tmp_path,
        {"peer": {"device": f"net_memif0,id=0,socket={meeting},socket-abstract=no,role=server"}},
        [{"from": "peer", "to": "peer", "stages": ["macswap"]}])
    server = weir.start("run", path, "--json")
    server.wait_until(lambda: memif.answers(meeting), "an answer to a first peer")
    instants, frame, given, taken = random.Random(1), frames(1)[0], 0, 0
    for _ in range(300):
        try:
            memif.Peer(meeting, frame, says=instants.randrange(memif.MESSAGES)).leave()
            peer = memif.Peer(meeting, frame)
        except memif.Left as error:
            pytest.fail(f"{error}: {server.wait()!r}")
        peer.fill()
        time.sleep(instants.uniform(0, 0.0005))
        counts = peer.leave()
        given, taken = given + counts[0], taken + counts[1]
    packets = runs.account(server.stop().ok().json())
    assert (packets["in"], packets["out"]) == (given, taken), packets
    assert given > 100000
    # What was on its way back when the peer left.
    assert set(packets["dropped"]) <= {"tx_full", "tx_no_port"}, packets


def test_jumbo_frames_from_virtio_user_to_vhost(weir, tmp_path):
    """Frames of 9 KB, longer than one packet buffer: chains of them, through shared memory."""
    jumbo, out, meeting = tmp_path / "jumbo.pcap", tmp_path / "out.pcap", tmp_path / "vhost.sock"
    weir.run("generate", jumbo, "--packets", 1000, "--size", "9014", "--seed", 3).ok()
    host, guest = tmp_path / "host", tmp_path / "guest"
    host.mkdir()
    guest.mkdir()
    shared = {"eal_args": ["--single-file-segments"]}
    path, _socket = runs.write(
        host, {"wire": {"device": f"net_vhost0,iface={meeting}"}, "out": runs.to_file(out)},
        [{"from": "wire", "to": "out"}], memory=shared)
    taker = weir.start("run", path, "--json")
    taker.wait_until(meeting.exists, "the vhost socket")
    path, _socket = runs.write(
        guest, {"in": runs.from_file(jumbo, speed="1kpps"),
                "wire": {"device": f"net_virtio_user0,path={meeting}", "mtu": 9000},
                "silent": {"device": "net_ring0"}},
        [{"from": "in", "to": "wire"}, {"from": "silent", "to": "wire"}], memory=shared)
    packets = runs.account(weir.run("run", path, "--duration", "2s", "--json").ok().json())
    taken = runs.account(taker.stop().ok().json())
    # Until the two have met nobody takes packets off the queue: some are dropped, by name.
    assert set(packets["dropped"]) <= {"tx_full", "tx_no_port"}, packets
    assert packets["out"] > 300, packets
    assert taken["in"] == taken["out"] == packets["out"], (packets, taken)
    whole = captures.raw_frames(jumbo)
    assert all(frame in whole for frame in captures.raw_frames(out)), "changed, or out of order"


@pytest.mark.parametrize("port, word", [
    ({"device": "net_af_packet0,iface=no-such-interface"}, "no-such-interface"),
    ({"device": "net_nosuchdriver0"}, "net_nosuchdriver0"),
    ({"device": "0000:ff:1f.7"}, "0000:ff:1f.7"),
    ({"device": "net_null0", "queues": 4000}, "queues"),
    ({"device": "net_ring0", "rss": {"mode": "hardware"}}, "hardware"),
])
def test_what_a_port_cannot_do_is_said_by_name(weir, tmp_path, port, word):
    path, _socket = runs.write(tmp_path, {"odd": port, "out": {"device": "net_null1"}},
                               [{"from": "odd", "to": "out"}])
    result = weir.run("run", path, "--duration", "1s")
    assert result.code in (1, 2), repr(result)
    assert "odd" in result.stderr and word in result.stderr, repr(result)


def test_link_loss_of_one_port_does_not_stop_the_others(weir, namespace, tmp_path):
    for left, right in (("left", "a"), ("right", "b"), ("other", "c")):
        namespace.veth(left, right)
    path, _socket = runs.write(
        tmp_path,
        {name: {"device": f"net_af_packet{i},iface={name}"} for i, name in enumerate("abc")},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}, {"from": "c", "to": "c"}])
    running = weir.start("run", path, "--json", namespace=namespace)
    one, two, other = (namespace.wire(name) for name in ("left", "right", "other"))
    frame = frames(1)
    running.wait_until(lambda: (one.send(frame), two.receive(1, 0.2))[1], "a first packet")
    namespace.ip("link", "set", "dev", "right", "down")
    one.send(frame * 10, gap_seconds=0.001)
    other.send(frame * 10, gap_seconds=0.001)
    assert len(other.receive(10)) == 10
    namespace.ip("link", "set", "dev", "right", "up")
    running.wait_until(lambda: (one.send(frame), two.receive(1, 0.2))[1], "a packet afterwards")
    runs.account(running.stop().ok().json())
