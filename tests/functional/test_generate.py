# SPDX-License-Identifier: BSD-3-Clause
"""Generated traffic before two judges: tshark for checksums and TCP, scapy for the headers."""
import subprocess

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.utils import PcapReader

CHECK = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
         "-o", "udp.check_checksum:TRUE", "-o", "tcp.analyze_sequence_numbers:TRUE"]
BAD_CHECKSUM = "ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0"
ODD = "tcp.analysis.flags || _ws.malformed || _ws.expert.severity == error"


def tshark(path, display_filter):
    """One line for each packet that the filter shows."""
    done = subprocess.run(["tshark", "-n", *CHECK, "-r", path, "-Y", display_filter], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.splitlines()


def generate(weir, path, *arguments):
    weir.run("generate", *arguments, path).ok()
    return path


@pytest.mark.parametrize("name, arguments", [
    ("udp.pcap", ()),
    ("imix.pcapng", ("--size", "imix", "--ip", "mixed", "--zipf", 1.1)),
    ("vlan.pcap", ("--size", "60-1514", "--ip", 6, "--vlan", 100)),
    ("tcp.pcap", ("--protocol", "tcp")),
    ("bulk.pcapng", ("--protocol", "tcp", "--size", 1514, "--ip", "mixed", "--zipf", 1.0)),
    ("jumbo.pcap", ("--protocol", "tcp", "--size", 9000, "--ip", 6, "--vlan", 4094)),
])
def test_tshark_finds_nothing_wrong(weir, need, tmp_path, name, arguments):
    need("tshark")
    path = generate(weir, tmp_path / name, "--packets", 5000, *arguments)
    assert not tshark(path, f"{BAD_CHECKSUM} || {ODD}")
    checked = tshark(path, "tcp.checksum.status==1 || udp.checksum.status==1")
    assert len(checked) == 5000


def test_sequence_numbers_wrap(weir, need, tmp_path):
    need("tshark")
    path = generate(weir, tmp_path / "long.pcap", "--packets", 20000, "--flows", 10,
                    "--protocol", "tcp", "--size", 1514)
    assert tshark(path, "tcp.seq_raw > 4294963200 && tcp.len > 0")
    assert tshark(path, "tcp.flags.fin == 1")
    assert not tshark(path, ODD)


def test_tshark_sees_the_impairments(weir, need, tmp_path):
    need("tshark")
    tcp = ("--protocol", "tcp", "--packets", 5000, "--flows", 5, "--size", 1514)
    lossy = generate(weir, tmp_path / "lossy.pcap", *tcp, "--loss", 0.02)
    assert tshark(lossy, "tcp.analysis.lost_segment")
    doubled = generate(weir, tmp_path / "doubled.pcap", *tcp, "--duplicate", 0.02)
    assert tshark(doubled, "tcp.analysis.retransmission || tcp.analysis.duplicate_ack")
    mixed = generate(weir, tmp_path / "mixed.pcap", *tcp, "--reorder", 0.02)
    assert tshark(mixed, "tcp.analysis.out_of_order || tcp.analysis.lost_segment")
    for path in (lossy, doubled, mixed):
        assert not tshark(path, BAD_CHECKSUM)


def again_with_checksums(packet):
    """The packet as scapy builds it from its fields, with lengths and checksums of its own."""
    copy = packet.copy()
    for layer in (IP, TCP, UDP):
        if layer in copy:
            for field in ("len", "chksum", "ihl", "dataofs"):
                if field in copy[layer].fields:
                    copy[layer].delfieldval(field)
    if IPv6 in copy:
        copy[IPv6].delfieldval("plen")
    return Ether(bytes(copy))


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_scapy_builds_the_same_bytes(weir, tmp_path, protocol):
    path = generate(weir, tmp_path / "made.pcap", "--packets", 200, "--protocol", protocol,
                    "--ip", "mixed", "--size", "60-600", "--vlan", 7)
    with PcapReader(str(path)) as packets:
        found = list(packets)
    assert len(found) == 200
    for packet in found:
        assert packet[Dot1Q].vlan == 7
        assert bytes(again_with_checksums(packet)) == bytes(packet)


def test_the_same_file_again(weir, tmp_path):
    arguments = ("--packets", 3000, "--protocol", "tcp", "--ip", "mixed", "--zipf", 1.2,
                 "--loss", 0.1, "--duplicate", 0.1, "--reorder", 0.1, "--seed")
    one = generate(weir, tmp_path / "one.pcap", *arguments, 5).read_bytes()
    assert generate(weir, tmp_path / "two.pcap", *arguments, 5).read_bytes() == one
    assert generate(weir, tmp_path / "other.pcap", *arguments, 6).read_bytes() != one


def test_summary(weir, tmp_path):
    path = tmp_path / "made.pcap"
    text = weir.run("generate", "--packets", "1k", "--flows", 10, "--out", path).ok().stdout
    assert text.count("\n") == 1
    for word in (str(path), "1000 packets", "64000 bytes", "10 flows"):
        assert word in text


def test_a_million_flows(weir, tmp_path):
    path = generate(weir, tmp_path / "many.pcap", "--flows", "1M", "--zipf", 0.5, "--packets", 5000)
    with PcapReader(str(path)) as packets:
        assert len({packet[IP].src for packet in packets}) > 4500


@pytest.mark.parametrize("option, text", [
    ("--size", "59"), ("--size", "100-64"), ("--ip", "5"), ("--protocol", "sctp"),
    ("--vlan", "4095"), ("--packets", "0"), ("--loss", "1.5"), ("--loss", "1"),
    ("--speed", "x2"), ("--flows", "0"), ("--zipf", "-1"),
])
def test_mistakes(weir, tmp_path, option, text):
    path = tmp_path / "made.pcap"
    result = weir.run("generate", option, text, path)
    assert result.code == 2, repr(result)
    assert option.strip("-") in result.stderr.lower(), repr(result)
    assert not path.exists()


def test_a_place_that_cannot_be_written(weir, tmp_path):
    result = weir.run("generate", tmp_path / "absent" / "made.pcap")
    assert result.code == 1, repr(result)
    assert "absent" in result.stderr
