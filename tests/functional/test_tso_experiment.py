# SPDX-License-Identifier: BSD-3-Clause
"""One write of 4096 bytes: which sizes it has above the cut and on the wire, by the kernel and through weir."""
import os
import re
import subprocess

import pytest

from running import ROOT, SLOWER

pytestmark = pytest.mark.alone # a congestion window depends on time

WIRE = "1460 1460 1176"
TITLE = re.compile(r"(.*) between, initial window (\d+), TSO (on|off) at the client:")


def table(text):
    """{(box, window, tso): {place: sizes}}"""
    found = {}
    for line in text.splitlines():
        title = TITLE.fullmatch(line)
        if title:
            rows = found[(title.group(1), int(title.group(2)), title.group(3) == "on")] = {}
        else:
            place, sizes = line[:34].strip(), line[34:].strip()
            rows[place] = sizes
    return found


@pytest.fixture(name="sizes", scope="module")
def sizes_fixture(binary, tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, for network namespaces")
    folder = tmp_path_factory.mktemp("tso")
    result = subprocess.run([ROOT / "scripts/tso-experiment", folder], capture_output=True, text=True, check=False,
                            timeout=50 * SLOWER, env={**os.environ, "WEIR": str(binary)})
    assert result.returncode == 0, result.stdout + result.stderr
    return table(result.stdout)


def test_every_way_is_there(sizes):
    assert set(sizes) == {(box, window, tso) for box in ("the kernel's bridge", "weir") for window in (10, 4)
                          for tso in (True, False)}


def test_the_wire_has_segments_whatever_is_above(sizes):
    for way, rows in sizes.items():
        assert rows["tcpdump at the server (the wire)"] == WIRE, way


def test_above_the_cut_the_kernels_congestion_window_decides(sizes):
    for (_box, window, tso), rows in sizes.items():
        expected = WIRE if not tso else "4096" if window == 10 else "2920 1176"
        assert rows["tcpdump at the client"] == expected


def test_weirs_points_show_where_it_is_cut(sizes):
    for (box, window, tso), rows in sizes.items():
        if box == "weir":
            assert rows["weir, rx"] == rows["tcpdump at the client"], (window, tso)
            assert rows["weir, gso"] == rows["weir, tx"] == WIRE, (window, tso)
