/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads here are in thousandths of a worker: { .load = 300, .worker = 0 } is a bucket that keeps
 * worker 0 busy for 30 % of its time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "generate/random.h"
#include "steering/balancer.h"

enum { MS = 1000000, ALL = -1, BUCKETS_MAX = 512, WORKERS_MAX = 4 };
/* So many packets that chance has no part: 1000 a thousandth, in 1 ms. */
enum { PACKETS = 1000, PACKET_CYCLES = 100, CYCLES = 1000 * PACKETS * PACKET_CYCLES };
enum { NOISY_PACKET_CYCLES = 100000 }; /* 1 packet a thousandth: chance has a part */

static struct scene {
	struct balancer *balancer;
	struct balancer_config config;
	unsigned bucket_count, move_count;
	uint64_t packet_cycles, interval_ns;
	struct {
		double load;
		uint8_t worker;
		bool moving;
		uint64_t not_allowed;
	} buckets[BUCKETS_MAX];
	struct {
		double fixed, backlog; /* backlog: as long as that share of the interval */
	} workers[WORKERS_MAX];
	struct balancer_move moves[BUCKETS_MAX];
	struct balancer_state state;
} scene;

static void begin(
	uint16_t worker_count, unsigned bucket_count, const double loads[], const uint8_t workers[])
{
	memset(&scene, 0, sizeof(scene));
	scene.config = (struct balancer_config){.worker_count = worker_count,
		.bucket_count = bucket_count,
		.tick_min_ns = MS,
		.tick_max_ns = 16 * MS};
	scene.bucket_count = bucket_count;
	scene.packet_cycles = PACKET_CYCLES;
	scene.interval_ns = MS;
	for (unsigned i = 0; i < bucket_count; i++) {
		scene.buckets[i].load = loads[i];
		scene.buckets[i].worker = workers[i];
	}
}

static int end(void **state)
{
	(void)state;
	scene.balancer = balancer_destroy(scene.balancer);
	return 0;
}

#define BEGIN(worker_count, loads, ...)                                                            \
	begin(worker_count, sizeof(loads) / sizeof((loads)[0]), loads, (uint8_t[]){__VA_ARGS__})

/* One step of 1 ms; what it moves is moved at once. */
static unsigned step_max(unsigned max)
{
	struct balancer_worker workers[WORKERS_MAX] = {0};
	struct balancer_bucket buckets[BUCKETS_MAX];

	if (scene.balancer == NULL)
		scene.balancer = balancer_create(&scene.config);
	assert_non_null(scene.balancer);
	for (unsigned w = 0; w < scene.config.worker_count; w++) {
		workers[w].fixed_cycles = (uint64_t)(scene.workers[w].fixed / 1000 * CYCLES);
		workers[w].busy_cycles = workers[w].fixed_cycles;
		workers[w].backlog = (uint64_t)(scene.workers[w].backlog * PACKETS);
	}
	for (unsigned i = 0; i < scene.bucket_count; i++) {
		struct balancer_worker *worker = &workers[scene.buckets[i].worker];

		buckets[i] = (struct balancer_bucket){
			.packets = (uint64_t)lround(scene.buckets[i].load * PACKETS),
			.worker = scene.buckets[i].worker,
			.moving = scene.buckets[i].moving,
			.allowed = ~scene.buckets[i].not_allowed};
		worker->packets += buckets[i].packets;
		worker->busy_cycles += buckets[i].packets * scene.packet_cycles;
	}
	for (unsigned w = 0; w < scene.config.worker_count; w++)
		workers[w].idle_cycles =
			workers[w].busy_cycles < CYCLES ? CYCLES - workers[w].busy_cycles : 0;
	scene.move_count = balancer_step(
		scene.balancer, scene.interval_ns, workers, buckets, scene.moves, max);
	balancer_state(scene.balancer, &scene.state);
	for (unsigned i = 0; i < scene.move_count; i++)
		scene.buckets[scene.moves[i].bucket].worker = scene.moves[i].to;
	return scene.move_count;
}

static unsigned step(void)
{
	return step_max(BUCKETS_MAX);
}

#define assert_near(value, expected) assert_true(fabs((value) - (expected)) < 0.001)

static double load_of(unsigned worker)
{
	double sum = scene.workers[worker].fixed;

	for (unsigned i = 0; i < scene.bucket_count; i++)
		sum += scene.buckets[i].worker == worker ? scene.buckets[i].load : 0;
	return sum;
}

/* ---- which bucket goes where ---- */

static void biggest_that_fits(void **state)
{
	/* Worker 0 has 600 more than worker 1: half of that evens it out, which is bucket 1. */
	static const double loads[] = {450, 300, 60, 90, 300};

	(void)state;
	BEGIN(2, loads, 0, 0, 0, 0, 1);
	assert_int_equal(step(), 1);
	assert_int_equal(scene.moves[0].bucket, 1);
	assert_int_equal(scene.moves[0].to, 1);
	assert_near(scene.state.max_over_mean, 1.5);
	assert_near(scene.state.max_over_mean_expected, 1);
	assert_int_equal(step(), 0);
}

static void overloaded_worker_shows_it(void **state)
{
	/* It can be busy for 100 % of the time only; what arrives says more. */
	static const double loads[] = {700, 700, 600};

	(void)state;
	BEGIN(2, loads, 0, 0, 1);
	step();
	assert_near(scene.state.max_over_mean, 1.4);
}

static void swaps_where_buckets_are_big(void **state)
{
	/* Moving either bucket of worker 0 would only turn the tables. */
	static const double loads[] = {500, 400, 300, 200};

	(void)state;
	BEGIN(2, loads, 0, 0, 1, 1);
	assert_int_equal(step(), 2);
	assert_near(load_of(0), 700);
	assert_near(load_of(1), 700);
	assert_int_equal(step(), 0);
}

static void elephant_stays_others_leave(void **state)
{
	static const double loads[] = {900, 100, 100, 100, 200, 200};

	(void)state;
	BEGIN(3, loads, 0, 0, 0, 0, 1, 2);
	while (step() > 0)
		;
	assert_int_equal(scene.buckets[0].worker, 0);
	assert_near(load_of(0), 900);
	assert_near(fmax(load_of(1), load_of(2)), 400); /* 300 in buckets of 100 */
}

static void two_elephants_part(void **state)
{
	static const double loads[] = {700, 600, 50, 50};

	(void)state;
	BEGIN(3, loads, 0, 0, 1, 2);
	while (step() > 0)
		;
	assert_int_equal(scene.buckets[0].worker, 0);
	assert_int_not_equal(scene.buckets[1].worker, 0);
}

static void moving_bucket_is_left_alone(void **state)
{
	static const double loads[] = {300, 300, 100, 100};

	(void)state;
	BEGIN(2, loads, 0, 0, 0, 1);
	scene.buckets[0].moving = scene.buckets[1].moving = true;
	step();
	assert_near(scene.state.max_over_mean, 1.75); /* they count where they will be */
	assert_int_equal(scene.move_count, 1);
	assert_int_equal(scene.moves[0].bucket, 2);
}

static void allowed_workers_only(void **state)
{
	static const double loads[] = {300, 300, 300};

	(void)state;
	BEGIN(3, loads, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		scene.buckets[i].not_allowed = 1 << 1;
	step();
	assert_int_equal(scene.move_count, 1);
	assert_int_equal(scene.moves[0].to, 2);
	end(NULL);

	BEGIN(3, loads, 0, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		scene.buckets[i].not_allowed = ~1ull;
	assert_int_equal(step(), 0);
}

static void near_worker_first(void **state)
{
	static const double loads[] = {300, 300};

	(void)state;
	BEGIN(4, loads, 0, 0);
	for (unsigned w = 1; w < 4; w++)
		scene.config.distance[0][w] = w == 2 ? 1 : 3;
	assert_int_equal(step(), 1);
	assert_int_equal(scene.moves[0].to, 2);
}

static void no_more_than_asked(void **state)
{
	static const double loads[] = {50, 50, 50, 50, 50, 50, 50, 50};

	(void)state;
	BEGIN(4, loads, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(step_max(0), 0);
	assert_int_equal(step_max(3), 3);
}

/* ---- what counts as load ---- */

static void receiving_stays(void **state)
{
	/* Worker 0 receives for all: buckets leave it until both are alike. */
	static const double loads[] = {100, 100, 100, 100};

	(void)state;
	BEGIN(2, loads, 0, 0, 1, 1);
	scene.workers[0].fixed = 200;
	assert_int_equal(step(), 1);
	assert_near(load_of(0), 300);
	assert_near(load_of(1), 300);
}

static void backlog_is_load(void **state)
{
	static const double loads[] = {400, 400};

	(void)state;
	BEGIN(2, loads, 0, 1);
	scene.workers[0].backlog = 2000; /* 2 ms of work, to be done in 20 */
	step();
	assert_near(scene.state.max_over_mean, 500.0 / 450);
}

static void near_the_mean_is_good(void **state)
{
	static const double loads[] = {500, 5, 495};

	(void)state;
	BEGIN(2, loads, 0, 0, 1); /* 1.01 of the mean */
	assert_int_equal(step(), 0);
	end(NULL);

	static const double more[] = {500, 20, 480};

	BEGIN(2, more, 0, 0, 1); /* 1.04 */
	assert_int_equal(step(), 1);
}

static void nothing_counted(void **state)
{
	static const double loads[] = {0, 0, 0};

	(void)state;
	BEGIN(2, loads, 0, 0, 1);
	assert_int_equal(step(), 0);
	assert_near(scene.state.max_over_mean, 1);
	assert_near(scene.state.max_over_mean_expected, 1);
}

static void no_time_between(void **state)
{
	static const double loads[] = {300, 300};

	(void)state;
	BEGIN(2, loads, 0, 0);
	scene.interval_ns = 0;
	assert_int_equal(step(), 1);
	assert_near(scene.state.max_over_mean, 2);
}

static void one_worker(void **state)
{
	static const double loads[] = {500, 700};

	(void)state;
	BEGIN(1, loads, 0, 0);
	assert_int_equal(step(), 0);
	assert_near(scene.state.max_over_mean, 1);
}

/* ---- over time ---- */

static void receiver_rests_a_round(void **state)
{
	static const double loads[] = {300, 300, 300, 100, 150, 50};

	(void)state;
	BEGIN(2, loads, 0, 0, 0, 1, 1, 1);
	step(); /* one of 300 */
	assert_near(load_of(1), 600);
	/* Now bucket 3 grows: it makes worker 1 uneven, but not by much. */
	scene.buckets[3].load = 200;
	assert_int_equal(step(), 0);
	assert_near(scene.state.max_over_mean, 700 / 650.0);
	assert_true(step() > 0);
	end(NULL);

	BEGIN(2, loads, 0, 0, 0, 1, 1, 1);
	step();
	scene.buckets[3].load = 800; /* this does not wait */
	assert_true(step() > 0);
	end(NULL);

	/* Nor does it receive again at once. */
	BEGIN(2, loads, 0, 0, 0, 1, 1, 1);
	step();
	scene.buckets[1].load = 330;
	scene.buckets[2].load = 330;
	scene.buckets[0].load = 30;
	scene.buckets[0].worker = 0;
	scene.buckets[1].worker = 0;
	scene.buckets[2].worker = 0;
	assert_near(load_of(0), 690);
	scene.buckets[3].load = 350;
	assert_int_equal(step(), 0);
	assert_true(step() > 0);
}

static void tick_follows_the_need(void **state)
{
	static const double loads[] = {100, 100, 100, 100};

	(void)state;
	BEGIN(2, loads, 0, 0, 1, 1);
	assert_int_equal(step(), 0);
	assert_int_equal(scene.state.tick_ns, 2 * MS);
	step();
	step();
	assert_int_equal(scene.state.tick_ns, 8 * MS);
	step();
	step();
	assert_int_equal(scene.state.tick_ns, 16 * MS); /* tick_max */
	scene.buckets[0].load = 160;
	scene.buckets[1].load = 160; /* 1.23 */
	assert_true(step() > 0);
	assert_int_equal(scene.state.tick_ns, 8 * MS);
	scene.buckets[0].load = scene.buckets[1].load = 1000;
	scene.buckets[0].worker = scene.buckets[1].worker = 0;
	assert_true(step() > 0);
	assert_int_equal(scene.state.tick_ns, MS); /* tick_min */
}

static unsigned buckets_on(unsigned worker)
{
	unsigned count = 0;

	for (unsigned i = 0; i < scene.bucket_count; i++)
		count += scene.buckets[i].worker == worker;
	return count;
}

static void scales_with_the_load(void **state)
{
	static const double loads[] = {90, 90, 90, 90, 90, 90, 90, 90};
	unsigned steps = 0;

	(void)state;
	BEGIN(4, loads, 0, 0, 1, 1, 2, 2, 3, 3);
	scene.config.scale = true;
	/* 0.72 in all: two workers will do (0.36 each), one would be full. */
	while (step() == 0 && steps < 1000)
		steps++;
	assert_in_range(steps, 90, 110); /* after 100 ms */
	assert_int_equal(scene.state.active_workers, 3);
	for (steps = 0; steps < 300; steps++)
		step();
	assert_int_equal(scene.state.active_workers, 2);
	assert_int_equal((buckets_on(0) > 0) + (buckets_on(1) > 0) + (buckets_on(2) > 0) +
			(buckets_on(3) > 0),
		2);
	assert_near(scene.state.max_over_mean, 1);
	/* 2.0 in all: three workers, at once. */
	for (unsigned i = 0; i < 8; i++)
		scene.buckets[i].load = 250;
	assert_true(step() > 0);
	assert_int_equal(scene.state.active_workers, 3);
	for (steps = 0; steps < 300; steps++)
		step();
	assert_int_equal(scene.state.active_workers, 3);
}

static void receiving_worker_stays_active(void **state)
{
	static const double loads[] = {100, 100, 100};

	(void)state;
	BEGIN(3, loads, 0, 1, 2);
	scene.config.scale = true;
	scene.workers[2].fixed = 50;
	scene.buckets[1].not_allowed = ~2ull; /* worker 1 has a bucket that cannot leave */
	for (unsigned i = 0; i < 300; i++)
		step();
	assert_int_equal(scene.state.active_workers, 2);
	assert_int_equal(buckets_on(0), 0);
}

/* ---- chance ---- */

static uint64_t seed = 7;

/* Packets of a Poisson process (Knuth's way, fine for small means). */
static double poisson(double mean)
{
	double limit = exp(-mean), product = 1;
	unsigned count = 0;

	do {
		product *= (double)(random_next(&seed) >> 11) * 0x1p-53;
		count++;
	} while (product > limit);
	return count - 1;
}

/* 4 workers with 128 buckets each, 5 packets a bucket a millisecond on average. */
static void begin_noisy(double rates[BUCKETS_MAX])
{
	static double loads[BUCKETS_MAX];
	static uint8_t workers[BUCKETS_MAX];

	for (unsigned i = 0; i < BUCKETS_MAX; i++) {
		workers[i] = i % 4;
		rates[i] = 5;
	}
	begin(4, BUCKETS_MAX, loads, workers);
	scene.packet_cycles = NOISY_PACKET_CYCLES;
}

/* Packets come `burst` at a time. */
static unsigned noisy_step(const double rates[BUCKETS_MAX], unsigned burst)
{
	for (unsigned i = 0; i < BUCKETS_MAX; i++)
		scene.buckets[i].load = poisson(rates[i] / burst) * burst / PACKETS;
	return step();
}

static double true_max_over_mean(const double rates[BUCKETS_MAX])
{
	double loads[4] = {0}, sum = 0, max = 0;

	for (unsigned i = 0; i < BUCKETS_MAX; i++)
		loads[scene.buckets[i].worker] += rates[i];
	for (unsigned w = 0; w < 4; w++) {
		sum += loads[w];
		max = fmax(max, loads[w]);
	}
	return max * 4 / sum;
}

static void chance_moves_nothing(void **state)
{
	static double rates[BUCKETS_MAX];
	unsigned moves = 0;

	(void)state;
	begin_noisy(rates);
	for (unsigned i = 0; i < 2000; i++)
		moves += noisy_step(rates, 1);
	assert_in_range(moves, 0, 4);
}

/* What bursts look like is learnt; then they are chance as well. */
static void bursts_move_little(void **state)
{
	static double rates[BUCKETS_MAX];
	unsigned moves = 0;

	(void)state;
	begin_noisy(rates);
	for (unsigned i = 0; i < 300; i++)
		noisy_step(rates, 16);
	for (unsigned i = 0; i < 1000; i++)
		moves += noisy_step(rates, 16);
	assert_in_range(moves, 0, 150);
	assert_true(true_max_over_mean(rates) < 1.1);
}

/* No bucket and no worker changes by more than it might by chance; all together they do. */
static void many_small_changes(void **state)
{
	static double rates[BUCKETS_MAX];

	(void)state;
	begin_noisy(rates);
	for (unsigned i = 0; i < 100; i++)
		noisy_step(rates, 1);
	for (unsigned i = 0; i < BUCKETS_MAX; i++) {
		static const double high[] = {10, 10, 9, 9}, low[] = {2, 1, 0, 0};

		rates[i] = i & 4 ? high[i % 4] : low[i % 4];
	}
	assert_true(true_max_over_mean(rates) > 1.15);
	for (unsigned i = 0; i < 6; i++)
		noisy_step(rates, 1);
	assert_true(true_max_over_mean(rates) <= 1.05);
}

static void settles_in_10_ms(void **state)
{
	static double rates[BUCKETS_MAX];

	(void)state;
	begin_noisy(rates);
	for (unsigned i = 0; i < 50; i++)
		noisy_step(rates, 1);
	/* Worker 1 gets three times as much, most of it in a few buckets; worker 2 half. */
	for (unsigned i = 1; i < BUCKETS_MAX; i += 4) {
		rates[i] = i % 64 == 1 ? 60 : 11;
		rates[i + 1] = 2.5;
	}
	assert_true(true_max_over_mean(rates) > 1.5);
	for (unsigned i = 0; i < 10; i++)
		noisy_step(rates, 1);
	assert_true(true_max_over_mean(rates) <= 1.05);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(biggest_that_fits, end),
		cmocka_unit_test_teardown(overloaded_worker_shows_it, end),
		cmocka_unit_test_teardown(swaps_where_buckets_are_big, end),
		cmocka_unit_test_teardown(elephant_stays_others_leave, end),
		cmocka_unit_test_teardown(two_elephants_part, end),
		cmocka_unit_test_teardown(moving_bucket_is_left_alone, end),
		cmocka_unit_test_teardown(allowed_workers_only, end),
		cmocka_unit_test_teardown(near_worker_first, end),
		cmocka_unit_test_teardown(no_more_than_asked, end),
		cmocka_unit_test_teardown(receiving_stays, end),
		cmocka_unit_test_teardown(backlog_is_load, end),
		cmocka_unit_test_teardown(near_the_mean_is_good, end),
		cmocka_unit_test_teardown(nothing_counted, end),
		cmocka_unit_test_teardown(no_time_between, end),
		cmocka_unit_test_teardown(one_worker, end),
		cmocka_unit_test_teardown(receiver_rests_a_round, end),
		cmocka_unit_test_teardown(tick_follows_the_need, end),
		cmocka_unit_test_teardown(scales_with_the_load, end),
		cmocka_unit_test_teardown(receiving_worker_stays_active, end),
		cmocka_unit_test_teardown(chance_moves_nothing, end),
		cmocka_unit_test_teardown(bursts_move_little, end),
		cmocka_unit_test_teardown(many_small_changes, end),
		cmocka_unit_test_teardown(settles_in_10_ms, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
