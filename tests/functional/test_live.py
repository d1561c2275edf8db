# SPDX-License-Identifier: BSD-3-Clause
"""What a running engine says of itself over its socket."""
import json
import os
import socket as sockets
import stat
import threading

import pytest

import runs

VIEWS = ["ports", "queues", "workers", "stages", "drops", "memory"]


@pytest.fixture
def engine(weir, tmp_path, traffic):
    """A run that does not end by itself; its socket."""
    path, socket = runs.write(
        tmp_path,
        {"in": {"replay": {"files": [str(traffic)], "speed": "50kpps", "loop": 0},
                "rss": {"queues": 8}},
         "out": {"device": "net_null0"}},
        [{"from": "in", "to": "out", "stages": ["macswap", {"type": "drop", "share": 0.1}]}],
        workers={"count": 2})
    running = weir.start("run", path, "--json")
    running.wait_until(socket.exists, "its socket")
    yield socket
    runs.account(running.stop().ok().json())


@pytest.mark.parametrize("view", VIEWS)
def test_show(weir, engine, view):
    text = weir.run("show", view, "--socket", engine).ok().stdout
    assert len(text.splitlines()) > 1, text
    assert weir.run("show", view, "--socket", engine, "--json").ok().json()


def test_socket_is_for_owner_and_group(engine):
    assert stat.S_IMODE(os.stat(engine).st_mode) == 0o660


def test_counters_grow_and_drops_have_names(weir, engine):
    def drops():
        return json.dumps(weir.run("show", "drops", "--socket", engine, "--json").ok().json())

    first = drops()
    assert "discarded" in first
    assert drops() != first


def test_unknown_view_is_a_mistake(weir, engine):
    result = weir.run("show", "prots", "--socket", engine)
    assert result.code == 2 and "ports" in result.stderr, repr(result)


def test_no_engine(weir, tmp_path):
    result = weir.run("show", "ports", "--socket", tmp_path / "none.sock")
    assert result.code == 1 and "none.sock" in result.stderr, repr(result)


def talk(path, data, seconds=5):
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(str(path))
        client.sendall(data)
        client.shutdown(sockets.SHUT_WR)
        reply = b""
        try:
            while piece := client.recv(65536):
                reply += piece
        except ConnectionResetError:
            pass
        return reply


@pytest.mark.parametrize("request_bytes", [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\n", id="empty line"),
    pytest.param(b"{}\n", id="no command"),
    pytest.param(b"[]\n", id="no object"),
    pytest.param(b'{"command": 1}\n', id="command of a wrong type"),
    pytest.param(b'{"command": "show", "what": 7}\n', id="argument of a wrong type"),
    pytest.param(b"\0" * 100 + b"\n", id="zeros"),
    pytest.param(b"\xff\xfe\n", id="not UTF-8"),
    pytest.param(b"[" * 60000 + b"\n", id="deep"),
    pytest.param(b"x" * 300000, id="too long"),
])
def test_hostile_requests_cost_nothing(weir, engine, request_bytes):
    try:
        reply = talk(engine, request_bytes)
    except (BrokenPipeError, ConnectionResetError):
        reply = b""
    for line in reply.splitlines():
        assert json.loads(line)["ok"] is False
    weir.run("show", "workers", "--socket", engine).ok()


def test_many_clients_at_once(weir, engine):
    results = []
    threads = [threading.Thread(target=lambda: results.append(
        weir.run("show", "stages", "--socket", engine, "--json"))) for _client in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        assert result.ok().json()
    assert len(results) == 8


def test_watch_repeats_until_stopped(weir, engine):
    running = weir.start("show", "workers", "--watch", "--socket", engine)
    running.wait_until(lambda: running.text["stdout"].lower().count("worker") >= 2,
                       "a second table", seconds=10)
    running.stop(5)
