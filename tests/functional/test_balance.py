# SPDX-License-Identifier: BSD-3-Clause
"""The balancer: a skewed load evens out, and no packet is lost or overtaken by moving."""
import time

import pytest

import runs
import steered

pytestmark = steered.two_cpus
QUEUES = {"rss": {"mode": "software", "queues": 2}}
WORK = [{"type": "work", "cycles": 2000}]
BALANCED = {"balance": True}
# As often as it can.
RESTLESS = {"balance": True, "balance_tick_min": "100us", "balance_tick_max": "100us"}


def skewed(**options):
    """Flows from big to small, and the RETA gives all of them to worker 0."""
    return steered.generated(flows=2000, zipf=0.8, speed="200kpps", **options) | {
        "rss": {"mode": "software", "queues": 2, "weights": [1, 0]}}


def unevenness(report):
    """Cycles of the busiest worker, as a multiple of the mean. Not packets: who receives has that
    to do too, and gets fewer to process."""
    found = [worker["busy_cycles"] for worker in report["workers"]]
    return max(found) * len(found) / sum(found)


def test_shares_even_out(weir, tmp_path):
    off = steered.run(weir, tmp_path, {"in": skewed(duration="2s")}, stages=WORK)
    on = steered.run(weir, tmp_path, {"in": skewed(duration="2s")}, stages=WORK, steering=BALANCED)
    assert steered.steering(off, "bucket_moves") == 0
    # How even depends on who else runs here: the benchmark tells.
    assert unevenness(on) < 1.5 and unevenness(off) > 1.8, (on["workers"], off["workers"])
    assert steered.steering(on, "bucket_moves") > 0
    assert on["steering"]["balancer"]["active_workers"] == 2


def test_restless(weir, tmp_path):
    """Moves all the time, under as much as it can carry."""
    report = steered.run(
        weir, tmp_path, {"in": skewed(duration="3s") | {"rps_cpus": steered.BOTH},
                         "in2": steered.generated(flows=100, zipf=1.1, speed="top", duration="3s") | QUEUES},
        stages=["macswap"], steering=RESTLESS)
    assert steered.steering(report, "bucket_moves") > 100
    assert {port["port"] for port in report["steering"]["ports"] if port["bucket_moves"]} == {"in", "in2"}


@pytest.mark.parametrize("fifo", [{"buffer": 256}, {"buffer": 256, "flush": "100us"}])
@pytest.mark.parametrize("out", ["device", "file"])
def test_what_is_held_is_waited_for(weir, tmp_path, fifo, out):
    """A stage that holds packets is asked to let them go when a move has waited long enough."""
    sink = {"out": runs.to_file(tmp_path / "out.pcap")} if out == "file" else {}
    report = steered.run(weir, tmp_path, {"in": skewed(duration="1500ms"), **sink},
                         stages=[{"type": "noisy", **fifo}, {"type": "work", "cycles": 500}], steering=RESTLESS)
    assert steered.steering(report, "bucket_moves") > 10
    assert steered.steering(report, "parked_packets") > 0
    longest = max(port["park_longest_ns"] for port in report["steering"]["ports"])
    assert longest < 200e6, longest


@pytest.mark.parametrize("speed, cycles, workers", [("5kpps", 500, 1), ("200kpps", 15000, 2)])
def test_no_more_workers_than_needed(weir, tmp_path, speed, cycles, workers):
    """With "scale": a trickle goes to one worker; what is too much for one, to both."""
    running, socket = steered.start(
        weir, tmp_path, {"in": steered.generated(flows=500, speed=speed, duration="1min") | QUEUES},
        stages=[{"type": "work", "cycles": cycles}], steering=BALANCED | {"scale": True})

    def settled():
        found = weir.run("show", "steering", "--socket", socket, "--json").ok().json()["steering"]
        return found["balancer"]["steps"] > 200 and found["balancer"]["active_workers"] == workers and \
            len(set(found["ports"][0]["buckets"]["worker"])) == workers

    running.wait_until(settled, f"{workers} at work")
    steered.check(running.stop().ok().json())


def test_from_many_ports(weir, tmp_path):
    """Received by both workers, and all of it wanted at the first."""
    ports = {f"in{i}": steered.generated(flows=300, zipf=1.0, speed="40kpps", seed=i + 1, duration="1500ms") | {
        "rss": {"mode": "software", "queues": 2, "weights": [1, 0]}} for i in range(4)}
    report = steered.run(weir, tmp_path, ports, stages=WORK, steering=BALANCED)
    assert {port["receiver"] for port in report["steering"]["ports"]} == {0, 1}
    assert unevenness(report) < 1.5, report["workers"]


def test_three_workers_on_two_cpus(weir, tmp_path):
    report = steered.run(weir, tmp_path, {"in": skewed(duration="1500ms")}, stages=WORK,
                         workers={"count": 3, "idle": "adaptive"}, steering=RESTLESS)
    assert len(report["workers"]) == 3


def test_switched_and_stopped_while_it_moves(weir, tmp_path):
    """Off and on, with moves on the way; and stopped in the middle of it."""
    running, socket = steered.start(weir, tmp_path, {"in": skewed(duration="1min")}, stages=WORK, steering=RESTLESS)

    def moves():
        found = weir.run("show", "steering", "--socket", socket, "--json").ok().json()["steering"]
        return found["ports"][0]["bucket_moves"], found["ports"][0]["buckets"]["worker"]

    running.wait_until(lambda: moves()[0] > 0, "moves")
    for _time in range(5):
        weir.run("set", "steering.balance", "off", "--socket", socket).ok()
        before, workers = moves()
        # What the balancer did is undone: the RETA decides again.
        assert workers == [0] * 128
        time.sleep(0.1)
        assert moves()[0] == before
        weir.run("set", "steering.balance", "on", "--socket", socket).ok()
        running.wait_until(lambda low=before: moves()[0] > low, "new moves")
    steered.check(running.stop().ok().json())
