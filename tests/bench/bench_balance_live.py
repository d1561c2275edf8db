# SPDX-License-Identifier: BSD-3-Clause
"""Two real workers: what balancing costs and brings, and one flow over both. Workers run under
SCHED_FIFO, the other threads above them, so that what else the machine does takes little of them."""
import json
from pathlib import Path

import peers
import rows

SECONDS = 2
WORK_CYCLES = 500  # a packet, as the elephant's stages take
LONG_WORK = [{"type": "work", "cycles": 2000}]  # beside which receiving is little


def run(folder, capture, workers=2, speed="top", stages=None, pipeline=None, rss=None, **steering):
    """The report of a run for SECONDS."""
    config = {
        "ports": {"in": {"replay": {"files": [str(capture)], "speed": speed, "loop": "forever",
                                    "duration": f"{SECONDS}s", "pause": speed == "top"},
                         "rss": {"queues": workers, "reta_size": 512, **(rss or {})}},
                  "out": {"device": "net_null0"}},
        "workers": {"count": workers, "scheduler": "fifo", "priority": 10}, "steering": steering,
        "pipelines": [{"from": "in", "to": "out", **(pipeline or {}),
                       "stages": stages or [{"type": "work", "cycles": WORK_CYCLES}]}],
        "stats": {"table": False}, "control": {"socket": ""}}
    path = Path(folder) / "live.json"
    path.write_text(json.dumps(config))
    return json.loads(peers.run(["chrt", "-f", "20", peers.WEIR, "run", path, "--json"], 30))


def pps(report):
    return report["account"]["out"] / SECONDS


def p99(report):
    return report["latency"]["since_start"]["p99"]


def best_pps(folder, capture):
    """What two workers do when each has half."""
    return max(pps(run(folder, capture, stages=LONG_WORK)) for _round in range(2))


def compare(rounds, folder, generated):
    even = generated(folder, "even.pcap", "--packets", 50000, "--flows", 10000)
    skewed = generated(folder, "skewed.pcap", "--packets", 50000, "--flows", 10000, "--zipf", 0.8)
    elephant = generated(folder, "elephant.pcap", "--packets", 50000, "--flows", 1)
    shares = {"weights": [1, 4]}
    yield rows.alternate(
        "even load: balancing on, against off", "pps", "weir, balance off", ">= 0.98 x",
        lambda: pps(run(folder, even, balance=True)), lambda: pps(run(folder, even)), rounds)
    yield rows.alternate(
        "shares 1:4, top speed: balancing on, against static RSS", "pps", "weir, balance off", "",
        lambda: pps(run(folder, skewed, rss=shares, balance=True)),
        lambda: pps(run(folder, skewed, rss=shares)), rounds)
    rate = f"{int(0.7 * best_pps(folder, even))}pps"
    yield rows.alternate(
        "shares 1:4, 70 % load: p99 latency, against static RSS", "ns", "weir, balance off",
        "<= 0.2 x",
        lambda: p99(run(folder, skewed, speed=rate, rss=shares, stages=LONG_WORK, balance=True)),
        lambda: p99(run(folder, skewed, speed=rate, rss=shares, stages=LONG_WORK)), rounds)
    yield rows.alternate(
        f"one flow, {WORK_CYCLES} cycles a packet: two workers in order", "pps", "weir, one worker",
        ">= 1.7 x", lambda: pps(run(folder, elephant, pipeline={"order": "restore"})),
        lambda: pps(run(folder, elephant, workers=1)), rounds)
