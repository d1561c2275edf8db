# SPDX-License-Identifier: BSD-3-Clause
"""weir set: what is taken, what is refused, and that packets do not notice."""
import json

import pytest

import runs


@pytest.fixture
def engine(weir, tmp_path, traffic):
    """A run on two workers that does not end by itself; its socket."""
    path, socket = runs.write(
        tmp_path,
        {"in": {"replay": {"files": [str(traffic)], "speed": "20kpps", "loop": 0},
                "rss": {"mode": "software", "queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}],
        workers={"count": 2})
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    yield socket
    summary = running.stop().ok().json()
    runs.account(summary)
    assert not any(drop["packets"] for drop in summary["drops"].values()), summary["drops"]


def config(weir, socket):
    return weir.run("show", "config", "--socket", socket, "--json").ok().json()["config"]


CHANGES = [
    ("steering.balance", "on", False, True),
    ("steering.netdev_max_backlog", "2k", 1024, 2000),
    ("steering.rps_sock_flow_entries", "32768", "off", 32768),
    ("ports.in.rps_flow_cnt", "4096", "off", 4096),
    ("/ports/in/rss/key", "symmetric", "microsoft", "symmetric"),
    ("ports.in.rss.weights", "[3, 1]", None, [3, 1]),
    ("ports.out.tx_retry", "1ms", "100us", "1ms"),
    ("stats.interval", "250ms", None, "250ms"),
]


@pytest.mark.parametrize("path, value, before, after", CHANGES)
def test_change(weir, engine, path, value, before, after):
    result = weir.run("set", path, value, "--socket", engine, "--json").ok().json()
    change, = result["changes"]
    assert change["path"] == path.strip("/").replace("/", ".")
    assert change["to"] == after
    if before is not None:
        assert change["from"] == before
    place = config(weir, engine)
    for step in change["path"].split("."):
        place = place[step]
    assert place == after
    again = weir.run("set", path, value, "--socket", engine).ok()
    assert "so already" in again.stdout


def test_several_together_or_none(weir, engine):
    text = weir.run("set", "steering.balance", "on", "stats.table", "off", "steering.scale", "on",
                    "--socket", engine).ok().stdout
    assert "steering.balance: false -> true" in text and "steering.scale: false -> true" in text
    result = weir.run("set", "steering.balance", "off", "steering.netdev_max_backlog", "1",
                      "--socket", engine)
    assert result.code == 2
    assert config(weir, engine)["steering"]["balance"] is True


@pytest.mark.parametrize("arguments, part", [
    (("steering.balanse", "on"), 'did you mean "steering.balance"?'),
    (("steering.balance",), "expected its value"),
    (("steering.balance", "perhaps"), "expected true or false"),
    (("workers.count", "1"), "cannot change while weir runs"),
    (("ports.in.rss.queues", "4"), "ports.in.rss.queues cannot change"),
    (("steering.balance", "on", "steering.balance", "off"), "given twice"),
    (("steering.balance_tick_min", "1s"), "balance_tick_max"),
    (("ports.in.rps_cpus", "1000"), "rps_cpus"),
])
def test_mistakes(weir, engine, arguments, part):
    before = config(weir, engine)
    result = weir.run("set", *arguments, "--socket", engine)
    assert result.code == 2 and part in result.stderr, repr(result)
    assert config(weir, engine) == before


def test_warns_of_what_has_no_effect(weir, engine):
    result = weir.run("set", "ports.in.rps_flow_cnt", "64", "--socket", engine).ok()
    assert "warning: ports.in.rps_flow_cnt has no effect" in result.stdout


def test_list(weir, engine):
    text = weir.run("set", "--socket", engine).ok().stdout
    assert "steering.netdev_max_backlog  1024" in text
    listed = weir.run("set", "--socket", engine, "--json").ok().json()["settings"]
    paths = [setting["path"] for setting in listed]
    assert "ports.in.rss.key" in paths and "workers.count" not in paths
    assert len(paths) == len(set(paths))
    # Each may be set to what it is.
    words = []
    for setting in listed:
        value = setting["value"]
        words += [setting["path"], value if isinstance(value, str) else json.dumps(value)]
    assert "so already" in weir.run("set", *words, "--socket", engine).ok().stdout


def test_no_engine(weir, tmp_path):
    result = weir.run("set", "steering.balance", "on", "--socket", tmp_path / "none.sock")
    assert result.code == 1 and "none.sock" in result.stderr, repr(result)
