#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's RPS beside weir on the same veth: the same UDP packets at the same bounded rate.

Kernel: rps_cpus names both CPUs; delivered is what reached a UDP socket, whose filter drops it there.
weir:   one rx queue of af_packet or af_xdp, two workers, RSS in software; delivered is what ran
        through a pipeline to its end.
CPU time is all that both CPUs spent, the sender's part included, which is alike on both sides. weir
sleeps when idle, as the kernel does. Other programs' time counts too: the machine should be quiet.

    bench_kernel_rps.py [--rounds N] [--json]"""
import argparse
import contextlib
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers
import rows

sys.path.insert(0, str(peers.ROOT / "tests/functional"))
import namespaces  # noqa: E402

FLOWS, FRAME_BYTES, BATCH = 256, 60, 64
SECONDS = 2
RATES_PPS = (200_000, 1_000_000)  # one that both bear, and one that asks for more than a veth gives
SENDER, RECEIVER, PORT = "10.90.0.1", "10.90.0.2", 9
SOL_PACKET, PACKET_QDISC_BYPASS, SO_ATTACH_FILTER = 263, 20, 26  # Python has no names for them
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# In DPDK 22.11 af_xdp loses all buffers beyond the first half of a pool that is not in huge pages.
DEVICES = ("net_af_packet0,iface=two,framecnt=2048", "net_af_xdp0,iface=two,busy_budget=0")


# ---- the sender, a process of its own ----

class Message(ctypes.Structure):  # struct mmsghdr
    _fields_ = [("name", ctypes.c_void_p), ("name_bytes", ctypes.c_uint32),
                ("vector", ctypes.c_void_p), ("vectors", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_bytes", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]


def sum16(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(mac, flow):
    """UDP without a checksum; flows differ in their source port."""
    length = FRAME_BYTES - 14
    parts = (0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP)
    addresses = socket.inet_aton(SENDER) + socket.inet_aton(RECEIVER)
    header = struct.pack("!BBHHHBBH", *parts, 0) + addresses
    header = struct.pack("!BBHHHBBH", *parts, sum16(header)) + addresses
    udp = struct.pack("!HHHH", 1024 + flow, PORT, length - 20, 0)
    return (mac + bytes.fromhex("020000000001") + b"\x08\x00" + header + udp).ljust(FRAME_BYTES, b"\0")


def batches(frames):
    """Message vectors for sendmmsg, and what must stay alive for them."""
    kept, found = [], []
    for first in range(0, len(frames), BATCH):
        messages = (Message * BATCH)()
        for message, data in zip(messages, frames[first:first + BATCH]):
            buffer = ctypes.create_string_buffer(data, len(data))
            vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), len(data))
            message.vector, message.vectors = ctypes.addressof(vector), 1
            kept += [buffer, vector]
        found.append(messages)
    return found, kept


def send(interface, mac, rate_pps):
    """Sends for SECONDS and prints how many; what it could not send in time it does not send."""
    libc = ctypes.CDLL(None, use_errno=True)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((interface, 0))
    wire.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    vectors, _kept = batches([frame(mac, flow) for flow in range(FLOWS)])
    sent = turn = 0
    start = time.monotonic()
    while (passed := time.monotonic() - start) < SECONDS:
        if sent >= passed * rate_pps:
            time.sleep(BATCH / rate_pps)
            continue
        count = libc.sendmmsg(wire.fileno(), vectors[turn % len(vectors)], BATCH,
                              socket.MSG_DONTWAIT)
        if count < 0 and ctypes.get_errno() not in (errno.EAGAIN, errno.ENOBUFS):
            raise OSError(ctypes.get_errno(), "sendmmsg")
        sent += max(count, 0)
        turn += 1
    print(sent)


# ---- the two sides ----

def busy_ns():
    """Of all CPUs since boot: neither idle nor taken away by the host."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) * TICK_NS


def steered():
    """Packets that RPS gave to another CPU: received_rps counts the interrupts it took."""
    return sum(int(line.split()[9], 16)
               for line in Path("/proc/net/softnet_stat").read_text().splitlines())


class Veth:
    def __init__(self):
        self.space = namespaces.Namespace()
        self.space.veth("one", "two")
        self.mac = self.space.exec("cat", "/sys/class/net/two/address").strip().replace(":", "")
        self.cpus = sorted(os.sched_getaffinity(0))[:2]
        if len(self.cpus) < 2:
            raise peers.Unavailable("needs two CPUs")

    def rps(self, on):
        mask = sum(1 << cpu for cpu in self.cpus) if on else 0
        words = f"{mask >> 32:x},{mask & 0xffffffff:08x}" if mask >> 32 else f"{mask:x}"
        self.space.exec("sh", "-c", f"echo {words} > /sys/class/net/two/queues/rx-0/rps_cpus")

    def send(self, rate_pps):
        """Packets sent, CPU time meanwhile and until what is on the way has arrived."""
        before = busy_ns()
        sent = int(peers.run(["taskset", "-c", self.cpus[0], sys.executable, __file__, "--send",
                              "one", self.mac, rate_pps], SECONDS + 10, self.space))
        time.sleep(0.1)
        return sent, busy_ns() - before

    @contextlib.contextmanager
    def sink(self):
        """A UDP socket that drops all it gets, counted by the kernel."""
        reject = struct.pack("HBBI", 6, 0, 0, 0)  # BPF: ret 0
        code = ctypes.create_string_buffer(reject)
        program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
        self.space.ip("addr", "add", f"{RECEIVER}/24", "dev", "two")
        with self.space.entered():
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        receiver.bind((RECEIVER, PORT))
        try:
            yield
        finally:
            receiver.close()
            self.space.ip("addr", "del", f"{RECEIVER}/24", "dev", "two")

    def at_sink(self):
        lines = [line.split() for line in self.space.exec("cat", "/proc/net/snmp").splitlines()
                 if line.startswith("Udp:")]
        counters = dict(zip(lines[0][1:], map(int, lines[1][1:])))
        return counters["InErrors"] + counters["InDatagrams"]


def kernel(veth, rate_pps):
    """(delivered, sent, CPU ns)"""
    veth.rps(True)
    with veth.sink():
        delivered, elsewhere = veth.at_sink(), steered()
        sent, cpu_ns = veth.send(rate_pps)
        delivered = veth.at_sink() - delivered
    veth.rps(False)
    if steered() == elsewhere:
        raise peers.Unavailable("the kernel steered nothing: no RPS here")
    return delivered, sent, cpu_ns


def wait_for_workers(process, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        names = [path.read_text().strip()
                 for path in Path(f"/proc/{process.pid}/task").glob("*/comm")]
        if "weir-worker-1" in names:
            time.sleep(0.3)
            return
        time.sleep(0.02)
    raise peers.Unavailable("weir did not start")


def weir(veth, rate_pps, device):
    """(delivered, sent, CPU ns)"""
    if "af_xdp" in device and not peers.hugepages():
        raise peers.Unavailable("af_xdp needs huge pages: scripts/hugepages")
    config = {
        "memory": {"mode": "in-memory" if peers.hugepages() else "no-huge"},
        "ports": {"wire": {"device": device, "rss": {"queues": 2}}},
        "workers": {"cpus": ",".join(map(str, veth.cpus)), "idle": "adaptive"},
        "pipelines": [{"from": "wire", "stages": ["drop"]}],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rps.json"
        path.write_text(json.dumps(config))
        process = subprocess.Popen(
            veth.space.prefix() + [peers.WEIR, "run", str(path), "--json", "--socket", "",
                                   "--duration", f"{SECONDS + 20}s"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for_workers(process)
            sent, cpu_ns = veth.send(rate_pps)
            process.terminate()
            out, errors = process.communicate(timeout=10)
        except (peers.Unavailable, subprocess.TimeoutExpired) as reason:
            process.kill()
            out, errors = process.communicate()
            raise peers.Unavailable(" ".join([str(reason), *errors.splitlines()[-1:]])) from reason
    if process.returncode != 0:
        raise peers.Unavailable(" ".join(errors.splitlines()[-3:]))
    delivered = sum(worker["drop_reasons"]["discarded"] for worker in json.loads(out)["workers"])
    return delivered, sent, cpu_ns


# ---- telling ----

def compare(rounds):
    """Rows: what arrives a second, and the CPU time of each packet that did."""
    if os.geteuid() != 0:
        raise peers.Unavailable("needs root, for network namespaces")
    veth = Veth()
    try:
        for device in DEVICES:
            driver = device.split(",", 1)[0].removesuffix("0")
            for rate_pps in RATES_PPS:
                yield from compare_at(veth, device, driver, rate_pps, rounds)
    finally:
        veth.space.destroy()


def compare_at(veth, device, driver, rate_pps, rounds):
    case = f"veth, {rows.number(rate_pps)}pps offered, {driver}"
    try:
        pairs = [(weir(veth, rate_pps, device), kernel(veth, rate_pps)) for _round in range(rounds)]
        if not all(delivered for pair in pairs for delivered, _sent, _cpu in pair):
            raise peers.Unavailable("nothing arrived")
    except (peers.Unavailable, RuntimeError, OSError) as reason:
        yield rows.missing(case, "pps", "kernel RPS", "", reason)
        return
    for what, unit, value in (
            ("delivered", "pps", lambda side: side[0] / SECONDS),
            ("delivered", "% of sent", lambda side: side[0] / side[1] * 100),
            ("CPU time, sender included", "ns/packet", lambda side: side[2] / side[0])):
        ours, theirs = zip(*((value(pair[0]), value(pair[1])) for pair in pairs))
        yield rows.alternate(f"{case}: {what}", unit, "kernel RPS", "", iter(ours).__next__,
                             iter(theirs).__next__, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--send", nargs=3, metavar=("INTERFACE", "MAC", "PPS"),
                        help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        send(options.send[0], bytes.fromhex(options.send[1]), int(options.send[2]))
        return 0
    try:
        found = list(compare(options.rounds))
    except (peers.Unavailable, RuntimeError, OSError) as reason:
        found = [rows.missing("veth", "pps", "kernel RPS", "", reason)]
    print(json.dumps([row._asdict() for row in found]) if options.json else rows.table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
