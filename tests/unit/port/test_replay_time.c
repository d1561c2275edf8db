/* SPDX-License-Identifier: BSD-3-Clause */
/* A replay by the clock. No test asks for speed: a late packet is late, never early or lost. */
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "port_fixture.h"

enum { MS = 1000000 };

static void start_at(struct replay *replay, uint64_t start_tsc)
{
	struct error error = {0};

	assert_int_equal(replay_start(replay, start_tsc, -1, &error), 0);
}

static uint64_t cycles(uint64_t ns)
{
	return ns_to_tsc(ns, rte_get_tsc_hz());
}

/* Differs by less than one cycle from ns * hz / 10^9. */
static void assert_cycles(uint64_t value, uint64_t ns)
{
	uint64_t exact = cycles(ns);

	assert_in_range(value, exact - (exact > 0), exact + 1);
}

static void test_never_early(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	const struct replay_counters *counters;
	struct replay *replay;
	uint64_t start, total = 0;

	frames_add(fixture, 200, 60, 60);
	for (unsigned i = 0; i < 200; i++) /* bursts and gaps: 20 ms */
		fixture->frames[i].time_ns = 5000 + i / 20 * 2 * (uint64_t)MS + i % 20 * 300;
	fixture->config.replay.speed.kind = SPEED_ORIGINAL;
	replay = replay_begin(fixture);
	counters = replay_counters(replay);
	start = tsc_now() + cycles(MS);
	start_at(replay, start);
	while (!replay_finished(replay)) {
		unsigned count = replay_receive(replay, packets, 32);
		uint64_t now = tsc_now();

		for (unsigned i = 0; i < count; i++, total++) {
			uint64_t due_ns = fixture->frames[total].time_ns - 5000;

			if ((int64_t)(now - start - cycles(due_ns)) < 0)
				fail_msg("packet %lu came early", (unsigned long)total);
			assert_packet(packets[i], &fixture->frames[total]);
		}
		rte_pktmbuf_free_bulk(packets, count);
		if (count == 0 && !replay_finished(replay))
			assert_cycles(replay_next_due(replay) - start,
				fixture->frames[total].time_ns - 5000);
	}
	assert_int_equal(total, 200);
	assert_int_equal(counters->error_ns.count, 200);
	assert_int_equal(counters->first_due_tsc, start);
	assert_cycles(counters->last_due_tsc - start, fixture->frames[199].time_ns - 5000);
	assert_true(counters->first_tsc >= start);
	assert_true(counters->last_tsc >= counters->last_due_tsc);
	replay_destroy(replay);
}

/* Not called before all are due: each is late by a known least time. */
static void test_late(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	const struct replay_counters *counters;
	struct replay *replay;

	frames_add(fixture, 32, 60, 60); /* 31 us */
	fixture->config.replay.speed.kind = SPEED_ORIGINAL;
	replay = replay_begin(fixture);
	counters = replay_counters(replay);
	start_at(replay, tsc_now() - cycles(5 * MS));
	assert_int_equal(replay_receive(replay, packets, 32), 32);
	rte_pktmbuf_free_bulk(packets, 32);
	assert_int_equal(counters->late, 32);
	assert_int_equal(counters->error_ns.count, 32);
	/* Each 1 us less late than the one before. */
	assert_true(counters->error_ns.max >= 5 * MS);
	assert_true(histogram_quantile(&counters->error_ns, 0.01) >= 5 * MS - 31 * GAP_NS);
	assert_true(counters->last_tsc - counters->last_due_tsc >= cycles(5 * MS - 31 * GAP_NS));
	replay_destroy(replay);
}

/* 7 packets at 777 Mpps, 30000 times: the last is due when exact arithmetic says. */
static void test_no_drift(void **state)
{
	struct port_fixture *fixture = *state;
	const uint64_t loops = 30000, pps = 777000000;
	unsigned __int128 exact;
	struct rte_mbuf *packets[32];
	struct replay *replay;
	uint64_t span, start;
	unsigned count;

	frames_add(fixture, 7, 60, 60);
	fixture->config.replay.loop = loops;
	fixture->config.replay.speed = (struct speed){SPEED_PPS, (double)pps};
	replay = replay_begin(fixture);
	start = tsc_now();
	start_at(replay, start);
	while (!replay_finished(replay)) {
		count = replay_receive(replay, packets, 32);
		rte_pktmbuf_free_bulk(packets, count);
	}
	assert_int_equal(replay_counters(replay)->packets, 7 * loops);
	assert_int_equal(replay_counters(replay)->first_due_tsc, start);
	span = replay_counters(replay)->last_due_tsc - start;
	exact = (unsigned __int128)(7 * loops - 1) * rte_get_tsc_hz() / pps;
	/* Two roundings: of the loop's start and of the packet's place in it. */
	assert_in_range(span, (uint64_t)exact - 1, (uint64_t)exact + 2);
	replay_destroy(replay);
}

/* After a pause what is left comes as long after the new start as it was then away. */
static void test_pause(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct replay *replay;
	uint64_t start = tsc_now() - cycles(MS), again, due;

	frames_add(fixture, 2, 60, 60);
	fixture->frames[1].time_ns = fixture->frames[0].time_ns + 3600ull * NS_PER_SECOND;
	fixture->config.replay.speed.kind = SPEED_ORIGINAL;
	fixture->config.replay.loop = 2;
	replay = replay_begin(fixture);
	start_at(replay, start);
	assert_int_equal(replay_receive(replay, packets, 32), 1);
	rte_pktmbuf_free(packets[0]);
	assert_cycles(replay_next_due(replay) - start, 3600ull * NS_PER_SECOND);
	/* Paused with 10 ms to go, for a day. */
	due = replay_next_due(replay);
	replay_pause(replay, due - cycles(10 * MS));
	again = due + cycles(86400ull * NS_PER_SECOND);
	start_at(replay, again);
	assert_int_equal(replay_next_due(replay), again + cycles(10 * MS));
	/* And once more, so that it is due; then the second loop, a span and a gap later. */
	replay_pause(replay, again);
	start = tsc_now() - cycles(10 * MS);
	start_at(replay, start);
	due = replay_next_due(replay);
	assert_int_equal(due, start + cycles(10 * MS));
	assert_int_equal(replay_receive(replay, packets, 32), 1);
	rte_pktmbuf_free(packets[0]);
	assert_cycles(replay_next_due(replay) - due, 3600ull * NS_PER_SECOND);
	assert_int_equal(replay_counters(replay)->last_due_tsc, due);
	replay_destroy(replay);
}

static void test_duration(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct replay *replay;
	uint64_t start, total = 0;
	unsigned count;

	frames_add(fixture, 10, 60, 60);
	fixture->config.replay.loop = 0;
	fixture->config.replay.duration_ns = 20 * MS;
	replay = replay_begin(fixture);
	start = tsc_now();
	start_at(replay, start);
	while (!replay_finished(replay)) {
		count = replay_receive(replay, packets, 32);
		rte_pktmbuf_free_bulk(packets, count);
		total += count;
	}
	assert_true(tsc_now() - start >= cycles(20 * MS));
	assert_int_equal(replay_receive(replay, packets, 32), 0);
	assert_int_equal(replay_counters(replay)->packets, total);
	assert_true(total >= 32);
	replay_destroy(replay);
}

/* The time runs while it plays, not while it is paused. */
static void test_duration_and_pause(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct replay *replay;
	uint64_t now = tsc_now();

	frames_add(fixture, 10, 60, 60);
	fixture->config.replay.loop = 0;
	fixture->config.replay.duration_ns = 3600ull * NS_PER_SECOND;
	replay = replay_begin(fixture);
	start_at(replay, now);
	/* Half an hour of play, a pause, and a quarter of an hour. */
	replay_pause(replay, now + cycles(1800ull * NS_PER_SECOND));
	start_at(replay, now - cycles(900ull * NS_PER_SECOND));
	assert_int_equal(replay_receive(replay, packets, 10), 10);
	rte_pktmbuf_free_bulk(packets, 10);
	assert_false(replay_finished(replay));
	/* And another. */
	replay_pause(replay, tsc_now());
	start_at(replay, tsc_now() - cycles(900ull * NS_PER_SECOND));
	rte_pktmbuf_free_bulk(packets, replay_receive(replay, packets, 10));
	assert_true(replay_finished(replay));
	replay_destroy(replay);
}

/* At top speed there is no time to be wrong about. */
static void test_top_speed_has_no_error(void **state)
{
	struct port_fixture *fixture = *state;
	struct rte_mbuf *packets[32];
	struct replay *replay;

	frames_add(fixture, 10, 60, 60);
	replay = replay_begin(fixture);
	start_at(replay, tsc_now() - cycles(NS_PER_SECOND));
	assert_int_equal(replay_next_due(replay), 0);
	assert_int_equal(replay_receive(replay, packets, 32), 10);
	rte_pktmbuf_free_bulk(packets, 10);
	assert_int_equal(replay_counters(replay)->error_ns.count, 0);
	assert_int_equal(replay_counters(replay)->late, 0);
	replay_destroy(replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_never_early),
		PORT_TEST(test_late),
		PORT_TEST(test_no_drift),
		PORT_TEST(test_pause),
		PORT_TEST(test_duration),
		PORT_TEST(test_duration_and_pause),
		PORT_TEST(test_top_speed_has_no_error),
	};

	return cmocka_run_group_tests_name(
		"replay by the clock", tests, fixture_group_setup, fixture_group_teardown);
}
