# SPDX-License-Identifier: BSD-3-Clause
"""An application that speaks on the verbs socket by itself (lib/verbs/protocol.h), so that it can
say what libweir never would; and its memory (lib/verbs/layout.h)."""
import array
import fcntl
import mmap
import os
import socket
import struct

(HELLO, ALLOC_PD, DEALLOC_PD, REG_MR, DEREG_MR, CREATE_SRQ, DESTROY_SRQ, CREATE_QP, MODIFY_QP,
 DESTROY_QP, GET_PEER, GET_REGION, CREATE_RAW, CREATE_FLOW, DESTROY_FLOW, GET_PACKETS) = range(1, 17)
EVENT, KICKED = 100, 5
RC, INIT, RTR, RTS = 2, 1, 2, 3
LINE, PAGE, KEYS_BYTES = 64, 4096, 65536 * 4
QUEUE_COOKIE = 0x31716e7269657751
F_ADD_SEALS, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL = 1033, 2, 4, 1
# inbox, receives, segments of one, requests, segments of one, inline bytes
GEOMETRY = (64, 16, 2, 16, 2, 64)


def memfd(length, seals=F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL):
    fd = os.memfd_create("hostile", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, length)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def line_up(length, to=LINE):
    return (length + to - 1) // to * to


class Places:
    """verbs_queue_places()"""

    def __init__(self, inbox, receives, receive_segments, requests, request_segments, inline):
        self.receive_stride = line_up(64 + receive_segments * 16)
        self.request_stride = line_up(64 + max(request_segments * 16, inline))
        self.receives = line_up(PAGE + receives * 4)
        self.inbox = line_up(self.receives + receives * self.receive_stride, 128)
        self.requests = self.inbox + inbox * 128
        self.outcomes = self.requests + requests * self.request_stride
        self.length = line_up(self.outcomes + requests * 16, PAGE)


def queue_header(geometry=GEOMETRY, cookie=QUEUE_COOKIE):
    inbox, receives, receive_segments, requests, request_segments, inline = geometry
    return struct.pack("<Q8I", cookie, 1, 0, inbox, receives, receive_segments, requests,
                       request_segments, inline)


class Refused(Exception):
    """What the engine answered."""


class Kicked(Exception):
    """The engine closed the connection: with a reason's number, or without."""


class Hostile:
    def __init__(self, path, hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.number, self.fds = 0, []
        if hello:
            self.call(HELLO, struct.pack("<I32s", 1, b"hostile"), [self.fd(KEYS_BYTES)])
            self.pd = self.make(ALLOC_PD, struct.pack("<I", 0))

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def fd(self, length, **seals):
        self.fds.append(memfd(length, **seals))
        return self.fds[-1]

    def send(self, kind, body=b"", fds=(), length=None):
        self.number += 1
        words = struct.pack("<HHI", kind, len(body) + 8 if length is None else length, self.number)
        self.raw(words + body, fds)

    def raw(self, text, fds=()):
        try:
            self.socket.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                          array.array("i", fds))] if fds else [])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Kicked(None) from error

    def receive(self):
        """The next answer's body after its text."""
        while True:
            try:
                text, fds, _flags, _address = socket.recv_fds(self.socket, 512, 8)
            except ConnectionResetError as error:
                raise Kicked(None) from error
            self.fds += fds
            if not text:
                raise Kicked(None)
            kind = struct.unpack_from("<H", text)[0]
            if kind != EVENT:
                break
            event, _handle, _queue, reason = struct.unpack_from("<4I", text, 8)
            if event == KICKED:
                raise Kicked(reason)
        error, = struct.unpack_from("<i", text, 8)
        if error != 0:
            raise Refused(f"{os.strerror(error)}: {text[12:172].split(bytes(1))[0].decode()}")
        return text[172:]

    def call(self, kind, body=b"", fds=()):
        self.send(kind, body, fds)
        return self.receive()

    def make(self, kind, body=b"", fds=()):
        """A handle."""
        return struct.unpack_from("<I", self.call(kind, body, fds))[0]

    # ---- objects ----

    def region(self, fd, length, access=15, address=0x10000, offset=0, wanted=0, pd=None):
        return self.make(REG_MR, struct.pack("<3I4x3Q", pd or self.pd, access, wanted, address, length,
                                             offset), [fd])

    def queue_body(self, geometry=GEOMETRY, srq=0, pd=None, kind=RC):
        return struct.pack("<5I6I", pd or self.pd, kind, srq, 0, 0, *geometry)

    def modify(self, number, state, remote=0):
        self.call(MODIFY_QP, struct.pack("<10I", number, state, remote, 7, 7, 0, 15, 0, 5, 0))

    def queue(self):
        return Queue(self)


class Queue:
    """A queue pair whose memory is open to everybody."""

    def __init__(self, owner, geometry=GEOMETRY):
        self.owner, self.places = owner, Places(*geometry)
        fd = owner.fd(self.places.length)
        self.memory = mmap.mmap(fd, self.places.length)
        self.memory[:40] = queue_header(geometry)
        self.number = owner.make(CREATE_QP, owner.queue_body(geometry), [fd])
        self.posted = 0

    def connect(self, remote):
        for state in (INIT, RTR, RTS):
            self.owner.modify(self.number, state, remote if state != INIT else 0)
        # state: open; accepts_from; rnr_timer; qkey; access
        self.memory[LINE:LINE + 20] = struct.pack("<5I", 1, remote, 0, 0, 15)

    def doorbell(self):
        """Of the greeting."""
        os.eventfd_write(self.owner.fds[1], 1)

    def post(self, opcode, segments=(), flags=0, length=None, count=None, remote=(0, 0), words=(0, 0)):
        """segments: (address, bytes, key); remote: address and key."""
        at = self.places.requests + self.posted % GEOMETRY[3] * self.places.request_stride
        total = sum(found[1] for found in segments) if length is None else length
        self.memory[at + 4:at + 64] = struct.pack(
            "<BBHIIQIIQQI12x", opcode, flags,
            len(segments) if count is None else count, total & 0xffffffff, 0, *remote, 0, *words, 0)
        for place, found in enumerate(segments):
            self.memory[at + 64 + 16 * place:at + 80 + 16 * place] = struct.pack("<QII", *found)
        self.posted += 1
        self.memory[at:at + 4] = struct.pack("<I", self.posted)
        self.doorbell()

    def outcome(self, number):
        """(status, reason) of request `number`; None: not yet."""
        at = self.places.outcomes + number % GEOMETRY[3] * 16
        sequence, status, reason = struct.unpack_from("<IHH", self.memory, at)
        return (status, reason) if sequence == number + 1 else None
