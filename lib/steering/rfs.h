/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive Flow Steering: two tables of hashes, as in Linux (Documentation/networking/scaling.rst).
 *
 * consumers: one for all (rps_sock_flow_entries): where the consumer of a flow ran last. An entry
 * is the kernel's u32: the upper bits of the hash, which tell flows that share an entry apart, and
 * the CPU in the lower bits. Written by whoever consumes, any thread; read by receiving workers.
 * Lost updates are harmless: the next one mends them.
 *
 * flows: one a receiving worker and port (rps_flow_cnt a queue): the worker that a flow's packets
 * go to, and how far that worker's backlog had been filled when the last one went. Of its receiving
 * worker only. Unlike the kernel's it is kept for flows without a known consumer too, so that not
 * even the first move of a flow can reorder it.
 *
 * A flow leaves its worker only when nothing of it is outstanding there: when that backlog has
 * drained past the flow's last position (kernel: head - last_qtail >= 0).
 * No EAL.
 */
#ifndef WEIR_STEERING_RFS_H
#define WEIR_STEERING_RFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RFS_CPU_BITS = 10, RFS_CPU_MASK = (1 << RFS_CPU_BITS) - 1, RFS_CPU_NONE = RFS_CPU_MASK };

struct rfs_consumers {
	uint32_t mask; /* entries - 1 */
	uint32_t entries[]; /* atomic */
};

/* Rounded up to a power of two, 1 <= entries <= 2^26. */
uint32_t rfs_entries(uint32_t wanted);
size_t rfs_consumers_bytes(uint32_t entries);
void rfs_consumers_init(struct rfs_consumers *consumers, uint32_t entries); /* all unknown */

/* Any thread: the flow with this hash is consumed on this CPU (< RFS_CPU_NONE). Hash 0: ignored. */
static inline void rfs_record(struct rfs_consumers *consumers, uint32_t hash, unsigned cpu)
{
	uint32_t *entry = &consumers->entries[hash & consumers->mask];
	uint32_t value = (hash & ~(uint32_t)RFS_CPU_MASK) | cpu;

	/* Most often it is what stands there: a write would take the line from all readers. */
	if (hash != 0 && __atomic_load_n(entry, __ATOMIC_RELAXED) != value)
		__atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

/* The CPU, or RFS_CPU_NONE: not known, or another flow's. */
static inline unsigned rfs_consumer_cpu(const struct rfs_consumers *consumers, uint32_t hash)
{
	uint32_t entry =
		__atomic_load_n(&consumers->entries[hash & consumers->mask], __ATOMIC_RELAXED);

	return ((entry ^ hash) & ~(uint32_t)RFS_CPU_MASK) == 0 ? entry & RFS_CPU_MASK
							       : RFS_CPU_NONE;
}

/* worker + 1 in the upper 8 bits (0: unset), position in the backlog in the lower 56: at 100 Mpps
 * they last 22 years. */
struct rfs_flows {
	uint32_t mask;
	uint64_t entries[];
};

enum { RFS_POSITION_BITS = 56, RFS_WORKER_NONE = -1 };

size_t rfs_flows_bytes(uint32_t entries);
void rfs_flows_init(struct rfs_flows *flows, uint32_t entries);

static inline int rfs_flow_worker(uint64_t entry)
{
	return (int)(entry >> RFS_POSITION_BITS) - 1;
}

static inline uint64_t rfs_flow_position(uint64_t entry)
{
	return entry & (((uint64_t)1 << RFS_POSITION_BITS) - 1);
}

static inline uint64_t rfs_flow_entry(unsigned worker, uint64_t position)
{
	return (uint64_t)(worker + 1) << RFS_POSITION_BITS |
		(position & (((uint64_t)1 << RFS_POSITION_BITS) - 1));
}

#endif
