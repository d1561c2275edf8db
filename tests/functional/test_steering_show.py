# SPDX-License-Identifier: BSD-3-Clause
"""What a running engine shows of its steering: tables, biggest flows, softnet_stat, a picture."""
import re
import subprocess
import time
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

import runs

KERNEL = Path("/proc/net/softnet_stat")
# As scripts on the net add up the kernel's file: processed, dropped and squeezed of each CPU.
SCRIPT = r"""
function hex(text,    value, i) {
    for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    return value
}
{ printf "cpu %d processed %d dropped %d squeezed %d\n", hex($13), hex($1), hex($2), hex($3) }
"""


@pytest.fixture(scope="module")
def engine(binary, tmp_path_factory):
    """A run with flows from big to small over eight queues, balanced; its socket."""
    from running import Weir

    weir = Weir(binary)
    path, socket = runs.write(
        tmp_path_factory.mktemp("steering"),
        {"in": {"generate": {"flows": 500, "zipf": 1.2, "speed": "50kpps"},
                "rss": {"mode": "software", "queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}],
        workers={"count": 2, "idle": "adaptive"}, steering={"balance": True}, stats={"interval": "500ms"})
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    time.sleep(1.2)  # two ticks: rates
    yield socket
    report = running.stop().ok().json()
    weir.finish()
    runs.account(report)
    assert report["steering"]["balancer"]["steps"] > 0
    assert "buckets" not in report["steering"]["ports"][0]  # long: only for those who ask


def show(weir, socket, *words):
    return weir.run("show", *words, "--socket", socket)


def test_steering_adds_up(weir, engine):
    found = show(weir, engine, "steering", "--json").ok().json()["steering"]
    port, = found["ports"]
    buckets = port["buckets"]
    assert [len(buckets[name]) for name in ("queue", "worker", "packets", "pps")] == [port["reta_size"]] * 4
    assert 25_000 < sum(buckets["pps"]) < 100_000
    # Each number is rounded: half a packet a second a bucket.
    assert abs(sum(buckets["pps"]) - sum(queue["pps"] for queue in port["queues"])) <= port["reta_size"]
    assert sum(queue["buckets"] for queue in port["queues"]) == port["reta_size"]
    assert abs(sum(queue["share_percent"] for queue in port["queues"]) - 100) < 1
    for queue in port["queues"]:
        assert queue["buckets"] == buckets["queue"].count(queue["queue"])
    assert {worker for worker in buckets["worker"] if worker is not None} <= {0, 1}
    assert port["balanced"] and found["balancer"]["active_workers"] == 2
    assert [worker["worker"] for worker in found["workers"]] == [0, 1]


def test_steering_as_text(weir, engine):
    text = show(weir, engine, "steering").ok().stdout
    assert "port in, rx queue 0 at worker 0: 128 buckets, 8 queues; RSS, balanced" in text, text
    grid = re.findall(r"^ *(\d+) ((?: ?(?:[ \d]\d| [*>])[·▁▂▃▄▅▆▇█])+)$", text, re.MULTILINE)
    assert [int(first) for first, _cells in grid] == [0, 32, 64, 96], text
    assert "█" in text and max(map(len, text.splitlines())) <= 120, text


def test_flows_are_biggest_first(weir, engine):
    flows = show(weir, engine, "flows", "--json").ok().json()["flows"]
    assert len(flows) == 10 and [flow["rank"] for flow in flows] == list(range(1, 11))
    rates = [flow["pps"] for flow in flows]
    assert rates == sorted(rates, reverse=True) and rates[0] > 3 * rates[9] > 0
    assert flows[0]["share_percent"] > 10 and sum(flow["share_percent"] for flow in flows) <= 110
    for flow in flows:
        assert flow["bucket"] == flow["hash"] % 128
        assert flow["by"] in ("RSS", "balancer", "moving")
        explained = weir.run("explain", *flow["flow"].split())
        assert f"{flow['hash']:08x}" in explained.stdout.lower(), repr(explained)


@pytest.mark.parametrize("top", [1, 20])
def test_top(weir, engine, top):
    assert len(show(weir, engine, "flows", "--top", top, "--json").ok().json()["flows"]) == top
    assert len(show(weir, engine, "flows", "--top", top).ok().stdout.splitlines()) == top + 3
    assert len(show(weir, engine, "steering", "--top", top, "--json").ok().json()["flows"]) == top


def test_softnet_is_laid_out_as_the_kernels(weir, engine):
    kernel = KERNEL.read_text().splitlines()[0]
    lines = show(weir, engine, "softnet", "--raw").ok().stdout.splitlines()
    workers = show(weir, engine, "softnet", "--json").ok().json()["softnet"]
    assert len(lines) == 2
    for line in lines:
        assert re.fullmatch(r"[0-9a-f]{8}( [0-9a-f]{8})*", line), line
        columns = line.split()
        assert len(columns) >= len(kernel.split()), (line, kernel)
        # Kernels before 5.10 and 6.4 have fewer columns, never wider ones.
        assert [len(column) for column in columns[:len(kernel.split())]] == list(map(len, kernel.split()))
        assert int(columns[11], 16) == int(columns[13], 16) + int(columns[14], 16)
        assert set(columns[3:9]) == {"0" * 8}
    assert [int(line.split()[12], 16) for line in lines] == sorted(worker["cpu"] for worker in workers)


def test_a_script_for_the_kernels_file_reads_ours(weir, engine, need):
    need("awk")
    raw = show(weir, engine, "softnet", "--raw").ok().stdout
    read = subprocess.run(["awk", SCRIPT], input=raw, capture_output=True, text=True, check=True).stdout
    after = {worker["cpu"]: worker
             for worker in show(weir, engine, "softnet", "--json").ok().json()["softnet"]}
    found = re.findall(r"cpu (\d+) processed (\d+) dropped (\d+) squeezed (\d+)", read)
    assert len(found) == 2, read
    for cpu, processed, dropped, squeezed in found:
        worker = after[int(cpu)]
        assert 0 < int(processed) <= worker["processed"]
        assert int(dropped) <= worker["dropped"] and int(squeezed) <= worker["time_squeeze"]


def test_softnet_is_explained(weir, engine):
    text = show(weir, engine, "softnet").ok().stdout
    for column in ("processed", "dropped", "time_squeeze", "received_rps", "flow_limit_count", "backlog_len",
                   "input_qlen", "process_qlen"):
        assert re.search(rf"^worker .*\b{column}\b", text, re.MULTILINE), text
        assert re.search(rf"^{column} +\w+ \w+", text, re.MULTILINE), text


def test_picture(weir, engine, tmp_path):
    path = tmp_path / "steering.svg"
    assert str(path) in show(weir, engine, "steering", "--svg", path, "--top", 7).ok().stdout
    texts = [node.text for node in xml.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert "Steering of port in, rx queue 0, at worker 0" in texts
    assert "128 RETA buckets" in texts and "8 queues" in texts
    assert sum(text.startswith("→") for text in texts) == 7
    assert sum(text.startswith("worker ") for text in texts) == 2
    assert show(weir, engine, "steering", "--svg", "-").ok().stdout.startswith("<svg")


@pytest.mark.parametrize("words,expected", [
    (["ports", "--raw"], "softnet"), (["ports", "--svg", "x"], "steering"), (["ports", "--top", "3"], "flows"),
    (["softnet", "--raw", "--json"], "exclude"), (["steering", "--svg", "x", "--json"], "exclude")])
def test_options_that_do_not_fit(weir, engine, words, expected):
    result = show(weir, engine, *words)
    assert result.code == 2 and expected in result.stderr, repr(result)


@pytest.mark.parametrize("top", ["0", "257", "many", "-1"])
def test_wrong_top(weir, engine, top):
    result = show(weir, engine, "flows", "--top", top)
    assert result.code != 0 and "1 to 256" in result.stderr, repr(result)


def test_a_picture_that_cannot_be_written(weir, engine, tmp_path):
    result = show(weir, engine, "steering", "--svg", tmp_path / "none" / "x.svg")
    assert result.code == 1 and "x.svg" in result.stderr, repr(result)


def test_console(binary, tmp_path):
    """The same words at the console."""
    path, _socket = runs.write(
        tmp_path, {"in": {"generate": {"flows": 50, "speed": "20kpps"}, "rss": {"mode": "software", "queues": 4}},
                   "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out"}], control={"socket": ""}, workers={"count": 2, "idle": "adaptive"})
    lines = ["start", "show flows 3", "show flows --top 2", "show softnet raw", "show softnet --raw",
             f"show steering --svg {tmp_path}/x.svg", "show steering", "show ports 7", "quit"]
    console = subprocess.run([binary, "run", path, "--interactive"], input="\n".join(lines) + "\n",
                             capture_output=True, text=True, timeout=30, check=False)
    assert console.returncode == 0, console
    assert len(re.findall(r"^[0-9a-f]{8}( [0-9a-f]{8}){14}$", console.stdout, re.MULTILINE)) == 4, console
    assert f"drew {tmp_path}/x.svg" in console.stdout and (tmp_path / "x.svg").read_text().startswith("<svg")
    assert "128 buckets, 4 queues" in console.stdout and "takes no number" in console.stdout, console
