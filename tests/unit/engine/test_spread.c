/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering under a storm: buckets wished elsewhere at random, tables changed, consumers that run
 * about, workers that take their turns at random, hold packets, and send by way of each other. The
 * law: every flow leaves in order, and nothing is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/worker.h"
#include "steering/rfs.h"
#include "worker_fixture.h"

enum { BACKLOG = 1024, FLOWS = 600, TABLES = 4, BUCKETS = 128, FIFO = 64, TX_RING_HIGH = 400 };

struct fifo {
	struct burst burst;
};

struct storm {
	struct worker_fixture *fixture;
	struct steering_tables tables[TABLES];
	struct rfs_consumers *consumers;
	struct fifo fifos[WORKERS];
	uint32_t in[FLOWS], out[FLOWS]; /* packets so far */
	uint64_t seed, now_tsc, total;
	bool holds; /* workers keep packets, and the last one has no tx queue */
	bool swaps; /* tables change */
};

static struct storm storm;

static uint32_t flow_hash(uint32_t flow)
{
	return (flow + 1) * 2654435761u;
}

/* ---- the end of the way ---- */

static uint16_t judge(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	(void)argument;
	for (uint16_t i = 0; i < count; i++) {
		struct label label = packet_label(packets[i]);

		assert_int_equal(label.sequence, storm.out[label.source]);
		storm.out[label.source]++;
		rte_pktmbuf_free(packets[i]);
	}
	return count;
}

/* A stage that lets nothing go before it has a burst full. */
static void hold(struct stage *stage, struct burst *burst)
{
	struct fifo *fifo = stage->state;

	if (fifo->burst.count + burst->count > FIFO)
		stage_emit(stage, &fifo->burst);
	for (uint16_t i = 0; i < burst->count; i++)
		burst_add(&fifo->burst, burst->packets[i]);
	burst->count = 0;
	stage->counters->held = fifo->burst.count;
}

static void let_go(struct stage *stage, uint64_t now_tsc, bool all)
{
	struct fifo *fifo = stage->state;

	(void)now_tsc;
	if (all)
		stage_emit(stage, &fifo->burst);
	stage->counters->held = fifo->burst.count;
}

static const struct stage_ops hold_stage = {.name = "hold", .process = hold, .flush = let_go};

/* ---- what blows ---- */

static void make_tables(bool rps, bool balanced, uint32_t flow_entries)
{
	for (unsigned t = 0; t < TABLES; t++) {
		struct steering_tables *tables = &storm.tables[t];
		struct steer_table *table = &tables->table;

		*tables = storm.fixture->tables;
		tables->backlog_limit = BACKLOG;
		tables->active = t != 3; /* the last one steers nothing */
		table->balanced = balanced;
		for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
			table->reta.queues[bucket] = (uint8_t)draw(&storm.seed, WORKERS);
		table->has_rps = rps && t > 0;
		for (unsigned i = 0; table->has_rps && i < WORKERS; i++)
			table->rps[i] = (struct rps_map){
				.count = 2, .workers = {(uint8_t)(i + t) % WORKERS, (uint8_t)i}};
		for (unsigned cpu = 0; cpu < STEERING_CPUS_MAX; cpu++)
			table->cpu_worker[cpu] = (uint8_t)(cpu % WORKERS);
		if (flow_entries == 0)
			continue;
		table->consumers = storm.consumers;
		table->flows = calloc(1, rfs_flows_bytes(flow_entries));
		assert_non_null(table->flows);
		rfs_flows_init(table->flows, flow_entries);
	}
}

static void wish_at_random(struct steering *steering)
{
	for (unsigned i = 0; i < 40; i++)
		steer_wish_set(&steering->wish, draw(&storm.seed, BUCKETS),
			(struct steer_route){
				.queue = (uint8_t)draw(&storm.seed, WORKERS),
				.worker = (uint8_t)draw(&storm.seed, WORKERS),
			});
	steer_wish_publish(&steering->wish);
}

static void blow(struct steering *steering)
{
	wish_at_random(steering);
	for (unsigned i = 0; i < 8; i++)
		rfs_record(storm.consumers, flow_hash(draw(&storm.seed, FLOWS)),
			draw(&storm.seed, WORKERS));
	if (storm.swaps && steering->next == steering->tables && draw(&storm.seed, 50) == 0) {
		struct steering_tables *next = &storm.tables[draw(&storm.seed, TABLES)];

		/* As new tables, it knows no flow. */
		if (next != steering->tables && next->table.flows != NULL)
			rfs_flows_init(next->table.flows, next->table.flows->mask + 1);
		__atomic_store_n(&steering->next, next, __ATOMIC_RELEASE);
	}
}

/* ---- turns ---- */

static void receive(struct rx_poll *poll)
{
	struct worker *worker = storm.fixture->workers[0];
	struct burst burst = {.rx_tsc = storm.now_tsc};
	uint32_t hashes[BURST_SIZE];
	unsigned moved = 0, count = draw(&storm.seed, BURST_SIZE + 1);

	if (!spread_ready(worker, poll, true, storm.now_tsc, &moved) || !handoff_has_room(worker))
		return;
	for (unsigned i = 0; i < count; i++) {
		/* Small numbers are many. */
		uint32_t flow = draw(&storm.seed, 1 + draw(&storm.seed, FLOWS));

		hashes[i] = flow_hash(flow);
		burst_add(&burst, packet_make(flow, storm.in[flow]++, 60, 1));
	}
	storm.total += count;
	if (count == 0)
		return;
	if (poll->steers)
		spread_hashed(worker, poll, &burst, hashes);
	else
		worker->backlogs[0].pushed += burst.count;
	if (burst.count > 0)
		pipeline_run(poll->pipeline, &burst);
}

static void turn(unsigned index, bool all)
{
	struct worker *worker = storm.fixture->workers[index];
	struct pipeline *pipeline = &worker->pipelines[0];

	/* Its way to the owner of the tx queue must not overflow: that is not what is tested. */
	if (storm.holds && index == WORKERS - 1 &&
		batch_ring_waiting(storm.fixture->rings[index][0]) > TX_RING_HIGH)
		return;
	handoff_receive(worker, storm.now_tsc);
	if (worker->flushes) {
		all |= worker->flush_wanted != 0 || draw(&storm.seed, 20) == 0;
		worker->flush_wanted = 0;
		pipeline_flush(pipeline, storm.now_tsc, all);
	}
	handoff_publish(worker, pipeline->counters[0].held);
}

static void let_workers_hold(void)
{
	for (unsigned w = 0; w < WORKERS; w++) {
		struct worker *worker = storm.fixture->workers[w];
		struct pipeline *pipeline = &worker->pipelines[0];

		worker->flushes = worker->holds = true;
		pipeline->flushes = true;
		pipeline->stage_count = 1;
		pipeline->stages[0] = (struct stage){
			.ops = &hold_stage,
			.state = &storm.fifos[w],
			.counters = &pipeline->counters[0],
			.pipeline = pipeline,
		};
	}
	storm.fixture->workers[WORKERS - 1]->transmits[0].owner = storm.fixture->workers[0];
	storm.fixture->workers[WORKERS - 1]->transmits[0].owner_ring =
		storm.fixture->rings[WORKERS - 1][0];
}

static void storm_begin(bool rps, bool balanced, uint32_t flow_entries)
{
	struct worker_fixture *fixture = fixture_create(BACKLOG);

	storm = (struct storm){.fixture = fixture, .seed = test_seed()};
	storm.consumers = calloc(1, rfs_consumers_bytes(1024));
	assert_non_null(storm.consumers);
	rfs_consumers_init(storm.consumers, 1024);
	make_tables(rps, balanced, flow_entries);
	for (unsigned w = 0; w < WORKERS; w++)
		fixture->workers[w]->transmits[0].queue.send = judge;
	fixture->polls[0].pauses = true;
	fixture->steerings[0].tables = fixture->steerings[0].next = &storm.tables[0];
	steer_swap(&fixture->steerings[0].steer, &storm.tables[0].table);
	wish_at_random(&fixture->steerings[0]);
}

/* All that is on the way arrives, and it is all that came. */
static void storm_end(void)
{
	struct worker_fixture *fixture = storm.fixture;
	struct rx_poll *poll = &fixture->polls[0];
	uint64_t out = 0;
	unsigned moved;

	for (unsigned round = 0; round < 1000; round++) {
		storm.now_tsc++;
		spread_ready(fixture->workers[0], poll, false, storm.now_tsc, &moved);
		for (unsigned w = 0; w < WORKERS; w++)
			turn(w, true);
	}
	for (unsigned flow = 0; flow < FLOWS; flow++)
		out += storm.out[flow];
	assert_int_equal(spread_parked(fixture->workers[0]), 0);
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(worker_drops(fixture->workers[w]), 0);
	assert_int_equal(out, storm.total);
	assert_ptr_equal(poll->steering->next, poll->steering->tables);
	for (unsigned t = 0; t < TABLES; t++)
		free(storm.tables[t].table.flows);
	free(storm.consumers);
	fixture_destroy(fixture);
}

static const struct steer_counters *blow_for(unsigned turns, unsigned chance)
{
	struct rx_poll *poll = &storm.fixture->polls[0];

	for (unsigned i = 0; i < turns; i++) {
		storm.now_tsc++;
		blow(poll->steering);
		receive(poll);
		for (unsigned w = 0; w < WORKERS; w++)
			if (draw(&storm.seed, chance) == 0)
				turn(w, false);
	}
	return &poll->steering->steer.counters;
}

/* ---- the tests ---- */

static void test_a_million_moves(void **state)
{
	const struct steer_counters *counters;

	(void)state;
	storm_begin(false, true, 0);
	counters = blow_for(70000, 2);
	assert_true(counters->bucket_moves >= 1000000);
	assert_true(counters->parked_packets > 100000);
	storm_end();
}

/* Slow workers: parking fills, moves are given up. */
static void test_moves_given_up(void **state)
{
	const struct steer_counters *counters;

	(void)state;
	storm_begin(true, true, 0);
	counters = blow_for(50000, 12);
	assert_true(counters->moves_cancelled > 100);
	assert_true(storm.fixture->workers[0]->counters.stalls > 0);
	storm_end();
}

/* Packets that were parked go to their consumers, whose backlogs may be full. */
static void test_consumers_are_full(void **state)
{
	(void)state;
	storm_begin(false, true, 1024);
	blow_for(50000, 25);
	assert_true(storm.fixture->workers[0]->counters.stalls > 0);
	storm_end();
}

static void test_tables_change(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		storm_begin(kind & 1, kind & 2, 0);
		storm.swaps = true;
		blow_for(15000, 3);
		storm_end();
	}
}

static void test_consumers_run_about(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 8; kind++) {
		const struct steer_counters *counters;

		/* With fewer entries than flows too. */
		storm_begin(kind & 1, kind & 2, kind & 4 ? 64 : 4096);
		storm.swaps = true;
		counters = blow_for(10000, 2 + kind);
		assert_true(counters->rfs_moves > 1000 && counters->rfs_kept > 100);
		storm_end();
	}
}

static void test_packets_are_held(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		const struct steer_counters *counters;

		storm_begin(kind & 1, true, kind & 2 ? 1024 : 0);
		storm.swaps = storm.holds = true;
		let_workers_hold();
		counters = blow_for(20000, 2);
		assert_true(counters->bucket_moves > 1000);
		storm_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_million_moves),
		cmocka_unit_test(test_moves_given_up),
		cmocka_unit_test(test_consumers_are_full),
		cmocka_unit_test(test_tables_change),
		cmocka_unit_test(test_consumers_run_about),
		cmocka_unit_test(test_packets_are_held),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
