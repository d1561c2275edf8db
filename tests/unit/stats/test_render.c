/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables as they look, from the same JSON that machines get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_engine.h"
#include "stats/render.h"
#include "stats/snapshot_json.h"
#include "stats/table.h"
#include "stats/view.h"

static struct engine engine;

static json_t *a_second(void)
{
	struct snapshot *before, *now;
	json_t *json;

	fake_engine_init(&engine);
	before = snapshot_create(&engine);
	now = snapshot_create(&engine);
	for (int i = 0; i < 1000; i++)
		fake_engine_run(&engine);
	snapshot_take(now, before, &engine, 1000000000, 1500000000123456789);
	json = snapshot_json(&engine, now, before, 1000000000);
	snapshot_destroy(before);
	snapshot_destroy(now);
	return json;
}

static void expect(json_t *json, unsigned which, unsigned flags, const char *expected)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	render(out, json, which, flags);
	fclose(out);
	if (strcmp(text, expected) != 0)
		fail_msg("rendered:\n%s\nexpected:\n%s", text, expected);
	free(text);
}

static void summary(void **state)
{
	json_t *json = a_second();

	(void)state;
	expect(json, RENDER_SUMMARY, 0,
		"2017-07-14T02:40:00.123Z  rates over 1 s\n"
		"port       link    packets     bytes  packets/s  bit/s  per batch  rx lost\n"
		"trace  rx  up    1,000,000  95.4 MiB     1.00 M  800 M       25.0        0\n"
		"       tx                0       0 B          0      0        0.0        -\n"
		"sink   rx  up            0       0 B          0      0        0.0        3\n"
		"       tx          990,000  94.4 MiB      990 k  792 M       16.5        -\n"
		"\n"
		"worker  cpu  share              packets  packets/s  busy  sleep  cyc/pkt  batch   "
		"drops\n"
		"     0    2    61%  ######....  600,000      600 k   50%     0%      100   25.0  "
		"10.0 k\n"
		"     1    3    39%  ####......  390,000      390 k   20%    50%      100   19.5   "
		"    "
		"0\n"
		"\n"
		"latency: p50 1.01 us, p90 10 us, p99 10 us, p99.9 10 us, max 10 us (990,000 "
		"packets)\n"
		"dropped       packets  packets/s  kind  why\n"
		"backlog_full   10,000     10.0 k  loss  the backlog of the worker it was steered "
		"to "
		"was full\n"
		"account: in 1,000,000 + made 0 = out 990,000 + held 0 + drops 10,000 (exact)\n");
	json_decref(json);
}

static void idle_queues_are_hidden(void **state)
{
	json_t *json = a_second();

	(void)state;
	expect(json, SECTION_BIT(QUEUES), 0,
		"2017-07-14T02:40:00.123Z  rates over 1 s\n"
		"port   kind      queue  worker    packets     bytes  packets/s  bit/s  per batch\n"
		"trace  rx            0       0  1,000,000  95.4 MiB     1.00 M  800 M       25.0\n"
		"trace  emulated      0       0    600,000  57.2 MiB      600 k  480 M          -\n"
		"trace  emulated      1       1    400,000  38.1 MiB      400 k  320 M          -\n"
		"sink   tx            0       0    600,000  57.2 MiB      600 k  480 M       15.0\n"
		"sink   tx            1       1    390,000  37.2 MiB      390 k  312 M       19.5\n"
		"2 idle queues not shown (--all)\n");
	json_decref(json);
}

static void unaccounted_is_said(void **state)
{
	json_t *json = json_pack("{s:{s:i, s:i, s:i, s:i, s:i, s:i}}", "account", "in", 5, "made",
		0, "out", 2, "held", 0, "drops", 1, "unaccounted", 2);

	(void)state;
	expect(json, RENDER_WHATEVER, 0,
		"account: in 5 + made 0 = out 2 + held 0 + drops 1 (2 on the way or "
		"unaccounted)\n");
	json_decref(json);
}

/* Every number of a table is one of the JSON's: change the JSON, and the table changes. */
static json_t *with_order(const struct order_result *result)
{
	json_t *json;

	fake_engine_init(&engine);
	engine.order = *result;
	json = json_object();
	json_object_set_new(json, "order", view_order_json(&(struct view){.engine = &engine}));
	return json;
}

static void order_is_said(void **state)
{
	struct order_result result = {.exact = true,
		.good = true,
		.flows = 67,
		.received = 12345,
		.checked = 12340,
		.lost = 5,
		.dropped = 5};
	json_t *json = with_order(&result);

	(void)state;
	expect(json, RENDER_SUMMARY, 0,
		"order: 0 reordered of 12,340 packets in 67 flows, 0 duplicates, none lost but by "
		"drops\n");
	json_decref(json);
	result.exact = false;
	result.unknown = 3;
	json = with_order(&result);
	expect(json, RENDER_SUMMARY, 0,
		"order: 0 reordered of 12,340 packets in 67 flows, 0 duplicates, 5 on the way or "
		"lost, 3 made on the way\n");
	json_decref(json);
}

static void broken_order_names_flows(void **state)
{
	struct order_result result = {.exact = true,
		.flows = 67,
		.received = 12345,
		.checked = 12340,
		.reordered = 1234,
		.reordered_ratio = 0.1,
		.extent_max = 12,
		.extent_at_least = true,
		.duplicated = 2,
		.lost = 7,
		.dropped = 5,
		.untracked = 4,
		.worst_count = 1,
		.worst = {{.flow = "10.0.0.1:80 10.0.0.2:1234 tcp",
			.received = 2000,
			.reordered = 1234,
			.extent_max = 12}}};
	json_t *json = with_order(&result);

	(void)state;
	expect(json, RENDER_SUMMARY, 0,
		"order: BROKEN: 1,234 reordered of 12,340 packets in 67 flows (ratio 0.1, by up to "
		"12 or more), 2 duplicates, 2 LOST beyond the drops, 4 of further flows\n"
		"packets  reordered  extent  duplicated  lost  worst flows\n"
		"  2,000      1,234      12           0     0  10.0.0.1:80 10.0.0.2:1234 tcp\n");
	json_decref(json);
}

static void tables_follow_the_json(void **state)
{
	json_t *json = json_pack("{s:[{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i}]}", "memory", "pool",
		"p", "numa_node", -1, "size", 1234567, "used", 2, "free", 3, "free_min", 4,
		"buffer_bytes", 2304, "bytes", 1048576);

	(void)state;
	expect(json, RENDER_WHATEVER, 0,
		"pool  node    buffers  used  free  least free  of bytes  memory\n"
		"p        -  1,234,567     2     3           4     2,304   1 MiB\n");
	json_decref(json);
}

/* A client prints what the other end of a socket says: shapes it does not expect, and escapes. */
static void strange_json(void **state)
{
	static const char *const strange[] = {"null", "[]", "{}", "1", "{\"ports\": 1}",
		"{\"ports\": {}}", "{\"ports\": [1, null, \"x\"]}", "{\"drops\": [1]}",
		"{\"workers\": [{\"burst_sizes\": 7}]}", "{\"queues\": [{\"packets\": \"x\"}]}",
		"{\"latency\": []}", "{\"account\": 0, \"time\": 1}", "{\"stages\": [[[]]]}",
		"{\"commands\": [{}]}", "{\"memory\": [{\"size\": -5, \"numa_node\": 1e9}]}"};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	json_t *json;

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		json = json_loads(strange[i], JSON_DECODE_ANY, NULL);
		assert_non_null(json);
		render(out, json, RENDER_WHATEVER, RENDER_DETAILS | RENDER_IDLE);
		json_decref(json);
	}
	json = json_pack("{s:[{s:s}], s:s}", "queues", "port", "\033[2J\n", "message", "a\033]0;b");
	render(out, json, RENDER_WHATEVER, RENDER_IDLE);
	json_decref(json);
	fclose(out);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void tables_fit_the_screen(void **state)
{
	json_t *json = a_second();
	json_t *port = json_array_get(json_object_get(json, "ports"), 0);
	char *text = NULL, *save = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	json_object_set_new(port, "device",
		json_string("0000:21:00.0,with=a,very=long,list=of,device=arguments,that=goes,on="
			    "and,on=on"));
	json_object_set_new(json_object_get(port, "rx"), "packets", json_integer(123456789012345));
	/* The kernel's names of columns are as long as they are. */
	render(out, json, RENDER_WHATEVER & ~SECTION_BIT(SOFTNET), RENDER_DETAILS | RENDER_IDLE);
	fclose(out);
	assert_non_null(strstr(text, "123,456,789,012,345"));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strlen(line) > TABLE_WIDTH_MAX)
			fail_msg("%zu columns: %s", strlen(line), line);
	}
	free(text);
	json_decref(json);
}

static void counts(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(count_text(text, 0), "0");
	assert_string_equal(count_text(text, 999), "999");
	assert_string_equal(count_text(text, 1000), "1,000");
	assert_string_equal(count_text(text, 123456), "123,456");
	assert_string_equal(count_text(text, UINT64_MAX), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary),
		cmocka_unit_test(idle_queues_are_hidden),
		cmocka_unit_test(unaccounted_is_said),
		cmocka_unit_test(order_is_said),
		cmocka_unit_test(broken_order_names_flows),
		cmocka_unit_test(tables_follow_the_json),
		cmocka_unit_test(strange_json),
		cmocka_unit_test(tables_fit_the_screen),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests_name("stats/render", tests, NULL, NULL);
}
