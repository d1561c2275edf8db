/* SPDX-License-Identifier: BSD-3-Clause */
#define ALLOW_EXPERIMENTAL_API /* rte_pktmbuf_pool_create_extbuf() */
#include "port/shared_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

enum { CACHE_PACKETS = 256, PAGE_BYTES = 4096 };

static int data_make(struct shared_pool *pool, struct error *error)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	pool->fd = memfd_create("weir-packets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (pool->fd < 0 || ftruncate(pool->fd, (off_t)pool->data_bytes) != 0 ||
		fcntl(pool->fd, F_ADD_SEALS, seals) != 0)
		return error_set(error, errno, "a file for %llu bytes of packet memory: %s",
			(unsigned long long)pool->data_bytes, strerror(errno));
	pool->data = mmap(NULL, pool->data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		pool->fd, 0);
	if (pool->data != MAP_FAILED)
		return 0;
	pool->data = NULL;
	return error_set(error, errno, "%llu bytes of packet memory: %s",
		(unsigned long long)pool->data_bytes, strerror(errno));
}

struct shared_pool *shared_pool_create(
	const char *name, uint32_t packets, uint32_t data_bytes, int numa_node, struct error *error)
{
	struct shared_pool *pool = aligned_alloc(64, sizeof(*pool));
	uint16_t room = (uint16_t)(data_bytes + RTE_PKTMBUF_HEADROOM);
	struct rte_pktmbuf_extmem memory = {
		.buf_iova = RTE_BAD_IOVA, .elt_size = RTE_ALIGN_CEIL(room, RTE_CACHE_LINE_SIZE)};

	if (pool == NULL) {
		error_set(error, ENOMEM, "no memory for packet memory");
		return NULL;
	}
	memset(pool, 0, sizeof(*pool));
	pool->fd = -1;
	pool->packets = packets;
	pool->data_bytes =
		RTE_ALIGN_CEIL((uint64_t)packets * memory.elt_size, (uint64_t)PAGE_BYTES);
	if (data_make(pool, error) != 0)
		return shared_pool_destroy(pool);
	memory.buf_ptr = pool->data;
	memory.buf_iova = (rte_iova_t)(uintptr_t)pool->data;
	memory.buf_len = pool->data_bytes;
	pool->mempool = rte_pktmbuf_pool_create_extbuf(
		name, packets, CACHE_PACKETS, 0, room, numa_node, &memory, 1);
	if (pool->mempool != NULL) {
		pool->share.pool = pool->mempool;
		return pool;
	}
	error_set(error, rte_errno, "no memory for %u packet buffers: %s", packets,
		rte_strerror(rte_errno));
	return shared_pool_destroy(pool);
}

struct shared_pool *shared_pool_destroy(struct shared_pool *pool)
{
	if (pool == NULL)
		return NULL;
	rte_mempool_free(pool->mempool);
	if (pool->data != NULL)
		munmap(pool->data, pool->data_bytes);
	if (pool->fd >= 0)
		close(pool->fd);
	free(pool);
	return NULL;
}

int shared_pool_show(struct shared_pool *pool, struct raw_memory *memory, struct error *error)
{
	const struct raw_part part = {
		.span = memory->span_count, .bytes = pool->data_bytes, .fd = pool->fd};
	struct raw_part *more;

	if (memory->span_count == RAW_SPANS_MAX || memory->share_count == RAW_SHARES_MAX)
		return error_set(error, ENOSPC, "packet memory is in too many pieces");
	more = realloc(memory->parts, (memory->part_count + 1) * sizeof(*more));
	if (more == NULL)
		return error_set(error, ENOMEM, "no memory");
	memory->parts = more;
	memory->parts[memory->part_count++] = part;
	memory->shares[memory->share_count++] = &pool->share;
	memory->writable_from = memory->span_count;
	memory->spans[memory->span_count++] =
		(struct raw_span){.base = pool->data, .bytes = pool->data_bytes};
	return 0;
}
