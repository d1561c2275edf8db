/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"

struct parse_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_parser(int (*parse)(const char *, uint64_t *), const struct parse_case *cases)
{
	for (; cases->text != NULL; cases++) {
		uint64_t value = 12345;
		int result = parse(cases->text, &value);

		if (result != cases->result || value != (result == 0 ? cases->value : 12345))
			fail_msg("\"%s\": result %d, value %llu", cases->text, result,
				(unsigned long long)value);
	}
}

static void test_durations(void **state)
{
	static const struct parse_case cases[] = {
		{"0", 0, 0},
		{"0s", 0, 0},
		{"250ns", 0, 250},
		{"10us", 0, 10000},
		{"10µs", 0, 10000},
		{"10ms", 0, 10000000},
		{"10 ms", 0, 10000000},
		{"0.1s", 0, 100000000},
		{"1.5ms", 0, 1500000},
		{"2min", 0, 120000000000},
		{"1h", 0, 3600000000000},
		{"1d", 0, 86400000000000},
		{"0.000000001s", 0, 1},
		{"18446744073709551615ns", 0, UINT64_MAX},
		{"18446744073709551616ns", -ERANGE, 0},
		{"18446744074s", -ERANGE, 0},
		{"1000000d", -ERANGE, 0},
		{"1.5ns", -EINVAL, 0}, /* not a whole nanosecond */
		{"0.0000000000000000001s", -EINVAL, 0},
		{"10", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"ms", -EINVAL, 0},
		{"-1ms", -EINVAL, 0},
		{"+1ms", -EINVAL, 0},
		{" 1ms", -EINVAL, 0},
		{"1ms ", -EINVAL, 0},
		{"1  ms", -EINVAL, 0},
		{"1.ms", -EINVAL, 0},
		{".5ms", -EINVAL, 0},
		{"1e3ms", -EINVAL, 0},
		{"1MS", -EINVAL, 0},
		{NULL, 0, 0},
	};

	(void)state;
	check_parser(units_parse_duration, cases);
}

static void test_bytes(void **state)
{
	static const struct parse_case cases[] = {
		{"4096", 0, 4096},
		{"4096B", 0, 4096},
		{"64KiB", 0, 65536},
		{"1.5GiB", 0, 1610612736},
		{"10MB", 0, 10000000},
		{"1kB", 0, 1000},
		{"16777216TiB", -ERANGE, 0},
		{"0.5", -EINVAL, 0},
		{"64K", -EINVAL, 0}, /* 1000 or 1024? */
		{"64kb", -EINVAL, 0},
		{"4096 ", -EINVAL, 0},
		{NULL, 0, 0},
	};

	(void)state;
	check_parser(units_parse_bytes, cases);
}

static void test_counts(void **state)
{
	static const struct parse_case cases[] = {
		{"0", 0, 0},
		{"10k", 0, 10000},
		{"10K", 0, 10000},
		{"2.5M", 0, 2500000},
		{"0.0005k", -EINVAL, 0},
		{"10kk", -EINVAL, 0},
		{"ten", -EINVAL, 0},
		{NULL, 0, 0},
	};

	(void)state;
	check_parser(units_parse_count, cases);
}

static void test_rates(void **state)
{
	double value = 0;

	(void)state;
	assert_int_equal(units_parse_rate("1.5Mpps", "pps", &value), 0);
	assert_true(value == 1500000);
	assert_int_equal(units_parse_rate("10 Gbps", "bps", &value), 0);
	assert_true(value == 1e10);
	assert_int_equal(units_parse_rate("0.1pps", "pps", &value), 0);
	assert_true(value == 0.1);
	assert_int_equal(units_parse_rate("3.00000000000000000000001kpps", "pps", &value), 0);
	assert_true(value == 3000);
	assert_int_equal(units_parse_rate("10Gbps", "pps", &value), -EINVAL);
	assert_int_equal(units_parse_rate("10", "pps", &value), -EINVAL);
	assert_int_equal(units_parse_rate("10mpps", "pps", &value), -EINVAL); /* milli? */
	assert_int_equal(units_parse_decimal("2.5", &value), 0);
	assert_true(value == 2.5);
}

static void test_formats(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	assert_string_equal(units_format_rate(text, sizeof(text), 1534000, "pps"), "1.53 Mpps");
	assert_string_equal(units_format_rate(text, sizeof(text), 713000, "pps"), "713 kpps");
	assert_string_equal(units_format_rate(text, sizeof(text), 999600, "pps"), "1.00 Mpps");
	assert_string_equal(units_format_rate(text, sizeof(text), 9.996e9, "bps"), "10.0 Gbps");
	assert_string_equal(units_format_rate(text, sizeof(text), 0, "pps"), "0 pps");
	assert_string_equal(units_format_rate(text, sizeof(text), 7, "pps"), "7 pps");
	assert_string_equal(units_format_rate(text, sizeof(text), 0.25, "pps"), "0.25 pps");
	assert_string_equal(units_format_time(text, sizeof(text), 1534000), "1.53 ms");
	assert_string_equal(units_format_time(text, sizeof(text), 48), "48 ns");
	assert_string_equal(units_format_size(text, sizeof(text), 1610612736), "1.50 GiB");
	assert_string_equal(units_format_duration(text, sizeof(text), 1500000), "1500us");
	assert_string_equal(units_format_duration(text, sizeof(text), 0), "0ns");
	assert_string_equal(units_format_duration(text, sizeof(text), 120000000000), "2min");
	assert_string_equal(units_format_bytes(text, sizeof(text), 65536), "64KiB");
	assert_string_equal(units_format_bytes(text, sizeof(text), 1000), "1000");
	assert_string_equal(units_format_bytes(text, sizeof(text), 0), "0B");
	assert_string_equal(units_format_rate_exact(text, sizeof(text), 1.5e6, "pps"), "1.5Mpps");
	assert_string_equal(units_format_rate_exact(text, sizeof(text), 0.1, "pps"), "0.1pps");
}

static void test_round_trip(void **state)
{
	const char *given = getenv("WEIR_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	char text[UNITS_TEXT_MAX];

	(void)state;
	print_message("WEIR_SEED=%u\n", seed);
	srandom(seed);
	for (int i = 0; i < 100000; i++) {
		uint64_t value = ((uint64_t)random() << 32 | (uint64_t)random()) >> (random() % 60);
		uint64_t again = ~value;
		double rate = (double)(value >> 16) / 1000, rate_again = -1;

		value *= i % 3 == 0 ? 1000 : i % 3 == 1 ? 1024 : 1;
		units_format_duration(text, sizeof(text), value);
		assert_int_equal(units_parse_duration(text, &again), 0);
		assert_true(again == value);
		units_format_bytes(text, sizeof(text), value);
		assert_int_equal(units_parse_bytes(text, &again), 0);
		assert_true(again == value);
		units_format_rate_exact(text, sizeof(text), rate, "bps");
		assert_int_equal(units_parse_rate(text, "bps", &rate_again), 0);
		if (rate_again != rate)
			fail_msg("%s: %.17g became %.17g", text, rate, rate_again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
