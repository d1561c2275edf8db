/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared memory of a raw-packet queue pair: packets to and from an application. Made by the
 * application as all queue memory is (layout.h has the rules).
 *
 *   header | received descriptors | sent descriptors | area
 *
 * Received: the engine writes descriptors, the application releases them in order. Where a packet's
 * bytes are depends on the mode: in the engine's packet memory (mapped read-only, or a port's own
 * pool that is mapped writable), or copied into the area, a ring of bytes. In any mode what cannot
 * be lent is copied: each descriptor says where it is. Of a packet in several parts the first
 * descriptor becomes valid last.
 * Sent: the application writes descriptors that point into the area (its own half), or at a
 * received packet that it has not released, and that is the engine's again from then on; the engine
 * takes them in order.
 *
 * A super-packet is one packet in one or several parts. Its headers are those of the whole, and its
 * TCP or UDP checksum is that of the pseudo header (what Linux calls CHECKSUM_PARTIAL); of one that
 * is sent the engine fills it in itself.
 */
#ifndef WEIR_VERBS_PACKET_QUEUE_H
#define WEIR_VERBS_PACKET_QUEUE_H

#include <stdint.h>

#include "verbs/layout.h"

enum verbs_packet_mode {
	VERBS_PACKETS_COPY, /* into the area */
	VERBS_PACKETS_READ_ONLY, /* trusted: all packet memory of the engine, to read */
	VERBS_PACKETS_DEDICATED, /* the data of a port's own pool, to read and write */
};

enum verbs_descriptor_flags {
	VERBS_DESCRIPTOR_MORE = 1 << 0, /* the next one is of the same packet */
	VERBS_DESCRIPTOR_CHECKSUM_GOOD = 1 << 1,
	VERBS_DESCRIPTOR_WRITABLE = 1 << 2,
	VERBS_DESCRIPTOR_FORWARD = 1 << 3, /* sent: `place` is a received descriptor's position */
};

/* More segments of one packet are not made: bytes / mss. A descriptor that asks for them is wrong.
 */
enum { VERBS_PACKET_SEGMENTS_MAX = 1024 };

enum { VERBS_PLACE_PART_SHIFT = 48, VERBS_PLACE_AREA = 0xffff };

struct verbs_descriptor {
	uint32_t sequence; /* position + 1; atomic, written last */
	uint32_t bytes;
	uint64_t place; /* part of the packet memory << 48 | offset; part VERBS_PLACE_AREA: area */
	uint32_t hash;
	uint16_t mss;
	uint8_t flags; /* enum verbs_descriptor_flags */
	uint8_t reserved;
	uint64_t arrived_ns; /* CLOCK_MONOTONIC */
};

struct verbs_packet_header {
	/* Writer: the application, at creation. */
	uint64_t cookie;
	uint32_t version, queue, receive_depth, send_depth;
	uint64_t area_bytes;
	uint8_t pad0[VERBS_LINE_BYTES - 32];
	/* Writer: the application. */
	uint32_t released; /* received descriptors given back so far */
	uint8_t pad1[VERBS_LINE_BYTES - 4];
	uint32_t armed; /* 1: write the eventfd when packets come */
	uint32_t cpu; /* where it last received, + 1 */
	uint8_t pad2[VERBS_LINE_BYTES - 8];
	/* Writer: the engine. */
	uint32_t sent; /* descriptors taken and done with so far */
	uint8_t pad3[VERBS_LINE_BYTES - 4];
	uint32_t engine_asleep; /* ring the doorbell after sending */
	uint32_t mode; /* enum verbs_packet_mode; for people: GET_PACKETS says it */
	uint64_t dropped; /* packets for which there was no room */
	uint32_t condition; /* enum verbs_condition */
	uint8_t pad4[VERBS_LINE_BYTES - 20];
};

#define VERBS_PACKET_COOKIE 0x316b637072696577ull

_Static_assert(sizeof(struct verbs_descriptor) == 32, "two a line");
_Static_assert(sizeof(struct verbs_packet_header) == 5 * VERBS_LINE_BYTES, "a line a writer");

struct verbs_packet_places {
	uint64_t received, sent, area, total_bytes;
};

/* The first half of the area is for received copies, the second for packets to send. */
static inline struct verbs_packet_places verbs_packet_places(
	uint32_t receive_depth, uint32_t send_depth, uint64_t area_bytes)
{
	struct verbs_packet_places places;

	places.received = 4096;
	places.sent = places.received + (uint64_t)receive_depth * sizeof(struct verbs_descriptor);
	places.area =
		(places.sent + (uint64_t)send_depth * sizeof(struct verbs_descriptor) + 4095) &
		~(uint64_t)4095;
	places.total_bytes = (places.area + area_bytes + 4095) & ~(uint64_t)4095;
	return places;
}

#endif
