/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands, requests, ticks, and the thread with its socket and file. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "control/control.h"
#include "fake_engine.h"
#include "stats/commands.h"
#include "stats/state.h"

static struct engine engine;
static struct stats *stats;

static int setup(void **state)
{
	(void)state;
	fake_engine_init(&engine);
	return stats_create(&engine, &stats, NULL);
}

static int teardown(void **state)
{
	(void)state;
	stats = stats_destroy(stats);
	return 0;
}

/* Runs "word word word" as the console would. */
static int run(const char *line, json_t **ret_result, struct error *error)
{
	char copy[256], *save = NULL;
	const char *words[8];
	unsigned count = 0;
	json_t *request;
	int rc;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	*ret_result = NULL;
	*error = (struct error){0};
	rc = stats_request_make(words, count, &request, error);
	if (rc < 0)
		return rc;
	rc = stats_command(stats, request, ret_result, error);
	json_decref(request);
	return rc;
}

static void expect_error(const char *line, const char *part)
{
	struct error error;
	json_t *result;

	assert_true(run(line, &result, &error) < 0);
	assert_null(result);
	if (strstr(error.message, part) == NULL)
		fail_msg("%s: %s", line, error.message);
}

static json_t *expect_ok(const char *line)
{
	struct error error;
	json_t *result;

	if (run(line, &result, &error) < 0)
		fail_msg("%s: %s", line, error.message);
	assert_non_null(result);
	return result;
}

static void show_gives_what_is_asked_for(void **state)
{
	static const char *const names[] = {"ports", "queues", "workers", "stages", "latency",
		"drops", "memory", "account", "config", "commands"};
	char line[64];
	json_t *result;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "show %s", names[i]);
		result = expect_ok(line);
		assert_non_null(json_object_get(result, names[i]));
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			if (n != i && !(i == 5 && n == 7))
				assert_null(json_object_get(result, names[n]));
		}
		json_decref(result);
	}
	result = expect_ok("show all");
	for (size_t i = 0; i < 8; i++)
		assert_non_null(json_object_get(result, names[i]));
	json_decref(result);
	json_decref(expect_ok("help"));
}

static void wrong_commands(void **state)
{
	struct error error = {0};
	json_t *request = json_pack("{s:s, s:s, s:i}", "command", "show", "what", "ports", "x", 1);
	json_t *result = NULL;

	(void)state;
	expect_error("shwo ports", "no command \"shwo\": expected one of show, set, explain");
	expect_error("show port", "nothing named \"port\" to show: expected one of all, ports");
	expect_error("show", "usage: show WHAT");
	expect_error("show ports queues", "show ports takes no number, found \"queues\"");
	expect_error("show flows 0", "expected how many flows, 1 to 256, found \"0\"");
	expect_error("show flows 5 6", "usage: show WHAT [FLOWS]");
	expect_error("stop now", "usage: stop");
	expect_error("set stats.interval", "usage: set [PATH VALUE]...");
	expect_error("set stats.intervall 1s", "did you mean \"stats.interval\"?");
	expect_error("set stats.interval soon", "stats.interval: found \"soon\", expected");
	expect_error("set stats.interval 1us", "stats.interval: found \"1us\", expected");
	expect_error("set stats.table maybe", "stats.table: found \"maybe\", expected true");
	expect_error("set stats.table on stats.table off", "stats.table is given twice");
	expect_error("set workers.count 3", "workers.count cannot change while weir runs");
	assert_true(stats_command(stats, request, &result, &error) < 0);
	json_decref(request);
	request = json_pack("{s:s, s:i}", "command", "show", "what", 1);
	assert_true(stats_command(stats, request, &result, &error) < 0);
	json_decref(request);
	request = json_pack("{s:s, s:s}", "command", "set", "settings", "stats.table");
	assert_true(stats_command(stats, request, &result, &error) < 0);
	json_decref(request);
	request = json_pack("{s:s, s:{}, s:i}", "command", "set", "settings", "now", 1);
	assert_true(stats_command(stats, request, &result, &error) < 0);
	json_decref(request);
	assert_null(result);
	assert_int_equal(engine.changes, 0);
}

static void settings(void **state)
{
	json_t *result;

	(void)state;
	json_decref(expect_ok("set stats.interval 250ms"));
	assert_int_equal(stats->interval_ns, 250000000);
	json_decref(expect_ok("set stats.interval 0"));
	assert_int_equal(stats->interval_ns, 0);
	json_decref(expect_ok("set stats.table on"));
	assert_true(stats->table);
	json_decref(expect_ok("set stats.table off"));
	assert_false(stats->table);
	assert_int_equal(engine.changes, 4);
	result = expect_ok("set stats.table off"); /* it is so already */
	assert_true(json_is_array(json_object_get(result, "changes")));
	assert_int_equal(json_array_size(json_object_get(result, "changes")), 0);
	json_decref(result);
	assert_int_equal(engine.changes, 4);
}

/* The engine is changed once, and the answer says what is new. */
static void several_settings_change_together(void **state)
{
	json_t *result = expect_ok("set steering.balance on stats.interval 3s"), *change;

	(void)state;
	assert_int_equal(engine.changes, 1);
	assert_true(engine.config.steering.balance);
	assert_int_equal(stats->interval_ns, 3 * NS_PER_SECOND);
	assert_int_equal(json_array_size(json_object_get(result, "changes")), 2);
	change = json_array_get(json_object_get(result, "changes"), 0);
	assert_string_equal(json_string_value(json_object_get(change, "path")), "steering.balance");
	assert_true(json_is_false(json_object_get(change, "from")));
	assert_true(json_is_true(json_object_get(change, "to")));
	json_decref(result);
}

static void explains_a_flow(void **state)
{
	json_t *result = expect_ok("explain 10.0.0.1:7 10.0.0.2:9 udp trace"), *explanation;

	(void)state;
	explanation = json_object_get(result, "explanation");
	assert_string_equal(json_string_value(json_object_get(explanation, "hash")), "0x00000107");
	assert_int_equal(json_integer_value(json_object_get(explanation, "cpu")), 3);
	assert_int_equal(json_integer_value(json_object_get(explanation, "queues")), 4);
	json_decref(result);
	json_decref(expect_ok("explain 10.0.0.1 10.0.0.2")); /* the first port that is read */
	expect_error("explain 10.0.0.1:7 10.0.0.2:9 udp trce", "did you mean \"trace\"?");
	expect_error("explain 10.0.0.1:7 10.0.0.2:9 udp sink", "port 1 does not steer");
	expect_error("explain 10.0.0.1:7 10.0.0.2:9 upd", "upd");
	expect_error("explain 10.0.0.1:7", "usage: explain SOURCE DESTINATION");
}

/* What the engine did not do holds nowhere. */
static void a_change_that_fails_changes_nothing(void **state)
{
	uint64_t before_ns = stats->interval_ns;

	(void)state;
	engine.stuck = true;
	expect_error("set stats.interval 3s", "worker 1 does not follow");
	assert_int_equal(stats->interval_ns, before_ns);
}

static void settings_are_listed(void **state)
{
	static const char *const lines[] = {"set", "show settings"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		json_t *result = expect_ok(lines[i]);

		assert_true(json_array_size(json_object_get(result, "settings")) > 12);
		json_decref(result);
	}
}

static void requests_wait_for_main(void **state)
{
	struct pollfd poll_fd = {.fd = stats_request_fd(stats), .events = POLLIN};

	(void)state;
	assert_int_equal(stats_take_request(stats), STATS_REQUEST_NONE);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	json_decref(expect_ok("stop"));
	json_decref(expect_ok("start"));
	json_decref(expect_ok("quit"));
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_int_equal(stats_take_request(stats), STATS_REQUEST_STOP);
	assert_int_equal(stats_take_request(stats), STATS_REQUEST_START);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	assert_int_equal(stats_take_request(stats), STATS_REQUEST_QUIT);
	assert_int_equal(stats_take_request(stats), STATS_REQUEST_NONE);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	for (int i = 0; i < STATS_REQUESTS_MAX; i++)
		json_decref(expect_ok("stop"));
	expect_error("stop", "too many requests");
}

static json_int_t port_pps(const json_t *object)
{
	json_t *port = json_array_get(json_object_get(object, "ports"), 0);

	return json_integer_value(json_object_get(json_object_get(port, "rx"), "pps"));
}

/* A question just after a tick is answered with the interval before it, not with noise. */
static void rates_between_ticks(void **state)
{
	uint64_t t0 = stats->latest->taken_ns, second = NS_PER_SECOND;
	json_t *object;

	(void)state;
	assert_null(stats_tick(stats, t0 + second, 0)); /* no table, no file: nobody wants it */
	fake_engine_run(&engine);
	stats->table = true;
	object = stats_tick(stats, t0 + 2 * second, 0);
	assert_int_equal(port_pps(object), 1000);
	json_decref(object);
	object = stats_ask(stats, t0 + 2 * second + 1, 0, 0);
	assert_int_equal(port_pps(object), 1000);
	assert_int_equal(json_integer_value(json_object_get(object, "interval_ns")), second + 1);
	json_decref(object);
	object = stats_ask(stats, t0 + 2 * second + second / 2, 0, 0);
	assert_int_equal(port_pps(object), 0);
	json_decref(object);
}

static void summary_averages_over_forwarding(void **state)
{
	json_t *object;

	(void)state;
	fake_engine_run(&engine);
	stats_set_forwarding(stats, true);
	assert_true(stats_forwarded_ns(stats, stats->forwarding_since_ns + 5) == 5);
	stats_set_forwarding(stats, false);
	stats->forwarded_ns = 2 * NS_PER_SECOND;
	object = stats_summary_json(stats);
	assert_int_equal(port_pps(object), 500);
	json_decref(object);
}

static void thread_serves_and_appends(void **state)
{
	char folder[] = "/tmp/weir-test-XXXXXX", path[64], lines[64], line[65536];
	json_t *request = json_pack("{s:s, s:s}", "command", "show", "what", "workers");
	json_t *result = NULL, *object;
	struct error error = {0};
	json_int_t last = 0;
	unsigned count = 0;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(lines, sizeof(lines), "%s/l", folder);
	fake_engine_init(&engine);
	engine.config.control.socket = path;
	engine.config.stats.json_lines = lines;
	engine.config.stats.interval_ns = 20000000;
	stats = stats_destroy(stats);
	assert_int_equal(stats_create(&engine, &stats, &error), 0);
	assert_int_equal(stats_start(stats, sched_getcpu(), &error), 0);
	if (control_request(path, request, &result, &error) < 0)
		fail_msg("%s", error.message);
	assert_int_equal(json_array_size(json_object_get(result, "workers")), 2);
	json_decref(result);
	usleep(100000);
	fake_engine_run(&engine);
	stats_stop(stats);
	file = fopen(lines, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		object = json_loads(line, 0, NULL);
		assert_non_null(object);
		result = json_object_get(json_object_get(object, "account"), "in");
		count++;
		last = json_integer_value(result);
		json_decref(object);
	}
	fclose(file);
	assert_true(count >= 3);
	assert_int_equal(last, 1000); /* the line of the end is exact */
	json_decref(request);
	stats = stats_destroy(stats);
	unlink(lines);
	assert_int_equal(rmdir(folder), 0);
}

/* Set from another thread, the interval holds at once and not after the old one is over. */
static void a_new_interval_wakes_the_thread(void **state)
{
	uint64_t before, after = 0;

	(void)state;
	stats->interval_ns = 3600 * NS_PER_SECOND;
	assert_int_equal(stats_start(stats, -1, NULL), 0);
	before = stats->latest->taken_ns;
	usleep(100000); /* it waits by now */
	json_decref(expect_ok("set stats.interval 10ms"));
	for (int i = 0; i < 500 && after <= before; i++) {
		usleep(10000);
		pthread_mutex_lock(&stats->lock);
		after = stats->latest->taken_ns;
		pthread_mutex_unlock(&stats->lock);
	}
	assert_true(after > before);
	stats_stop(stats);
}

static void what_cannot_be_opened_is_said(void **state)
{
	static char nowhere[] = "/nonexistent/file";
	struct stats *none;
	struct error error = {0};

	(void)state;
	engine.config.stats.json_lines = nowhere;
	assert_int_equal(stats_create(&engine, &none, &error), -ENOENT);
	assert_non_null(strstr(error.message, nowhere));
	engine.config.stats.json_lines = NULL;
	engine.config.control.socket = nowhere;
	assert_int_equal(stats_create(&engine, &none, &error), -ENOENT);
	assert_non_null(strstr(error.message, nowhere));
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(show_gives_what_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(settings, setup, teardown),
		cmocka_unit_test_setup_teardown(several_settings_change_together, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_change_that_fails_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(explains_a_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_wait_for_main, setup, teardown),
		cmocka_unit_test_setup_teardown(rates_between_ticks, setup, teardown),
		cmocka_unit_test_setup_teardown(summary_averages_over_forwarding, setup, teardown),
		cmocka_unit_test_setup_teardown(thread_serves_and_appends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_interval_wakes_the_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_said, setup, teardown),
	};

	return cmocka_run_group_tests_name("stats/stats", tests, NULL, NULL);
}
