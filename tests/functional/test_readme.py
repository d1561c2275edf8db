# SPDX-License-Identifier: BSD-3-Clause
"""The commands README shows do work. Blocks marked <!-- run --> are run, line by line."""
import re
import subprocess

import pytest

from running import ROOT, SLOWER


def blocks():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"<!-- run -->\n```console\n(.*?)```", text, re.DOTALL):
        commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
        yield pytest.param(commands, id=commands[0].split()[1])


@pytest.mark.parametrize("commands", blocks())
def test_block(binary, commands):
    for command in commands:
        command = command.replace("build/app/weir", str(binary))
        result = subprocess.run(["sh", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=30 * SLOWER, check=False)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


def test_folders_and_scripts_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`?(scripts/[a-z]+)", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"^([a-z]+/)  ", text, re.MULTILINE):
        assert (ROOT / name).is_dir(), name
