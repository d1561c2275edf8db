/* SPDX-License-Identifier: BSD-3-Clause */
/* What config_to_json() writes is read back as the same configuration, and written the same. */
#include <dirent.h>
#include <time.h>

#include "load_text.h"

/* Two configurations are the same when they are written the same and the first was read from
 * what was written before: so the text of every member counts. */
static void check_round_trip(struct config *config)
{
	char *first = config_to_json(config), *second;
	struct config *again;

	assert_non_null(first);
	again = load_good(first);
	second = config_to_json(again);
	assert_string_equal(first, second);
	assert_int_equal(again->port_count, config->port_count);
	assert_int_equal(again->pipeline_count, config->pipeline_count);
	assert_memory_equal(&again->workers, &config->workers, sizeof(config->workers));
	assert_memory_equal(&again->steering, &config->steering, sizeof(config->steering));
	for (unsigned i = 0; i < config->port_count; i++) {
		assert_memory_equal(
			&again->ports[i].rss, &config->ports[i].rss, sizeof(again->ports[i].rss));
		assert_memory_equal(&again->ports[i].generate, &config->ports[i].generate,
			sizeof(again->ports[i].generate));
	}
	for (unsigned i = 0; i < config->pipeline_count; i++)
		assert_memory_equal(again->pipelines[i].stages, config->pipelines[i].stages,
			sizeof(again->pipelines[i].stages));
	free(first);
	free(second);
	config_destroy(again);
	config_destroy(config);
}

static void test_examples(void **state)
{
	const char *folder = getenv("WEIR_EXAMPLES");
	struct dirent *entry;
	unsigned count = 0;
	DIR *directory;

	(void)state;
	if (folder == NULL)
		skip();
	directory = opendir(folder);
	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL) {
		struct config_problems problems;
		struct config *config;
		char path[4096];

		if (strstr(entry->d_name, ".json") == NULL ||
			strstr(entry->d_name, "schema") != NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		config_load_file(path, &config, &problems);
		config_problems_print(&problems, path, stderr);
		config_problems_fini(&problems);
		assert_non_null(config);
		check_round_trip(config);
		count++;
	}
	closedir(directory);
	assert_true(count >= 5);
}

static unsigned pick(unsigned count)
{
	return (unsigned)random() % count;
}

/* "key": one of the values, or nothing. */
static void maybe(FILE *out, const char *key, const char *const *values)
{
	unsigned count = 0;

	while (values[count] != NULL)
		count++;
	if (pick(3) > 0)
		fprintf(out, ", \"%s\": %s", key, values[pick(count)]);
}

#define MAYBE(key, ...) maybe(out, key, (const char *const[]){__VA_ARGS__, NULL})

static void write_random_port(FILE *out, unsigned index)
{
	fprintf(out, "%s\"p%u\": {", index > 0 ? ", " : "", index);
	if (index == 0) {
		fprintf(out, "\"generate\": {\"seed\": %ld", random());
		MAYBE("flows", "1", "\"10k\"", "16777216");
		MAYBE("zipf", "0", "1", "0.1", "0.99", "1.234567891234", "1e-12", "10");
		MAYBE("packets", "0", "\"forever\"", "9223372036854775807", "1e6");
		MAYBE("size", "60", "\"60-9600\"", "\"imix\"", "\"100\"");
		MAYBE("ip", "\"ipv4\"", "\"ipv6\"", "\"mixed\"");
		MAYBE("vlan", "\"none\"", "1", "4094");
		MAYBE("loss", "0.3", "0.000001", "1", "0.7000000000000001");
		MAYBE("speed", "\"top\"", "\"0.001pps\"", "\"1.23456789123456789Mpps\"",
			"\"9.9Gbps\"");
		MAYBE("duration", "\"1ns\"", "\"1.5h\"", "\"unlimited\"", "\"365d\"");
		fprintf(out, "}");
	} else {
		fprintf(out, "\"device\": \"net_null%u \\\\ \\\" \\u00e4\"", index);
		MAYBE("queues", "\"auto\"", "1", "128");
		MAYBE("mtu", "68", "65535", "\"9k\"");
		MAYBE("tx_retry", "\"0s\"", "\"1ns\"", "\"999999999ns\"", "\"1s\"");
		MAYBE("features", "{}", "{\"promiscuous\": true}", "{\"scatter-gather\": false}");
	}
	MAYBE("rss", "{}", "{\"mode\": \"off\", \"reta_size\": 512}",
		"{\"key\": "
		"\"00010203040506070809000102030405060708090001020304050607080900010203040506070"
		"8aF\"}");
	fprintf(out, "}");
}

static void write_random_config(FILE *out)
{
	fprintf(out, "{\"ports\": {");
	for (unsigned i = 0; i < 3; i++)
		write_random_port(out, i);
	fprintf(out, "}, \"pipelines\": [{\"from\": \"p0\", \"to\": \"p%u\"", 1 + pick(2));
	MAYBE("stages", "[]", "[\"mac\", \"csum\"]", "[{\"type\": \"drop\", \"share\": 0.1}]",
		"[{\"type\": \"noisy\", \"flush\": \"1.5ms\", \"memory\": 1000}, \"flowgen\"]",
		"[{\"type\": \"mac\", \"ethernet_peer\": \"00:00:00:00:00:01\"}, {\"type\": "
		"\"txonly\"}]");
	MAYBE("name", "\"x\"", "\"\\u20ac uro\"");
	fprintf(out, "}]");
	MAYBE("memory", "{\"size\": \"1MiB\"}", "{\"size\": 1048577}", "{\"eal_args\": []}",
		"{\"eal_args\": \"-v\", \"packet_data\": 65280}");
	MAYBE("workers", "\"auto\"", "{\"cpus\": \"0-2,4,1023\"}", "{\"nice\": -20, \"nodes\": 63}",
		"{\"scheduler\": \"fifo\", \"priority\": 99}");
	MAYBE("stats", "{\"interval\": 0}", "{\"interval\": \"1.5s\", \"json_lines\": \"x\"}");
	MAYBE("control", "{\"socket\": \"\"}", "{\"socket\": \"/tmp/s\"}");
	fprintf(out, "}");
}

static void test_random(void **state)
{
	const char *given = getenv("WEIR_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);

	(void)state;
	print_message("WEIR_SEED=%u\n", seed);
	srandom(seed);
	for (unsigned i = 0; i < 500; i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		write_random_config(out);
		fclose(out);
		check_round_trip(load_good(text));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("round trip", tests, NULL, NULL);
}
