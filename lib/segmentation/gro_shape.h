/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet is to GRO. Its *layout* says where its headers stand: Ethernet, tags, IP and TCP or
 * UDP, or the same inside a tunnel. A layout has a mask over the header bytes: what it covers has
 * to be equal for two packets to merge. So the rules of all protocols become one comparison; the
 * few fields the mask leaves out are what gro.c looks at one by one.
 *
 * Which flow a packet is of, a hash says alone: two flows of one hash would flush each other for
 * nothing, but never merge, since the mask covers all that tells flows apart.
 */
#ifndef WEIR_SEGMENTATION_GRO_SHAPE_H
#define WEIR_SEGMENTATION_GRO_SHAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include "segmentation/gro.h"

enum { GRO_SHAPES = 256, GRO_SHAPE_SHIFT = 64 - 8 };

enum gro_kind {
	GRO_KIND_IPV6 = 1 << 0,
	GRO_KIND_TCP = 1 << 1, /* else UDP */
	GRO_KIND_TUNNEL = 1 << 2,
	GRO_KIND_OUTER_IPV6 = 1 << 3,
};

/* Compared, and written by the short way, as a number: the bytes one by one would stall the load.
 */
union gro_layout {
	uint64_t key;
	struct { /* offsets from the start of the frame */
		uint8_t header_bytes; /* Ethernet to layer 4: where the payload starts */
		uint8_t ip, l4; /* of a tunnel: those inside */
		uint8_t kind; /* GRO_KIND_* */
		uint8_t outer_ip, outer_udp; /* 0: none */
	};
};

/* What packets of a kind have in common. Plain ones are found by their packet type and lengths, as
 * receive_parse() left them, all others by their layout. */
struct gro_shape {
	uint64_t key; /* 0: nothing here yet */
	union gro_layout layout; /* 0: what its packets are has to be looked at one by one */
	uint8_t mask[GRO_HEADER_MAX]; /* 1 bits: to be equal */
} __rte_cache_aligned;

struct gro_rulebook {
	bool tcp, udp, tunnels, verify, lro; /* settings */
	bool classic;
	uint8_t refused_flags; /* of TCP: a segment with one of them is never merged into another */
	const struct gro_shape *recent; /* the last plain one: most come in a row */
	struct gro_shape shapes[GRO_SHAPES]; /* a cache: made when missed */
};

enum gro_class {
	GRO_CLASS_ALIEN, /* not IP: nothing held can be of its flow */
	GRO_CLASS_PORTLESS, /* may be of any flow of its addresses */
	GRO_CLASS_UNMERGEABLE, /* of one flow, but merges with nothing */
	GRO_CLASS_BAD, /* likewise: a checksum is wrong */
	GRO_CLASS_CANDIDATE,
};

struct gro_packet { /* what one is */
	const struct gro_shape *shape; /* of a candidate; good until the next is found */
	uint32_t flow; /* hash */
	uint32_t addresses; /* hash of those of the outermost IP header */
	enum gro_class class;
};

/* What any packet is. Headers may be split over segments: such a packet is no candidate. */
void gro_describe(
	struct gro_rulebook *rules, const struct rte_mbuf *packet, struct gro_packet *ret_packet);

/* Opens the mask for what LRO lets differ. */
void gro_lro_open(struct gro_shape *shape);

/* Makes the shape that `key` stands for in its slot. */
void gro_shape_make(struct gro_rulebook *rules, struct gro_shape *slot, uint64_t key);

enum { GRO_KEY_LENGTHS_BITS = 24 };
#define GRO_KEY_LENGTHS ((UINT64_C(1) << GRO_KEY_LENGTHS_BITS) - 1)
#define GRO_KEY_LAYOUT (UINT64_C(1) << 63) /* the rest is a layout */

static inline uint64_t gro_plain_key(const struct rte_mbuf *packet)
{
	return (uint64_t)packet->packet_type << GRO_KEY_LENGTHS_BITS |
		(packet->tx_offload & GRO_KEY_LENGTHS);
}

/* Good until the next call. */
static inline const struct gro_shape *gro_shape_find(struct gro_rulebook *rules, uint64_t key)
{
	struct gro_shape *slot = &rules->shapes[key * 0x9e3779b97f4a7c15ull >> GRO_SHAPE_SHIFT];

	if (unlikely(slot->key != key))
		gro_shape_make(rules, slot, key);
	return slot;
}

/* The shape of a packet that is plain by type and lengths; else one without layout. */
static inline const struct gro_shape *gro_shape_of(
	struct gro_rulebook *rules, const struct rte_mbuf *packet)
{
	const uint64_t key = gro_plain_key(packet);

	if (unlikely(rules->recent->key != key))
		rules->recent = gro_shape_find(rules, key);
	return rules->recent;
}

#endif
