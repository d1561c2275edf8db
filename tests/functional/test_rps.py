# SPDX-License-Identifier: BSD-3-Clause
"""RPS and the RETA: who processes what, said beforehand by a few lines of Python."""
from collections import Counter

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import wrpcap

import captures
import runs
import steered

pytestmark = steered.two_cpus
A, B = steered.CPUS if len(steered.CPUS) == 2 else (0, 1)


@pytest.fixture(scope="module")
def capture(binary, tmp_path_factory):
    """Flows of IPv4 and IPv6, and every tenth packet an ARP request: (file, packets)."""
    from running import Weir

    folder = tmp_path_factory.mktemp("rps")
    made, mixed = folder / "made.pcap", folder / "mixed.pcap"
    Weir(binary).run("generate", made, "--packets", 3000, "--flows", 300, "--ip", "mixed",
                     "--seed", 3).ok()
    packets = captures.packets(made)
    for place in range(0, len(packets), 10):
        packets[place] = Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1")
    wrpcap(str(mixed), packets)
    return mixed, captures.packets(mixed)


def predicted(packets, worker_of):
    found = Counter(map(worker_of, packets))
    return [found[0], found[1]]


@pytest.mark.parametrize("cpus, workers", [([A, B], [0, 1]), ([B], [1]), ([A], [0])])
def test_one_queue(weir, tmp_path, capture, cpus, workers):
    """Without RSS the port has one queue: RPS alone decides. ARP has no hash: it stays."""
    path, packets = capture
    report = steered.run(weir, tmp_path,
                         {"in": runs.from_file(path) | {"rss": {"mode": "off"},
                                                        "rps_cpus": ",".join(map(str, cpus))}})
    expected = predicted(packets, lambda packet: steered.rps(workers, steered.rss_hash(packet))
                         if steered.rss_hash(packet) else 0)
    assert steered.processed(report) == expected
    assert report["steering"]["ports"][0]["receiver"] == 0


def test_map_of_each_queue(weir, tmp_path, capture):
    path, packets = capture
    maps = [[0], [1], [0, 1], [1], None, [0], [1, 0], None]
    names = ["" if workers is None else ",".join(str(steered.CPUS[w]) for w in sorted(workers))
             for workers in maps]
    running, socket = steered.start(
        weir, tmp_path,
        {"in": runs.from_file(path, speed="6kpps") |
         {"rss": {"mode": "software", "queues": len(maps)}, "rps_cpus": names}})
    running.wait_until(lambda: weir.run("show", "steering", "--socket", socket).code == 0, "steering")
    port, = weir.run("show", "steering", "--socket", socket, "--json").ok().json()["steering"]["ports"]
    of_queue = {queue["queue"]: queue["worker"] for queue in port["queues"]}

    def queue(packet):
        return steered.rss_hash(packet) % port["reta_size"] % len(maps)

    def worker(packet):
        hashed, workers = steered.rss_hash(packet), maps[queue(packet)]
        return steered.rps(sorted(workers), hashed) if workers and hashed else of_queue[queue(packet)]

    report = steered.check(running.wait().ok().json())
    assert steered.processed(report) == predicted(packets, worker)
    assert set(of_queue.values()) == {0, 1}


def test_rss_alone(weir, tmp_path, capture):
    path, packets = capture
    report = steered.run(weir, tmp_path, {"in": runs.from_file(path) | {
        "rss": {"mode": "software", "queues": 2, "weights": [3, 1]}}})
    # 128 entries in the proportion 3:1, queue after queue.
    assert steered.processed(report) == predicted(
        packets, lambda packet: int(steered.rss_hash(packet) % 128 >= 96))


@pytest.mark.parametrize("rfs", [False, True])
def test_nic_with_one_queue(weir, namespace, tmp_path, rfs):
    """The case RPS was made for: the device has one queue and no RSS."""
    for left, right in (("left", "a"), ("right", "b")):
        namespace.veth(left, right)
    more = {"steering": {"rps_sock_flow_entries": 1024}} if rfs else {}
    running, _socket = steered.start(
        weir, tmp_path,
        {"a": {"device": "net_af_packet0,iface=a", "rss": {"mode": "off"}, "rps_cpus": steered.BOTH,
               **({"rps_flow_cnt": 1024} if rfs else {})},
         "out": {"device": "net_af_packet1,iface=b"}},
        namespace=namespace, **more)
    one, two = namespace.wire("left"), namespace.wire("right")
    frames = [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") /
              UDP(sport=1000 + i % 37, dport=53) / i.to_bytes(4, "big") for i in range(500)]
    one.send(frames, gap_seconds=0.0005)
    arrived = two.receive(len(frames))
    report = steered.check(running.stop().ok().json())
    assert steered.processed(report) == predicted(
        frames, lambda packet: steered.rps([0, 1], steered.rss_hash(packet)))
    for port in range(1000, 1037):
        numbers = [bytes(Ether(frame)[UDP].payload)[:4] for frame in arrived
                   if Ether(frame)[UDP].sport == port]
        assert numbers == sorted(numbers) and len(numbers) in (13, 14)
