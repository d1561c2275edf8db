# SPDX-License-Identifier: BSD-3-Clause
"""An engine for applications that may be killed, and applications (verbs_load.c) that notice what
is lost, twice there, or changed."""
import json
import subprocess
import threading
import time

import pytest

from running import SLOWER, Weir

SECONDS = 10.0


def wait_for(condition, what, seconds=SECONDS):
    end = time.monotonic() + seconds * SLOWER
    while not (found := condition()):
        assert time.monotonic() < end, f"no {what} after {seconds} s"
        time.sleep(0.001)
    return found


class Engine:
    """`weir run`, which may be killed and started again at the same sockets."""

    def __init__(self, binary, folder, **verbs):
        self.weir, self.folder = Weir(binary), folder
        self.socket, self.control = folder / "verbs.sock", folder / "control.sock"
        self.config = folder / "verbs.json"
        self.config.write_text(json.dumps({
            "verbs": {"socket": str(self.socket), **verbs}, "memory": {"mode": "no-huge"},
            "control": {"socket": str(self.control)}, "workers": {"count": 1, "idle": "adaptive"}}))
        self.start()

    def start(self):
        self.running = self.weir.start("run", self.config)
        self.running.wait_until(self.listens, "engine", SECONDS)

    def listens(self):
        """A dead one's socket is there too, but nobody answers."""
        return self.control.exists() and \
            self.weir.run("show", "rdma", "--json", "--socket", self.control).code == 0

    def kill(self):
        self.running.finish()

    def show(self):
        return self.weir.run("show", "rdma", "--json", "--socket", self.control).ok().json()["rdma"]

    def pids(self):
        return {found["pid"] for found in self.show()["connections"]}

    def stop(self):
        """Its own check at the end: all buffers are back, all applications are let go."""
        try:
            return self.running.stop().ok()
        finally:
            self.running.finish()


class Application:
    """verbs_load, and what it said."""

    def __init__(self, program, engine, length=256, shared=0, prefix=()):
        words = [*prefix, program, engine.socket, length] + ([shared] if shared else [])
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines = []
        threading.Thread(target=self._read, daemon=True).start()
        self.expect("ready")

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.split())

    @property
    def pid(self):
        return self.process.pid

    def said(self, word, begin=0, number=None):
        for line in self.lines[begin:]:
            assert line[0] != "wrong:", " ".join(line)
            if line[0] == word and (number is None or line[1] == str(number)):
                return line
        return None

    def expect(self, word, begin=0, number=None, seconds=SECONDS):
        def found():
            line = self.said(word, begin, number)
            assert line or self.process.poll() is None, f"it ended: {self.lines}"
            return line

        return wait_for(found, f"\"{word}\" in {self.lines[-3:]}", seconds)

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def ask(self, line, word, number=None):
        begin = len(self.lines)
        self.tell(line)
        return self.expect(word, begin, number)

    def queue_pair(self):
        """Link, and what the other end must know of it."""
        _word, link, *there = self.ask("qp", "qp")
        return int(link), " ".join(there)

    def report(self, link):
        """Path, and how much was posted, completed, received; the word others add to."""
        _word, _link, path, *counts = self.ask(f"report {link}", "report", link)
        return path, *map(int, counts)

    def check(self):
        assert self.process.poll() is None, f"it ended: {self.lines}"
        assert self.said("wrong:") is None

    def failed_ns(self, link, begin=0):
        return int(self.expect("failed", begin, link)[3])

    def kill(self):
        """When, by the clock of all, in ns."""
        now = time.monotonic_ns()
        self.process.kill()
        self.process.wait()
        return now

    def finish(self):
        self.process.kill()
        self.process.wait()


class Pair:
    """Two applications that send each other numbered messages, connected by one queue pair each."""

    def __init__(self, one, other, forth="send", back="send"):
        self.one, self.other = one, other
        (self.link, here), (self.other_link, there) = one.queue_pair(), other.queue_pair()
        one.ask(f"connect {self.link} {there} {forth}", "connected", self.link)
        other.ask(f"connect {self.other_link} {here} {back}", "connected", self.other_link)

    def counts(self):
        return self.one.report(self.link)[1:], self.other.report(self.other_link)[1:]

    def received(self):
        """How much has come here and there; of additions, how often was added."""
        return tuple(max(received, word) for _posted, _completed, received, word in self.counts())

    def wait_moves(self, count=50):
        """That both ends get on."""
        before = self.received()
        wait_for(lambda: all(now >= was + count for now, was in zip(self.received(), before)),
                 "progress of a pair")

    def settle(self):
        """Both stop: whatever was posted has arrived, once. How much that was, each way."""
        self.one.tell(f"stop {self.link}")
        self.other.tell(f"stop {self.other_link}")

        def done():
            counts = self.counts()
            return counts if all(count[0] == count[1] for count in counts) else None

        wait_for(done, "end of what was posted")
        here, there = wait_for(
            lambda: (found := self.counts())[0][0] == max(found[1][2:]) and
            found[1][0] == max(found[0][2:]) and found, "all messages")
        self.one.check()
        self.other.check()
        return here[0], there[0]


@pytest.fixture(scope="session")
def verbs_load(binary):
    path = binary.parent.parent / "tests/functional/verbs_load"
    if not path.exists():
        pytest.skip("verbs_load is not built")
    return path


class World:
    """An engine, and the applications of one test."""

    def __init__(self, binary, program, folder, **verbs):
        self.engine, self.program = Engine(binary, folder, **verbs), program
        self.applications = []

    def application(self, *arguments, **options):
        found = Application(self.program, self.engine, *arguments, **options)
        self.applications.append(found)
        return found

    def pair(self, forth="send", back="send", **options):
        return Pair(self.application(**options), self.application(**options), forth, back)

    def close(self):
        for application in self.applications:
            application.finish()
        self.engine.weir.finish()


@pytest.fixture
def world(binary, verbs_load, tmp_path, request):
    """Parameter: the path, or what else stands in "verbs"."""
    verbs = getattr(request, "param", {})
    found = World(binary, verbs_load, tmp_path, **({"path": verbs} if isinstance(verbs, str) else verbs))
    yield found
    found.close()
