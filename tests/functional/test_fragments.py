# SPDX-License-Identifier: BSD-3-Clause
"""The stages fragment and reassemble, before judges: tshark, and the obvious way in Python."""
import subprocess
from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import captures
import runs

REASSEMBLE = {"type": "reassemble"}


def shared(name):
    found = {capture.name: capture.path for capture in captures.listed()}
    if name not in found:
        pytest.skip(f"no {name} in WEIR_SHARED")
    return found[name]


def is_fragment(packet):
    return IP in packet and (packet[IP].frag != 0 or "MF" in packet[IP].flags)


def datagrams(packets):
    """What each IP packet carries, by whom and to whom, without padding."""
    found = Counter()
    for packet in packets:
        ip = packet[IP]
        raw = bytes(ip.original or bytes(ip))[ip.ihl * 4:ip.len]
        found[ip.src, ip.dst, ip.proto, ip.id, raw] += 1
    return found


def whole_by_hand(path):
    """The obvious reassembly. (scapy's own takes an id used again for an overlap.)"""
    waiting, found = {}, Counter()
    for packet in (Ether(frame) for _link, frame in captures.raw_frames(path)):
        if IP not in packet:
            continue
        ip = packet[IP]
        key, payload = (ip.src, ip.dst, ip.proto, ip.id), ip.original[ip.ihl * 4:ip.len]
        parts = waiting.setdefault(key, {})
        parts[ip.frag * 8] = payload, "MF" in ip.flags
        whole = b""
        while len(whole) in parts:
            part, more = parts[len(whole)]
            whole += part
            if not more:
                found[(*key, whole)] += 1
                del waiting[key]
                break
    return found


@pytest.mark.parametrize("name", ["ipv4-frag-real.pcap", "gtpu-frag.pcap"])
def test_real_fragments_become_whole(weir, tmp_path, name):
    path = shared(name)
    account, out = runs.through(weir, tmp_path, path, [REASSEMBLE])
    got = [Ether(frame) for _link, frame in captures.raw_frames(out)]
    whole = [packet for packet in got if IP in packet and not is_fragment(packet)]
    same = datagrams(whole) == whole_by_hand(path)
    assert same, "other datagrams"
    assert account["merged"] > 0
    assert set(account["dropped"]) <= {"reassembly"}


def test_hostile_fragments_are_accounted_for(weir, tmp_path):
    account, out = runs.through(weir, tmp_path, shared("ipv4-frag-garbage.pcap"), [REASSEMBLE])
    assert account["in"] == 1252
    assert account["out"] == len(list(captures.raw_frames(out)))


def made():
    """UDP of many sizes over IPv4 and IPv6, tagged and not, 60000 bytes the largest."""
    for number, size in enumerate((100, 1473, 2000, 2960, 4441, 9000, 30001, 60000)):
        for vlan in (False, True):
            for ip in (IP(src="192.0.2.1", dst="198.51.100.2", id=number + 1),
                       IPv6(src="2001:db8::1", dst="2001:db8::2")):
                link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
                tagged = link / Dot1Q(vlan=7) if vlan else link
                payload = bytes((number + i) % 251 for i in range(size))
                yield tagged / ip / UDP(sport=4000 + number, dport=5000) / Raw(payload)


@pytest.fixture
def datagram_capture(tmp_path):
    path = tmp_path / "made.pcap"
    wrpcap(str(path), list(made()), snaplen=262144)
    return path


def frames_of(path):
    return Counter(frame for _link, frame in captures.raw_frames(path))


def test_there_and_back_is_the_same(weir, tmp_path, datagram_capture):
    stages = [{"type": "fragment", "mtu": 1500}, REASSEMBLE]
    account, out = runs.through(weir, tmp_path, datagram_capture, stages)
    same = frames_of(out) == frames_of(datagram_capture)
    assert same, "other frames"
    assert account["made"] == account["merged"] > 0
    assert not account["dropped"]


def tshark(path, *fields):
    """One line of fields a datagram that tshark put together, or saw whole."""
    found = subprocess.run(
        ["tshark", "-r", str(path), "-o", "ip.defragment:TRUE", "-o", "ipv6.defragment:TRUE",
         "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", "udp",
         "-T", "fields", *(word for field in fields for word in ("-e", field))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return Counter(found.stdout.splitlines())


def test_tshark_puts_the_fragments_together(weir, tmp_path, datagram_capture):
    account, out = runs.through(weir, tmp_path, datagram_capture,
                                [{"type": "fragment", "mtu": 1280}])
    assert account["made"] > 100
    for _link, frame in captures.raw_frames(out):
        assert len(frame) <= 14 + 4 + 1280
    fields = ("udp.srcport", "udp.length", "udp.checksum.status")
    assert tshark(out, *fields) == tshark(datagram_capture, *fields)
    bad = subprocess.run(["tshark", "-r", str(out), "-o", "ip.check_checksum:TRUE", "-Y",
                          "ip.checksum.status == 0"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=True)
    assert not bad.stdout


def test_df_forbids(weir, tmp_path):
    path = tmp_path / "df.pcap"
    wrpcap(str(path), [Ether() / IP(src="192.0.2.1", dst="192.0.2.2", flags="DF") / UDP() /
                       Raw(bytes(1400))])
    account, _out = runs.through(weir, tmp_path, path, [{"type": "fragment", "mtu": 1280}])
    assert account["dropped"] == {"too_big": 1}
