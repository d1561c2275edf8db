/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The indirection table of RSS: hash -> bucket -> queue, as `ethtool -X ... equal N` fills it.
 * Threads: read-only while packets flow (a later change swaps the whole table). No EAL.
 */
#ifndef WEIR_STEERING_RETA_H
#define WEIR_STEERING_RETA_H

#include <stdint.h>

enum { RETA_SIZE_MIN = 128, RETA_SIZE_MAX = 512, RETA_QUEUES_MAX = 256 };

struct reta {
	uint16_t size; /* a power of two, 128..512 */
	uint16_t queue_count;
	uint8_t queues[RETA_SIZE_MAX];
};

/* Bucket i -> queue i % queue_count. 0, or -EINVAL when size or queue_count are out of range: the
 * queues are 1..RETA_QUEUES_MAX and no more than the buckets. */
int reta_fill_equal(struct reta *reta, uint16_t size, uint16_t queue_count);

static inline unsigned reta_bucket(const struct reta *reta, uint32_t hash)
{
	return hash & (reta->size - 1u);
}

static inline unsigned reta_queue(const struct reta *reta, uint32_t hash)
{
	return reta->queues[reta_bucket(reta, hash)];
}

#endif
