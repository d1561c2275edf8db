/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a running configuration: which are taken, what is said of the others. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "config/change.h"
#include "config/field.h"
#include "config/live.h"
#include "load_text.h"

static const char base_text[] =
	"{\"ports\": {\"a\": {\"generate\": {}, \"rss\": {\"mode\": \"software\"}},"
	" \"b.c\": {\"device\": \"net_null0\"}},"
	" \"steering\": {\"netdev_max_backlog\": 512, \"rps_sock_flow_entries\": 1024},"
	" \"pipelines\": [{\"from\": \"a\", \"to\": \"b.c\"}]}";

static struct config *present;

static int setup(void **state)
{
	(void)state;
	present = load_good(base_text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	present = config_destroy(present);
	return 0;
}

static struct config *expect_change(const char *path, const char *value)
{
	struct error error = {0};
	struct config *wanted;

	if (config_change(present, path, value, &wanted, &error) < 0)
		fail_msg("%s %s: %s", path, value, error.message);
	return wanted;
}

static void expect_refused(const char *path, const char *value, const char *part)
{
	struct error error = {0};
	struct config *wanted = present;

	assert_int_equal(config_change(present, path, value, &wanted, &error), -EINVAL);
	assert_null(wanted);
	if (strstr(error.message, part) == NULL)
		fail_msg("%s %s: %s", path, value, error.message);
}

static void values_are_read_as_people_write_them(void **state)
{
	struct config *wanted = expect_change("steering.netdev_max_backlog", "2k");

	(void)state;
	assert_int_equal(wanted->steering.netdev_max_backlog, 2000);
	assert_int_equal(wanted->steering.rps_sock_flow_entries, 1024);
	config_destroy(wanted);
	wanted = expect_change("steering.balance", "on");
	assert_true(wanted->steering.balance);
	config_destroy(wanted);
	wanted = expect_change("steering.balance", "true");
	assert_true(wanted->steering.balance);
	config_destroy(wanted);
	wanted = expect_change("stats.table", "off");
	assert_false(wanted->stats.table);
	config_destroy(wanted);
	/* Not a boolean: here the word is the field's own. */
	wanted = expect_change("steering.rps_sock_flow_entries", "off");
	assert_int_equal(wanted->steering.rps_sock_flow_entries, 0);
	config_destroy(wanted);
	wanted = expect_change("stats.interval", "250ms");
	assert_int_equal(wanted->stats.interval_ns, 250000000);
	config_destroy(wanted);
	wanted = expect_change("ports.a.rps_cpus", "1-3");
	assert_true(wanted->ports[0].rps_cpus.all);
	assert_int_equal(wanted->ports[0].rps_cpus.masks[0].words[0], 0xe);
	config_destroy(wanted);
	wanted = expect_change("ports.a.rps_cpus", "[\"1\", 2]");
	assert_int_equal(wanted->ports[0].rps_cpus.count, 2);
	assert_int_equal(wanted->ports[0].rps_cpus.masks[1].words[0], 4);
	config_destroy(wanted);
}

static void paths_lead_into_names_with_dots(void **state)
{
	static const char *const paths[] = {"ports.b.c.tx_retry", "/ports/b.c/tx_retry"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct config *wanted = expect_change(paths[i], "1ms");

		assert_int_equal(wanted->ports[1].tx_retry_ns, 1000000);
		config_destroy(wanted);
	}
}

static void several_at_once(void **state)
{
	json_t *settings = json_pack("{s:s, s:b, s:{s:i}}", "steering.balance_tick_min", "2ms",
		"steering.balance", 1, "steering", "flow_limit_table_len", 256);
	struct error error = {0};
	struct config *wanted;

	(void)state;
	assert_int_equal(config_change_all(present, settings, &wanted, &error), 0);
	assert_int_equal(wanted->steering.balance_tick_min_ns, 2000000);
	assert_true(wanted->steering.balance);
	/* An object changes its members; the others stay. */
	assert_int_equal(wanted->steering.flow_limit_table_len, 256);
	assert_int_equal(wanted->steering.netdev_max_backlog, 512);
	config_destroy(wanted);
	json_decref(settings);
}

static void mistakes(void **state)
{
	(void)state;
	expect_refused("steering.netdev_max_backlg", "1",
		"there is no setting \"steering.netdev_max_backlg\"; did you mean "
		"\"steering.netdev_max_backlog\"?");
	expect_refused("ports.x.rss.key", "symmetric", "did you mean \"ports.a.rss.key\"?");
	expect_refused("colour", "blue", "without arguments lists");
	expect_refused("", "1", "there is no setting");
	expect_refused("/", "1", "there is no setting");
	expect_refused("stats..table", "on", "there is no setting");
	expect_refused("pipelines.7.order", "flow", "there is no setting");
	expect_refused("stats.interval.ns", "1", "there is no setting");
	expect_refused("steering.netdev_max_backlog", "10",
		"steering.netdev_max_backlog: found 10, expected a whole number from 64");
	expect_refused(
		"stats.table", "maybe", "stats.table: found \"maybe\", expected true or false");
	expect_refused("steering", "3", "steering: found 3, expected an object");
	expect_refused("steering", "{\"balanse\": true}", "did you mean \"balance\"?");
	expect_refused("stats.table", "\xff", "not valid UTF-8");
}

static void what_is_not_live_needs_a_restart(void **state)
{
	(void)state;
	expect_refused("workers.count", "3", "workers.count cannot change while weir runs");
	expect_refused("ports.a.rss.reta_size", "256", "ports.a.rss.reta_size cannot change");
	expect_refused("pipelines.0.order", "restore", "pipelines cannot change");
	expect_refused("ports", "{\"d\": {\"device\": \"net_null1\"}}", "ports cannot change");
	/* As it is already: nothing to refuse. */
	config_destroy(expect_change("ports.a.rss.reta_size", "128"));
}

/* Every live field of `from` goes over, and nothing else. */
static void copies_live_fields(void **state)
{
	static const char other_text[] =
		"{\"ports\": {\"a\": {\"generate\": {\"flows\": 9}, \"rss\": {\"key\":"
		" \"symmetric\"}, \"rps_cpus\": [\"1\", \"2-3\"], \"rps_flow_cnt\": 64},"
		" \"b.c\": {\"device\": \"net_null0\", \"mtu\": 900, \"xps_cpus\": \"1\"}},"
		" \"workers\": {\"count\": 2},"
		" \"steering\": {\"rps_sock_flow_entries\": 2048, \"balance\": true},"
		" \"stats\": {\"interval\": \"9s\", \"table\": false, \"latency\": false},"
		" \"pipelines\": [{\"from\": \"a\", \"to\": \"b.c\"}]}";
	struct config *other = load_good(other_text);
	json_t *changes = config_changes(present, other);

	(void)state;
	assert_int_equal(json_array_size(changes), 9);
	json_decref(changes);
	config_copy_live(present, other);
	changes = config_changes(present, other);
	assert_int_equal(json_array_size(changes), 0);
	json_decref(changes);
	assert_int_equal(present->ports[0].rps_cpus.count, 2);
	assert_int_equal(present->steering.netdev_max_backlog, 1024);
	assert_int_equal(present->stats.interval_ns, 9000000000);
	assert_int_equal(present->ports[0].rss.mode, RSS_SOFTWARE);
	assert_int_equal(present->ports[0].generate.flows, 64);
	assert_int_equal(present->ports[1].mtu, 0);
	assert_int_equal(present->workers.count, 0);
	assert_true(present->stats.latency);
	config_destroy(other);
	assert_string_equal(present->ports[1].name, "b.c"); /* its own memory still */
}

static void changes_say_from_and_to(void **state)
{
	struct config *wanted = expect_change("steering.rps_sock_flow_entries", "off");
	json_t *changes = config_changes(present, wanted), *change = json_array_get(changes, 0);

	(void)state;
	assert_int_equal(json_array_size(changes), 1);
	assert_string_equal(json_string_value(json_object_get(change, "path")),
		"steering.rps_sock_flow_entries");
	assert_int_equal(json_integer_value(json_object_get(change, "from")), 1024);
	assert_string_equal(json_string_value(json_object_get(change, "to")), "off");
	json_decref(changes);
	config_destroy(wanted);
}

/* What is listed can be set to what it is. */
static void settings_list_what_may_be_set(void **state)
{
	json_t *settings = config_settings(present), *setting;
	struct error error = {0};
	size_t i;

	(void)state;
	assert_true(json_array_size(settings) > 12);
	json_array_foreach (settings, i, setting) {
		const char *path = json_string_value(json_object_get(setting, "path"));
		json_t *one = json_object();
		struct config *wanted;

		json_object_set(one, path, json_object_get(setting, "value"));
		if (config_change_all(present, one, &wanted, &error) < 0)
			fail_msg("%s: %s", path, error.message);
		config_destroy(wanted);
		json_decref(one);
	}
	json_decref(settings);
}

static int expect_plain(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	unsigned *count = argument;

	(void)one;
	(void)other;
	if (!field->live)
		return 0;
	++*count;
	if (field->kind->release != NULL || field->width >= sizeof(struct config_port) ||
		field->kind == &field_frame_size)
		fail_msg("%s is not plain data of its own", path);
	return 0;
}

/* config_copy_live() copies bytes. */
static void live_fields_are_plain_data(void **state)
{
	unsigned count = 0;

	(void)state;
	live_walk(present, present, expect_plain, &count);
	assert_true(count > 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			values_are_read_as_people_write_them, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_lead_into_names_with_dots, setup, teardown),
		cmocka_unit_test_setup_teardown(several_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_live_needs_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_live_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_say_from_and_to, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_list_what_may_be_set, setup, teardown),
		cmocka_unit_test_setup_teardown(live_fields_are_plain_data, setup, teardown),
	};

	return cmocka_run_group_tests_name("config/change", tests, NULL, NULL);
}
