/* SPDX-License-Identifier: BSD-3-Clause */
/* The order meter: packets are swapped, lost, doubled and made here, and it must say so exactly. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/order.h"
#include "engine/order_table.h"
#include "tap_fixture.h"

static struct tap_fixture *order_begin(void)
{
	struct tap_fixture *taps = tap_fixture_create();
	struct order_result result;
	struct error error = {0};

	assert_false(engine_order_result(taps->engine, &result));
	assert_int_equal(engine_order_on(taps->engine, &error), 0);
	return taps;
}

static struct order_result result_now(const struct tap_fixture *taps)
{
	struct order_result result;

	assert_true(engine_order_result(taps->engine, &result));
	return result;
}

static struct order_result order_end(struct tap_fixture *taps)
{
	struct order_result result = result_now(taps);

	assert_true(result.exact);
	tap_fixture_destroy(taps);
	return result;
}

static void assert_result(const struct order_result *result, const struct order_result *expected)
{
	assert_int_equal(result->flows, expected->flows);
	assert_int_equal(result->received, expected->received);
	assert_int_equal(result->checked, expected->checked);
	assert_int_equal(result->reordered, expected->reordered);
	assert_int_equal(result->extent_max, expected->extent_max);
	assert_int_equal(result->extent_at_least, expected->extent_at_least);
	assert_int_equal(result->duplicated, expected->duplicated);
	assert_int_equal(result->lost, expected->lost);
	assert_int_equal(result->untracked, expected->untracked);
	assert_int_equal(result->unknown, expected->unknown);
	assert_int_equal(result->good, expected->good);
}

/* ---- whole engines ---- */

static void test_all_is_well(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		come(taps, 0, 5, 30);
		leave(taps, 0, &taps->packets[i * 30], 30);
	}
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){.flows = 5, .received = 120, .checked = 120, .good = true});
	assert_int_equal(result.worst_count, 0);
}

static void test_nothing(void **state)
{
	struct order_result result = order_end(order_begin());

	(void)state;
	assert_result(&result, &(struct order_result){.good = true});
}

static void test_lost(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result,
		expected = {.flows = 4, .received = 20, .checked = 17, .lost = 3, .good = false};

	(void)state;
	come(taps, 0, 4, 20);
	leave(taps, 0, taps->packets, 10);
	rte_pktmbuf_free_bulk(&taps->packets[10], 3);
	leave(taps, 0, &taps->packets[13], 7);
	/* More than were dropped, */
	taps->engine->workers[1]->counters.drops[DROP_backlog_full] = 2;
	result = result_now(taps);
	assert_result(&result, &expected);
	assert_int_equal(result.dropped, 2);
	assert_int_equal(result.worst_count, 3);
	assert_int_equal(result.worst[2].lost, 1);
	/* but while it runs they may be on the way; */
	taps->engine->phase = PHASE_RUN;
	result = result_now(taps);
	assert_true(result.good);
	assert_false(result.exact);
	assert_int_equal(result.worst_count, 0);
	taps->engine->phase = PHASE_PARKED;
	/* and just those that were dropped. */
	taps->engine->workers[1]->counters.drops[DROP_backlog_full] = 3;
	result = order_end(taps);
	expected.good = true;
	assert_result(&result, &expected);
}

static void test_reordered(void **state)
{
	struct tap_fixture *taps;
	struct order_result result;

	(void)state;
	/* Two flows' packets may change places. */
	taps = order_begin();
	come(taps, 0, 4, 20);
	swap(taps, 8, 9);
	swap(taps, 0, 3);
	leave(taps, 0, taps->packets, 20);
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){.flows = 4, .received = 20, .checked = 20, .good = true});
	/* Those of one flow may not, be it in one burst or in two, by one worker or two. 0 4 8 12
	 * 16 leave as 0 8 12 16 4: one is late, by three. */
	for (unsigned bursts = 1; bursts <= 2; bursts++) {
		taps = order_begin();
		come(taps, 0, 4, 20);
		swap(taps, 4, 8);
		swap(taps, 8, 12);
		swap(taps, 12, 16);
		for (unsigned i = 0; i < bursts; i++)
			leave(taps, i, &taps->packets[i * 20 / bursts], 20 / bursts);
		result = order_end(taps);
		assert_result(&result,
			&(struct order_result){.flows = 4,
				.received = 20,
				.checked = 20,
				.reordered = 1,
				.extent_max = 3});
		assert_true(result.reordered_ratio == 1.0 / 20);
		assert_int_equal(result.worst_count, 1);
		assert_string_equal(result.worst[0].flow, "10.0.0.1:0 10.0.0.2:9 udp");
		assert_int_equal(result.worst[0].received, 5);
		assert_int_equal(result.worst[0].reordered, 1);
	}
}

/* The worst first, of more than there is room for. */
static void test_worst(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	/* Flow f has its first f + 1 packets behind the one after them. */
	for (unsigned flow = 0; flow < 8; flow++) {
		struct rte_mbuf **packets = &taps->packets[taps->count];

		for (unsigned i = 0; i < 10; i++)
			packets[i] = packet_of_flow(flow, i);
		come_packets(taps, 0, packets, 10);
		taps->count += 10;
		for (unsigned i = flow + 1; i > 0; i--)
			swap(taps, taps->count - 10 + i, taps->count - 10 + i - 1);
		leave(taps, flow % 2, packets, 10);
	}
	result = order_end(taps);
	assert_int_equal(result.reordered, 36);
	assert_int_equal(result.extent_max, 8);
	assert_int_equal(result.worst_count, ORDER_WORST_MAX);
	for (unsigned i = 0; i < ORDER_WORST_MAX; i++) {
		assert_int_equal(result.worst[i].reordered, 8 - i);
		assert_int_equal(result.worst[i].extent_max, 8 - i);
	}
	assert_string_equal(result.worst[0].flow, "10.0.0.1:7 10.0.0.2:9 udp");
}

/* What one queue received has no order towards what another did. */
static void test_a_flow_at_two_queues(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	come(taps, 1, 2, 10);
	come(taps, 0, 2, 10);
	leave(taps, 0, &taps->packets[10], 10);
	leave(taps, 1, taps->packets, 10);
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){.flows = 4, .received = 20, .checked = 20, .good = true});
}

static void test_duplicated(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	come(taps, 0, 4, 20);
	rte_mbuf_refcnt_update(taps->packets[3], 1);
	rte_mbuf_refcnt_update(taps->packets[19], 1);
	leave(taps, 0, taps->packets, 4);
	leave(taps, 1, &taps->packets[3], 1);
	leave(taps, 0, &taps->packets[4], 16);
	leave(taps, 0, &taps->packets[19], 1);
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){.flows = 4, .received = 20, .checked = 22, .duplicated = 2});
	assert_int_equal(result.worst[0].duplicated, 2);
}

/* What the queue did not take at once leaves later, once. */
static void test_in_parts(void **state)
{
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	come(taps, 0, 4, 20);
	taps->fixture->queues[0][0].takes = 7;
	assert_int_equal(leave(taps, 0, taps->packets, 20), 7);
	taps->fixture->queues[0][0].takes = 0;
	assert_int_equal(leave(taps, 0, &taps->packets[7], 13), 0);
	taps->fixture->queues[0][0].takes = 32;
	assert_int_equal(leave(taps, 0, &taps->packets[7], 13), 13);
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){.flows = 4, .received = 20, .checked = 20, .good = true});
}

/* Packets that a stage made, in buffers that others had before. */
static void test_made(void **state)
{
	static struct rte_mbuf *others[POOL_PACKETS];
	struct tap_fixture *taps = order_begin();
	struct order_result result;

	(void)state;
	come(taps, 0, 4, 20);
	rte_pktmbuf_free_bulk(&taps->packets[10], 10);
	leave(taps, 0, taps->packets, 10);
	/* No other buffers are free but those ten. */
	assert_int_equal(rte_pktmbuf_alloc_bulk(test_pool, others, POOL_PACKETS - 20), 0);
	for (unsigned i = 0; i < 10; i++)
		taps->packets[i] = packet_of_flow(99, i);
	rte_pktmbuf_free_bulk(others, POOL_PACKETS - 20);
	leave(taps, 0, taps->packets, 10);
	result = order_end(taps);
	assert_result(&result,
		&(struct order_result){
			.flows = 4, .received = 20, .checked = 10, .lost = 10, .unknown = 10});
}

/* One flow more than there is room for, and then some. They are never taken for others. */
static void test_untracked(void **state)
{
	struct tap_fixture *taps = order_begin();
	enum { FLOWS = ORDER_FLOWS_MAX + BURST_SIZE / 2 };
	struct rte_mbuf *packets[BURST_SIZE];
	struct order_result result;

	(void)state;
	taps->fixture->queues[0][0].total = 2 * BURST_SIZE;
	for (unsigned flow = 0; flow < FLOWS; flow += BURST_SIZE) {
		unsigned burst = RTE_MIN((unsigned)FLOWS - flow, (unsigned)BURST_SIZE);

		for (unsigned i = 0; i < burst; i++)
			packets[i] = packet_of_flow(flow + i, 0);
		come_packets(taps, 0, packets, burst);
		/* Of the untracked the last one is lost. */
		if (flow < BURST_SIZE || burst < BURST_SIZE)
			assert_int_equal(
				leave(taps, 0, packets, burst - (flow > 0)), burst - (flow > 0));
		else
			rte_pktmbuf_free_bulk(packets, burst);
	}
	rte_pktmbuf_free(packets[BURST_SIZE / 2 - 1]);
	result = order_end(taps);
	assert_int_equal(result.flows, ORDER_FLOWS_MAX);
	assert_int_equal(result.received, FLOWS);
	assert_int_equal(result.untracked, BURST_SIZE / 2);
	assert_int_equal(result.checked, BURST_SIZE);
	assert_int_equal(result.reordered + result.duplicated, 0);
	assert_int_equal(result.lost, ORDER_FLOWS_MAX - BURST_SIZE + 1);
}

/* ---- two workers at once ---- */

enum { THREAD_BURSTS = 200, THREAD_BURST = 8 };

struct sender {
	struct tap_fixture *taps;
	struct rte_mbuf **packets;
	unsigned worker;
	unsigned *turn; /* NULL: all at once */
};

static void *sender_main(void *argument)
{
	const struct sender *sender = argument;

	for (unsigned i = sender->worker; i < THREAD_BURSTS; i += TAP_WORKERS) {
		while (sender->turn != NULL && __atomic_load_n(sender->turn, __ATOMIC_ACQUIRE) != i)
			sched_yield();
		leave(sender->taps, sender->worker, &sender->packets[i * THREAD_BURST],
			THREAD_BURST);
		if (sender->turn != NULL)
			__atomic_store_n(sender->turn, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* One flow, its bursts in turn through two workers, and somebody looks at the result meanwhile. */
static struct order_result send_by_two(bool in_turn)
{
	static struct rte_mbuf *packets[THREAD_BURSTS * THREAD_BURST];
	struct tap_fixture *taps = order_begin();
	struct sender senders[TAP_WORKERS];
	pthread_t threads[TAP_WORKERS];
	unsigned turn = 0;

	taps->engine->phase = PHASE_RUN;
	for (unsigned i = 0; i < RTE_DIM(packets); i++)
		packets[i] = packet_of_flow(i % 2, i);
	for (unsigned i = 0; i < RTE_DIM(packets); i += THREAD_BURST)
		come_packets(taps, 0, &packets[i], THREAD_BURST);
	for (unsigned w = 0; w < TAP_WORKERS; w++) {
		senders[w] = (struct sender){taps, packets, w, in_turn ? &turn : NULL};
		assert_int_equal(pthread_create(&threads[w], NULL, sender_main, &senders[w]), 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		struct order_result result = result_now(taps);

		assert_in_range(result.checked, 0, RTE_DIM(packets));
	}
	for (unsigned w = 0; w < TAP_WORKERS; w++)
		pthread_join(threads[w], NULL);
	taps->engine->phase = PHASE_PARKED;
	return order_end(taps);
}

static void test_a_flow_moves(void **state)
{
	struct order_result result = send_by_two(true);

	(void)state;
	assert_result(&result,
		&(struct order_result){.flows = 2,
			.received = THREAD_BURSTS * THREAD_BURST,
			.checked = THREAD_BURSTS * THREAD_BURST,
			.good = true});
}

static void test_two_workers_race(void **state)
{
	struct order_result result = send_by_two(false);

	(void)state;
	assert_int_equal(result.checked, THREAD_BURSTS * THREAD_BURST);
	assert_int_equal(result.duplicated, 0);
	assert_int_equal(result.lost, 0);
}

/* ---- one flow, against the definition ---- */

enum { MODEL_PACKETS = 600 };

struct model {
	uint32_t arrivals[MODEL_PACKETS * 2];
	unsigned count;
	unsigned reordered, duplicated, extent_max;
};

/* RFC 4737 word by word: copies left out, a packet is reordered if a larger one came before, its
 * extent the distance to the earliest of those. */
static enum order_verdict model_arrive(struct model *model, uint32_t number)
{
	for (unsigned i = 0; i < model->count; i++)
		if (model->arrivals[i] == number) {
			model->duplicated++;
			return ORDER_DUPLICATE;
		}
	model->arrivals[model->count++] = number;
	for (unsigned i = 0; i < model->count - 1; i++)
		if (model->arrivals[i] > number) {
			model->reordered++;
			model->extent_max = RTE_MAX(model->extent_max, model->count - 1 - i);
			return ORDER_REORDERED;
		}
	return ORDER_KEPT;
}

/* Numbers from 0 on, some missing, some twice, some moved back by up to `far`. */
static unsigned shuffled(uint64_t *seed, unsigned far, uint32_t *ret_numbers)
{
	unsigned count = 0, rare = 2 + draw(seed, 60);

	for (uint32_t number = 0; number < MODEL_PACKETS; number++) {
		if (draw(seed, rare) == 0)
			continue;
		ret_numbers[count++] = number;
		if (draw(seed, rare) == 0)
			ret_numbers[count++] = number;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned by = draw(seed, rare) == 0 ? draw(seed, far) : 0;
		unsigned to = RTE_MIN(i + by, count - 1);
		uint32_t moved = ret_numbers[i];

		memmove(&ret_numbers[i], &ret_numbers[i + 1], (to - i) * sizeof(moved));
		ret_numbers[to] = moved;
	}
	return count;
}

static void test_flow_is_as_defined(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		/* Also where 32 bits wrap around. */
		uint32_t numbers[MODEL_PACKETS * 2], start = round % 2 ? UINT32_MAX - 300 : 0;
		struct order_flow flow = {.next = start};
		unsigned count = shuffled(&seed, 1 + draw(&seed, 40), numbers);
		struct model model = {.count = 0};

		for (unsigned i = 0; i < count; i++) {
			enum order_verdict expected = model_arrive(&model, numbers[i]);

			assert_int_equal(order_flow_arrive(&flow, start + numbers[i]), expected);
		}
		assert_int_equal(flow.arrived, model.count);
		assert_int_equal(flow.reordered, model.reordered);
		assert_int_equal(flow.duplicated, model.duplicated);
		if (flow.extent_at_least)
			assert_in_range(flow.extent_max, 0, model.extent_max);
		else
			assert_int_equal(flow.extent_max, model.extent_max);
	}
}

/* Beyond what is remembered: what is said is said with care. */
static void test_flow_forgets(void **state)
{
	struct order_flow flow = {0};

	(void)state;
	/* Number 0 is missing, and after it each odd one. */
	for (uint32_t number = 1; number < 2 * ORDER_GAPS + 3; number += 2)
		assert_int_equal(order_flow_arrive(&flow, number), ORDER_KEPT);
	assert_int_equal(order_flow_arrive(&flow, 0), ORDER_REORDERED);
	assert_int_equal(flow.extent_max, ORDER_GAPS);
	assert_true(flow.extent_at_least);
	/* All came; far behind, a copy counts as late. */
	memset(&flow, 0, sizeof(flow));
	for (uint32_t number = 0; number <= ORDER_WINDOW; number++)
		order_flow_arrive(&flow, number);
	assert_int_equal(order_flow_arrive(&flow, 1), ORDER_DUPLICATE);
	assert_int_equal(order_flow_arrive(&flow, 0), ORDER_REORDERED);
	assert_int_equal(flow.extent_max, ORDER_WINDOW);
	assert_true(flow.extent_at_least);
	/* A jump further than the window leaves nothing of it. */
	order_flow_arrive(&flow, 10 * ORDER_WINDOW + 1);
	for (uint32_t number = 9 * ORDER_WINDOW + 2; number <= 10 * ORDER_WINDOW; number++)
		assert_int_equal(order_flow_arrive(&flow, number), ORDER_REORDERED);
}

/* ---- the table ---- */

static void test_table_collides(void **state)
{
	struct order_table table;
	struct order_entry *entries[4];

	(void)state;
	assert_int_equal(order_table_init(&table, 4), 0);
	/* The same place for all, at the table's end; then the same 64 bits for two keys' worth. */
	for (unsigned i = 0; i < 4; i++) {
		struct flow_key key = {.kind = i};

		entries[i] = order_table_find(&table, (uint64_t)(i + 1) << 32 | 7, &key);
		assert_non_null(entries[i]);
		assert_int_equal(entries[i]->slot, i);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_ptr_equal(order_table_find(&table, (uint64_t)(i + 1) << 32 | 7,
					 &(struct flow_key){0}),
			entries[i]);
		assert_int_equal(table.infos[i].key.kind, i);
		assert_ptr_equal(&table.entries[table.infos[i].entry], entries[i]);
	}
	assert_null(order_table_find(&table, 5ull << 32 | 7, &(struct flow_key){0}));
	assert_null(order_table_find(&table, 3, &(struct flow_key){0}));
	assert_int_equal(table.used, 4);
	order_table_fini(&table);
	order_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_well),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_worst),
		cmocka_unit_test(test_a_flow_at_two_queues),
		cmocka_unit_test(test_duplicated),
		cmocka_unit_test(test_in_parts),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_untracked),
		cmocka_unit_test(test_a_flow_moves),
		cmocka_unit_test(test_two_workers_race),
		cmocka_unit_test(test_flow_is_as_defined),
		cmocka_unit_test(test_flow_forgets),
		cmocka_unit_test(test_table_collides),
	};

	return cmocka_run_group_tests_name(
		"order", tests, fixture_group_setup, fixture_group_teardown);
}
