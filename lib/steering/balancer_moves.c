/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moves from loads. A bucket of load l that goes from a worker to one with `gap` less load lowers
 * the sum of the squared loads by 2 l (gap - l): the best bucket is the one nearest to half the
 * gap, and no bucket as big as the gap should go. The same holds for the difference of two buckets
 * that change places, which is what helps when all buckets are big. The most loaded worker gives
 * first, until it is near the mean or has nothing that would help.
 */
#include <math.h>
#include <stdlib.h>

#include "steering/balancer_parts.h"

/* Nothing moves for less than this above the mean (and what counts scatter by); once buckets move,
 * the last per cent come cheap. */
static const double trigger = 0.02, goal = 0.005;
/* Below it no worker has anything to complain of. */
static const double idle_load = 0.01;
/* A swap parks two buckets: not for less than this, in squared shares of the mean. */
static const double swap_gain_min = 2.5e-5;
/* What a gain is worth by the distance that a bucket goes, and its flows' state after it. */
static const double worth[] = {1, 1, 0.9, 0.75};

struct plan {
	struct balancer *balancer;
	const struct balancer_bucket *buckets;
	struct balancer_move *moves;
	unsigned count, max;
	double margin; /* how much less a target must have than the source at hand */
	bool sorted[STEERING_WORKERS_MAX];
	bool exhausted[STEERING_WORKERS_MAX]; /* has nothing to give that would help */
	bool gave[STEERING_WORKERS_MAX];
};

static double nearness(const struct plan *plan, unsigned from, unsigned to)
{
	unsigned distance = plan->balancer->config.distance[from][to];

	return worth[distance < 3 ? distance : 3];
}

static bool may_go(const struct plan *plan, const struct candidate *candidate, unsigned to)
{
	return !candidate->moved && plan->buckets[candidate->bucket].allowed >> to & 1;
}

static void move(struct plan *plan, struct candidate *candidate, unsigned to)
{
	struct worker_load *workers = plan->balancer->workers;
	unsigned from = plan->buckets[candidate->bucket].worker;

	plan->moves[plan->count++] =
		(struct balancer_move){.bucket = candidate->bucket, .to = (uint8_t)to};
	candidate->moved = true;
	workers[from].load -= candidate->load;
	workers[to].load += candidate->load;
	workers[from].gave = true;
	workers[to].received = true;
}

/* ---- candidates by worker ---- */

static bool may_move(const struct balancer *balancer, const struct balancer_bucket *bucket)
{
	return bucket->worker < balancer->config.worker_count && !bucket->moving;
}

static void list_candidates(struct balancer *balancer, const struct balancer_bucket buckets[])
{
	uint32_t next[STEERING_WORKERS_MAX], counts[STEERING_WORKERS_MAX] = {0}, sum = 0;

	for (uint32_t i = 0; i < balancer->config.bucket_count; i++)
		if (may_move(balancer, &buckets[i]))
			counts[buckets[i].worker]++;
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		balancer->first[w] = next[w] = sum;
		sum += counts[w];
	}
	balancer->first[balancer->config.worker_count] = sum;
	for (uint32_t i = 0; i < balancer->config.bucket_count; i++)
		if (may_move(balancer, &buckets[i]))
			balancer->candidates[next[buckets[i].worker]++] =
				(struct candidate){.load = balancer->buckets[i].load, .bucket = i};
}

static int compare_candidates(const void *one, const void *other)
{
	const struct candidate *a = one, *b = other;

	if (a->load != b->load)
		return a->load < b->load ? 1 : -1;
	return a->bucket < b->bucket ? -1 : 1;
}

/* The biggest first. Only swaps and scaling need it. */
static struct candidate *sort(struct plan *plan, unsigned worker, unsigned *ret_count)
{
	struct balancer *balancer = plan->balancer;
	struct candidate *list = balancer->candidates + balancer->first[worker];

	*ret_count = balancer->first[worker + 1] - balancer->first[worker];
	if (!plan->sorted[worker])
		qsort(list, *ret_count, sizeof(*list), compare_candidates);
	plan->sorted[worker] = true;
	return list;
}

/* ---- from inactive workers ---- */

static int nearest_idle(const struct plan *plan, const struct candidate *candidate, unsigned from)
{
	const struct balancer *balancer = plan->balancer;
	double best_cost = INFINITY;
	int best = -1;

	for (unsigned to = 0; to < balancer->config.worker_count; to++) {
		double cost = balancer->workers[to].load + balancer->mean;

		if (!balancer->workers[to].active || !may_go(plan, candidate, to))
			continue;
		cost = (cost + candidate->load) / nearness(plan, from, to);
		if (cost < best_cost) {
			best_cost = cost;
			best = (int)to;
		}
	}
	return best;
}

static void evacuate(struct plan *plan, unsigned from)
{
	unsigned count;
	struct candidate *list = sort(plan, from, &count);

	for (unsigned i = 0; i < count && plan->count < plan->max; i++) {
		int to = nearest_idle(plan, &list[i], from);

		if (to >= 0)
			move(plan, &list[i], (unsigned)to);
	}
}

/* ---- from overloaded workers ---- */

/* The biggest bucket of a worker when it alone exceeds the mean: an elephant. NULL: none. */
static const struct candidate *elephant(const struct plan *plan, unsigned worker)
{
	const struct balancer *balancer = plan->balancer;
	const struct candidate *biggest = NULL;

	for (uint32_t i = balancer->first[worker]; i < balancer->first[worker + 1]; i++) {
		const struct candidate *candidate = &balancer->candidates[i];

		if (!candidate->moved && candidate->load > balancer->mean &&
			(biggest == NULL || candidate->load > biggest->load))
			biggest = candidate;
	}
	return biggest;
}

/* How much less load a target has; 0: it is none. */
static double gap_to(const struct plan *plan, unsigned from, unsigned to)
{
	const struct worker_load *workers = plan->balancer->workers;
	double gap = workers[from].load - workers[to].load;

	if (to == from || !workers[to].active || workers[to].resting || gap <= plan->margin)
		return 0;
	return gap;
}

static bool move_one(struct plan *plan, unsigned from)
{
	struct balancer *balancer = plan->balancer;
	const struct candidate *stays = elephant(plan, from);
	struct candidate *best = NULL;
	double best_worth = 0;
	unsigned best_to = 0;

	for (unsigned to = 0; to < balancer->config.worker_count; to++) {
		double gap = gap_to(plan, from, to), near = nearness(plan, from, to);

		if (gap <= 0)
			continue;
		for (uint32_t i = balancer->first[from]; i < balancer->first[from + 1]; i++) {
			struct candidate *candidate = &balancer->candidates[i];
			double value = candidate->load * (gap - candidate->load) * near;

			if (value <= best_worth || !may_go(plan, candidate, to))
				continue;
			/* The others leave it; it goes only where even that would not do. */
			if (candidate == stays &&
				balancer->workers[from].immovable <= balancer->workers[to].load)
				continue;
			best = candidate;
			best_to = to;
			best_worth = value;
		}
	}
	if (best == NULL || best_worth < 1e-9 * balancer->mean * balancer->mean)
		return false;
	move(plan, best, best_to);
	return true;
}

struct swap {
	struct candidate *give, *take;
	unsigned to;
	double worth;
};

/* Both lists fall, so that what would fit in exchange for the next bucket is further down. */
static void find_swap(struct plan *plan, unsigned from, unsigned to, struct swap *best)
{
	double gap = gap_to(plan, from, to), near = nearness(plan, from, to);
	unsigned give_count, take_count, at = 0;
	struct candidate *give = sort(plan, from, &give_count), *take = sort(plan, to, &take_count);
	const struct candidate *stays = elephant(plan, from), *stays_there = elephant(plan, to);

	for (unsigned i = 0; i < give_count && take_count > 0; i++) {
		double fitting = give[i].load - gap / 2;

		if (fitting <= 0)
			break;
		if (&give[i] == stays || !may_go(plan, &give[i], to))
			continue;
		while (at + 1 < take_count && take[at].load > fitting)
			at++;
		for (unsigned k = at > 0 ? at - 1 : 0; k <= at; k++) {
			double difference = give[i].load - take[k].load;
			double value = difference * (gap - difference) * near;

			if (value > best->worth && &take[k] != stays_there &&
				may_go(plan, &take[k], from))
				*best = (struct swap){&give[i], &take[k], to, value};
		}
	}
}

static bool swap_one(struct plan *plan, unsigned from)
{
	struct balancer *balancer = plan->balancer;
	struct swap best = {.worth = swap_gain_min * balancer->mean * balancer->mean};

	if (plan->max - plan->count < 2)
		return false;
	for (unsigned to = 0; to < balancer->config.worker_count; to++)
		if (gap_to(plan, from, to) > 0)
			find_swap(plan, from, to, &best);
	if (best.give == NULL)
		return false;
	move(plan, best.give, best.to);
	move(plan, best.take, from);
	return true;
}

/* The most loaded worker of those that should give; -1: none. What the others cannot give does not
 * count: beside an elephant, the rest are even among themselves. */
static int most_loaded(struct plan *plan)
{
	const struct balancer *balancer = plan->balancer;
	double sum = 0, mean;
	unsigned count = 0;
	int most = -1;

	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		const struct worker_load *load = &balancer->workers[w];

		if (!load->active || plan->exhausted[w])
			continue;
		sum += load->load;
		count++;
		if (!load->resting && (most < 0 || load->load > balancer->workers[most].load))
			most = (int)w;
	}
	if (most < 0 || balancer->workers[most].load < idle_load)
		return -1;
	mean = sum / count;
	plan->margin =
		plan->gave[most] ? goal * mean : trigger * mean + balancer->workers[most].noise;
	return balancer->workers[most].load > mean + plan->margin ? most : -1;
}

unsigned balancer_choose(struct balancer *balancer, const struct balancer_bucket buckets[],
	struct balancer_move ret_moves[], unsigned max)
{
	struct plan plan = {
		.balancer = balancer, .buckets = buckets, .moves = ret_moves, .max = max};
	int from;

	list_candidates(balancer, buckets);
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		balancer->workers[w].gave = balancer->workers[w].received = false;
		if (!balancer->workers[w].active)
			evacuate(&plan, w);
	}
	while (plan.count < max && (from = most_loaded(&plan)) >= 0) {
		if (move_one(&plan, (unsigned)from) || swap_one(&plan, (unsigned)from))
			plan.gave[from] = true;
		else
			plan.exhausted[from] = true;
	}
	return plan.count;
}
