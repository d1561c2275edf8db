/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet left the way. Every packet that comes in either goes out, is held, or is counted
 * under exactly one of these, where it happens: in = out + held + drops. This table is read by
 * counters, tables, JSON and the manual alike.
 */
#ifndef WEIR_PACKET_DROP_H
#define WEIR_PACKET_DROP_H

/* X(name, severity, description) — severity: loss (somebody wanted it) or meant (it was asked for)
 */
#define DROP_REASONS(X)                                                                            \
	X(backlog_full, loss, "the backlog of the worker it was steered to was full")              \
	X(flow_limit, loss, "its flow made up most of a backlog over half full")                   \
	X(tx_full, loss, "the port's tx queue stayed full past tx_retry")                          \
	X(tx_too_long, loss, "longer than the port's MTU allows")                                  \
	X(tx_segments, loss, "more segments than the port can send")                               \
	X(tx_refused, loss, "the kernel would not send such a packet through the interface")       \
	X(tx_no_port, loss, "the port it should leave through is gone or its link is down")        \
	X(application_full, loss, "the application it was for had no room for it")                 \
	X(no_mbuf, loss, "no packet buffer was free for a copy")                                   \
	X(bad_checksum, meant, "its checksum is wrong, and drop_bad_checksums is set")             \
	X(segmentation, loss, "a super-packet whose headers contradict themselves: not to be cut") \
	X(too_big, loss, "longer than the MTU, and its DF flag (or IPv6) forbids fragments")       \
	X(reassembly, loss, "fragments whose packet did not become whole, or overlapped")          \
	X(not_echo, meant, "icmpecho: neither an ARP request nor an ICMP echo request")            \
	X(consumed, meant, "received and freed, as rxonly and flowgen do")                         \
	X(discarded, meant, "the drop stage")

enum drop_reason {
#define X(name, severity, description) DROP_##name,
	DROP_REASONS(X)
#undef X
		DROP_REASON_COUNT
};

struct drop_reason_info {
	const char *name;
	const char *severity; /* "loss" or "meant" */
	const char *description;
};

/* Indexed by enum drop_reason. */
extern const struct drop_reason_info drop_reason_infos[DROP_REASON_COUNT];

#endif
