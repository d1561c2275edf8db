/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decides which buckets go to which worker so that all workers are loaded alike. Pure: loads come
 * in, moves come out; who carries them out keeps flows in order (steer.h).
 *
 *   load of a worker   busy share of its time, and its backlog, which is work it has not done yet
 *   load of a bucket   its share of the packets its worker got by buckets, of that worker's load
 *                      that buckets can take along (receiving and flows placed by RFS stay)
 *
 * Reference: RSS++ (Barbette et al., 2019): greedy, smallest squared imbalance, adaptive tick.
 * Threads: one caller. No EAL; time comes in.
 */
#ifndef WEIR_STEERING_BALANCER_H
#define WEIR_STEERING_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "steering/rps.h"

enum { BALANCER_BUCKETS_MAX = 1 << 14 };

struct balancer_config {
	uint16_t worker_count;
	uint32_t bucket_count; /* of all ports and receiving workers together */
	uint64_t tick_min_ns, tick_max_ns; /* 1 ms and 4 ms are good */
	bool scale; /* use as few workers as the load needs */
	/* 0: itself, 1: same last-level cache, 2: same NUMA node, 3: another node */
	uint8_t distance[STEERING_WORKERS_MAX][STEERING_WORKERS_MAX];
};

/* What one worker did since the last step. */
struct balancer_worker {
	uint64_t busy_cycles, idle_cycles; /* idle: sleep included */
	uint64_t fixed_cycles; /* of the busy ones: receiving and steering, which no move takes away
				*/
	uint64_t packets; /* all that it processed */
	uint64_t backlog; /* packets waiting for it now */
};

/* One bucket. */
struct balancer_bucket {
	uint64_t packets; /* since the last step */
	uint64_t allowed; /* bit w: may go to worker w; its present one counts as allowed */
	uint8_t worker; /* where it is */
	bool moving; /* a move of it is not done yet: leave it alone */
};

struct balancer_move {
	uint32_t bucket;
	uint8_t to;
};

struct balancer_state { /* for people to see */
	double max_over_mean; /* of the last step, before its moves */
	double max_over_mean_expected; /* after them */
	uint64_t steps, moves;
	uint64_t tick_ns; /* when to step next */
	uint16_t active_workers;
};

struct balancer; /* opaque: loads smoothed over steps, who rests this round */

struct balancer *balancer_create(const struct balancer_config *config); /* NULL: out of memory */
struct balancer *balancer_destroy(struct balancer *balancer); /* takes NULL, returns NULL */

/* Returns how many moves; at most one a bucket, `max` in all. */
unsigned balancer_step(struct balancer *balancer, uint64_t interval_ns,
	const struct balancer_worker workers[], const struct balancer_bucket buckets[],
	struct balancer_move ret_moves[], unsigned max);

void balancer_state(const struct balancer *balancer, struct balancer_state *ret_state);

#endif
