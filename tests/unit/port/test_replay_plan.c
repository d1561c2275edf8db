/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a replay before it is loaded, and what happens when that was wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "base/clock.h"
#include "port_fixture.h"

static int plan(struct port_fixture *fixture, uint64_t limit, struct error *error)
{
	*error = (struct error){0};
	return replay_plan_make(&fixture->config, limit, &fixture->plan, error);
}

static struct replay *create(struct port_fixture *fixture, struct error *error)
{
	*error = (struct error){0};
	return replay_create(&fixture->plan, fixture->pool, SOCKET_ID_ANY, rte_get_tsc_hz(), error);
}

static void test_numbers(void **state)
{
	struct port_fixture *fixture = *state;
	struct error error;

	frames_add(fixture, 10, 100, 100);
	frames_add(fixture, 1, 2048, 2048);
	frames_add(fixture, 1, 2049, 2049);
	frames_add(fixture, 1, 80000, 80000);
	fixture->frames[4].time_ns = 1; /* back in time */
	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_true(fixture->plan.preload);
	assert_int_equal(fixture->plan.packets, 13);
	assert_int_equal(fixture->plan.bytes, 1000 + 2048 + 2049 + 80000);
	assert_int_equal(fixture->plan.segments, 10 + 1 + 2 + 40);
	assert_int_equal(fixture->plan.span_ns, 12 * GAP_NS);
	assert_int_equal(fixture->plan.counts.read, 13);
	assert_int_equal(fixture->plan.counts.frames, 13);
	assert_int_equal(fixture->plan.counts.time_backwards, 1);
	/* An mbuf a segment, and the bytes. */
	assert_true(
		fixture->plan.memory_bytes > fixture->plan.bytes + 53 * sizeof(struct rte_mbuf));
	assert_true(fixture->plan.memory_bytes < fixture->plan.bytes + 53 * 512);
}

static void test_limit(void **state)
{
	struct port_fixture *fixture = *state;
	struct error error;
	uint64_t needed;

	frames_add(fixture, 9000, 60, 100);
	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	needed = fixture->plan.memory_bytes;
	assert_int_equal(plan(fixture, needed, &error), 0);
	assert_true(fixture->plan.preload);
	assert_int_equal(fixture->plan.packets, 9000);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(plan(fixture, i ? needed - 1 : 1000, &error), 0);
		assert_false(fixture->plan.preload);
		assert_int_equal(fixture->plan.packets, 0);
		assert_int_equal(fixture->plan.memory_bytes, 0);
	}
	/* What must be preloaded is not streamed behind anybody's back. */
	fixture->config.replay.load = REPLAY_LOAD_PRELOAD;
	assert_int_equal(plan(fixture, needed, &error), 0);
	assert_int_equal(plan(fixture, needed - 1, &error), -ENOMEM);
	assert_non_null(strstr(error.message, "/replay/load"));
	assert_non_null(strstr(error.message, fixture->config.name));
}

static void test_generators(void **state)
{
	struct port_fixture *fixture = *state;
	struct config_generate *generate = &fixture->config.generate;
	struct error error;

	fixture->config.kind = PORT_GENERATE;
	*generate = (struct config_generate){.seed = 1,
		.flows = 100,
		.packets = 500,
		.size_min = 64,
		.size_max = 64,
		.speed = {.kind = SPEED_TOP}};
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_true(fixture->plan.preload);
	assert_int_equal(fixture->plan.packets, 500);
	assert_int_equal(fixture->plan.bytes, 500 * 64);
	assert_int_equal(fixture->plan.play.loop, 1);
	/* For ever: a cycle of them. */
	generate->packets = 0;
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_true(fixture->plan.preload);
	assert_int_equal(fixture->plan.play.loop, 0);
	assert_in_range(fixture->plan.packets, 100 * 4, 1 << 20);
	/* A cycle would tear TCP streams. */
	generate->protocol = GENERATE_TCP;
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_false(fixture->plan.preload);
}

static void test_damaged(void **state)
{
	struct port_fixture *fixture = *state;
	struct capture_counts counts;
	struct replay *replay;
	struct error error;

	frames_add(fixture, 100, 60, 200);
	file_write(fixture, "trace.pcap");
	file_cut(fixture, file_length(fixture) - 20);
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_int_equal(fixture->plan.packets, 99);
	replay = create(fixture, &error);
	assert_non_null(replay);
	assert_int_equal(replay_start(replay, tsc_now(), -1, &error), 0);
	free(fixture->frames[--fixture->frame_count].bytes);
	assert_int_equal(receive_all(fixture, replay), 99);
	replay_read_counts(replay, &counts);
	assert_int_equal(counts.read, 100);
	assert_int_equal(counts.frames, 99);
	assert_int_equal(counts.skipped[SKIP_damaged], 1);
	replay_destroy(replay);
}

/* Plans for the frames there are, and loads others. */
static void assert_changed(struct port_fixture *fixture, unsigned count, uint32_t length)
{
	struct error error;

	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	frames_clear(fixture);
	frames_add(fixture, count, length, length);
	file_write(fixture, "trace.pcap");
	assert_null(create(fixture, &error));
	assert_non_null(strstr(error.message, "changed"));
	assert_non_null(strstr(error.message, fixture->config.name));
}

static void test_longer_than_planned(void **state)
{
	struct port_fixture *fixture = *state;

	frames_add(fixture, 100, 60, 60);
	assert_changed(fixture, 100, 2000);
}

static void test_more_segments_than_planned(void **state)
{
	struct port_fixture *fixture = *state;

	/* The mempool rounds up: enough of them. */
	frames_add(fixture, 3000, 2048, 2048);
	assert_changed(fixture, 3000, 2049);
}

static void test_fewer_than_planned(void **state)
{
	struct port_fixture *fixture = *state;

	frames_add(fixture, 100, 60, 60);
	assert_changed(fixture, 50, 60);
}

/* Live captures grow; what was planned is played. */
static void test_more_than_planned(void **state)
{
	struct port_fixture *fixture = *state;
	struct replay *replay;
	struct error error;

	frames_add(fixture, 100, 60, 60);
	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	frames_add(fixture, 100, 60, 60);
	file_write(fixture, "trace.pcap");
	replay = create(fixture, &error);
	assert_non_null(replay);
	assert_int_equal(replay_start(replay, tsc_now(), -1, &error), 0);
	assert_int_equal(receive_all(fixture, replay), 100);
	replay_destroy(replay);
}

static void test_gone(void **state)
{
	struct port_fixture *fixture = *state;
	struct error error;

	assert_true(plan(fixture, UINT64_MAX, &error) < 0);
	assert_non_null(strstr(error.message, fixture->path));
	frames_add(fixture, 10, 60, 60);
	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	unlink(fixture->path);
	assert_null(create(fixture, &error));
	assert_int_equal(error.code, ENOENT);
}

/* Packet memory that EAL has not got. */
static void test_no_memory(void **state)
{
	struct port_fixture *fixture = *state;
	struct error error;

	frames_add(fixture, 3000, 81000, 81920); /* 240 MB of 192 MiB */
	file_write(fixture, "trace.pcap");
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_null(create(fixture, &error));
	assert_int_equal(error.code, ENOMEM);
	assert_non_null(strstr(error.message, "stream"));
}

static void test_standard_input(void **state)
{
	struct port_fixture *fixture = *state;
	char *names[] = {(char[]){"-"}, NULL};
	struct error error;

	fixture->config.replay.files = names;
	assert_int_equal(plan(fixture, UINT64_MAX, &error), 0);
	assert_false(fixture->plan.preload);
	fixture->config.replay.loop = 2;
	assert_int_equal(plan(fixture, UINT64_MAX, &error), -EINVAL);
	fixture->config.replay.loop = 1;
	fixture->config.replay.load = REPLAY_LOAD_PRELOAD;
	assert_int_equal(plan(fixture, UINT64_MAX, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(test_numbers),
		PORT_TEST(test_limit),
		PORT_TEST(test_generators),
		PORT_TEST(test_damaged),
		PORT_TEST(test_longer_than_planned),
		PORT_TEST(test_more_segments_than_planned),
		PORT_TEST(test_fewer_than_planned),
		PORT_TEST(test_more_than_planned),
		PORT_TEST(test_gone),
		PORT_TEST(test_no_memory),
		PORT_TEST(test_standard_input),
	};

	return cmocka_run_group_tests_name(
		"replay plan", tests, fixture_group_setup, fixture_group_teardown);
}
