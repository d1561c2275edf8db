/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For any input, sane or not: moves are possible ones, numbers stay numbers, and no step makes
 * things worse. From equal inputs a few lines compute what loads should be, and that the sum of the
 * squared loads falls. With a constant load that can be divided, it is divided, and moves end.
 *
 * WEIR_STEPS: how many random steps (default 100000).
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "generate/random.h"
#include "steering/balancer.h"

enum { BUCKETS_MAX = 600, WORLD_STEPS = 40 };

static uint64_t seed, step_count = 100000;

static unsigned below(uint32_t limit)
{
	return random_below(&seed, limit);
}

/* Small, ordinary and absurd numbers. */
static uint64_t any_number(void)
{
	switch (below(8)) {
	case 0: return 0;
	case 1: return UINT64_MAX - below(3);
	case 2: return random_next(&seed) >> below(64);
	default: return below(5000);
	}
}

struct world {
	struct balancer_config config;
	struct balancer *balancer;
	struct balancer_worker workers[STEERING_WORKERS_MAX];
	struct balancer_bucket buckets[BUCKETS_MAX];
	struct balancer_move moves[BUCKETS_MAX];
};

static void make_world(struct world *world, bool sane)
{
	struct balancer_config *config = &world->config;

	memset(world, 0, sizeof(*world));
	config->worker_count = (uint16_t)(1 + below(below(2) ? 4 : STEERING_WORKERS_MAX));
	config->bucket_count = below(below(2) ? 40 : BUCKETS_MAX + 1);
	config->tick_min_ns = sane ? 1000000 : any_number();
	config->tick_max_ns = sane ? 100000000 : any_number();
	config->scale = !sane && below(2);
	for (unsigned i = 0; i < config->worker_count; i++)
		for (unsigned k = 0; k < config->worker_count; k++)
			config->distance[i][k] = i == k ? 0 : (uint8_t)below(sane ? 4 : 256);
	for (uint32_t i = 0; i < config->bucket_count; i++) {
		struct balancer_bucket *bucket = &world->buckets[i];

		bucket->worker = (uint8_t)below(config->worker_count);
		if (!sane && below(50) == 0)
			bucket->worker = (uint8_t)below(256); /* none of ours */
		bucket->allowed = below(3) ? ~0ull : random_next(&seed);
		if (below(8) == 0)
			bucket->allowed = bucket->worker < 64 ? 1ull << bucket->worker : 0;
	}
	world->balancer = balancer_create(config);
	assert_non_null(world->balancer);
}

static void count_anything(struct world *world)
{
	for (unsigned w = 0; w < world->config.worker_count; w++)
		world->workers[w] = (struct balancer_worker){
			any_number(), any_number(), any_number(), any_number(), any_number()};
	for (uint32_t i = 0; i < world->config.bucket_count; i++) {
		world->buckets[i].packets = any_number();
		world->buckets[i].moving = below(10) == 0;
	}
}

/* Like what an engine sees: a busy worker processes most of what its buckets brought. */
static void count_traffic(struct world *world)
{
	uint64_t arrived[STEERING_WORKERS_MAX] = {0};

	for (uint32_t i = 0; i < world->config.bucket_count; i++) {
		struct balancer_bucket *bucket = &world->buckets[i];

		bucket->packets = below(30) ? below(100) : below(5000);
		bucket->moving = below(10) == 0;
		arrived[bucket->worker] += bucket->packets;
	}
	for (unsigned w = 0; w < world->config.worker_count; w++) {
		struct balancer_worker *worker = &world->workers[w];

		worker->backlog = below(2) ? 0 : below((uint32_t)arrived[w] / 2 + 1);
		worker->packets = arrived[w] - worker->backlog + (below(4) ? 0 : below(1000));
		worker->fixed_cycles = below(3) ? 0 : below(500000);
		worker->busy_cycles = worker->fixed_cycles + worker->packets * (50 + below(1000));
		worker->idle_cycles = below(2500000);
	}
}

static unsigned step_and_check(struct world *world, uint64_t interval_ns, unsigned max)
{
	static bool moved[BUCKETS_MAX];
	struct balancer_state state;
	const struct balancer_config *config = &world->config;
	unsigned count = balancer_step(
		world->balancer, interval_ns, world->workers, world->buckets, world->moves, max);

	assert_true(count <= max && count <= config->bucket_count);
	memset(moved, 0, sizeof(moved));
	for (unsigned i = 0; i < count; i++) {
		const struct balancer_move *move = &world->moves[i];
		const struct balancer_bucket *bucket = &world->buckets[move->bucket];

		assert_true(move->bucket < config->bucket_count && !moved[move->bucket]);
		moved[move->bucket] = true;
		assert_true(move->to < config->worker_count && move->to != bucket->worker);
		assert_true(bucket->worker < config->worker_count && !bucket->moving);
		assert_true(bucket->allowed >> move->to & 1);
	}
	balancer_state(world->balancer, &state);
	assert_true(isfinite(state.max_over_mean) && state.max_over_mean > 1 - 1e-9);
	assert_true(isfinite(state.max_over_mean_expected));
	assert_true(state.max_over_mean <= config->worker_count * (1 + 1e-9));
	if (!config->scale)
		assert_true(state.max_over_mean_expected <= state.max_over_mean * (1 + 1e-6));
	assert_true(state.tick_ns >= config->tick_min_ns);
	assert_true(state.tick_ns <= config->tick_max_ns || state.tick_ns == config->tick_min_ns ||
		config->tick_min_ns == 0);
	assert_true(state.active_workers >= 1 && state.active_workers <= config->worker_count);
	return count;
}

static void carry_out(struct world *world, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (below(8) > 0) /* some are given up */
			world->buckets[world->moves[i].bucket].worker = world->moves[i].to;
}

static void any_input(void **test_state)
{
	static struct world world;

	(void)test_state;
	for (uint64_t done = 0; done < step_count; done += WORLD_STEPS) {
		bool sane = below(2);

		make_world(&world, sane);
		for (unsigned i = 0; i < WORLD_STEPS; i++) {
			uint64_t interval_ns = sane ? 1000000 : any_number();
			unsigned max = below(3) ? BUCKETS_MAX : below(20);

			if (sane)
				count_traffic(&world);
			else
				count_anything(&world);
			carry_out(&world, step_and_check(&world, interval_ns, max));
		}
		world.balancer = balancer_destroy(world.balancer);
	}
}

/* ---- what loads should be, in the first step ---- */

static double packet_cycles(const struct world *world, unsigned worker)
{
	double cycles = 0, packets = 0;

	for (unsigned w = 0; w < world->config.worker_count; w++) {
		const struct balancer_worker *each = &world->workers[w];

		if (w == worker && each->packets > 0)
			return (double)(each->busy_cycles - each->fixed_cycles) /
				(double)each->packets;
		cycles += (double)(each->busy_cycles - each->fixed_cycles);
		packets += (double)each->packets;
	}
	return packets > 0 ? cycles / packets : 0;
}

struct model {
	double bucket[BUCKETS_MAX], worker[STEERING_WORKERS_MAX];
};

/* In an interval of 1 ms. */
static void expect_loads(const struct world *world, struct model *ret_model)
{
	double cycles = 0, others[STEERING_WORKERS_MAX];

	for (unsigned w = 0; w < world->config.worker_count; w++) {
		const struct balancer_worker *worker = &world->workers[w];

		cycles = fmax(cycles, (double)(worker->busy_cycles + worker->idle_cycles));
		others[w] = (double)worker->packets;
		ret_model->worker[w] = worker->fixed_cycles == 0 ? 0
								 : (double)worker->fixed_cycles /
				(double)(worker->busy_cycles + worker->idle_cycles);
	}
	if (cycles == 0)
		cycles = 1;
	for (uint32_t i = 0; i < world->config.bucket_count; i++) {
		const struct balancer_bucket *bucket = &world->buckets[i];

		others[bucket->worker] -= (double)bucket->packets;
		ret_model->bucket[i] =
			(double)bucket->packets * packet_cycles(world, bucket->worker) / cycles;
		ret_model->worker[bucket->worker] += ret_model->bucket[i];
	}
	for (unsigned w = 0; w < world->config.worker_count; w++) {
		double waiting = fmax(others[w], 0) + (double)world->workers[w].backlog / 20;

		ret_model->worker[w] += waiting * packet_cycles(world, w) / cycles;
	}
}

static double squares(const struct world *world, const struct model *model)
{
	double sum = 0;

	for (unsigned w = 0; w < world->config.worker_count; w++)
		sum += model->worker[w] * model->worker[w];
	return sum;
}

static double max_over_mean(const struct world *world, const struct model *model)
{
	double sum = 0, max = 0;

	for (unsigned w = 0; w < world->config.worker_count; w++) {
		sum += model->worker[w];
		max = fmax(max, model->worker[w]);
	}
	return sum > 0 ? max * world->config.worker_count / sum : 1;
}

static void as_the_model(void **test_state)
{
	static struct world world;
	static struct model model;
	struct balancer_state state;
	uint64_t moves = 0;

	(void)test_state;
	for (uint64_t done = 0; done < step_count / 4; done++) {
		double before;
		unsigned count;

		make_world(&world, true);
		count_traffic(&world);
		expect_loads(&world, &model);
		before = squares(&world, &model);
		count = step_and_check(&world, 1000000, BUCKETS_MAX);
		balancer_state(world.balancer, &state);
		assert_true(fabs(state.max_over_mean - max_over_mean(&world, &model)) < 1e-6);
		for (unsigned i = 0; i < count; i++) {
			const struct balancer_move *move = &world.moves[i];

			model.worker[world.buckets[move->bucket].worker] -=
				model.bucket[move->bucket];
			model.worker[move->to] += model.bucket[move->bucket];
		}
		assert_true(
			fabs(state.max_over_mean_expected - max_over_mean(&world, &model)) < 1e-6);
		assert_true(count == 0 || squares(&world, &model) < before);
		moves += count;
		world.balancer = balancer_destroy(world.balancer);
	}
	print_message("%" PRIu64 " moves\n", moves);
	assert_true(moves > step_count / 4);
}

/* ---- a constant load ---- */

/* Loads are trusted more with each of the first 100 steps or so: until then a last move may come.
 */

enum { SETTLE_STEPS = 120, QUIET_STEPS = 40, CONSTANT_CYCLES = 100000000 };

static void run_constant(struct world *world, const uint64_t packets[])
{
	for (unsigned w = 0; w < world->config.worker_count; w++)
		world->workers[w] = (struct balancer_worker){.idle_cycles = CONSTANT_CYCLES};
	for (uint32_t i = 0; i < world->config.bucket_count; i++) {
		struct balancer_worker *worker = &world->workers[world->buckets[i].worker];

		world->buckets[i].packets = packets[i];
		worker->packets += packets[i];
		worker->busy_cycles += packets[i] * 200;
		worker->idle_cycles = CONSTANT_CYCLES - worker->busy_cycles;
	}
}

static void constant_load_settles(void **test_state)
{
	static struct world world;
	static uint64_t packets[BUCKETS_MAX];
	struct balancer_state state;

	(void)test_state;
	for (uint64_t done = 0; done < step_count / 2; done += SETTLE_STEPS + QUIET_STEPS) {
		make_world(&world, true);
		balancer_destroy(world.balancer);
		world.config.worker_count = (uint16_t)(2 + below(7));
		world.config.bucket_count = 32u * world.config.worker_count;
		world.balancer = balancer_create(&world.config);
		assert_non_null(world.balancer);
		for (uint32_t i = 0; i < world.config.bucket_count; i++) {
			packets[i] = 100 + below(1000);
			world.buckets[i] = (struct balancer_bucket){.allowed = ~0ull,
				.worker = (uint8_t)below(world.config.worker_count)};
		}
		for (unsigned i = 0; i < SETTLE_STEPS + QUIET_STEPS; i++) {
			unsigned count;

			run_constant(&world, packets);
			count = step_and_check(&world, 40000000, BUCKETS_MAX);
			assert_true(i < SETTLE_STEPS || count == 0);
			for (unsigned k = 0; k < count; k++)
				world.buckets[world.moves[k].bucket].worker = world.moves[k].to;
		}
		balancer_state(world.balancer, &state);
		assert_true(state.max_over_mean < 1.05);
		world.balancer = balancer_destroy(world.balancer);
	}
}

int main(void)
{
	const char *given = getenv("WEIR_SEED"), *steps = getenv("WEIR_STEPS");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_input),
		cmocka_unit_test(as_the_model),
		cmocka_unit_test(constant_load_settles),
	};

	seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	if (steps != NULL)
		step_count = strtoull(steps, NULL, 0);
	printf("WEIR_SEED=%" PRIu64 " WEIR_STEPS=%" PRIu64 "\n", seed, step_count);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
