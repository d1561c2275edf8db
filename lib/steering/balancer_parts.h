/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of the balancer share; for balancer*.c only.
 *
 *   balancer_load.c    what was counted -> smoothed loads of buckets and workers
 *   balancer_moves.c   loads -> moves
 *   balancer.c         who is active, who rests, when to look again
 *
 * A load is a share of one worker's time: 1 keeps a worker busy, more overloads it.
 */
#ifndef WEIR_STEERING_BALANCER_PARTS_H
#define WEIR_STEERING_BALANCER_PARTS_H

#include "steering/balancer.h"

/* Counts of the last steps, each step weighing less than the next one. */
struct bucket_load {
	double packets, time_ns;
	double load; /* expected where the bucket is */
};

struct worker_load {
	/* Counts of the last steps, as above. */
	double total_cycles, fixed_cycles, movable_cycles, packets, time_ns;
	double other_packets; /* those no bucket accounts for: placed by RFS, or by nobody */
	uint64_t backlog; /* at the last step */

	double packet_cycles; /* of movable work */
	double immovable; /* load that stays here whatever moves */
	double load; /* immovable, and of the buckets that are or will be here */
	double noise; /* standard deviation of `load`: packets come as they like */

	bool active; /* may have buckets */
	bool confined; /* has a bucket that may not go to another active worker */
	bool received, gave; /* in the last step */
	bool resting; /* left alone in this one */
};

/* A bucket that may move. */
struct candidate {
	double load;
	uint32_t bucket;
	bool moved; /* in this step */
};

struct balancer {
	struct balancer_config config;
	struct balancer_state state;
	double mean; /* load of an active worker */
	double dispersion; /* variance of counts to their mean: 1 when each packet comes by itself
			    */
	uint64_t low_ns; /* for how long a worker fewer would have done */
	struct worker_load workers[STEERING_WORKERS_MAX];
	struct bucket_load *buckets; /* [bucket_count] */
	struct candidate *candidates; /* [first[w]..first[w + 1]): those on worker w */
	uint32_t first[STEERING_WORKERS_MAX + 1];
};

/* Takes in what one step counted: sets the loads of all buckets and workers. */
void balancer_measure(struct balancer *balancer, uint64_t interval_ns,
	const struct balancer_worker workers[], const struct balancer_bucket buckets[]);

/* Sets mean; returns max/mean over active workers, 1 when there is nothing to do. */
double balancer_max_over_mean(struct balancer *balancer);

/* Moves away from inactive workers, then from the overloaded ones. Changes workers[].load to what
 * is expected then. */
unsigned balancer_choose(struct balancer *balancer, const struct balancer_bucket buckets[],
	struct balancer_move ret_moves[], unsigned max);

#endif
