# SPDX-License-Identifier: BSD-3-Clause
"""Captures at points of the path: tshark and tcpdump judge the files, the engine's account the numbers."""
import collections
import json
import os
import re
import select
import subprocess
import time

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader, wrpcap

import runs
from running import ROOT, SLOWER

POINTS = ["rx", "steered", "gro", "stage0", "drop", "gso", "tx"]
STAGES = ["macswap", {"type": "drop", "share": 0.1}]


@pytest.fixture(autouse=True)
def tools(need):
    need("tshark")
    need("tcpdump")


def tshark(path, *fields, filter_text=None):
    """A row of texts for each packet."""
    words = ["tshark", "-r", str(path), "-T", "fields", "-E", "separator=\t"]
    for field in fields:
        words += ["-e", field]
    if filter_text:
        words += ["-Y", filter_text]
    result = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60 * SLOWER)
    return [line.split("\t") for line in result.stdout.splitlines()]


def by_point(path):
    return collections.Counter(row[0] for row in tshark(path, "frame.interface_name"))


def tcpdump_count(path, *filter_words):
    result = subprocess.run(["tcpdump", "-nr", str(path), *filter_words], capture_output=True, text=True,
                            check=True, timeout=60 * SLOWER)
    return len(result.stdout.splitlines())


def frames(path):
    return [frame for frame, _meta in RawPcapReader(str(path))]


def frames_at(path, point, folder):
    """The frames of one interface, by way of editcap's judgement of what a frame is."""
    alone = folder / f"{point}.pcap"
    subprocess.run(["tshark", "-r", str(path), "-Y", f'frame.interface_name == "{point}"', "-F", "pcap", "-w",
                    str(alone)], capture_output=True, check=True, timeout=60 * SLOWER)
    return frames(alone)


def play(weir, folder, source, stages, captures, **sections):
    """One replay to its end with captures from the start: its account, and what left."""
    sections.setdefault("workers", {"count": 2})
    out = folder / "out.pcap"
    path, _socket = runs.write(folder, {"in": {**runs.from_file(source), **sections.pop("port", {})},
                                        "out": runs.to_file(out)},
                               [{"from": "in", "to": "out", "stages": stages}], captures=captures, **sections)
    return runs.account(weir.run("run", path, "--json", seconds=40).ok().json()), out


# ---- from the start ----

def test_every_packet_at_every_point(weir, tmp_path, traffic):
    file = tmp_path / "taps.pcapng"
    account, out = play(weir, tmp_path, traffic, STAGES, [{"at": POINTS, "file": str(file)}])
    dropped = account["dropped"]["discarded"]
    assert 100 < dropped < 300
    assert by_point(file) == {"rx": 2000, "steered": 2000, "gro": 2000, "stage0": 2000, "drop": dropped,
                              "gso": account["out"], "tx": account["out"]}
    assert sorted(frames_at(file, "rx", tmp_path)) == sorted(frames(traffic))
    assert sorted(frames_at(file, "tx", tmp_path)) == sorted(frames(out))


def test_comments_tell_what_weir_knows(weir, tmp_path, traffic):
    file = tmp_path / "taps.pcapng"
    play(weir, tmp_path, traffic, STAGES, [{"at": POINTS, "file": str(file)}])
    comments = collections.defaultdict(set)
    for point, comment in tshark(file, "frame.interface_name", "frame.comment"):
        comments[point].add(comment)
    assert all(re.fullmatch(r"worker \d, port in, queue 0, 1 segment", text) for text in comments["rx"])
    assert all(re.fullmatch(r"worker \d, pipeline in->out, hash 0x[0-9a-f]{8}, 1 segment", text)
               for text in comments["steered"])
    assert {text.split(",")[0] for text in comments["steered"]} == {"worker 0", "worker 1"}
    assert all(text.endswith(", dropped: discarded") for text in comments["drop"])
    assert all(", port out, queue " in text for text in comments["tx"])


def test_times_are_in_order_and_of_today(weir, tmp_path, traffic):
    file, before = tmp_path / "taps.pcapng", time.time()
    play(weir, tmp_path, traffic, STAGES, [{"at": POINTS, "file": str(file)}])
    times = [float(row[0]) for row in tshark(file, "frame.time_epoch")]
    assert times == sorted(times)
    assert before - 1 < times[0] and times[-1] < time.time() + 1


def test_statistics_are_in_the_file(weir, tmp_path, traffic):
    file = tmp_path / "taps.pcapng"
    play(weir, tmp_path, traffic, STAGES, [{"at": POINTS, "file": str(file)}])
    told = subprocess.run(["capinfos", str(file)], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"Name = (\S+)", told) == POINTS
    assert re.findall(r"Number of stat entries = (\d)", told) == ["1"] * len(POINTS)
    assert set(re.findall(r"Time resolution = (\S+)", told)) == {"0x09"}


@pytest.mark.parametrize("text", ["tcp port 19", "src net 10.0.0.0/9 and tcp[tcpflags] & tcp-push != 0",
                                  "ip[2:2] > 60", "udp", "less 66 or portrange 20000-40000"])
def test_filter_is_libpcaps(weir, tmp_path, traffic, text):
    whole, part = tmp_path / "whole.pcapng", tmp_path / "part.pcapng"
    play(weir, tmp_path, traffic, [], [{"at": ["rx"], "file": str(whole)},
                                       {"at": ["rx"], "file": str(part), "filter": text}])
    assert tcpdump_count(part) == tcpdump_count(whole, text) == tcpdump_count(part, text)


def test_snap_and_packets(weir, tmp_path, traffic):
    file = tmp_path / "taps.pcapng"
    play(weir, tmp_path, traffic, [], [{"at": ["tx"], "file": str(file), "snap": 60, "packets": 77}])
    rows = tshark(file, "frame.cap_len", "frame.len")
    assert len(rows) == 77
    assert {int(kept) for kept, _whole in rows} == {60} and min(int(whole) for _kept, whole in rows) > 60


def test_ring_of_files(weir, tmp_path, traffic):
    file = tmp_path / "ring.pcapng"
    play(weir, tmp_path, traffic, [], [{"at": ["rx", "tx"], "file": str(file), "file_size": "64KiB",
                                        "files": 3}])
    found = sorted(tmp_path.glob("ring.pcapng*"))
    assert [path.name for path in found] == ["ring.pcapng0", "ring.pcapng1", "ring.pcapng2"]
    for path in found:
        assert path.stat().st_size <= 65536
        assert set(by_point(path)) <= {"rx", "tx"} and tcpdump_count(path) > 0


def test_a_disk_that_is_full_fails_the_capture_and_not_the_run(weir, tmp_path, traffic):
    path, _socket = runs.write(tmp_path, {"in": runs.from_file(traffic), "out": {"device": "net_null0"}},
                               [{"from": "in", "to": "out", "stages": []}],
                               captures=[{"at": ["rx"], "file": "/dev/full"}])
    result = weir.run("run", path, "--json")
    assert result.code == 1 and "/dev/full" in result.stderr, repr(result)
    assert runs.account(result.json())["out"] == 2000


# ---- GRO and GSO ----

@pytest.fixture
def bulk(tmp_path):
    """One TCP flow, 44 segments of 1448 bytes and the rest of 64,000."""
    path, left, sequence, packets = tmp_path / "bulk.pcap", 64000, 1000, []
    while left > 0:
        size = min(1448, left)
        packets.append(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
                       / IP(src="10.0.0.1", dst="10.0.0.2", id=len(packets) + 1, flags="DF")
                       / TCP(sport=21, dport=40000, flags="A" if left > size else "PA", seq=sequence, ack=1,
                             options=[("NOP", None), ("NOP", None), ("Timestamp", (7, 8))])
                       / bytes((sequence + i) & 255 for i in range(size)))
        sequence, left = sequence + size, left - size
    wrpcap(str(path), packets)
    return path


def test_super_packets_at_gro_and_the_same_packets_at_tx(weir, tmp_path, bulk):
    file = tmp_path / "taps.pcapng"
    account, out = play(weir, tmp_path, bulk, [], [{"at": ["rx", "gro", "gso", "tx"], "file": str(file)}],
                        port={"features": {"gro": True}}, workers={"count": 1})
    lengths = collections.defaultdict(list)
    for point, length in tshark(file, "frame.interface_name", "frame.len"):
        lengths[point].append(int(length))
    assert max(lengths["rx"]) == max(lengths["tx"]) == 1514
    assert account["merged"] > 30 and max(lengths["gro"]) > 30000
    assert lengths["gso"] == lengths["tx"] == lengths["rx"]
    assert frames_at(file, "rx", tmp_path) == frames_at(file, "tx", tmp_path) == frames(bulk) == frames(out)
    comments = [comment for _point, comment in
                tshark(file, "frame.interface_name", "frame.comment", filter_text="frame.len > 30000")]
    assert comments and all(re.search(r", \d\d segments of 1448 bytes, \d\d buffers", text) for text in comments)


# ---- of a running engine ----

@pytest.fixture
def engine(weir, tmp_path, traffic):
    """A run that does not end by itself; its socket. In the end its account is exact."""
    path, socket = runs.write(
        tmp_path, {"in": {"replay": {"files": [str(traffic)], "speed": "20kpps", "loop": 0}, "rss": {"queues": 8}},
                   "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": STAGES}], workers={"count": 2})
    running = weir.start("run", path, "--json", "--check-order")
    running.wait_until(socket.exists, "its socket")
    yield socket
    account = runs.account(running.stop(20).ok().json())
    assert set(account["dropped"]) == {"discarded"}


def totals(stderr):
    """{point: (passed, filtered, captured, lost)}"""
    return {row[0]: tuple(map(int, row[1:])) for row in
            re.findall(r"^(\S+) +(\d+) +(\d+) +(\d+) +(\d+)$", stderr, re.MULTILINE)}


def test_live(weir, tmp_path, engine):
    file = tmp_path / "live.pcapng"
    running = weir.start("capture", "--socket", engine, "--at", ",".join(POINTS), "-w", file)
    running.wait_until(lambda: file.exists() and file.stat().st_size > 1000000, "a megabyte")
    told = totals(running.stop().ok().stderr)
    assert by_point(file) == {point: captured for point, (_all, _no, captured, _lost) in told.items()}
    for passed, filtered, captured, lost in told.values():
        assert filtered == 0 and passed == captured and lost == 0
    assert told["rx"][0] >= told["steered"][0] >= told["tx"][0] + told["drop"][0] > 0


def test_live_filter_is_accounted_for(weir, tmp_path, engine):
    file = tmp_path / "live.pcapng"
    running = weir.start("capture", "--socket", engine, "--at", "rx", "-w", file, "src", "port", "19")
    running.wait_until(lambda: file.exists() and file.stat().st_size > 200000, "some packets")
    passed, filtered, captured, lost = totals(running.stop().ok().stderr)["rx"]
    assert passed == filtered + captured and lost == 0 and 0 < captured < passed
    assert tcpdump_count(file, "src port 19") == tcpdump_count(file) == captured


def test_lines_on_the_screen(weir, engine):
    lines = weir.run("capture", "--socket", engine, "--at", "rx,drop", "-c", 50).ok().stdout.splitlines()
    assert len(lines) == 50
    for line in lines:
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{9} (rx|drop) +[\d.]+:\d+ > [\d.]+:\d+ tcp \S+, \d+ bytes \[.*\]",
                            line), line


def test_files_of_the_client(weir, tmp_path, engine):
    weir.run("capture", "--socket", engine, "--at", "rx", "-c", 5000, "-w", tmp_path / "r", "-C", "100kB", "-W", 4)
    assert sorted(path.name for path in tmp_path.glob("r?")) == ["r0", "r1", "r2", "r3"]
    weir.run("capture", "--socket", engine, "--at", "rx", "-c", 2000, "-w", tmp_path / "s", "-C", "100kB").ok()
    names = sorted(path.name for path in tmp_path.glob("s*"))
    assert names[:2] == ["s", "s1"]
    assert sum(tcpdump_count(tmp_path / name) for name in names) == 2000


def test_tshark_reads_the_pipe(weir, tmp_path, engine):
    command = f"{weir.binary} capture --socket {engine} --at gso,tx -c 300 -w - | tshark -r - -T fields -e " \
              "frame.interface_name"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True,
                            timeout=30 * SLOWER)
    assert set(result.stdout.split()) == {"gso", "tx"} and len(result.stdout.split()) == 300


def received(weir, engine):
    return weir.run("show", "account", "--socket", engine, "--json").ok().json()["account"]["in"]


def test_a_reader_that_does_not_read_loses_copies_and_no_packets(weir, engine):
    reader, writer = os.pipe()
    process = subprocess.Popen([weir.binary, "capture", "--socket", engine, "--at", ",".join(POINTS), "-w", "-"],
                               stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    try:
        before, end = received(weir, engine), time.monotonic() + 30 * SLOWER
        # What the pipe, the socket, two buffers and the rings hold is some 15 MB.
        while received(weir, engine) < before + 60000:
            assert time.monotonic() < end, "traffic waits for the reader"
            time.sleep(0.1)
        process.send_signal(2)
        while select.select([reader], [], [], 10)[0] and os.read(reader, 1 << 20):
            pass
        told = totals(process.communicate(timeout=20 * SLOWER)[1])
    finally:
        process.kill()
        os.close(reader)
    assert sum(lost for *_rest, lost in told.values()) > 0
    for passed, filtered, captured, lost in told.values():
        assert passed == filtered + captured + lost


def test_clients_that_are_killed_leave_their_place(weir, tmp_path, engine):
    for number in range(20):
        file = tmp_path / f"killed{number}"
        running = weir.start("capture", "--socket", engine, "--at", "rx,drop", "-w", file)
        running.wait_until(lambda f=file: f.exists() and f.stat().st_size > 1000, "packets")
        running.finish()
    assert weir.run("capture", "--socket", engine, "-c", 1).ok().stdout


def test_eight_at_a_time(weir, tmp_path, engine):
    files = [tmp_path / f"file{number}" for number in range(8)]
    running = [weir.start("capture", "--socket", engine, "--at", "tx", "-w", file) for file in files]
    for file, one in zip(files, running):
        one.wait_until(lambda f=file: f.exists() and f.stat().st_size > 1000, "packets")
    result = weir.run("capture", "--socket", engine, "-c", 1)
    assert result.code == 2 and "8 captures" in result.stderr, repr(result)
    for file, one in zip(files, running):
        assert totals(one.stop().ok().stderr)["tx"][2] == tcpdump_count(file)


@pytest.mark.parametrize("words, told", [
    (["--at", "rx,nowhere"], "nowhere"), (["--at", "stage7"], "stage7"), (["--at", "rx,rx"], "twice"),
    (["--at", ""], "point"), (["-s", "much"], "much"), (["tcp", "porf", "1"], "syntax error"),
    (["-W", "3"], "--file-size"), (["-C", "3"], "--write")])
def test_mistakes(weir, engine, words, told):
    result = weir.run("capture", "--socket", engine, *words)
    assert result.code == 2 and told in result.stderr, repr(result)


def test_captures_of_the_configuration_that_cannot_be(weir, tmp_path, traffic):
    path, _socket = runs.write(tmp_path, {"in": runs.from_file(traffic), "out": {"device": "net_null0"}},
                               [{"from": "in", "to": "out", "stages": []}],
                               captures=[{"at": ["macswap"], "file": str(tmp_path / "f")}])
    result = weir.run("run", path)
    assert result.code == 2 and "macswap" in result.stderr, repr(result)


def test_replays_shorthand(weir, tmp_path, traffic):
    file = tmp_path / "taps.pcapng"
    weir.run("replay", traffic, "-s", "top", "--capture", file, "--capture-at", "rx,tx", "--capture-filter",
             "dst port 19", "--json", "--memory", "no-huge").ok()
    assert by_point(file)["rx"] == by_point(file)["tx"] == tcpdump_count(traffic, "dst port 19")
    assert weir.run("replay", traffic, "--capture-at", "rx").code == 2


# ---- weir trace ----

def test_trace_tells_each_way(weir, engine):
    text = weir.run("trace", "--socket", engine, "-n", 40, "src port 19").ok().stdout
    stories = text.strip().split("\n\n")
    assert len(stories) == 40
    assert [int(number) for number in re.findall(r"^packet (\d+): \S+:19 > ", text, re.MULTILINE)] == \
        list(range(1, 41))
    for story in stories:
        points = re.findall(r"^ +\+[\d.]+ \S+ +(\S+)", story, re.MULTILINE)
        assert points[:4] == ["rx", "steered", "gro", "stage0"], story
        assert points[4:] in (["drop"], ["stage1", "gso", "tx"]), story
        assert ("dropped: discarded" in story) == (points[-1] == "drop")
        steered = re.search(r"steered .* worker (\d),", story).group(1)
        assert re.search(rf"^ +worker {steered} of 2:", story, re.MULTILINE), story


def test_trace_of_merged_packets(weir, tmp_path, bulk):
    path, socket = runs.write(
        tmp_path, {"in": {"replay": {"files": [str(bulk)], "speed": "20kpps", "loop": 0}, "features": {"gro": True}},
                   "out": {"device": "net_null0"}}, [{"from": "in", "to": "out", "stages": []}])
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    text = weir.run("trace", "--socket", socket, "-n", 30, "--brief").ok().stdout
    running.stop().ok()
    assert re.search(r"gro .* segments of 1448 bytes.*, of packets( \d+){2,}", text), text
    assert "merged: goes on in packet" in text and "not seen any more" not in text, text
