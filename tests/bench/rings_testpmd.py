# SPDX-License-Identifier: BSD-3-Clause
"""net_null > testpmd io > memif, zero copy > testpmd rxonly: two processes, one CPU each."""
import contextlib
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import peers
from peers import Unavailable

# Zero copy is the client's: its packet memory is what is shared; the server copies.
CLIENTS = ("sender", "receiver")


def words(cpu, role, socket, zero_copy, mode, *devices):
    """A testpmd that forwards on one CPU; the thread that only prints its rates sleeps on the other."""
    memif = f"net_memif0,role={role},socket={socket},socket-abstract=no,rsize=10,bsize=2048"
    found = ["dpdk-testpmd", "-l", "0,1", "--main-lcore", 1 - cpu, "--in-memory", "--single-file-segments",
             "--no-pci", "--no-telemetry"]
    for device in (*devices, memif + (",zero-copy=yes" if zero_copy else "")):
        found += ["--vdev", device]
    found += ["--", f"--forward-mode={mode}", "--nb-cores=1", "--rxd=1024", "--txd=1024", "--auto-start",
              "--stats-period=1"]
    return [str(word) for word in found]


@contextlib.contextmanager
def started(command, output):
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   text=True, errors="replace")
    except FileNotFoundError as error:
        raise Unavailable("testpmd (package dpdk-dev) is not installed") from error
    limit = threading.Timer(20, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.wait()


def wait_for(socket, process):
    for _ in range(200):
        if socket.exists():
            return
        if process.poll() is not None:
            raise Unavailable("testpmd ended at once")
        time.sleep(0.05)
    raise Unavailable("testpmd made no memif socket")


def received_pps(process):
    """The first second with packets is not a whole one; the next one counts."""
    tail, moving = [], 0
    for line in process.stdout:
        tail = tail[-20:] + [line]
        match = re.search(r"Rx-pps:\s+(\d+)", line)
        moving += bool(match and (moving or int(match.group(1))))
        if match and moving == 2:
            return int(match.group(1))
    raise Unavailable("testpmd behind memif received nothing: " + "".join(tail)[-600:])


def pps(size, client):
    """client: who of sender and receiver owns the shared memory."""
    if not peers.hugepages():
        raise Unavailable("memif's zero copy needs hugepages")
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "memif.sock"
        role = {side: "client" if side == client else "server" for side in CLIENTS}
        sender = words(0, role["sender"], socket, client == "sender", "io", f"net_null0,size={size},copy=0")
        receiver = words(1, role["receiver"], socket, client == "receiver", "rxonly")
        with contextlib.ExitStack() as stack:
            if client == "receiver":  # the server listens first
                other = stack.enter_context(started(sender, subprocess.DEVNULL))
                wait_for(socket, other)
                return received_pps(stack.enter_context(started(receiver, subprocess.PIPE)))
            found = stack.enter_context(started(receiver, subprocess.PIPE))
            wait_for(socket, found)
            stack.enter_context(started(sender, subprocess.DEVNULL))
            return received_pps(found)


def better_client(size):
    """Tried once each: the better one for memif is what weir is compared with."""
    return max(CLIENTS, key=lambda client: pps(size, client))
