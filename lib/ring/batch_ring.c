/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/batch_ring.h"

/* A batch has at least one item, so `limit` items take at most as many lines. */
static uint64_t batch_ring_words(uint32_t limit)
{
	uint64_t words = 64;

	while (words < BATCH_RING_LINE_WORDS * (uint64_t)limit)
		words *= 2;
	return words;
}

size_t batch_ring_bytes(uint32_t limit)
{
	return sizeof(struct batch_ring) + batch_ring_words(limit) * sizeof(uint64_t);
}

void batch_ring_init(struct batch_ring *ring, uint32_t limit)
{
	memset(ring, 0, sizeof(*ring));
	ring->mask = batch_ring_words(limit) - 1;
	ring->limit = limit;
}
