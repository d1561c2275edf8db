/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of the way: queues that take a part, nothing, or not such packets. */
#include <string.h>

#include <rte_ethdev.h>

#include "base/clock.h"
#include "worker_fixture.h"

/* No test waits for it: it is long enough for whatever should happen sooner. */
#define FOR_EVER (UINT64_MAX / 2)

static struct fake_queue *queue;
static struct transmit *transmit;
static struct worker *worker;

static struct worker_fixture *begin(uint64_t retry_cycles)
{
	struct worker_fixture *fixture = fixture_create(64);

	worker = fixture->workers[0];
	queue = &fixture->queues[0][0];
	transmit = &worker->transmits[0];
	transmit->retry_cycles = retry_cycles;
	worker->latency_on = true;
	return fixture;
}

/* 60, 61, 62, ... bytes */
static struct burst burst_growing(unsigned count)
{
	struct burst burst = {.rx_tsc = 4711};

	for (unsigned i = 0; i < count; i++)
		burst_add(&burst, packet_make(0, i, 60 + i, 1));
	return burst;
}

static uint64_t growing_bytes(unsigned count)
{
	return 60ull * count + count * (count - 1) / 2;
}

/* The first `count` of a growing burst left, in order, and are counted; `drops` did not. */
static void assert_sent(unsigned count, enum drop_reason reason, unsigned drops)
{
	assert_int_equal(queue->count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(packet_label(queue->packets[i]).sequence, i);
	assert_int_equal(transmit->counters->packets, count);
	assert_int_equal(transmit->counters->bytes, growing_bytes(count));
	assert_int_equal(transmit->counters->batches, count > 0);
	assert_int_equal(worker->latency_count, count > 0);
	if (count > 0) {
		assert_int_equal(worker->latency[0].rx_tsc, 4711);
		assert_int_equal(worker->latency[0].packets, count);
	}
	assert_int_equal(worker->counters.drops[reason], drops);
	assert_int_equal(worker_drops(worker), drops);
	assert_int_equal(buffers_out(), count);
}

static void test_at_once(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct burst burst = burst_growing(32);

	(void)state;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(burst.count, 0);
	assert_int_equal(burst.bytes, 0);
	assert_int_equal(queue->calls, 1);
	assert_sent(32, DROP_tx_full, 0);
	fixture_destroy(fixture);
}

static void test_in_parts(void **state)
{
	struct worker_fixture *fixture = begin(FOR_EVER);
	struct burst burst = burst_growing(32);

	(void)state;
	queue->takes = 5;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(queue->calls, 7);
	assert_int_equal(queue->sizes[6], 2);
	assert_sent(32, DROP_tx_full, 0);
	fixture_destroy(fixture);
}

static void test_after_a_while(void **state)
{
	struct worker_fixture *fixture = begin(FOR_EVER);
	struct burst burst = burst_growing(9);

	(void)state;
	queue->refuses = 1000;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(queue->calls, 1001);
	assert_sent(9, DROP_tx_full, 0);
	fixture_destroy(fixture);
}

static void test_until_the_time_is_over(void **state)
{
	struct worker_fixture *fixture = begin(200000);
	struct burst burst = burst_growing(20);
	uint64_t start = tsc_now();

	(void)state;
	queue->takes = 2;
	queue->total = 7;
	transmit_burst(worker, transmit, &burst);
	assert_true(tsc_now() - start >= 200000);
	assert_true(queue->calls >= 4);
	assert_int_equal(burst.count, 0);
	assert_sent(7, DROP_tx_full, 13);
	fixture_destroy(fixture);
}

static void test_without_retry(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct burst burst = burst_growing(20);

	(void)state;
	queue->takes = 6;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(queue->calls, 1);
	assert_sent(6, DROP_tx_full, 14);
	fixture_destroy(fixture);
}

static void test_nothing_taken(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct burst burst = burst_growing(32);

	(void)state;
	queue->total = 0;
	transmit_burst(worker, transmit, &burst);
	assert_sent(0, DROP_tx_full, 32);
	fixture_destroy(fixture);
}

static void remove_port(struct fake_queue *of)
{
	struct port *port = of->argument;

	if (of->calls == 3)
		port->removed = 1;
}

static void test_port_removed(void **state)
{
	struct worker_fixture *fixture = begin(FOR_EVER);
	struct burst burst = burst_growing(20);

	(void)state;
	queue->takes = 2;
	queue->total = 4;
	queue->look = remove_port;
	queue->argument = &fixture->ports[0];
	transmit_burst(worker, transmit, &burst);
	assert_sent(4, DROP_tx_no_port, 16);
	fixture_destroy(fixture);
}

/* A device that does not take packets because its link is down is another reason than a full one.
 */
static void test_link_down(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct burst burst = burst_growing(3);
	struct rte_eth_conf conf = {0};

	(void)state;
	fixture->port_configs[0].kind = PORT_DEVICE;
	assert_int_equal(rte_eth_dev_get_port_by_name("net_null0", &fixture->ports[0].ethdev), 0);
	assert_int_equal(rte_eth_dev_configure(fixture->ports[0].ethdev, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(
				 fixture->ports[0].ethdev, 0, 64, SOCKET_ID_ANY, NULL, test_pool),
		0);
	assert_int_equal(
		rte_eth_tx_queue_setup(fixture->ports[0].ethdev, 0, 64, SOCKET_ID_ANY, NULL), 0);
	queue->total = 0;
	transmit_burst(worker, transmit, &burst);
	assert_sent(0, DROP_tx_no_port, 3);
	assert_int_equal(rte_eth_dev_start(fixture->ports[0].ethdev), 0);
	/* A stuck queue is asked why only once: as long as it takes nothing, the reason stays. */
	burst = burst_growing(2);
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(worker->counters.drops[DROP_tx_no_port], 5);
	queue->total = queue->count + 1;
	burst = burst_growing(6);
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(worker->counters.drops[DROP_tx_no_port], 5);
	assert_int_equal(worker->counters.drops[DROP_tx_full], 5);
	rte_eth_dev_stop(fixture->ports[0].ethdev);
	fixture_destroy(fixture);
}

static void test_limits(void **state)
{
	static const struct {
		uint32_t length;
		unsigned segments;
		enum drop_reason reason; /* DROP_REASON_COUNT: it passes */
	} cases[] = {
		{60, 1, DROP_REASON_COUNT},
		{101, 1, DROP_tx_too_long},
		{100, 1, DROP_REASON_COUNT},
		{100, 3, DROP_REASON_COUNT},
		{100, 4, DROP_tx_segments},
		{101, 4, DROP_tx_too_long}, /* one reason only */
		{300, 1, DROP_tx_too_long},
		{99, 2, DROP_REASON_COUNT},
		{60, 4, DROP_tx_segments},
	};
	struct worker_fixture *fixture = begin(0);
	struct burst burst = {0};

	(void)state;
	transmit->checked = true;
	transmit->length_max = 100;
	transmit->segments_max = 3;
	for (unsigned i = 0; i < RTE_DIM(cases); i++)
		burst_add(&burst, packet_make(0, i, cases[i].length, cases[i].segments));
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(queue->count, 4);
	for (unsigned i = 0; i < queue->count; i++) {
		uint32_t number = packet_label(queue->packets[i]).sequence;

		assert_int_equal(cases[number].reason, DROP_REASON_COUNT);
		assert_true(i == 0 || number > packet_label(queue->packets[i - 1]).sequence);
	}
	assert_int_equal(transmit->counters->packets, 4);
	assert_int_equal(transmit->counters->bytes, 60 + 100 + 100 + 99);
	assert_int_equal(worker->counters.drops[DROP_tx_too_long], 3);
	assert_int_equal(worker->counters.drops[DROP_tx_segments], 2);
	/* 60, 100, 99 with 2 segments, 100 with 3 */
	assert_int_equal(buffers_out(), 1 + 1 + 2 + 3);
	fixture_destroy(fixture);
}

static void test_none_within_limits(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct burst burst = burst_growing(32);

	(void)state;
	transmit->checked = true;
	transmit->length_max = 59;
	transmit->segments_max = 1;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(queue->calls, 0);
	assert_int_equal(burst.count, 0);
	assert_int_equal(burst.bytes, 0);
	assert_sent(0, DROP_tx_too_long, 32);
	fixture_destroy(fixture);
}

/* The owner's ring is full: as with a full queue, the rest is dropped and counted here. */
static void test_owner_is_full(void **state)
{
	struct worker_fixture *fixture = begin(0);
	struct worker *sender = fixture->workers[2];
	struct burst burst;

	(void)state;
	sender->transmits[0].queue.send = NULL;
	sender->transmits[0].owner = worker;
	sender->transmits[0].owner_ring = fixture->rings[2][0];
	for (unsigned i = 0; i < 3; i++) {
		burst = burst_growing(30);
		transmit_burst(sender, &sender->transmits[0], &burst);
		assert_int_equal(burst.count, 0);
	}
	assert_int_equal(sender->counters.handoff_out, 64);
	assert_int_equal(sender->counters.drops[DROP_tx_full], 90 - 64);
	assert_int_equal(worker_drops(sender), 90 - 64);
	assert_int_equal(handoff_receive(worker, 0), 64);
	assert_int_equal(transmit->counters->packets, 64);
	assert_int_equal(transmit->counters->bytes, 2 * growing_bytes(30) + growing_bytes(4));
	assert_int_equal(sender->transmits[0].counters->packets, 0);
	fixture_destroy(fixture);
}

/* More bursts a turn than there are places: their packets are not lost from the count. */
static void test_latency_of_many_bursts(void **state)
{
	struct worker_fixture *fixture = begin(0);
	uint64_t packets = 0;

	(void)state;
	for (unsigned i = 0; i < LATENCY_PENDING_MAX + 6; i++) {
		struct burst burst = burst_make(0, 0, 3);

		burst.rx_tsc = i;
		transmit_burst(worker, transmit, &burst);
	}
	assert_int_equal(worker->latency_count, LATENCY_PENDING_MAX);
	for (unsigned i = 0; i < worker->latency_count; i++)
		packets += worker->latency[i].packets;
	assert_int_equal(packets, 3 * (LATENCY_PENDING_MAX + 6));
	fixture_destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_in_parts),
		cmocka_unit_test(test_after_a_while),
		cmocka_unit_test(test_until_the_time_is_over),
		cmocka_unit_test(test_without_retry),
		cmocka_unit_test(test_nothing_taken),
		cmocka_unit_test(test_port_removed),
		cmocka_unit_test(test_link_down),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_none_within_limits),
		cmocka_unit_test(test_owner_is_full),
		cmocka_unit_test(test_latency_of_many_bursts),
	};

	return cmocka_run_group_tests_name(
		"transmit", tests, fixture_group_setup, fixture_group_teardown);
}
