# SPDX-License-Identifier: BSD-3-Clause
"""docs/capture.md: its commands run and print what it says."""
import re

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

import documents
import steered
from running import ROOT

NAME = "docs/capture.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")
BLOCKS = list(documents.blocks(NAME))


@steered.two_cpus
@pytest.mark.parametrize("beside, commands, shown", BLOCKS)
def test_block(weir, binary, tmp_path, beside, commands, shown, need):
    need("tshark")
    wrpcap(str(tmp_path / "bulk.pcap"),
           [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            / IP(src="10.0.0.1", dst="10.0.0.2", id=number, flags="DF")
            / TCP(sport=21, dport=40000, flags="A", seq=number * 1448, options=[("Timestamp", (7, 8))]) / bytes(1448)
            for number in range(44)])
    # Which flow comes is chance, and each has a hash of its own.
    documents.check(weir, binary, tmp_path, beside, commands, re.sub(r"0x[0-9a-f]{8}", "", shown))


def test_every_command_is_run():
    assert TEXT.count("```console\n") == len(BLOCKS) == 3


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^):#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
