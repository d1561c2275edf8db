/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The indirection table of RSS: hash -> bucket -> queue, as `ethtool -X ... equal N` and
 * `ethtool -X ... weight W0 W1 ...` fill it.
 * Threads: read-only while packets flow (a later change swaps the whole table). No EAL.
 */
#ifndef WEIR_STEERING_RETA_H
#define WEIR_STEERING_RETA_H

#include <stdint.h>

#include "base/error.h"

enum { RETA_SIZE_MIN = 128, RETA_SIZE_MAX = 512, RETA_QUEUES_MAX = 256 };

struct reta {
	uint16_t size; /* a power of two, 128..512 */
	uint16_t queue_count;
	uint8_t queues[RETA_SIZE_MAX];
};

/* Bucket i -> queue i % queue_count. 0, or -EINVAL when size or queue_count are out of range: the
 * queues are 1..RETA_QUEUES_MAX and no more than the buckets. */
int reta_fill_equal(struct reta *reta, uint16_t size, uint16_t queue_count);

/* Shares of the table for the first queues, as ethtool deals them: queue 0 has the first buckets,
 * then queue 1, each as many as its part of the sum, rounded so that none are left over. A queue
 * without a weight, or with 0, gets none. -EINVAL: sizes out of range, more weights than queues, or
 * all of them 0; -ENOSPC: a queue with a weight would get no bucket. `error` says which. */
int reta_fill_weights(struct reta *reta, uint16_t size, uint16_t queue_count,
	const uint16_t weights[], uint16_t weight_count, struct error *error);

/* By what was asked for: weights where there are some, else the first `equal` queues in turn, else
 * (0) all of them. */
int reta_fill(struct reta *reta, uint16_t size, uint16_t queue_count, uint16_t equal,
	const uint16_t weights[], uint16_t weight_count, struct error *error);

/* Writes a table of `size` for a device whose own is of another size: each bucket of a larger one
 * is that of the hash in the smaller. Where buckets fold into fewer, neighbours stand for different
 * halves, so that queues keep their shares. Both sizes are powers of two. */
void reta_resize(const uint8_t queues[], uint16_t size, uint8_t ret_queues[], uint16_t ret_size);

static inline unsigned reta_bucket(const struct reta *reta, uint32_t hash)
{
	return hash & (reta->size - 1u);
}

static inline unsigned reta_queue(const struct reta *reta, uint32_t hash)
{
	return reta->queues[reta_bucket(reta, hash)];
}

#endif
