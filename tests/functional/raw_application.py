# SPDX-License-Identifier: BSD-3-Clause
"""An application with a raw-packet queue pair, by libweir itself. As a program it holds what it
receives and says how much that is:

    raw_application.py LIBWEIR SOCKET PORT COUNT
"""
import ctypes
import socket
import sys
import time

QPT_RAW_PACKET = 8
FLOW_VLAN, FLOW_SOURCE, FLOW_DESTINATION, FLOW_PROTOCOL, FLOW_SOURCE_PORT, FLOW_DESTINATION_PORT = (
    1 << bit for bit in range(6))
WRITABLE, CHECKSUM_GOOD, MORE = 1, 2, 4
PARTS = 512


class Capabilities(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in (
        "max_send_wr", "max_recv_wr", "max_send_sge", "max_recv_sge", "max_inline_data")]


class QueuePair(ctypes.Structure):
    _fields_ = [("context", ctypes.c_void_p), ("send_cq", ctypes.c_void_p),
                ("recv_cq", ctypes.c_void_p), ("srq", ctypes.c_void_p), ("cap", Capabilities),
                ("type", ctypes.c_int), ("sq_sig_all", ctypes.c_int)]


class Flow(ctypes.Structure):
    _fields_ = [("port", ctypes.c_char_p), ("match", ctypes.c_uint), ("priority", ctypes.c_uint),
                ("vlan", ctypes.c_uint16), ("ip_version", ctypes.c_uint8),
                ("protocol", ctypes.c_uint8), ("source_prefix", ctypes.c_uint8),
                ("destination_prefix", ctypes.c_uint8), ("source_port", ctypes.c_uint16),
                ("destination_port", ctypes.c_uint16), ("source", ctypes.c_uint8 * 16),
                ("destination", ctypes.c_uint8 * 16)]


class Packet(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_uint32), ("hash", ctypes.c_uint32),
                ("mss", ctypes.c_uint16), ("flags", ctypes.c_uint16), ("cookie", ctypes.c_uint32),
                ("arrived_ns", ctypes.c_uint64)]


class Failure(Exception):
    pass


class Received:
    def __init__(self, parts):
        self.bytes = b"".join(ctypes.string_at(part.data, part.length) for part in parts)
        self.parts = [Packet.from_buffer_copy(part) for part in parts]
        self.mss, self.flags = parts[0].mss, parts[0].flags


class Application:
    def __init__(self, library, path, depth=1024):
        self.weir = ctypes.CDLL(str(library))
        for name in ("weir_open", "weir_alloc_pd", "weir_create_cq", "weir_create_qp",
                     "weir_create_flow", "weir_packet_alloc"):
            getattr(self.weir, name).restype = ctypes.c_void_p
        for name in ("weir_packet_mode", "weir_error_text"):
            getattr(self.weir, name).restype = ctypes.c_char_p
        self.device = self.made(self.weir.weir_open(str(path).encode()))
        domain = self.made(self.weir.weir_alloc_pd(self.device))
        queue = self.made(self.weir.weir_create_cq(self.device, 1, None, None))
        wanted = QueuePair(send_cq=queue, recv_cq=queue, type=QPT_RAW_PACKET,
                           cap=Capabilities(max_send_wr=depth, max_recv_wr=depth))
        self.pair = self.made(self.weir.weir_create_qp(domain, ctypes.byref(wanted)))
        self.room = (Packet * PARTS)()
        self.held = 0

    def made(self, pointer):
        if pointer is None:
            raise Failure(self.weir.weir_error_text().decode())
        return ctypes.c_void_p(pointer)

    def done(self, status):
        if status != 0:
            raise Failure(self.weir.weir_error_text().decode())

    def close(self):
        self.done(self.weir.weir_close(self.device))

    def mode(self):
        return self.weir.weir_packet_mode(self.pair).decode()

    def flow(self, port, **members):
        """Members as in weir_flow_attr; addresses as text."""
        flow = Flow(port=port.encode())
        for name, bit in (("vlan", FLOW_VLAN), ("source", FLOW_SOURCE),
                          ("destination", FLOW_DESTINATION), ("protocol", FLOW_PROTOCOL),
                          ("source_port", FLOW_SOURCE_PORT),
                          ("destination_port", FLOW_DESTINATION_PORT)):
            if name not in members:
                continue
            flow.match |= bit
            if name in ("source", "destination"):
                family = socket.AF_INET6 if ":" in members[name] else socket.AF_INET
                address = socket.inet_pton(family, members[name])
                flow.ip_version = 6 if ":" in members[name] else 4
                getattr(flow, name)[:len(address)] = address
                setattr(flow, name + "_prefix", members.get(name + "_prefix", len(address) * 8))
            else:
                setattr(flow, name, members[name])
        flow.priority = members.get("priority", 0)
        return self.made(self.weir.weir_create_flow(self.pair, ctypes.byref(flow)))

    def no_flow(self, flow):
        self.done(self.weir.weir_destroy_flow(flow))

    def receive(self, count, seconds=5.0, release=True):
        """Packets, at least `count` of them if they come in time."""
        packets, end = [], time.monotonic() + seconds
        while len(packets) < count and time.monotonic() < end:
            parts = self.weir.weir_receive(self.pair, self.room, PARTS)
            if parts <= 0:
                self.weir.weir_packet_wait(self.pair, 50)
                continue
            first = 0
            for part in range(parts):
                if not self.room[part].flags & MORE:
                    packets.append(Received(self.room[first:part + 1]))
                    first = part + 1
            self.held += parts
            if release:
                self.release()
        return packets

    def release(self):
        self.weir.weir_release(self.pair, self.held)
        self.held = 0

    def send(self, frame, mss=0):
        data = self.made(self.weir.weir_packet_alloc(self.pair, len(frame)))
        ctypes.memmove(data, frame, len(frame))
        self.done(self.weir.weir_packet_send(self.pair, data, len(frame), mss))
        self.weir.weir_flush(self.pair)

    def write(self, packet, offset, content):
        """Where it is, before it is released."""
        ctypes.memmove(packet.parts[0].data + offset, content, len(content))

    def forward(self, packet):
        self.done(self.weir.weir_forward(self.pair, ctypes.byref(packet.parts[0])))
        self.weir.weir_flush(self.pair)


def main():
    library, path, port, count = sys.argv[1:]
    application = Application(library, path)
    application.flow(port)
    print("attached", flush=True)
    held = application.receive(int(count), 30, release=False)
    print(f"holds {len(held)}", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    main()
