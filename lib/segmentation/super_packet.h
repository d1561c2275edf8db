/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A super-packet: a packet larger than the MTU, made of segments by GRO or by a sender that leaves
 * the cutting to TSO. How it looks in an mbuf, so that what merges, cuts, captures, carries and
 * sends agree:
 *
 *     ol_flags       RTE_MBUF_F_TX_TCP_SEG: to be cut into TCP segments; RTE_MBUF_F_TX_UDP_SEG:
 * into UDP datagrams (UDP_SEGMENT) or, where tso_segsz is 0, into IP fragments (UFO). With them the
 * flags of what a cut has to finish: RTE_MBUF_F_TX_IPV4 and _IP_CKSUM, or _IPV6; _TCP_CKSUM or
 * _UDP_CKSUM tso_segsz      payload bytes of each segment but the last packet_type, l2_len, l3_len,
 * l4_len as of any received packet (steering/receive.h): those of the outer headers. What is in a
 * tunnel is found by parse_inner() again; packet_type has the tunnel headers        once, at the
 * front: IP and UDP lengths and the IPv4 checksum are those of the whole, those of outer headers
 * too; the TCP or UDP checksum (of a tunnel the inner one, and the outer UDP's where it has one)
 * holds the sum of the pseudo header, its length included, not inverted, as Linux has it in
 * CHECKSUM_PARTIAL payload        a chain of buffers. Where GRO made it, each buffer of the chain
 * holds just the payload of one segment (the first: behind the headers), and in front of it, in its
 * headroom, there is still room for the headers it came with note           what has no field of
 * its own: struct super_note, valid with super_note_flag
 *
 * A packet without RTE_MBUF_F_TX_TCP_SEG and _UDP_SEG is no super-packet, however long.
 */
#ifndef WEIR_SEGMENTATION_SUPER_PACKET_H
#define WEIR_SEGMENTATION_SUPER_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "base/error.h"

enum {
	SUPER_ID_FIXED = 1 << 0, /* all segments had the same IPv4 id; else each has one more */
	SUPER_OUTER_ID_FIXED = 1 << 1, /* the same of a tunnel's outer IPv4 header */
	SUPER_CWR_EACH = 1 << 2, /* CWR was set in every segment; else it belongs to the first */
	SUPER_SUMS = 1 << 3, /* every buffer of the chain has payload_sum */
};

struct super_note { /* 8 bytes, at 4 */
	uint16_t segments; /* packets it was made of; in the first buffer */
	uint8_t flags; /* SUPER_*; in the first buffer */
	uint8_t reserved;
	/* In each buffer of the chain, with SUPER_SUMS: the folded, not inverted sum
	 * (packet/checksum.h) of the payload of this one segment, as the sender's own checksum
	 * said. So a cut need not read the payload, and what memory did to it meanwhile is not
	 * covered up. */
	uint16_t payload_sum;
	uint16_t unused;
};

/* Set by super_note_register(). */
extern int super_note_offset; /* -1: not registered */
extern uint64_t super_note_flag; /* in ol_flags */

/* Once EAL is up; again, it does nothing. -ENOMEM: mbufs have no room left. */
int super_note_register(struct error *error);

static inline struct super_note *super_note(const struct rte_mbuf *packet)
{
	return RTE_MBUF_DYNFIELD(packet, super_note_offset, struct super_note *);
}

static inline bool super_packet_is(const struct rte_mbuf *packet)
{
	return (packet->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)) != 0;
}

/* How many packets of the wire it stands for: at least 1. */
static inline unsigned super_packet_segments(const struct rte_mbuf *packet)
{
	if (super_packet_is(packet) && (packet->ol_flags & super_note_flag) != 0)
		return super_note(packet)->segments;
	return 1;
}

#endif
