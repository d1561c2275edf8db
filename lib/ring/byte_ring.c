/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring/byte_ring.h"

#include <stdlib.h>
#include <string.h>

struct byte_ring *byte_ring_create(uint64_t size)
{
	/* The bytes are not touched: of a ring that is never full most pages are never there. */
	struct byte_ring *ring = aligned_alloc(64, sizeof(*ring) + size);

	if (ring == NULL)
		return NULL;
	memset(ring, 0, sizeof(*ring));
	ring->size = size;
	return ring;
}

struct byte_ring *byte_ring_destroy(struct byte_ring *ring)
{
	free(ring);
	return NULL;
}
