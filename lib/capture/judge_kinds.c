/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge_kinds.h"

#include <stddef.h>

#define MIRROR "or capture on a mirror port of the switch"

const struct judge_kind_info judge_kind_infos[JUDGE_KIND_COUNT] = {
	[JUDGE_KIND_tso] = {"tso", true,
		"larger than the wire carries, captured at their sender before the split (TSO/GSO)",
		"TCP hands up to 64 KiB at a time to a network card that splits them into segments "
		"(TSO), or to the kernel's last step before it (GSO). A capture on the sender is "
		"taken above the split. The wire carried the segments.",
		"on the sender, `ethtool -K IFACE tso off gso off` shows what the wire "
		"carries; " MIRROR "."},
	[JUDGE_KIND_gro] = {"gro", true,
		"larger than the wire carries, captured at their receiver after the merge "
		"(GRO/LRO)",
		"The receiving host merges segments that follow each other, in its network card "
		"(LRO, hardware GRO) or driver (GRO), and captures what came of it. The wire "
		"carried the segments.",
		"on the capturing host, `ethtool -K IFACE gro off lro off rx-gro-hw off` shows "
		"what the wire carries; " MIRROR "."},
	[JUDGE_KIND_tso_or_gro] = {"tso_or_gro", true,
		"larger than the wire carries: not yet split by their sender (TSO/GSO), or already "
		"merged by their receiver (GRO/LRO)",
		"A capture on the sender is taken above the split into segments, and one on the "
		"receiver behind their merge. The wire carried the segments.",
		"`ethtool -K IFACE tso off gso off` on the sender or `ethtool -K IFACE gro off lro "
		"off` on the receiver, whichever captured; " MIRROR "."},
	[JUDGE_KIND_udp] = {"udp", true, "UDP, larger than the MTU and no fragments",
		"One frame holds several datagrams (UDP GSO at the sender, UDP GRO at the "
		"receiver), or one datagram before it was fragmented (UFO) or after it was put "
		"together again (a firewall's connection tracking, or a capture by an AF_PACKET "
		"fanout group that defragments).",
		"on the capturing host, `ethtool -K IFACE tx-udp-segmentation off "
		"rx-udp-gro-forwarding off gro off`; " MIRROR "."},
	[JUDGE_KIND_weir_gro] = {"weir_gro", true,
		"larger than the wire carries: merged by weir's GRO",
		"This point of weir is behind its GRO. What came in is at rx, and what goes out at "
		"tx.",
		"the wire's sizes are at the points rx and tx; `weir features PORT gro off` "
		"switches merging off."},
	[JUDGE_KIND_weir_tso] = {"weir_tso", true,
		"larger than the wire carries: left whole by weir's GSO",
		"This point of weir is behind its GSO, which leaves frames whole for a port that "
		"splits them itself (TSO) or can carry them (virtio, memif, an application's "
		"ring).",
		"`weir features PORT tso off` has weir split them before this point."},
	[JUDGE_KIND_too_large] = {"too_large", true, "larger than the MTU, neither TCP nor UDP",
		"The packet was captured before it was fragmented or after it was put together "
		"again, or the link's MTU is larger than what is known here.",
		"say what the MTU is with --mtu."},
	[JUDGE_KIND_length_zero] = {"length_zero", true, "with an IP length of 0 (BIG TCP)",
		"An IP length field ends at 65,535. Larger super-packets have 0 there (IPv4), or 0 "
		"and a jumbo payload option that is taken out again (IPv6); smaller ones with 0 "
		"come from drivers that let the card fill it in.",
		"`ip link set IFACE gso_max_size 65536 gro_max_size 65536 gso_ipv4_max_size 65536 "
		"gro_ipv4_max_size 65536` ends BIG TCP."},
	[JUDGE_KIND_length_claimed] = {"length_claimed", true,
		"that the capture says were larger than the MTU, and their IP headers say "
		"otherwise",
		"The record's own length is not that of the packet in it: the file is damaged, or "
		"was written by something that does not tell the original length.",
		NULL},
	[JUDGE_KIND_unfinished] = {"unfinished_checksum", true,
		"with TCP or UDP checksums that are not finished yet",
		"The field holds the sum of the pseudo header alone, or nothing. The rest is the "
		"network card's work (tx checksumming), and the capture was taken before it, on "
		"the host that sent the packet or on a virtual link (veth, bridge, virtio), where "
		"it is never done. Wireshark calls them incorrect; they are not.",
		"on the sender, `ethtool -K IFACE tx off` has the kernel finish them; in "
		"Wireshark, switch checksum validation off."},
	[JUDGE_KIND_ip_sum_zero] = {"ip_checksum_zero", true, "with an IPv4 header checksum of 0",
		"The field is left to the network card of the sending host (IP checksum offload, "
		"as Windows does it), and the capture was taken before it.",
		NULL},
	[JUDGE_KIND_short] = {"short", false, "shorter than Ethernet's 60 bytes",
		"A network card pads them when it sends. They were captured before that, on their "
		"sender, or on a virtual link, where nobody pads, or lost bytes on the way into "
		"the file (a VLAN tag or the padding taken off).",
		NULL},
	[JUDGE_KIND_bad_sum] = {"bad_checksum", false, "with wrong checksums (TCP, UDP or ICMP)",
		"They were damaged on the wire or in memory, or something changed the packet and "
		"not its checksum (a NAT, an anonymiser of captures). Receivers drop them.",
		"`nstat -az TcpInCsumErrors UdpInCsumErrors` on the receiver counts them."},
	[JUDGE_KIND_bad_ip_sum] = {"bad_ip_checksum", false, "with wrong IPv4 header checksums",
		"Routers drop such packets, so it happened on this link, or an anonymiser of "
		"captures changed the addresses.",
		NULL},
	[JUDGE_KIND_length_beyond] = {"length_beyond", false, "shorter than their IP header says",
		"The frame ended before the packet did: cut by whoever captured or forwarded it "
		"without the record telling, or made up.",
		NULL},
	[JUDGE_KIND_trailer] = {"trailer", false, "with bytes behind their IP packet",
		"More than the padding of a short frame: a frame check sequence (4 bytes) that was "
		"captured too, a time stamp of a capture device or switch, or somebody's padding.",
		NULL},
	[JUDGE_KIND_snapped] = {"snapped", false, "captured in part only",
		"The capture had a snap length. Sizes are known from the headers, checksums are "
		"not.",
		"tcpdump -s 0 captures all."},
	[JUDGE_KIND_time_backwards] = {"time_backwards", false, "older than the frame before",
		"The file was merged from several, several queues or cards stamped them, or the "
		"clock was set. Their order is not that of the wire.",
		"reordercap and editcap of Wireshark sort by time."},
	[JUDGE_KIND_burst] = {"burst", false, "with the time stamp of the frame before",
		"They were stamped together when the driver handed them over (interrupt "
		"coalescing, a poll, GRO), or the clock is too coarse. Gaps between them say "
		"nothing about the wire.",
		"hardware time stamps (tcpdump -j adapter_unsynced), or `ethtool -C IFACE rx-usecs "
		"0`."},
};
