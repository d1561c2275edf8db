# SPDX-License-Identifier: BSD-3-Clause
"""docs/steering.md: its runs can be repeated, print what it says, and keep order; its settings exist and are
live where it says so."""
import re
import xml.etree.ElementTree as xml

import pytest

import documents
import steered
from running import ROOT

NAME = "docs/steering.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")
BLOCKS = list(documents.blocks(NAME))


@pytest.mark.alone # what runs beside them must lose nothing
@steered.two_cpus
@pytest.mark.parametrize("beside, commands, shown", BLOCKS)
def test_block(weir, binary, tmp_path, beside, commands, shown):
    documents.check(weir, binary, tmp_path, beside, commands, shown)


def test_every_command_is_run():
    """No block of commands without its mark."""
    assert TEXT.count("```console\n") == len(BLOCKS)


def test_order_is_kept_where_it_says_so():
    assert re.findall(r"order: (\d+) reordered", TEXT)
    assert set(re.findall(r"order: (\d+) reordered", TEXT)) == {"0"}


def settings():
    """(path of the reference, live) of each row of the table of knobs. ".name" follows its neighbour."""
    for row in re.findall(r"^\|[^|\n]*\|([^|\n]*)\| (yes|no) \|$", TEXT, re.MULTILINE):
        before = ""
        for path in re.findall(r"`([^`]+)`", row[0]):
            if path.startswith("."):
                whole = ".".join(before.split(".")[:2] if path.startswith(".rss.") else before.split(".")[:-1])
                path = whole + path
            before = path
            path = path.replace("DEV", "NAME").replace("TYPE", "udp4").replace("[]", ".N")
            yield path.replace(".", "/"), row[1] == "yes"


def test_what_is_live(weir):
    """Each path of the table is a field of the reference, and may be set while weir runs as the table says."""
    reference = weir.run("config", "reference").ok().stdout.replace("\\", "")
    fields = dict(re.findall(r"^\*/(\S+)\*\n(.*?)(?=^\*/|\Z)", reference, re.MULTILINE | re.DOTALL))
    found = list(settings())
    assert len(found) > 15 and {live for _path, live in found} == {True, False}
    for path, live in found:
        assert ("May be set while weir runs" in fields[path]) == live, path


def test_picture_is_one_of_weirs():
    title, = re.findall(r"!\[[^]]*\]\((\S+\.svg)\)", TEXT)
    texts = [node.text for node in xml.parse(ROOT / "docs" / title).iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("Steering of port") for text in texts)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^):#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
