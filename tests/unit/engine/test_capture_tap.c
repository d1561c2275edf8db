/* SPDX-License-Identifier: BSD-3-Clause */
/* Taps on a worker's path: what was not sent is not captured as sent, a ring that is full loses
 * copies only, drops are shown before they are freed, and traced packets keep their number. */
#include <string.h>

#include "engine/capture_tap.h"
#include "worker_fixture.h"

enum { RING_BYTES = 64 << 10, COPY_BYTES = 200 };

static struct worker_fixture *fixture;
static struct worker *worker;
static struct transmit *transmit;
static struct capture_filter filter;
static struct capture_lane lane;
static struct capture_tap tap;
static uint64_t numbers_left;
static bool over;

static void begin(uint64_t ring_bytes, uint64_t trace)
{
	struct error error = {0};

	fixture = fixture_create(64);
	worker = fixture->workers[0];
	transmit = &worker->transmits[0];
	over = false;
	numbers_left = trace;
	memset(&filter, 0, sizeof(filter));
	lane = (struct capture_lane){.filter = &filter,
		.ring = byte_ring_create(ring_bytes),
		.snap_bytes = COPY_BYTES,
		.worker = 0,
		.traces = trace > 0,
		.numbers_left = &numbers_left,
		.numbers = trace,
		.over = &over};
	if (trace > 0)
		assert_int_equal(tap_stamp_register("weir_trace_number", &lane.stamp, &error), 0);
	tap = (struct capture_tap){.watch.dropped = capture_dropped,
		.count = 1,
		.takers[0] = {.lane = &lane, .point = 1, .numbers = trace > 0}};
}

static void end(void)
{
	byte_ring_destroy(lane.ring);
	fixture_destroy(fixture);
}

/* The next record; NULL: none. It stays until the next call. */
static const struct capture_record *take(void)
{
	static struct {
		struct capture_record record;
		uint8_t rest[1024];
	} copy;
	uint64_t length;
	const void *record = byte_ring_peek(lane.ring, &length);

	if (record == NULL)
		return NULL;
	assert_true(length <= sizeof(copy));
	memcpy(&copy, record, length);
	byte_ring_take(lane.ring);
	byte_ring_release(lane.ring);
	return &copy.record;
}

static void assert_counters(uint64_t packets, uint64_t filtered, uint64_t captured, uint64_t lost)
{
	const struct capture_point_counters *counters = &lane.counters[1];

	assert_int_equal(counters->packets, packets);
	assert_int_equal(counters->filtered, filtered);
	assert_int_equal(counters->captured, captured);
	assert_int_equal(counters->lost, lost);
}

static void test_only_what_was_sent(void **state)
{
	struct burst burst = {0};

	(void)state;
	begin(RING_BYTES, 0);
	burst = burst_make(0, 0, 32);
	transmit->tap = &tap;
	fixture->queues[0][0].total = 20;
	transmit->retry_cycles = 0;
	transmit_burst(worker, transmit, &burst);
	assert_counters(20, 0, 20, 0);
	for (unsigned i = 0; i < 20; i++) {
		const struct capture_record *record = take();

		assert_non_null(record);
		assert_int_equal(record->point, 1);
		assert_int_equal(record->queue, transmit->queue_index);
		assert_int_equal(record->captured, 60);
		assert_memory_equal(
			record + 1, rte_pktmbuf_mtod(fixture->queues[0][0].packets[i], void *), 60);
	}
	assert_null(take());
	end();
}

/* A queue that takes a few at a time: each packet once, in order. */
static void test_sent_in_parts(void **state)
{
	struct burst burst = {0};
	unsigned count = 0;

	(void)state;
	begin(RING_BYTES, 0);
	burst = burst_make(0, 0, 32);
	transmit->tap = &tap;
	fixture->queues[0][0].takes = 5;
	transmit->retry_cycles = UINT64_MAX / 2;
	transmit_burst(worker, transmit, &burst);
	while (take() != NULL)
		count++;
	assert_int_equal(count, 32);
	assert_counters(32, 0, 32, 0);
	end();
}

static void test_full_ring(void **state)
{
	struct burst burst = {0};
	uint64_t kept = 0;

	(void)state;
	begin(2048, 0);
	burst = burst_make(0, 0, 32);
	transmit->tap = &tap;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(fixture->queues[0][0].count, 32);
	while (take() != NULL)
		kept++;
	assert_true(kept > 5 && kept < 32);
	assert_counters(32, 0, kept, 32 - kept);
	end();
}

static void test_filter_and_snap(void **state)
{
	struct burst burst = {0};
	struct error error = {0};
	const struct capture_record *record;

	(void)state;
	begin(RING_BYTES, 0);
	assert_int_equal(capture_filter_make(&filter, "greater 300", &error), 0);
	burst_add(&burst, packet_make(0, 0, 299, 1));
	burst_add(&burst, packet_make(0, 1, 400, 4));
	transmit->tap = &tap;
	transmit_burst(worker, transmit, &burst);
	assert_counters(2, 1, 1, 0);
	record = take();
	assert_non_null(record);
	assert_int_equal(record->captured, COPY_BYTES);
	assert_int_equal(record->length, 400);
	assert_int_equal(record->buffers, 4);
	capture_filter_free(&filter);
	end();
}

/* Also of a chain whose length says more than there is: what is left of a packet cut in half. */
static void test_dropped(void **state)
{
	struct burst burst = {0};
	struct rte_mbuf *packet;
	const struct capture_record *record;

	(void)state;
	begin(RING_BYTES, 0);
	worker->drop_watch = &tap.watch;
	packet = packet_make(0, 7, 100, 1);
	packet->pkt_len = 150;
	burst_add(&burst, packet);
	burst_drop(worker, &burst, 0, DROP_tx_too_long);
	record = take();
	assert_non_null(record);
	assert_int_equal(record->reason, DROP_tx_too_long);
	assert_int_equal(record->length, 150);
	assert_int_equal(record->captured, 100);
	assert_counters(1, 0, 1, 0);
	end();
}

static void test_over(void **state)
{
	struct burst burst = {0};

	(void)state;
	begin(RING_BYTES, 0);
	burst = burst_make(0, 0, 8);
	over = true;
	transmit->tap = &tap;
	transmit_burst(worker, transmit, &burst);
	assert_int_equal(fixture->queues[0][0].count, 8);
	assert_null(take());
	assert_counters(0, 0, 0, 0);
	end();
}

/* The first three get numbers, and are the only ones seen; a merged chain tells all of its. */
static void test_trace(void **state)
{
	struct rte_mbuf *packets[8], *alone;
	const struct capture_record *record;

	(void)state;
	begin(RING_BYTES, 3);
	for (unsigned i = 0; i < 8; i++)
		packets[i] = packet_make(0, i, 80, 1);
	fixture->polls[0].port = &fixture->ports[0];
	fixture->polls[0].tap = &tap;
	capture_received(&fixture->polls[0], packets, 8);
	assert_counters(8, 5, 3, 0);
	for (uint64_t number = 1; number <= 3; number++) {
		record = take();
		assert_non_null(record);
		assert_int_equal(record->number, number);
	}
	assert_null(take());
	tap.takers[0].numbers = false;
	alone = packets[2];
	rte_pktmbuf_chain(packets[1], packets[3]);
	rte_pktmbuf_chain(packets[1], alone);
	capture_dropped(&tap.watch, &packets[1], 1, DROP_consumed);
	record = take();
	assert_non_null(record);
	assert_int_equal(record->parts, 2);
	assert_int_equal(record->number, 2);
	assert_int_equal(((const uint64_t *)(record + 1))[1], 3);
	for (unsigned i = 0; i < 8; i++)
		if (i != 2 && i != 3)
			rte_pktmbuf_free(packets[i]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_was_sent),
		cmocka_unit_test(test_sent_in_parts),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_filter_and_snap),
		cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
