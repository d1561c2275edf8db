/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of the buckets of recent packets, and how often each bucket stands in it. Two things
 * differ from the kernel: the hash is spread before it is cut to a bucket, since packets to one
 * worker have lower bits of the hash in common (they chose the worker); and places of the ring
 * that were not used yet take nothing from a bucket (the kernel's count for bucket 0).
 */
#include "steering/flow_limit.h"

#include <string.h>

size_t flow_limit_bytes(uint32_t buckets)
{
	return sizeof(struct flow_limit) + buckets * sizeof(uint16_t);
}

void flow_limit_init(struct flow_limit *limit, uint32_t buckets)
{
	memset(limit, 0, flow_limit_bytes(buckets));
	limit->mask = buckets - 1;
}

static inline uint16_t bucket_of(const struct flow_limit *limit, uint32_t hash)
{
	const uint32_t golden_ratio = 0x9e3779b1; /* Knuth, 6.4: neighbours end up far apart */

	return (uint16_t)((uint64_t)(hash * golden_ratio) * (limit->mask + 1) >> 32);
}

bool flow_limit_exceeds(struct flow_limit *limit, uint32_t hash)
{
	const uint16_t bucket = bucket_of(limit, hash);
	uint16_t *place = &limit->history[limit->head % FLOW_LIMIT_HISTORY];

	/* From the second round on head counts between HISTORY and 2 x HISTORY. */
	if (limit->head >= FLOW_LIMIT_HISTORY)
		limit->buckets[*place]--;
	*place = bucket;
	if (++limit->head == 2 * FLOW_LIMIT_HISTORY)
		limit->head = FLOW_LIMIT_HISTORY;
	if (limit->buckets[bucket]++ <= FLOW_LIMIT_HISTORY / 2)
		return false;
	__atomic_store_n(&limit->count, limit->count + 1, __ATOMIC_RELAXED);
	return true;
}
