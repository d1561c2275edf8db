# SPDX-License-Identifier: BSD-3-Clause
"""Segmentation from end to end: merged behind rx, cut before tx, and every byte as it came."""
import itertools
import json
import time

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter, wrpcap

import captures
import gro_frames
import runs
import taps
from running import SLOWER

# Its packets of one 5-tuple have different Ethernet addresses: different flows to GRO, as to Linux.
ADDRESSES_VARY = ("fuzzed-bigendian.pcap",)


@pytest.fixture(scope="module")
def bulk(tmp_path_factory):
    return taps.write_bulk(tmp_path_factory.mktemp("bulk") / "bulk.pcap")


def real(name):
    """A real capture, or a reason to skip."""
    for capture in captures.listed():
        if capture.name == name:
            return capture.path
    return pytest.skip(f"no real captures: {name} of $WEIR_SHARED/pcaps is absent")


def replay(weir, *words, **options):
    return weir.run("replay", *words, "--memory", "no-huge", "--socket", "", "--json", **options)


def verified(result):
    report = result.ok().json()
    assert report["verify"]["good"] and report["verify"]["complete"], report["verify"]
    return runs.account(report["summary"])


def check_taps(file):
    """The wire's packets at rx, super-packets at gro, and the same packets at tx."""
    frames = taps.by_point(file)
    lengths = {point: max(map(len, frames[point])) for point in ("rx", "gro", "tx")}
    assert lengths["rx"] == lengths["tx"] == 1514 and lengths["gro"] > 3 * 1514, lengths
    assert taps.same_flows(frames["rx"], frames["tx"])
    assert len(frames["gro"]) < len(frames["rx"])
    shown = taps.tshark(file, "frame.interface_name", "tcp.len")
    sizes = {point: max(int(size or 0) for name, size in shown if name == point) for point in lengths}
    assert sizes["rx"] == sizes["tx"] <= 1460 and sizes["gro"] > 3 * sizes["rx"], sizes


def check_super_packets(file):
    """Lengths agree and every checksum is right, tshark and scapy say."""
    large = taps.tshark(file, "frame.interface_name", "frame.len", "ip.len", "ip.checksum.status", "tcp.len",
                        "tcp.hdr_len", "ipv6.plen", show='frame.interface_name=="gro" and tcp and frame.len>1514')
    assert len(large) > 5
    for _point, frame, ip4, checksum, tcp, header, ip6 in large:
        if ip4:
            assert checksum == "1" and int(ip4) == int(frame) - 14 == 20 + int(header) + int(tcp)
        else:
            assert int(ip6) == int(frame) - 54 == int(header) + int(tcp)


@pytest.mark.parametrize("source", ["generated", "tcpbulk-mixed-eth.pcapng"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_bulk_capture_with_taps(weir, tmp_path, bulk, need, source, workers):
    need("tshark")
    file = tmp_path / "taps.pcapng"
    capture = bulk if source == "generated" else real(source)
    packets = verified(replay(weir, capture, "--speed", "top", "--features", "gro,gso", "--capture", file,
                              "--capture-at", "rx,gro,tx", "--verify", "--workers", workers, "--queues", 4))
    assert packets["merged"] == packets["made"] > 100 and not packets["drops"], packets
    check_taps(file)
    check_super_packets(file)


def test_generated_by_weir_too(weir, tmp_path):
    trace, file = tmp_path / "bulk.pcap", tmp_path / "taps.pcapng"
    weir.run("generate", trace, "--protocol", "tcp", "--size", 1514, "--flows", 4, "--packets", 1000).ok()
    packets = verified(replay(weir, trace, "--speed", "200kpps", "--features", "gro,gso", "--capture", file,
                              "--capture-at", "rx,gro,tx", "--verify"))
    assert packets["merged"] > 0
    frames = taps.by_point(file)
    assert taps.same_flows(frames["rx"], frames["tx"]) and len(frames["gro"]) < len(frames["rx"])


@pytest.mark.parametrize("workers, queues", [(1, 1), (2, 4)])
def test_every_capture_comes_back_byte_for_byte(weir, real_capture, workers, queues):
    features = "gro,gso" if real_capture.name in ADDRESSES_VARY else "gro,gso,rx-udp-gro-forwarding"
    result = replay(weir, real_capture.path, "--speed", "top", "--features", features, "--verify", "--check-order",
                    "--workers", workers, "--queues", queues)
    report = result.json()
    packets = runs.account(report["summary"])
    assert report["verify"]["good"] and report["verify"]["complete"], report["verify"]
    assert report["summary"]["order"]["reordered"] == 0 and not packets["drops"], report["summary"]["order"]
    assert packets["merged"] == packets["made"] and packets["bytes_in"] == packets["bytes_out"], packets


def all_kinds():
    cases = gro_frames.every_case(itertools.count(1))
    return [frame for case in cases for _serial, _flow, frame in case.frames], cases


def test_every_kind_of_packet_comes_back(weir, tmp_path):
    """VLAN, QinQ, IPv6, tunnels, UDP, and all that ends a merge."""
    frames, cases = all_kinds()
    source, file, out = tmp_path / "kinds.pcap", tmp_path / "gro.pcapng", tmp_path / "out.pcap"
    with PcapWriter(str(source), linktype=1) as writer:
        writer.write_header(None)
        for frame in frames:
            writer.write_packet(frame)
    packets = verified(replay(weir, source, "--speed", "top", "--features", "gro,gso,rx-udp-gro-forwarding",
                              "--capture", file, "--capture-at", "gro", "--verify", "--check-order", "--out", out))
    assert taps.same_flows(frames, [frame for _time, frame in captures.timed_frames(out)])
    merged = taps.by_point(file)["gro"]
    for name in ("tcp4 in order", "tcp6 in order", "udp4 in order", "udp6 in order", "vlan tcp4 in order",
                 "vlan tcp6 in order", "vxlan4 tcp4 in order", "vxlan6 tcp6 in order", "gre4 tcp4 in order",
                 "gre6 tcp4 in order", "ip4 tcp4 in order", "ip4 tcp6 in order", "ip6 tcp4 in order"):
        case, = (case for case in cases if case.name == name)
        assert any(len(made_of) >= 5 for flow in case.by_flow(merged).values() for made_of in flow), name
    assert packets["merged"] > 300, packets


# ---- whole, and cut ----

@pytest.mark.parametrize("source", ["generated", "tcpbulk-mixed-eth.pcapng"])
def test_whole_super_packets_are_right(weir, tmp_path, bulk, need, source):
    """To a port that takes them: nobody else makes their checksums then."""
    need("tshark")
    out = tmp_path / "whole.pcap"
    capture = bulk if source == "generated" else real(source)
    report = replay(weir, capture, "--speed", "top", "--features", "gro,tso", "--out", out).ok().json()
    packets = runs.account(report["summary"])
    assert packets["merged"] > 100 and packets["made"] == 0
    large = taps.tshark(out, "tcp.checksum.status", "ip.checksum.status", show="frame.len>1514")
    assert len(large) > 5 and {tcp for tcp, _ip in large} == {"1"} and {ip for _tcp, ip in large} <= {"1", ""}
    assert not taps.tshark(out, "frame.number", show="tcp.checksum.status==0 and frame.len>1514")


def cut_for(weir, tmp_path, capture, mtu):
    out = tmp_path / "cut.pcap"
    path, _socket = runs.write(tmp_path, {"in": runs.from_file(capture),
                                          "out": runs.to_file(out)},
                               [{"from": "in", "to": "out", "stages": [{"type": "gso", "mtu": mtu}]}],
                               memory={"mode": "no-huge"})
    report = weir.run("run", path, "--json").ok().json()
    return runs.account(report), out


def test_a_capture_with_super_packets_is_cut_for_an_mtu(weir, tmp_path):
    capture = real("tcp-gso-eth.pcap")
    packets, out = cut_for(weir, tmp_path, capture, 1500)
    assert max(len(frame) for _time, frame in captures.timed_frames(out)) <= 1514
    assert packets["made"] > 100 and not packets["drops"], packets
    assert taps.streams(capture) == taps.streams(out)


@pytest.mark.parametrize("mtu", [576, 1500, 9000])
def test_merged_before_and_cut_for_an_mtu(weir, tmp_path, bulk, mtu):
    """A file of super-packets, made by weir, is cut for any MTU; the streams stay."""
    whole = tmp_path / "whole.pcap"
    replay(weir, bulk, "--speed", "top", "--features", "gro,tso", "--out", whole).ok()
    packets, out = cut_for(weir, tmp_path, whole, mtu)
    assert max(len(frame) for _time, frame in captures.timed_frames(out)) <= mtu + 14
    assert packets["made"] > 30 and not packets["drops"], packets
    assert taps.streams(bulk) == taps.streams(out)
    assert all(captures.checksums_right(packet) for packet in captures.packets(out, 200))


# ---- switched while packets flow ----

def test_switched_under_traffic(weir, tmp_path, bulk):
    """Nothing lost, nothing reordered; packets merge while it is on, and only then."""
    path, control = runs.write(
        tmp_path, {"in": {"replay": {"files": [str(bulk)], "speed": "20kpps", "loop": 0}, "rss": {"queues": 4}},
                   "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": []}], workers={"count": 2}, memory={"mode": "no-huge"})
    running = weir.start("run", path, "--check-order", "--json")
    running.wait_until(control.exists, "its socket")

    def look():
        return weir.run("show", "account", "--socket", control, "--json").ok().json()["account"]

    def switch(state):
        weir.run("features", "in", "gro", state, "--socket", control).ok()
        time.sleep(0.1)
        return look()

    before = look()
    assert before["merged"] == 0
    for _ in range(4):
        on = switch("on")
        time.sleep(0.3)
        later = look()
        assert later["merged"] > on["merged"], (on, later)
        off = switch("off")
        time.sleep(0.2)
        assert look()["merged"] == off["merged"]
    report = running.stop(20).ok().json()
    packets = runs.account(report)
    assert packets["out"] == packets["in"] and packets["merged"] == packets["made"] > 0, packets
    order = report["order"]
    assert order["good"] and not order["reordered"] and not order["lost"], order


# ---- time ----

def between(weir, namespace, tmp_path, **port):
    """weir from interface a to interface b, whose other ends are the wires returned."""
    for left, right in (("left", "a"), ("right", "b")):
        namespace.veth(left, right, mtu=65535)
    # Super-packets cross this one whole, so that they can be seen.
    namespace.exec("ethtool", "-K", "b", "tx", "on", "sg", "on", "tso", "on")
    path, control = runs.write(tmp_path, {"a": {"interface": "a", **port}, "b": {"interface": "b"}},
                               [{"from": "a", "to": "b"}], workers={"count": 1, "idle": "adaptive"},
                               memory={"mode": "no-huge"})
    running = weir.start("run", path, "--json", namespace=namespace)
    running.wait_until(control.exists, "its socket")
    one, two = namespace.wire("left"), namespace.wire("right")
    probe = bytes(taps.ETHER / bytes(50))
    running.wait_until(lambda: (one.send([probe]), two.receive(1, 0.2))[1], "a first frame")
    two.rest(0.2)
    return running, one, two


@pytest.mark.alone
@pytest.mark.parametrize("timeout_ms", [5, 200])
def test_the_timer_lets_go_without_more_traffic(weir, namespace, tmp_path, timeout_ms):
    running, one, two = between(weir, namespace, tmp_path, features={"gro": True},
                                gro={"flush_timeout": f"{timeout_ms}ms"})
    frames = [bytes(packet) for packet in taps.segments(3, size=1000, flags_last="A")]
    for turn in range(3):
        start = time.monotonic()
        one.send(frames)
        got = two.receive(1, 5)
        elapsed_ms = (time.monotonic() - start) * 1000
        assert len(got) == 1 and len(got[0]) == len(frames[0]) + 2000, [len(frame) for frame in got]
        assert timeout_ms * 0.9 <= elapsed_ms <= timeout_ms + 100 * SLOWER, (turn, elapsed_ms)
        assert bytes(Ether(got[0])[TCP].payload) == b"".join(bytes(Ether(frame)[TCP].payload) for frame in frames)
    packets = runs.account(running.stop().ok().json())
    assert packets["merged"] == 6, packets


@pytest.mark.alone
def test_a_push_is_not_held(weir, namespace, tmp_path):
    running, one, two = between(weir, namespace, tmp_path, features={"gro": True},
                                gro={"flush_timeout": "900ms"})
    start = time.monotonic()
    one.send([bytes(packet) for packet in taps.segments(3, size=1000, flags_last="PA")])
    got = two.receive(1, 5)
    assert len(got) == 1 and len(Ether(got[0])[TCP].payload) == 3000
    assert time.monotonic() - start < 0.5 * SLOWER
    running.stop().ok()


# ---- LRO ----

def test_lro_merges_what_gro_may_not(weir, tmp_path, need):
    """Other windows and acknowledgements: one packet for LRO, three for GRO. The stream is the same."""
    need("tshark")
    source, out = tmp_path / "acks.pcap", tmp_path / "out.pcap"
    made = taps.segments(6, flags_last="A")
    for number, packet in enumerate(made):
        packet[TCP].ack, packet[TCP].window = 1 + number // 2, 500 + number // 2
    wrpcap(str(source), made)
    found = {}
    for feature in ("gro", "lro"):
        report = replay(weir, source, "--speed", "top", "--features", f"{feature},tso", "--out", out)
        runs.account(report.ok().json()["summary"])
        found[feature] = len(captures.packets(out))
        assert taps.streams(out) == taps.streams(source)
        assert not taps.tshark(out, "frame.number", show="tcp.checksum.status!=1")
    assert found == {"gro": 3, "lro": 1}, found


# ---- checksums ----

@pytest.fixture
def damaged(tmp_path):
    """Ten right packets, and of each kind two that are not."""
    ip = IP(src="10.1.0.1", dst="10.1.0.2")
    good = [taps.ETHER / ip / UDP(sport=port) / b"right" for port in range(1000, 1010)]
    bad = [taps.ETHER / IP(src="10.1.0.1", dst="10.1.0.2", chksum=1) / UDP() / b"ip",
           taps.ETHER / ip / UDP(chksum=0xbad) / b"udp", taps.ETHER / ip / TCP(chksum=0xbad) / b"tcp"]
    path = tmp_path / "damaged.pcap"
    wrpcap(str(path), good + 2 * bad)
    return path


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("gro", [False, True])
def test_bad_checksums_are_counted_and_dropped_only_if_asked(weir, tmp_path, damaged, drop, gro):
    out = tmp_path / "out.pcap"
    path, _socket = runs.write(
        tmp_path, {"in": {**runs.from_file(damaged), "features": {"rx-checksumming": True, "gro": gro},
                          "drop_bad_checksums": drop}, "out": runs.to_file(out)},
        [{"from": "in", "to": "out", "stages": []}], memory={"mode": "no-huge"})
    report = weir.run("run", path, "--json").ok().json()
    packets = runs.account(report)
    assert packets["dropped"] == ({"bad_checksum": 6} if drop else {}), packets
    right = [captures.checksums_right(packet) for packet in captures.packets(out)]
    assert right.count(True) == 10 and right.count(False) == (0 if drop else 6)
    assert '"bad_' in json.dumps(report), "no counter of bad checksums"
