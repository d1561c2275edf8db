/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The naive oracle of GRO: a list of what is held, and Linux's rules one after the other, on the
 * bytes as they came. Written from net/core/gro.c, ipv4/af_inet.c, ipv4/tcp_offload.c and
 * ipv4/udp_offload.c, not from lib/segmentation.
 */
#ifndef WEIR_SEGMENTS_MODEL_H
#define WEIR_SEGMENTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "segmentation/gro.h"

enum { MODEL_HELD_MAX = 256, MODEL_KEY_BYTES = 160, MODEL_LEFT_MAX = 4096 };

enum model_kind {
	MODEL_ALIEN, /* not IP */
	MODEL_PORTLESS, /* IP, but of no one flow */
	MODEL_ALONE, /* of a flow, merges with nothing */
	MODEL_BAD, /* the same, for a wrong checksum */
	MODEL_MERGEABLE,
};

struct model_packet {
	/* What it is; the bytes stay where they are until it has left. */
	const uint8_t *bytes;
	uint32_t length;
	bool one_piece, partial, trusted, stripped;
	uint16_t tag;
	uint64_t serial;

	/* What the model finds. */
	enum model_kind kind;
	bool tcp, ipv6, tunnel, outer_ipv6;
	uint16_t ip, l4, outer_ip, outer_udp, start, payload_bytes; /* start: of the payload */
	uint16_t key_bytes;
	uint64_t key_hash, addresses_hash; /* equal: of one flow; of one pair of addresses */
	uint8_t key[MODEL_KEY_BYTES];

	/* Of the first of a group: what merged into it. */
	struct model_packet *next, *last;
	uint32_t segments, ip_bytes;
	uint64_t since_tsc;
	bool id_fixed, outer_id_fixed, left;
};

struct model {
	struct gro_settings settings;
	struct model_packet *held[MODEL_HELD_MAX]; /* by age */
	uint32_t count, packets; /* groups; packets in them */
	uint64_t bad, merged, supers;
	struct model_packet *left[MODEL_LEFT_MAX]; /* gone; whoever compares takes them out */
	uint32_t left_count;
};

/* What a packet is: all of it but the first part of the struct. */
void model_look(const struct gro_settings *settings, struct model_packet *packet);
void model_receive(struct model *model, struct model_packet *packet, uint64_t now_tsc);
/* What is too old or, with `all`, everything, until so many have left. */
void model_flush(struct model *model, uint64_t now_tsc, bool all, uint32_t room);

#endif
