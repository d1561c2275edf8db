# SPDX-License-Identifier: BSD-3-Clause
"""Runs weir: to its end, or in the background until told to stop."""
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# How much longer everything may take, as under sanitizers.
SLOWER = float(os.environ.get("WEIR_SLOWER", "1"))


class Result:
    def __init__(self, arguments, code, stdout, stderr):
        self.arguments, self.code, self.stdout, self.stderr = arguments, code, stdout, stderr

    def __repr__(self):
        words = " ".join(map(str, self.arguments))
        return f"`{words}` left with {self.code}\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"

    def json(self):
        """The one object that --json prints."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(f"not one JSON object ({error}): {self!r}") from error

    def ok(self):
        assert self.code == 0, repr(self)
        return self


class Running:
    """weir in the background. Leaves nothing behind: finish() ends it, kindly if it can."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.text = {"stdout": "", "stderr": ""}
        self.readers = [threading.Thread(target=self._read, args=(name,), daemon=True)
                        for name in self.text]
        for reader in self.readers:
            reader.start()

    def _read(self, name):
        stream = getattr(self.process, name)
        while line := stream.readline():
            self.text[name] += line

    def result(self):
        for reader in self.readers:
            reader.join(timeout=5)
        return Result(self.arguments, self.process.poll(), self.text["stdout"], self.text["stderr"])

    def wait_until(self, condition, what, seconds=10.0):
        end = time.monotonic() + seconds * SLOWER
        while not condition():
            assert self.process.poll() is None, f"ended before {what}: {self.result()!r}"
            assert time.monotonic() < end, f"no {what} after {seconds} s: {self.result()!r}"
            time.sleep(0.02)

    def signal(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def wait(self, seconds=10.0):
        try:
            self.process.wait(timeout=seconds * SLOWER)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still there after {seconds} s: {self.result()!r}") from None
        return self.result()

    def stop(self, seconds=10.0):
        """SIGINT, and what it reports on the way out."""
        self.signal(signal.SIGINT)
        return self.wait(seconds)

    def finish(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Weir:
    def __init__(self, binary):
        self.binary = str(binary)
        self.background = []

    def run(self, *arguments, seconds=30.0, namespace=None, folder=ROOT, **variables):
        words = (namespace.prefix() if namespace else []) + [self.binary, *map(str, arguments)]
        try:
            result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    errors="replace", timeout=seconds * SLOWER, cwd=folder, check=False,
                                    env={**os.environ, **variables})
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{' '.join(words)}: still there after {error.timeout} s: "
                                 f"{error.stdout}\n{error.stderr}") from None
        return Result(words, result.returncode, result.stdout, result.stderr)

    def start(self, *arguments, namespace=None):
        words = (namespace.prefix() if namespace else []) + [self.binary, *map(str, arguments)]
        running = Running(words)
        self.background.append(running)
        return running

    def finish(self):
        for running in self.background:
            running.finish()
