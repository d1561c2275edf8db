# SPDX-License-Identifier: BSD-3-Clause
"""weir explain: the verification vectors of Microsoft's RSS suite and the 82599 datasheet, 7.1.2.8.3."""
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
