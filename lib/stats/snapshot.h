/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copy of everything the engine counts, taken at one moment. Two of them make rates.
 *
 * Reading is plain loads of what workers write: no lock, no atomic operation, nothing a worker
 * notices but a cache line that is read once an interval.
 */
#ifndef WEIR_STATS_SNAPSHOT_H
#define WEIR_STATS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/steering.h"

struct steering_sample; /* snapshot_steering.h */

struct snapshot {
	uint64_t taken_ns; /* monotonic */
	uint64_t wall_ns;
	/* Each array has as many elements as the engine has of these, in the engine's order. */
	struct worker_counters *workers;
	struct queue_counters *rx, *tx;
	struct queue_counters *emulated; /* summed over their writers */
	struct stage_counters *stages;
	struct port_state *ports;
	struct pool_view *pools;
	uint32_t *pool_free_min; /* the least seen in any snapshot so far */
	struct engine_account account;
	unsigned steering_count;
	struct steering_sample *steering; /* in the order of engine_steering_view() */
	struct softnet_view *softnet; /* by worker */
	bool balancing; /* else `balancer` says nothing */
	struct balancer_state balancer;
};

/* All counters zero. NULL: out of memory. */
struct snapshot *snapshot_create(const struct engine *engine);
struct snapshot *snapshot_destroy(struct snapshot *snapshot); /* takes NULL, returns NULL */

/* Overwrites `snapshot`; `before` (may be the same) is where minima are carried on from. */
void snapshot_take(struct snapshot *snapshot, const struct snapshot *before,
	const struct engine *engine, uint64_t now_ns, uint64_t wall_ns);

#endif
