# SPDX-License-Identifier: BSD-3-Clause
"""Packets of a port in applications, by raw-packet queue pairs with flow rules; and ports that are
applications. Wires and scapy judge what went out."""
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

import raw_application
import runs
import steered
from raw_application import Application
from raw_engine import ETHER, library, start, udp # pylint: disable=unused-import
from running import Running

TCP_BYTES = 14 + 20 + 20


def tcp_segments(count, size=1000, port=80):
    payload = [bytes([65 + i]) * size for i in range(count)]
    return [bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2", id=i, flags="DF")
                  / TCP(sport=9, dport=port, seq=1 + i * size, ack=1, flags="A") / data)
            for i, data in enumerate(payload)]


def test_packets_arrive_whole(start):
    engine = start()
    application = engine.application()
    assert application.mode() == "read-only"
    application.flow("a")
    frames = [udp(1000 + i, size) for i, size in enumerate((18, 100, 1000, 1472))]
    engine.wires["a"].send(frames)
    got = application.receive(4)
    assert [packet.bytes for packet in got] == frames
    assert not engine.wires["b"].rest()
    engine.wires["b"].send(frames[:2])  # the other way nobody asked for
    assert engine.wires["a"].receive(2) == frames[:2]
    account = engine.stop()
    assert account["in"] == account["out"] == 6


def test_shown(start, weir, tmp_path):
    """What there is no room for is counted, and `weir show rdma` says that and where packets are."""
    engine = start()
    application = engine.application()
    application.flow("a")
    engine.wires["a"].send([udp(1000)] * 5000)

    def shown():
        answer = weir.run("show", "rdma", "--json", "--socket", tmp_path / "weir.sock").ok().json()
        return answer["rdma"]["queue_pairs"][0]

    engine.running.wait_until(lambda: shown()["dropped"] > 0, "drops")
    queue = shown()
    assert (queue["type"], queue["mode"]) == ("raw", "read-only")
    table = weir.run("show", "rdma", "--socket", tmp_path / "weir.sock").ok().stdout
    assert re.search(rf"^ *{queue['queue_pair']} .* raw +read-only .* [1-9][\d,]* *$", table,
                     re.MULTILINE), table
    engine.stop()


def test_flows_go_where_their_rules_say(start):
    engine = start()
    one, two = engine.application(), engine.application()
    one.flow("a", protocol=17, destination_port=1000)
    two.flow("a", destination="10.0.0.0", destination_prefix=8, priority=5)
    vlan = one.flow("a", vlan=5)
    tagged = bytes(ETHER / Dot1Q(vlan=5) / IP(src="11.0.0.1", dst="11.0.0.2") / UDP() / bytes(50))
    arp = bytes(ETHER / ARP(pdst="10.0.0.2") / bytes(18))
    engine.wires["a"].send([udp(1000), udp(1001), arp, tagged])
    assert {packet.bytes for packet in one.receive(2)} == {udp(1000), tagged}
    assert [packet.bytes for packet in two.receive(1)] == [udp(1001)]
    assert engine.wires["b"].receive(1) == [arp]
    one.no_flow(vlan)
    engine.wires["a"].send([tagged])
    assert len(engine.wires["b"].receive(1)) == 1
    one.close()
    engine.applications.remove(one)
    engine.wires["a"].send([udp(1000)])
    assert [packet.bytes for packet in two.receive(1)] == [udp(1000)]
    engine.stop()


def test_workers_are_parked_once(start, weir, tmp_path):
    """To link or unlink a step parks the workers: no application may, as often as it likes."""
    engine = start()
    application = engine.application()

    def looked_at():
        answer = weir.run("show", "--json", "--socket", tmp_path / "weir.sock").ok().json()
        return [stage["packets"] for stage in answer["stages"] if stage["stage"] == "deliver"]

    assert looked_at() == []
    flow = application.flow("a")
    for _time in range(20):
        application.no_flow(flow)
        flow = application.flow("a", destination_port=1000)
    engine.wires["a"].send([udp(1000), udp(1001)])
    assert [packet.bytes for packet in application.receive(1)] == [udp(1000)]
    assert engine.wires["b"].receive(1) == [udp(1001)]
    application.no_flow(flow)
    engine.wires["a"].send([udp(1000)])
    assert engine.wires["b"].receive(1) == [udp(1000)]
    engine.running.wait_until(lambda: looked_at() == [3], "the step where it was")
    engine.stop()


def test_no_rule_without_a_port(start):
    engine = start()
    application = engine.application()
    with pytest.raises(raw_application.Failure, match='no port "nowhere"'):
        application.flow("nowhere")
    with pytest.raises(raw_application.Failure, match="prefix of 33"):
        application.flow("a", source="10.0.0.0", source_prefix=33)
    engine.stop()


@pytest.mark.parametrize("workers", [1, 2])
def test_echo_sends_all_back(start, binary, workers):
    engine = start(workers={"count": workers, "idle": "adaptive"})
    echo = Running(["env", f"WEIR_VERBS_SOCKET={engine.path}",
                    str(binary.parent.parent / "examples/echo"), "a"])
    try:
        echo.wait_until(lambda: "read-only" in echo.text["stderr"], "that it is there")
        frames = [udp(1000 + i % 50, 18 + i) for i in range(200)]
        engine.wires["a"].send(frames)
        back = engine.wires["a"].receive(len(frames))
        swapped = {frame[6:12] + frame[:6] + frame[12:] for frame in frames}
        assert set(back) == swapped and len(back) == len(frames)
        echo.signal(signal.SIGTERM)
        assert "200 packets" in echo.wait().ok().stderr
    finally:
        echo.finish()
    account = engine.stop()
    assert account["made"] == 200 and account["out"] == 400


@pytest.mark.parametrize("gro", [False, True])
def test_a_pool_of_its_own(start, binary, gro):
    """The first that asks has the port's packets in place, to write; the next gets copies."""
    engine = start(a={"device": "net_af_packet0,iface=a", "application_pool": True,
                      "features": {"gro": gro}, "gro": {"flush_timeout": "20ms"}})
    first, second = engine.application(), engine.application()
    first.flow("a", destination_port=80)
    second.flow("a", destination_port=81)
    assert (first.mode(), second.mode()) == ("dedicated", "read-only")
    engine.wires["a"].send(tcp_segments(5) + [udp(81)])
    packets = first.receive(1 if gro else 5, release=False)
    assert len(packets) == (1 if gro else 5)
    assert all(part.flags & raw_application.WRITABLE for packet in packets for part in packet.parts)
    for packet in packets:
        first.write(packet, 0, b"\2\0\0\0\0\7")
        first.forward(packet)
    first.release()
    changed = [b"\2\0\0\0\0\7" + frame[6:] for frame in tcp_segments(5)]
    assert engine.wires["a"].receive(5) == changed
    assert [packet.bytes for packet in second.receive(1)] == [udp(81)]
    first.close()
    engine.applications.remove(first)
    third = engine.application()
    third.flow("a", destination_port=82)
    assert third.mode() == "dedicated"
    engine.stop()


def test_super_packets_arrive_as_one_and_leave_in_segments(start):
    engine = start(a={"features": {"gro": True}, "gro": {"flush_timeout": "20ms"}})
    application = engine.application()
    application.flow("a")
    segments = tcp_segments(10)
    engine.wires["a"].send(segments)
    packet = application.receive(1, release=False)[0]
    assert packet.mss == 1000
    assert len(packet.bytes) == TCP_BYTES + 10 * 1000
    assert len(packet.parts) == 10
    assert packet.bytes[TCP_BYTES:] == b"".join(segment[TCP_BYTES:] for segment in segments)
    application.forward(packet)  # the buffers themselves
    assert engine.wires["a"].receive(10) == segments
    application.release()
    application.send(packet.bytes, packet.mss)  # a copy of them
    assert engine.wires["a"].receive(10) == segments
    assert application.receive(1, 0.2) == []
    account = engine.stop()
    assert account["merged"] == 9


def test_what_is_sent_is_cut_and_finished(start):
    engine = start()
    application = engine.application()
    application.flow("a", destination_port=1)  # only to say where to
    payload = bytes(range(256)) * 40
    for layer, proto in ((TCP(sport=5, dport=6, seq=1000, flags="PA"), TCP),
                         (UDP(sport=5, dport=6), UDP)):
        whole = Ether(bytes(ETHER / IP(src="10.1.0.1", dst="10.1.0.2", id=7) / layer / payload))
        whole[proto].chksum = 0x1234
        application.send(bytes(whole), 1024)
        frames = [Ether(frame) for frame in engine.wires["a"].receive(10)]
        assert len(frames) == 10
        assert b"".join(bytes(frame[proto].payload) for frame in frames) == payload
        for frame in frames:
            right = Ether(bytes(frame))
            del right[IP].chksum, right[proto].chksum
            assert bytes(Ether(bytes(right))) == bytes(frame)
    engine.stop()


def test_a_full_application_drops_and_counts(start):
    engine = start()
    application = engine.application(depth=64)
    application.flow("a")
    engine.wires["a"].send([udp(i) for i in range(100)])
    got = application.receive(64, release=False)
    assert len(got) == 64 and application.receive(1, 0.3) == []
    application.release()
    engine.wires["a"].send([udp(5)])
    assert len(application.receive(1)) == 1
    account = engine.stop()
    assert account["dropped"] == {"application_full": 36}


def test_killed_while_it_holds_packets(start):
    engine = start()
    script = Path(raw_application.__file__)
    for _time in range(3):
        holder = Running([sys.executable, str(script), str(engine.libweir), str(engine.path), "a",
                          "50"])
        holder.wait_until(lambda: "attached" in holder.text["stdout"], "that it is there")
        engine.wires["a"].send([udp(i) for i in range(50)])
        holder.wait_until(lambda: "holds 50" in holder.text["stdout"], "50 packets")
        holder.process.kill()
        holder.process.wait()
        engine.wires["b"].send([udp(1)])
        assert engine.wires["a"].receive(1)
    time.sleep(0.2) # until the engine heard of the last one's end
    engine.wires["a"].send([udp(9)])
    assert engine.wires["b"].receive(1) == [udp(9)]  # the rules went with them
    engine.stop()  # fails if a buffer did not come back


def test_application_as_port(start):
    engine = start(ports=("a",), more_ports={"ring": {"application": "echo"}},
                   pipelines=[{"from": "ring", "to": "a"}, {"from": "a", "to": "ring"}])
    frames = [udp(i, 60) for i in range(20)]
    engine.wires["a"].send(frames[:1])  # nobody there yet
    application = engine.application()
    application.no_flow(application.flow("echo"))
    application.flow("echo")  # free again, for it as for others
    with pytest.raises(raw_application.Failure, match="has an application already"):
        engine.application().flow("ring")
    engine.wires["a"].send(frames)
    assert [packet.bytes for packet in application.receive(20)][-20:] == frames
    for frame in frames:
        application.send(frame)
    assert engine.wires["a"].receive(20) == frames
    payload = b"".join(segment[TCP_BYTES:] for segment in tcp_segments(5))
    whole = (ETHER / IP(src="10.0.0.1", dst="10.0.0.2", id=0, flags="DF")
             / TCP(sport=9, dport=80, seq=1, ack=1, flags="A") / payload)
    application.send(bytes(whole), 1000)
    assert engine.wires["a"].receive(5) == tcp_segments(5)
    engine.stop()


@steered.two_cpus
def test_flows_follow_the_application(weir, tmp_path, library):
    """RFS: where the application receives is where its flows are processed, from then on."""
    verbs = tmp_path / "verbs.sock"
    path, control = steered.write(
        tmp_path, {"in": {"generate": {"flows": 20, "speed": "20kpps"},
                          "rss": {"mode": "software", "queues": 8}, "rps_flow_cnt": 4096}},
        steering={"rps_sock_flow_entries": 65536}, stats={"interval": "200ms"},
        verbs={"socket": str(verbs)})
    running = weir.start("run", path, "--json")
    running.wait_until(verbs.exists, "verbs socket")
    application, before = Application(library, verbs), os.sched_getaffinity(0)
    try:
        application.flow("in")
        for worker in (0, 1, 0):
            os.sched_setaffinity(0, {steered.CPUS[worker]})
            end = time.monotonic() + 10
            found = None
            while found != {worker} and time.monotonic() < end:
                application.receive(2000, 0.3)
                flows = weir.run("show", "flows", "--top", 20, "--json", "--socket", control)
                found = {flow["worker"] for flow in flows.ok().json()["flows"]}
            assert found == {worker}
    finally:
        os.sched_setaffinity(0, before)
    application.close()
    report = running.stop().ok().json()
    runs.account(report)
    assert steered.steering(report, "rfs_moves") > 20
