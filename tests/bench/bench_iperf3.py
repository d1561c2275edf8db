#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""iperf3 between two namespaces, joined by weir or by the kernel's own bridge, each with GRO and GSO
on and off. The hosts' veths send MTU-sized segments (tso off), as a wire would bring them; what
arrives is theirs to merge no more (gro off). All on the same CPUs.

    bench_iperf3.py [--rounds N] [--json]"""
import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers
import rows

sys.path.insert(0, str(peers.ROOT / "tests/functional"))
import namespaces  # noqa: E402

SECONDS = 2
SERVER = "10.91.0.2"
ON = {"gro": True, "gso": True}  # and whole to ports that take it
OFF = {"gro": False, "gso": False, "tso": False}


class Hosts:
    """Two of them, whose wires end at a and b in a third namespace."""

    def __init__(self, stack):
        self.middle = self.made(stack)
        self.hosts = []
        for number, end in ((1, "a"), (2, "b")):
            host = self.made(stack)
            host.ip("link", "add", "eth", "type", "veth", "peer", "name", end, "netns", self.middle.name)
            host.exec("ethtool", "-K", "eth", "tso", "off", "gso", "off", "gro", "off", "tx", "off")
            self.middle.exec("ethtool", "-K", end, "gro", "off", "tx", "off")
            host.ip("addr", "add", f"10.91.0.{number}/24", "dev", "eth")
            host.ip("link", "set", "dev", "eth", "up")
            self.middle.ip("link", "set", "dev", end, "up")
            self.hosts.append(host)

    @staticmethod
    def made(stack):
        space = namespaces.Namespace()
        stack.callback(space.destroy)
        return space

    def bits_per_second(self):
        server = subprocess.Popen(self.hosts[1].prefix() + ["iperf3", "-s", "-1"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if "5201" in self.hosts[1].exec("ss", "-ltn"):
                    break
                time.sleep(0.05)
            report = json.loads(peers.run(["iperf3", "--json", "-t", SECONDS, "-c", SERVER], SECONDS + 20,
                                          self.hosts[0]))
            return report["end"]["sum_received"]["bits_per_second"]
        finally:
            server.terminate()
            server.wait()

    def until_joined(self):
        for _ in range(50):
            result = subprocess.run(self.hosts[0].prefix() + ["ping", "-c", "1", "-w", "1", SERVER],
                                    capture_output=True, check=False)
            if result.returncode == 0:
                return
            time.sleep(0.1)
        raise peers.Unavailable("the hosts do not reach each other")

    def bridged(self, merging):
        """Through the kernel's bridge."""
        for end in "ab":
            self.middle.exec("ethtool", "-K", end, "gro", "on" if merging else "off")
        self.middle.ip("link", "add", "bridge", "type", "bridge")
        try:
            for end in "ab":
                self.middle.ip("link", "set", "dev", end, "master", "bridge")
            self.middle.ip("link", "set", "dev", "bridge", "up")
            self.until_joined()
            return self.bits_per_second()
        finally:
            self.middle.ip("link", "delete", "bridge")
            for end in "ab":
                self.middle.exec("ethtool", "-K", end, "gro", "off")

    def through_weir(self, port, features):
        """Through weir, one worker on both."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weir.json"
            path.write_text(json.dumps({
                "ports": {end: {**port(end), "features": features} for end in "ab"},
                "workers": {"count": 1}, "memory": {"mode": "no-huge"},
                "control": {"socket": str(Path(folder) / "weir.sock")},
                "pipelines": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]}))
            weir = subprocess.Popen(self.middle.prefix() + [str(peers.WEIR), "run", str(path)],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True)
            try:
                self.until_joined()
                return self.bits_per_second()
            except (peers.Unavailable, RuntimeError) as reason:
                if weir.poll() is not None:
                    raise peers.Unavailable(weir.stderr.read().strip()[-200:]) from reason
                raise
            finally:
                weir.terminate()
                weir.wait(timeout=20)


PORTS = {"a packet socket of weir": lambda end: {"interface": end},
         "net_af_packet": lambda end: {"device": f"net_af_packet_{end},iface={end},framecnt=2048"}}


def compare(rounds):
    with contextlib.ExitStack() as stack:
        hosts = Hosts(stack)
        for name, port in PORTS.items():
            yield rows.alternate(f"iperf3 through weir by {name}, GRO and GSO on", "bits/s", "the same, off",
                                 ">= 2 x", lambda port=port: hosts.through_weir(port, ON),
                                 lambda port=port: hosts.through_weir(port, OFF), rounds)
            yield rows.alternate(f"iperf3 through weir by {name}, GRO and GSO on", "bits/s",
                                 "kernel's bridge, GRO on", "",
                                 lambda port=port: hosts.through_weir(port, ON),
                                 lambda: hosts.bridged(True), rounds)
        yield rows.alternate("iperf3 through the kernel's bridge, GRO on", "bits/s", "the same, off", "",
                             lambda: hosts.bridged(True), lambda: hosts.bridged(False), rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = list(compare(options.rounds))
    print(json.dumps([row._asdict() for row in found]) if options.json else rows.table(found))


if __name__ == "__main__":
    main()
