/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/reta.h"

#include <errno.h>

int reta_fill_equal(struct reta *reta, uint16_t size, uint16_t queue_count)
{
	if (size < RETA_SIZE_MIN || size > RETA_SIZE_MAX || (size & (size - 1)) != 0)
		return -EINVAL;
	/* More queues than buckets would leave queues that nothing can reach. */
	if (queue_count == 0 || queue_count > size || queue_count > RETA_QUEUES_MAX)
		return -EINVAL;
	reta->size = size;
	reta->queue_count = queue_count;
	for (unsigned bucket = 0; bucket < size; bucket++)
		reta->queues[bucket] = (uint8_t)(bucket % queue_count);
	return 0;
}
