/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What waits to be reassembled: a hash table of datagrams, each with a list of its fragments by
 * offset. Datagrams are also in a list by age: as all wait equally long, the oldest is the next one
 * to time out. Entries of both kinds are of two arrays, made once; indexes instead of pointers, 0
 * is none. For reassembly.c.
 */
#ifndef WEIR_SEGMENTATION_REASSEMBLY_TABLE_H
#define WEIR_SEGMENTATION_REASSEMBLY_TABLE_H

#include "segmentation/fragment.h"
#include "segmentation/reassembly.h"

struct piece { /* a fragment that waits */
	struct rte_mbuf *packet;
	uint32_t offset, bytes;
	uint32_t next; /* by offset; or the next free one */
	uint16_t header_bytes;
};

struct datagram {
	struct fragment_key key;
	uint32_t bucket;
	uint32_t next_in_bucket;
	uint32_t older, newer; /* or the next free one */
	uint32_t first, last; /* pieces */
	uint32_t count;
	uint32_t bytes; /* of all pieces */
	uint32_t end; /* of the payload; 0: the last piece has not come */
	uint64_t since_tsc;
	uint8_t ecns;
	bool rejected; /* what still comes of it is dropped */
};

struct reassembly {
	struct reassembly_settings settings;
	struct reassembly_counters counters;
	struct datagram *datagrams; /* [settings.datagrams + 1] */
	struct piece *pieces; /* [settings.fragments + 1] */
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t free_datagram, free_piece;
	uint32_t oldest, newest;
	uint32_t held;
	uint32_t seed;
};

uint32_t datagram_bucket(const struct reassembly *reassembly, const struct fragment_key *key);
/* NULL: there is none. */
struct datagram *datagram_find(
	const struct reassembly *reassembly, const struct fragment_key *key, uint32_t bucket);
/* Where there is no room, the oldest one makes it. */
struct datagram *datagram_add(struct reassembly *reassembly, const struct fragment_key *key,
	uint32_t bucket, uint64_t now_tsc);
/* One without pieces. */
void datagram_remove(struct reassembly *reassembly, struct datagram *datagram);
void datagram_drop_oldest(struct reassembly *reassembly);

/* Takes its first piece out of it. */
struct rte_mbuf *piece_take(struct reassembly *reassembly, struct datagram *datagram);
void pieces_drop(struct reassembly *reassembly, struct datagram *datagram);
/* After the piece `before`, or first (0). There is a free one: piece_make_room(). */
void piece_add(struct reassembly *reassembly, struct datagram *datagram,
	const struct fragment *fragment, struct rte_mbuf *packet, uint32_t before);
/* A piece is free afterwards; false: the oldest datagram would have to go, and it is this one. */
bool piece_make_room(struct reassembly *reassembly, const struct datagram *datagram);

#endif
