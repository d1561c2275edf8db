/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's turn over send queues: it has an end, and begins elsewhere the next time. */
#include "worker_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"

enum { QUEUES = 200, DEPTH = 128, AREA = 2 * 4096, FRAME = 60, BUSY = 10 };

struct turns {
	struct engine *engine;
	struct worker *worker;
	struct raw_list *list;
	uint8_t *memory[QUEUES];
	struct verbs_packet_places places;
};

static void *zeroed(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	assert_non_null(memory);
	memset(memory, 0, bytes);
	return memory;
}

static void turns_begin(struct turns *turns, struct worker_fixture *fixture)
{
	turns->engine = zeroed(sizeof(*turns->engine));
	turns->engine->topology.node_count = 1;
	turns->engine->pools[0].mempool = test_pool;
	turns->worker = fixture->workers[0];
	turns->worker->engine = turns->engine;
	turns->worker->pipelines[0].stage_count = 1;
	turns->engine->workers[0] = turns->worker;
	turns->engine->worker_count = 1;
	turns->engine->phase = PHASE_PARKED;
	turns->places = verbs_packet_places(DEPTH, DEPTH, AREA);
	turns->list = zeroed(sizeof(*turns->list) + QUEUES * sizeof(turns->list->sources[0]));
	turns->list->count = QUEUES;
	for (unsigned q = 0; q < QUEUES; q++) {
		struct raw_queue_config config = {
			.area_bytes = AREA, .receive_depth = DEPTH, .send_depth = DEPTH};

		config.memory = turns->memory[q] = zeroed(turns->places.total_bytes);
		turns->list->sources[q].queue = raw_queue_create(&config);
		turns->list->sources[q].pipeline = 0;
		assert_non_null(turns->list->sources[q].queue);
	}
	turns->engine->raw.lists[0] = turns->list;
}

static void turns_end(struct turns *turns)
{
	for (unsigned q = 0; q < QUEUES; q++) {
		raw_queue_destroy(turns->list->sources[q].queue);
		free(turns->memory[q]);
	}
	free(turns->list);
	free(turns->engine);
}

static void post(struct turns *turns, unsigned queue, unsigned count)
{
	struct verbs_descriptor *sent =
		(struct verbs_descriptor *)(turns->memory[queue] + turns->places.sent);

	for (unsigned i = 0; i < count; i++)
		sent[i] = (struct verbs_descriptor){.sequence = i + 1,
			.bytes = FRAME,
			.place = (uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT | AREA / 2};
}

static uint32_t taken(const struct turns *turns, unsigned queue)
{
	return ((const struct verbs_packet_header *)turns->memory[queue])->sent;
}

static void test_a_turn_has_an_end(void **state)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct turns turns;
	unsigned moved = 0, count;

	(void)state;
	turns_begin(&turns, fixture);
	for (unsigned q = 0; q < BUSY; q++)
		post(&turns, q, DEPTH);
	count = raw_turn(turns.worker, turns.list);
	assert_in_range(count, BURST_SIZE, 4 * BURST_SIZE);
	moved += count;
	/* Not even one packet of the last queue pairs waits until the first have no more. */
	post(&turns, QUEUES - 1, 1);
	for (unsigned t = 0; t < 8 && taken(&turns, QUEUES - 1) == 0; t++)
		moved += raw_turn(turns.worker, turns.list);
	assert_int_equal(taken(&turns, QUEUES - 1), 1);
	for (unsigned t = 0; t < 40; t++)
		moved += raw_turn(turns.worker, turns.list);
	assert_int_equal(moved, BUSY * DEPTH + 1);
	assert_int_equal(fixture->queues[0][0].count, BUSY * DEPTH + 1);
	turns_end(&turns);
	fixture_destroy(fixture);
}

/* One that is gone is passed over. */
static void test_a_queue_pair_that_left(void **state)
{
	struct worker_fixture *fixture = fixture_create(64);
	struct turns turns;
	struct raw_queue *gone;

	(void)state;
	turns_begin(&turns, fixture);
	post(&turns, 0, 1);
	post(&turns, 1, 1);
	gone = turns.list->sources[0].queue;
	raw_lists_drop(turns.engine, gone);
	assert_null(turns.list->sources[0].queue);
	assert_int_equal(raw_turn(turns.worker, turns.list), 1);
	assert_true(raw_collects(turns.worker));
	assert_false(raw_waits(turns.worker));
	raw_queue_destroy(gone);
	turns_end(&turns);
	fixture_destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_has_an_end),
		cmocka_unit_test(test_a_queue_pair_that_left),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
