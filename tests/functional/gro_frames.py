# SPDX-License-Identifier: BSD-3-Clause
"""Frames that ask each rule of GRO its question, and what became of them. Each payload begins with a
mark, so that it is known of any frame which packets it was made of."""
import random
import re
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN)
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

MAGIC = b"\xfe\xed"
MARK = re.compile(rb"\xfe\xed([\0-\x3f][\0-\x3f]{3})", re.DOTALL)
SIZE = 100  # of a payload, unless told


def mark(serial):
    """Four bytes of six bits each: none of them makes another mark."""
    return MAGIC + bytes((serial >> shift) & 0x3f for shift in (18, 12, 6, 0))


def marks(frame):
    found = []
    for match in MARK.finditer(bytes(frame)):
        serial = 0
        for byte in match.group(1):
            serial = serial << 6 | byte
        found.append(serial)
    return tuple(found)


class Case:
    """A few packets that arrive at once, with addresses that no other case has."""

    def __init__(self, name, number, serials):
        self.name, self.number, self.serials = name, number, serials
        self.frames = []  # (serial, flow, bytes)
        self.random = random.Random(number)

    def add(self, flow, serial, frame):
        self.frames.append((serial, flow, bytes(frame)))

    def by_flow(self, frames):
        """{flow: [marks of each frame]} of frames that belong to this case."""
        flow_of = {serial: flow for serial, flow, _frame in self.frames}
        found = {}
        for frame in frames:
            made_of = marks(frame)
            if made_of and made_of[0] in flow_of:
                found.setdefault(flow_of[made_of[0]], []).append(made_of)
        return found


class Flow:
    """Counts sequence numbers and ids on. What a packet has other than the rest is told by name."""

    def __init__(self, case, number=0, version=4, protocol="tcp", wrap="plain", **fixed):
        self.case, self.number, self.version, self.protocol = case, number, version, protocol
        self.wrap, self.fixed = wrap, fixed
        self.sequence, self.id, self.outer_id = 1000, fixed.pop("first_id", 7), 77

    def ip(self, told):
        network = self.case.number
        if self.version == 6:
            header = IPv6(src=f"fd00:{network:x}::1", dst=f"fd00:{network:x}::2",
                          hlim=told.get("ttl", 64), tc=told.get("tos", 0), fl=told.get("label", 0))
            extension = {None: None, "hop": IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]),
                         "destination": IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]),
                         "routing": IPv6ExtHdrRouting(type=4, segleft=0, addresses=["fd00::9"]),
                         "fragment": IPv6ExtHdrFragment(m=1, id=9)}[told.get("extension")]
            return header / extension if extension is not None else header
        flags = ("DF" if told.get("df", True) else "") + ("+evil" if told.get("evil") else "")
        if told.get("more_fragments"):
            flags = "MF"
        return IP(src=f"10.{network >> 8}.{network & 255}.1", dst=f"10.{network >> 8}.{network & 255}.2",
                  ttl=told.get("ttl", 64), tos=told.get("tos", 0), id=told.get("id", self.id) & 0xffff,
                  flags=flags.strip("+"), frag=told.get("fragment", 0),
                  options=[IPOption_NOP()] * 4 if told.get("options4") else [])

    def l4(self, told):
        if self.protocol == "udp":
            return UDP(sport=2000 + self.number, dport=3000)
        if told.get("icmp"):
            return ICMP()
        options = told.get("options", [("NOP", None), ("NOP", None), ("Timestamp", (111, 222))])
        return TCP(sport=2000 + self.number, dport=3000, seq=told.get("sequence", self.sequence) % (1 << 32),
                   ack=told.get("ack", 5), flags=told.get("flags", "A"), window=told.get("window", 500),
                   reserved=told.get("reserved", 0), urgptr=told.get("urgent", 0), options=options)

    def packet(self, told, size):
        serial = next(self.case.serials)
        payload = b"" if size == 0 else mark(serial) + self.case.random.randbytes(size).replace(
            b"\xfe", b"\xfd")
        return serial, self.ip(told) / self.l4(told) / Raw(payload[:size])

    def outer(self, told):
        network = self.case.number
        if self.fixed.get("outer_version", 4) == 6:
            return IPv6(src=f"fd01:{network:x}::1", dst=f"fd01:{network:x}::2",
                        hlim=told.get("outer_ttl", 64), tc=told.get("outer_tos", 0))
        return IP(src=f"11.{network >> 8}.{network & 255}.1", dst=f"11.{network >> 8}.{network & 255}.2",
                  ttl=told.get("outer_ttl", 64), tos=told.get("outer_tos", 0), flags="DF",
                  id=told.get("outer_id", self.outer_id) & 0xffff)

    def wrapped(self, packet, told):
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        inner = Ether(src="02:00:00:00:01:01", dst="02:00:00:00:01:02")
        if self.wrap == "vlan":
            return ether / Dot1Q(vlan=told.get("vlan", 5)) / packet
        if self.wrap == "qinq":
            return ether / Dot1AD(vlan=told.get("vlan", 6)) / Dot1Q(vlan=5) / packet
        if self.wrap == "vxlan":
            udp = UDP(sport=50000, dport=4789, **({} if told.get("outer_checksum") else {"chksum": 0}))
            return ether / self.outer(told) / udp / VXLAN(vni=told.get("vni", 9)) / inner / packet
        if self.wrap in ("gre", "gretap"):
            key = {"key_present": 1, "key": told["key"]} if "key" in told else {}
            sequence = {"seqnum_present": 1, "sequence_number": 1} if told.get("gre_sequence") else {}
            inside = inner / packet if self.wrap == "gretap" else packet
            return ether / self.outer(told) / GRE(**key, **sequence) / inside
        if self.wrap == "ip":
            return ether / self.outer(told) / packet
        return ether / packet

    def send(self, size=SIZE, **told):
        """The next packet. Its counters go on from what it had, told or not."""
        told = {**self.fixed, **told}
        serial, packet = self.packet(told, size)
        frame = bytearray(bytes(self.wrapped(packet, told)))
        mangle(frame, told)
        self.case.add(self.number, serial, frame + bytes(told.get("padding", 0)))
        self.sequence = (told.get("sequence", self.sequence) + size) % (1 << 32)
        self.id = told.get("id", self.id) + told.get("id_step", 1)
        self.outer_id = told.get("outer_id", self.outer_id) + told.get("outer_id_step", 1)
        return self

    def several(self, count, **told):
        for _ in range(count):
            self.send(**told)
        return self


def mangle(frame, told):
    """What scapy would put right: wrong checksums, and the other form of a right one."""
    if told.get("wrong_payload"):
        frame[-1] ^= 1
    if told.get("wrong_ip"):
        frame[14 + 10] ^= 1


# Most begin and end with packets that merge, so that what happens shows on both sides.

def one_odd(**told):
    """Two packets, one that is other in something, two more."""
    return lambda flow: flow.several(2).send(**told).several(2)


def from_then_on(**told):
    return lambda flow: flow.several(2).several(3, **told)


def alternating(**told):
    return lambda flow: flow.several(2).send(**told).send().send(**told).several(2)


# Of TCP over both versions of IP.
BOTH = {
    "in order": lambda flow: flow.several(6),
    "ttl": one_odd(ttl=63), "ttl from then on": from_then_on(ttl=3),
    "tos": one_odd(tos=0x20), "tos from then on": from_then_on(tos=0x20), "ecn": one_odd(tos=3),
    "ecn from then on": from_then_on(tos=1),
    "window": one_odd(window=501), "window from then on": from_then_on(window=9),
    "ack": one_odd(ack=6), "ack from then on": from_then_on(ack=6),
    "timestamp": one_odd(options=[("NOP", None), ("NOP", None), ("Timestamp", (112, 222))]),
    "timestamp from then on": from_then_on(options=[("NOP", None), ("NOP", None), ("Timestamp", (111, 223))]),
    "no options": one_odd(options=[]),
    "other options": one_odd(options=[("NOP", None)] * 12),
    "psh in the middle": one_odd(flags="PA"), "all psh": lambda flow: flow.several(4, flags="PA"),
    "psh at the end": lambda flow: flow.several(3).send(flags="PA").several(2),
    "fin": lambda flow: flow.several(3).send(flags="FA").several(2),
    "fin alone": lambda flow: flow.send(flags="FA").several(2),
    "psh and shorter": lambda flow: flow.several(3).send(size=20, flags="PA").several(2),
    "psh and longer": lambda flow: flow.several(3).send(size=120, flags="PA").several(2),
    "syn": one_odd(flags="SA"), "rst": one_odd(flags="RA"), "urg": one_odd(flags="UA", urgent=1),
    "urgent pointer alone": one_odd(urgent=7), "urgent pointer from then on": from_then_on(urgent=7),
    "no ack flag": one_odd(flags=""), "ece": one_odd(flags="EA"), "ece from then on": from_then_on(flags="EA"),
    "cwr": one_odd(flags="CA"), "cwr from then on": from_then_on(flags="CA"),
    "cwr first": lambda flow: flow.send(flags="CA").several(3),
    "cwr in all": lambda flow: flow.several(4, flags="CA"),
    "cwr alternating": alternating(flags="CA"),
    "cwr and ece in all": lambda flow: flow.several(4, flags="CEA"),
    "accurate ecn": one_odd(flags="NA"), "reserved bits": one_odd(reserved=2),
    "gap": lambda flow: flow.several(2).several(1, sequence=5000).several(2),
    "again": lambda flow: flow.several(3).send(sequence=1000 + SIZE).several(2, sequence=1000 + 3 * SIZE),
    "overlap": lambda flow: flow.several(2).send(sequence=1000 + 2 * SIZE - 1).several(2),
    "pure ack": one_odd(size=0),
    "swapped": lambda flow: flow.send().send(sequence=1000 + 2 * SIZE).send(sequence=1000 + SIZE)
    .send(sequence=1000 + 3 * SIZE),
    "sequence wraps": lambda flow: flow.send(sequence=(1 << 32) - 150).several(4),
    "shorter last": lambda flow: flow.several(3).send(size=30).several(3),
    "longer": lambda flow: flow.several(3).send(size=SIZE + 1).several(2),
    "shorter first": lambda flow: flow.send(size=30).several(4),
    "growing": lambda flow: [flow.send(size=30 + 10 * i) for i in range(5)],
    "shrinking": lambda flow: [flow.send(size=100 - 10 * i) for i in range(5)],
    "wrong checksum": one_odd(wrong_payload=True),
    "wrong checksum first": lambda flow: flow.send(wrong_payload=True).several(3),
    "padding": one_odd(padding=3), "padding from then on": from_then_on(padding=8),
    "full": lambda flow: flow.several(48, size=1448),
    "65535 bytes": lambda flow: flow.several(45, size=1448).send(size=323).several(2)
    if flow.version == 4 else flow.several(45, size=1448).send(size=303).several(2),
    "65536 bytes": lambda flow: flow.several(45, size=1448).send(size=324).several(2)
    if flow.version == 4 else flow.several(45, size=1448).send(size=304).several(2),
}

IPV4 = {
    "id fixed": lambda flow: flow.several(5, id_step=0),
    "id fixed without df": lambda flow: flow.several(5, id_step=0, df=False),
    "id counts without df": lambda flow: flow.several(5, df=False),
    "id 0 without df": lambda flow: flow.several(4, id=0, df=False),
    "id by two": lambda flow: flow.several(5, id_step=2),
    "id counts back": lambda flow: flow.several(5, id_step=-1),
    "id wraps": lambda flow: flow.send(id=0xfffe).several(4),
    "id fixed, then counts": lambda flow: flow.several(3, id_step=0).several(3),
    "id counts, then fixed": lambda flow: flow.several(3).several(3, id_step=0),
    "id jumps": one_odd(id=500), "id jumps and is back": lambda flow: flow.several(2).send(id=500)
    .several(2, id=10),
    "df": one_odd(df=False), "df from then on": from_then_on(df=False), "evil": one_odd(evil=True),
    "ip options": one_odd(options4=True), "ip options in all": lambda flow: flow.several(4, options4=True),
    "wrong ip checksum": one_odd(wrong_ip=True),
    "first fragment": one_odd(more_fragments=True), "later fragment": one_odd(fragment=20),
    "first id ffff fixed": lambda flow: flow.several(3, id=0xffff, id_step=0),
}

IPV6 = {
    "flow label": one_odd(label=5), "flow label from then on": from_then_on(label=5),
    "hop by hop": lambda flow: flow.several(4, extension="hop"),
    "hop by hop in one": one_odd(extension="hop"),
    "destination options": lambda flow: flow.several(4, extension="destination"),
    "routing": lambda flow: flow.several(4, extension="routing"),
    "fragment": one_odd(extension="fragment"),
}

UDP_BOTH = {
    "in order": lambda flow: flow.several(6), "ttl": one_odd(ttl=63), "tos": one_odd(tos=0x20),
    "shorter last": lambda flow: flow.several(3).send(size=30).several(3),
    "longer": lambda flow: flow.several(3).send(size=120).several(3),
    "growing": lambda flow: [flow.send(size=30 + 10 * i) for i in range(5)],
    "padding": one_odd(padding=2),
    "wrong checksum": one_odd(wrong_payload=True),
    "full": lambda flow: flow.several(48, size=1448),
}
UDP_IPV4 = {"id fixed": IPV4["id fixed"], "id fixed without df": IPV4["id fixed without df"],
            "id by two": IPV4["id by two"], "df": IPV4["df"]}

TUNNELS = {
    "in order": lambda flow: flow.several(5),
    "outer ttl": one_odd(outer_ttl=3), "outer tos": one_odd(outer_tos=4), "inner ttl": one_odd(ttl=3),
    "psh": one_odd(flags="PA"), "shorter last": lambda flow: flow.several(3).send(size=30).several(2),
    "inner gap": lambda flow: flow.several(2).several(1, sequence=5000).several(2),
    "full": lambda flow: flow.several(38, size=1800),
}
TUNNELS_IPV4 = {
    "outer id fixed": lambda flow: flow.several(5, outer_id_step=0),
    "outer id by two": lambda flow: flow.several(5, outer_id_step=2),
    "outer id jumps": one_odd(outer_id=500),
    "inner id fixed": lambda flow: flow.several(5, id_step=0),
    "inner id fixed without df": lambda flow: flow.several(5, id_step=0, df=False),
    "both fixed": lambda flow: flow.several(5, id_step=0, outer_id_step=0),
}


def interleaved(case_made, flows, rounds=5):
    for _ in range(rounds):
        for flow in flows:
            flow.send()


def every_case(serials):
    """All of them, each with a number of its own from 1 on."""
    made = []

    def add(name, question, **kind):
        new = Case(name, len(made) + 1, serials)
        made.append(new)
        question(Flow(new, **kind))
        return new

    for version in (4, 6):
        for name, question in {**BOTH, **(IPV4 if version == 4 else IPV6)}.items():
            add(f"tcp{version} {name}", question, version=version)
        for name, question in {**UDP_BOTH, **(UDP_IPV4 if version == 4 else {})}.items():
            add(f"udp{version} {name}", question, version=version, protocol="udp")
        for name in ("in order", "ttl", "psh in the middle"):
            add(f"vlan tcp{version} {name}", BOTH[name], version=version, wrap="vlan")
        add(f"vlan tcp{version} another", one_odd(vlan=6), version=version, wrap="vlan")
        new = Case(f"tcp{version} three flows", len(made) + 1, serials)
        made.append(new)
        interleaved(new, [Flow(new, number, version) for number in range(3)])
    for wrap in ("vxlan", "gre", "gretap", "ip"):
        for outer in (4, 6):
            for version in (4, 6):
                kinds = {**TUNNELS, **TUNNELS_IPV4} if outer == version == 4 else TUNNELS
                for name, question in list(kinds.items())[:4 if outer != version else None]:
                    add(f"{wrap}{outer} tcp{version} {name}", question, version=version, wrap=wrap,
                        outer_version=outer)
    add("vxlan4 another vni", one_odd(vni=10), wrap="vxlan")
    add("vxlan4 outer checksums", lambda flow: flow.several(4, outer_checksum=True), wrap="vxlan")
    add("vxlan4 outer checksum in one", one_odd(outer_checksum=True), wrap="vxlan")
    add("gre4 keys", lambda flow: flow.several(4, key=5), wrap="gre")
    add("gre4 another key", lambda flow: flow.several(2, key=5).send(key=6).several(2, key=5), wrap="gre")
    add("gre4 sequence numbers", lambda flow: flow.several(4, gre_sequence=True), wrap="gre")
    return made


# What a random packet may have that the others have not, of those on whose boundaries both agree.
CHANGES = [{"ttl": 63}, {"tos": 3}, {"window": 7}, {"ack": 9}, {"flags": "PA"}, {"flags": "FA"},
           {"flags": "EA"}, {"flags": "RA"}, {"size": 30}, {"size": 101}, {"id_step": 0}, {"id_step": 2},
           {"options": []}, {"reserved": 1}, {"sequence": 70000}, {"id": 99}, {"df": False}]


def random_cases(serials, first_number, count, seed):
    numbers = random.Random(seed)
    made = []
    for index in range(count):
        new = Case(f"random {index} of seed {seed}", first_number + index, serials)
        flows = [Flow(new, number, numbers.choice((4, 6)), numbers.choice(("tcp", "tcp", "udp")),
                      numbers.choice(("plain", "plain", "vxlan", "gre", "ip")))
                 for number in range(numbers.randint(1, 4))]
        often = numbers.choice((0.05, 0.2, 0.5))
        for _ in range(40):
            change = numbers.choice(CHANGES) if numbers.random() < often else {}
            numbers.choice(flows).send(**change)
        made.append(new)
    return made
