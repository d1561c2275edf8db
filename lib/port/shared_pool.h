/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool for what one port receives whose data an application may read and write: the data is in a
 * memfd that cannot shrink or grow, the mbufs that describe it stay in memory of the engine's own.
 * (DPDK: pools with pinned external buffers.)
 *
 * An application can change such a packet while the engine looks at it. So it is for applications
 * that are trusted, as those of the engine's own user are.
 */
#ifndef WEIR_PORT_SHARED_POOL_H
#define WEIR_PORT_SHARED_POOL_H

#include <stdint.h>

#include "port/raw_memory.h"

struct shared_pool {
	struct rte_mempool *mempool;
	uint32_t packets;
	uint8_t *data;
	uint64_t data_bytes;
	int fd;
	struct raw_share share; /* of those it is shown to; nothing may be lent at first */
};

/* data_bytes: room of a buffer without headroom. NULL with `error`. */
struct shared_pool *shared_pool_create(const char *name, uint32_t packets, uint32_t data_bytes,
	int numa_node, struct error *error);
/* Takes NULL, returns NULL. Nobody holds a buffer of it any more. */
struct shared_pool *shared_pool_destroy(struct shared_pool *pool);

/* Adds its data to packet memory as a last span, which applications may write, and its share. 0 or
 * -ENOMEM, -ENOSPC. */
int shared_pool_show(struct shared_pool *pool, struct raw_memory *memory, struct error *error);

#endif
