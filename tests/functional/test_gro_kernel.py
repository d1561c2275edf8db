# SPDX-License-Identifier: BSD-3-Clause
"""GRO beside the kernel's: the same packets merge at the same boundaries, into the same packets.

The kernel's side: packets go into one end of a veth in one go; at its other end the NAPI that does
GRO is a thread on the sender's CPU, which cannot run before they are all there. So one poll sees
all of them, and when packets arrive plays no part."""
import itertools
import os
import socket
import time

import pytest
from scapy.utils import PcapWriter

import captures
import gro_frames
import namespaces
import runs

# Threads that take turns on one CPU.
pytestmark = pytest.mark.alone
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
POLL_PACKETS = 64  # NAPI's budget: more are another poll's

# Where weir is other than the kernel on purpose, by the beginning or the end of a case's name.
# The kernel lets what it will not merge overtake what it holds of the flow; weir lets that go first.
OVERTAKEN = ("wrong checksum", "wrong ip checksum", "padding", "ip options", "fragment")
# The kernel, since it has overtaken, merges what came before and after.
MERGED_ACROSS = ("udp6 padding", "udp6 wrong checksum")
# The kernel does not look at it and loses it; so the cut would not give the packets back.
LOST = ("urgent pointer alone", "urgent pointer from then on")


class KernelGro:
    """A veth whose far end merges."""

    def __init__(self, space):
        self.space = space
        space.ip("link", "add", "one", "mtu", 65535, "type", "veth", "peer", "name", "two", "mtu", 65535)
        space.exec("ethtool", "-K", "one", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        space.exec("ethtool", "-K", "two", "gro", "on", "rx-udp-gro-forwarding", "on")
        # Only where a socket asks for a tunnel's packets does the kernel look into VXLAN.
        for name, remote in (("vxlan4", "11.255.255.1"), ("vxlan6", "fd01:ffff::1")):
            if name == "vxlan6":
                space.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0")
            space.ip("link", "add", name, "type", "vxlan", "id", 1000000 + len(remote), "dstport", 4789,
                     "remote", remote, "dev", "two")
            space.exec("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            space.ip("link", "set", "dev", name, "up")
        for interface in ("one", "two"):
            space.exec("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
            space.ip("link", "set", "dev", interface, "up")
        space.exec("sh", "-c", "echo 1 > /sys/class/net/two/threaded")
        self.cpu = min(os.sched_getaffinity(0))
        for thread in self.threads():
            os.sched_setaffinity(thread, {self.cpu})
        self.wire = space.wire("two")
        with space.entered():
            self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sender.bind(("one", 0))
        self.sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        self.sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 20)

    @staticmethod
    def threads():
        found = [int(name) for name in os.listdir("/proc") if name.isdigit()
                 and comm(name).startswith("napi/two-")]
        assert found, "no NAPI thread"
        return found

    def merge(self, frames):
        """What comes out at the far end, in order."""
        count = sum(1 for frame in frames if gro_frames.marks(frame))
        found = []
        for first in range(0, len(frames), POLL_PACKETS):
            with alone_on(self.cpu):
                for frame in frames[first:first + POLL_PACKETS]:
                    self.sender.send(frame)
            end = min(count, sum(1 for frame in frames[:first + POLL_PACKETS] if gro_frames.marks(frame)))
            while sum(len(gro_frames.marks(frame)) for frame in found) < end:
                got = self.wire.receive(1, 2)
                if not got:
                    break
                found += got
        return found + self.wire.receive(1 << 20, 0)


def comm(process):
    try:
        with open(f"/proc/{process}/comm", encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class alone_on:
    """Nothing else that is no real-time thread runs on this CPU meanwhile."""

    def __init__(self, cpu):
        self.cpu = cpu

    def __enter__(self):
        self.cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.cpu})
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))

    def __exit__(self, *_exception):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, self.cpus)


def weir_merges(weir, folder, frames, rules):
    """The same through weir, which holds everything until the end."""
    path, out = folder / "in.pcap", folder / "out.pcap"
    with PcapWriter(str(path), linktype=1, snaplen=1 << 18) as writer:
        for frame in frames:
            writer.write(frame)
    source = {**runs.from_file(path), "gro": {"flush_timeout": "1s", "packets": 65536, "rules": rules},
              "features": {"gro": True, "rx-udp-gro-forwarding": True}}
    config, _socket = runs.write(folder, {"in": source, "out": {**runs.to_file(out), "features": {"gso": False}}},
                                 [{"from": "in", "to": "out"}])
    report = weir.run("run", config, "--json", seconds=60).ok().json()
    account = runs.account(report)
    found = [bytes(data) for _link, data in captures.raw_frames(out)]
    assert account["merged"] > 0 and len(found) == account["out"]
    return found


def relative(groups, first):
    return [[serial - first for serial in group] for group in groups or []]


def differences(case, kernel, weir):
    """What merged otherwise, by flow."""
    theirs, ours = case.by_flow(kernel), case.by_flow(weir)
    if case.name.endswith(OVERTAKEN):
        theirs = {flow: sorted(groups) for flow, groups in theirs.items()}
        ours = {flow: sorted(groups) for flow, groups in ours.items()}
    first = case.frames[0][0]
    return [f"{case.name}, flow {flow}: kernel {relative(theirs.get(flow), first)}, "
            f"weir {relative(ours.get(flow), first)}"
            for flow in sorted(set(theirs) | set(ours)) if theirs.get(flow) != ours.get(flow)]


def other_bytes(kernel, weir):
    """Frames made of the same packets that differ in more than the checksums that the kernel leaves
    to whom it may concern: TCP's or UDP's, and that of a tunnel's UDP."""
    ours = {gro_frames.marks(frame): frame for frame in weir}
    found = []
    for frame in kernel:
        other = ours.get(gro_frames.marks(frame))
        if other is None or not gro_frames.marks(frame):
            continue
        places = [place for place, (one, two) in enumerate(zip(frame, other)) if one != two]
        if len(frame) != len(other) or len(places) > 4:
            found.append(f"{frame[:120].hex()} {other[:120].hex()} in {places[:12]}")
    return found


class Both:
    """The kernel's answers, and which rules they are."""

    def __init__(self, kernel, weir, folder, cases):
        self.cases = cases
        self.theirs = {case: kernel.merge(case_frames(case)) for case in cases}
        self.fixed_without_df = self.merges("tcp4 id fixed without df")
        self.rules = "current" if self.fixed_without_df else "classic"
        self.ours = weir_merges(weir, folder, [frame for case in cases for frame in case_frames(case)],
                                self.rules)

    def merges(self, name):
        """All packets of the case, if there is such a one."""
        return all(len(groups) == 1 for case in self.cases if case.name == name
                   for groups in case.by_flow(self.theirs[case]).values())

    def same_cwr(self):
        """Kernels have three rules for CWR, of which weir has the first and the last: a packet with
        it is the first of what merges (to 6.14); it merges with nothing (here, in 6.18); it is
        compared as the other flags are."""
        return {"current": self.merges("tcp4 cwr in all"),
                "classic": self.merges("tcp4 cwr first")}[self.rules]


def case_frames(case):
    return [frame for _serial, _flow, frame in case.frames]


def has_vlans(space):
    """Whether this kernel knows 802.1Q; else it does not look behind a tag."""
    try:
        space.ip("link", "add", "link", "two", "name", "two.5", "type", "vlan", "id", "5")
    except RuntimeError:
        return False
    return True


@pytest.fixture(name="kernel")
def kernel_fixture(namespace):
    return KernelGro(namespace)


def test_same_boundaries_as_the_kernel(kernel, weir, tmp_path):
    both = Both(kernel, weir, tmp_path, gro_frames.every_case(itertools.count(1)))
    left_out = LOST + MERGED_ACROSS + (() if both.same_cwr() else ("cwr",))
    vlans = has_vlans(kernel.space)
    compared, found = 0, []
    for case in both.cases:
        told = differences(case, both.theirs[case], both.ours)
        if any(word in case.name for word in left_out) or (case.name.startswith("vlan") and not vlans):
            print("\n".join(told) or f"{case.name}: alike, though it need not be")
            continue
        compared += 1
        found += told + other_bytes(both.theirs[case], both.ours)
    print(f"{compared} cases of {len(both.cases)} compared, by the {both.rules} rules")
    assert not found, "\n".join(found)


def test_random_packets_merge_as_in_the_kernel(kernel, weir, tmp_path):
    seed = int(os.environ.get("WEIR_SEED", time.time_ns() % 1000000))
    print(f"WEIR_SEED={seed}")
    serials = itertools.count(1)
    both = Both(kernel, weir, tmp_path, gro_frames.every_case(serials)[:0] +
                gro_frames.random_cases(serials, 1, 25, seed))
    found = [line for case in both.cases
             for line in differences(case, both.theirs[case], both.ours)
             + other_bytes(both.theirs[case], both.ours)]
    assert not found, "\n".join(found)
