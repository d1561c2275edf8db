# SPDX-License-Identifier: BSD-3-Clause
"""order=restore: one flow over all workers, and out as it came in, to the byte."""
import pytest

import captures
import runs
import steered

pytestmark = [steered.two_cpus, pytest.mark.alone] # how much each worker gets done
A, B = steered.CPUS if len(steered.CPUS) == 2 else (0, 1)


def frames(path):
    return [frame for _link, frame in captures.raw_frames(path)]


@pytest.fixture(scope="module")
def capture(binary, tmp_path_factory):
    """One flow, and a few small ones among it; frames are numbered by their UDP payload or so."""
    from running import Weir

    path = tmp_path_factory.mktemp("restore") / "elephant.pcap"
    Weir(binary).run("generate", path, "--packets", 5000, "--flows", 20, "--zipf", 3, "--size", "64-512",
                     "--speed", "100kpps").ok()
    return path


def through(weir, folder, source, stages, count=2, drops=(), **options):
    """Out of a capture, over workers, into another: the report, and the frames there."""
    out = folder / "out.pcap"
    report = steered.run(
        weir, folder, {"in": source, "out": runs.to_file(out)},
        pipelines=[{"from": "in", "to": "out", "stages": stages, "order": "restore"}],
        workers={"cpus": str(A)} if count == 1 else {"cpus": steered.BOTH, "idle": "adaptive"} if count == 2
        else {"count": count, "idle": "adaptive"}, drops=drops, **options)
    return report, frames(out)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("speed", ["top", "20kpps"])
def test_file_stays_as_it_is(weir, tmp_path, capture, count, speed):
    report, found = through(weir, tmp_path, runs.from_file(capture, speed=speed),
                            [{"type": "work", "cycles": 2000}], count)
    assert found == frames(capture)
    # All have their share of the bursts when it is busy.
    if count == 2 and speed == "top":
        assert min(steered.processed(report)) > 0.2 * len(found), steered.processed(report)


@pytest.mark.parametrize("share", [0.3, 0.97, 1])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_dropped_packets_leave_no_hole(weir, tmp_path, capture, share, count):
    """Bursts come back short, or empty."""
    report, found = through(weir, tmp_path, runs.from_file(capture), [{"type": "drop", "share": share}], count,
                            drops=("discarded",))
    place, source = 0, frames(capture)
    for frame in found:
        place = source.index(frame, place) + 1
    assert len(found) == report["account"]["out"]
    assert abs(len(found) - (1 - share) * len(source)) < 0.05 * len(source)


@pytest.mark.parametrize("netdev_max_backlog", [64, 1024])
def test_two_in_one_out(weir, tmp_path, capture, netdev_max_backlog):
    """Two receivers help each other; bursts of both come back over the same rings."""
    report = steered.run(
        weir, tmp_path, {"in": runs.from_file(capture, loop=20), "in2": runs.from_file(capture, loop=20),
                         "out2": {"device": "net_null1"}},
        pipelines=[{"from": "in", "to": "out", "stages": [{"type": "work", "cycles": 300}], "order": "restore"},
                   {"from": "in2", "to": "out2", "stages": [{"type": "work", "cycles": 600}], "order": "restore"}],
        steering={"netdev_max_backlog": netdev_max_backlog})
    assert report["account"]["out"] == 200_000


def test_beside_flows(weir, tmp_path, capture):
    """One pipeline restores order, the other keeps flows together and moves them."""
    report = steered.run(
        weir, tmp_path,
        {"in": runs.from_file(capture, loop=20), "out2": {"device": "net_null1"},
         "in2": steered.generated(flows=500, zipf=1.0, speed="top", duration="1s") |
         {"rss": {"mode": "software", "queues": 4}}},
        pipelines=[{"from": "in", "to": "out", "stages": [{"type": "work", "cycles": 300}], "order": "restore"},
                   {"from": "in2", "to": "out2", "stages": ["macswap"]}],
        steering={"balance": True, "balance_tick_min": "100us", "balance_tick_max": "100us"})
    assert steered.steering(report, "bucket_moves") > 10


def test_stopped_in_the_middle(weir, tmp_path):
    running, _socket = steered.start(
        weir, tmp_path, {"in": {"generate": {"flows": 1, "speed": "top"}}},
        pipelines=[{"from": "in", "to": "out", "order": "restore", "stages": [{"type": "work", "cycles": 1000}]}])
    report = steered.check(running.stop().ok().json())
    assert min(steered.processed(report)) > 0


def test_elephant_is_shared(weir, tmp_path):
    """One flow that is more than a worker can do. How much faster it is, the benchmark tells."""
    report = steered.run(
        weir, tmp_path, {"in": {"generate": {"flows": 1, "speed": "top", "duration": "1s"}}},
        pipelines=[{"from": "in", "to": "out", "order": "restore", "stages": [{"type": "work", "cycles": 3000}]}])
    found = steered.processed(report)
    assert min(found) > 0.2 * sum(found), found


@pytest.mark.parametrize("stage", [{"type": "noisy", "buffer": 64}, "gro", "reassemble", "gso", "fragment"])
def test_stages_that_hold_or_make_more_are_refused(weir, tmp_path, capture, stage):
    path, _socket = steered.write(tmp_path, {"in": runs.from_file(capture)}, pipelines=[
        {"from": "in", "to": "out", "order": "restore", "stages": [stage]}])
    result = weir.run("run", path)
    assert result.code == 2 and "restore" in result.stderr, repr(result)
