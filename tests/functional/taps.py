# SPDX-License-Identifier: BSD-3-Clause
"""What was captured at the points of weir's path, and bulk TCP to look at there."""
import random
import subprocess
from collections import defaultdict

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import captures

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
STAMP = [("NOP", None), ("NOP", None), ("Timestamp", (111, 222))]


def by_point(path):
    """{point: [frames]}, in the order of the file."""
    found = defaultdict(list)
    names = tshark(path, "frame.interface_name")
    for (name,), (_link, frame) in zip(names, captures.raw_frames(path), strict=True):
        found[name].append(frame)
    return found


def tshark(path, *fields, show=None, options=()):
    """A list of fields for each packet, checksums looked at."""
    words = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
             "-o", "ip.check_checksum:TRUE", *options, "-T", "fields"]
    for field in fields:
        words += ["-e", field]
    if show:
        words += ["-Y", show]
    result = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return [line.split("\t") for line in result.stdout.splitlines()]


def segments(count, version=4, size=1448, flow=0, first=0, last_size=None, flags_last="PA"):
    """A stretch of one TCP stream: full segments and one that may be shorter and pushes."""
    numbers = random.Random(flow * 1000 + first)
    made = []
    for index in range(first, first + count):
        last = index == first + count - 1
        ip = (IP(src="10.1.0.1", dst="10.1.0.2", id=100 + index, flags="DF") if version == 4
              else IPv6(src="fd01::1", dst="fd01::2"))
        made.append(ETHER / ip / TCP(sport=1000 + flow, dport=21, seq=1 + index * size, ack=1, window=500,
                                     flags=flags_last if last else "A", options=STAMP)
                    / Raw(numbers.randbytes(last_size if last and last_size else size)))
    return made


def write_bulk(path):
    """Bulk TCP of six flows over both versions of IP, interleaved in stretches as they come out of a
    sender; and UDP and pure ACKs between."""
    packets = []
    for stretch in range(5):
        for flow in range(6):
            version, size = (6, 1428) if flow % 2 else (4, 1448)
            packets += segments(20, version, size, flow, first=stretch * 20)
        packets += [ETHER / IP(src="10.1.0.2", dst="10.1.0.1") / TCP(sport=21, dport=1000, ack=stretch + 1),
                    ETHER / IP(src="10.1.0.9", dst="10.1.0.8") / UDP(sport=53, dport=5353) / Raw(b"name?" * stretch)]
    wrpcap(str(path), packets)
    return path


def same_flows(before, after):
    """The same frames, in the order of each flow."""
    return captures.flows([frame[12:] for frame in before]) == captures.flows([frame[12:] for frame in after]) \
        and sorted(before) == sorted(after)


def streams(path):
    """{(addresses, ports, first sequence number): payload} of TCP, put together by scapy."""
    parts = defaultdict(dict)
    for packet in captures.packets(path):
        if TCP not in packet:
            continue
        ip = packet.getlayer(IP) or packet.getlayer(IPv6)
        length = (ip.len - ip.ihl * 4 if ip.version == 4 else ip.plen) - packet[TCP].dataofs * 4
        payload = bytes(packet[TCP].payload)[:length]
        if payload:
            key = (ip.src, ip.dst, packet[TCP].sport, packet[TCP].dport)
            first = packet[TCP].seq
            places = range(first, first + len(payload))
            if places.stop > 1 << 32:
                places = [place % (1 << 32) for place in places]
            parts[key].update(zip(places, payload))
    return parts
