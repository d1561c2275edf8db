# SPDX-License-Identifier: BSD-3-Clause
"""weir explain-capture: against tshark over real captures, against scapy's packets, against a kernel that really
splits and merges, and for each thing it claims to tell apart."""
import json
import re
import resource
import socket
import struct
import subprocess
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import wrpcap

import documents
import namespaces

A, B = "10.0.0.1", "10.0.0.2"
LARGE = {"tso", "gro", "tso_or_gro", "udp", "weir_gro", "weir_tso", "too_large"}


def explain(weir, path, *options):
    return weir.run("explain-capture", path, "--json", *options).ok().json()


def findings(report, point=0):
    return {finding["kind"]: finding for finding in report["points"][point]["findings"]}


def frames_told(weir, path, *options):
    """{frame: kinds} of all that cannot have been on the wire."""
    lines = weir.run("explain-capture", path, "--json", "--frames", *options).ok().stdout.splitlines()
    return {line["frame"]: set(line["kinds"]) for line in map(json.loads, lines[:-1])}, json.loads(lines[-1])


# ---- packets by scapy: checksums are right unless left unfinished ----

def unfinished(packet, with_length=True):
    """As a kernel leaves it to the card: the sum of the pseudo header, not inverted."""
    packet = packet.__class__(bytes(packet))
    ip, l4 = packet.payload, packet.payload.payload
    length = len(bytes(l4)) if with_length else 0
    pseudo = socket.inet_aton(ip.src) + socket.inet_aton(ip.dst) + struct.pack("!HH", ip.proto, length)
    total = sum(struct.unpack("!6H", pseudo))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    l4.chksum = total
    return packet


def segment(payload, seq=1, source=A, target=B, flags="A", ttl=64, options=(), ports=(1000, 80)):
    return (Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") / IP(src=source, dst=target, ttl=ttl) /
            TCP(sport=ports[0], dport=ports[1], seq=seq, ack=1, flags=flags, options=list(options)) /
            Raw(bytes(payload)))


def handshake(mss=1460, other=1460, ttl=64):
    return [segment(0, 0, flags="S", options=[("MSS", mss)], ttl=ttl),
            segment(0, 0, B, A, "SA", options=[("MSS", other)], ports=(80, 1000))]


def written(tmp_path, packets, name="made.pcap", **arguments):
    path = tmp_path / name
    wrpcap(str(path), packets, **arguments)
    return path


def spaced(packets):
    for number, packet in enumerate(packets):
        packet.time = 1000 + number / 100
    return packets


# ---- real captures, tshark as the judge ----

def tshark_rows(path):
    fields = ["frame.number", "frame.len", "frame.cap_len", "ip.len", "ipv6.plen", "tcp.checksum.status",
              "udp.checksum.status", "ip.checksum.status", "icmp.checksum.status", "tcp.len", "eth.type"]
    words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for option in ("tcp.check_checksum", "udp.check_checksum", "ip.check_checksum"):
        words += ["-o", option + ":TRUE"]
    # What it puts together again it would take for packets of their own.
    words += ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    for field in fields:
        words += ["-e", field]
    out = subprocess.run(words, capture_output=True, text=True, check=False, timeout=50).stdout
    for line in out.splitlines():
        yield dict(zip(fields, line.split("|")))


def number(text):
    return int(text.split(",")[0], 0) if text else 0


def bad(row, *names):
    """A checksum that tshark calls bad; of the packet inside too."""
    return any("0" in row[name + ".checksum.status"].split(",") for name in names)


# Link headers that tshark knows and weir passes over, and fragments of fuzzing: no judge there.
UNLIKE = {"fuzzed-bigendian.pcap", "oob-lengths.pcap", "pcapng-multisection.pcapng", "ipv4-frag-garbage.pcap"}


def test_real_capture_against_tshark(weir, need, real_capture):
    need("tshark")
    told, report = frames_told(weir, real_capture.path)
    rows = {number(row["frame.number"]): row for row in tshark_rows(real_capture.path)}
    assert len(rows) > 0 and all(frame in rows for frame in told)
    if real_capture.name in UNLIKE:
        return
    assert report["frames"] == len(rows)
    # Larger than an Ethernet of 1500 (tags and all), or with an IP packet of that size.
    larger = {frame for frame, row in rows.items() if number(row["ip.len"]) > 1500 or
              number(row["ipv6.plen"]) > 1460 or number(row["frame.len"]) > 1522}
    assert {frame for frame, kinds in told.items() if kinds & LARGE} == larger
    # tshark fills in a length of 0: what is longer than the field can say had it.
    empty = {frame for frame, row in rows.items() if number(row["frame.len"]) > 65535 + 22}
    assert {frame for frame, kinds in told.items() if "length_zero" in kinds} == empty

    if real_capture.name in ("gtpu-frag.pcap", "pppoe-over-qinq.pcap"):
        return  # tshark sums what there is of a packet in a fragment, or behind half a TCP header
    # Checksums that tshark calls bad are unfinished or wrong, and all others are neither.
    found = findings(report)
    large = [found[kind] for kind in found if kind in LARGE]
    ours = sum(item["unfinished_checksums"] + item["wrong_checksums"] for item in large)
    ours += sum(found[kind]["frames"] for kind in ("unfinished_checksum", "bad_checksum") if kind in found)
    assert ours == sum(bad(row, "tcp", "udp", "icmp") for row in rows.values())
    headers = sum(found[kind]["frames"] for kind in ("ip_checksum_zero", "bad_ip_checksum") if kind in found)
    assert headers == sum(bad(row, "ip") for row in rows.values())


# What is known of each: frames, kind, segments of the largest.
TRUTHS = {
    "tcpbulk-gso-sll2.pcap": (79, "gro", 45), "tcp-gso-eth.pcap": (72, "gro", 14), "ipv6-tcp.pcap": (10, "gro", 2),
    "truncated-file-gso.pcap": (380, "tso", 13), "bigtcp-ipv4.pcap": (1, "tso", 56),
    "bigtcp-ipv6-hbh.pcap": (1, "tso", 57), "gso-ipv4-vxlan-ipv4.pcap": (1, "gro", 5),
}


def test_known_truths(weir, real_capture):
    found = {kind: item for kind, item in findings(explain(weir, real_capture.path)).items() if kind in LARGE}
    if real_capture.name not in TRUTHS:
        assert real_capture.name == "oob-lengths.pcap" or not found
        return
    frames, kind, segments = TRUTHS[real_capture.name]
    assert set(found) == {kind} and found[kind]["frames"] == frames
    assert found[kind]["example"]["segments"] == segments
    text = weir.run("explain-capture", real_capture.path).ok().stdout
    assert re.search(rf"\b{frames} frames? larger than the wire carries", text), text


# ---- the experiment that many have made ----

def experiment():
    """4096 bytes at MSS 1460: what the sender's capture shows, and what the wire's does."""
    above = [unfinished(packet) for packet in handshake()[:1]] + handshake()[1:]
    above += [unfinished(segment(2920)), unfinished(segment(1176, 2921))]
    wire = handshake() + [segment(1460), segment(1460, 1461), segment(1176, 2921)]
    return spaced(above), spaced(wire)


def test_2920_bytes_on_a_1500_byte_link(weir, tmp_path):
    above, wire = experiment()
    path = written(tmp_path, above)
    finding = findings(explain(weir, path))["tso"]
    assert (finding["frames"], finding["first"], finding["last"]) == (1, 3, 3)
    assert finding["evidence"] == {"small_unfinished": 1}
    assert finding["example"]["segments"] == 2 and finding["example"]["segment_bytes"] == 1460
    assert finding["senders"] == [{"address": A, "frames": 1}]
    text = weir.run("explain-capture", path).ok().stdout
    assert "2920 bytes of payload = 2 × 1460: 2 segments" in " ".join(text.split())
    assert "ethtool -K IFACE tso off gso off" in text
    assert text.split("\n\n")[-1].startswith("3 of 4 frames cannot have been on the wire as captured:")

    text = weir.run("explain-capture", written(tmp_path, wire, "wire.pcap")).ok().stdout
    assert "Every frame can have been on a wire with MTU 1500" in text, text


def test_merged_by_the_receiver(weir, tmp_path):
    """Small ones right, large ones unfinished, right, or with the checksum of one segment."""
    for large, evidence in ((unfinished(segment(2920)), "small_right"), (segment(2920), "right")):
        report = explain(weir, written(tmp_path, spaced(handshake() + [segment(100), large])))
        assert findings(report)["gro"]["evidence"] == {evidence: 1}
        assert report["impossible"] == 1
    wrong = Ether(bytes(segment(2920)))
    wrong[TCP].chksum ^= 0x1234
    found = findings(explain(weir, written(tmp_path, spaced(handshake() + [segment(100), wrong]))))
    assert found["gro"]["evidence"] == {"wrong": 1} and "bad_checksum" not in found
    far = [segment(100, ttl=57), unfinished(segment(2920, ttl=57))]
    assert findings(explain(weir, written(tmp_path, spaced(far))))["gro"]["evidence"] == {"hops": 1}


def test_without_evidence_it_says_so(weir, tmp_path):
    wrong = Ether(bytes(segment(2920)))
    wrong[TCP].chksum ^= 0x1234
    assert "tso_or_gro" in findings(explain(weir, written(tmp_path, [wrong])))


def test_pseudo_header_without_length(weir, tmp_path):
    """As Windows leaves it for large send offload."""
    report = explain(weir, written(tmp_path, spaced([unfinished(segment(100), False)] * 2)))
    assert findings(report)["unfinished_checksum"]["frames"] == 2


def test_mss_says_what_the_mtu_is(weir, tmp_path):
    """Both ends of a jumbo link may send 9000 bytes; where one of them is not, it may not be sent so much."""
    jumbo = spaced(handshake(8960, 8960) + [segment(8960), segment(8961)])
    told, report = frames_told(weir, written(tmp_path, jumbo))
    assert report["points"][0]["mtu"] == 9000 and set(told) == {4}
    mixed = spaced(handshake(8960, 1460) + [segment(1460), segment(1461), segment(8960, 1, B, A, ports=(80, 1000))])
    told, report = frames_told(weir, written(tmp_path, mixed))
    assert report["points"][0]["mtu"] == 1500 and set(told) == {4, 5}
    clamped = spaced(handshake(1360, 1360) + [segment(1360), segment(1400)])
    told, report = frames_told(weir, written(tmp_path, clamped))
    assert report["points"][0]["mtu"] == 1500 and set(told) == {4}
    assert findings(report)["gro"]["within_mtu"] == 1


def test_sizes_say_what_the_mtu_is(weir, tmp_path):
    """Without a SYN: jumbo frames all have one size; merged ones are multiples of a usual segment."""
    jumbo = spaced([segment(8948, options=[("NOP", 0)] * 12) for _ in range(20)])
    assert explain(weir, written(tmp_path, jumbo))["points"][0]["mtu"] == 9000
    merged = spaced([segment(1448 * 4, options=[("NOP", 0)] * 12) for _ in range(20)])
    report = explain(weir, written(tmp_path, merged))
    assert report["points"][0]["mtu"] == 1500 and report["impossible"] == 20


def test_mtu_given(weir, tmp_path):
    path = written(tmp_path, spaced([segment(2920), segment(8960)]))
    assert explain(weir, path)["impossible"] == 2
    assert explain(weir, path, "--mtu", "9000")["impossible"] == 0
    assert explain(weir, path, "--mtu", "4KiB")["impossible"] == 1
    assert "MTU 9000, as given" in weir.run("explain-capture", path, "--mtu", "9000").ok().stdout


def test_udp_and_tunnels(weir, tmp_path):
    ether = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b")
    udp = [ether / IP(src=A, dst=B) / UDP(sport=9, dport=9) / Raw(bytes(size)) for size in (1200, 1200, 1200, 3700)]
    finding = findings(explain(weir, written(tmp_path, spaced(udp))))["udp"]
    assert finding["frames"] == 1 and finding["example"]["segments"] == 4
    inner = segment(4 * 1398)
    tunnel = ether / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=7, dport=4789, chksum=0) / VXLAN(vni=1) / inner
    finding, = (item for kind, item in findings(explain(weir, written(tmp_path, [tunnel]))).items() if kind in LARGE)
    assert finding["example"]["tunnel"] == "VXLAN" and finding["example"]["source"] == A + ":1000"


def test_ipv6(weir, tmp_path):
    packet = (Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") / IPv6(src="2001:db8::1", dst="2001:db8::2") /
              TCP(sport=1, dport=80, flags="A") / Raw(bytes(2880)))
    finding = findings(explain(weir, written(tmp_path, [packet])))["gro"]
    assert finding["example"]["source"] == "[2001:db8::1]:1" and finding["example"]["segments"] == 2


def test_lengths(weir, tmp_path):
    """Trailers, contradictions, snapped ones; the padding of a short frame is none of them."""
    plain = bytes(segment(100))
    short = bytes(segment(0))
    beyond = Ether(plain)
    beyond[IP].len = 1000
    beyond[IP].chksum = None
    beyond = Ether(bytes(beyond))
    packets = [Ether(plain), Ether(plain + bytes(4)), Ether(short + bytes(6)), Ether(short), beyond]
    found = findings(explain(weir, written(tmp_path, spaced(packets))))
    assert {kind: (item["first"], item["last"]) for kind, item in found.items()} == {
        "trailer": (2, 2), "short": (4, 4), "length_beyond": (5, 5)}
    snapped = Ether(plain[:70])
    snapped.wirelen = len(plain)
    found = findings(explain(weir, written(tmp_path, [snapped])))
    assert set(found) == {"snapped"}


def test_times(weir, tmp_path):
    packets = [segment(100) for _ in range(8)]
    for packet, stamp in zip(packets, (1, 2, 2, 2, 2, 2, 1.5, 3)):
        packet.time = stamp
    found = findings(explain(weir, written(tmp_path, packets)))
    assert found["burst"]["frames"] == 4 and found["burst"]["longest"] == 5
    assert found["time_backwards"]["first"] == found["time_backwards"]["last"] == 7


# ---- weir's own captures: an interface for each tap ----

def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(path, interfaces, records):
    """records: (interface, frame, flags or None)"""
    data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    for name in interfaces:
        data += block(1, struct.pack("<HHI", 1, 0, 0) + option(2, name.encode()) + option(0, b""))
    for index, (interface, frame, flags) in enumerate(records):
        frame = bytes(frame)
        body = struct.pack("<IIIII", interface, 0, 1000 + index, len(frame), len(frame))
        body += frame + bytes(-len(frame) % 4)
        if flags is not None:
            body += option(1, b"a comment") + option(2, struct.pack("<I", flags)) + option(0, b"")
        data += block(6, body)
    path.write_bytes(data)
    return path


def test_each_tap_by_itself(weir, tmp_path):
    small, large = [segment(1460), segment(1460, 1461)], [unfinished(segment(2920))]
    records = [(0, frame, None) for frame in small] + [(1, frame, None) for frame in large]
    records += [(2, frame, None) for frame in small]
    path = pcapng(tmp_path / "taps.pcapng", ["rx", "gro", "tx"], records)
    report = explain(weir, path)
    assert [(point["name"], point["frames"], point["impossible"]) for point in report["points"]] == [
        ("rx", 2, 0), ("gro", 1, 1), ("tx", 2, 0)]
    assert set(findings(report, 1)) & LARGE == {"weir_gro"}
    text = weir.run("explain-capture", path).ok().stdout
    for line in ("at rx: 2 frames, 0 larger than the wire carries", "at tx: 2 frames, 0 larger",
                 "at gro: 1 frame, 1 larger than the wire carries", "merged by weir's GRO"):
        assert line in text, text
    left_whole = pcapng(tmp_path / "tso.pcapng", ["wan:tx"], [(0, large[0], None)])
    assert set(findings(explain(weir, left_whole))) & LARGE == {"weir_tso"}
    stage = pcapng(tmp_path / "stage.pcapng", ["stage0"], [(0, large[0], None)])
    assert set(findings(explain(weir, stage))) & LARGE == {"weir_gro"}


@pytest.mark.parametrize("flags, kind, evidence", [(2, "tso", "marked_sent"), (1, "gro", "marked_received")])
def test_direction_in_the_capture(weir, tmp_path, flags, kind, evidence):
    path = pcapng(tmp_path / "flags.pcapng", ["eth0"], [(0, segment(2920), flags)])
    assert findings(explain(weir, path))[kind]["evidence"] == {evidence: 1}


def test_hostile_name(weir, tmp_path):
    path = pcapng(tmp_path / "name.pcapng", ["\x1b[31mred\xff"], [(0, segment(2920), None)])
    assert explain(weir, path)["points"][0]["name"].startswith("?[31mred")
    assert "\x1b" not in weir.run("explain-capture", path).ok().stdout


# ---- a kernel that really does it ----

def transfer(one, other):
    """300 kB from one to other, captured on the other's interface."""
    address = "10.9.0.2"
    with other.entered():
        server = socket.create_server((address, 5001))

    def receive():
        with server, server.accept()[0] as connection:
            while connection.recv(1 << 16):
                pass

    receiver = threading.Thread(target=receive)
    receiver.start()
    with one.entered():
        client = socket.create_connection((address, 5001), timeout=5)
    with client:
        client.sendall(bytes(300000))
    receiver.join(timeout=10)
    assert not receiver.is_alive()


@pytest.fixture
def linked(namespace):
    """Two namespaces with a veth pair between them, offloads as the kernel has them."""
    other = namespaces.Namespace()
    namespace.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", other.name)
    for space, interface, address in ((namespace, "v0", "10.9.0.1/24"), (other, "v1", "10.9.0.2/24")):
        space.ip("addr", "add", address, "dev", interface)
        space.ip("link", "set", interface, "up")
    yield namespace, other
    other.destroy()


@pytest.mark.parametrize("sender, receiver, kind", [
    ((), (), "tso"),
    (("tx", "off", "tso", "off", "gso", "off"), ("tx", "off", "gro", "on"), "gro"),
    (("tx", "off", "tso", "off", "gso", "off"), ("tx", "off", "gro", "off"), None),
])
def test_against_a_kernel(weir, need, tmp_path, linked, sender, receiver, kind):
    """What its offloads are is what the capture is found to show."""
    need("tcpdump")
    one, other = linked
    if sender:
        one.exec("ethtool", "-K", "v0", *sender)
        other.exec("ethtool", "-K", "v1", *receiver)
    path = tmp_path / "kernel.pcap"
    with subprocess.Popen([*other.prefix(), "tcpdump", "-i", "v1", "-U", "-s", "0", "-Z", "root", "-w", path, "tcp"],
                          stderr=subprocess.PIPE, text=True) as capture:
        try:
            assert "listening" in capture.stderr.readline()
            transfer(one, other)
            time.sleep(0.5)
        finally:
            capture.terminate()
    report = explain(weir, path)
    found = {name: item for name, item in findings(report).items() if name in LARGE}
    if kind is None:
        assert not found and report["impossible"] == 0 and report["frames"] > 100
        return
    assert set(found) == {kind}, report
    assert found[kind]["senders"][0]["address"] == "10.9.0.1"
    assert found[kind]["example"]["segment_bytes"] == 1448 and found[kind]["frames"] >= 4


# ---- files, pipes, mistakes ----

def test_a_pipe_is_judged_like_the_file(weir, tmp_path):
    above, _wire = experiment()
    path = written(tmp_path, above)
    by_file = explain(weir, path)
    with open(path, "rb") as file:
        result = subprocess.run(f"cat | '{weir.binary}' explain-capture --json -", shell=True, stdin=file,
                                capture_output=True, text=True, check=True, timeout=20)
    by_pipe = json.loads(result.stdout)
    assert by_pipe.pop("file") == "standard input" and by_file.pop("file") == str(path)
    assert by_pipe == by_file


def test_memory_stays_the_same(weir, tmp_path):
    """300,000 flows of 300,000 hosts, more than are remembered, and a capture larger than the memory it takes."""
    path = tmp_path / "many.pcap"
    frame = bytearray(bytes(segment(300)))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for index in range(300000):
            frame[26:30] = struct.pack("!I", 0x0a000000 + index)
            file.write(struct.pack("<IIII", index, 0, len(frame), len(frame)) + frame)
    limit = 1 << 20
    assert path.stat().st_size > 100 * limit
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = subprocess.run(["sh", "-c", f"ulimit -v {400 * 1024}; exec '{weir.binary}' explain-capture '{path}' --json"],
                            capture_output=True, text=True, check=False, timeout=50)
    if "Sanitizer" in result.stderr:
        pytest.skip("sanitizers reserve memory of their own")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["frames"] == 300000
    assert max(before, 64 * 1024) >= resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


@pytest.mark.parametrize("words, code, said", [
    ((), 2, "which FILE?"), (("a", "b"), 2, "one FILE at a time"), (("a", "--mtu", "small"), 2, "small"),
    (("a", "--mtu", "20"), 2, "68.."), (("no such.pcap",), 1, "no such.pcap"), (("/",), 1, "directory"),
])
def test_mistakes(weir, words, code, said):
    result = weir.run("explain-capture", *words)
    assert result.code == code and said in result.stderr and not result.stdout, repr(result)


def test_not_a_capture(weir, tmp_path):
    path = tmp_path / "letter.pcap"
    path.write_text("This is a letter.\n" * 10)
    result = weir.run("explain-capture", path)
    assert result.code == 1 and "letter.pcap" in result.stderr, repr(result)


def test_empty_capture(weir, tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    assert "no frame that can be judged" in weir.run("explain-capture", path).ok().stdout


@pytest.mark.parametrize("beside, commands, shown", documents.blocks("docs/explain-capture.md"))
def test_document(weir, binary, tmp_path, beside, commands, shown):
    documents.check(weir, binary, tmp_path, beside, commands, shown)
