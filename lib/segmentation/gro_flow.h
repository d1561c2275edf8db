/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flows of which packets are held: found by hash in one cache line, whatever their number;
 * in the order in which they were begun (the oldest leaves first); and by the addresses they have.
 *
 * A bucket is a line of 16 places. With four flows to a bucket on average one is full once in a
 * million; then its oldest flow leaves, as in the kernel, where buckets have 8.
 */
#ifndef WEIR_SEGMENTATION_GRO_FLOW_H
#define WEIR_SEGMENTATION_GRO_FLOW_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "segmentation/gro.h"
#include "segmentation/gro_shape.h"

enum { GRO_BUCKET_PLACES = 16, GRO_BUCKET_FLOWS = 4 };
#define GRO_NONE UINT32_MAX

enum gro_state {
	GRO_STATE_ID_FIXED = 1 << 0, /* IPv4, decided at the second packet; else ids count */
	GRO_STATE_OUTER_ID_FIXED = 1 << 1,
	GRO_STATE_CWR_EACH = 1 << 2,
	GRO_STATE_LRO = 1 << 4, /* segments were not alike */
	GRO_STATE_PENDING = 1 << 5, /* a segment waits for those before it */
	GRO_STATE_TAGS = 1 << 3, /* the device took VLAN tags out of the frames */
};

/* 256 bytes. GRO_HEADER_MAX is for Ethernet with two tags, IPv6, VXLAN, Ethernet, IPv6 and TCP with
 * timestamps (164). What a newcomer is compared with comes first and, with most headers, is two
 * lines. */
struct gro_flow {
	struct rte_mbuf *tail;
	union gro_layout layout;
	uint32_t hash; /* 0 of one that is not to be found any more */
	uint32_t next_sequence; /* TCP; host order */
	uint32_t ip_bytes; /* of the merged packet, outermost IP header first */
	uint16_t base_sum; /* from the second packet on, see gro_checksum.h */
	uint8_t state; /* GRO_STATE_* */
	uint8_t tcp_flags; /* of all packets together */
	uint16_t segments, segment_bytes;
	uint16_t next_id, next_outer_id; /* IPv4; host order */
	uint8_t headers[GRO_HEADER_MAX]; /* of the first, as it came */
	/* What only coming and going needs. */
	struct rte_mbuf *head;
	uint64_t held_tsc; /* when it began */
	uint32_t older, newer; /* also links what is free */
	uint32_t same_before, same_after; /* flows whose addresses have the same bucket */
	uint32_t addresses; /* hash */
	uint32_t place; /* bucket and place in it */
	uint32_t tags; /* VLAN tags that the device took out of the frame */
	uint32_t pending; /* first of the segments that came too early; GRO_NONE */
} __rte_cache_aligned;

struct gro_bucket {
	uint16_t tags[GRO_BUCKET_PLACES]; /* 0: free */
	uint16_t flows[GRO_BUCKET_PLACES];
} __rte_cache_aligned;

struct gro_table {
	struct gro_flow *flows;
	struct gro_bucket *buckets;
	uint32_t *by_addresses; /* first flow of each bucket */
	uint32_t limit, bucket_mask, address_mask;
	uint32_t used; /* flows */
	uint32_t free; /* first of them */
	uint32_t oldest, newest;
};

int gro_table_init(struct gro_table *table, uint32_t flows, int socket);
void gro_table_fini(struct gro_table *table);

/* For a flow that is not there: a free one, in all its orders, with identity and addresses set.
 * NULL: gro_table_crowded() has to go first. */
struct gro_flow *gro_table_add(
	struct gro_table *table, uint32_t hash, uint32_t addresses, uint64_t now_tsc);
struct gro_flow *gro_table_crowded(const struct gro_table *table, uint32_t hash);
/* Its hash becomes 0. */
void gro_table_remove(struct gro_table *table, struct gro_flow *flow);

/* A flow of these addresses; NULL: none is held. */
struct gro_flow *gro_table_find_addresses(const struct gro_table *table, uint32_t addresses);

/* A flow that is in no order and not found by anything, to keep a packet in. NULL: none is free. */
struct gro_flow *gro_table_take(struct gro_table *table);
void gro_table_give(struct gro_table *table, struct gro_flow *flow);

static inline uint16_t gro_hash_tag(uint32_t hash)
{
	return (uint16_t)(hash >> 16 | 1);
}

static inline struct gro_bucket *gro_table_bucket(const struct gro_table *table, uint32_t hash)
{
	return &table->buckets[hash & table->bucket_mask];
}

/* One bit for each place whose 16-bit value is `value`. */
static inline uint32_t gro_bucket_match(const uint16_t values[GRO_BUCKET_PLACES], uint16_t value)
{
	const __m128i wanted = _mm_set1_epi16((short)value);
	const __m128i low = _mm_load_si128((const __m128i *)values);
	const __m128i high = _mm_load_si128((const __m128i *)(values + 8));

	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_cmpeq_epi16(low, wanted), _mm_cmpeq_epi16(high, wanted)));
}

static inline struct gro_flow *gro_table_find(const struct gro_table *table, uint32_t hash)
{
	const struct gro_bucket *bucket = gro_table_bucket(table, hash);
	uint32_t places = gro_bucket_match(bucket->tags, gro_hash_tag(hash));

	for (; places != 0; places &= places - 1) {
		struct gro_flow *flow = &table->flows[bucket->flows[__builtin_ctz(places)]];

		if (likely(flow->hash == hash))
			return flow;
	}
	return NULL;
}

#endif
