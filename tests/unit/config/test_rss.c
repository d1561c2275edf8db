/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive side scaling in a configuration: what is read, what is refused and with which words. */
#include "load_text.h"

#include "config/change.h"
#include "steering/toeplitz.h"

#define WITH_RSS(rss)                                                                              \
	"{\"ports\": {\"a\": {\"device\": \"net_null0\", \"rss\": " rss "}, \"b\": "               \
	"{\"device\": \"net_null1\"}},\n" A_TO_B "}"

static void test_defaults(void **state)
{
	struct config *config = load_good(WITH_RSS("{}"));
	const struct config_rss *rss = &config->ports[0].rss;

	(void)state;
	assert_memory_equal(rss->fields, rss_fields_default, sizeof(rss->fields));
	assert_int_equal(rss->xfrm, RSS_TRANSFORM_NONE);
	assert_false(rss->inner);
	assert_int_equal(rss->equal, 0);
	assert_int_equal(rss->weights.count, 0);
	config_destroy(config);
}

static void test_read(void **state)
{
	struct config *config = load_good(
		WITH_RSS("{\"fields\": {\"tcp4\": \"ds\", \"udp6\": \"none\", \"ether\": "
			 "\"vt\"}, \"xfrm\": \"symmetric-sort\", \"inner\": true, \"weights\": "
			 "[6, 0, 2]}"));
	const struct config_rss *rss = &config->ports[0].rss;

	(void)state;
	assert_int_equal(rss->fields[RSS_TYPE_TCP4], RSS_FIELDS_ADDRESSES);
	assert_int_equal(rss->fields[RSS_TYPE_UDP4], rss_fields_default[RSS_TYPE_UDP4]);
	assert_int_equal(rss->fields[RSS_TYPE_UDP6], 0);
	assert_int_equal(rss->fields[RSS_TYPE_ETHER], RSS_FIELD_VLAN | RSS_FIELD_PROTOCOL);
	assert_int_equal(rss->xfrm, RSS_TRANSFORM_SYMMETRIC_SORT);
	assert_true(rss->inner);
	assert_int_equal(rss->weights.count, 3);
	assert_int_equal(rss->weights.weights[2], 2);
	config_destroy(config);
	config = load_good(WITH_RSS("{\"equal\": 3, \"weights\": \"none\"}"));
	assert_int_equal(config->ports[0].rss.equal, 3);
	config_destroy(config);
}

/* Two keys of chance differ, and one in force is written as its bytes, so that it stays. */
static void test_random_key(void **state)
{
	struct config *one = load_good(WITH_RSS("{\"key\": \"random\"}"));
	struct config *other = load_good(WITH_RSS("{\"key\": \"random\"}")), *again;
	struct error error;
	char *text = config_to_json(one);

	(void)state;
	assert_memory_not_equal(
		one->ports[0].rss.key, other->ports[0].rss.key, CONFIG_RSS_KEY_BYTES);
	assert_non_null(text);
	assert_null(strstr(text, "random"));
	again = load_good(text);
	assert_memory_equal(one->ports[0].rss.key, again->ports[0].rss.key, CONFIG_RSS_KEY_BYTES);
	config_destroy(again);
	assert_int_equal(
		config_change(one, "ports.a.rss.xfrm", "symmetric-xor", &again, &error), 0);
	assert_memory_equal(one->ports[0].rss.key, again->ports[0].rss.key, CONFIG_RSS_KEY_BYTES);
	config_destroy(again);
	free(text);
	config_destroy(one);
	config_destroy(other);
}

static void test_mistakes(void **state)
{
	(void)state;
	expect_problems(WITH_RSS("{\"fields\": {\"tcp4\": \"sdx\", \"udp4\": \"sds\", \"ip4\": "
				 "\"sdf\",\n\"tpc6\": \"sd\", \"ether\": \"sd\", \"udp6\": \"r\","
				 " \"ip6\": 7, \"ah4\": \"\", \"tcp6\": \"non\"}}"),
		"f:1:68: /ports/a/rss/fields/tcp4: found \"sdx\": tcp4 has no field 'x', expected "
		"letters of \"mvtsdfn\", or \"none\"\n"
		"f:1:83: /ports/a/rss/fields/udp4: found \"sds\": 's' is given twice\n"
		"f:1:97: /ports/a/rss/fields/ip4: found \"sdf\": ip4 has no field 'f', expected "
		"letters of \"mvtsd\", or \"none\"\n"
		"f:2:1: /ports/a/rss/fields/tpc6: unknown key \"tpc6\"; did you mean \"tcp6\"?\n"
		"f:2:24: /ports/a/rss/fields/ether: found \"sd\": ether has no field 's', expected "
		"letters of \"mvt\", or \"none\"\n"
		"f:2:38: /ports/a/rss/fields/udp6: found \"r\": 'r' (discard) is not done by RSS "
		"here: let a pipeline drop what should not pass\n"
		"f:2:50: /ports/a/rss/fields/ip6: found 7, expected letters of \"mvtsd\", or "
		"\"none\"\n"
		"f:2:60: /ports/a/rss/fields/ah4: found \"\", expected letters of \"mvtsdfn\", or "
		"\"none\"\n"
		"f:2:72: /ports/a/rss/fields/tcp6: found \"non\": tcp6 has no field 'o', expected "
		"letters of \"mvtsdfn\", or \"none\"\n");
}

static void test_contradictions(void **state)
{
	(void)state;
	expect_problems(WITH_RSS("{\"equal\": 2,\n\"weights\": [6, 2]}"),
		"f:2:12: /ports/a/rss/weights: \"equal\" is given too, but the indirection table "
		"is filled one way: expected one of them\n");
	expect_problems(WITH_RSS("{\"queues\": 4,\n\"equal\": 5}"),
		"f:2:10: /ports/a/rss/equal: found 5, but /ports/a/rss/queues is 4\n");
	expect_problems(WITH_RSS("{\"queues\": 2,\n\"weights\": [1, 2, 3]}"),
		"f:2:12: /ports/a/rss/weights: 3 weights for 2 queues: expected at most one a "
		"queue\n");
	expect_problems(WITH_RSS("{\n\"weights\": [0, 0]}"),
		"f:2:12: /ports/a/rss/weights: the weights are all 0: expected a queue with a "
		"weight\n");
	expect_problems(WITH_RSS("{\n\"weights\": [1, 500]}"),
		"f:2:12: /ports/a/rss/weights: queue 0 with weight 1 of 501 would get none of the "
		"128 entries of the table: expected a larger weight, or a larger table\n");
	expect_problems(WITH_RSS("{\n\"weights\": [1, -1]}"),
		"f:2:12: /ports/a/rss/weights: found a list, expected a list of 1 to 128 weights "
		"from 0 to 65535, one a queue, such as [6, 2], or \"none\"\n");
	expect_problems(WITH_RSS("{\"xfrm\": \"symmetric-xor\", \"fields\": {\n\"tcp4\": "
				 "\"sdf\",\n\"ether\": \"m\"}}"),
		"f:2:9: /ports/a/rss/fields/tcp4: found \"sdf\", but /ports/a/rss/xfrm makes both "
		"directions of a flow alike: expected s and d together, f and n together, and no "
		"m\n"
		"f:3:10: /ports/a/rss/fields/ether: found \"m\", but /ports/a/rss/xfrm makes both "
		"directions of a flow alike: expected s and d together, f and n together, and no "
		"m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_random_key),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_contradictions),
	};

	return cmocka_run_group_tests_name("rss", tests, NULL, NULL);
}
