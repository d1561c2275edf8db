# SPDX-License-Identifier: BSD-3-Clause
"""Packets of a port in an application: against memif, and super-packets against the 1500 B case."""
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import peers
import rings_peers
import rings_testpmd
import rows

BIG = 65549  # IP's longest packet in its Ethernet frame
SMALL = 1514
NULL_BIG = 64000  # one buffer: of 65,280 B at most
CAPTURE_BYTES = 4 << 20
SINK = {"null": {"device": "net_null0,copy=0,no-rx=1", "features": {"tso": True, "sg": True, "tx": True}}}


def engine_of(folder, device, memory, **port):
    """All of its packets go to the application; net_null makes them as fast as they are taken."""
    return rings_peers.Engine(folder, {"null": {"device": device, **port}}, [{"from": "null", "to": "null"}],
                              memory=memory)


def raw(rounds, folder):
    """net_null through weir, and through testpmd and memif; and memif alone, without a port."""
    # As testpmd, whose zero copy wants them.
    memory = {"mode": "in-memory" if peers.hugepages() else "no-huge"}
    for size in (64, 1500):
        def received(size=size):
            with engine_of(folder, f"net_null0,size={size},copy=0", memory) as engine:
                return engine.raw("null")["packets_per_second"]

        case = f"raw-packet QP, net_null, {size} B"
        chain = "net_null > testpmd > memif, zero copy > testpmd"
        try:
            client = rings_testpmd.better_client(size)
            peer = lambda size=size, client=client: rings_testpmd.pps(size, client)  # noqa: E731
        except rows.FAILURES as reason:
            yield rows.missing(case, "pkt/s", chain, ">= 1.0 x", reason)
            peer = None
        found = rows.in_turns(rounds, {
            "weir": received, **({chain: peer} if peer else {}),
            "memif, zero copy, bare loop": lambda size=size: rings_peers.memif_rate(size, True)})
        for name in list(found)[1:]:
            yield rows.compared(case, "pkt/s", name, ">= 1.0 x", found["weir"], found[name])


# ---- super-packets ----

SAME = "the same of 1500 B"

def capture(folder, size):
    """One bulk transfer in packets of `size` bytes."""
    path = Path(folder) / f"{size}.pcap"
    ends = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2")
    payload = size - len(ends / TCP())
    wrpcap(str(path), [ends / TCP(sport=5001, dport=5002, seq=1 + number * payload, ack=1, flags="A") /
                       Raw(bytes(payload)) for number in range(CAPTURE_BYTES // size)])
    return path


def from_null(rounds, folder):
    """Whole in one buffer each, of which net_null writes nothing: descriptors alone, and each byte read."""
    # Buffers of one size, and as many: only the packets differ.
    memory = {"mode": "no-huge", "packet_data": 65280, "packets": 4096}

    def once(size):
        with engine_of(folder, f"net_null0,size={size},copy=0", memory) as engine:
            return {"descriptors only": checked(engine.raw("null"), "read-only"),
                    "each byte read": checked(engine.packets("receive", "--port", "null"), "read-only")}

    found = rows.in_turns(rounds, {size: lambda size=size: once(size) for size in (NULL_BIG, 1500)})
    for how in ("descriptors only", "each byte read"):
        large, small = ([value[how] for value in found[size]] if isinstance(found[size], list) else found[size]
                        for size in (NULL_BIG, 1500))
        yield rows.compared(f"super-packets of {NULL_BIG} B of net_null, read-only, {how}", "bit/s", SAME, ">= 5 x",
                            large, small)


def checked(found, mode):
    if found["mode"] != mode:
        raise rows.Unavailable(f"packets were there as {found['mode']}, not as {mode}")
    return found["bits_per_second"]


def replayed(folder):
    """A preloaded capture's packets refer to memory that is in no pool: the application gets copies."""
    paths = {size: capture(folder, size) for size in (BIG, SMALL)}

    def once(size):
        play = {"replay": {"files": [str(paths[size])], "speed": "top", "loop": "forever"}}
        with rings_peers.Engine(folder, {"play": play, **SINK}, [{"from": "play", "to": "null"}]) as engine:
            return engine.raw("play")["bits_per_second"]

    return "super-packets of 64 KiB replayed, copied", lambda: once(BIG), lambda: once(SMALL)


def merged(folder):
    """The same capture's segments, merged by GRO on the worker that delivers them, or not."""
    path = capture(folder, SMALL)

    def once(gro):
        play = {"device": f"net_pcap0,rx_pcap={path},infinite_rx=1", "features": {"gro": gro}}
        with rings_peers.Engine(folder, {"play": play, **SINK}, [{"from": "play", "to": "null"}]) as engine:
            found = engine.raw("play")
        if gro and found["super_packets"] * 2 < found["packets"]:
            raise rows.Unavailable(f"of {found['packets']} packets {found['super_packets']} were merged")
        return found["bits_per_second"]

    return "super-packets that GRO makes of 1500 B segments meanwhile", lambda: once(True), lambda: once(False)


def sent(folder):
    """Made anew each: written by the application, copied by the engine; they leave whole."""
    def once(*what):
        with rings_peers.Engine(folder, SINK, [{"from": "null", "to": "null"}]) as engine:
            return engine.packets("send", "--port", "null", "--size", *what)["bits_per_second"]

    return "super-packets of 64 KiB sent (TSO)", lambda: once(BIG, "--mss", 1460), lambda: once(SMALL)


def super_packets(rounds, folder):
    """Gbit/s of super-packets in each mode; beside them what memory gives."""
    yield from from_null(rounds, folder)
    for source in (replayed, merged, sent):
        case, large, small = source(folder)
        yield rows.alternate(case, "bit/s", SAME, ">= 5 x", large, small, rounds)
    for mib in (1, 64):
        yield rows.alone(f"memcpy, {mib} MiB at a time", "bit/s", "", lambda mib=mib: rings_peers.memcpy(mib << 20) * 8,
                         rounds)


def compare(rounds, folder):
    for group in (raw, super_packets):
        try:
            yield from group(rounds, folder)
        except rows.FAILURES as reason:
            yield rows.missing(group.__doc__, "", "", "", reason)
