# SPDX-License-Identifier: BSD-3-Clause
"""The rings' peers, each as two processes on a CPU each, and weir's own: one short run, its numbers."""
import contextlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

import peers
from peers import Unavailable

BENCH = Path(os.environ.get("WEIR_BENCH", peers.ROOT / "build/tests/bench"))
SECONDS = 30  # no run takes so long, unless it hangs
MIB = 1 << 20
PERFTEST_PORT = 18515


class Engine:
    """`weir run` for applications; with ports, from those."""

    def __init__(self, folder, ports=None, pipelines=None, **sections):
        self.folder, self.process = Path(folder), None
        self.socket = self.folder / "verbs.sock"
        self.config = self.folder / "engine.json"
        self.config.write_text(json.dumps({
            **({"ports": ports, "pipelines": pipelines} if ports else {}),
            "memory": {"mode": "no-huge"}, "workers": {"count": 1, "cpus": "0", "idle": "adaptive"},
            "control": {"socket": ""}, "verbs": {"socket": str(self.socket)}, **sections}))

    def __enter__(self):
        self.log = open(self.folder / "engine.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen([peers.WEIR, "run", str(self.config)], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        for _ in range(200):
            if self.socket.exists():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        said = (self.folder / "engine.log").read_text()[-300:]
        self.__exit__()
        raise Unavailable(f"the engine for applications did not start: {said}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()

    def environment(self):
        return ["env", f"WEIR_VERBS_SOCKET={self.socket}"]

    # ---- weir perf ----

    def perf(self, *words, program=None):
        """program: one that is `weir perf` and no more."""
        start = [program] if program else [peers.WEIR, "perf"]
        report = json.loads(peers.run([*self.environment(), *start, *words, "--self", "--json"], SECONDS))
        row = report["rows"][0]
        if "not_measured" in row:
            raise Unavailable(f"weir perf {' '.join(map(str, words))}: {row['not_measured']}")
        return row

    def latency(self, verb, size, *words, iterations=100000):
        """Half round trips in ns, by percentile."""
        found = self.perf("lat", verb, "-s", size, "-n", iterations, *words)["latency_us"]
        return {point: us * 1000 for point, us in found["percentiles"].items()}

    def bandwidth(self, verb, size, iterations, *words, program=None):
        found = self.perf("bw", verb, "-s", size, "-n", iterations, "-N", *words, program=program)["bandwidth"]
        return {"bytes": found["average_mib_per_second"] * MIB,
                "rate": found["million_messages_per_second"] * 1e6}

    def raw(self, port, seconds=0.4):
        """Packets of a port in an application, on the CPU that the worker is not on."""
        return json.loads(peers.run(
            [*self.environment(), peers.WEIR, "perf", "bw", "raw", "--port", port, "-D", seconds, "--cpus",
             1, "--json"], SECONDS))

    def packets(self, *words, seconds=0.3):
        """An application that touches every byte."""
        return json.loads(peers.run([*self.environment(), there("rings_packets"), *words, "--seconds", seconds,
                                     "--cpu", 1], SECONDS))

    # ---- Debian's programs ----

    def program(self, name, *words):
        """Server and client, unmodified, over weir. The columns of the client's one row."""
        words = [*self.environment(), peers.WEIR, "verbs", "--", name, "-F", *words]
        text = two_sides(["taskset", "-c", "0", *words], ["taskset", "-c", "1", *words, "localhost"],
                         PERFTEST_PORT)
        numbers = [line.split() for line in text.splitlines() if re.fullmatch(r"[\d.\s]+", line.strip() or "x")]
        if not numbers:
            raise Unavailable(f"{name} over weir printed no row: {text[-300:]}")
        return [float(number) for number in numbers[-1]]

    def program_latency(self, name, size, iterations=100000):
        return self.program(name, "-s", size, "-n", iterations)[4] * 1000  # t_typical

    def program_bandwidth(self, name, size, iterations):
        return self.program(name, "-s", size, "-n", iterations, "-N")[3] * MIB  # BW average


def listens(port):
    """Looked up, not tried: a second client would not be taken."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()]
    return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


def two_sides(server, client, port):
    """Starts the server, and the client when it listens. The client's output."""
    server, client = [str(word) for word in server], [str(word) for word in client]
    with contextlib.ExitStack() as stack:
        try:
            other = subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True)
        except FileNotFoundError as error:
            raise Unavailable(f"{server[0]} is not installed") from error

        def end():
            other.kill()
            other.wait()
            other.stderr.close()

        stack.callback(end)
        for _ in range(250):
            if listens(port) or other.poll() is not None:
                break
            time.sleep(0.02)
        if other.poll() is not None:
            raise Unavailable(f"{' '.join(server)}: {other.stderr.read().strip()[-300:]}")
        text = peers.run(client, SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(timeout=5)
    return text


# ---- UCX ----

UCX_PORT = 13551


def ucx(test, size, iterations):
    """ucx_perftest over shared memory. Median latency in ns, bandwidth in bytes a second."""
    common = ["env", "UCX_TLS=posix,self", "ucx_perftest"]
    text = two_sides([*common, "-p", UCX_PORT, "-c", 0],
                     [*common, "localhost", "-p", UCX_PORT, "-c", 1, "-t", test, "-s", size, "-n", iterations,
                      "-w", max(iterations // 10, 100), "-v", "-f"], UCX_PORT)
    lines = [line for line in text.splitlines() if re.match(r"\d+,", line)]
    if not lines:
        raise Unavailable(f"ucx_perftest (package ucx-utils) printed no row: {text[-300:]}")
    fields = lines[-1].split(",")
    return {"latency": float(fields[1]) * 1000, "bytes": float(fields[5]) * MIB}


# ---- what is built here ----

def there(name):
    program = BENCH / name
    if not program.exists():
        raise Unavailable(f"{program} is not built")
    return program


def built(name, *words):
    return json.loads(peers.run([there(name), *words], SECONDS).splitlines()[-1])


def pingpong():
    """A line of cache back and forth, nothing else: half round trips in ns, by percentile."""
    return built("rings_pingpong", "--iterations", 200000)


def memcpy(size):
    return built("rings_pingpong", "memcpy", "--bytes", size)["bytes_per_second"]


def memif_latency(size, zero_copy):
    return built("rings_memif", "lat", "--size", size, "--iterations", 100000,
                 *(["--zero-copy"] if zero_copy else []))


def memif_rate(size, zero_copy, payload=False):
    """payload: each message is made anew, and read."""
    return built("rings_memif", "rate", "--size", size, "--seconds", 0.5, *(["--payload"] if payload else []),
                 *(["--zero-copy"] if zero_copy else []))["packets_per_second"]


def messages(engine, size):
    """weir's side of memif_rate(payload=True)."""
    found = json.loads(peers.run([*engine.environment(), there("rings_messages"), "--size", size, "--seconds", 0.5],
                                 SECONDS))
    return found["messages_per_second"]
