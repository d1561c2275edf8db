/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/reta.h"

#include <errno.h>
#include <stddef.h>

static int check_sizes(uint16_t size, uint16_t queue_count, struct error *error)
{
	if (size < RETA_SIZE_MIN || size > RETA_SIZE_MAX || (size & (size - 1)) != 0)
		return error_set(error, EINVAL,
			"an indirection table of %u entries: expected 128, 256 or 512", size);
	if (queue_count == 0 || queue_count > size || queue_count > RETA_QUEUES_MAX)
		return error_set(error, EINVAL,
			"an indirection table of %u entries for %u queues: expected at least one "
			"queue, no more than entries, and at most %d",
			size, queue_count, RETA_QUEUES_MAX);
	return 0;
}

int reta_fill_equal(struct reta *reta, uint16_t size, uint16_t queue_count)
{
	/* More queues than buckets would leave queues that nothing can reach. */
	if (check_sizes(size, queue_count, NULL) != 0)
		return -EINVAL;
	reta->size = size;
	reta->queue_count = queue_count;
	for (unsigned bucket = 0; bucket < size; bucket++)
		reta->queues[bucket] = (uint8_t)(bucket % queue_count);
	return 0;
}

/* Where the buckets of the queues before end, when their weights are `partial` of `sum`. */
static unsigned share_end(unsigned size, unsigned partial, unsigned sum)
{
	return (unsigned)((uint64_t)size * partial / sum);
}

int reta_fill_weights(struct reta *reta, uint16_t size, uint16_t queue_count,
	const uint16_t weights[], uint16_t weight_count, struct error *error)
{
	unsigned sum = 0, partial = 0, bucket = 0;

	if (check_sizes(size, queue_count, error) != 0)
		return -EINVAL;
	if (weight_count > queue_count)
		return error_set(error, EINVAL,
			"%u weights for %u queues: expected at most one a queue", weight_count,
			queue_count);
	for (unsigned queue = 0; queue < weight_count; queue++)
		sum += weights[queue];
	if (sum == 0)
		return error_set(
			error, EINVAL, "the weights are all 0: expected a queue with a weight");
	for (unsigned queue = 0; queue < weight_count; queue++) {
		unsigned start = bucket;

		partial += weights[queue];
		while (bucket < share_end(size, partial, sum))
			reta->queues[bucket++] = (uint8_t)queue;
		if (weights[queue] > 0 && bucket == start)
			return error_set(error, ENOSPC,
				"queue %u with weight %u of %u would get none of the %u entries of "
				"the table: expected a larger weight, or a larger table",
				queue, weights[queue], sum, size);
	}
	reta->size = size;
	reta->queue_count = queue_count;
	return 0;
}

int reta_fill(struct reta *reta, uint16_t size, uint16_t queue_count, uint16_t equal,
	const uint16_t weights[], uint16_t weight_count, struct error *error)
{
	if (weight_count > 0)
		return reta_fill_weights(reta, size, queue_count, weights, weight_count, error);
	if (check_sizes(size, queue_count, error) != 0)
		return -EINVAL;
	if (equal > queue_count)
		return error_set(error, EINVAL, "equal shares for %u queues, but there are %u",
			equal, queue_count);
	reta_fill_equal(reta, size, equal > 0 ? equal : queue_count);
	reta->queue_count = queue_count;
	return 0;
}

void reta_resize(const uint8_t queues[], uint16_t size, uint8_t ret_queues[], uint16_t ret_size)
{
	const unsigned folds = size > ret_size ? size / ret_size : 1;

	for (unsigned i = 0; i < ret_size; i++)
		ret_queues[i] = queues[(i + ret_size * (i % folds)) % size];
}
