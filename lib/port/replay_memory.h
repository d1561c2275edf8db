/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet memory of a preloaded replay: all frames side by side in one read-only arena, an mbuf
 * a segment that refers to them (external buffers), and when each packet is due.
 */
#ifndef WEIR_PORT_REPLAY_MEMORY_H
#define WEIR_PORT_REPLAY_MEMORY_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"
#include "port/replay.h"

struct replay_memory {
	uint64_t packet_count;
	struct rte_mbuf **packets; /* [packet_count]; one reference each, ours */
	uint64_t *due; /* [packet_count] TSC cycles from the start of a loop */
	long double loop_cycles; /* from the start of a loop to that of the next */
	struct rte_mempool *pool; /* of the mbufs */
	uint8_t *arena;
	struct rte_mbuf_ext_shared_info shared;
};

/* Reads the frames again and lays them out. On error nothing is left. */
int replay_memory_load(struct replay_memory *memory, const struct replay_plan *plan, int numa_node,
	uint64_t tsc_hz, struct error *error);
void replay_memory_free(struct replay_memory *memory);

#endif
