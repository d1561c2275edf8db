# SPDX-License-Identifier: BSD-3-Clause
"""docs/rings.md: its commands run and print what it says; what it says of sizes is so."""
import re

import pytest

import documents
from running import ROOT

NAME = "docs/rings.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")
BLOCKS = list(documents.blocks(NAME))


@pytest.mark.alone # what runs beside them must lose nothing
@pytest.mark.parametrize("beside, commands, shown", BLOCKS)
def test_block(weir, binary, tmp_path, need, beside, commands, shown):
    need("ib_send_lat")
    documents.check(weir, binary, tmp_path, beside, commands, shown)


def test_every_command_is_run():
    assert TEXT.count("```console\n") == len(BLOCKS) == 2


def test_sizes_are_those_of_the_layout():
    layout = (ROOT / "lib/verbs/layout.h").read_text(encoding="utf-8")
    payload = re.search(r"VERBS_PAYLOAD_MAX = (\d+)", layout)[1]
    assert f"payload {payload} " in TEXT and f"Up to {payload} bytes travel" in TEXT


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^):#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
