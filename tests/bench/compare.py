# SPDX-License-Identifier: BSD-3-Clause
"""The groups of scripts/bench. Each yields rows; what cannot be measured here says why."""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_balance_live
import bench_iperf3
import bench_kernel_rps
import peers
import rings_compare
import rows

sys.path.insert(0, str(peers.ROOT / "tests/functional"))
import captures  # noqa: E402
import namespaces  # noqa: E402

NULL = ["net_null0,copy=0", "net_null1,copy=0"]


def generated(folder, name, *options):
    path = Path(folder) / name
    peers.run([peers.WEIR, "generate", path, "--seed", 1, *options], 60)
    return path


def spread(found):
    """Of the ratios where the program tells them, else of weir's values."""
    if "ratio_min" in found:
        return f"{found['ratio_min']:.2f}-{found['ratio_max']:.2f}"
    return f"{rows.number(found['weir_min'])}-{rows.number(found['weir_max'])}"


def program_row(found):
    """A row as a C benchmark prints it."""
    if found.get("not_measured"):
        return rows.missing(found["case"], found["unit"], found.get("peer", ""), found["goal"],
                            found["not_measured"])
    return rows.Row(found["case"], found["unit"], found["weir"], found.get("peer", ""),
                    found.get("peer_value"), found.get("ratio"), spread(found), found["goal"],
                    rows.judge(found["goal"], found["weir"], found.get("ratio")))


# C benchmarks that are groups of their own.
OWN_GROUPS = {"bench_checksum", "bench_gro", "bench_gso"}


def program_rows(program):
    try:
        found = json.loads(peers.run([program, "--json"], 120))["rows"]
    except (rows.Unavailable, ValueError) as reason:
        yield rows.missing(program.name, "", "", "", reason)
        return
    yield from map(program_row, found)


def primitives(_rounds, _folder):
    """The C benchmarks, which alternate with their peers themselves."""
    for program in sorted((peers.ROOT / "build/tests/bench").glob("bench_*")):
        if program.is_file() and program.name not in OWN_GROUPS:
            yield from program_rows(program)


def checksum(_rounds, _folder):
    """Checksums in software, against DPDK's."""
    yield from program_rows(peers.ROOT / "build/tests/bench/bench_checksum")


def gro(_rounds, _folder):
    """GRO against rte_gro."""
    yield from program_rows(peers.ROOT / "build/tests/bench/bench_gro")


def gso(_rounds, _folder):
    """GSO against rte_gso, checksums made too."""
    yield from program_rows(peers.ROOT / "build/tests/bench/bench_gso")


def iperf3(rounds, _folder):
    """iperf3 between two namespaces, through weir and through the kernel's bridge."""
    yield from bench_iperf3.compare(rounds)


def kernel_rps(rounds, _folder):
    """The kernel's RPS on a veth, beside weir on the same one."""
    yield from bench_kernel_rps.compare(rounds)


def balance(rounds, folder):
    """Balancing, and one flow over two workers, on two real ones."""
    yield from bench_balance_live.compare(rounds, folder, generated)


def forward(rounds, folder):
    """One forwarding core against testpmd."""
    for mode, goal in (("io", ">= 0.95 x"), ("macswap", ">= 1.0 x"), ("mac", "")):
        yield rows.alternate(f"{mode}, null to null, 64 B", "pps", "testpmd", goal,
                             lambda mode=mode: peers.weir_pps(NULL, mode),
                             lambda mode=mode: peers.testpmd_pps(NULL, mode), rounds)
    path = generated(folder, "forward.pcap", "--packets", 1024, "--flows", 64, "--protocol", "tcp",
                     "--size", 64)
    devices = [f"net_pcap0,rx_pcap={path},infinite_rx=1", "net_null1,copy=0,no-rx=1"]
    for mode in ("csum", "5tswap"):
        yield rows.alternate(f"{mode}, TCP of a capture to null", "pps", "testpmd", ">= 1.0 x",
                             lambda mode=mode: peers.weir_pps(devices, mode),
                             lambda mode=mode: peers.testpmd_pps(devices, mode), rounds)


def replay(rounds, folder):
    """Top speed: into the pipeline, against what tcpreplay and net_pcap reach."""
    path = generated(folder, "replay.pcap", "--packets", 100000, "--flows", 1000, "--size", "imix")

    def weir(workers=1):
        return peers.weir_json("replay", path, "--workers", workers, "--speed", "top", "--loop",
                               100)["rate"]["pps"]

    devices = [f"net_pcap0,rx_pcap={path},infinite_rx=1", "net_null1,copy=0,no-rx=1"]
    yield rows.alternate("replay at top speed", "pps", "net_pcap infinite_rx", ">= 1.5 x", weir,
                         lambda: peers.testpmd_pps(devices, "io"), rounds)
    space = namespaces.Namespace()
    try:
        space.veth("one", "two")
        yield rows.alternate("replay at top speed", "pps", "tcpreplay -K on veth", ">= 20 x", weir,
                             lambda: peers.tcpreplay_pps(path, "one", space), rounds)
    finally:
        space.destroy()


def gap_errors(path, space, sender):
    """Plays `path` from interface one; |gap error| in ns of each packet as tcpdump saw it at two."""
    wanted = [time_ns for time_ns, _frame in captures.timed_frames(path)]
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "seen.pcap"
        tcpdump = subprocess.Popen(
            # One core each side: the sender is on CPU 1.
            space.prefix() + ["taskset", "-c", "0", "tcpdump", "-i", "two", "-w", str(seen), "-B", "65536", "-U",
                              "--time-stamp-precision=nano", "-Q", "in", "-Z", "root"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        tcpdump.stderr.readline()  # "listening on"
        time.sleep(0.2)
        try:
            sender()
            time.sleep(1.2)  # tcpdump takes blocks that are full, or a second old
        finally:
            tcpdump.terminate()
            tcpdump.wait(timeout=10)
        got = [time_ns for time_ns, _frame in captures.timed_frames(seen)]
    if len(got) != len(wanted):
        raise peers.Unavailable(f"{len(got)} of {len(wanted)} packets arrived")
    errors = sorted(abs((got[i] - got[i - 1]) - (wanted[i] - wanted[i - 1]))
                    for i in range(1, len(got)))
    return {"p50": errors[len(errors) // 2], "p99": errors[len(errors) * 99 // 100]}


def timing(rounds, folder):
    """The capture's own gaps, of 100 us: stamped in the engine, and at the far end of a veth."""
    path = generated(folder, "timing.pcap", "--packets", 20000, "--speed", "10kpps", "--size", 590)
    reports = [peers.weir_json("replay", path, "--workers", 1, "--cpus", 1)
               for _round in range(rounds)]
    span = captures.span_ns(path)
    for case, unit, goal, values in (
            ("replay timing error, in the engine, p50", "ns", "<= 50",
             [report["timing_error_ns"]["p50"] for report in reports]),
            ("replay span error, in the engine", "%", "<= 0.01",
             [abs(report["duration_ns"] - span) / span * 100 for report in reports])):
        yield rows.alone(case, unit, goal, iter(values).__next__, rounds)
    space = namespaces.Namespace()
    try:
        space.veth("one", "two")
        pairs = []
        for _round in range(rounds):
            pairs.append((
                gap_errors(path, space, lambda: peers.run(
                    [peers.WEIR, "replay", path, "--workers", 1, "--cpus", 1, "--port",
                     "net_af_packet0,iface=one"], 30, space)),
                gap_errors(path, space, lambda: peers.run(
                    ["taskset", "-c", "1", "tcpreplay", "-i", "one", path], 30, space))))
        for quantile in ("p50", "p99"):
            ours, theirs = zip(*((pair[0][quantile], pair[1][quantile]) for pair in pairs))
            yield rows.alternate(f"gap error at the far end of a veth, {quantile}", "ns", "tcpreplay",
                                 "<= 0.333 x", iter(ours).__next__, iter(theirs).__next__, rounds)
    finally:
        space.destroy()


def start(rounds, folder):
    """From the command to the first packet on the wire, without hugepages."""
    path = generated(folder, "start.pcap", "--packets", 100)
    space = namespaces.Namespace()

    def first_packet_seconds():
        wire = space.wire("two")
        before = time.monotonic()
        process = subprocess.Popen(
            space.prefix() + [peers.WEIR, "replay", str(path), "--memory", "no-huge", "--workers",
                              "1", "--speed", "top", "--port", "net_af_packet0,iface=one"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        arrived = wire.receive(1, 10)
        seconds = time.monotonic() - before
        process.wait(timeout=20)
        if not arrived:
            raise peers.Unavailable("no packet arrived")
        return seconds

    try:
        space.veth("one", "two")
        yield rows.alone("start to first packet, no hugepages", "s", "< 0.5", first_packet_seconds,
                         rounds)
    finally:
        space.destroy()


def rings(rounds, folder):
    """Rings between applications: against shared-memory peers, sockets and UCX."""
    yield from rings_compare.compare(rounds, folder)


GROUPS = {group.__name__: group for group in (primitives, checksum, gro, gso, iperf3, balance, forward, replay, timing, start, rings,
                                           kernel_rps)}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--rounds", type=int, default=5, help="alternations (default 5)")
    parser.add_argument("--json", default=str(peers.ROOT / "build/bench.json"), metavar="FILE")
    options = parser.parse_args()
    for name in options.groups:
        if name not in GROUPS:
            parser.error(f"no group {name}; there are {', '.join(GROUPS)}")
    found = []
    for name in options.groups or GROUPS:
        print(f"{name}: {GROUPS[name].__doc__}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                for row in GROUPS[name](options.rounds, folder):
                    found.append(row)
                    value = row.not_measured or f"{rows.number(row.weir)} {row.unit}"
                    print(f"  {row.case}: {value}", file=sys.stderr, flush=True)
            except rows.FAILURES as reason:
                found.append(rows.missing(f"the rest of {name}", "", "", "", reason))
                print(f"  not measured: {reason}", file=sys.stderr, flush=True)
    print(rows.table(found))
    Path(options.json).parent.mkdir(parents=True, exist_ok=True)
    Path(options.json).write_text(json.dumps([row._asdict() for row in found], indent=2) + "\n")
    missed = [row for row in found if row.met is False]
    goals = sum(1 for row in found if row.met is not None)
    print(f"{goals - len(missed)} of {goals} goals met; "
          f"{sum(1 for row in found if row.not_measured)} rows not measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
