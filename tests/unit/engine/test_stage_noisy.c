/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <rte_cycles.h>
#include <string.h>

#include "stage_fixture.h"

static const uint8_t frame[60];

/* Packets are numbered by hash.usr, and differ in length. */
static void add(struct stage_fixture *fixture, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		struct rte_mbuf *packet = packet_of(frame, 20 + i % 40, 0, 0);

		packet->hash.usr = i;
		fixture_add(fixture, packet);
	}
}

static void check_order(struct rte_mbuf *const *packets, unsigned count, unsigned from)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(packets[i]->hash.usr, from + i);
}

static void without_fifo_packets_pass(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {
		.type = "noisy", .memory_bytes = 4096, .reads = 3, .writes = 2, .read_writes = 1};

	assert_int_equal(fixture_create(fixture, "noisy", &config, NULL), 0);
	add(fixture, 0, 10);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 10);
	assert_int_equal(fixture->counters.held, 0);
	check_order(fixture->burst.packets, 10, 0);
	fixture->stage.ops->flush(&fixture->stage, UINT64_MAX, true);
	assert_int_equal(emitted_count, 0);
	fixture_clear(fixture);
	fixture_destroy(fixture);
}

/* Bursts of all sizes through FIFOs smaller and larger than a burst. */
static void first_in_first_out(void **state)
{
	static const uint32_t depths[] = {1, 3, 31, 32, 33, 100};
	struct stage_fixture *fixture = *state;
	struct config_stage config = {.type = "noisy"};

	for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		unsigned in = 0, out = 0;

		config.buffer_packets = depths[i];
		assert_int_equal(fixture_create(fixture, "noisy", &config, NULL), 0);
		for (unsigned round = 0; round < 60; round++) {
			unsigned count = round * 7 % (BURST_SIZE + 1);

			fixture->burst.rx_tsc = 1000 + in;
			add(fixture, in, count);
			in += count;
			fixture_process(fixture);
			check_order(fixture->burst.packets, fixture->burst.count, out);
			out += fixture->burst.count;
			assert_int_equal(in - out, in < depths[i] ? in : depths[i]);
			assert_int_equal(fixture->counters.held, in - out);
			fixture_clear(fixture);
		}
		emitted_count = 0;
		fixture->stage.ops->flush(&fixture->stage, 0, true);
		assert_int_equal(emitted_count, in - out);
		check_order(emitted, emitted_count, out);
		assert_int_equal(fixture->counters.held, 0);
		rte_pktmbuf_free_bulk(emitted, emitted_count);
		emitted_count = 0;
		fixture_destroy(fixture);
	}
}

static void packets_keep_their_time(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "noisy", .buffer_packets = 20};

	assert_int_equal(fixture_create(fixture, "noisy", &config, NULL), 0);
	fixture->burst.rx_tsc = 111;
	add(fixture, 0, 15);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 0);
	fixture->burst.rx_tsc = 222;
	add(fixture, 15, 10);
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, 5);
	assert_int_equal(fixture->burst.rx_tsc, 111);
	fixture_clear(fixture);
	fixture->burst.rx_tsc = 333;
	add(fixture, 25, 20);
	fixture_process(fixture);
	fixture_clear(fixture);
	fixture->stage.ops->flush(&fixture->stage, 0, true);
	assert_int_equal(emitted_rx_tsc, 333);
	fixture_destroy(fixture);
}

static void time_empties_the_fifo(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {
		.type = "noisy", .buffer_packets = 100, .flush_ns = 1000000000};
	const uint64_t second = rte_get_tsc_hz();
	uint64_t now;

	assert_int_equal(fixture_create(fixture, "noisy", &config, NULL), 0);
	add(fixture, 0, 32);
	fixture_process(fixture);
	add(fixture, 32, 32);
	fixture_process(fixture);
	now = rte_get_tsc_cycles();
	fixture->stage.ops->flush(&fixture->stage, now, false);
	fixture->stage.ops->flush(&fixture->stage, now - second, false); /* read too early */
	assert_int_equal(emitted_count, 0);
	assert_int_equal(fixture->counters.held, 64);
	fixture->stage.ops->flush(&fixture->stage, now + second, false);
	assert_int_equal(emitted_count, 64);
	assert_int_equal(emitted_bursts, 64 / BURST_SIZE);
	check_order(emitted, 64, 0);
	assert_int_equal(fixture->counters.held, 0);
	fixture_destroy(fixture);
}

static void without_a_time_packets_stay(void **state)
{
	struct stage_fixture *fixture = *state;
	const struct config_stage config = {.type = "noisy", .buffer_packets = 100};

	assert_int_equal(fixture_create(fixture, "noisy", &config, NULL), 0);
	add(fixture, 0, 5);
	fixture_process(fixture);
	fixture->stage.ops->flush(
		&fixture->stage, rte_get_tsc_cycles() + 3600 * rte_get_tsc_hz(), false);
	assert_int_equal(emitted_count, 0);
	fixture->stage.ops->flush(&fixture->stage, 0, true);
	assert_int_equal(emitted_count, 5);
	fixture_destroy(fixture);
}

static void what_cannot_be_is_refused(void **state)
{
	struct stage_fixture *fixture = *state;
	struct config_stage config = {.type = "noisy", .reads = 1};
	struct error error = {0};

	assert_int_equal(fixture_create(fixture, "noisy", &config, &error), -EINVAL);
	assert_non_null(strstr(error.message, "memory"));
	assert_null(fixture->stage.state);
	config.memory_bytes = 1ull << 40;
	assert_int_equal(fixture_create(fixture, "noisy", &config, &error), -ENOMEM);
	assert_null(fixture->stage.state);
	config = (struct config_stage){.buffer_packets = UINT32_MAX};
	assert_int_equal(fixture_create(fixture, "noisy", &config, &error), -ENOMEM);
	assert_non_null(strstr(error.message, "buffer"));
	assert_null(fixture->stage.state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_fifo_packets_pass),
		TEST(first_in_first_out),
		TEST(packets_keep_their_time),
		TEST(time_empties_the_fifo),
		TEST(without_a_time_packets_stay),
		TEST(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
