# SPDX-License-Identifier: BSD-3-Clause
"""weir perf: every transport and verb, verified; its tables; and what it says when something is wrong."""
import csv
import io
import json
import re
import socket
import threading
import time

import pytest

SOCKETS = ["unix", "tcp", "tcp-nodelay", "udp"]
PERCENTILES = ["50", "75", "90", "95", "99", "99.9", "99.99", "99.999"]
FEW = ["-n", 200]


@pytest.fixture(autouse=True)
def no_engine(monkeypatch, tmp_path):
    """None that happens to run on this machine."""
    monkeypatch.setenv("WEIR_VERBS_SOCKET", str(tmp_path / "no-such.sock"))


@pytest.fixture(name="engine")
def engine_fixture(weir, tmp_path, monkeypatch):
    """One for applications."""
    path = tmp_path / "verbs.sock"
    config = tmp_path / "verbs.json"
    config.write_text(json.dumps({
        "ports": {"null": {"device": "net_null0,size=80,copy=0"}},
        "pipelines": [{"from": "null", "to": "null"}],
        "memory": {"mode": "no-huge"}, "workers": {"count": 1, "idle": "adaptive"}, "control": {"socket": ""},
        "verbs": {"socket": str(path)}}))
    running = weir.start("run", config)
    running.wait_until(path.exists, "verbs socket")
    monkeypatch.setenv("WEIR_VERBS_SOCKET", str(path))
    return running


def itself(weir, *words):
    """Both sides in one command. The one row."""
    return weir.run("perf", *words, "--self", "--json").ok().json()["rows"][0]


@pytest.mark.parametrize("transport", SOCKETS)
@pytest.mark.parametrize("mode", ["--poll", "--event"])
def test_latency_over_sockets(weir, transport, mode):
    row = itself(weir, "lat", "send", "-s", 1000, *FEW, "--verify", "--transport", transport, mode)
    latency = row["latency_us"]
    assert row["iterations"] == 200 and row["bytes"] == 1000 and latency["exact"]
    ordered = [latency["min"], *(latency["percentiles"][name] for name in PERCENTILES), latency["max"]]
    assert ordered == sorted(ordered) and ordered[0] > 0
    assert latency["typical"] == latency["percentiles"]["50"]


@pytest.mark.parametrize("verb", ["write", "read", "atomic"])
def test_other_verbs_over_a_socket(weir, verb):
    assert itself(weir, "lat", verb, *FEW, "--transport", "unix")["latency_us"]["typical"] > 0


@pytest.mark.parametrize("transport", SOCKETS)
@pytest.mark.parametrize("more", [[], ["-b"], ["--event"]])
def test_bandwidth_over_sockets(weir, transport, more):
    row = itself(weir, "bw", "send", "-s", 1000, *FEW, "--verify", "--transport", transport, *more)
    sent = 400 if "-b" in more else 200
    assert row["iterations"] + row["bandwidth"]["lost"] == sent
    if transport != "udp":
        assert row["bandwidth"]["lost"] == 0
    rate = row["bandwidth"]["million_messages_per_second"]
    assert row["bandwidth"]["average_mib_per_second"] == pytest.approx(rate * 1e6 * 1000 / 2**20, rel=1e-5)


def test_for_a_time(weir):
    row = itself(weir, "lat", "send", "-D", "0.3", "--transport", "unix")
    assert not row["latency_us"]["exact"] and row["iterations"] > 10
    row = itself(weir, "bw", "read", "-D", "0.3", "--transport", "unix")
    assert row["iterations"] > 10


def test_on_a_schedule(weir):
    began = time.monotonic()
    row = itself(weir, "lat", "send", "-n", 500, "--rate", 1000, "-s", 1024, "--transport", "tcp", "--event")
    assert row["iterations"] == 500
    assert time.monotonic() - began >= 0.499


def test_perftest_columns(weir):
    text = weir.run("perf", "lat", "send", *FEW, "--transport", "unix", "--self").ok().stdout
    title, row = re.findall(r"^ (?:#bytes|\d).*$", text, re.MULTILINE)
    assert title.split() == ["#bytes", "#iterations", "t_min[usec]", "t_max[usec]", "t_typical[usec]", "t_avg[usec]",
                             "t_stdev[usec]", "99%", "percentile[usec]", "99.9%", "percentile[usec]", "99.99%",
                             "percentile[usec]"]
    assert row.split()[:2] == ["2", "200"] and len(row.split()) == 10
    text = weir.run("perf", "bw", "send", *FEW, "--transport", "unix", "--self").ok().stdout
    title, row = re.findall(r"^ (?:#bytes|\d).*$", text, re.MULTILINE)
    assert title.split() == ["#bytes", "#iterations", "BW", "peak[MB/sec]", "BW", "average[MB/sec]", "MsgRate[Mpps]"]
    assert row.split()[:2] == ["65536", "200"] and len(row.split()) == 5


def test_all_results(weir):
    words = ["perf", "lat", "send", "-n", 50, "--transport", "unix", "--self"]
    text = weir.run(*words, "-H").ok().stdout
    listed = [float(value) for value in re.findall(r"^\d+, ([\d.]+)$", text, re.MULTILINE)]
    assert len(listed) == 50 and listed == sorted(listed)
    text = weir.run(*words, "-U").ok().stdout
    assert len(re.findall(r"^\d+, ([\d.]+)$", text, re.MULTILINE)) == 50


def test_all_sizes(weir):
    text = weir.run("perf", "lat", "send", "-a", "-n", 5, "--transport", "udp", "--event", "--self", "--csv").ok().stdout
    found = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["bytes"]) for row in found] == [2 << i for i in range(23)]
    for row in found:
        fits = int(row["bytes"]) <= 65507
        assert (row["not_measured"] == "") == fits and (row["typical_us"] != "") == fits, row


def test_comparison_without_an_engine(weir):
    rows = weir.run("perf", "lat", "send", *FEW, "--compare", "--self", "--json").ok().json()["rows"]
    assert [row["transport"] for row in rows] == ["weir", *SOCKETS]
    assert "weir run" in rows[0]["not_measured"]
    assert all("latency_us" in row for row in rows[1:])


def test_no_engine(weir):
    result = weir.run("perf", "lat", "send", "--self")
    assert result.code == 1
    assert "weir run config/verbs.json" in result.stdout, repr(result)


# ---- two commands ----

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_server_and_client(weir):
    port = free_port()
    server = weir.start("perf", "lat", "send", "-p", port)
    server.wait_until(lambda: "waiting" in server.text["stderr"], "waiting for a client")
    time.sleep(0.2)
    weir.run("perf", "lat", "send", *FEW, "-p", port, "--transport", "udp", "localhost").ok()
    assert server.wait().code == 0


def test_nobody_there(weir):
    result = weir.run("perf", "lat", "send", "-p", free_port(), "localhost")
    assert result.code == 1 and "no server at localhost" in result.stderr, repr(result)


def answer(says):
    """Somebody else listens there, and says that. Returns the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def once():
        with listener, listener.accept()[0] as peer:
            peer.sendall(says)
            peer.recv(4096)

    threading.Thread(target=once, daemon=True).start()
    return listener.getsockname()[1]


def test_another_version(weir):
    version = b"0.0.7"
    port = answer(b"wpf1" + (1).to_bytes(2, "little") + len(version).to_bytes(2, "little") + version)
    result = weir.run("perf", "lat", "send", "-p", port, "127.0.0.1")
    assert result.code == 1 and "0.0.7" in result.stderr and "one version" in result.stderr, repr(result)


def test_something_else(weir):
    result = weir.run("perf", "lat", "send", "-p", answer(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), "127.0.0.1")
    assert result.code == 1 and "no `weir perf`" in result.stderr, repr(result)


@pytest.mark.parametrize("words, said", [
    (["lat"], "what should be measured"), (["lat", "sent"], "sent"), (["lat", "send", "-s", "2GiB"], "1GiB"),
    (["bw", "send", "--rate", 5], "--rate"), (["bw", "raw"], "--port"), (["lat", "send", "--transport", "smoke"], "smoke"),
])
def test_mistakes(weir, words, said):
    result = weir.run("perf", *words)
    assert result.code == 2 and said in result.stderr, repr(result)


# ---- over the verbs ----

@pytest.mark.parametrize("words", [
    ["send"], ["send", "-s", 0], ["send", "-s", 100000], ["send", "--event"], ["send", "-I", 0], ["send", "-c", "UC"],
    ["send", "-c", "UD", "-s", 2048], ["write"], ["write", "-s", 100000], ["read", "-s", 5000], ["read", "--event"], ["atomic"],
    ["atomic", "-A", "CMP_AND_SWAP"], ["send", "--rate", 2000, "-s", 1024]])
def test_latency_over_verbs(weir, engine, words):
    row = itself(weir, "lat", *words, *FEW, "--verify")
    assert "not_measured" not in row, row
    assert row["iterations"] == 200 and engine.process.poll() is None


@pytest.mark.parametrize("words", [
    ["send"], ["send", "-b"], ["send", "-q", 3, "-l", 8, "-Q", 5, "-t", 32], ["send", "-e"], ["write"], ["write", "-b", "-q", 2],
    ["read"], ["atomic"], ["send", "-s", 0], ["write", "-D", "0.2"], ["send", "-D", "0.2", "-b"]])
def test_bandwidth_over_verbs(weir, engine, words):
    few = [] if "-D" in words else FEW
    row = itself(weir, "bw", *words, *few, "--verify")
    assert "not_measured" not in row, row
    assert row["bandwidth"]["lost"] == 0 and engine.process.poll() is None
    if few:
        queues = int(words[words.index("-q") + 1]) if "-q" in words else 1
        assert row["iterations"] == 200 * queues * (2 if "-b" in words else 1)


def test_comparison(weir, engine):
    rows = weir.run("perf", "lat", "send", *FEW, "--compare", "--self", "--json").ok().json()["rows"]
    assert rows[0]["times_weir"] == 1 and engine.process.poll() is None
    for row in rows[1:]:
        assert row["times_weir"] == pytest.approx(row["latency_us"]["typical"] / rows[0]["latency_us"]["typical"])


def test_packets_of_a_port(weir, engine):
    found = weir.run("perf", "bw", "raw", "--port", "null", "-n", 1000, "--json").ok().json()
    assert found["packets"] >= 1000 and found["bytes"] == found["packets"] * 80
    found = weir.run("perf", "lat", "raw", "--port", "null", "-n", 1000, "--echo", "--json").ok().json()
    assert found["age_us"]["typical"] > 0 and found["echoed"] + found["not_echoed"] == found["packets"]
    result = weir.run("perf", "bw", "raw", "--port", "nul")
    assert result.code == 1 and "nul" in result.stderr and engine.process.poll() is None
