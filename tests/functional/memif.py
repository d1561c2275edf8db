# SPDX-License-Identifier: BSD-3-Clause
"""A memif client without DPDK: it connects, offers frames, and leaves when it likes."""
import mmap
import os
import socket
import struct

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED = range(1, 8)
VERSION, COOKIE, TO_SERVER = 0x200, 0x3E31F20, 1
HEAD, TAIL, DESCRIPTORS, DESCRIPTOR_BYTES = 6, 64, 128, 16
MESSAGE_BYTES = 128
MESSAGES = 5


class Left(Exception):
    """The server went away, or would not have us."""


class Peer:
    """One ring to the server, always full, and one back; each of 2^log2_slots frames."""

    def __init__(self, path, frame, says=MESSAGES, log2_slots=14):
        """`says`: how many messages; fewer than all, and it does not wait for the last answer."""
        self.says = says
        self.slots = 1 << log2_slots
        ring_bytes = DESCRIPTORS + self.slots * DESCRIPTOR_BYTES
        self.rings = {"out": 0, "back": ring_bytes}
        frame_at = 2 * ring_bytes
        self.file = os.memfd_create("region", os.MFD_ALLOW_SEALING)
        self.bell = os.eventfd(0)
        size = frame_at + 2 * mmap.PAGESIZE
        os.ftruncate(self.file, size)
        self.memory = mmap.mmap(self.file, size)
        for at in self.rings.values():
            struct.pack_into("<I", self.memory, at, COOKIE)
            self.memory[at + DESCRIPTORS:at + ring_bytes] = \
                struct.pack("<HHIII", 0, 0, len(frame), frame_at, 0) * self.slots
            # The server writes where it is told to; the frames it reads stay as they are.
            frame_at += mmap.PAGESIZE
        self.memory[2 * ring_bytes:2 * ring_bytes + len(frame)] = frame
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(10)
        try:
            self.control.connect(str(path))
            self._meet(size, log2_slots, says)
        except OSError as error:
            raise Left(str(error)) from error

    def _hear(self, wanted):
        got = self.control.recv(MESSAGE_BYTES)
        if len(got) != MESSAGE_BYTES or struct.unpack_from("<H", got)[0] != wanted:
            raise Left(f"message {wanted} wanted, not {got.rstrip(bytes(1))}")

    def _meet(self, size, log2_slots, says):
        out, back = (struct.pack("<HHHIBH", flags, 0, 0, self.rings[name], log2_slots, 0)
                     for name, flags in (("out", TO_SERVER), ("back", 0)))
        messages = [(INIT, struct.pack("<HIB", VERSION, 0, 0), []),
                    (ADD_REGION, struct.pack("<HQ", 0, size), [self.file]),
                    (ADD_RING, out, [self.bell]), (ADD_RING, back, [self.bell]),
                    (CONNECT, b"", [])]
        answer = HELLO
        for kind, body, files in messages[:says]:
            self._hear(answer)
            message = (struct.pack("<H", kind) + body).ljust(MESSAGE_BYTES, bytes(1))
            socket.send_fds(self.control, [message], files)
            answer = CONNECTED if kind == CONNECT else ACK
        if says == MESSAGES:
            self._hear(answer)

    def _get(self, ring, at):
        return struct.unpack_from("<H", self.memory, self.rings[ring] + at)[0]

    def _put_head(self, ring, value):
        struct.pack_into("<H", self.memory, self.rings[ring] + HEAD, value & 0xffff)

    def fill(self):
        """All slots are the server's: frames of ours, and room for its."""
        for ring in self.rings:
            self._put_head(ring, self._get(ring, TAIL) + self.slots)

    def leave(self):
        """Without a word, as a process that is killed. Once the server has let go, returns how
        many frames it took and how many it gave, if fill() was called once or never."""
        # Who said nothing does not hear either: the server's greeting fails.
        self.control.shutdown(socket.SHUT_WR if self.says else socket.SHUT_RDWR)
        try:
            while self.control.recv(MESSAGE_BYTES):
                pass
        except ConnectionError:
            pass
        moved = self._get("out", TAIL), self._get("back", TAIL)
        self.control.close()
        self.memory.close()
        os.close(self.file)
        os.close(self.bell)
        return moved


def answers(path):
    """Whether the server there takes peers."""
    try:
        Peer(path, bytes(60)).leave()
    except Left:
        return False
    return True
