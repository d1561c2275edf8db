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
#include "packet/parse_inner.h"

struct gso_counters { /* writer: the thread that calls; readers: any, each a whole word */
	uint64_t super_packets; /* cut */
	uint64_t segments; /* made of them */
	uint64_t unchained; /* of those, such as needed no new buffer */
	uint64_t failed; /* no buffer was free, or not to be cut */
};

struct gso {
	struct rte_mempool *pool; /* for headers and indirect buffers; buffers of its own (none
				     pinned to other memory), with room for headers */
	/* RTE_ETH_TX_OFFLOAD_{TCP,UDP}_CKSUM of the device: asked of it in the segments' mbufs
	 * instead of computed. Not for what is in tunnels, nor where the note has sums. IPv4's own
	 * checksum is computed whatever the device does: that costs less than to ask for it. */
	uint64_t tx_offloads;
	uint32_t mtu; /* bytes of the IP fragments that UFO makes */
	struct gso_counters counters;
};

/* Private from here to gso_begin(). */

/* Room for the headers of any packet, an IPv6 fragment header, and for copies of whole vectors. */
enum { GSO_COPY_BYTES = 96, GSO_HEADERS_BYTES = GSO_COPY_BYTES + PARSE_INNER_MAX_BYTES + 8 };

/* An IP header, the outer or the one above the layer that is cut. */
struct gso_ip {
	uint16_t offset; /* in the headers */
	bool ipv6;
	uint16_t id, id_step; /* IPv4: of the first segment, and from one to the next */
	uint32_t sum; /* IPv4: of the header, but for id and checksum */
};

/* What segments have in common with the packet that they are cut from. */
struct gso_fields {
	uint64_t ol_flags, dynamic_flags, tx_offload, hash;
	uint32_t packet_type;
	uint16_t port, vlan_tci, vlan_tci_outer, timesync;
	uint32_t dynamic[sizeof(((struct rte_mbuf *)0)->dynfield1) / sizeof(uint32_t)];
};

/* A packet being cut. */
struct gso_cut {
	struct rte_mbuf *packet; /* what is left of it; NULL: done */
	struct rte_mbuf *buffer; /* where the next payload byte is */
	uint32_t buffer_offset;
	uint32_t payload_bytes; /* left */
	uint16_t segment_bytes; /* payload of each segment but the last */
	uint16_t header_bytes; /* of a segment, Ethernet to layer 4 */
	uint16_t index, count; /* of segments */
	uint8_t way; /* enum gso_way */
	bool sums_noted; /* a segment is a buffer with its payload_sum */
	bool needs_payload_sum;
	bool tcp; /* else UDP */
	bool l4_checked; /* here, neither by the device nor not at all */
	bool l4_device; /* the field gets the sum of the pseudo header */
	bool cwr_each;
	bool tunnel, tunnel_udp, tunnel_adds_payload;
	uint16_t l4_offset, tunnel_offset; /* in the headers */
	uint16_t tunnel_checksum_offset; /* 0: none */
	uint16_t fragment_offset; /* UFO: of IPv6's fragment header in the headers; 0: IPv4 */
	uint16_t first_bytes; /* UFO: at the end of the headers, what only the first one has */
	uint16_t tcp_flags; /* the two bytes with data offset and flags, as in the packet */
	uint32_t sequence; /* of the first segment */
	uint32_t pseudo_sum; /* without the length */
	uint32_t l4_fixed_sum; /* layer 4 header without what changes */
	uint32_t l4_sum; /* with pseudo header and lengths, of a segment of the current size */
	uint32_t tunnel_sum; /* of the outer checksum, the same */
	struct gso_ip ip, outer;
	struct gso_fields fields;
	uint8_t headers[GSO_HEADERS_BYTES]; /* of a segment; they end where this ends */
};

/* Begins to cut a super-packet into segments of tso_segsz. Returns how many there will be, at
 * least 1, all to be had of gso_next(); or -EINVAL: its headers contradict themselves, what the
 * flags say, or cannot be cut (too long, ESP or AH, UFO in a tunnel); the packet is then still the
 * caller's, as it was. */
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
