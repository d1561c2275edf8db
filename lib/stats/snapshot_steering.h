/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside stats/ only. */
#ifndef WEIR_STATS_SNAPSHOT_STEERING_H
#define WEIR_STATS_SNAPSHOT_STEERING_H

#include "engine/steering.h"
#include "stats/snapshot.h"

/* One port at one receiving worker. */
struct steering_sample {
	struct steer_counters counters;
	uint32_t parked, moves_now;
	unsigned flow_count;
	struct steer_route routes[RETA_SIZE_MAX]; /* worker STEER_PARK: it moves */
	uint64_t bucket_packets[RETA_SIZE_MAX];
	struct heavy_hitter flows[HEAVY_HITTERS_MAX]; /* [flow_count], biggest first */
};

/* Fills steering, softnet and balancer. */
void snapshot_take_steering(
	struct snapshot *snapshot, const struct snapshot *before, const struct engine *engine);

#endif
