# SPDX-License-Identifier: BSD-3-Clause
"""Placement on a machine with two NUMA nodes: what is planned, and what comes of it."""
import json
import re

import pytest

import guest

pytestmark = pytest.mark.xdist_group("guest") # one for all

DRIVERS = ("bus_vdev", "bus_pci", "mempool_ring", "net_null")


def null_pair(workers):
    return json.dumps({
        "ports": {"in": {"device": "net_null0"}, "out": {"device": "net_null1"}},
        "workers": workers, "control": {"socket": ""},
        "pipelines": [{"from": "in", "to": "out", "stages": ["io"]}]})


FILES = {
    "auto.json": null_pair({"idle": "adaptive"}),
    "both.json": null_pair({"nodes": "0-1", "count": 2}),
    "second.json": null_pair({"nodes": "1", "count": 1}),
}

# Each part's output comes after a line "== part"; the hugepages are got with weir's own commands.
SCRIPT = r"""
part() { echo "== $1"; }
part auto;   weir check /auto.json --json
part before; weir check /both.json --json
weir check /both.json --json | sed -n 's/.*"command": "\(echo .*\)".*/\1/p' >/commands
part commands; cat /commands; . /commands
part after;  weir check /both.json --json
part second; weir check /second.json --json
part taskset; taskset 4 weir check /auto.json --json
{ weir run /both.json --json >/report 2>/errors; echo $? >/code; } &
for turn in $(seq 300); do
    [ -s /code ] && break
    pid=$(pidof weir)
    [ -n "$pid" ] && [ "$(cat /proc/$pid/task/*/comm | grep -c weir-w)" = 2 ] && break
    usleep 100000
done
usleep 1000000
part threads
for task in /proc/$pid/task/*; do
    echo "$(cat $task/comm): $(sed -n 's/^Cpus_allowed_list:\s*//p' $task/status)"
done
part memory; cat /proc/$pid/numa_maps
kill -INT "$pid"
wait
part code;   cat /code
part report; cat /report
part auto-report; weir run /auto.json --duration 500ms --json 2>>/errors
part errors; cat /errors
"""


@pytest.fixture(name="parts", scope="module")
def run_guest(binary, tmp_path_factory):
    try:
        text = guest.run(tmp_path_factory.mktemp("guest"), binary, SCRIPT, FILES, DRIVERS)
    except guest.Unavailable as reason:
        pytest.skip(str(reason))
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in text.split("== ")[1:]}


def plan(parts, name):
    found = json.loads(parts[name])
    assert found["valid"], found
    return found["plan"]


def places(workers):
    return [(worker["cpu"], worker["node"], worker["memory_node"]) for worker in workers]


def test_two_nodes_are_seen(parts):
    nodes = plan(parts, "auto")["memory"]["nodes"]
    assert [node["node"] for node in nodes] == [0, 1]
    assert all(node["free_bytes"] > 0 for node in nodes), nodes


def test_auto_stays_on_one_node_and_keeps_main_off_it(parts):
    found = plan(parts, "auto")
    assert places(found["workers"]) == [(0, 0, 0), (1, 0, 0)]
    assert found["main"]["node"] == 1
    assert not found["warnings"], found


def test_workers_on_both_nodes_when_asked(parts):
    found = plan(parts, "after")
    assert {worker["node"] for worker in found["workers"]} == {0, 1}
    assert all(worker["memory_node"] == worker["node"] for worker in found["workers"])
    assert found["main"]["cpu"] not in [worker["cpu"] for worker in found["workers"]]


def test_workers_on_the_node_asked_for(parts):
    found = plan(parts, "second")
    assert [worker["node"] for worker in found["workers"]] == [1]
    assert [node["packets"] > 0 for node in found["memory"]["nodes"]] == [False, True]


def test_affinity_mask_is_respected(parts):
    found = plan(parts, "taskset")
    assert places(found["workers"]) == [(2, 1, 1)]
    assert found["main"]["cpu"] == 2
    assert len(found["warnings"]) == 1 and "only CPU 2" in found["warnings"][0], found


def test_its_commands_mend_a_shortage_of_hugepages(parts):
    before, after = plan(parts, "before")["memory"], plan(parts, "after")["memory"]
    assert before["mode"] == "no-huge"
    assert all(node["hugepages_missing"] > 0 for node in before["nodes"]), before
    assert len(parts["commands"].splitlines()) == 2
    assert after["mode"] == "in-memory", after
    assert all(node["hugepages_missing"] == 0 for node in after["nodes"]), after


def test_run_pins_its_workers_where_planned(parts):
    assert parts["code"].strip() == "0", parts["errors"]
    found = dict(re.findall(r"^(\S+): (\S+)$", parts["threads"], re.MULTILINE))
    planned = plan(parts, "after")
    for worker in planned["workers"]:
        assert found[f"weir-worker-{worker['worker']}"] == str(worker["cpu"]), found
    assert found["weir"] == str(planned["main"]["cpu"]), found


def test_run_takes_each_workers_packets_from_its_node(parts):
    assert parts["code"].strip() == "0", parts["errors"]
    needed = {node["node"]: node["needed_bytes"] for node in plan(parts, "after")["memory"]["nodes"]}
    pages = {0: 0, 1: 0}
    for line in parts["memory"].splitlines():
        if " huge " in line:
            for node, count in re.findall(r" N(\d+)=(\d+)", line):
                pages[int(node)] += int(count)
    # What is planned has some room to spare; half of it on each node shows where the packets are.
    for node, count in pages.items():
        assert count * 2 * 1024 * 1024 > needed[node] / 2, (pages, needed)


def test_run_uses_a_pool_on_each_node(parts):
    assert parts["code"].strip() == "0", parts["errors"]
    report = json.loads(parts["report"])
    assert [worker["numa_node"] for worker in report["workers"]] == [0, 1], report["workers"]
    assert [pool["numa_node"] for pool in report["memory"]] == [0, 1]
    # The gauge is read now and then, and most of the time all buffers are home: each worker moved
    # packets, and somebody's were seen out.
    assert all(worker["packets"] > 0 for worker in report["workers"]), report["workers"]
    assert any(pool["free_min"] < pool["size"] for pool in report["memory"]), report["memory"]
    assert report["account"]["unaccounted"] == 0, report["account"]


def test_run_does_what_check_says_when_all_is_auto(parts):
    """Virtual devices have no node; what DPDK says of them is where main happened to be."""
    workers = json.loads(parts["auto-report"])["workers"]
    planned = plan(parts, "auto")["workers"]
    assert [worker["cpu"] for worker in workers] == [worker["cpu"] for worker in planned]
