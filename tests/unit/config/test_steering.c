/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of steering that contradict each other, and those that need another one. */
#include <string.h>

#include "config/warnings.h"
#include "load_text.h"

static void append(void *argument, const char *text)
{
	fprintf(argument, "%s\n", text);
}

/* All warnings about a configuration of two ports, a to b, with `members` beside them. */
static void expect_warnings(const char *ports, const char *members, const char *expected)
{
	char text[1024], *said = NULL;
	struct config *config;
	size_t size = 0;
	FILE *stream = open_memstream(&said, &size);

	snprintf(text, sizeof(text), "{%s, %s}", ports, members);
	config = load_good(text);
	assert_non_null(stream);
	config_warnings(config, append, stream);
	fclose(stream);
	config_destroy(config);
	assert_string_equal(said, expected);
	free(said);
}

#define A_WITH(members)                                                                            \
	"\"ports\": {\"a\": {\"device\": \"net_null0\", " members                                  \
	"}, \"b\": {\"device\": \"net_null1\"}}"

static void nothing_to_say(void **state)
{
	(void)state;
	expect_warnings(TWO_PORTS, A_TO_B, "");
	expect_warnings(A_WITH("\"rps_flow_cnt\": 64, \"rps_cpus\": \"0\""),
		A_TO_B ", \"steering\": {\"rps_sock_flow_entries\": 64, \"scale\": true,"
		       " \"balance\": true}",
		"");
}

static void rfs_needs_both_tables(void **state)
{
	(void)state;
	expect_warnings(A_WITH("\"rps_flow_cnt\": 64"), A_TO_B,
		"ports.a.rps_flow_cnt has no effect: RFS needs steering.rps_sock_flow_entries too "
		"(32768 is usual)\n");
	expect_warnings(TWO_PORTS, A_TO_B ", \"steering\": {\"rps_sock_flow_entries\": 64}",
		"steering.rps_sock_flow_entries has no effect: RFS needs a port with rps_flow_cnt "
		"too (the entries shared out over its queues are usual)\n");
	expect_warnings(TWO_PORTS,
		"\"pipelines\": [{\"from\": \"a\", \"to\": \"b\", \"stages\": [{\"type\": "
		"\"consume\", \"cpus\": \"1\"}]}]",
		"pipelines.0.stages.0: nobody follows these consumers: RFS needs "
		"steering.rps_sock_flow_entries\n");
}

static void steering_where_no_packets_are(void **state)
{
	(void)state;
	expect_warnings(A_WITH("\"rps_cpus\": \"1\""),
		"\"pipelines\": [{\"from\": \"b\", \"to\": \"a\"}]",
		"ports.a.rps_cpus has no effect: no pipeline takes packets from this port\n");
	expect_warnings(A_WITH("\"xps_rxqs\": \"1\""), A_TO_B,
		"ports.a.xps_rxqs has no effect: no pipeline sends to this port\n");
	expect_warnings(A_WITH("\"rps_cpus\": \"1\""),
		"\"pipelines\": [{\"from\": \"a\", \"to\": \"b\", \"order\": \"restore\"}]",
		"ports.a.rps_cpus has no effect: with \"order\": \"restore\" (pipeline a->b) "
		"bursts go to whichever worker is free\n");
}

static void scale_needs_balance(void **state)
{
	(void)state;
	expect_warnings(TWO_PORTS, A_TO_B ", \"steering\": {\"scale\": true}",
		"steering.scale has no effect: it needs steering.balance too\n");
}

static void ticks_in_order(void **state)
{
	(void)state;
	expect_problems("{" TWO_PORTS ", " A_TO_B ",\n\"steering\": {\"balance_tick_min\": "
			"\"200ms\"}}",
		"f:2:34: /steering/balance_tick_min: found 200ms, expected no more than "
		"\"balance_tick_max\", which is 4ms\n");
	expect_problems("{" TWO_PORTS ", " A_TO_B ",\n\"steering\": {\"balance_tick_max\": "
			"\"500us\"}}",
		"f:2:13: /steering/balance_tick_min: found 1ms, expected no more than "
		"\"balance_tick_max\", which "
		"is 500us\n");
	config_destroy(load_good("{" TWO_PORTS ", " A_TO_B ", \"steering\": {"
				 "\"balance_tick_min\": \"1s\", \"balance_tick_max\": \"1s\"}}"));
}

static void restored_order_holds_nothing(void **state)
{
	(void)state;
	expect_problems("{" TWO_PORTS ", \"pipelines\": [{\"from\": \"a\", \"to\": \"b\","
			" \"order\": \"restore\",\n"
			"\"stages\": [\"mac\", {\"type\": \"noisy\", \"buffer\": 8}]}]}",
		"f:2:47: /pipelines/0/stages/1/buffer: holds packets back, and \"order\": "
		"\"restore\" cannot put them in order again; expected \"none\", or \"order\": "
		"\"flow\"\n");
	config_destroy(load_good(
		"{" TWO_PORTS ", \"pipelines\": [{\"from\": \"a\", \"to\": \"b\","
		" \"order\": \"restore\", \"stages\": [{\"type\": \"noisy\", \"reads\": 8}]}]}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_say),
		cmocka_unit_test(rfs_needs_both_tables),
		cmocka_unit_test(steering_where_no_packets_are),
		cmocka_unit_test(scale_needs_balance),
		cmocka_unit_test(ticks_in_order),
		cmocka_unit_test(restored_order_holds_nothing),
	};

	return cmocka_run_group_tests_name("config/steering", tests, NULL, NULL);
}
