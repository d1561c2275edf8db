/* SPDX-License-Identifier: BSD-3-Clause */
/* perftest's options mean what they mean there, and mistakes are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "perf_options.h"

const struct command command_perf = {.name = "perf", .options = perf_option_table};

static struct perf_options options;

/* The words of `line`. Returns an exit code; what is said of a mistake goes nowhere. */
static int parse(const char *line)
{
	static char text[256], *words[32];
	char *rest = text;
	int count = 0, ret;

	for (const struct option *o = perf_option_table; o->name != NULL; o++) {
		if (o->kind == OPTION_FLAG)
			*(int *)o->target = 0;
		else
			*(const char **)o->target = NULL;
	}
	snprintf(text, sizeof(text), "%s", line);
	while ((words[count] = strsep(&rest, " ")) != NULL)
		count++;
	ret = command_parse(&command_perf, &count, words);
	return ret != 0 ? ret : perf_options_parse(count, words, &options);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("lat send"), EXIT_OK);
	assert_int_equal(options.settings.measure, PERF_LATENCY);
	assert_int_equal(options.settings.verb, PERF_SEND);
	assert_int_equal(options.settings.transport, PERF_WEIR);
	assert_int_equal(options.settings.bytes, 2);
	assert_int_equal(options.settings.iterations, 1000);
	assert_int_equal(options.settings.rx_depth, 512);
	assert_int_equal(options.tcp_port, 18515);
	assert_null(options.host);
	assert_int_equal(parse("bw write host"), EXIT_OK);
	assert_int_equal(options.settings.verb, PERF_WRITE);
	assert_int_equal(options.settings.bytes, 65536);
	assert_int_equal(options.settings.iterations, 5000);
	assert_int_equal(options.settings.tx_depth, 128);
	assert_int_equal(options.settings.cq_mod, 100);
	assert_int_equal(options.settings.inline_bytes, 0);
	assert_true(options.settings.peak);
	assert_string_equal(options.host, "host");
	assert_int_equal(parse("bw atomic"), EXIT_OK);
	assert_int_equal(options.settings.bytes, 8);
}

static void given(void **state)
{
	(void)state;
	assert_int_equal(parse("bw send -s 1MiB -n 20k -q 4 -t 64 -r 32 -l 8 -I 0 -Q 7 -b -N -e "
			       "-c UC -p 99 --verify --cpus 3"),
		EXIT_OK);
	assert_int_equal(options.settings.bytes, 1 << 20);
	assert_int_equal(options.settings.iterations, 20000);
	assert_int_equal(options.settings.qps, 4);
	assert_int_equal(options.settings.tx_depth, 64);
	assert_int_equal(options.settings.rx_depth, 32);
	assert_int_equal(options.settings.post_list, 8);
	assert_int_equal(options.settings.cq_mod, 7);
	assert_int_equal(options.settings.connection, PERF_UC);
	assert_int_equal(options.tcp_port, 99);
	assert_true(options.settings.bidirectional && options.settings.events &&
		options.settings.verify && !options.settings.peak);
	assert_int_equal(options.cpus[0], 3);
	assert_int_equal(options.cpus[1], -1);
	assert_int_equal(parse("lat send --self --cpus 1,0 -D 2.5 --rate 10k -s 1024"), EXIT_OK);
	assert_int_equal(options.cpus[1], 0);
	assert_int_equal(options.settings.duration_ns, 2500000000);
	assert_int_equal(options.settings.rate_per_second, 10000);
	assert_int_equal(parse("lat send -D 300ms"), EXIT_OK);
	assert_int_equal(options.settings.duration_ns, 300000000);
	/* A queue whose sends never complete would fill up. */
	assert_int_equal(parse("bw send -t 16"), EXIT_OK);
	assert_int_equal(options.settings.cq_mod, 16);
	assert_int_equal(parse("lat raw --port wan --echo"), EXIT_OK);
	assert_string_equal(options.raw_port, "wan");
}

static void mistakes(void **state)
{
	static const char *const lines[] = {"", "lat", "late send", "lat sent", "lat send a b",
		"lat send -s 2GiB", "lat send -s -1", "lat write -s 0", "lat atomic -s 16",
		"lat send -n 4", "lat send -D 1 -n 100", "lat send -D 0", "lat send -q 2",
		"lat send -b", "lat send -l 2", "bw send --rate 5", "bw send -H",
		"bw send -q 2 --compare", "bw send -q 2 --transport tcp", "bw send -l 200",
		"lat send --transport smoke", "lat send --transport tcp --compare",
		"lat send --self host", "lat send --csv --json", "lat send --poll --event",
		"lat send -a -s 3", "lat read -c UD", "lat write -c UD", "lat read -c UC",
		"lat atomic -a", "lat send -A FETCH_AND_MULTIPLY", "lat send --cpus x",
		"lat send --self --cpus 1", "lat send -p 0", "lat send -p 65536",
		"lat send --port wan", "lat send --echo", "bw raw", "bw raw --port a host",
		"bw raw --port a --self", "bw raw --port a -s 64", "lat send -t 0"};

	(void)state;
	assert_non_null(freopen("/dev/null", "w", stderr));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(lines[i]) != EXIT_USAGE)
			fail_msg("\"%s\" was taken", lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(given),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
