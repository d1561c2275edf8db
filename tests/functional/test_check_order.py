# SPDX-License-Identifier: BSD-3-Clause
"""The order meter on real paths: flows leave as they came, and it knows what came. That it can say
otherwise, its unit test shows: no stage of weir reorders."""
import pytest

import captures
import runs

STEERED = ["--workers", 2, "--queues", 8, "--speed", "top", "--check-order"]


def in_order(order):
    """Nothing wrong, and the numbers agree with each other."""
    assert order["good"] and order["exact"], order
    assert order["reordered"] == order["duplicated"] == order["untracked"] == 0, order
    assert order["received"] == order["checked"] + order["lost"], order
    assert order["lost"] == order["dropped"], order
    return order


def test_real_capture_leaves_in_order(weir, real_capture):
    report = weir.run("replay", real_capture.path, *STEERED, "--loop", 3, "--json").ok().json()
    order = in_order(report["order"])
    assert order["received"] == report["summary"]["account"]["in"]
    assert order["unknown"] == 0


def test_every_flow_is_known(weir, traffic):
    order = in_order(weir.run("replay", traffic, *STEERED, "--loop", 20, "--json").ok()
                     .json()["order"])
    assert order["checked"] == 40_000
    frames = (captures.without_link_header(*frame) for frame in captures.raw_frames(traffic))
    assert order["flows"] == len(captures.flows(frames))


def test_both_meters_agree(weir, traffic):
    report = weir.run("replay", traffic, *STEERED, "--verify", "--rewrite", "--loop", 5,
                      "--json").ok().json()
    assert in_order(report["order"])["flows"] == report["verify"]["flows"]
    assert report["order"]["checked"] == report["verify"]["out"]


def test_through_another_worker(weir, traffic, tmp_path):
    """A file has one tx queue: of two workers one sends by way of the other."""
    report = weir.run("replay", traffic, *STEERED, "--loop", 5, "--out", tmp_path / "out.pcap",
                      "--json").ok().json()
    assert in_order(report["order"])["checked"] == 10_000


def test_what_the_source_reorders_is_none_of_ours(weir, tmp_path):
    path, _socket = runs.write(
        tmp_path,
        {"in": {"generate": {"flows": 20, "protocol": "tcp", "packets": 20_000, "reorder": 0.1,
                             "duplicate": 0.05, "loss": 0.05, "speed": "top"},
                "rss": {"queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}],
        workers={"count": 2})
    report = weir.run("run", path, "--check-order", "--json").ok().json()
    order = in_order(report["order"])
    assert order["checked"] == runs.account(report)["out"]


def test_drops_are_no_loss(weir, tmp_path, traffic):
    path, _socket = runs.write(
        tmp_path, {"in": runs.from_file(traffic, loop=5), "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": [{"type": "drop", "share": 0.3}]}])
    order = in_order(weir.run("run", path, "--check-order", "--json").ok().json()["order"])
    assert order["lost"] > 1000
    assert order["worst"][0]["lost"] > 0 and " tcp" in order["worst"][0]["flow"]


def test_made_packets_are_not_known(weir, tmp_path):
    path, _socket = runs.write(
        tmp_path, {"out": {"device": "net_null0"}},
        [{"from": "out", "to": "out", "stages": ["txonly"]}])
    order = weir.run("run", path, "--check-order", "--duration", "300ms", "--json").ok().json()["order"]
    assert order["good"] and order["unknown"] > 0


def test_text_says_it_in_a_line(weir, traffic):
    text = weir.run("replay", traffic, *STEERED).ok().stdout
    assert "order: 0 reordered of 2,000 packets in " in text and ", none lost" in text, text
    text = weir.run("replay", traffic, "--speed", "top").ok().stdout
    assert "order:" not in text, text


@pytest.mark.parametrize("check", [True, False])
def test_show_order_live(weir, tmp_path, traffic, check):
    path, socket = runs.write(
        tmp_path,
        {"in": {"replay": {"files": [str(traffic)], "speed": "50kpps", "loop": 0},
                "rss": {"queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap"]}],
        workers={"count": 2})
    running = weir.start("run", path, "--json", *(["--check-order"] if check else []))
    running.wait_until(socket.exists, "its socket")

    def checked():
        order = weir.run("show", "order", "--socket", socket, "--json").ok().json()["order"]
        assert order["good"] and not order["exact"], order
        return order["checked"]

    if check:
        running.wait_until(lambda: checked() > 2000, "checked packets")
        assert weir.run("show", "order", "--socket", socket).ok().stdout.count("0 reordered of") == 1
        in_order(running.stop().ok().json()["order"])
    else:
        answer = weir.run("show", "order", "--socket", socket)
        assert answer.code == 1 and "--check-order" in answer.stderr, answer
        assert "order" not in running.stop().ok().json()
