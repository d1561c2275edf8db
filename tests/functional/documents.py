# SPDX-License-Identifier: BSD-3-Clause
"""The commands that a document shows, run as a reader would, so that what it says stays true.

    <!-- run -->                         the block below is run as one script
    <!-- run beside config/X.json -->    the same, while `weir run config/X.json` runs in another terminal

What the document shows as output may be shortened and have other numbers, but each of its words must be
in what the commands print now. Files of build/ are written into the test's own folder.
"""
import os
import re
import subprocess

import pytest

import steered
from running import ROOT, SLOWER

BLOCK = re.compile(r"<!-- run(?: beside (\S+))? -->\n```console\n(.*?)```(?:\n\n```\n(.*?)```)?", re.DOTALL)
# Names of counters, columns and stages, and hashes; not numbers, bars and units.
WORD = re.compile(r"0x[0-9a-f]{8}|(?!(?:[kMGT]bit|[kMGT]pps)\b)[A-Za-z_]{4,}")


def blocks(name):
    """(configuration that runs beside, commands, output shown) of each block of a document."""
    for beside, commands, shown in BLOCK.findall((ROOT / name).read_text(encoding="utf-8")):
        commands = [line[2:] for line in commands.splitlines() if line.startswith("$ ")]
        yield pytest.param(beside, commands, shown, id=re.sub(r"\W+", "-", commands[-1])[:40])


def with_socket(command, socket):
    """The reader's engine has the default socket, a test's one of its own."""
    command = re.sub(r"\bweir (run|show|set|features|capture|trace)\b", rf"weir \1 --socket '{socket}'", command)
    return command.replace("--live", f"--live --socket '{socket}'")


def script(commands, binary, folder, socket):
    lines = (line.replace("build/app/weir", "weir").replace("build/", f"{folder}/") for line in commands)
    text = "set -e\n" + "\n".join(with_socket(line, socket) for line in lines)
    result = subprocess.run(["sh", "-c", text], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=50 * SLOWER, check=False,
                            env={**os.environ, "PATH": f"{binary.parent}:{os.environ['PATH']}"})
    assert result.returncode == 0, f"{text}\n{result.stdout}\n{result.stderr}"
    return result.stdout.replace(f"{folder}/", "build/")


def run(weir, binary, folder, beside, commands):
    """What the commands print. What runs beside them must lose and overtake nothing."""
    if not beside:
        return script(commands, binary, folder, "")
    socket = folder / "weir.sock"
    running = weir.start("run", ROOT / beside, "--socket", socket, "--check-order", "--json")
    running.wait_until(socket.exists, "its socket")
    printed = script(commands, binary, folder, socket)
    steered.check(running.stop().ok().json())
    return printed


def check(weir, binary, folder, beside, commands, shown):
    """Some words depend on the moment, such as why a flow is where it is: there are more looks."""
    for _look in range(10):
        printed = run(weir, binary, folder, beside, commands)
        missing = set(WORD.findall(shown)) - set(WORD.findall(printed))
        if not missing:
            return
    raise AssertionError(f"not printed: {missing}, but\n{printed}")
