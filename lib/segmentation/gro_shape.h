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

/* Packets whose headers are longer do not merge. Ethernet, two tags, IPv6, VXLAN, Ethernet, IPv6
 * and TCP with timestamps are 164. Few enough that a held flow takes 256 bytes. */
enum { GRO_HEADER_MAX = 168 };
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

struct gro_shape {
	uint64_t key; /* the layout; 0: nothing here yet */
	uint8_t mask[GRO_HEADER_MAX]; /* 1 bits: to be equal */
} __rte_cache_aligned;

/* A cache: a mask is made when it is missed, and found by its layout from then on. */
struct gro_shapes {
	struct gro_shape slots[GRO_SHAPES];
	bool cwr_apart; /* CWR has a rule of its own (GRO_RULES_CLASSIC) */
};

enum gro_class {
	GRO_CLASS_ALIEN, /* not IP: nothing held can be of its flow */
	GRO_CLASS_PORTLESS, /* may be of any flow of its addresses */
	GRO_CLASS_UNMERGEABLE, /* of one flow, but merges with nothing */
	GRO_CLASS_BAD, /* likewise: a checksum is wrong */
	GRO_CLASS_CANDIDATE,
};

struct gro_packet { /* one of a burst */
	uint32_t flow; /* hash */
	uint32_t addresses; /* hash of those of the outermost IP header */
	uint32_t payload_bytes;
	uint8_t class; /* enum gro_class */
	uint8_t tcp_flags;
	union gro_layout layout; /* of a candidate */
};

/* What a description depends on. */
struct gro_rulebook {
	bool tcp, udp, tunnels, verify;
};

/* What any packet is. Headers may be split over segments: such a packet is no candidate. */
void gro_describe(const struct gro_rulebook *rules, const struct rte_mbuf *packet,
	struct gro_packet *ret_packet);

/* Fills the mask of `layout` in where its slot has another one. */
void gro_shape_make(
	struct gro_shapes *shapes, struct gro_shape *slot, const union gro_layout *layout);

/* Good until the next call. */
static inline const struct gro_shape *gro_shape_find(
	struct gro_shapes *shapes, const union gro_layout *layout)
{
	struct gro_shape *slot =
		&shapes->slots[layout->key * 0x9e3779b97f4a7c15ull >> GRO_SHAPE_SHIFT];

	if (unlikely(slot->key != layout->key))
		gro_shape_make(shapes, slot, layout);
	return slot;
}

#endif
