/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables that several threads touch, touched by several threads: for the thread sanitizer, and
 * for what must hold whoever comes first. Workers keep what they saw of a flow in plain memory: the
 * only thing between two workers of one flow is the law of steering, and the sanitizer knows.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring/batch_ring.h"
#include "steering/heavy_hitters.h"
#include "steering/steer.h"

static uint32_t next_random(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 8;
}

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

/* ---- consumers of flows: many record, many read ---- */

enum { RFS_FLOWS = 64, RFS_RECORDS = 20000 };

struct recorder {
	struct rfs_consumers *consumers;
	unsigned number;
	bool wrong;
};

static uint32_t rfs_hash(unsigned flow)
{
	return flow << 16 | flow % 16; /* four flows share an entry */
}

static void *record_and_read(void *argument)
{
	struct recorder *recorder = argument;
	uint32_t random = recorder->number;

	for (unsigned i = 0; i < RFS_RECORDS; i++) {
		unsigned flow = 1 + next_random(&random) % RFS_FLOWS, cpu;

		rfs_record(recorder->consumers, rfs_hash(flow), flow + 100 * recorder->number);
		flow = 1 + next_random(&random) % RFS_FLOWS;
		cpu = rfs_consumer_cpu(recorder->consumers, rfs_hash(flow));
		/* Never another flow's. */
		recorder->wrong |= cpu != RFS_CPU_NONE && cpu % 100 != flow;
	}
	return NULL;
}

static void consumers_of_flows(void **state)
{
	struct rfs_consumers *consumers = malloc(rfs_consumers_bytes(16));
	struct recorder recorders[3];
	pthread_t threads[3];

	(void)state;
	assert_non_null(consumers);
	rfs_consumers_init(consumers, 16);
	for (unsigned i = 0; i < 3; i++) {
		recorders[i] = (struct recorder){.consumers = consumers, .number = i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, record_and_read, &recorders[i]), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_false(recorders[i].wrong);
	}
	free(consumers);
}

/* ---- biggest flows: one notes, another looks ---- */

enum { NOTED_FLOWS = 1000, NOTES = 100000 };

struct noting {
	struct heavy_hitters *hitters;
	bool done;
};

static unsigned noted_bytes(uint32_t flow)
{
	return 60 + flow % 1400;
}

/* Few flows are often, so that entries are counted and change hands all the time. */
static void *note(void *argument)
{
	/* Ethernet, IPv4 UDP 10.0.0.1 > 10.0.0.2, source port = the flow */
	uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64,
		17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 53, 0, 8, 0, 0};
	struct noting *noting = argument;
	uint32_t random = 1;

	for (unsigned i = 0; i < NOTES; i++) {
		uint32_t flow = next_random(&random) % (i % 2 ? 8 : NOTED_FLOWS);

		frame[34] = (uint8_t)(flow >> 8);
		frame[35] = (uint8_t)flow;
		heavy_hitters_note(noting->hitters, flow, noted_bytes(flow), frame, sizeof(frame));
	}
	set(&noting->done);
	return NULL;
}

static void expect_whole(const struct heavy_hitter top[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(top[i].tuple.source_port, top[i].hash);
		assert_int_equal(
			top[i].bytes, (top[i].packets - top[i].error) * noted_bytes(top[i].hash));
		assert_true(i == 0 || top[i].packets <= top[i - 1].packets);
	}
}

static void biggest_flows(void **state)
{
	void *memory = aligned_alloc(64, (heavy_hitters_bytes() + 63) / 64 * 64);
	struct heavy_hitter top[HEAVY_HITTERS_MAX];
	struct noting noting = {0};
	pthread_t thread;

	(void)state;
	assert_non_null(memory);
	noting.hitters = heavy_hitters_init(memory, 1);
	assert_int_equal(pthread_create(&thread, NULL, note, &noting), 0);
	while (!is_set(&noting.done))
		expect_whole(top, heavy_hitters_top(noting.hitters, top, HEAVY_HITTERS_MAX));
	pthread_join(thread, NULL);
	assert_int_equal(
		heavy_hitters_top(noting.hitters, top, HEAVY_HITTERS_MAX), HEAVY_HITTERS_MAX);
	expect_whole(top, HEAVY_HITTERS_MAX);
	for (unsigned i = 0; i < 8; i++)
		assert_true(top[i].hash < 8);
	free(memory);
}

/* ---- steering: this thread receives, others work, consume and wish ---- */

enum { WORKERS = 2, FLOWS = 64, BACKLOG = 64, BURST = 8, BURSTS = 6000, SLOTS = 64 };
enum { CONSUMERS = 256, ENTRIES = 64, MOVES = 100 };

struct work {
	struct steering *steering;
	struct batch_ring *ring;
	uint32_t random;
	uint64_t done;
};

struct steering {
	struct steer_table table;
	struct steer steer;
	struct steer_slot slots[SLOTS];
	struct steer_backlog backlogs[WORKERS];
	struct steer_wish wish;
	struct work works[WORKERS];
	uint32_t last[FLOWS]; /* of each flow, by the worker whose turn it is */
	uint32_t sent[FLOWS];
	bool finished;
	bool out_of_order;
};

static uint32_t steering_hash(uint32_t flow)
{
	return flow << 20 | flow % 32; /* two flows share a bucket, and an entry */
}

static void *work(void *argument)
{
	struct work *own = argument;
	struct steering *steering = own->steering;
	struct rfs_consumers *consumers = (struct rfs_consumers *)steering->table.consumers;
	void *items[BATCH_RING_COUNT_MASK];
	uint64_t header;

	for (;;) {
		bool last_look = is_set(&steering->finished);

		while (batch_ring_peek(own->ring, &header)) {
			unsigned count = header & BATCH_RING_COUNT_MASK;

			batch_ring_take(own->ring, header, items);
			for (unsigned i = 0; i < count; i++) {
				uint32_t flow = (uint32_t)((uintptr_t)items[i] >> 32);
				uint32_t number = (uint32_t)(uintptr_t)items[i];

				if (number != steering->last[flow] + 1)
					set(&steering->out_of_order);
				steering->last[flow] = number;
				if (consumers != NULL && next_random(&own->random) % 8 == 0)
					rfs_record(consumers, steering_hash(flow),
						next_random(&own->random) % WORKERS);
			}
			own->done += count;
			batch_ring_release(own->ring);
			batch_ring_drain(own->ring, own->done);
		}
		if (last_look)
			return NULL;
		sched_yield();
	}
}

static void *balance(void *argument)
{
	struct steering *steering = argument;
	uint32_t random = 7;

	while (!is_set(&steering->finished)) {
		for (unsigned i = 0; i < 8; i++)
			steer_wish_set(&steering->wish, next_random(&random) % 32,
				(struct steer_route){
					.worker = (uint8_t)(next_random(&random) % WORKERS)});
		steer_wish_publish(&steering->wish);
		sched_yield();
	}
	return NULL;
}

/* Waits for room: nothing is dropped, so the numbers of a flow have no gaps. */
static void give(struct steering *steering, unsigned worker, void *packet)
{
	while (batch_ring_push(steering->works[worker].ring, 0, 0, &packet, 1) == 0)
		sched_yield();
	steering->backlogs[worker].pushed++;
}

static void unpark_all(struct steering *steering)
{
	void *packets[BURST];
	uint32_t hashes[BURST];
	struct steer_route routes[BURST];
	unsigned count;

	while ((count = steer_unpark(&steering->steer, 0, 0, packets, hashes, routes, BURST)) > 0)
		for (unsigned i = 0; i < count; i++)
			give(steering, routes[i].worker, packets[i]);
}

static void receive(struct steering *steering, uint32_t *random)
{
	uint32_t hashes[BURST];
	void *packets[BURST];
	struct steer_route routes[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		uint32_t flow = next_random(random) % FLOWS;

		hashes[i] = steering_hash(flow);
		packets[i] = (void *)((uintptr_t)flow << 32 | ++steering->sent[flow]);
	}
	steer_burst(&steering->steer, hashes, BURST, routes);
	for (unsigned i = 0; i < BURST; i++) {
		if (routes[i].worker == STEER_PARK)
			steer_park(&steering->steer, packets[i], hashes[i]);
		else
			give(steering, routes[i].worker, packets[i]);
	}
}

static bool is_interesting(const struct steering *steering)
{
	const struct steer_counters *counters = &steering->steer.counters;

	return counters->bucket_moves >= MOVES && counters->parked_packets >= MOVES &&
		(counters->rfs_moves >= MOVES || steering->table.flows == NULL);
}

static void receive_bursts(struct steering *steering)
{
	uint32_t random = 3;

	/* At least so many, and until the others had their say; the scheduler may let them wait. */
	for (unsigned i = 0; i < BURSTS || (!is_interesting(steering) && i < 1000 * BURSTS);) {
		steer_follow(&steering->steer, &steering->wish, 0);
		unpark_all(steering);
		if (steer_park_room(&steering->steer) < BURST) {
			steer_cancel_moves(&steering->steer);
			continue;
		}
		receive(steering, &random);
		i++;
	}
	while (steering->steer.parked > 0)
		unpark_all(steering);
}

static struct steering *steering_new(bool rfs)
{
	struct steering *steering = aligned_alloc(64, sizeof(*steering));

	assert_non_null(steering);
	memset(steering, 0, sizeof(*steering));
	assert_int_equal(reta_fill_equal(&steering->table.reta, 128, WORKERS), 0);
	steering->table.worker_count = WORKERS;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct work *own = &steering->works[i];

		steering->table.queue_worker[i] = steering->table.cpu_worker[i] = (uint8_t)i;
		own->steering = steering;
		own->random = i;
		own->ring = aligned_alloc(64, batch_ring_bytes(BACKLOG));
		assert_non_null(own->ring);
		batch_ring_init(own->ring, BACKLOG);
		steering->backlogs[i].drained_now = &own->ring->popped.drained;
	}
	if (rfs) {
		struct rfs_consumers *consumers = malloc(rfs_consumers_bytes(CONSUMERS));

		steering->table.flows = malloc(rfs_flows_bytes(ENTRIES));
		assert_true(consumers != NULL && steering->table.flows != NULL);
		rfs_consumers_init(consumers, CONSUMERS);
		rfs_flows_init(steering->table.flows, ENTRIES);
		steering->table.consumers = consumers;
	}
	steer_init(&steering->steer, &steering->table, steering->backlogs, steering->slots, SLOTS);
	for (unsigned i = 0; i < steering->table.reta.size; i++)
		steer_wish_set(&steering->wish, i, steering->steer.routes[i]);
	return steering;
}

static void steering_free(struct steering *steering)
{
	for (unsigned i = 0; i < WORKERS; i++)
		free(steering->works[i].ring);
	free((void *)(uintptr_t)steering->table.consumers);
	free(steering->table.flows);
	free(steering);
}

static void run_steering(bool rfs)
{
	struct steering *steering = steering_new(rfs);
	pthread_t threads[WORKERS + 1];

	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &steering->works[i]), 0);
	assert_int_equal(pthread_create(&threads[WORKERS], NULL, balance, steering), 0);
	receive_bursts(steering);
	set(&steering->finished);
	for (unsigned i = 0; i <= WORKERS; i++)
		pthread_join(threads[i], NULL);
	assert_false(steering->out_of_order);
	for (unsigned flow = 0; flow < FLOWS; flow++)
		assert_int_equal(steering->last[flow], steering->sent[flow]);
	print_message("%llu bucket moves, %llu packets parked, %llu flow moves\n",
		(unsigned long long)steering->steer.counters.bucket_moves,
		(unsigned long long)steering->steer.counters.parked_packets,
		(unsigned long long)steering->steer.counters.rfs_moves);
	assert_true(is_interesting(steering));
	steering_free(steering);
}

static void moves_of_buckets(void **state)
{
	(void)state;
	run_steering(false);
}

static void moves_of_flows_too(void **state)
{
	(void)state;
	run_steering(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consumers_of_flows),
		cmocka_unit_test(biggest_flows),
		cmocka_unit_test(moves_of_buckets),
		cmocka_unit_test(moves_of_flows_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
