# SPDX-License-Identifier: BSD-3-Clause
"""An engine with ports at veth pairs, and applications at it: for tests of raw-packet queue pairs."""
import contextlib
import socket

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import runs
from raw_application import Application

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


@pytest.fixture(scope="module")
def library(binary):
    path = binary.parent.parent / "lib/verbs/client/libweir.so"
    if b"__asan_init" in path.read_bytes() or b"__tsan_init" in path.read_bytes():
        pytest.skip("the library has sanitizers, and Python has not")
    return path


class Engine:
    """weir with ports at the near ends of veth pairs, and applications."""

    def __init__(self, weir, namespace, folder, library, ports=("a", "b"), pipelines=None, **sections):
        self.libweir, self.path, self.folder = library, folder / "verbs.sock", folder
        self.wires, made = {}, {}
        for name in ports:
            namespace.veth(f"{name}1", name)
            self.wires[name] = namespace.wire(f"{name}1")
            made[name] = {**sections.pop(name, {})}
            if "device" not in made[name]:
                made[name]["interface"] = name
        made.update(sections.pop("more_ports", {}))
        verbs = {"socket": str(self.path), "raw": sections.pop("verbs_raw", "trusted")}
        config, _socket = runs.write(folder, made, pipelines or [{"from": "a", "to": "b"},
                                                                 {"from": "b", "to": "a"}],
                                     verbs=verbs, **sections)
        self.running = weir.start("run", config, "--json", namespace=namespace)
        self.running.wait_until(self.listens, "verbs socket")
        self.applications = []

    def listens(self):
        """The file is there before anybody listens."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX,
                                                         socket.SOCK_SEQPACKET) as one:
            one.connect(str(self.path))
            return True
        return False

    def application(self, **options):
        application = Application(self.libweir, self.path, **options)
        self.applications.append(application)
        return application

    def stop(self):
        """All ends well: no buffer is missing, every packet is accounted for."""
        for application in self.applications:
            application.close()
        self.applications = []
        return runs.account(self.running.stop().ok().json())


@pytest.fixture
def start(weir, namespace, tmp_path, library):
    return lambda **options: Engine(weir, namespace, tmp_path, library, **options)


def udp(port, size=100, **ip):
    return bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2", **ip) / UDP(sport=7, dport=port)
                 / bytes(size))
