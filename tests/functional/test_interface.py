# SPDX-License-Identifier: BSD-3-Clause
"""Kernel interfaces through weir's own packet socket: what comes out is what went in, whole."""
import contextlib
import json
import random
import re
import socket
import struct
import time
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

import captures
import namespaces
import runs
from running import Running

SOL_PACKET, PACKET_AUXDATA = 263, 8
STATUS_VLAN_VALID, STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
SOL_UDP, UDP_SEGMENT = 17, 103
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


class WholeWire(namespaces.Wire):
    """A wire whose frames have the VLAN tag that the kernel takes out."""

    def __init__(self, interface):
        super().__init__(interface)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket = TaggedSocket(self.socket)


class TaggedSocket:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def recvfrom(self, size):
        frame, ancillary, _flags, address = self.inner.recvmsg(size, 256)
        for level, kind, data in ancillary:
            if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                continue
            status, _len, _snap, _mac, _net, tci, tpid = struct.unpack("IIIHHHH", data[:20])
            if status & STATUS_VLAN_VALID:
                tpid = tpid if status & STATUS_VLAN_TPID_VALID else 0x8100
                frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame, address


def whole_wire(namespace, interface):
    with namespace.entered():
        wire = WholeWire(interface)
    namespace.sockets.append(wire)
    return wire


def bridge(folder, names="ab", **sections):
    """A configuration that joins two interfaces."""
    one, two = names
    path, _socket = runs.write(folder, {one: {"interface": one}, two: {"interface": two}},
                               [{"from": one, "to": two}, {"from": two, "to": one}], **sections)
    return path


def until_through(running, one, two):
    """Until a frame that goes in at `one` comes out at `two`."""
    probe = bytes(ETHER / bytes(50))
    running.wait_until(lambda: (one.send([probe]), two.receive(1, 0.2))[1], "a first frame")
    two.rest(0.2)


@pytest.fixture(name="hosts")
def hosts_fixture(namespace):
    """Two hosts, each with a network stack of its own, whose wires end at a and b in `namespace`.
    Their offloads are as the kernel has them: on."""
    with contextlib.ExitStack() as stack:
        made = []
        for number, end in ((1, "a"), (2, "b")):
            host = namespaces.Namespace()
            stack.callback(host.destroy)
            host.ip("link", "add", "eth", "type", "veth", "peer", "name", end, "netns",
                    namespace.name)
            host.exec("sysctl", "-qw", "net.ipv6.conf.eth.disable_ipv6=0")
            host.ip("addr", "add", f"10.8.0.{number}/24", "dev", "eth")
            host.ip("addr", "add", f"fd08::{number}/64", "dev", "eth", "nodad")
            host.ip("link", "set", "dev", "eth", "up")
            namespace.ip("link", "set", "dev", end, "up")
            made.append(host)
        yield made


def start_between(weir, namespace, hosts, tmp_path, **sections):
    running = weir.start("run", bridge(tmp_path, **sections), "--json", namespace=namespace)
    running.wait_until(lambda: "bytes from" in ping(hosts[0], "10.8.0.2"), "an echo")
    return running


def ping(host, address, *options):
    try:
        return host.exec("ping", "-c", "1", "-w", "1", *options, address)
    except RuntimeError:
        return ""


def iperf(host, other, address, *options):
    """Gbit/s that arrived. A server of its own: between two tests it resets who comes."""
    server = Running([*other.prefix(), "iperf3", "-s", "-1"])
    try:
        server.wait_until(lambda: "5201" in other.exec("ss", "-ltn"), "iperf3's server")
        text = host.exec("iperf3", "--json", "-t", "1", "-c", address, *options)
    finally:
        server.finish()
    end = json.loads(text)["end"]
    return end.get("sum_received", end.get("sum"))["bits_per_second"] / 1e9


@pytest.mark.parametrize("workers", [1, 2])
def test_hosts_talk_through_it(weir, namespace, hosts, tmp_path, need, workers):
    need("iperf3")
    one, two = hosts
    running = start_between(weir, namespace, hosts, tmp_path,
                            workers={"count": workers, "idle": "adaptive"})
    for address in ("10.8.0.2", "fd08::2"):
        text = one.exec("ping", "-c", "10", "-i", "0.01", "-s", "1400", "-W", "5", address)
        assert " 0% packet loss" in text, text
    wire = two.wire("eth")
    for address in ("10.8.0.2", "fd08::2"):
        for options in ((), ("-R",)):
            speed = iperf(one, two, address, *options)
            print(f"TCP to {address} {options}: {speed:.2f} Gbit/s")
            assert speed > 0.05
    lengths = [len(frame) for frame in wire.rest(0.1)]
    print(f"UDP: {iperf(one, two, '10.8.0.2', '-u', '-b', '100M'):.2f} Gbit/s")
    report = running.stop().ok().json()
    packets = runs.account(report)
    assert set(packets["dropped"]) <= {"tx_full"}, packets
    # Super-packets go through whole.
    assert max(lengths) > 20000
    assert max(port["rx"]["bytes"] / max(1, port["rx"]["packets"])
               for port in report["ports"]) > 1514


def datagrams(host, payloads, segment=0):
    """Sends UDP payloads by the host's own stack."""
    with host.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        if segment:
            sender.setsockopt(SOL_UDP, UDP_SEGMENT, segment)
        sender.bind(("10.8.0.1", 4000))
        for payload in payloads:
            sender.sendto(payload, ("10.8.0.2", 4001))


def udp_payloads(frames):
    packets = [Ether(frame) for frame in frames]
    return [bytes(packet[UDP].payload) for packet in packets if UDP in packet and packet[UDP].dport == 4001]


def test_partial_checksums_are_finished(weir, namespace, hosts, tmp_path):
    """Senders leave checksums to their device, which says so to nobody but weir."""
    running = start_between(weir, namespace, hosts, tmp_path)
    wire = hosts[1].wire("eth")
    payloads = [bytes([i]) * length for i, length in enumerate((0, 1, 2, 999, 1471, 1472))]
    datagrams(hosts[0], payloads)
    frames = [frame for frame in wire.receive(20, 1.0) if UDP in Ether(frame)]
    assert udp_payloads(frames) == payloads
    assert all(captures.checksums_right(Ether(frame)) for frame in frames)
    runs.account(running.stop().ok().json())


@pytest.mark.parametrize("limit", [65536, 20000])
def test_udp_super_packets_go_through_whole(weir, namespace, hosts, tmp_path, limit):
    """Up to what the kernel takes as they are: longer ones it would cut, so that weir does."""
    namespace.ip("link", "set", "dev", "b", "gso_max_size", limit)
    running = start_between(weir, namespace, hosts, tmp_path)
    with hosts[1].entered():
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("10.8.0.2", 4001))
    receiver.settimeout(5)
    wire = hosts[1].wire("eth")
    payload = random.Random(1).randbytes(25300)
    datagrams(hosts[0], [payload], segment=1000)
    got = [receiver.recv(65536) for _ in range(26)]
    receiver.close()
    assert b"".join(got) == payload and {len(part) for part in got} == {1000, 300}
    longest, whole = max(len(frame) for frame in wire.rest(0.1)), 14 + 20 + 8 + len(payload)
    packets = runs.account(running.stop().ok().json())
    assert (longest, packets["made"]) == ((whole, 0) if whole < limit else (14 + 20 + 8 + 1000, 25))


def test_weir_cuts_where_the_kernel_shall_not(weir, namespace, hosts, tmp_path, need):
    need("iperf3")
    one, two = hosts
    features = {"tso": False, "tx-udp-segmentation": False}
    path, _socket = runs.write(
        tmp_path, {name: {"interface": name, "features": features} for name in "ab"},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}])
    running = weir.start("run", path, "--json", namespace=namespace)
    running.wait_until(lambda: "bytes from" in ping(one, "10.8.0.2"), "an echo")
    wire = two.wire("eth")
    for address in ("10.8.0.2", "fd08::2"):
        print(f"TCP to {address}: {iperf(one, two, address):.2f} Gbit/s")
    frames = wire.rest(0.1)
    assert max(map(len, frames)) == 1514
    assert all(captures.checksums_right(Ether(frame)) for frame in frames[-1000:])
    packets = runs.account(running.stop().ok().json())
    assert packets["made"] > 1000 and not packets["dropped"], packets


def test_ports_by_the_command_line(weir, namespace):
    """As testpmd is started: a pair of ports and a mode."""
    for left, right in (("left", "a"), ("right", "b")):
        namespace.veth(left, right)
    running = weir.start("run", "-p", "interface=a", "-p", "interface=b", "--memory", "no-huge",
                         "--socket", "", "--json", namespace=namespace)
    one, two = namespace.wire("left"), namespace.wire("right")
    until_through(running, one, two)
    runs.account(running.stop().ok().json())


def odd_frames():
    """Frames of every kind that a switch lets pass, each different."""
    numbers = random.Random(7)
    inner = IP(src="10.0.0.1", dst="10.0.0.2", id=77) / UDP(sport=1000, dport=2000)
    made = [ETHER / inner / numbers.randbytes(length)
            for length in (0, 1, 18, 999, 1472, 1998, 2006, 2007, 4095, 9000, 20000, 65507)]
    made += [ETHER / IPv6(src="fd00::1", dst="fd00::2") / TCP(seq=i, flags="FPA") / numbers.randbytes(i)
             for i in (0, 1460, 30000)]
    made += fragment(ETHER / inner / numbers.randbytes(4000), fragsize=1480)
    made += [ETHER / IP(src="10.0.0.3", dst="10.0.0.4", id=5, frag=100, flags="MF") / numbers.randbytes(64),
             ETHER / IP(src="10.0.0.3", dst="10.0.0.4", chksum=1) / TCP(chksum=2) / b"wrong",
             ETHER / IP(src="10.0.0.3", dst="10.0.0.4", len=20) / ICMP() / b"short",
             ETHER / Dot1Q(vlan=7, prio=5) / inner / b"tagged",
             ETHER / Dot1Q(vlan=4095, id=1) / inner / numbers.randbytes(9000),
             ETHER / Dot1AD(vlan=9) / Dot1Q(vlan=10) / inner / b"twice",
             ETHER / Dot1AD(vlan=9) / Dot1Q(vlan=10) / IPv6() / UDP() / numbers.randbytes(30000),
             Ether(src=ETHER.src, dst=ETHER.dst, type=0x88cc) / numbers.randbytes(100),
             Ether(src=ETHER.src, dst=ETHER.dst, type=0x0040) / numbers.randbytes(64)]
    return [bytes(packet) for packet in made]


@pytest.mark.parametrize("packet_data", ["256", "2KiB", "9216"])
def test_frames_come_out_byte_for_byte(weir, namespace, tmp_path, packet_data):
    for left, right in (("left", "a"), ("right", "b")):
        namespace.veth(left, right, mtu=65535)
    running = weir.start("run", bridge(tmp_path, memory={"packet_data": packet_data}), "--json",
                         namespace=namespace)
    one, two = whole_wire(namespace, "left"), whole_wire(namespace, "right")
    until_through(running, one, two)
    sent = odd_frames()
    assert max(map(len, sent)) == 65549
    for source, target in ((one, two), (two, one)):
        source.send(sent * 3)
        assert target.receive(3 * len(sent)) == sent * 3
        assert not target.rest(0.1)
    report = running.stop().ok().json()
    packets = runs.account(report)
    assert packets["in"] == packets["out"] and not packets["dropped"], packets
    assert not any(port["errors"] or port["no_mbuf"] or port["missed"] for port in report["ports"])


def test_what_the_kernel_refuses_is_counted(weir, namespace, tmp_path):
    """A frame with room for a tag and no tag, and one that is longer in any case."""
    namespace.veth("left", "a", mtu=2000)
    namespace.veth("right", "b")
    running = weir.start("run", bridge(tmp_path), "--json", namespace=namespace)
    one, two = whole_wire(namespace, "left"), whole_wire(namespace, "right")
    until_through(running, one, two)
    whole = [bytes(ETHER / IP(id=i) / UDP() / bytes(length)) for i, length in enumerate(
        (1472, 1473, 100, 1476, 1477, 1472))]
    one.send(whole)
    assert two.receive(6, 1) == [whole[0], whole[2], whole[5]]
    packets = runs.account(running.stop().ok().json())
    assert packets["dropped"] == {"tx_refused": 2, "tx_too_long": 1}, packets


def test_a_deleted_interface_does_not_stop_the_others(weir, namespace, tmp_path):
    for left, right in (("left", "a"), ("right", "b"), ("other", "c")):
        namespace.veth(left, right)
    path, _socket = runs.write(
        tmp_path, {name: {"interface": name} for name in "abc"},
        [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}, {"from": "c", "to": "c"}])
    running = weir.start("run", path, "--json", namespace=namespace)
    one, two, other = (namespace.wire(name) for name in ("left", "right", "other"))
    until_through(running, one, two)
    frames = [bytes(ETHER / IP(id=i) / UDP() / bytes(100)) for i in range(100)]
    namespace.ip("link", "set", "dev", "right", "down")
    one.send(frames)
    namespace.ip("link", "set", "dev", "right", "up")
    until_through(running, one, two)
    namespace.ip("link", "delete", "dev", "right")
    one.send(frames)
    other.send(frames)
    assert other.receive(100) == frames
    time.sleep(0.3)
    report = running.stop().ok().json()
    packets = runs.account(report)
    assert packets["dropped"] == {"tx_no_port": packets["drops"]} and packets["drops"] >= 100, packets
    assert [port["link"] for port in report["ports"]] == ["up", "removed", "up"]


def worker_rest(running, seconds=0.5):
    """Of the first worker's thread, in that time: how often it went to sleep, and CPU seconds."""
    tasks = Path(f"/proc/{running.process.pid}/task")
    task = next(task for task in tasks.iterdir()
                if (task / "comm").read_text().startswith("weir-worker"))

    def look():
        status = (task / "status").read_text()
        return (int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M).group(1)),
                int((task / "schedstat").read_text().split()[0]) / 1e9)

    before = look()
    time.sleep(seconds)
    return tuple(after - first for after, first in zip(look(), before))


@pytest.mark.alone
def test_an_idle_worker_sleeps_until_a_frame_comes(weir, namespace, tmp_path):
    for left, right in (("left", "a"), ("right", "b")):
        namespace.veth(left, right)
    running = weir.start("run", bridge(tmp_path, workers={"count": 1, "idle": "adaptive"}),
                         "--json", namespace=namespace)
    one, two = namespace.wire("left"), namespace.wire("right")
    until_through(running, one, two)
    sleeps, cpu_seconds = worker_rest(running)
    assert sleeps < 100 and cpu_seconds < 0.1
    start = time.monotonic()
    one.send([bytes(ETHER / bytes(50))])
    assert two.receive(1)
    assert time.monotonic() - start < 0.05  # it would have woken by itself after 0.1 s
    namespace.ip("link", "delete", "dev", "right")
    time.sleep(0.5)
    sleeps, cpu_seconds = worker_rest(running)
    assert sleeps < 100 and cpu_seconds < 0.1
    runs.account(running.stop().ok().json())


@pytest.mark.parametrize("port, prefix, words", [
    ({"interface": "nosuch"}, [], ["nosuch", "ip link"]),
    ({"interface": "a", "mtu": 9000}, [], ["mtu", "1500", "ip link set dev a mtu 9000"]),
    ({"interface": "a", "rss": {"mode": "hardware"}}, [], ["hardware", "software"]),
    ({"interface": "a"}, ["setpriv", "--bounding-set=-net_raw"], ["CAP_NET_RAW", "root"]),
])
def test_what_is_wrong_is_said_by_name(weir, namespace, tmp_path, need, port, prefix, words):
    need("setpriv")
    namespace.veth("left", "a")
    path, _socket = runs.write(tmp_path, {"in": port}, [{"from": "in", "stages": ["rxonly"]}])
    running = Running([*namespace.prefix(), *prefix, weir.binary, "run", path, "--duration", "1s"])
    result = running.wait()
    assert result.code in (1, 2), repr(result)
    assert all(word in result.stderr for word in ["port in", *words]), repr(result)
