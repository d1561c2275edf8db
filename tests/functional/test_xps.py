# SPDX-License-Identifier: BSD-3-Clause
"""XPS: who sends through which tx queue, and that a queue is written by one worker only."""
import pytest

import runs
import steered

pytestmark = [steered.two_cpus, pytest.mark.alone] # loses what it has no time for
A, B = steered.CPUS if len(steered.CPUS) == 2 else (0, 1)
IN = {"in": steered.generated(speed="50kpps", duration="500ms") | {"rss": {"mode": "software", "queues": 4}}}


def queues(report, port="out"):
    """{tx queue: its worker} and packets of each."""
    found = [queue for queue in report["queues"] if queue["kind"] == "tx" and queue["port"] == port]
    return ({queue["queue"]: queue["worker"] for queue in found if queue["packets"]},
            {queue["queue"]: queue["packets"] for queue in found})


def sent(weir, tmp_path, out, workers=2, **sections):
    report = steered.run(weir, tmp_path, IN | {"out": out if "file" in out else {"device": "net_null0", **out}},
                         workers={"count": workers, "idle": "adaptive"} if workers > 2
                         else {"cpus": steered.BOTH, "idle": "adaptive"}, **sections)
    return report, *queues(report)


@pytest.mark.parametrize("lists, expected", [
    ([f"{A}", f"{B}"], {0: 0, 1: 1}),
    ([f"{B}", f"{A}"], {0: 1, 1: 0}),
    # Two workers of one queue: the first of them owns it.
    ([f"{A},{B}"], {0: 0}),
    (["", f"{A},{B}"], {1: 0}),
    # Nobody named: one each, as the queues come.
    ([""], {0: 0, 1: 1}),
    # Named by two, a worker takes one; the other takes what is left.
    ([f"{B}", f"{B}"], {0: 1, 1: 0}),
])
def test_xps_cpus(weir, tmp_path, lists, expected):
    report, of_queue, packets = sent(weir, tmp_path, {"xps_cpus": lists})
    assert of_queue == expected
    found = steered.processed(report)
    for queue, worker in expected.items():
        assert packets[queue] == (sum(found) if len(expected) == 1 else found[worker])


def test_rx_queues_come_before_cpus(weir, tmp_path):
    """Workers 0 and 1 serve the even and the odd rx queues."""
    _report, of_queue, _packets = sent(
        weir, tmp_path, {"xps_rxqs": ["1,3", "0,2"], "xps_cpus": [f"{A}", f"{B}"]})
    assert of_queue == {0: 1, 1: 0}


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_fewer_queues_than_workers(weir, tmp_path, workers):
    """A file has one: the first worker sends for all. What it does not take at once, waits."""
    report, of_queue, packets = sent(weir, tmp_path, runs.to_file(tmp_path / "out.pcap"), workers=workers)
    assert of_queue == {0: 0} and packets[0] == report["account"]["out"]
    assert len([count for count in steered.processed(report) if count]) == min(workers, 4)


@pytest.mark.parametrize("lists, owners", [
    (["0", "1"], 2), (["0,1", ""], 1), (["", "0,1"], 1)])
def test_many_workers_share(weir, tmp_path, lists, owners):
    """Four workers on two CPUs, queues by CPU: the first of each group sends for the others."""
    lists = [",".join(str(steered.CPUS[int(place)]) for place in cpus.split(",") if place) for cpus in lists]
    report, of_queue, packets = sent(weir, tmp_path, {"xps_cpus": lists}, workers=4)
    assert len(of_queue) == owners and sum(packets.values()) == report["account"]["out"], of_queue


def test_changed_while_it_runs(weir, tmp_path):
    """All workers rest for a moment; nothing is lost, and packets leave through the new queues."""
    running, socket = steered.start(weir, tmp_path, IN | {
        "in": steered.generated(speed="100kpps", duration="1min") | {"rss": {"mode": "software", "queues": 4}},
        "out": {"device": "net_null0"}})
    for lists, expected in [([f"{A}", f"{B}"], {0: 0, 1: 1}), (["", f"{A},{B}"], {1: 0}),
                            ([f"{B}", f"{A}"], {0: 1, 1: 0}), ([f"{A},{B}"], {0: 0})] * 3:
        text = str(lists).replace("'", '"')
        weir.run("set", "ports.out.xps_cpus", text, "--socket", socket).ok()

        def packets():
            found = weir.run("show", "queues", "--socket", socket, "--json", "--all").ok().json()["queues"]
            return {queue["queue"]: queue for queue in found if queue["port"] == "out" and queue["kind"] == "tx"}

        before = packets()

        def moved(before=before):
            now = packets()
            return {queue: now[queue]["worker"] for queue in now
                    if now[queue]["packets"] > before.get(queue, {"packets": 0})["packets"]}

        running.wait_until(lambda e=expected: moved() == e, f"packets through {expected}", seconds=3)
    steered.check(running.stop().ok().json())
