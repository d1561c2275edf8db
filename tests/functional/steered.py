# SPDX-License-Identifier: BSD-3-Clause
"""Runs that steer, with the order meter on; and RSS and RPS as their authors describe them, in a few
lines of Python, to say beforehand who processes what."""
import functools
import os

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

import runs

CPUS = sorted(os.sched_getaffinity(0))[:2]
BOTH = ",".join(map(str, CPUS))
# Microsoft's "Verifying the RSS Hash Calculation"
KEY = int("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa", 16)
two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")


@functools.lru_cache(maxsize=None)
def toeplitz(data):
    found = 0
    for bit in range(len(data) * 8):
        if data[bit // 8] >> (7 - bit % 8) & 1:
            found ^= KEY >> (320 - 32 - bit) & 0xffffffff
    return found


def rss_hash(packet):
    """Of addresses and ports, as a NIC's; 0 of what is not IP."""
    ip = packet.getlayer(IP) or packet.getlayer(IPv6)
    if ip is None:
        return 0
    raw = bytes(ip)
    data = raw[12:20] if ip.version == 4 else raw[8:40]
    for transport in (TCP, UDP):
        if packet.haslayer(transport):
            data += bytes(packet[transport])[:4]
    return toeplitz(data)


def rps(workers, hashed):
    """Of a queue's RPS map, the worker: the kernel's reciprocal_scale()."""
    return workers[hashed * len(workers) >> 32]


def generated(**options):
    return {"generate": {"flows": 200, "speed": "100kpps", "duration": "1s", **options}}


def write(folder, ports, stages=("macswap",), pipelines=None, **sections):
    sections.setdefault("workers", {"cpus": BOTH, "idle": "adaptive"})
    ports = {"out": {"device": "net_null0"}, **ports}
    pipelines = pipelines or [{"from": name, "to": "out", "stages": list(stages)}
                              for name in ports if name != "out"]
    return runs.write(folder, ports, pipelines, **sections)


def check(report, drops=()):
    """The law of every run that steers: no packet overtook one of its flow, none is missing, and
    none was dropped for any reason but these."""
    found = runs.account(report)
    assert set(found["dropped"]) <= set(drops), found
    order = report["order"]
    assert order["good"] and order["exact"], order
    assert order["reordered"] == order["duplicated"] == order["untracked"] == 0, order
    assert order["received"] == order["checked"] + order["lost"], order
    assert order["lost"] == order["dropped"], order
    assert order["received"] == found["in"], (order, found)
    return report


def run(weir, folder, ports, drops=(), seconds=30, **sections):
    """To the end of its sources; the report, with the law checked."""
    path, _socket = write(folder, ports, **sections)
    report = weir.run("run", path, "--check-order", "--json", seconds=seconds).ok().json()
    return check(report, drops)


def start(weir, folder, ports, namespace=None, **sections):
    """In the background: (running, socket)."""
    path, socket = write(folder, ports, **sections)
    running = weir.start("run", path, "--check-order", "--json", namespace=namespace)
    running.wait_until(socket.exists, "its socket")
    return running, socket


def processed(report):
    """Packets that each worker ran through a pipeline."""
    return [worker["processed"] for worker in report["workers"]]


def steering(report, name):
    """A counter, over all receiving workers and ports."""
    return sum(port[name] for port in report["steering"]["ports"])
