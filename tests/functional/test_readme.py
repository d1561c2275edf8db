# SPDX-License-Identifier: BSD-3-Clause
"""The commands README shows do work."""
import re

import pytest

import documents
from running import ROOT


@pytest.mark.alone # what runs beside them must lose nothing
@pytest.mark.parametrize("beside, commands, shown", documents.blocks("README.md"))
def test_block(weir, binary, tmp_path, beside, commands, shown):
    documents.check(weir, binary, tmp_path, beside, commands, shown)


def test_folders_and_scripts_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`?(scripts/[a-z]+)", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"^([a-z]+/)  ", text, re.MULTILINE):
        assert (ROOT / name).is_dir(), name
