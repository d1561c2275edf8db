# SPDX-License-Identifier: BSD-3-Clause
"""RFS: flows go where they are consumed, and follow when their consumer moves, in order."""
import pytest

import runs
import steered

pytestmark = steered.two_cpus
A, B = steered.CPUS if len(steered.CPUS) == 2 else (0, 1)
RFS = {"rps_sock_flow_entries": 4096}
QUEUES = {"rss": {"mode": "software", "queues": 8}, "rps_flow_cnt": 512}


def consume(cpus, **options):
    return {"type": "consume", "cpus": cpus, **options}


@pytest.mark.parametrize("cpu, worker", [(A, 0), (B, 1)])
def test_flows_go_to_their_consumer(weir, tmp_path, cpu, worker):
    # Tables large enough that no two flows share an entry.
    report = steered.run(
        weir, tmp_path,
        {"in": steered.generated(speed="50kpps") | QUEUES | {"rps_flow_cnt": 32768}},
        stages=["macswap", consume(str(cpu))], steering={"rps_sock_flow_entries": 262144})
    found = steered.processed(report)
    # Each flow's first packets come before anybody has consumed of it.
    assert found[worker] > 0.9 * sum(found), found
    assert steered.steering(report, "rfs_hits") > 0.9 * sum(found)
    # Those whose bucket was not there anyway, once each.
    assert 50 < steered.steering(report, "rfs_moves") < 150


def test_rfs_without_rss(weir, tmp_path):
    """One queue, no RPS map: the flows table alone moves flows off the receiver."""
    report = steered.run(weir, tmp_path,
                         {"in": steered.generated() | {"rss": {"mode": "off"}, "rps_flow_cnt": 4096}},
                         stages=[consume(str(B))], steering=RFS)
    found = steered.processed(report)
    assert found[1] > 0.9 * sum(found), found


@pytest.mark.parametrize("speed", ["top", "300kpps"])
@pytest.mark.parametrize("flows", [1, 200, 20_000])
def test_consumers_migrate(weir, tmp_path, speed, flows):
    """Far more flows than entries too: those that share an entry move together."""
    report = steered.run(
        weir, tmp_path, {"in": steered.generated(flows=flows, speed=speed, duration="1500ms") | QUEUES},
        stages=["macswap", consume(steered.BOTH, migrate="3ms")], steering=RFS)
    assert steered.steering(report, "rfs_moves") > 50, report["steering"]
    assert min(steered.processed(report)) > 0


PATHS = {
    # Packets wait in a FIFO of the stage: they have been taken from the backlog, but not left.
    "held": {"stages": [{"type": "noisy", "buffer": 256, "flush": "200us"}, consume(steered.BOTH, migrate="3ms")]},
    # A FIFO that is never empty: no flow may move, ever.
    "never flushed": {"stages": [consume(steered.BOTH, migrate="2ms"), {"type": "noisy", "buffer": 64}]},
    "dropped": {"stages": [{"type": "drop", "share": 0.3}, consume(steered.BOTH, migrate="3ms")]},
    # The other worker is slower: what waits for it is not overtaken.
    "work": {"stages": [consume(steered.BOTH, migrate="3ms"), {"type": "work", "cycles": 3000}]},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("out", ["device", "file"])
def test_nothing_overtakes_on(weir, tmp_path, path, out):
    """A file has one tx queue: worker 1 sends through worker 0, whose backlog is on the way too."""
    sink = {"out": runs.to_file(tmp_path / "out.pcap")} if out == "file" else {}
    report = steered.run(
        weir, tmp_path,
        {"in": steered.generated(flows=50, speed="150kpps", duration="1s") | QUEUES, **sink},
        steering=RFS, drops=("discarded",), **PATHS[path])
    moves, kept = (steered.steering(report, name) for name in ("rfs_moves", "rfs_kept"))
    assert kept > 0 and (moves > 20) == (path != "never flushed"), report["steering"]


def test_two_ports(weir, tmp_path):
    """Each worker receives from a port and processes for the other."""
    report = steered.run(
        weir, tmp_path,
        {"in": steered.generated(speed="100kpps") | QUEUES,
         "in2": steered.generated(speed="100kpps", seed=9) | QUEUES},
        stages=[consume(steered.BOTH, migrate="2ms")], steering=RFS)
    ports = report["steering"]["ports"]
    assert {port["port"] for port in ports} == {"in", "in2"}
    assert all(port["rfs_moves"] > 20 for port in ports), ports


def test_with_rps_and_balance(weir, tmp_path):
    """Consumers come first; flows that nobody consumes go by RPS, and the balancer moves those."""
    report = steered.run(
        weir, tmp_path,
        {"in": steered.generated(flows=3000, zipf=1.2, speed="top") | QUEUES | {"rps_cpus": steered.BOTH},
         "other": steered.generated(flows=3000, zipf=1.2, speed="top", seed=5) | QUEUES},
        pipelines=[{"from": "in", "to": "out", "stages": [consume(steered.BOTH, migrate="7ms")]},
                   {"from": "other", "to": "out", "stages": ["macswap"]}],
        steering=RFS | {"balance": True, "balance_tick_min": "100us", "balance_tick_max": "100us"})
    assert steered.steering(report, "rfs_moves") > 100
    assert steered.steering(report, "bucket_moves") > 10
