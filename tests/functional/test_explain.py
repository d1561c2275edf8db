# SPDX-License-Identifier: BSD-3-Clause
"""weir explain: the verification vectors of Microsoft's RSS suite and the 82599 datasheet, 7.1.2.8.3;
and the rest of the way, offline and in a weir that runs."""
import json

import pytest

VECTORS = [  # source, destination, hash with ports
    ("66.9.149.187:2794", "161.142.100.80:1766", "51ccc178"),
    ("199.92.111.2:14230", "65.69.140.83:4739", "c626b0ea"),
    ("24.19.198.95:12898", "12.22.207.184:38024", "5c2b394a"),
    ("38.27.205.30:48228", "209.142.163.6:2217", "afc7327f"),
    ("153.39.163.191:44251", "202.188.127.2:1303", "10e828a2"),
    ("[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", "40207d3d"),
    ("[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", "dde51bbf"),
    ("[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251", "[fe80::200:f8ff:fe21:67cf]:38024", "02d1feef"),
]


@pytest.mark.parametrize("source, destination, expected", VECTORS)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_hash(weir, source, destination, expected, protocol):
    assert expected in weir.run("explain", source, destination, protocol).ok().stdout


@pytest.mark.parametrize("source, destination, expected", VECTORS)
def test_reta_queue_worker(weir, source, destination, expected):
    report = weir.run("explain", source, destination, "tcp", "--queues", 8, "--workers", 2,
                      "--json").ok().json()
    value = int(expected, 16)
    assert int(str(report["hash"]), 16) == value
    # 128 entries, filled round robin as ethtool -X equal does; queues are dealt to workers in turn.
    assert report["reta_entry"] == value % 128
    assert report["queue"] == value % 128 % 8
    assert report["worker"] == report["queue"] % 2


@pytest.mark.parametrize("arguments", [
    (),
    ("10.0.0.1:80",),
    ("10.0.0.1:80", "10.0.0.2:80", "tpc"),
    ("10.0.0.1:80", "[fe80::1]:80", "tcp"),
    ("10.0.0.256:80", "10.0.0.1:80", "tcp"),
    ("10.0.0.1:65536", "10.0.0.1:80", "tcp"),
])
def test_mistakes_are_explained(weir, arguments):
    result = weir.run("explain", *arguments)
    assert result.code == 2, repr(result)
    assert result.stderr.strip(), repr(result)


CONFIG = {
    "ports": {"in": {"generate": {"speed": "20kpps", "flows": 3}, "rss": {"mode": "software"},
                     "rps_flow_cnt": 64, "rps_cpus": "0-1"},
              "out": {"device": "net_null0"}},
    "workers": {"cpus": "0-1"}, "memory": {"mode": "no-huge"},
    "steering": {"rps_sock_flow_entries": 256},
    "pipelines": [{"from": "in", "to": "out", "stages": [{"type": "consume", "cpus": "1"}]}],
}


def write(tmp_path):
    path = tmp_path / "weir.json"
    path.write_text(json.dumps(CONFIG))
    return path


def test_rps_by_configuration(weir, tmp_path):
    arguments = ("explain", *VECTORS[0][:2], "tcp", "--config", write(tmp_path))
    report = weir.run(*arguments, "--json").ok().json()
    assert report["rps_workers"] == [0, 1]
    assert report["worker"] == report["rps_worker"] == int(VECTORS[0][2], 16) * 2 >> 32
    assert report["tx_port"] == "out" and report["tx_queue"] == report["worker"]
    assert report["rfs"] is True and report["consumer_cpu"] is None
    text = weir.run(*arguments).ok().stdout
    assert ">> 32" in text and "--live" in text
    assert "/sys/class/net/DEV/queues/rx-0/rps_cpus" in text


def test_live(weir, tmp_path):
    """The flow is explained to be where its packets are seen to go: at its consumer's."""
    socket = tmp_path / "weir.sock"
    running = weir.start("run", write(tmp_path), "--socket", socket, "--json")
    running.wait_until(socket.exists, "its socket")

    def flows():
        return weir.run("show", "flows", "--socket", socket, "--json").ok().json()["flows"]

    running.wait_until(flows, "flows")
    flow = flows()[0]
    report = weir.run("explain", flow["source"], flow["destination"], flow["protocol"],
                      "--socket", socket, "--json").ok().json()
    report = report.get("explanation", report)
    assert report["live"] and int(report["hash"], 16) == flow["hash"]
    assert report["reta_entry"] == flow["bucket"]
    assert report["consumer_cpu"] == 1 and report["worker"] == report["consumer_worker"] == 1
    assert report["flow_worker"] == 1
    text = weir.run("explain", flow["source"], flow["destination"], flow["protocol"], "--live",
                    "--socket", socket, "--port", "in").ok().stdout
    assert "the flow is consumed there" in text and "rps_flow_cnt" in text
    for arguments in (("--port", "inn"), ("--port", "out"), ("--queues", "3")):
        result = weir.run("explain", *VECTORS[0][:2], "tcp", "--socket", socket, *arguments)
        assert result.code == 2 and result.stderr.strip(), repr(result)
    running.stop().ok()
