# SPDX-License-Identifier: BSD-3-Clause
"""The forwarding modes do to packets what testpmd's do; scapy is the judge."""
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.utils import wrpcap

import captures
import runs

ETHER = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b")
PACKETS = [
    ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1000, dport=80, flags="PA") / b"a",
    ETHER / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1001, dport=53) / (b"b" * 111),
    ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=1002, dport=443) / (b"c" * 512),
    ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1003, dport=123) / (b"d" * 33),
    ETHER / Dot1Q(vlan=7) / IP(src="10.1.0.1", dst="10.1.0.2") / UDP(sport=9, dport=10) / (b"e" * 99),
    ETHER / IP(src="10.0.0.3", dst="10.0.0.4") / ICMP() / (b"f" * 56),
    ETHER / (b"not IP at all" * 5),
]


def play(weir, folder, stages, packets=None):
    """What comes out of `stages` for `packets`, as [(before, after)]."""
    before = [Ether(bytes(packet)) for packet in packets or PACKETS]
    wrpcap(str(folder / "in.pcap"), before)
    account, out = runs.through(weir, folder, folder / "in.pcap", stages)
    after = captures.packets(out)
    assert account["in"] == account["out"] == len(before) == len(after), account
    return list(zip(before, after))


def test_io_changes_nothing(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["io"]):
        assert bytes(after) == bytes(before)


def test_no_stage_is_io(weir, tmp_path):
    for before, after in play(weir, tmp_path, []):
        assert bytes(after) == bytes(before)


def test_mac_sets_both_addresses(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["mac"]):
        assert bytes(after)[12:] == bytes(before)[12:]
        assert after.dst.startswith("02:00:00:00:00:")
        assert (after.src, after.dst) != (before.src, before.dst)


def test_macswap(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["macswap"]):
        assert (after.src, after.dst) == (before.dst, before.src)
        assert bytes(after)[12:] == bytes(before)[12:]


def test_5tswap(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["5tswap"]):
        assert (after.src, after.dst) == (before.dst, before.src)
        for layer in (IP, IPv6):
            if layer in before:
                assert (after[layer].src, after[layer].dst) == (before[layer].dst, before[layer].src)
                assert captures.checksums_right(after)
        for layer in (TCP, UDP):
            if layer in before:
                assert after[layer].sport == before[layer].dport
                assert after[layer].dport == before[layer].sport
                assert bytes(after[layer].payload) == bytes(before[layer].payload)


def spoil(packet):
    """Wrong checksums wherever csum would mend them."""
    packet = Ether(bytes(packet))
    for layer in (IP, TCP, UDP):
        if layer in packet:
            packet[layer].chksum = 0x1234
    return packet


def test_csum_mends_checksums(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["csum"], [spoil(packet) for packet in PACKETS]):
        if IP in before or IPv6 in before:
            assert captures.checksums_right(after), after.show(dump=True)
        for layer in (TCP, UDP):
            if layer in before:
                assert bytes(after[layer].payload) == bytes(before[layer].payload)


def test_stages_follow_one_another(weir, tmp_path):
    for before, after in play(weir, tmp_path, ["macswap", "5tswap", "macswap"]):
        assert (after.src, after.dst) == (before.dst, before.src)
        if IP in before:
            assert after[IP].src == before[IP].dst


def test_noisy_gives_back_what_it_held(weir, tmp_path, traffic):
    stage = {"type": "noisy", "buffer": 64, "flush": "10ms", "memory": "1MiB", "reads": 2,
             "writes": 1}
    packets, out = runs.through(weir, tmp_path, traffic, [stage])
    assert packets["out"] == 2000 and packets["held"] == 0
    assert list(captures.raw_frames(out)) == list(captures.raw_frames(traffic))


def test_rxonly_consumes(weir, tmp_path, traffic):
    path, _socket = runs.write(tmp_path, {"in": runs.from_file(traffic)},
                               [{"from": "in", "stages": ["rxonly"]}])
    packets = runs.account(weir.run("run", path, "--json").ok().json())
    assert packets["dropped"] == {"consumed": 2000}
    assert packets["out"] == 0


def test_drop_drops_its_share(weir, tmp_path, traffic):
    packets, _out = runs.through(weir, tmp_path, traffic, [{"type": "drop", "share": 0.5}])
    assert 800 < packets["dropped"]["discarded"] < 1200
    assert packets["out"] == 2000 - packets["dropped"]["discarded"]


def make(weir, folder, stage):
    out = folder / "out.pcap"
    path, _socket = runs.write(folder, {"in": {"device": "net_null0,no-rx=1"},
                                        "out": runs.to_file(out)},
                               [{"from": "in", "to": "out", "stages": [stage]}])
    report = weir.run("run", path, "--duration", "50ms", "--json").ok().json()
    packets = runs.account(report)
    assert packets["made"] > 0 and packets["in"] == 0
    return packets, captures.packets(out, 1000)


def test_txonly_makes_packets(weir, tmp_path):
    _account, packets = make(weir, tmp_path, {"type": "txonly", "size": 128})
    for packet in packets:
        assert len(packet) == 128
        assert captures.checksums_right(packet), packet.show(dump=True)


def test_flowgen_makes_flows(weir, tmp_path):
    _account, packets = make(weir, tmp_path, {"type": "flowgen", "flows": 100})
    assert len({(packet[IP].src, packet[IP].dst) for packet in packets}) == 100
    for packet in packets[::10]:
        assert captures.checksums_right(packet), packet.show(dump=True)


def test_icmpecho_answers_ping(weir, namespace, tmp_path, need):
    need("ping")
    namespace.veth("host", "engine")
    namespace.ip("addr", "add", "10.9.0.1/24", "dev", "host")
    path, _socket = runs.write(tmp_path, {"wire": {"device": "net_af_packet0,iface=engine"}},
                               [{"from": "wire", "to": "wire", "stages": ["icmpecho"]}])
    running = weir.start("run", path, "--json", namespace=namespace)
    namespace.exec("ping", "-c", "1", "-w", "10", "10.9.0.2")
    text = namespace.exec("ping", "-c", "20", "-i", "0.01", "-s", "1000", "-w", "10", "10.9.0.2")
    assert " 0% packet loss" in text, text
    packets = runs.account(running.stop().ok().json())
    assert packets["out"] >= 22  # two ARP or more, 21 echoes
