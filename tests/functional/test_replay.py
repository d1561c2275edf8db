# SPDX-License-Identifier: BSD-3-Clause
"""Replay: every packet of every capture ends in exactly one counter, and flows keep their order."""
from collections import Counter

import pytest

import captures

STEERED = ["--workers", 2, "--queues", 8, "--speed", "top"]


def account(report):
    packets = report["packets"]
    skipped, dropped = sum(packets["skipped"].values()), sum(packets["dropped"].values())
    assert packets["read"] == packets["sent"] + skipped + dropped, packets
    return packets


def same_flows(expected, got):
    """The same frames, each flow in its order. Between flows, workers may overtake each other."""
    assert Counter(got) == Counter(expected), "frames differ"
    assert captures.flows(got) == captures.flows(expected), "a flow was reordered"


def test_real_capture_is_accounted_for(weir, real_capture):
    report = weir.run("replay", real_capture.path, *STEERED, "--json").ok().json()
    packets = account(report)
    # A record cut by the end of the file is read, and skipped by name.
    assert packets["read"] - packets["skipped"].get("damaged", 0) == real_capture.packets, packets
    assert not packets["dropped"], packets
    assert len(report["workers"]) == 2
    assert report["duration_ns"] > 0
    assert set(report["rate"]) >= {"pps", "bps"}
    assert report["timing_error_ns"] is None, "at top speed no time is asked for"


def test_real_capture_comes_out_as_it_went_in(weir, real_capture, tmp_path):
    out = tmp_path / "out.pcap"
    report = weir.run("replay", real_capture.path, *STEERED, "--out", out, "--json").ok().json()
    packets = account(report)
    expected = [captures.without_link_header(link, data)
                for link, data in captures.raw_frames(real_capture.path)]
    got = [frame[12:] for _link, frame in captures.raw_frames(out)]
    assert len(got) == packets["sent"]
    if not any(count for reason, count in packets["skipped"].items() if reason != "damaged"):
        same_flows(expected, got)


def test_addresses_of_ethernet_stay(weir, traffic, tmp_path):
    out = tmp_path / "out.pcap"
    weir.run("replay", traffic, *STEERED, "--out", out).ok()
    before = Counter(frame for _link, frame in captures.raw_frames(traffic))
    assert Counter(frame for _link, frame in captures.raw_frames(out)) == before


def test_loops_are_exact(weir, traffic):
    packets = account(weir.run("replay", traffic, *STEERED, "--loop", 7, "--json").ok().json())
    assert packets["sent"] == 7 * 2000


def test_loops_keep_flows_in_order(weir, traffic, tmp_path):
    out = tmp_path / "out.pcap"
    weir.run("replay", traffic, *STEERED, "--loop", 3, "--out", out).ok()
    once = [frame[12:] for _link, frame in captures.raw_frames(traffic)]
    same_flows(3 * once, [frame[12:] for _link, frame in captures.raw_frames(out)])


def test_rewrite_makes_new_flows_with_right_checksums(weir, traffic, tmp_path):
    out = tmp_path / "out.pcap"
    weir.run("replay", traffic, *STEERED, "--loop", 3, "--rewrite", "--out", out).ok()
    frames = [frame[12:] for _link, frame in captures.raw_frames(out)]
    before = len(captures.flows(frame[12:] for _link, frame in captures.raw_frames(traffic)))
    assert len(frames) == 3 * 2000
    assert len(captures.flows(frames)) == 3 * before
    for packet in captures.packets(out)[::97]:
        assert captures.checksums_right(packet), packet.show(dump=True)


def looks(check, times=20):
    """Who is busy with other things delays packets: one look in a quiet moment is enough."""
    for _look in range(times - 1):
        try:
            return check()
        except AssertionError:
            pass
    return check()


@pytest.mark.alone
def test_original_speed_keeps_the_captures_times(weir, traffic, tmp_path):
    """Generated packets are 1 us apart; x0.01 makes that 100 us."""
    out = tmp_path / "out.pcap"

    def check():
        report = weir.run("replay", traffic, "--speed", "x0.01", "--workers", 1, "--out", out,
                          "--json").ok().json()
        errors = report["timing_error_ns"]
        assert 0 <= errors["p50"] <= errors["p99"] <= errors["max"]
        assert errors["p50"] < 20000, errors
        assert report["duration_ns"] == pytest.approx(captures.span_ns(traffic) * 100, rel=0.05)

    looks(check)


@pytest.mark.alone
@pytest.mark.parametrize("speed, packets, seconds", [
    ("10kpps", 2000, 0.2),
    ("100kpps", 2000, 0.02),
    ("20Mbps", 2000, None),
    ("x2", 2000, None),
])
def test_speed_is_kept(weir, traffic, speed, packets, seconds):
    def check():
        report = weir.run("replay", traffic, "--speed", speed, "--json").ok().json()
        assert account(report)["sent"] == packets
        if seconds is not None:
            # Of 2000 packets, the first leaves at 0 and the last one gap before the end.
            assert report["duration_ns"] >= 0.99 * seconds * 1e9
            assert report["rate"]["pps"] == pytest.approx(packets / seconds, rel=0.15)

    looks(check)


def test_duration_ends_an_endless_loop(weir, traffic):
    report = weir.run("replay", traffic, *STEERED, "--loop", 0, "--duration", "500ms",
                      "--json").ok().json()
    assert account(report)["sent"] > 2000
    assert 0.4e9 < report["duration_ns"] < 3e9


def test_files_are_merged_by_time(weir, traffic, tmp_path):
    out = tmp_path / "out.pcap"
    packets = account(weir.run("replay", traffic, traffic, "--speed", "top", "--workers", 1,
                               "--out", out, "--json").ok().json())
    assert packets["sent"] == 4000
    frames = [frame for _link, frame in captures.raw_frames(out)]
    once = [frame for _link, frame in captures.raw_frames(traffic)]
    # Equal times: each packet twice in a row.
    assert frames == [frame for frame in once for _twice in range(2)]


def test_verify_finds_nothing_wrong(weir, traffic):
    result = weir.run("replay", traffic, *STEERED, "--loop", 2, "--verify", "--json").ok()
    account(result.json())


def test_cut_file_plays_to_the_cut(weir, traffic, tmp_path):
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(traffic.read_bytes()[:-10])
    packets = account(weir.run("replay", cut, *STEERED, "--json").ok().json())
    assert packets["sent"] == 1999


def test_streams_what_it_does_not_preload(weir, traffic):
    packets = account(weir.run("replay", traffic, *STEERED, "--load", "stream", "--loop", 2,
                               "--json").ok().json())
    assert packets["sent"] == 4000


def test_table_is_readable(weir, traffic):
    text = weir.run("replay", traffic, *STEERED).ok().stdout
    for word in ("read", "sent", "worker"):
        assert word in text.lower(), text
