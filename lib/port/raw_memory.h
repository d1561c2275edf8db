/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet memory of mempools, as it can be shown to an application: where it is, and the files
 * behind it. DPDK keeps a file for its pages where it can (hugepages of its own, memfds without
 * hugetlbfs or hugepages); where it does not, nothing can be shown and packets are copied.
 *
 * A span is memory that is contiguous here and has to be contiguous there; a part is what of it is
 * contiguous in one file. A packet's place: number of the span << 48 | offset.
 *
 * How many buffers applications may have is counted for each pool, whoever shows it to whom: so the
 * receivers of one port never starve because of what came from another.
 */
#ifndef WEIR_PORT_RAW_MEMORY_H
#define WEIR_PORT_RAW_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "base/error.h"

enum { RAW_SPANS_MAX = 64, RAW_SHARES_MAX = 64 };
#define RAW_NO_PLACE UINT64_MAX

struct raw_span {
	const uint8_t *base;
	uint64_t bytes;
};

struct raw_part {
	uint32_t span;
	uint64_t offset; /* in the span */
	uint64_t bytes, fd_offset;
	int fd; /* DPDK's own */
};

/* What applications may have of one pool, and have now. */
struct raw_share {
	struct rte_mempool *pool;
	uint32_t lent_max; /* buffers */
	/* Atomic. Writers: all that deliver and take back. */
	uint32_t lent __attribute__((aligned(64)));
};

struct raw_memory {
	unsigned span_count, part_count;
	unsigned writable_from; /* spans from here on may be written; 0: none */
	struct raw_span spans[RAW_SPANS_MAX];
	struct raw_part *parts;
	unsigned share_count;
	struct raw_share *shares[RAW_SHARES_MAX]; /* of whoever made them; outlive this */
};

/* Adds a pool's. -ENOTSUP: there is no file behind it; -ENOMEM, -ENOSPC. Then nothing was added. */
int raw_memory_add(struct raw_memory *memory, struct raw_share *share, struct error *error);
void raw_memory_fini(struct raw_memory *memory); /* of a zeroed one: nothing */
static inline bool raw_memory_writable(const struct raw_memory *memory, uint64_t place)
{
	return memory->writable_from != 0 && place >> 48 >= memory->writable_from;
}

/* A descriptor of the part's file, the caller's, with which it can only be read, unless `writable`;
 * or -errno. */
int raw_memory_open(const struct raw_part *part, bool writable);
/* A copy, to which more can be added; the shares are the same ones. 0 or -ENOMEM. */
int raw_memory_copy(struct raw_memory *memory, const struct raw_memory *from);

/* Where [bytes, bytes + count) is; RAW_NO_PLACE: not in this memory. *hint: the span that it was in
 * last time. */
static inline uint64_t raw_memory_place(
	const struct raw_memory *memory, const uint8_t *bytes, uint32_t count, unsigned *hint)
{
	for (unsigned tried = 0; tried < memory->span_count; tried++) {
		const struct raw_span *span = &memory->spans[*hint];
		uint64_t offset = (uint64_t)(bytes - span->base);

		if (offset < span->bytes && count <= span->bytes - offset)
			return (uint64_t)*hint << 48 | offset;
		*hint = *hint + 1 < memory->span_count ? *hint + 1 : 0;
	}
	return RAW_NO_PLACE;
}

/* Of a pool; NULL: nothing of it is lent. */
static inline struct raw_share *raw_memory_share(
	const struct raw_memory *memory, const struct rte_mempool *pool)
{
	for (unsigned s = 0; s < memory->share_count; s++)
		if (memory->shares[s]->pool == pool)
			return memory->shares[s];
	return NULL;
}

#endif
