/* SPDX-License-Identifier: BSD-3-Clause */
/* Steering, flows and softnet as JSON, from two readings of a fake engine. */
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
static struct snapshot *before, *now;
static json_t *json;

static int setup(void **state)
{
	(void)state;
	fake_engine_init(&engine);
	fake_steering_init();
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	return before != NULL && now != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(json);
	json = NULL;
	before = snapshot_destroy(before);
	now = snapshot_destroy(now);
	return 0;
}

static void take(struct snapshot *snapshot, uint64_t now_ns)
{
	snapshot_take(snapshot, before, &engine, now_ns, 0);
}

/* As after half a second. */
static void make_json(unsigned flows)
{
	json_decref(json);
	take(now, 500000000);
	json = snapshot_json(&engine, now, before, 500000000);
	snapshot_json_steering(json, &engine, now, before, 500000000, flows);
}

static const json_t *at(const char *path)
{
	const json_t *part = json;
	char name[64];

	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		part = json_is_array(part) ? json_array_get(part, (size_t)atoi(name))
					   : json_object_get(part, name);
		path += length + (path[length] == '/');
	}
	return part;
}

static void expect_number(const char *path, double expected)
{
	const json_t *value = at(path);

	if (!json_is_number(value))
		fail_msg("%s is no number", path);
	if (fabs(json_number_value(value) - expected) > 0.001)
		fail_msg("%s is %f, expected %f", path, json_number_value(value), expected);
}

static void expect_text(const char *path, const char *expected)
{
	const char *value = json_string_value(at(path));

	if (value == NULL || strcmp(value, expected) != 0)
		fail_msg(
			"%s is %s, expected %s", path, value != NULL ? value : "no text", expected);
}

static void nothing_steered(void **state)
{
	(void)state;
	snapshot_destroy(before);
	snapshot_destroy(now);
	fake_steering_none();
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	make_json(10);
	assert_int_equal(json_array_size(at("steering/ports")), 0);
	assert_true(json_is_null(at("steering/balancer")));
	assert_true(json_is_null(at("steering/rfs")));
	assert_int_equal(json_array_size(at("flows")), 0);
	assert_int_equal(json_array_size(at("softnet")), 2);
}

static void buckets_and_queues_have_rates(void **state)
{
	(void)state;
	fake_steering.bucket_packets[1] = 1000;
	take(before, 0);
	fake_steering.bucket_packets[1] += 300;
	fake_steering.bucket_packets[5] += 100;
	fake_steering.bucket_packets[2] += 100;
	make_json(1);
	assert_int_equal(json_array_size(at("steering/ports")), 1);
	assert_int_equal(json_array_size(at("steering/ports/0/buckets/pps")), FAKE_RETA);
	expect_text("steering/ports/0/port", "trace");
	expect_number("steering/ports/0/buckets/packets/1", 1300);
	expect_number("steering/ports/0/buckets/pps/1", 600);
	expect_number("steering/ports/0/buckets/pps/0", 0);
	expect_number("steering/ports/0/buckets/queue/5", 1);
	expect_number("steering/ports/0/buckets/worker/5", 1);
	expect_number("steering/ports/0/queues/1/pps", 800);
	expect_number("steering/ports/0/queues/1/share_percent", 80);
	expect_number("steering/ports/0/queues/1/buckets", 32);
	expect_number("steering/ports/0/queues/1/worker", 1);
	expect_number("steering/ports/0/queues/2/pps", 200);
	expect_number("steering/ports/0/queues/0/share_percent", 0);
}

/* While a bucket moves, its route holds no queue: the one it had is shown. */
static void a_moving_bucket_keeps_its_queue(void **state)
{
	(void)state;
	take(before, 0);
	fake_steering.routes[6] = (struct steer_route){.queue = 63, .worker = STEER_PARK};
	fake_steering.moves_now = 1;
	fake_steering.parked = 17;
	make_json(1);
	expect_number("steering/ports/0/buckets/queue/6", 2);
	assert_true(json_is_null(at("steering/ports/0/buckets/worker/6")));
	assert_int_equal(json_array_size(at("steering/ports/0/buckets/moving")), 1);
	expect_number("steering/ports/0/buckets/moving/0", 6);
	expect_number("steering/ports/0/moves_now", 1);
	expect_number("steering/ports/0/parked", 17);
	expect_number("steering/ports/0/park_slots", 4096);
}

static void counters_and_their_growth(void **state)
{
	(void)state;
	fake_steering.counters.bucket_moves = 10;
	take(before, 0);
	fake_steering.counters.bucket_moves += 4;
	fake_steering.counters.rfs_hits = 1000;
	fake_steering.counters.park_longest_cycles = 3000;
	make_json(1);
	expect_number("steering/ports/0/bucket_moves", 14);
	expect_number("steering/ports/0/bucket_moves_per_s", 8);
	expect_number("steering/ports/0/rfs_hits_per_s", 2000);
	expect_number("steering/ports/0/park_longest_ns", 1500);
	assert_null(at("steering/ports/0/park_longest_cycles"));
	assert_null(at("steering/ports/0/park_longest_cycles_per_s"));
}

static void balancer_and_workers(void **state)
{
	(void)state;
	fake_steering.balancing = true;
	fake_steering.balancer = (struct balancer_state){.max_over_mean = 1.2345,
		.max_over_mean_expected = NAN,
		.steps = 7,
		.moves = 100,
		.tick_ns = 2000000,
		.active_workers = 2};
	take(before, 0);
	fake_steering.balancer.moves = 150;
	fake_engine_run(&engine);
	fake_steering.softnet[1].backlog_len = 5;
	make_json(1);
	expect_number("steering/balancer/max_over_mean", 1.23);
	expect_number("steering/balancer/max_over_mean_expected", 0);
	expect_number("steering/balancer/moves", 150);
	expect_number("steering/balancer/moves_per_s", 100);
	expect_number("steering/balancer/tick_ns", 2000000);
	expect_number("steering/balancer/active_workers", 2);
	expect_number("steering/workers/1/cpu", 3);
	expect_number("steering/workers/1/backlog_len", 5);
	expect_number("steering/workers/1/busy_percent", 19.5);
	expect_number("steering/workers/1/pps", 780);
}

/* Lines and summaries say what happened, without tables of hundreds of numbers. */
static void short_form_has_no_tables(void **state)
{
	(void)state;
	take(now, 500000000);
	json = snapshot_json(&engine, now, before, 500000000);
	assert_non_null(at("steering/ports/0/bucket_moves"));
	assert_null(at("steering/ports/0/buckets"));
	assert_null(at("steering/ports/0/queues"));
	assert_null(at("steering/workers"));
	assert_null(at("flows"));
}

static void flows_by_what_they_send_now(void **state)
{
	(void)state;
	fake_flow_pass(1, 1, 1000000, 0); /* big once, silent now */
	fake_flow_pass(2, 2, 100, 0);
	take(before, 0);
	fake_flow_pass(2, 2, 300, 0);
	fake_flow_pass(3, 3, 500, 400); /* took the place of another: 100 are surely its own */
	fake_engine_run(&engine); /* 1000 packets received */
	make_json(2);
	assert_int_equal(json_array_size(at("flows")), 2);
	expect_text("flows/0/flow", "10.0.0.1:1000 10.0.0.2:2 udp");
	expect_text("flows/0/source", "10.0.0.1:1000");
	expect_text("flows/0/destination", "10.0.0.2:2");
	expect_text("flows/0/protocol", "udp");
	expect_text("flows/0/port", "trace");
	expect_number("flows/0/rank", 1);
	expect_number("flows/0/pps", 600);
	expect_number("flows/0/bps", 480000);
	expect_number("flows/0/packets", 400);
	expect_number("flows/0/share_percent", 30);
	expect_number("flows/0/bucket", 2);
	expect_number("flows/1/pps", 200);
	expect_number("flows/1/bps", 160000);
	expect_number("flows/1/error", 400);
	make_json(10);
	assert_int_equal(json_array_size(at("flows")), 3);
	expect_number("flows/2/packets", 1000000);
	expect_number("flows/2/pps", 0);
}

static void what_decides_where_a_flow_goes(void **state)
{
	uint32_t moved = 6; /* bucket 6, queue 2: worker 0's, but for the balancer */
	uint32_t mapped = 0x80000003; /* queue 3; the upper half of hashes is the map's second */
	uint32_t consumed = 0x12345408, far = 0x7654340c, kept = 0x55555410;

	(void)state;
	fake_steering_rps();
	fake_steering_rfs();
	fake_steering.routes[moved] = (struct steer_route){.queue = 1, .worker = 1};
	rfs_record(fake_steering.consumers, consumed, 3); /* no entry yet: to its consumer */
	rfs_record(fake_steering.consumers, far, 7); /* no worker near */
	rfs_record(fake_steering.consumers, kept, 3); /* the old worker has packets of it */
	fake_steering.table.flows->entries[kept & fake_steering.table.flows->mask] =
		rfs_flow_entry(0, 5);
	fake_flow_pass(4, 1, 800, 0);
	fake_flow_pass(moved, 2, 700, 0);
	fake_flow_pass(mapped, 3, 600, 0);
	fake_flow_pass(consumed, 4, 500, 0);
	fake_flow_pass(far, 5, 400, 0);
	fake_flow_pass(kept, 6, 300, 0);
	fake_steering.routes[9].worker = STEER_PARK;
	fake_flow_pass(9, 7, 200, 0);
	make_json(10);
	expect_text("flows/0/by", "RSS");
	expect_number("flows/0/worker", 0);
	expect_text("flows/1/by", "balancer");
	expect_number("flows/1/worker", 1);
	expect_text("flows/2/by", "RPS");
	expect_number("flows/2/worker", 1);
	expect_text("flows/3/by", "RFS");
	expect_number("flows/3/worker", 1);
	expect_text("flows/4/by", "RSS");
	expect_number("flows/4/worker", 0);
	expect_text("flows/5/by", "RFS");
	expect_number("flows/5/worker", 0);
	expect_text("flows/6/by", "moving");
	assert_true(json_is_null(at("flows/6/worker")));
	expect_number("steering/rfs/consumer_entries", FAKE_CONSUMERS);
	expect_number("steering/rfs/consumers_used", 2);
	expect_number("steering/ports/0/flows_used", 1);
	expect_number("steering/ports/0/flow_entries", FAKE_FLOW_ENTRIES);
	assert_int_equal(json_array_size(at("steering/ports/0/queues/3/rps_workers")), 2);
	assert_int_equal(json_array_size(at("steering/ports/0/queues/0/rps_workers")), 0);
}

static void softnet(void **state)
{
	(void)state;
	fake_steering.softnet[1] = (struct softnet_view){3, 100, 2, 3, 4, 5, 6, 7, 8};
	make_json(1);
	expect_number("softnet/0/cpu", 2);
	expect_number("softnet/1/cpu", 3);
	expect_number("softnet/1/processed", 100);
	expect_number("softnet/1/dropped", 2);
	expect_number("softnet/1/time_squeeze", 3);
	expect_number("softnet/1/received_rps", 4);
	expect_number("softnet/1/flow_limit_count", 5);
	expect_number("softnet/1/backlog_len", 6);
	expect_number("softnet/1/input_qlen", 7);
	expect_number("softnet/1/process_qlen", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_steered, setup, teardown),
		cmocka_unit_test_setup_teardown(buckets_and_queues_have_rates, setup, teardown),
		cmocka_unit_test_setup_teardown(a_moving_bucket_keeps_its_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_and_their_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(balancer_and_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(short_form_has_no_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(flows_by_what_they_send_now, setup, teardown),
		cmocka_unit_test_setup_teardown(what_decides_where_a_flow_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(softnet, setup, teardown),
	};

	return cmocka_run_group_tests_name("stats/steering", tests, NULL, NULL);
}
