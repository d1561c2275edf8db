# SPDX-License-Identifier: BSD-3-Clause
"""Runs the peers and weir, and takes from their output the one number that is compared."""
import json
import os
import re
import subprocess
import threading
from pathlib import Path

from rows import Unavailable

ROOT = Path(__file__).resolve().parents[2]
WEIR = os.environ.get("WEIR", str(ROOT / "build/app/weir"))
HUGEPAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")


def hugepages():
    return HUGEPAGES.exists() and int(HUGEPAGES.read_text()) >= 256


def eal_memory():
    """Both sides get the same memory."""
    return ["--in-memory"] if hugepages() else ["--no-huge", "-m", "1024"]


def run(words, seconds, namespace=None):
    words = [str(word) for word in (namespace.prefix() if namespace else []) + list(words)]
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                errors="replace", timeout=seconds, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{words[0]} did not end in {seconds} s") from error
    if result.returncode != 0:
        raise Unavailable(f"{' '.join(words)}: {(result.stderr or result.stdout).strip()[-500:]}")
    return result.stdout


def weir_json(*words, seconds=60, namespace=None):
    return json.loads(run([WEIR, *words, "--json"], seconds, namespace))


def testpmd_pps(devices, mode, seconds=2):
    """What one forwarding core sends, all ports together: the mean of `seconds` whole seconds."""
    words = ["dpdk-testpmd", "-l", "0,1", *eal_memory(), "--no-pci", "--no-telemetry"]
    for device in devices:
        words += ["--vdev", device]
    words += ["--", f"--forward-mode={mode}", "--nb-cores=1", "--auto-start", "--stats-period=1"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    limit = threading.Timer(30, process.kill)
    limit.start()
    tail, rates, moving = [], [], []
    for line in process.stdout:
        tail = tail[-20:] + [line]
        if match := re.search(r"Tx-pps:\s+(\d+)", line):
            rates.append(int(match.group(1)))
            if len(rates) == len(devices):
                # Traffic began somewhere within the first second that shows any: not counted.
                moving += [sum(rates)] if sum(rates) or moving else []
                rates = []
                if len(moving) == seconds + 1:
                    break
    limit.cancel()
    process.kill()
    process.wait()
    if len(moving) <= seconds:
        raise Unavailable("testpmd (package dpdk-dev) moved nothing: " + "".join(tail)[-600:])
    return sum(moving[1:]) / seconds


def weir_pps(devices, mode, seconds=2.0):
    """The same, weir's counters on: packets out over the time they took."""
    words = ["run"]
    for device in devices:
        words += ["--port", device]
    words += ["--mode", mode, "--workers", "1", "--cpus", "1", "--duration", f"{seconds}s"]
    report = weir_json(*words, seconds=seconds + 20)
    return report["account"]["out"] * 1e9 / report["interval_ns"]


def tcpreplay_pps(path, interface, namespace):
    text = run(["tcpreplay", "-i", interface, "-K", "--topspeed", "--loop=5", path], 60, namespace)
    match = re.search(r"([\d.]+) pps", text)
    if not match:
        raise Unavailable("tcpreplay told no rate")
    return float(match.group(1))
