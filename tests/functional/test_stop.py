# SPDX-License-Identifier: BSD-3-Clause
"""Stopping in every state: drained, reported, accounted for; and at once when asked twice."""
import signal
import time

import pytest

import runs


def busy(folder, traffic, **sections):
    """Traffic that does not end, steered over two workers."""
    return runs.write(
        folder,
        {"in": {"replay": {"files": [str(traffic)], "speed": "top", "loop": 0},
                "rss": {"queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}],
        workers={"count": 2}, **sections)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_drains_and_reports(weir, tmp_path, traffic, number):
    path, socket = busy(tmp_path, traffic)
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    time.sleep(0.3)
    running.signal(number)
    report = running.wait(5).ok().json()
    packets = runs.account(report)
    assert packets["in"] > 2000 and packets["held"] == 0
    assert not socket.exists(), "the control socket was left behind"


def test_second_signal_leaves_at_once(weir, tmp_path, traffic):
    path, socket = busy(tmp_path, traffic)
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    time.sleep(0.1)
    running.signal(signal.SIGINT)
    running.signal(signal.SIGINT)
    before = time.monotonic()
    assert running.wait(3).code is not None
    assert time.monotonic() - before < 3


@pytest.mark.parametrize("milliseconds", [0, 5, 20, 50, 100, 200, 400])
def test_signal_while_starting(weir, tmp_path, traffic, milliseconds):
    """Whenever it comes: no hang, no crash."""
    path, _socket = busy(tmp_path, traffic)
    running = weir.start("run", path, "--json")
    time.sleep(milliseconds / 1000)
    running.signal(signal.SIGINT)
    result = running.wait(5)
    # Before main() is reached, the signal's default action may end it.
    assert result.code in (0, 130, -signal.SIGINT), repr(result)
    if result.code == 0 and result.stdout:
        runs.account(result.json())


def test_replay_can_be_interrupted(weir, tmp_path, traffic):
    socket = tmp_path / "weir.sock"
    running = weir.start("replay", traffic, "--loop", "forever", "--workers", 2, "--queues", 8,
                         "--json", "--socket", socket)
    running.wait_until(socket.exists, "its socket")
    time.sleep(0.3)
    packets = running.stop(5).ok().json()["packets"]
    dropped, skipped = sum(packets["dropped"].values()), sum(packets["skipped"].values())
    assert packets["read"] == packets["sent"] + dropped + skipped


def test_duration(weir, tmp_path, traffic):
    path, _socket = busy(tmp_path, traffic)
    before = time.monotonic()
    report = weir.run("run", path, "--duration", "700ms", "--json").ok().json()
    assert 0.7 < time.monotonic() - before < 10
    runs.account(report)


def test_idle_workers_sleep(weir, tmp_path):
    """An appliance does not burn a core at night."""
    path, _socket = runs.write(
        tmp_path, {"a": {"device": "net_ring0"}, "b": {"device": "net_ring1"}},
        [{"from": "a", "to": "b"}], workers={"count": 1, "idle": "adaptive"})
    running = weir.start("run", path, "--json")
    time.sleep(1)

    def cpu_seconds():
        fields = open(f"/proc/{running.process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1]
        return sum(int(field) for field in fields.split()[11:13]) / 100

    before = cpu_seconds()
    time.sleep(2)
    used = cpu_seconds() - before
    runs.account(running.stop().ok().json())
    assert used < 0.5, f"{used:.2f} s of CPU in 2 s of nothing to do"
