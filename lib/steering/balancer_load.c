/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads from counts. The load of a bucket is its rate of arrivals times what a packet costs on its
 * worker. Arrivals, unlike the time a worker was busy, do not stop at 100 %, and belong to where a
 * bucket is now, not to where it was when they were counted.
 *
 * An interval of 1 ms sees some hundred packets, so counts scatter by some per cent. Moves made for
 * that would be made back in the next step. So rates are means over many steps, which a change of
 * load that is no scatter any more starts anew; and each worker knows how far to trust its load.
 * What is scatter is told by how far counts were from their means so far: packets that come in
 * bursts scatter more than those that come one by one.
 */
#include <math.h>

#include "steering/balancer_parts.h"

/* What a step leaves of the counts before it: a mean over 16 steps, over 8 for costs. */
static const double rate_memory = 15.0 / 16, cost_memory = 7.0 / 8;
/* Costs, where a worker has become busier or less busy: a packet in a longer burst costs less. */
static const double changed_memory = 1.0 / 8;
/* Scatter is that many standard deviations from its mean once in 16000 times. */
static const double change_sigmas = 5;
/* Scatter is learnt over that many steps; a step that changes all says little about it. */
static const double dispersion_steps = 16, dispersion_rise_max = 4;
/* A backlog counts as the load that would drain it in this time. Much less, and buckets would leave
 * to make room for work that is done once, then come back. */
static const double backlog_drain_ns = 20e6;

struct arrivals { /* at one worker, in this step */
	double counted, expected, variance;
	bool changed;
};

/* A burst more is no change, whatever is expected. */
static bool is_change(const struct balancer *balancer, double difference, double variance)
{
	double burst = balancer->dispersion;

	return difference * difference > change_sigmas * change_sigmas * (variance + burst * burst);
}

/* What is expected of a bucket, and how much it may scatter, its mean being one of few counts too.
 * False: it is new. */
static bool expect(const struct balancer *balancer, const struct bucket_load *bucket,
	double interval_ns, double *ret_expected, double *ret_variance)
{
	if (bucket->time_ns <= 0)
		return false;
	*ret_expected = bucket->packets / bucket->time_ns * interval_ns;
	*ret_variance = balancer->dispersion * *ret_expected * (1 + interval_ns / bucket->time_ns);
	return true;
}

struct scatter { /* of buckets' counts, in squared standard deviations */
	double squares, variance;
	unsigned count;
};

static void add_scatter(struct scatter *scatter, double difference, double expected,
	double variance, double dispersion)
{
	if (expected < 0.5) /* so few say nothing */
		return;
	scatter->squares += difference * difference / variance;
	scatter->variance += 2 + dispersion / expected;
	scatter->count++;
}

/* Many small changes together are one too big for scatter, which none of them is by itself. */
static bool all_changed(struct balancer *balancer, const struct scatter *scatter)
{
	double learn = fmax(1 / dispersion_steps, 1 / (double)(balancer->state.steps + 1));
	double rise = scatter->squares - scatter->count;

	if (scatter->count == 0)
		return false;
	balancer->dispersion *= 1 + fmin(rise / scatter->count, dispersion_rise_max) * learn;
	balancer->dispersion = fmin(fmax(balancer->dispersion, 1), 1e6);
	return rise > change_sigmas * sqrt(scatter->variance);
}

static void compare_arrivals(struct balancer *balancer, double interval_ns,
	const struct balancer_bucket buckets[], struct arrivals ret_arrivals[])
{
	struct scatter scatter = {0};
	double expected, variance;
	bool all;

	for (uint32_t i = 0; i < balancer->config.bucket_count; i++) {
		struct arrivals *arrivals = &ret_arrivals[buckets[i].worker];
		double counted = (double)buckets[i].packets;

		arrivals->counted += counted;
		if (!expect(balancer, &balancer->buckets[i], interval_ns, &expected, &variance)) {
			arrivals->expected += counted;
			continue;
		}
		arrivals->expected += expected;
		arrivals->variance += variance;
		add_scatter(&scatter, counted - expected, expected, variance, balancer->dispersion);
	}
	all = all_changed(balancer, &scatter);
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		struct arrivals *arrivals = &ret_arrivals[w];

		arrivals->changed = all ||
			is_change(balancer, arrivals->counted - arrivals->expected,
				arrivals->variance);
	}
}

static void update_bucket(const struct balancer *balancer, struct bucket_load *bucket,
	double packets, double interval_ns, bool changed)
{
	double expected, variance, memory = rate_memory;

	if (changed ||
		(expect(balancer, bucket, interval_ns, &expected, &variance) &&
			is_change(balancer, packets - expected, variance)))
		memory = 0;
	bucket->packets = bucket->packets * memory + packets;
	bucket->time_ns = bucket->time_ns * memory + interval_ns;
}

static void update_worker(struct worker_load *load, const struct balancer_worker *worker,
	const struct arrivals *arrivals, double interval_ns)
{
	double memory = arrivals->changed ? changed_memory : cost_memory;
	double busy = (double)worker->busy_cycles;
	double fixed = fmin((double)worker->fixed_cycles, busy);
	double backlog_before = load->time_ns > 0 ? (double)load->backlog : (double)worker->backlog;

	load->total_cycles = load->total_cycles * memory + busy + (double)worker->idle_cycles;
	load->fixed_cycles = load->fixed_cycles * memory + fixed;
	load->movable_cycles = load->movable_cycles * memory + busy - fixed;
	load->packets = load->packets * memory + (double)worker->packets;
	load->time_ns = load->time_ns * memory + interval_ns;
	/* Around a move, packets are counted for one worker and processed by another. */
	load->other_packets *= memory;
	if (!load->received && !load->gave)
		load->other_packets += (double)worker->packets + (double)worker->backlog -
			backlog_before - arrivals->counted;
	load->backlog = worker->backlog;
}

/* Workers that processed nothing lately are taken for average ones. */
static void update_costs(struct balancer *balancer)
{
	double cycles = 0, packets = 0;

	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		cycles += balancer->workers[w].movable_cycles;
		packets += balancer->workers[w].packets;
	}
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		struct worker_load *load = &balancer->workers[w];

		if (load->packets >= 1)
			load->packet_cycles = load->movable_cycles / load->packets;
		else
			load->packet_cycles = packets >= 1 ? cycles / packets : 0;
	}
}

static void start_loads(struct balancer *balancer, double cycles_per_ns)
{
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		struct worker_load *load = &balancer->workers[w];
		double packet_ns = load->packet_cycles / cycles_per_ns;

		load->immovable =
			load->total_cycles > 0 ? load->fixed_cycles / load->total_cycles : 0;
		load->immovable += fmax(load->other_packets, 0) / load->time_ns * packet_ns;
		load->immovable += (double)load->backlog * packet_ns / backlog_drain_ns;
		load->load = load->immovable;
		load->noise = 0;
	}
}

void balancer_measure(struct balancer *balancer, uint64_t interval_ns,
	const struct balancer_worker workers[], const struct balancer_bucket buckets[])
{
	struct arrivals arrivals[256] = {0}; /* any number that a bucket's worker may be */
	double interval = interval_ns > 0 ? (double)interval_ns : 1, cycles_per_ns = 0;

	compare_arrivals(balancer, interval, buckets, arrivals);
	for (unsigned w = 0; w < balancer->config.worker_count; w++) {
		double cycles = (double)workers[w].busy_cycles + (double)workers[w].idle_cycles;

		update_worker(&balancer->workers[w], &workers[w], &arrivals[w], interval);
		/* One that is long in one packet has told nothing yet; the others know. */
		cycles_per_ns = fmax(cycles_per_ns, cycles / interval);
	}
	if (cycles_per_ns <= 0)
		cycles_per_ns = 1; /* nobody ran: all loads are 0 all the same */
	update_costs(balancer);
	start_loads(balancer, cycles_per_ns);
	for (uint32_t i = 0; i < balancer->config.bucket_count; i++) {
		struct bucket_load *bucket = &balancer->buckets[i];
		unsigned w = buckets[i].worker;
		struct worker_load *load;
		double packet_load;

		if (w >= balancer->config.worker_count)
			continue;
		load = &balancer->workers[w];
		update_bucket(balancer, bucket, (double)buckets[i].packets, interval,
			arrivals[w].changed);
		packet_load = load->packet_cycles / cycles_per_ns / bucket->time_ns;
		bucket->load = bucket->packets * packet_load;
		load->load += bucket->load;
		load->noise += bucket->packets * packet_load * packet_load;
	}
	for (unsigned w = 0; w < balancer->config.worker_count; w++)
		balancer->workers[w].noise =
			sqrt(balancer->workers[w].noise * balancer->dispersion);
}
