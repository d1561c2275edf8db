/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/balancer.h"

#include <math.h>
#include <stdlib.h>

#include "steering/balancer_parts.h"

/* max/mean - 1 at which the balancer looks twice as often, and as often as it may. Source: RSS++.
 */
static const double imbalance_halve = 0.2, imbalance_hurry = 0.4;
/* Scaling: no worker is wanted above the first; a worker goes when all others would stay below the
 * second for a while, so that a load near the first does not switch one on and off. */
static const double load_full = 0.85, load_low = 0.7;
static const uint64_t low_for_ns = 100000000;
/* One with this load that no move takes away runs anyway. */
static const double immovable_some = 0.01;

struct balancer *balancer_create(const struct balancer_config *config)
{
	struct balancer *balancer = calloc(1, sizeof(*balancer));
	uint32_t count = config->bucket_count;

	if (balancer == NULL)
		return NULL;
	balancer->config = *config;
	if (balancer->config.worker_count > STEERING_WORKERS_MAX)
		balancer->config.worker_count = STEERING_WORKERS_MAX;
	if (config->tick_min_ns == 0)
		balancer->config.tick_min_ns = 1;
	if (config->tick_max_ns < balancer->config.tick_min_ns)
		balancer->config.tick_max_ns = balancer->config.tick_min_ns;
	balancer->buckets = calloc(count > 0 ? count : 1, sizeof(*balancer->buckets));
	balancer->candidates = calloc(count > 0 ? count : 1, sizeof(*balancer->candidates));
	if (balancer->buckets == NULL || balancer->candidates == NULL)
		return balancer_destroy(balancer);
	balancer->dispersion = 1;
	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		balancer->workers[w].active = true;
	balancer->state = (struct balancer_state){
		.max_over_mean = 1,
		.max_over_mean_expected = 1,
		.tick_ns = balancer->config.tick_min_ns,
		.active_workers = balancer->config.worker_count,
	};
	return balancer;
}

struct balancer *balancer_destroy(struct balancer *balancer)
{
	if (balancer != NULL) {
		free(balancer->buckets);
		free(balancer->candidates);
		free(balancer);
	}
	return NULL;
}

double balancer_max_over_mean(struct balancer *balancer)
{
	double sum = 0, max = 0;
	unsigned count = 0;

	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		const struct worker_load *load = &balancer->workers[w];

		if (!load->active)
			continue;
		sum += load->load;
		max = fmax(max, load->load);
		count++;
	}
	balancer->mean = count > 0 ? sum / count : 0;
	return balancer->mean > 0 ? max / balancer->mean : 1;
}

/* ---- how many workers ---- */

static double worker_distance(const struct balancer *balancer, unsigned worker)
{
	double sum = 0;

	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		if (balancer->workers[w].active)
			sum += balancer->config.distance[w][worker];
	return sum;
}

static void activate_nearest(struct balancer *balancer)
{
	int nearest = -1;

	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		if (!balancer->workers[w].active &&
			(nearest < 0 ||
				worker_distance(balancer, w) <
					worker_distance(balancer, (unsigned)nearest)))
			nearest = (int)w;
	if (nearest >= 0) {
		balancer->workers[nearest].active = true;
		balancer->state.active_workers++;
	}
}

/* A worker must not go when a bucket could not follow. */
static void find_confined(struct balancer *balancer, const struct balancer_bucket buckets[])
{
	uint64_t active = 0;

	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		active |= (uint64_t)balancer->workers[w].active << w;
		balancer->workers[w].confined = false;
	}
	for (uint32_t i = 0; i < balancer->config.bucket_count; i++) {
		unsigned w = buckets[i].worker;

		if (w < balancer->config.worker_count &&
			(buckets[i].allowed & active & ~(1ull << w)) == 0)
			balancer->workers[w].confined = true;
	}
}

static void deactivate_least_loaded(struct balancer *balancer)
{
	int least = -1;

	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		const struct worker_load *load = &balancer->workers[w];

		if (load->active && !load->confined && load->immovable < immovable_some &&
			(least < 0 || load->load <= balancer->workers[least].load))
			least = (int)w;
	}
	if (least >= 0) {
		balancer->workers[least].active = false;
		balancer->state.active_workers--;
	}
}

static void scale(
	struct balancer *balancer, uint64_t interval_ns, const struct balancer_bucket buckets[])
{
	double sum = 0;

	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		sum += balancer->workers[w].load;
	while (balancer->state.active_workers < balancer->config.worker_count &&
		sum > load_full * balancer->state.active_workers)
		activate_nearest(balancer);
	if (balancer->state.active_workers < 2 ||
		sum > load_low * (balancer->state.active_workers - 1)) {
		balancer->low_ns = 0;
		return;
	}
	/* Capped: an interval may be anything. */
	balancer->low_ns += interval_ns < low_for_ns ? interval_ns : low_for_ns;
	if (balancer->low_ns < low_for_ns)
		return;
	balancer->low_ns = 0;
	find_confined(balancer, buckets);
	deactivate_least_loaded(balancer);
}

/* ---- a step ---- */

static void adapt_tick(struct balancer *balancer, unsigned moves)
{
	const struct balancer_config *config = &balancer->config;
	uint64_t *tick_ns = &balancer->state.tick_ns;
	double imbalance = balancer->state.max_over_mean - 1;

	if (moves == 0)
		*tick_ns = *tick_ns < config->tick_max_ns / 2 ? *tick_ns * 2 : config->tick_max_ns;
	else if (imbalance > imbalance_hurry)
		*tick_ns = config->tick_min_ns;
	else if (imbalance > imbalance_halve)
		*tick_ns /= 2;
	if (*tick_ns < config->tick_min_ns)
		*tick_ns = config->tick_min_ns;
}

/* What a worker just received is not yet in what it was seen doing. */
static void rest(struct balancer *balancer)
{
	bool uneven = balancer->state.max_over_mean - 1 > imbalance_halve;

	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		balancer->workers[w].resting = balancer->workers[w].received && !uneven;
}

unsigned balancer_step(struct balancer *balancer, uint64_t interval_ns,
	const struct balancer_worker workers[], const struct balancer_bucket buckets[],
	struct balancer_move ret_moves[], unsigned max)
{
	unsigned moves;

	balancer_measure(balancer, interval_ns, workers, buckets);
	if (balancer->config.scale)
		scale(balancer, interval_ns, buckets);
	balancer->state.max_over_mean = balancer_max_over_mean(balancer);
	rest(balancer);
	moves = balancer_choose(balancer, buckets, ret_moves, max);
	balancer->state.max_over_mean_expected = balancer_max_over_mean(balancer);
	adapt_tick(balancer, moves);
	balancer->state.steps++;
	balancer->state.moves += moves;
	return moves;
}

void balancer_state(const struct balancer *balancer, struct balancer_state *ret_state)
{
	*ret_state = balancer->state;
}
