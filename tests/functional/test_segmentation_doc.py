# SPDX-License-Identifier: BSD-3-Clause
"""docs/segmentation.md: its commands run and print what it says."""
import re

import pytest

import documents
from running import ROOT

NAME = "docs/segmentation.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")
BLOCKS = list(documents.blocks(NAME))


@pytest.mark.parametrize("beside, commands, shown", BLOCKS)
def test_block(weir, binary, tmp_path, need, beside, commands, shown):
    need("tshark")
    documents.check(weir, binary, tmp_path, beside, commands, shown)


def test_every_command_is_run():
    assert TEXT.count("```console\n") == len(BLOCKS) == 3


def test_features_have_weirs_names(weir):
    reference = weir.run("config", "reference").ok().stdout.replace("\\", "")
    rows = re.findall(r"^\| [^|]*\| ([^|]*-[^|]*) \|", TEXT, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert len(names) > 7
    for name in names:
        assert f"*/ports/NAME/features/{name}*" in reference, name


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^):#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
