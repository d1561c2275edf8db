#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir's rings against the shared-memory peers and sockets: two processes, one CPU each, in turns.

    rings_compare.py [--rounds N] [--json]"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

import peers
import rings_peers
import rows

SIZE = 64
LARGE = 65536
DEEP = ("-t", 256, "-r", 1024, "-l", 32, "-Q", 64, "-I", SIZE)  # 32 at a time, as memif's bursts


def turns(rounds, ours, theirs):
    """Pairs of what two measurements found, or why there are none."""
    try:
        return [(ours(), theirs()) for _round in range(rounds)], None
    except rows.FAILURES as reason:
        return [], reason


def points(rounds, case, peer, ours, theirs, goals):
    """Rows of several percentiles of the same runs."""
    pairs, reason = turns(rounds, ours, theirs)
    for point, goal in goals.items():
        name = f"{case}, p{point}"
        if reason is not None:
            yield rows.missing(name, "ns", peer, goal, reason)
            continue
        left, right = (iter([pair[side][point] for pair in pairs]) for side in (0, 1))
        yield rows.alternate(name, "ns", peer, goal, left.__next__, right.__next__, rounds)


def latency(rounds, engine):
    send = lambda: engine.latency("send", SIZE)  # noqa: E731
    case = "SEND 64 B, one way"
    yield from points(rounds, case, "bare cache line back and forth", send, rings_peers.pingpong,
                      {"50": "<= 1.3 x", "99.9": ""})
    for name, zero_copy in (("memif, copy", False), ("memif, zero copy", True)):
        yield from points(rounds, case, name, send,
                          lambda zero_copy=zero_copy: rings_peers.memif_latency(SIZE, zero_copy),
                          {"50": "", "99.9": "<= 1.0 x"})
    for verb, test in (("send", "tag_lat"), ("write", "ucp_put_lat")):
        yield rows.alternate(f"{verb.upper()} 64 B, one way, p50", "ns", f"UCX {test}", "",
                             lambda verb=verb: engine.latency(verb, SIZE)["50"],
                             lambda test=test: rings_peers.ucx(test, SIZE, 100000)["latency"], rounds)
    for transport in ("unix", "udp", "tcp", "tcp-nodelay"):
        yield from points(rounds, case, f"{transport}, polled", send,
                          lambda transport=transport: engine.latency("send", SIZE, "--transport", transport,
                                                                     iterations=20000),
                          {"50": "", "99.9": ""})
    scheduled = ("--rate", 10000)
    yield from points(rounds, "SEND 1024 B at 10,000/s, from when due", "tcp-nodelay, polled",
                      lambda: engine.latency("send", 1024, *scheduled, iterations=10000),
                      lambda: engine.latency("send", 1024, *scheduled, "--transport", "tcp-nodelay",
                                             iterations=10000), {"50": "", "99.9": ""})


def programs(rounds, engine):
    """Debian's own, unmodified."""
    for name, test, goal in (("ib_send_lat", "tag_lat", "<= 0.65 x"),
                             ("ib_write_lat", "ucp_put_lat", "<= 1.05 x")):
        yield rows.alternate(f"{name} 64 B over weir, p50", "ns", f"UCX {test}", goal,
                             lambda name=name: engine.program_latency(name, SIZE),
                             lambda test=test: rings_peers.ucx(test, SIZE, 100000)["latency"], rounds)
    for name, test, goal in (("ib_write_bw", "ucp_put_bw", ">= 0.9 x"), ("ib_send_bw", "tag_bw", ">= 3 x")):
        yield rows.alternate(f"{name} 64 KiB over weir", "B/s", f"UCX {test}, 64 KiB", goal,
                             lambda name=name: engine.program_bandwidth(name, LARGE, 20000),
                             lambda test=test: rings_peers.ucx(test, LARGE, 20000)["bytes"], rounds)


def rates(rounds, engine):
    for name, zero_copy, goal in (("memif, copy", False, ">= 3 x"), ("memif, zero copy", True, ">= 1.5 x")):
        yield rows.alternate("SEND 64 B, 32 in a list", "msg/s", name, goal,
                             lambda: engine.bandwidth("send", SIZE, 5000000, *DEEP)["rate"],
                             lambda zero_copy=zero_copy: rings_peers.memif_rate(SIZE, zero_copy), rounds)
    yield rows.alternate("WRITE 64 KiB", "B/s", "memcpy, 64 KiB", ">= 0.6 x",
                         lambda: engine.bandwidth("write", LARGE, 50000)["bytes"],
                         lambda: rings_peers.memcpy(LARGE), rounds)


def raw(rounds, folder):
    """Packets of a port that makes them as fast as they are taken."""
    for size in (64, 1500):
        port = {"null": {"device": f"net_null0,size={size},copy=0"}}

        def received(port=port):
            with rings_peers.Engine(folder, port, [{"from": "null", "to": "null"}]) as engine:
                return engine.raw("null")["packets_per_second"]

        yield rows.alternate(f"raw-packet QP, net_null, {size} B", "pkt/s", "memif, zero copy", ">= 1.0 x",
                             received, lambda size=size: rings_peers.memif_rate(size, True), rounds)


def segments(count=2048):
    """One bulk transfer, as a wire brings it."""
    ends = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2")
    for number in range(count):
        yield (ends / TCP(sport=5001, dport=5002, seq=1 + number * 1448, ack=1, flags="A",
                          options=[("NOP", None), ("NOP", None), ("Timestamp", (1, 1))]) / Raw(bytes(1448)))


def super_packets(rounds, folder):
    """The same capture's segments, merged by GRO on the way or not."""
    path = Path(folder) / "segments.pcap"
    wrpcap(str(path), list(segments()))

    def bits(gro):
        port = {"play": {"device": f"net_pcap0,rx_pcap={path},infinite_rx=1", "features": {"gro": gro}},
                "null": {"device": "net_null0,copy=0,no-rx=1"}}
        with rings_peers.Engine(folder, port, [{"from": "play", "to": "null"}]) as engine:
            found = engine.raw("play")
        if gro and found["super_packets"] * 2 < found["packets"]:
            raise rows.Unavailable(f"of {found['packets']} packets {found['super_packets']} were merged")
        return found["bits_per_second"]

    yield rows.alternate("raw-packet QP, super-packets of 1500 B segments", "bit/s", "the segments themselves",
                         ">= 5 x", lambda: bits(True), lambda: bits(False), rounds)


def checks(rounds, engine):
    """A message with all checks of what requests name, and the same build without."""
    def rate(name):
        return engine.bandwidth("send", SIZE, 5000000, *DEEP, program=rings_peers.BENCH / name)["rate"]

    def cycles(name):
        return rings_peers.built(name)["cycles"]

    yield rows.alternate("SEND 64 B, 32 in a list, with all checks", "msg/s", "the same build without", ">= 0.97 x",
                         lambda: rate("rings_perf_checked"), lambda: rate("rings_perf_unchecked"), rounds)
    yield rows.alternate("executor alone, SEND and WRITE of 64 B", "cycles", "the same build without", "",
                         lambda: cycles("rings_checked"), lambda: cycles("rings_unchecked"), rounds)


def attached(rounds, folder, groups):
    """Those that need an engine for applications: if there is none, each says so."""
    try:
        with rings_peers.Engine(folder) as engine:
            for group in groups:
                yield from group(rounds, engine)
    except rows.FAILURES as reason:
        yield rows.missing("rings between applications", "", "", "", reason)


def compare(rounds, folder):
    yield from attached(rounds, folder, (latency, programs, rates, checks))
    for group in (raw, super_packets):
        try:
            yield from group(rounds, folder)
        except rows.FAILURES as reason:
            yield rows.missing(group.__doc__, "", "", "", reason)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for row in compare(options.rounds, folder):
            found.append(row)
            print(f"  {row.case}: {row.not_measured or rows.number(row.weir)}", file=sys.stderr, flush=True)
    print(json.dumps([row._asdict() for row in found]) if options.json else rows.table(found))


if __name__ == "__main__":
    main()
