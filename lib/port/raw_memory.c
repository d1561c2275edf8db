/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/raw_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_memory.h>

/* What one pool adds, until it is known to be all right. */
struct adding {
	struct raw_memory *memory;
	unsigned first_span; /* its own begin there */
	int result;
};

static int add_part(struct raw_memory *memory, const struct raw_part *part)
{
	struct raw_part *last =
		memory->part_count > 0 ? &memory->parts[memory->part_count - 1] : NULL;
	struct raw_part *more;

	if (last != NULL && last->span == part->span && last->fd == part->fd &&
		last->offset + last->bytes == part->offset &&
		last->fd_offset + last->bytes == part->fd_offset) {
		last->bytes += part->bytes;
		return 0;
	}
	more = realloc(memory->parts, (memory->part_count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	memory->parts = more;
	memory->parts[memory->part_count++] = *part;
	return 0;
}

/* The page that holds `address`, and its file. Returns where the page ends, NULL: no file. */
static const uint8_t *page_of(const uint8_t *address, struct raw_part *part, const uint8_t **begin)
{
	struct rte_memseg *page = rte_mem_virt2memseg(address, NULL);
	size_t offset = 0;

	if (page == NULL)
		return NULL;
	part->fd = rte_memseg_get_fd(page);
	if (part->fd < 0 || rte_memseg_get_fd_offset(page, &offset) != 0)
		return NULL;
	part->fd_offset = offset;
	part->bytes = page->len;
	*begin = page->addr;
	return *begin + page->len;
}

static bool is_known(const struct raw_memory *memory, const uint8_t *begin, const uint8_t *end)
{
	for (unsigned s = 0; s < memory->span_count; s++)
		if (begin >= memory->spans[s].base &&
			end <= memory->spans[s].base + memory->spans[s].bytes)
			return true;
	return false;
}

/* Whole pages: others cannot be mapped. Several chunks may share one. */
static int add_range(struct adding *adding, const uint8_t *begin, const uint8_t *end)
{
	struct raw_memory *memory = adding->memory;
	struct raw_span *last = memory->span_count > adding->first_span
		? &memory->spans[memory->span_count - 1]
		: NULL;
	struct raw_span *span = &memory->spans[memory->span_count];

	if (is_known(memory, begin, end))
		return 0;
	/* Pages of 2 MiB that follow each other are chunks of their own where their physical
	 * addresses do not; to the application they are one piece. */
	if (last != NULL && begin >= last->base && begin <= last->base + last->bytes) {
		span = last;
		begin = last->base + last->bytes;
	} else if (memory->span_count == RAW_SPANS_MAX) {
		return -ENOSPC;
	} else {
		*span = (struct raw_span){0};
	}
	for (const uint8_t *at = begin; at < end;) {
		struct raw_part part = {
			.span = (unsigned)(span - memory->spans), .offset = span->bytes};
		const uint8_t *page_begin;

		at = page_of(at, &part, &page_begin);
		if (at == NULL)
			return -ENOTSUP;
		if (span->base == NULL)
			span->base = page_begin;
		if (add_part(memory, &part) != 0)
			return -ENOMEM;
		span->bytes += part.bytes;
	}
	if (span != last)
		memory->span_count++;
	return 0;
}

static void add_chunk(
	struct rte_mempool *pool, void *argument, struct rte_mempool_memhdr *chunk, unsigned index)
{
	struct adding *adding = argument;
	const uint8_t *begin = chunk->addr;

	(void)pool;
	(void)index;
	if (adding->result == 0)
		adding->result = add_range(adding, begin, begin + chunk->len);
}

int raw_memory_add(struct raw_memory *memory, struct raw_share *share, struct error *error)
{
	struct adding adding = {.memory = memory, .first_span = memory->span_count};
	unsigned spans = memory->span_count, parts = memory->part_count;

	if (memory->share_count == RAW_SHARES_MAX)
		adding.result = -ENOSPC;
	else
		rte_mempool_mem_iter(share->pool, add_chunk, &adding);
	if (adding.result == 0) {
		memory->shares[memory->share_count++] = share;
		return 0;
	}
	memory->span_count = spans;
	memory->part_count = parts;
	return error_set(error, -adding.result, "packet memory %s cannot be shown: %s",
		share->pool->name,
		adding.result == -ENOTSUP ? "there is no file behind it"
					  : strerror(-adding.result));
}

void raw_memory_fini(struct raw_memory *memory)
{
	free(memory->parts);
	memset(memory, 0, sizeof(*memory));
}

int raw_memory_copy(struct raw_memory *memory, const struct raw_memory *from)
{
	struct raw_part *parts = calloc(from->part_count + 1u, sizeof(*parts));

	if (parts == NULL)
		return -ENOMEM;
	if (from->part_count > 0)
		memcpy(parts, from->parts, from->part_count * sizeof(*parts));
	*memory = *from;
	memory->parts = parts;
	return 0;
}

int raw_memory_open(const struct raw_part *part, bool writable)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", part->fd);
	fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
