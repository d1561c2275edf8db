/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of GSO (gso.h) share: where the headers are, how those of a segment are written,
 * and the ways to cut. Inside segmentation/ only.
 */
#ifndef WEIR_SEGMENTATION_GSO_PARTS_H
#define WEIR_SEGMENTATION_GSO_PARTS_H

#include <string.h>

#include <rte_byteorder.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/parse_inner.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"

/* Of ol_flags, those that libraries and applications registered. */
#define gso_dynamic_flags ((RTE_MBUF_F_LAST_FREE << 1) - RTE_MBUF_F_FIRST_FREE)

enum gso_way {
	GSO_UNCHAIN, /* each buffer is one segment and ours: headers go in front of it */
	GSO_REFER, /* a buffer with headers, and indirect ones for the payload */
	GSO_FRAGMENT, /* the same, with the headers of IP fragments */
};

enum gso_tunnel { GSO_TUNNEL_NONE, GSO_TUNNEL_IP, GSO_TUNNEL_GRE, GSO_TUNNEL_UDP };

/* Where the headers of a packet are, from its start. */
struct gso_layers {
	uint8_t protocol; /* TCP or UDP: the layer that is cut or summed up */
	bool ipv6; /* what it is in */
	bool routed; /* the destination in the IP header may not be the last one */
	bool jumbo; /* with the hop-by-hop header that Linux's BIG TCP has */
	uint16_t ip_offset, l4_offset, header_bytes;
	uint32_t payload_bytes; /* behind the headers */
	enum gso_tunnel tunnel;
	bool outer_ipv6;
	uint16_t outer_offset; /* IP header of the tunnel */
	uint16_t tunnel_offset; /* what follows it: UDP, GRE or the packet inside */
	/* Of layers 2 to 4 outside, for mbufs. */
	uint32_t packet_type;
	uint16_t l2_bytes, l3_bytes, l4_bytes;
};

/* The first bytes of a packet, in `scratch` if they do not lie in its first buffer. `protocol`: TCP
 * or UDP, wanted; what is in a tunnel counts, if all of the packet is in it. -EINVAL: it is not
 * that, or cannot be cut. */
int gso_layers_find(const struct rte_mbuf *packet, uint8_t protocol,
	uint8_t scratch[PARSE_INNER_MAX_BYTES], const uint8_t **ret_bytes,
	struct gso_layers *ret_layers);

/* Sum of the pseudo header but for its length. */
uint32_t gso_pseudo_sum(const struct gso_layers *layers, const uint8_t *bytes);

/* Adds the bytes of a chain, from `offset` in its first buffer on; they are there. */
uint32_t gso_chain_sum(const struct rte_mbuf *buffer, uint32_t offset, uint32_t bytes);

/* UDP has a checksum if it was asked for, or if there is one. */
bool gso_has_checksum(
	const struct rte_mbuf *packet, const struct gso_layers *layers, const uint8_t *bytes);

/* Nobody else refers to this buffer. */
bool gso_is_sole(const struct rte_mbuf *buffer);

/* Whether each buffer is one segment, the first one behind its headers. ret_sole: and whether they
 * are ours alone, with so much room for headers. */
bool gso_is_chain_of_segments(const struct rte_mbuf *packet, const struct gso_layers *layers,
	uint32_t segment_bytes, uint32_t headroom_bytes, bool *ret_sole);

/* Makes the model of a segment's headers of those of the packet. */
void gso_headers_begin(struct gso_cut *cut, const struct gso_layers *layers, const uint8_t *bytes);
/* Makes it fit segments of so many payload bytes. */
void gso_headers_fit(struct gso_cut *cut, uint32_t payload_bytes);
/* Finds packet_type and lengths for the segments' mbufs again. */
void gso_headers_describe(struct gso_cut *cut);
void gso_headers_set_ip_length(uint8_t *ip, bool ipv6, uint32_t ip_bytes);

int gso_fragments_begin(struct gso_cut *cut, const struct gso_layers *layers, uint32_t mtu);
/* The headers of the next fragment, in front of `payload`, which has so many bytes. */
void gso_fragment_write(const struct gso_cut *cut, uint8_t *payload, uint32_t payload_bytes);

/* The ways to cut: at most `room` segments. */
unsigned gso_unchain(struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room);
unsigned gso_refer(
	struct gso *gso, struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room);

static inline bool gso_sums_noted(const struct rte_mbuf *packet)
{
	return (packet->ol_flags & super_note_flag) != 0 &&
		(super_note(packet)->flags & SUPER_SUMS) != 0;
}

static inline uint8_t *gso_headers(struct gso_cut *cut)
{
	return cut->headers + GSO_HEADERS_BYTES - cut->header_bytes;
}

static inline void store_16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static inline void store_32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Of the next segment. */
static inline uint32_t gso_payload_bytes(const struct gso_cut *cut)
{
	uint32_t bytes = cut->segment_bytes - (cut->index == 0 ? cut->first_bytes : 0u);

	return RTE_MIN(bytes, cut->payload_bytes);
}

static inline void gso_ip_write(const struct gso_ip *ip, uint8_t *headers, uint16_t index)
{
	uint16_t id;

	if (ip->ipv6)
		return;
	id = rte_cpu_to_be_16((uint16_t)(ip->id + index * ip->id_step));
	store_16(headers + ip->offset + 4, id);
	store_16(headers + ip->offset + 10, checksum_finish(ip->sum + id));
}

/* The flags as Linux has them: CWR in the first segment, PSH and FIN in the last. */
static inline uint16_t gso_tcp_flags(const struct gso_cut *cut, bool last)
{
	uint16_t flags = cut->tcp_flags;

	if (cut->index > 0 && !cut->cwr_each)
		flags &= (uint16_t)~rte_cpu_to_be_16(RTE_TCP_CWR_FLAG);
	if (!last)
		flags &= (uint16_t)~rte_cpu_to_be_16(RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG);
	return flags;
}

static inline void gso_l4_write(
	const struct gso_cut *cut, uint8_t *l4, bool last, uint32_t payload_sum)
{
	uint32_t sequence, sum = cut->l4_sum;
	uint16_t flags;

	if (cut->tcp) {
		sequence =
			rte_cpu_to_be_32(cut->sequence + (uint32_t)cut->index * cut->segment_bytes);
		flags = gso_tcp_flags(cut, last);
		store_32(l4 + 4, sequence);
		store_16(l4 + 12, flags);
		if (cut->l4_checked) {
			sum = checksum_add(checksum_add(sum, sequence), payload_sum);
			store_16(l4 + 16, checksum_finish(checksum_add(sum, flags)));
		}
	} else if (cut->l4_checked) {
		store_16(l4 + 6, checksum_finish_udp(checksum_add(sum, payload_sum)));
	}
}

static inline void gso_tunnel_write(
	const struct gso_cut *cut, uint8_t *headers, uint32_t payload_sum)
{
	uint32_t sum = cut->tunnel_sum;

	gso_ip_write(&cut->outer, headers, cut->index);
	if (cut->tunnel_adds_payload) {
		sum = checksum_add(sum, payload_sum);
		store_16(headers + cut->tunnel_checksum_offset,
			cut->tunnel_udp ? checksum_finish_udp(sum) : checksum_finish(sum));
	}
}

/* Writes the headers of segment cut->index right in front of its payload; `room` bytes there are
 * free, at least header_bytes. The model fits the segment. */
static inline void gso_headers_write(
	const struct gso_cut *cut, uint8_t *payload, uint32_t room, bool last, uint32_t payload_sum)
{
	const uint8_t *end = cut->headers + GSO_HEADERS_BYTES;
	const uint32_t header_bytes = cut->header_bytes;
	uint8_t *headers = payload - header_bytes;

	/* A copy of fixed size is a few vectors; what it writes in front of the headers is free. */
	if (likely(header_bytes <= GSO_COPY_BYTES && room >= GSO_COPY_BYTES))
		memcpy(payload - GSO_COPY_BYTES, end - GSO_COPY_BYTES, GSO_COPY_BYTES);
	else
		memcpy(headers, end - header_bytes, header_bytes);
	gso_l4_write(cut, headers + cut->l4_offset, last, payload_sum);
	gso_ip_write(&cut->ip, headers, cut->index);
	if (cut->tunnel)
		gso_tunnel_write(cut, headers, payload_sum);
}

/* But the dynamic ones: see gso_segments.c. */
static inline void gso_fields_apply(const struct gso_fields *fields, struct rte_mbuf *segment)
{
	segment->ol_flags = fields->ol_flags |
		(segment->ol_flags &
			(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT | gso_dynamic_flags));
	segment->port = fields->port;
	segment->packet_type = fields->packet_type;
	segment->vlan_tci = fields->vlan_tci;
	segment->vlan_tci_outer = fields->vlan_tci_outer;
	memcpy(&segment->hash, &fields->hash, sizeof(segment->hash));
	segment->tx_offload = fields->tx_offload;
	segment->timesync = fields->timesync;
}

#endif
