/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a snapshot that is about steering. */
#include "stats/snapshot_steering.h"

#include <string.h>

static void take_one(struct steering_sample *sample, const struct steering_sample *before,
	const struct steering_view *view)
{
	sample->counters = *view->counters;
	sample->parked = view->parked;
	sample->moves_now = view->moves_now;
	for (unsigned i = 0; i < view->reta_size; i++) {
		struct steer_route route = view->routes[i];

		/* While a bucket moves, its route names the move in place of a queue. */
		if (route.worker == STEER_PARK)
			route.queue = before->routes[i].queue;
		sample->routes[i] = route;
	}
	memcpy(sample->bucket_packets, view->bucket_packets,
		view->reta_size * sizeof(sample->bucket_packets[0]));
	sample->flow_count = view->flows != NULL
		? heavy_hitters_top(view->flows, sample->flows, HEAVY_HITTERS_MAX)
		: 0;
}

void snapshot_take_steering(
	struct snapshot *snapshot, const struct snapshot *before, const struct engine *engine)
{
	unsigned count = engine_steering_count(engine);

	if (count > snapshot->steering_count)
		count = snapshot->steering_count;
	for (unsigned i = 0; i < count; i++) {
		struct steering_view view;

		engine_steering_view(engine, i, &view);
		take_one(&snapshot->steering[i], &before->steering[i], &view);
	}
	for (unsigned i = 0; i < engine_worker_count(engine); i++)
		engine_softnet_view(engine, (uint16_t)i, &snapshot->softnet[i]);
	snapshot->balancing = engine_balancer_view(engine, &snapshot->balancer);
}
