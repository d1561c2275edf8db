# SPDX-License-Identifier: BSD-3-Clause
"""The programs in examples/ on a running engine, on both paths."""
import os
import re

import pytest

from running import Running
from verbs_apps import Engine

# Of what the engine moves each message waits for a third thread: it is slow on a small machine.
SECONDS = {"direct": 20, "engine": 60}


@pytest.fixture(name="ping")
def ping_program(binary):
    path = binary.parent.parent / "examples/ping"
    if not path.exists():
        pytest.skip("examples are not built")
    return path


@pytest.fixture(name="engine", params=["direct", "engine"])
def engine_of_path(request, binary, tmp_path, monkeypatch):
    engine = Engine(binary, tmp_path, path=request.param)
    monkeypatch.setenv("WEIR_VERBS_SOCKET", str(engine.socket))
    yield engine, request.param
    engine.stop()


@pytest.mark.timeout_seconds(120)
def test_ping(engine, ping):
    """Both started at once, several times: one of them is always the first."""
    _engine, path = engine
    for turn in range(5 if path == "direct" else 1):
        name = f"weir-test-{os.getpid()}-{path}-{turn}"
        both = [Running([str(ping), name]) for _ in range(2)]
        try:
            for end in both:
                said = end.wait(SECONDS[path]).ok().stdout
                assert re.fullmatch(rf"64 bytes, {path} path: \d+\.\d+ us one way\n", said), said
        finally:
            for end in both:
                end.finish()


def test_ping_without_engine(ping, tmp_path, monkeypatch):
    monkeypatch.setenv("WEIR_VERBS_SOCKET", str(tmp_path / "nobody"))
    answer = Running([str(ping)]).wait()
    assert answer.code == 1 and "nobody" in answer.stderr
