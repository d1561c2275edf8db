/* SPDX-License-Identifier: BSD-3-Clause */
/* A streamed replay gives what a preloaded one gives, and leaves nothing behind when it is stopped.
 */
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "port/replay_stream.h"
#include "port_fixture.h"

static struct replay *stream_begin(struct port_fixture *fixture)
{
	struct replay *replay;

	fixture->config.replay.load = REPLAY_LOAD_STREAM;
	replay = replay_begin(fixture);
	assert_false(fixture->plan.preload);
	assert_int_equal(fixture->plan.packets, 0);
	return replay;
}

static void start(struct replay *replay)
{
	struct error error = {0};

	assert_int_equal(replay_start(replay, tsc_now(), -1, &error), 0);
}

static void test_bytes_of_each_loop(void **state)
{
	struct port_fixture *fixture = *state;
	struct capture_counts counts;
	struct replay *replay;
	uint64_t bytes = 0;

	frames_add(fixture, 700, 14, 3000);
	frames_add(fixture, 2, 80000, 81920);
	frames_add(fixture, 300, 60, 9000);
	for (unsigned i = 0; i < fixture->frame_count; i++)
		bytes += fixture->frames[i].length;
	fixture->config.replay.loop = 4;
	replay = stream_begin(fixture);
	start(replay);
	assert_int_equal(receive_all(fixture, replay), 4 * 1002);
	assert_int_equal(replay_counters(replay)->packets, 4 * 1002);
	assert_int_equal(replay_counters(replay)->bytes, 4 * bytes);
	replay_read_counts(replay, &counts);
	assert_int_equal(counts.read, 4 * 1002);
	assert_int_equal(counts.frames, 4 * 1002);
	assert_int_equal(counts.bytes, 4 * bytes);
	assert_int_equal(replay_error(replay)->code, 0);
	replay_destroy(replay);
}

static void test_rewrite(void **state)
{
	struct port_fixture *fixture = *state;
	struct replay *replay;

	frames_generate(fixture, 300);
	frames_add(fixture, 20, 60, 9000);
	fixture->config.replay.loop = 4;
	fixture->config.replay.rewrite = true;
	replay = stream_begin(fixture);
	start(replay);
	assert_int_equal(receive_all(fixture, replay), 4 * 320);
	replay_destroy(replay);
}

/* Due when a preloaded one is due, in every loop. */
static void test_times(void **state)
{
	struct port_fixture *fixture = *state;
	struct replay_stream *stream;
	struct error error = {0};
	struct rte_mbuf *packet;
	uint64_t due, total = 0;

	frames_add(fixture, 100, 60, 60);
	for (unsigned i = 0; i < 100; i++) /* one in ten goes back in time */
		fixture->frames[i].time_ns = 1000 + i * 12345 - (i % 10 == 9 ? 40000 : 0);
	fixture->config.replay.load = REPLAY_LOAD_STREAM;
	fixture->config.replay.speed.kind = SPEED_ORIGINAL;
	fixture->config.replay.loop = 50;
	file_write(fixture, "trace.pcap");
	assert_int_equal(replay_plan_make(&fixture->config, 0, &fixture->plan, &error), 0);
	/* A clock of 1 GHz: cycles are nanoseconds. */
	stream = replay_stream_create(&fixture->plan, SOCKET_ID_ANY, NS_PER_SECOND, &error);
	assert_non_null(stream);
	assert_int_equal(replay_stream_start(stream, -1, &error), 0);
	while (!replay_stream_ended(stream)) {
		unsigned i = (unsigned)(total % 100);
		/* The last but one of its ten is as late as they get: 98 gaps, and a mean one. */
		long double span = 98 * 12345 * 100 / 99.0L;
		uint64_t offset = (i % 10 == 9 ? i - 1 : i) * 12345ull;

		if (!replay_stream_peek(stream, &packet, &due)) {
			nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
			continue;
		}
		assert_packet(packet, &fixture->frames[i]);
		assert_in_range(due, (uint64_t)(total / 100 * span) + offset - (total > 0),
			(uint64_t)(total / 100 * span) + offset + 1);
		rte_pktmbuf_free(packet);
		replay_stream_take(stream);
		total++;
	}
	assert_int_equal(total, 5000);
	replay_stream_destroy(stream);
}

static void test_never_early(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct error error = {0};
	struct replay *replay;
	uint64_t start_tsc, total = 0;

	frames_add(fixture, 50, 60, 60);
	for (unsigned i = 0; i < 50; i++)
		fixture->frames[i].time_ns = 1000 + i * 200000; /* 10 ms */
	fixture->config.replay.speed.kind = SPEED_ORIGINAL;
	replay = stream_begin(fixture);
	start_tsc = tsc_now() + ns_to_tsc(1000000, rte_get_tsc_hz());
	assert_int_equal(replay_start(replay, start_tsc, -1, &error), 0);
	while (!replay_finished(replay)) {
		unsigned count = replay_receive(replay, packets, 32);
		uint64_t now = tsc_now();

		for (unsigned i = 0; i < count; i++, total++)
			assert_true((int64_t)(now - start_tsc -
					    ns_to_tsc(total * 200000, rte_get_tsc_hz())) >= 0);
		rte_pktmbuf_free_bulk(packets, count);
	}
	assert_int_equal(total, 50);
	assert_int_equal(replay_counters(replay)->error_ns.count, 50);
	assert_int_equal(replay_counters(replay)->first_due_tsc, start_tsc);
	replay_destroy(replay);
}

/* Stopped at all kinds of places: the teardown finds buffers that are missing. */
static void test_stopped_in_the_middle(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[64];
	struct replay *replay;
	unsigned count;

	frames_add(fixture, FRAMES_MAX, 60, 60);
	fixture->config.replay.loop = 0;
	for (unsigned takes = 0; takes < 64; takes += 21) {
		replay = stream_begin(fixture);
		start(replay);
		count = receive(replay, packets, takes);
		assert_int_equal(count, takes);
		rte_pktmbuf_free_bulk(packets, count);
		replay_destroy(replay);
	}
	/* Never started. */
	replay_destroy(stream_begin(fixture));
}

/* Super-packets use up the pool before the ring is full: the reader waits in the midst of one. */
static void test_stopped_without_buffers(void **state)
{
	struct port_fixture *fixture = *state;
	struct replay_stream *stream;
	struct rte_mempool *pool;
	struct rte_mbuf *packet;
	struct error error = {0};
	uint64_t due;

	frames_add(fixture, 30, 81000, 81920);
	fixture->config.replay.load = REPLAY_LOAD_STREAM;
	fixture->config.replay.loop = 0;
	file_write(fixture, "trace.pcap");
	assert_int_equal(replay_plan_make(&fixture->config, 0, &fixture->plan, &error), 0);
	stream = replay_stream_create(&fixture->plan, SOCKET_ID_ANY, NS_PER_SECOND, &error);
	assert_non_null(stream);
	assert_int_equal(replay_stream_start(stream, -1, &error), 0);
	while (!replay_stream_peek(stream, &packet, &due))
		nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	pool = packet->pool;
	while (rte_mempool_avail_count(pool) > 0)
		nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	/* It goes on when packets come back. */
	for (unsigned i = 0; i < 600; i++) {
		while (!replay_stream_peek(stream, &packet, &due))
			nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
		assert_packet(packet, &fixture->frames[i % 30]);
		rte_pktmbuf_free(packet);
		replay_stream_take(stream);
	}
	while (rte_mempool_avail_count(pool) > 0)
		nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
	replay_stream_destroy(stream);
}

static void test_empty(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packet;
	struct replay *replay;

	fixture->config.replay.loop = 0;
	replay = stream_begin(fixture);
	start(replay);
	assert_int_equal(receive(replay, &packet, 1), 0);
	assert_true(replay_finished(replay));
	replay_destroy(replay);
}

/* A file cut in the midst of a packet ends there, each loop, and says so. */
static void test_damaged(void **state)
{
	struct port_fixture *fixture = *state;
	struct capture_counts counts;
	struct error error = {0};
	struct replay *replay;

	frames_add(fixture, 100, 60, 200);
	file_write(fixture, "trace.pcap");
	file_cut(fixture, file_length(fixture) - 20);
	fixture->config.replay.load = REPLAY_LOAD_STREAM;
	fixture->config.replay.loop = 3;
	assert_int_equal(replay_plan_make(&fixture->config, 0, &fixture->plan, &error), 0);
	replay = replay_create(
		&fixture->plan, fixture->pool, SOCKET_ID_ANY, rte_get_tsc_hz(), &error);
	assert_non_null(replay);
	start(replay);
	free(fixture->frames[--fixture->frame_count].bytes);
	assert_int_equal(receive_all(fixture, replay), 297);
	replay_read_counts(replay, &counts);
	assert_int_equal(counts.read, 300);
	assert_int_equal(counts.frames, 297);
	assert_int_equal(counts.skipped[SKIP_damaged], 3);
	replay_destroy(replay);
}

static void test_file_is_gone(void **state)
{
	struct port_fixture *fixture = *state;
	struct error error = {0};

	fixture->config.replay.load = REPLAY_LOAD_STREAM;
	assert_int_equal(replay_plan_make(&fixture->config, 0, &fixture->plan, &error), 0);
	assert_null(replay_create(
		&fixture->plan, fixture->pool, SOCKET_ID_ANY, rte_get_tsc_hz(), &error));
	assert_true(error.code != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_bytes_of_each_loop),
		PORT_TEST(test_rewrite),
		PORT_TEST(test_times),
		PORT_TEST(test_never_early),
		PORT_TEST(test_stopped_in_the_middle),
		PORT_TEST(test_stopped_without_buffers),
		PORT_TEST(test_empty),
		PORT_TEST(test_damaged),
		PORT_TEST(test_file_is_gone),
	};

	return cmocka_run_group_tests_name(
		"replay streamed", tests, fixture_group_setup, fixture_group_teardown);
}
