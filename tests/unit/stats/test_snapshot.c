/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates and shares from two readings of a fake engine under a fake clock. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "stats/snapshot_json.h"

static struct engine engine;

static const json_t *at(const json_t *json, const char *path)
{
	char part[64];

	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
					   : json_object_get(json, part);
		path += length + (path[length] == '/');
	}
	return json;
}

static void expect_number(const json_t *json, const char *path, double expected)
{
	const json_t *value = at(json, path);

	if (!json_is_number(value))
		fail_msg("%s is no number", path);
	if (fabs(json_number_value(value) - expected) > 0.001)
		fail_msg("%s is %f, expected %f", path, json_number_value(value), expected);
}

static void expect_text(const json_t *json, const char *path, const char *expected)
{
	const char *value = json_string_value(at(json, path));

	assert_non_null(value);
	assert_string_equal(value, expected);
}

static json_t *half_second_later(struct snapshot *before, struct snapshot *now)
{
	snapshot_take(before, before, &engine, 10000000000, 0);
	fake_engine_run(&engine);
	snapshot_take(now, before, &engine, 10500000000, 1500000000123456789);
	return snapshot_json(&engine, now, before, now->taken_ns - before->taken_ns);
}

static void rates_are_of_the_interval(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	fake_engine_run(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	json = half_second_later(before, now);
	expect_text(json, "time", "2017-07-14T02:40:00.123Z");
	expect_number(json, "interval_ns", 500000000);
	expect_text(json, "ports/0/port", "trace");
	expect_number(json, "ports/0/rx/packets", 2000);
	expect_number(json, "ports/0/rx/bytes", 200000);
	expect_number(json, "ports/0/rx/pps", 2000);
	expect_number(json, "ports/0/rx/bps", 1600000);
	expect_number(json, "ports/0/rx/packets_per_batch", 25);
	expect_number(json, "ports/0/tx/packets", 0);
	expect_number(json, "ports/1/tx/packets", 1980);
	expect_number(json, "ports/1/tx/packets_per_batch", 16.5);
	expect_number(json, "ports/1/missed", 3);
	assert_int_equal(json_array_size(at(json, "queues")), 7);
	expect_text(json, "queues/2/kind", "emulated");
	expect_number(json, "queues/2/packets", 800);
	expect_number(json, "queues/2/worker", 1);
	expect_text(json, "queues/6/kind", "tx");
	expect_number(json, "queues/6/pps", 780);
	expect_number(json, "drops/backlog_full/packets", 20);
	expect_number(json, "drops/backlog_full/pps", 20);
	expect_number(json, "account/in", 2000);
	expect_number(json, "account/drops", 20);
	expect_number(json, "account/unaccounted", 0);
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

static void workers_share_the_packets(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	json = half_second_later(before, now);
	expect_number(json, "workers/0/packets", 600);
	expect_number(json, "workers/1/packets", 390);
	expect_number(json, "workers/0/share_percent", 60.61);
	expect_number(json, "workers/1/share_percent", 39.39);
	expect_number(json, "workers/0/busy_percent", 50);
	expect_number(json, "workers/1/busy_percent", 19.5);
	expect_number(json, "workers/1/idle_percent", 30.5);
	expect_number(json, "workers/1/sleep_percent", 50);
	/* All it received cost worker 0 cycles, also what it handed on. */
	expect_number(json, "workers/0/cycles_per_packet", 100);
	expect_number(json, "workers/1/cycles_per_packet", 100);
	expect_number(json, "workers/0/packets_per_batch", 25);
	expect_number(json, "workers/1/packets_per_batch", 19.5);
	expect_number(json, "workers/0/burst_sizes/16-31", 40);
	expect_number(json, "workers/0/burst_sizes/32-63", 0);
	expect_number(json, "workers/0/burst_sizes/64", 0);
	expect_number(json, "workers/0/handoff_out", 400);
	expect_number(json, "workers/1/backlog_high", 77);
	expect_number(json, "workers/1/tid", 4243);
	expect_number(json, "workers/0/drops", 10);
	expect_number(json, "workers/0/latency_ns/count", 600);
	expect_number(json, "workers/0/latency_ns/max", 1000);
	expect_number(json, "workers/1/latency_ns/p50", 10000);
	for (unsigned i = 0; i < worker_counter_count; i++)
		assert_non_null(
			json_object_get(at(json, "workers/0"), worker_counter_infos[i].name));
	expect_number(json, "latency/since_start/count", 990);
	expect_number(json, "latency/since_start/max", 10000);
	assert_true(json_number_value(at(json, "latency/since_start/p50")) < 1040);
	expect_text(json, "stages/0/pipeline", "trace->sink");
	assert_int_equal(json_array_size(at(json, "stages")), 1);
	expect_number(json, "stages/0/packets", 990);
	expect_number(json, "stages/0/cycles_per_packet", 15);
	expect_number(json, "stages/0/workers/1/cycles_per_packet", 20);
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

static void latency_of_the_interval_alone(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	histogram_record(&engine.workers[0].latency_cycles, 4000000, 5000);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	json = half_second_later(before, now);
	expect_number(json, "latency/interval/count", 990);
	assert_true(json_number_value(at(json, "latency/interval/max")) < 10400);
	expect_number(json, "latency/since_start/count", 5990);
	expect_number(json, "latency/since_start/p99", 2000000);
	expect_number(json, "workers/0/latency_interval_ns/count", 600);
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

/* Nothing happened, no time passed, a counter was read early: no division by zero, no wrap. */
static void nothing_to_divide_by(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	snapshot_take(before, before, &engine, 5, 0);
	snapshot_take(now, before, &engine, 5, 0);
	before->rx[0].packets = 7;
	before->workers[0].busy_cycles = 9;
	json = snapshot_json(&engine, now, before, 0);
	expect_number(json, "ports/0/rx/pps", 0);
	expect_number(json, "ports/0/rx/packets_per_batch", 0);
	expect_number(json, "workers/0/busy_percent", 0);
	expect_number(json, "workers/0/share_percent", 0);
	expect_number(json, "latency/interval/p99", 0);
	json_decref(json);
	json = snapshot_json(&engine, now, before, 1000);
	expect_number(json, "ports/0/rx/pps", 0);
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

static void large_numbers_do_not_overflow(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	engine.rx[0].packets = 1ull << 40;
	engine.rx[0].bytes = 1ull << 50;
	engine.account.in = UINT64_MAX;
	snapshot_take(now, before, &engine, 5, 0);
	json = snapshot_json(&engine, now, before, 100000000000);
	expect_number(json, "ports/0/rx/pps", round(pow(2, 40) / 100));
	expect_number(json, "ports/0/rx/bps", round(pow(2, 53) / 100));
	assert_true(json_integer_value(at(json, "account/in")) == INT64_MAX);
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

static void minimum_and_unplugged_port(void **state)
{
	struct snapshot *before, *now;
	json_t *json;

	(void)state;
	fake_engine_init(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	engine.pool_free = 10;
	snapshot_take(before, before, &engine, 1, 0);
	engine.pool_free = 500;
	snapshot_take(now, before, &engine, 2, 0);
	engine.sink_removed = true;
	snapshot_take(now, now, &engine, 3, 0);
	json = snapshot_json(&engine, now, before, 2);
	expect_number(json, "memory/0/free", 500);
	expect_number(json, "memory/0/free_min", 10);
	expect_number(json, "memory/0/bytes", 8191 * 2304);
	expect_text(json, "ports/1/link", "removed");
	expect_text(json, "ports/1/port", "sink");
	json_decref(json);
	snapshot_destroy(before);
	snapshot_destroy(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_of_the_interval),
		cmocka_unit_test(workers_share_the_packets),
		cmocka_unit_test(latency_of_the_interval_alone),
		cmocka_unit_test(nothing_to_divide_by),
		cmocka_unit_test(large_numbers_do_not_overflow),
		cmocka_unit_test(minimum_and_unplugged_port),
	};

	return cmocka_run_group_tests_name("stats/snapshot", tests, NULL, NULL);
}
