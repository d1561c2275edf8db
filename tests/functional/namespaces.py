# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces with veth pairs, and packet sockets in them: where traffic is made and judged."""
import contextlib
import ctypes
import errno
import itertools
import os
import select
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count()


def command(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=20, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {result.stderr.strip()}")
    return result.stdout


def set_namespace(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """Made new, without IPv6 (whose neighbour discovery would mix with the test's packets)."""

    def __init__(self):
        self.name = f"weir-test-{os.getpid()}-{next(numbers)}"
        command("ip", "netns", "add", self.name)
        self.sockets = []
        self.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                  "net.ipv6.conf.default.disable_ipv6=1")
        self.ip("link", "set", "lo", "up")

    def destroy(self):
        for wire in self.sockets:
            wire.close()
        command("ip", "netns", "delete", self.name)

    def prefix(self):
        return ["ip", "netns", "exec", self.name]

    def exec(self, *words):
        return command(*self.prefix(), *words)

    def ip(self, *words):
        return command("ip", "-n", self.name, *words)

    def veth(self, one, other, mtu=1500):
        """A pair of interfaces, up, that leave checksums and segments as they are."""
        self.ip("link", "add", one, "type", "veth", "peer", "name", other)
        for interface in (one, other):
            self.exec("ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            self.ip("link", "set", "dev", interface, "mtu", mtu, "up")

    def has(self, interface):
        result = subprocess.run(["ip", "-n", self.name, "link", "show", interface],
                                capture_output=True, timeout=20, check=False)
        return result.returncode == 0

    @contextlib.contextmanager
    def entered(self):
        """This thread inside the namespace. What it opens there stays there."""
        with open("/proc/self/ns/net", encoding="ascii") as home, \
                open(f"/run/netns/{self.name}", encoding="ascii") as there:
            set_namespace(there.fileno())
            try:
                yield
            finally:
                set_namespace(home.fileno())

    def wire(self, interface):
        """A Wire on the interface, from now on."""
        with self.entered():
            wire = Wire(interface)
        self.sockets.append(wire)
        return wire


class Wire:
    """Sends frames into an interface and keeps those that come out of it."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()

    def send(self, frames, gap_seconds=0.0):
        for frame in frames:
            select.select([], [self.socket], [], 5)
            self.socket.send(bytes(frame))
            if gap_seconds:
                time.sleep(gap_seconds)

    def receive(self, count, seconds=5.0):
        """The next `count` frames that came in; fewer if they do not come in time."""
        frames, end = [], time.monotonic() + seconds
        while len(frames) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                break
            try:
                frame, address = self.socket.recvfrom(1 << 18)
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # told once, when the interface went down
                    raise
                continue
            if address[2] != PACKET_OUTGOING:
                frames.append(frame)
        return frames

    def rest(self, seconds=0.3):
        """What else comes in a while: nothing, where exactly that much was expected."""
        return self.receive(1 << 30, seconds)
