/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GSO: cuts super-packets (super_packet.h) into packets for the wire: TCP segments, UDP datagrams
 * of one size (UDP_SEGMENT), IP fragments (UFO), over IPv4 and IPv6, with VLAN tags and inside
 * VXLAN, GRE, IPIP and SIT. Lengths, ids, flags and all checksums are finished here, or checksums
 * left to the device.
 *
 * No payload is copied. A chain as GRO makes it comes apart into the buffers it was made of, each
 * with the headers written in front of it again; of any other, each segment is a small buffer with
 * headers and indirect buffers that point at the payload.
 *
 * One thread an instance. EAL is needed for mbufs only.
 * Sources: Linux net/ipv4/tcp_offload.c (tcp_gso_segment), udp_offload.c, af_inet.c
 * (inet_gso_segment), net/ipv6/ip6_offload.c.
 */
#ifndef WEIR_SEGMENTATION_GSO_H
#define WEIR_SEGMENTATION_GSO_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "packet/parse.h"

struct gso_counters { /* writer: the thread that calls; readers: any, each a whole word */
	uint64_t super_packets; /* cut */
	uint64_t segments; /* made of them */
	uint64_t unchained; /* of those, such as needed no new buffer */
	uint64_t failed; /* no buffer was free, or not to be cut */
};

struct gso {
	struct rte_mempool *pool; /* for headers and indirect buffers */
	/* RTE_ETH_TX_OFFLOAD_{IPV4,TCP,UDP}_CKSUM of the device: asked of it in the segments' mbufs
	 * instead of computed. Not for what is in tunnels. */
	uint64_t tx_offloads;
	uint32_t mtu; /* bytes of the IP fragments that UFO makes */
	struct gso_counters counters;
};

/* A packet being cut. */
struct gso_cut {
	struct rte_mbuf *packet; /* what is left of it; NULL: done */
	struct rte_mbuf *buffer; /* where the next payload byte is */
	uint32_t buffer_offset;
	uint32_t payload_bytes; /* left */
	uint32_t segment_bytes; /* payload of each segment but the last */
	uint32_t header_bytes; /* Ethernet to layer 4 */
	uint16_t index, count; /* of segments */
	uint8_t kind; /* see gso.c */
	bool tunnel, unchain;
	struct headers outer, inner;
	uint32_t inner_offset;
	uint8_t headers[PARSE_MAX_BYTES + 512];
	uint64_t words[8]; /* see gso.c: sums that all segments have in common */
};

/* Begins to cut a super-packet into segments of tso_segsz. Returns how many there will be (1: it
 * goes as it is, its checksums finished), or -EINVAL: its headers contradict themselves or what the
 * flags say; the packet is then still the caller's, as it was. */
int gso_begin(struct gso *gso, struct rte_mbuf *packet, struct gso_cut *cut);

/* The next segments, at most `room`; returns how many, 0 at the end. The super-packet is gone with
 * the last. -ENOMEM: no buffer was free; call again, or gso_abandon(). */
int gso_next(struct gso *gso, struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room);

/* Frees what is left. */
void gso_abandon(struct gso *gso, struct gso_cut *cut);

/* Finishes what a super-packet's flags ask for without cutting it: for a port that carries it whole
 * and knows of no flags. Clears the flags. */
void gso_finish_whole(struct rte_mbuf *packet);

/* Makes a super-packet of a TCP packet without flags whose IP packet is longer than `mtu` (of a
 * capture that was taken above the cutting, for example). Headers as receive_parse() sets them.
 * false: it is not longer, or nothing that can be cut (not TCP, a fragment, mtu too small, not
 * writable); it is then as it was. */
bool gso_adopt(struct rte_mbuf *packet, uint32_t mtu);

#endif
