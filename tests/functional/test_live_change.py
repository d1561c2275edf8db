# SPDX-License-Identifier: BSD-3-Clause
"""Changes reach every kind of run: packets keep coming, none is lost or out of order."""
import pytest

import runs


def start(weir, folder, ports, stages, order="flow", **sections):
    path, socket = runs.write(folder, ports,
                              [{"from": "in", "to": "out", "order": order, "stages": stages}],
                              memory={"mode": "no-huge"}, **sections)
    running = weir.start("run", path, "--json", "--check-order")
    running.wait_until(socket.exists, "its socket")
    return running, socket


def received(weir, socket):
    account = weir.run("show", "account", "--socket", socket, "--json").ok().json()["account"]
    return account["in"]


def keeps_receiving(weir, running, socket):
    before = received(weir, socket)
    running.wait_until(lambda: received(weir, socket) > before + 1000, "more packets")


def in_order(summary):
    order = summary["order"]
    assert order["checked"] > 0 and order["reordered"] == 0, order
    assert order["duplicated"] == 0 and order["unknown"] == 0, order


def test_one_worker(weir, tmp_path):
    """Emulated queues of a single worker are steered too, if only to itself."""
    ports = {"in": {"generate": {"flows": 100, "speed": "50kpps"},
                    "rss": {"mode": "software", "queues": 4}},
             "out": {"device": "net_null0"}}
    running, socket = start(weir, tmp_path, ports, ["macswap"], workers={"count": 1})
    weir.run("set", "ports.in.rss.key", "symmetric", "--socket", socket).ok()
    keeps_receiving(weir, running, socket)
    summary = running.stop().ok().json()
    runs.account(summary)
    in_order(summary)


def test_order_restored_of_several_queues(weir, tmp_path):
    """A worker that receives from more than one queue tells their bursts apart."""
    ports = {"in": {"device": "net_null0", "queues": 4}, "out": {"device": "net_null1"}}
    running, socket = start(weir, tmp_path, ports, [{"type": "work", "cycles": 500}], "restore",
                            workers={"count": 2, "idle": "adaptive"})
    keeps_receiving(weir, running, socket)
    summary = running.stop().ok().json()
    assert runs.account(summary)["in"] == summary["account"]["out"]
    in_order(summary)


def test_order_restored_of_packets_that_are_made(weir, tmp_path):
    """A stage that makes packets runs even when none are received."""
    ports = {"in": {"device": "net_ring0"}, "out": {"device": "net_null0"}}
    running, socket = start(weir, tmp_path, ports, ["txonly"], "restore",
                            workers={"count": 2, "idle": "adaptive"})

    def made():
        account = weir.run("show", "account", "--socket", socket, "--json").ok().json()["account"]
        return account["made"]

    running.wait_until(lambda: made() > 100_000, "many packets")
    account = runs.account(running.stop().ok().json())
    assert account["out"] == account["made"]


@pytest.mark.parametrize("steps", [(64, 4096, 100), (300, 64, 300)])
def test_backlog_lowered_and_raised_under_load(weir, tmp_path, steps):
    ports = {"in": {"generate": {"flows": 500}, "rss": {"mode": "software", "queues": 8}},
             "out": {"device": "net_null0"}}
    running, socket = start(weir, tmp_path, ports, [{"type": "work", "cycles": 300}],
                            workers={"count": 2, "idle": "adaptive"})
    for limit in steps:
        weir.run("set", "steering.netdev_max_backlog", str(limit), "--socket", socket).ok()
        keeps_receiving(weir, running, socket)
        backlogs = weir.run("show", "softnet", "--socket", socket, "--json").ok().json()["softnet"]
        assert all(worker["backlog_len"] <= limit for worker in backlogs), backlogs
    summary = running.stop().ok().json()
    assert runs.account(summary)["dropped"] == {}
    in_order(summary)


def test_a_change_waits_for_slow_stages(weir, tmp_path):
    """However long the backlogs take to drain, the change comes into force, and says so."""
    ports = {"in": {"generate": {"flows": 200}, "rss": {"mode": "software", "queues": 8}},
             "out": {"device": "net_null0"}}
    running, socket = start(weir, tmp_path, ports, [{"type": "work", "cycles": 2_000_000}],
                            workers={"count": 2, "idle": "adaptive"},
                            steering={"netdev_max_backlog": 4096})

    def show(what):
        return weir.run("show", what, "--socket", socket, "--json").ok().json()[what]

    receiver = show("steering")["ports"][0]["receiver"]
    target = 1 - receiver
    weir.run("set", "ports.in.rps_cpus", str(show("softnet")[target]["cpu"]),
             "--socket", socket).ok()
    running.wait_until(lambda: show("softnet")[target]["backlog_len"] > 3000, "a full backlog")
    weir.run("set", "ports.in.rss.key", "symmetric", "--socket", socket).ok()
    settings = weir.run("show", "config", "--socket", socket, "--json").ok().json()["config"]
    assert settings["ports"]["in"]["rss"]["key"] == "symmetric"
    keeps_receiving(weir, running, socket)
    summary = running.stop(seconds=20).ok()
    assert "a change waits" in summary.stderr, summary
    in_order(summary.json())
