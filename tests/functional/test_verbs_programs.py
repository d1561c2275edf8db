# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified RDMA programs over weir: rdma-core's examples and perftest, judged by their exit status
and by what their tables say."""
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from running import SLOWER, Weir

# Its programs spin on both CPUs: never two pairs at once, nor an engine for each worker.
pytestmark = [pytest.mark.xdist_group("programs"), pytest.mark.timeout_seconds(120)]

ITERATIONS = 1000
# Of what the engine moves: each message waits for a third thread, which has no CPU of its own on a
# small machine.
ITERATIONS_ENGINE = 80
# One for each end: two that spin on one CPU wait for the scheduler at each message.
CPUS = sorted(os.sched_getaffinity(0))[:2]
# Symbols of libibverbs that need no device, and those of drivers: left to the real library.
LEFT = re.compile(r"ibv_.*_str|ibv_rate_to_\w+|mbps_to_ibv_rate|mult_to_ibv_rate"
                  r"|ibv_read_\w*sysfs_file|ibv_get_sysfs_path"
                  r"|ibv_(fork_init|is_fork_initialized|dofork_range|dontfork_range)"
                  r"|ibv_(cmd|copy)_\w+|ibv_register_driver|_?verbs_\w+|__\w+|execute_ioctl")


@pytest.fixture(scope="module")
def library(binary):
    path = binary.parent.parent / "lib/verbs/interpose/libweir-ibverbs.so"
    if not path.exists():
        pytest.skip("libweir-ibverbs.so is not built: libibverbs-dev was not there")
    if b"__asan_init" in path.read_bytes() or b"__tsan_init" in path.read_bytes():
        pytest.skip("what is preloaded has sanitizers, and the program has not")
    return path


class Engine:
    """An engine that offers verbs, and programs that use it."""

    def __init__(self, binary, folder, path):
        self.itself, self.weir, self.path = Weir(binary), Weir(binary), path
        self.socket = folder / "verbs.sock"
        config = folder / "verbs.json"
        config.write_text(json.dumps({"verbs": {"path": path, "socket": str(self.socket)},
                                      "control": {"socket": str(folder / "control.sock")},
                                      "workers": {"count": 1, "idle": "adaptive"}}))
        self.running = self.itself.start("run", config)
        self.running.wait_until(self.socket.exists, "verbs socket")

    def words(self, program, *arguments, cpu=CPUS[0]):
        for needed in (program, "taskset"):
            if shutil.which(needed) is None:
                pytest.skip(f"{needed} is not installed")
        return ["verbs", "--socket", self.socket, "--explain", "--", "taskset", "-c", cpu, program,
                *arguments]

    def iterations(self, *options):
        """How many of what is measured: -n of the options, else as many as do not take long."""
        if "-n" in options:
            return int(options[options.index("-n") + 1])
        return ITERATIONS if self.path == "direct" and "UD" not in options else ITERATIONS_ENGINE

    def run(self, program, *arguments, **options):
        return self.weir.run(*self.words(program, *arguments), **options)

    def pair(self, program, *arguments, seconds=100):
        """Server and client to their end: what they said."""
        port = free_port()
        server = self.weir.start(*self.words(program, *arguments, "-p", port))
        try:
            server.wait_until(lambda: is_listening(port), f"server of {program}")
            client = self.weir.start(*self.words(program, *arguments, "-p", port, "localhost",
                                                 cpu=CPUS[-1]))
            answer = client.wait(seconds)
            assert answer.code == 0, f"{answer!r}\nserver: {server.text}"
            return answer, server.wait(seconds).ok()
        finally:
            self.weir.finish()

    def stop(self):
        self.weir.finish()
        try:
            self.running.stop().ok()
        finally:
            self.itself.finish()


def free_port():
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def is_listening(port):
    """Without connecting: the server takes only one client."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and int(words[1].split(":")[1], 16) == port:
                return True
    return False


@pytest.fixture(scope="module", params=["direct", "engine"])
def engine(request, binary, library, tmp_path_factory):
    found = Engine(binary, tmp_path_factory.mktemp(request.param), request.param)
    yield found
    found.stop()


# ---- what programs see ----

def symbols(path, which):
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    found = subprocess.run(["nm", "-D", which, path], capture_output=True, text=True, check=True)
    return {words[-1].split("@")[0]: words[-1] for line in found.stdout.splitlines()
            if (words := line.split())}


def real_library():
    found = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False)
    match = re.search(r"libibverbs\.so\.1 .*=> (\S+)", found.stdout)
    return match[1] if match else pytest.skip("libibverbs is not installed")


def test_only_functions_of_libibverbs_are_visible(library):
    ours = set(symbols(library, "--defined-only"))
    real = set(symbols(real_library(), "--defined-only"))
    assert ours - real == {"pci_init", "pci_scan_bus", "pci_cleanup"}


def test_what_takes_our_objects_is_ours(library):
    """The real library would look for private data behind them."""
    ours = set(symbols(library, "--defined-only"))
    missing = {name for name in symbols(real_library(), "--defined-only")
               if not LEFT.fullmatch(name) and not name.startswith("IBVERBS")} - ours
    assert not missing


@pytest.mark.parametrize("program", [f"ib_{verb}_{what}" for verb in ("send", "write", "read", "atomic")
                                     for what in ("lat", "bw")]
                         + [f"ibv_{name}" for name in ("devices", "devinfo", "asyncwatch",
                                                       "rc_pingpong", "uc_pingpong", "ud_pingpong",
                                                       "srq_pingpong", "xsrq_pingpong")])
def test_what_programs_use_is_ours(library, program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    used = {name for name, versioned in symbols(shutil.which(program), "--undefined-only").items()
            if "@IBVERBS" in versioned and not LEFT.fullmatch(name)}
    assert used and not used - set(symbols(library, "--defined-only"))


def test_device(engine):
    text = engine.run("ibv_devinfo", "-v").ok().stdout
    assert re.search(r"hca_id:\s*weir0", text)
    for line in (r"transport:\s*InfiniBand", r"state:\s*PORT_ACTIVE", r"phys_state:\s*LINK_UP",
                 r"active_mtu:\s*4096", r"port_lid:\s*1\b", r"link_layer:\s*InfiniBand",
                 r"atomic_cap:\s*ATOMIC_GLOB", r"max_msg_sz:\s*0x40000000"):
        assert re.search(line, text), (line, text)
    guid = re.search(r"node_guid:\s*(\S+)", text)[1]
    assert guid != "0000:0000:0000:0000"
    assert re.search(rf"GID\[\s*0\]:\s*fe80:0000:0000:0000:{guid}", text), text
    assert guid.replace(":", "") in engine.run("ibv_devices").ok().stdout


# ---- the command ----

def test_no_engine(weir, library, tmp_path):
    found = weir.run("verbs", "--socket", tmp_path / "nobody.sock", "--", "true")
    assert found.code == 1
    assert str(tmp_path / "nobody.sock") in found.stderr and "weir run" in found.stderr


def test_without_an_engine_there_is_no_device(need, library, tmp_path):
    need("ibv_devices")
    found = subprocess.run(["ibv_devices"], capture_output=True, text=True, check=True, timeout=20,
                           env={"LD_PRELOAD": str(library), "PATH": "/usr/bin",
                                "WEIR_VERBS_SOCKET": str(tmp_path / "nobody.sock")})
    assert "weir0" not in found.stdout


def test_no_program(engine):
    found = engine.weir.run("verbs", "--socket", engine.socket, "--", "no-such-program")
    assert found.code == 127 and '"no-such-program"' in found.stderr
    assert engine.weir.run("verbs", "--socket", engine.socket).code == 2


def test_own_status_and_what_was_preloaded(engine):
    found = engine.weir.run("verbs", "--socket", engine.socket, "--", "sh", "-c",
                            "echo $LD_PRELOAD; exit 7", LD_PRELOAD="/no/such.so")
    assert found.code == 7
    assert re.fullmatch(r"/\S+/libweir-ibverbs\.so:/no/such\.so", found.stdout.strip())


# ---- rdma-core's examples ----

PINGPONGS = [("rc", "-c"), ("rc", "-c", "-e"), ("rc", "-c", "-s", "1048576", "-n", "50"),
             ("uc", "-c"), ("uc", "-c", "-e"), ("ud", "-c"), ("ud", "-c", "-e"),
             ("srq", "-c"), ("srq", "-c", "-e"), ("srq", "-c", "-q", "3")]


def has_option(program, option):
    found = subprocess.run([program, "-h"], capture_output=True, text=True, check=False)
    return f"{option}," in found.stdout + found.stderr


@pytest.mark.parametrize("case", PINGPONGS, ids=" ".join)
def test_pingpong(engine, case):
    """-c: each end looks at every byte it received."""
    kind, *options = case
    program = f"ibv_{kind}_pingpong"
    if "-n" not in options:
        options += ["-n", engine.iterations(*(["UD"] if kind == "ud" else []))]
    if shutil.which(program) and not has_option(program, "-c"):
        options.remove("-c")
    for found in engine.pair(program, *options):
        assert re.search(r"\d+ iters in [\d.]+ seconds", found.stdout), repr(found)
        assert "invalid" not in found.stdout, repr(found)


# ---- perftest ----

def table(text):
    """Rows of numbers below the heading."""
    lines = text.splitlines()
    begin = [at for at, line in enumerate(lines) if line.lstrip().startswith("#bytes")]
    assert begin, text
    rows = []
    for line in lines[begin[-1] + 1:]:
        try:
            rows.append([float(word) for word in line.split()])
        except ValueError:
            break
    assert rows, text
    return rows


def check_latency(rows, iterations):
    for size, count, least, most, typical, average, _deviation, p99, p999 in rows:
        assert count == iterations, rows
        assert 0 < least <= typical <= p99 <= p999 <= most, (size, rows)
        assert least <= average <= most, (size, rows)


def check_bandwidth(rows, iterations):
    for size, count, _peak, average, rate in rows:
        assert count == iterations, rows
        # MB are 2^20 bytes, messages are counted by the million.
        assert rate > 0 and average == pytest.approx(rate * size / 1.048576, rel=0.05, abs=0.02), rows


# -a takes long: perftest measures the CPU's clock again for each size.
LATENCIES = [("send",), ("send", "-s", "64"), ("send", "-a", "-n", "5"), ("send", "-e"),
             ("send", "-I", "64"), ("send", "-I", "0", "-s", "64"), ("send", "-s", "65536"),
             ("send", "-c", "UC"), ("send", "-c", "UD"), ("send", "-c", "UD", "-e"),
             ("send", "-r", "4"), ("send", "--use-srq"),
             ("write",), ("write", "-I", "64"), ("write", "-c", "UC"),
             ("read",), ("read", "-e"), ("read", "-o", "1"),
             ("atomic",), ("atomic", "-A", "CMP_AND_SWAP"), ("atomic", "-e")]


def on_both_paths(cases):
    """All on the direct path; on the engine's what takes another way there."""
    other = {"-e", "UD", "--use-srq", "-b", "-l"}
    pairs = [("direct", case) for case in cases]
    pairs += [("engine", case) for case in cases if len(case) == 1 or other & set(case)]
    return pytest.mark.parametrize("engine, case", pairs, indirect=["engine"],
                                   ids=[f"{path}-{' '.join(case)}" for path, case in pairs])


@on_both_paths(LATENCIES)
def test_latency(engine, case):
    verb, *options = case
    iterations = engine.iterations(*options)
    client, _server = engine.pair(f"ib_{verb}_lat", "-n", iterations, *options)
    rows = table(client.stdout)
    check_latency(rows, iterations)
    if "-a" in options:
        assert [row[0] for row in rows] == [2 ** power for power in range(1, 24)]


BANDWIDTHS = [("send",), ("send", "-b"), ("send", "-e"),
              ("send", "-q", "4"), ("send", "-Q", "10"), ("send", "-Q", "1"), ("send", "-l", "4"),
              ("send", "-r", "8", "-t", "4"), ("send", "-r", "16", "-t", "512"), ("send", "-t", "1"),
              ("send", "-b", "-r", "8", "-t", "64"), ("send", "-b", "-s", "64"),
              ("send", "-I", "64", "-s", "64"), ("send", "-c", "UC"), ("send", "-c", "UD", "-s", "64"),
              ("send", "-N"), ("send", "--use-srq", "-q", "2"),
              ("write",), ("write", "-a", "-n", "5"), ("write", "-b"), ("write", "-q", "4"),
              ("write", "-Q", "10"), ("write", "-l", "8", "-s", "64"), ("write", "-t", "16"),
              ("write", "-I", "64", "-s", "64"), ("write", "-c", "UC"),
              ("read",), ("read", "-b"), ("read", "-q", "4"), ("read", "-e"),
              ("atomic",), ("atomic", "-A", "CMP_AND_SWAP"), ("atomic", "-b"), ("atomic", "-q", "4")]


@on_both_paths(BANDWIDTHS)
def test_bandwidth(engine, case):
    verb, *options = case
    iterations = engine.iterations(*options)
    client, server = engine.pair(f"ib_{verb}_bw", "-n", iterations, *options)
    if "-q" in options:
        iterations *= int(options[options.index("-q") + 1])
    rows = table(client.stdout)
    if "-b" in options:
        iterations = rows[0][1] # counted differently from version to version
        check_bandwidth(table(server.stdout), table(server.stdout)[0][1])
    check_bandwidth(rows, iterations)
    if "-a" in options:
        assert [row[0] for row in rows] == [2 ** power for power in range(1, 24)]


def test_for_a_time(engine):
    """-D: a second of messages, of which the middle counts."""
    rows = table(engine.pair("ib_write_bw", "-s", "65536", "-D", "2")[0].stdout)
    assert rows[0][0] == 65536 and rows[0][1] > 100 and rows[0][3] > 10, rows


def test_every_sample(engine):
    """-U: all measured times, in order."""
    iterations = engine.iterations()
    client, _server = engine.pair("ib_send_lat", "-n", iterations, "-U")
    assert len(re.findall(r"^\d+, [\d.]+$", client.stdout, re.M)) >= iterations - 1, client.stdout[:2000]


# ---- the worst of clients ----

def test_killed_client(engine):
    """A client that dies takes its own server along, and nobody else."""
    port = free_port()
    words = ["ib_send_bw", "-D", "30", "-p", port]
    server = engine.weir.start(*engine.words(*words))
    server.wait_until(lambda: is_listening(port), "server")
    client = engine.weir.start(*engine.words(*words, "localhost", cpu=CPUS[-1]))
    server.wait_until(lambda: not is_listening(port), "connection")
    time.sleep(1 * SLOWER)
    client.finish()
    server.finish()
    iterations = engine.iterations()
    check_latency(table(engine.pair("ib_send_lat", "-n", iterations)[0].stdout), iterations)
