/* SPDX-License-Identifier: BSD-3-Clause */
/* Features in a configuration: two names for each, what contradicts what, and both in changes. */
#include <errno.h>

#include "config/change.h"
#include "config/field.h"
#include "load_text.h"

#define WITH_FEATURES(features)                                                                    \
	"{\"ports\": {\"a\": {\"device\": \"net_null0\", \"features\": " features "}, \"b\": "     \
	"{\"device\": \"net_null1\"}},\n" A_TO_B "}"

static void expect(const char *text, const char *expected)
{
	char *printed = load_text(text, NULL);

	assert_string_equal(printed, expected);
	free(printed);
}

static void short_names_are_read_long_ones_written(void **state)
{
	struct config *config = load_good(WITH_FEATURES("{\"gro\": true, \"tso\": true, \"rx\": "
							"false, \"tx-checksumming\": true}"));
	char *text = config_to_json(config);

	(void)state;
	assert_int_equal(config->ports[0].features.generic_receive_offload, FEATURE_ON);
	assert_int_equal(config->ports[0].features.tcp_segmentation_offload, FEATURE_ON);
	assert_int_equal(config->ports[0].features.rx_checksumming, FEATURE_OFF);
	assert_int_equal(config->ports[0].features.tx_checksumming, FEATURE_ON);
	assert_int_equal(config->ports[0].features.generic_segmentation_offload, FEATURE_AUTO);
	assert_non_null(strstr(text, "\"generic-receive-offload\": true"));
	assert_null(strstr(text, "\"gro\": true"));
	free(text);
	config_destroy(config);
}

static void mistakes(void **state)
{
	(void)state;
	expect(WITH_FEATURES("{\"gro\": true, \"generic-receive-offload\": true}"),
		"f:1:54: /ports/a/features/gro: \"gro\" is \"generic-receive-offload\", which is "
		"given too: one of them is enough\n");
	expect(WITH_FEATURES("{\"gor\": true}"),
		"f:1:54: /ports/a/features/gor: unknown key \"gor\"; did you mean \"gro\"?\n");
	expect(WITH_FEATURES("{\"gro\": \"on\"}"),
		"f:1:61: /ports/a/features/gro: found \"on\", expected true, false or \"auto\"\n");
}

#define NEEDS(name, other, at)                                                                     \
	"f:1:" at ": /ports/a/features/" name ": found true, but it needs \"" other                \
	"\", which is false: expected both, or neither\n"

static void contradictions(void **state)
{
	(void)state;
	expect(WITH_FEATURES("{\"gro\": true, \"lro\": true}"),
		"f:1:74: /ports/a/features/lro: found true, but \"generic-receive-offload\" is "
		"true too, and the two exclude each other: expected one of them\n");
	expect(WITH_FEATURES("{\"tso\": true, \"sg\": false}"),
		NEEDS("tso", "scatter-gather", "61"));
	expect(WITH_FEATURES("{\"tso\": true, \"tx\": false}"),
		NEEDS("tso", "tx-checksumming", "61"));
	expect(WITH_FEATURES("{\"ufo\": true, \"sg\": false}"),
		NEEDS("ufo", "scatter-gather", "61"));
	expect(WITH_FEATURES("{\"tx-udp-segmentation\": true, \"tx\": false}"),
		NEEDS("tx-udp-segmentation", "tx-checksumming", "77"));
	/* What is only left to the port gives way. */
	config_destroy(load_good(WITH_FEATURES("{\"sg\": false, \"tx\": false}")));
	config_destroy(load_good(WITH_FEATURES("{\"gso\": true, \"sg\": false}")));
	config_destroy(load_good(WITH_FEATURES("{\"gro\": false, \"lro\": true}")));
}

static void ports_of_one_direction(void **state)
{
	(void)state;
	expect("{\"ports\": {\"a\": {\"generate\": {}, \"features\": {\"gro\": true, \"gso\": "
	       "true}}, \"b\": {\"file\": \"x.pcap\", \"features\": {\"gro\": true, \"tso\": "
	       "true}}},\n" A_TO_B "}",
		"f:1:67: /ports/a/features/gso: found true, but nothing is sent to a port that is "
		"a source\n"
		"f:1:119: /ports/b/features/gro: found true, but a file port only writes, and "
		"receives nothing\n");
}

static struct config *expect_change(const struct config *from, const char *path, const char *value)
{
	struct error error = {0};
	struct config *wanted;

	if (config_change(from, path, value, &wanted, &error) < 0)
		fail_msg("%s %s: %s", path, value, error.message);
	return wanted;
}

static void changes(void **state)
{
	static const char *const paths[][2] = {{"ports.a.features.gro", "true"},
		{"/ports/a/features/gro", "on"}, {"ports.a.features", "{\"gro\": true}"},
		{"ports.a", "{\"features\": {\"gro\": true}}"},
		{"ports", "{\"a\": {\"features\": {\"gro\": true}}}"}};
	struct config *config = load_good(WITH_FEATURES("{}")), *wanted;
	struct error error = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		wanted = expect_change(config, paths[i][0], paths[i][1]);
		assert_int_equal(wanted->ports[0].features.generic_receive_offload, FEATURE_ON);
		config_destroy(wanted);
	}
	/* A switch that is "auto" takes these words too. */
	wanted = expect_change(config, "ports.a.features.gso", "off");
	assert_int_equal(wanted->ports[0].features.generic_segmentation_offload, FEATURE_OFF);
	config_destroy(wanted);
	assert_int_equal(
		config_change(config, "ports.a.features.grp", "true", &wanted, &error), -EINVAL);
	assert_int_equal(
		config_change(config, "ports.a.features",
			"{\"gro\": true, \"generic-receive-offload\": true}", &wanted, &error),
		-EINVAL);
	assert_non_null(strstr(error.message, "one of them is enough"));
	config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_names_are_read_long_ones_written),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(ports_of_one_direction),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
