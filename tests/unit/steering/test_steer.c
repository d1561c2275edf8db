/* SPDX-License-Identifier: BSD-3-Clause */
/* Each rule of steer.h by an example; all of them together are in property_steer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/steer.h"

enum { WORKERS = 4, SLOTS = 8, ENTRIES = 256 };

/* A receiving worker with one port; packets are numbers. */
struct scene {
	struct steer steer;
	struct steer_table table;
	struct steer_slot slots[SLOTS];
	struct steer_backlog backlogs[WORKERS];
	uint64_t drained[WORKERS];
	struct steer_wish wish;
	uint64_t flows[1 + ENTRIES];
	uint32_t consumers[1 + ENTRIES];
	/* What the last unpark() gave. */
	void *packets[SLOTS];
	uint32_t hashes[SLOTS];
	struct steer_route routes[SLOTS];
};

/* 128 buckets, four queues, queue q belongs to worker q. */
static void scene_table(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	assert_int_equal(reta_fill_equal(&scene->table.reta, 128, WORKERS), 0);
	scene->table.worker_count = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		scene->table.queue_worker[i] = (uint8_t)i;
		scene->backlogs[i].drained_now = &scene->drained[i];
	}
	memset(scene->table.cpu_worker, STEER_NONE, sizeof(scene->table.cpu_worker));
}

static void scene_rfs(struct scene *scene)
{
	scene->table.consumers = (struct rfs_consumers *)scene->consumers;
	scene->table.flows = (struct rfs_flows *)scene->flows;
	rfs_consumers_init((struct rfs_consumers *)scene->consumers, ENTRIES);
	rfs_flows_init((struct rfs_flows *)scene->flows, ENTRIES);
	for (unsigned cpu = 0; cpu < WORKERS; cpu++)
		scene->table.cpu_worker[cpu] = (uint8_t)cpu;
}

static void scene_start(struct scene *scene)
{
	steer_init(&scene->steer, &scene->table, scene->backlogs, scene->slots, SLOTS);
	for (unsigned i = 0; i < scene->table.reta.size; i++)
		steer_wish_set(&scene->wish, i, scene->steer.routes[i]);
}

/* Where one packet goes; it is given there, or parked under `number`. */
static unsigned receive(struct scene *scene, uint32_t hash, uintptr_t number)
{
	struct steer_route peek = steer_peek(&scene->steer, hash), route;

	steer_burst(&scene->steer, &hash, 1, &route);
	assert_int_equal(peek.worker, route.worker);
	if (route.worker == STEER_PARK)
		steer_park(&scene->steer, (void *)number, hash);
	else
		scene->backlogs[route.worker].pushed++;
	return route.worker;
}

static void drain(struct scene *scene, unsigned worker)
{
	scene->drained[worker] = scene->backlogs[worker].pushed;
}

static void wish(struct scene *scene, unsigned bucket, unsigned worker, uint64_t now_tsc)
{
	steer_wish_set(&scene->wish, bucket,
		(struct steer_route){.queue = (uint8_t)worker, .worker = (uint8_t)worker});
	steer_wish_publish(&scene->wish);
	steer_follow(&scene->steer, &scene->wish, now_tsc);
}

static unsigned unpark(struct scene *scene, uint64_t full, unsigned max, uint64_t now_tsc)
{
	unsigned count = steer_unpark(
		&scene->steer, now_tsc, full, scene->packets, scene->hashes, scene->routes, max);

	for (unsigned i = 0; i < count; i++)
		scene->backlogs[scene->routes[i].worker].pushed++;
	return count;
}

static void expect_packet(const struct scene *scene, unsigned i, uintptr_t number, unsigned worker)
{
	assert_int_equal((uintptr_t)scene->packets[i], number);
	assert_int_equal(scene->routes[i].worker, worker);
}

static void rss(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene.table.queue_worker[3] = 0;
	scene_start(&scene);
	assert_true(scene.steer.plain);
	assert_int_equal(receive(&scene, 0x51ccc101, 0), 1);
	assert_int_equal(receive(&scene, 0x51ccc102, 0), 2);
	assert_int_equal(receive(&scene, 0x51ccc103, 0), 0);
	assert_int_equal(receive(&scene, 0, 0), 0);
	assert_int_equal(scene.steer.bucket_packets[1], 1);
}

static void rps(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene.table.has_rps = true;
	scene.table.rps[1] = (struct rps_map){.count = 3, .workers = {0, 2, 3}};
	scene.table.rps[0] = (struct rps_map){.count = 2, .workers = {2, 3}};
	scene_start(&scene);
	assert_int_equal(receive(&scene, 0x00000001, 0), 0);
	assert_int_equal(receive(&scene, 0x55555559, 0), 2);
	assert_int_equal(receive(&scene, 0xfffffffd, 0), 3);
	assert_int_equal(receive(&scene, 0xfffffffe, 0), 2); /* queue 2 has no map */
	assert_int_equal(receive(&scene, 0x00000004, 0), 2);
	assert_int_equal(receive(&scene, 0, 0), 0); /* no hash: its queue's own worker */
	wish(&scene, 1, 3, 0); /* where RPS decides the balancer has no say */
	assert_int_equal(receive(&scene, 0x00000001, 0), 0);
}

/* Balanced, a map only limits where a queue's buckets are: one worker after the other. */
static void balanced(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene.table.has_rps = scene.table.balanced = true;
	scene.table.rps[1] = (struct rps_map){.count = 2, .workers = {0, 3}};
	scene_start(&scene);
	assert_int_equal(receive(&scene, 0xffffff01, 0), 0);
	assert_int_equal(receive(&scene, 0xffffff05, 0), 3);
	assert_int_equal(receive(&scene, 0xffffff09, 0), 0);
	assert_int_equal(receive(&scene, 0xffffff02, 0), 2);
}

/* The kernel's rule: to the consumer's CPU, but not before all went that was sent elsewhere. */
static void rfs(void **state)
{
	struct scene scene;
	struct rfs_consumers *consumers = (struct rfs_consumers *)scene.consumers;
	const uint32_t hash = 0x51ccc101;

	(void)state;
	scene_table(&scene);
	scene_rfs(&scene);
	scene_start(&scene);
	assert_int_equal(receive(&scene, hash, 0), 1);
	rfs_record(consumers, hash, 3);
	assert_int_equal(receive(&scene, hash, 0), 1);
	assert_int_equal(scene.steer.counters.rfs_kept, 1);
	scene.drained[1] = 1; /* the first of two */
	assert_int_equal(receive(&scene, hash, 0), 1);
	drain(&scene, 1);
	assert_int_equal(receive(&scene, hash, 0), 3);
	assert_int_equal(scene.steer.counters.rfs_moves, 1);
	assert_int_equal(scene.steer.counters.rfs_kept, 2);
	assert_int_equal(scene.steer.counters.rfs_hits, 3);
	rfs_record(consumers, hash, WORKERS); /* no worker is near that CPU */
	assert_int_equal(receive(&scene, hash, 0), 3);
	drain(&scene, 3);
	assert_int_equal(receive(&scene, hash, 0), 1);
	assert_int_equal(scene.steer.bucket_packets[1], 3);
}

/* Flows that share an entry wait for each other; within a burst too. */
static void rfs_shared_entry(void **state)
{
	struct scene scene;
	const uint32_t hashes[3] = {0x10000001, 0x20000001, 0x20000001};
	struct steer_route routes[3];

	(void)state;
	scene_table(&scene);
	scene_rfs(&scene);
	scene_start(&scene);
	rfs_record((struct rfs_consumers *)scene.consumers, hashes[1], 2);
	steer_burst(&scene.steer, hashes, 3, routes);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(routes[i].worker, 1);
}

static void move_when_idle(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene_start(&scene);
	assert_int_equal(receive(&scene, 1, 0), 1);
	drain(&scene, 1);
	wish(&scene, 1, 2, 0);
	assert_int_equal(scene.steer.counters.bucket_moves, 1);
	assert_int_equal(receive(&scene, 1, 0), 2);
	assert_int_equal(receive(&scene, 5, 0), 1);
	assert_true(scene.steer.plain);
}

/* Parked until the old worker has drained, then oldest first. */
static void move_parks(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene_start(&scene);
	assert_int_equal(receive(&scene, 1, 0), 1);
	wish(&scene, 1, 2, 1000);
	assert_int_equal(receive(&scene, 1, 10), STEER_PARK);
	assert_int_equal(receive(&scene, 5, 0), 1); /* came later: the move does not wait for it */
	assert_int_equal(receive(&scene, 1 + 128, 11), STEER_PARK);
	assert_int_equal(receive(&scene, 1, 12), STEER_PARK);
	assert_int_equal(unpark(&scene, 0, SLOTS, 1500), 0);
	assert_int_equal(steer_park_room(&scene.steer), SLOTS - 3);
	scene.drained[1] = 1;
	assert_int_equal(unpark(&scene, 1 << 2, SLOTS, 2000), 0);
	assert_int_equal(unpark(&scene, ~UINT64_C(4), 2, 2500), 2);
	expect_packet(&scene, 0, 10, 2);
	expect_packet(&scene, 1, 11, 2);
	assert_int_equal(scene.hashes[1], 1 + 128);
	assert_int_equal(receive(&scene, 1, 13), STEER_PARK);
	assert_int_equal(unpark(&scene, 0, SLOTS, 3000), 2);
	expect_packet(&scene, 0, 12, 2);
	expect_packet(&scene, 1, 13, 2);
	assert_int_equal(receive(&scene, 1, 0), 2);
	assert_int_equal(scene.steer.counters.bucket_moves, 1);
	assert_int_equal(scene.steer.counters.parked_packets, 4);
	assert_int_equal(scene.steer.counters.park_longest_cycles, 2000);
	assert_int_equal(steer_park_room(&scene.steer), SLOTS);
	assert_true(scene.steer.plain);
}

static void cancel(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene_start(&scene);
	receive(&scene, 1, 0);
	wish(&scene, 1, 2, 0);
	receive(&scene, 1, 10);
	steer_cancel_moves(&scene.steer);
	assert_int_equal(unpark(&scene, 0, SLOTS, 0), 1);
	expect_packet(&scene, 0, 10, 1);
	assert_int_equal(receive(&scene, 1, 0), 1);
	assert_int_equal(scene.steer.counters.moves_cancelled, 1);
	assert_int_equal(scene.steer.counters.bucket_moves, 0);
}

/* What went to the new worker already must not be overtaken by what would be brought back. */
static void cancel_of_half_a_move(void **state)
{
	struct scene scene;

	(void)state;
	scene_table(&scene);
	scene_start(&scene);
	receive(&scene, 1, 0);
	wish(&scene, 1, 2, 0);
	receive(&scene, 1, 10);
	receive(&scene, 1, 11);
	drain(&scene, 1);
	assert_int_equal(unpark(&scene, 0, 1, 0), 1);
	steer_cancel_moves(&scene.steer);
	assert_int_equal(unpark(&scene, 0, SLOTS, 0), 1);
	expect_packet(&scene, 0, 11, 2);
	assert_int_equal(receive(&scene, 1, 0), 2);
	assert_int_equal(scene.steer.counters.moves_cancelled, 0);
	assert_int_equal(scene.steer.counters.bucket_moves, 1);
}

/* More moves than can be under way at a time, and a wish that changes meanwhile. */
static void many_moves(void **state)
{
	struct scene scene;
	unsigned rounds = 0;

	(void)state;
	scene_table(&scene);
	scene_start(&scene);
	for (unsigned bucket = 0; bucket < 128; bucket++) {
		receive(&scene, bucket, 0);
		steer_wish_set(&scene.wish, bucket, (struct steer_route){.queue = 1, .worker = 3});
	}
	wish(&scene, 0, 3, 0);
	assert_int_equal(scene.steer.move_count, STEER_MOVES_MAX);
	wish(&scene, 0, 2, 0); /* bucket 0 is on its way to 3 */
	for (unsigned i = 0; i < WORKERS; i++)
		drain(&scene, i);
	for (; scene.steer.move_count > 0 || rounds == 0; rounds++) {
		assert_true(rounds < 3);
		assert_int_equal(unpark(&scene, 0, SLOTS, 0), 0);
		steer_follow(&scene.steer, &scene.wish, 0);
	}
	assert_int_equal(scene.steer.routes[0].worker, 2);
	for (unsigned bucket = 1; bucket < 128; bucket++)
		assert_int_equal(scene.steer.routes[bucket].worker, 3);
	assert_int_equal(scene.steer.wish_seen, scene.wish.epoch);
}

/* A move without packets does not outlive its table. */
static void swap(void **state)
{
	struct scene scene;
	struct steer_table other;

	(void)state;
	scene_table(&scene);
	other = scene.table;
	other.worker_count = 2;
	assert_int_equal(reta_fill_equal(&other.reta, 256, 2), 0);
	scene_start(&scene);
	receive(&scene, 1, 0);
	wish(&scene, 1, 3, 0);
	assert_int_equal(scene.steer.move_count, 1);
	drain(&scene, 1);
	steer_swap(&scene.steer, &other);
	assert_int_equal(unpark(&scene, 0, SLOTS, 0), 0);
	assert_int_equal(receive(&scene, 1, 0), 1);
	assert_int_equal(receive(&scene, 255, 0), 1);
	assert_int_equal(scene.steer.bucket_packets[255], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rss),
		cmocka_unit_test(rps),
		cmocka_unit_test(balanced),
		cmocka_unit_test(rfs),
		cmocka_unit_test(rfs_shared_entry),
		cmocka_unit_test(move_when_idle),
		cmocka_unit_test(move_parks),
		cmocka_unit_test(cancel),
		cmocka_unit_test(cancel_of_half_a_move),
		cmocka_unit_test(many_moves),
		cmocka_unit_test(swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
