# SPDX-License-Identifier: BSD-3-Clause
"""Steering as a whole: the flow limit, every setting changed under load, and real captures through
all of it at once."""
import itertools
import os
import random
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

import runs
import steered

pytestmark = steered.two_cpus
A, B = steered.CPUS if len(steered.CPUS) == 2 else (0, 1)


@pytest.fixture(scope="module")
def herd(tmp_path_factory):
    """Nine packets of ten are an elephant's, the rest of 40 small flows."""
    path = tmp_path_factory.mktemp("herd") / "herd.pcap"
    draw = random.Random(5)
    wrpcap(str(path), [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") /
                       UDP(sport=port, dport=9) / bytes(18)
                       for port in (draw.randrange(2000, 2040) if draw.random() < 0.1 else 1000
                                    for _packet in range(4000))])
    return path


def lost(weir, folder, herd, cpus):
    """On its way to a worker that is too slow for it all: losses of small flows and of the elephant."""
    running, socket = steered.start(
        weir, folder, {"in": runs.from_file(herd, speed="60kpps", loop=0, pause=False) |
                       {"rss": {"mode": "off"}, "rps_cpus": str(B)}},
        stages=[{"type": "work", "cycles": 100_000}],
        steering={"netdev_max_backlog": 512, **({"flow_limit_cpus": cpus} if cpus else {})})
    running.wait_until(lambda: weir.run("show", "order", "--socket", socket, "--json").ok().json()
                       ["order"]["received"] > 60_000, "packets")
    raw = weir.run("show", "softnet", "--raw", "--socket", socket).ok().stdout
    report = steered.check(running.stop().ok().json(), drops=("backlog_full", "flow_limit"))
    flows = report["order"]["worst"]
    elephant = sum(flow["lost"] for flow in flows if ":1000" in flow["flow"])
    return report, elephant, report["order"]["lost"] - elephant, raw


@pytest.mark.alone # drops as many as it has no time for
def test_flow_limit_spares_small_flows(weir, tmp_path, herd):
    report, elephant, unprotected, _raw = lost(weir, tmp_path, herd, None)
    assert unprotected > 0.05 * elephant > 0, (elephant, unprotected)
    assert report["drops"]["flow_limit"]["packets"] == 0
    limited, elephant, small, raw = lost(weir, tmp_path, herd, str(B))
    # A worker that others keep from its CPU fills its backlog all the same.
    assert elephant > 1000 and small < 0.5 * unprotected, (elephant, small, unprotected)
    by_limit = limited["drops"]["flow_limit"]["packets"]
    assert by_limit > 0.5 * elephant
    softnet = limited["softnet"]
    softnet = softnet["cpus"] if isinstance(softnet, dict) else softnet
    assert sum(cpu["flow_limit_count"] for cpu in softnet) == by_limit
    counts = [int(line.split()[10], 16) for line in raw.splitlines()]
    assert 0 < max(counts) <= by_limit


# Each live setting, and values it may go through.
SETTINGS = {
    "steering.netdev_max_backlog": ["64", "4096", "1024", "20000", "100"],
    "steering.balance": ["on", "off"],
    "steering.scale": ["on", "off"],
    "steering.balance_tick_min": ["100us", "1ms"],
    "steering.balance_tick_max": ["1ms", "4ms"],
    "steering.rps_sock_flow_entries": ["off", "32768", "64", "1048576"],
    "steering.flow_limit_cpus": ["none", steered.BOTH],
    "steering.flow_limit_table_len": ["2", "4096"],
    "ports.in.rss.key": ["microsoft", "symmetric", "random"],
    "ports.in.rss.weights": ["none", "[3,1]", "[1,0,0,1]", "[0,1]"],
    "ports.in.rss.xfrm": ["none", "symmetric-xor", "symmetric-sort"],
    "ports.in.rss.fields.udp4": ["sd", "sdfn", "none"],
    "ports.in.rss.inner": ["true", "false"],
    "ports.in.rps_cpus": ["none", steered.BOTH, str(A), str(B), f'["{B}","{A}"]'],
    "ports.in.rps_flow_cnt": ["off", "64", "4096"],
    "ports.in2.rps_cpus": ["none", steered.BOTH],
    "ports.out.xps_cpus": ["none", f'["{A}","{B}"]', f'["{B}","{A}"]', f'["{A},{B}"]'],
    "ports.out.tx_retry": ["100us", "1ms"],
}


@pytest.mark.parametrize("speed", ["top", "100kpps"])
@pytest.mark.parametrize("stages", [
    [{"type": "consume", "cpus": steered.BOTH, "migrate": "5ms"}],
    [{"type": "consume", "cpus": steered.BOTH, "migrate": "5ms"}, {"type": "noisy", "buffer": 100, "flush": "1ms"}],
], ids=["plain", "held"])
def test_every_setting_while_packets_flow(weir, tmp_path, speed, stages):
    running, socket = steered.start(
        weir, tmp_path,
        {"in": steered.generated(flows=1000, zipf=1.1, speed=speed, duration="1min") |
         {"rss": {"mode": "software", "queues": 4}},
         # One queue and nothing to steer by, until it is given an RPS map.
         "in2": steered.generated(flows=100, speed="50kpps", seed=4, duration="1min") | {"rss": {"mode": "off"}}},
        pipelines=[{"from": "in", "to": "out", "stages": stages}, {"from": "in2", "to": "out"}],
        stats={"interval": "20ms", "table": False})
    seed = int(os.environ.get("WEIR_SEED", time.time()))
    print(f"WEIR_SEED={seed}")
    draw = random.Random(seed)
    changes = [[path, value] for path, values in SETTINGS.items() for value in values]
    draw.shuffle(changes)
    for change in changes:
        more = [[path, draw.choice(SETTINGS[path])] for path in draw.sample(sorted(SETTINGS), draw.randrange(3))
                if path != change[0]]
        result = weir.run("set", *itertools.chain(change, *more), "--socket", socket)
        assert result.code == 0, repr(result)
    # Who sends by way of another worker may find its backlog full for longer than tx_retry.
    report = steered.check(running.stop().ok().json(), drops=("tx_full",))
    assert report["account"]["in"] > 10_000


def test_real_capture_through_everything(weir, tmp_path, real_capture):
    """Emulated queues, RPS, RFS with consumers that migrate, balanced: no packet overtakes."""
    report = steered.run(
        weir, tmp_path,
        {"in": runs.from_file(real_capture.path, loop=20) |
         {"rss": {"mode": "software", "queues": 8}, "rps_cpus": steered.BOTH, "rps_flow_cnt": 4096}},
        stages=[{"type": "consume", "cpus": steered.BOTH, "migrate": "1ms"}],
        steering={"balance": True, "rps_sock_flow_entries": 32768, "balance_tick_min": "100us"})
    assert report["account"]["in"] == 20 * real_capture.packets
