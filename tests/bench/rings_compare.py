#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir's rings against the shared-memory peers and sockets: two processes, one CPU each, in turns.

    rings_compare.py [--rounds N] [--json]"""
import argparse
import json
import sys
import tempfile

import rings_peers
import rings_raw
import rows

SIZE = 64
LARGE = 65536
DEEP = ("-t", 256, "-r", 1024, "-l", 32, "-Q", 64, "-I", SIZE)  # 32 at a time, as memif's bursts
SOCKETS = ("unix", "udp", "tcp", "tcp-nodelay")


def point(values, which):
    """One percentile of each run."""
    return [value[which] for value in values] if isinstance(values, list) else values


def latency(rounds, engine):
    """Each way to send 64 B once a round."""
    def socket(transport):
        return lambda: engine.latency("send", SIZE, "--transport", transport, iterations=20000)

    def memif(zero_copy):
        return lambda: rings_peers.memif_latency(SIZE, zero_copy)

    def ucx(test):
        return lambda: {"50": rings_peers.ucx(test, SIZE, 100000)["latency"]}

    def program(name):
        return lambda: {"50": engine.program_latency(name, SIZE)}

    send, write, both = "SEND 64 B, one way", "WRITE 64 B, one way", {"50": "", "99.9": ""}
    line = "bare cache line back and forth"
    found = rows.in_turns(rounds, {
        send: lambda: engine.latency("send", SIZE), line: rings_peers.pingpong,
        "memif, copy": memif(False), "memif, zero copy": memif(True),
        **{f"{name}, polled": socket(name) for name in SOCKETS},
        "ib_send_lat 64 B over weir": program("ib_send_lat"), "UCX tag_lat": ucx("tag_lat"),
        write: lambda: engine.latency("write", SIZE),
        "ib_write_lat 64 B over weir": program("ib_write_lat"), "UCX ucp_put_lat": ucx("ucp_put_lat")})
    for ours, peer, goals in (
            (send, line, {"50": "<= 1.3 x", "99.9": ""}),
            (send, "memif, copy", {"50": "", "99.9": "<= 1.0 x"}),
            (send, "memif, zero copy", {"50": "", "99.9": "<= 1.0 x"}),
            *((send, f"{name}, polled", both) for name in SOCKETS),
            (send, "UCX tag_lat", {"50": ""}), (write, "UCX ucp_put_lat", {"50": ""}),
            ("ib_send_lat 64 B over weir", "UCX tag_lat", {"50": "<= 0.65 x"}),
            ("ib_write_lat 64 B over weir", "UCX ucp_put_lat", {"50": "<= 1.05 x"})):
        for which, goal in goals.items():
            yield rows.compared(f"{ours}, p{which}", "ns", peer, goal, point(found[ours], which),
                                point(found[peer], which))


def scheduled(rounds, engine):
    """The test of qpid: late ones count from when they were due."""
    def run(*words):
        return lambda: engine.latency("send", 1024, "--rate", 10000, *words, iterations=3000)

    found = rows.in_turns(rounds, {"weir": run(), "tcp": run("--transport", "tcp-nodelay")})
    for which in ("50", "99.9"):
        yield rows.compared(f"SEND 1024 B at 10,000/s, from when due, p{which}", "ns", "tcp-nodelay, polled", "",
                            point(found["weir"], which), point(found["tcp"], which))


def programs(rounds, engine):
    """Bandwidth of Debian's, unmodified."""
    for name, test, goal in (("ib_write_bw", "ucp_put_bw", ">= 0.9 x"), ("ib_send_bw", "tag_bw", ">= 3 x")):
        yield rows.alternate(f"{name} 64 KiB over weir", "B/s", f"UCX {test}, 64 KiB", goal,
                             lambda name=name: engine.program_bandwidth(name, LARGE, 20000),
                             lambda test=test: rings_peers.ucx(test, LARGE, 20000)["bytes"], rounds)


def rates(rounds, engine):
    """Messages a second, with memif doing the same work; and bare loops, in which nobody makes or reads one."""
    memifs = {"memif, copy": (False, ">= 3 x"), "memif, zero copy": (True, ">= 1.5 x")}
    for case, ours, end, payload in (
            ("SEND 64 B, each made anew and read", lambda: rings_peers.messages(engine, SIZE), "", True),
            ("SEND 64 B, bare loop", lambda: engine.bandwidth("send", SIZE, 20000000, *DEEP)["rate"],
             ", bare loop", False)):
        found = rows.in_turns(rounds, {"weir": ours, **{
            name: lambda zero_copy=zero_copy, payload=payload: rings_peers.memif_rate(SIZE, zero_copy, payload)
            for name, (zero_copy, _goal) in memifs.items()}})
        for name, (_zero_copy, goal) in memifs.items():
            yield rows.compared(case, "msg/s", name + end, goal, found["weir"], found[name])
    yield rows.alternate("WRITE 64 KiB", "B/s", "memcpy, 64 KiB", ">= 0.6 x",
                         lambda: engine.bandwidth("write", LARGE, 50000)["bytes"],
                         lambda: rings_peers.memcpy(LARGE), rounds)


def checks(rounds, engine):
    """A message with all checks of what requests name, and the same build without."""
    def rate(name):
        return engine.bandwidth("send", SIZE, 20000000, *DEEP, program=rings_peers.BENCH / name)["rate"]

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
    yield from attached(rounds, folder, (latency, scheduled, programs, rates, checks))
    yield from rings_raw.compare(rounds, folder)


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
