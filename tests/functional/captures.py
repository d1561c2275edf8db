# SPDX-License-Identifier: BSD-3-Clause
"""Captures read by scapy: frames, flows, and what a replay must make of them."""
import itertools
import os
import struct
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import PcapReader, RawPcapNgReader, RawPcapReader

from running import ROOT

ETHERNET, NULL, RAW, LINUX_SLL, LINUX_SLL2 = 1, 0, 101, 113, 276
RAW_TYPES = (RAW, 12, 14)


def forget_interfaces(read_section_header=RawPcapNgReader._read_block_shb):
    """A section has its own interfaces; scapy 2.5 goes on with those of the section before."""
    def read(reader):
        reader.interfaces = []
        read_section_header(reader)

    RawPcapNgReader._read_block_shb = read


forget_interfaces()


class Capture(NamedTuple):
    path: Path
    name: str
    format: str
    link: str
    packets: int
    snapped: int


def listed():
    """The rows of the README beside the real captures; none where they are absent."""
    folder = Path(os.environ.get("WEIR_SHARED", ROOT.parent / "shared")) / "pcaps"
    readme, rows = folder / "README.md", []
    if not readme.exists():
        return rows
    for line in readme.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| \n").split(" | ")]
        if len(cells) > 10 and (folder / cells[0]).is_file():
            rows.append(Capture(folder / cells[0], cells[0], cells[4], cells[5], int(cells[6]),
                                int(cells[9])))
    return rows


def raw_frames(path):
    """(link type, bytes) of each packet wholly in the file."""
    reader = RawPcapReader(str(path))
    try:
        while True:
            # scapy cuts at 64 KiB unless told: BIG TCP is larger.
            data, metadata = reader._read_packet(size=1 << 20)
            link = getattr(metadata, "linktype", None)
            yield (reader.linktype if link is None else link), data
    except EOFError:
        return
    finally:
        reader.close()


def without_link_header(link, data):
    """EtherType and what follows, as any link type that carries them has it; None: it has none."""
    if link == ETHERNET:
        return data[12:]
    if link == LINUX_SLL:
        return data[14:]
    if link == LINUX_SLL2:
        return data[0:2] + data[20:]
    payload = data if link in RAW_TYPES else data[4:]
    if len(payload) == 0:
        return None
    return (b"\x86\xdd" if payload[0] >> 4 == 6 else b"\x08\x00") + payload


def network_layer(after_addresses):
    """EtherType and packet, below VLAN tags and PPPoE."""
    kind, at = after_addresses[0:2], 2
    while kind in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        kind, at = after_addresses[at + 2:at + 4], at + 4
    if kind == b"\x88\x64":
        protocol = after_addresses[at + 6:at + 8]
        kind, at = {b"\x00\x21": b"\x08\x00", b"\x00\x57": b"\x86\xdd"}.get(protocol), at + 8
    return kind, after_addresses[at:]


def flow_of(after_addresses):
    """What RSS may tell apart in bytes from the EtherType on: ports, else addresses, else nothing."""
    kind, packet = network_layer(after_addresses)
    if kind == b"\x08\x00" and len(packet) >= 20:
        header = (packet[0] & 15) * 4
        if packet[0] >> 4 != 4 or header < 20 or struct.unpack_from(">H", packet, 2)[0] < header:
            return b""
        addresses, protocol = packet[12:20], packet[9]
        fragment = struct.unpack_from(">H", packet, 6)[0] & 0x3fff
        ports = packet[header:header + 4]
    elif kind == b"\x86\xdd" and len(packet) >= 40 and packet[0] >> 4 == 6:
        addresses, protocol, fragment, ports = packet[8:40], packet[6], 0, packet[40:44]
    else:
        return b""
    if protocol not in (6, 17, 132) or fragment or len(ports) < 4:
        return addresses
    return addresses + bytes([protocol]) + ports


def flows(frames):
    """The frames of each flow, in order. `frames`: bytes from the EtherType on."""
    table = defaultdict(list)
    for frame in frames:
        table[flow_of(frame)].append(frame)
    return table


def packets(path, count=None):
    """scapy's view of an Ethernet capture, or of its first `count` packets."""
    with PcapReader(str(path)) as reader:
        return [packet if isinstance(packet, Ether) else Ether(bytes(packet))
                for packet in itertools.islice(reader, count)]


def checksums_right(packet):
    """Computed anew by scapy, every checksum stays as it is. UDP over IPv4 may go without (0)."""
    again = packet.copy()
    layer = again
    while layer:
        for field in ("chksum", "cksum"):
            without = isinstance(layer, UDP) and layer.chksum == 0 and packet.haslayer(IP)
            if field in layer.fields and not without:
                delattr(layer, field)
        layer = layer.payload
    assert packet.haslayer(IP) or packet.haslayer(IPv6)
    return bytes(again) == bytes(packet)


def timed_frames(path):
    """(nanoseconds, bytes) of each packet of a pcap file."""
    with open(path, "rb") as file:
        magic = file.read(24)[:4]
        order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        unit = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
        while len(header := file.read(16)) == 16:
            seconds, fraction, length, _original = struct.unpack(order + "IIII", header)
            yield seconds * 1_000_000_000 + fraction * unit, file.read(length)


def span_ns(path):
    times = [time_ns for time_ns, _frame in timed_frames(path)]
    return times[-1] - times[0]
