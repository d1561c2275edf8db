/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/values.h"

static void check_cpus(const char *text, const char *expected)
{
	struct cpu_list cpus = {0};
	char formatted[CONFIG_TEXT_MAX];

	assert_int_equal(config_parse_cpus(text, 1023, &cpus), 0);
	assert_string_equal(config_format_cpus(formatted, sizeof(formatted), &cpus), expected);
}

static void test_cpus(void **state)
{
	struct cpu_list cpus = {.count = 7};

	(void)state;
	check_cpus("0", "0");
	check_cpus("2-5,8", "2-5,8");
	check_cpus("8,2-5", "2-5,8");
	check_cpus("1,2,3,2-4", "1-4");
	check_cpus("0, 2, 4", "0,2,4");
	check_cpus("0-1023", "0-1023");
	assert_int_equal(config_parse_cpus("1024", 5000, &cpus), -ERANGE);
	assert_int_equal(config_parse_cpus("64", 63, &cpus), -ERANGE);
	assert_int_equal(config_parse_cpus("99999999999999999999", 63, &cpus), -ERANGE);
	assert_int_equal(config_parse_cpus("", 63, &cpus), -EINVAL);
	assert_int_equal(config_parse_cpus("2-", 63, &cpus), -EINVAL);
	assert_int_equal(config_parse_cpus("5-2", 63, &cpus), -EINVAL);
	assert_int_equal(config_parse_cpus("1,", 63, &cpus), -EINVAL);
	assert_int_equal(config_parse_cpus("1;2", 63, &cpus), -EINVAL);
	assert_int_equal(config_parse_cpus("-1", 63, &cpus), -EINVAL);
	assert_int_equal(cpus.count, 7);
}

static void test_cpus_longest_text(void **state)
{
	struct cpu_list cpus = {0}, again = {0};
	char formatted[CONFIG_TEXT_MAX];

	(void)state;
	for (uint16_t cpu = 0; cpu < CONFIG_CPUS_MAX; cpu++)
		if (cpu % 3 != 2)
			cpus.cpus[cpus.count++] = cpu;
	config_format_cpus(formatted, sizeof(formatted), &cpus);
	assert_int_equal(config_parse_cpus(formatted, CONFIG_CPUS_MAX - 1, &again), 0);
	assert_memory_equal(&cpus, &again, sizeof(cpus));
}

static void check_speed(const char *text, enum speed_kind kind, double value, const char *expected)
{
	struct speed speed = {SPEED_ORIGINAL, -1};
	char formatted[CONFIG_TEXT_MAX];

	assert_int_equal(config_parse_speed(text, &speed), 0);
	assert_int_equal(speed.kind, kind);
	assert_true(speed.value == value);
	assert_string_equal(config_format_speed(formatted, sizeof(formatted), &speed), expected);
}

static void test_speed(void **state)
{
	struct speed speed;

	(void)state;
	check_speed("original", SPEED_ORIGINAL, 0, "original");
	check_speed("top", SPEED_TOP, 0, "top");
	check_speed("x2.5", SPEED_MULTIPLE, 2.5, "x2.5");
	check_speed("x0.1", SPEED_MULTIPLE, 0.1, "x0.1");
	check_speed("1.5Mpps", SPEED_PPS, 1.5e6, "1.5Mpps");
	check_speed("1500000pps", SPEED_PPS, 1.5e6, "1.5Mpps");
	check_speed("10Gbps", SPEED_BPS, 1e10, "10Gbps");
	check_speed("10 Gbit/s", SPEED_BPS, 1e10, "10Gbps");
	assert_int_equal(config_parse_speed("fast", &speed), -EINVAL);
	assert_int_equal(config_parse_speed("10", &speed), -EINVAL);
	assert_int_equal(config_parse_speed("x", &speed), -EINVAL);
	assert_int_equal(config_parse_speed("0pps", &speed), -ERANGE);
	assert_int_equal(config_parse_speed("x0", &speed), -ERANGE);
	assert_int_equal(config_parse_speed("2Tpps", &speed), -ERANGE);
	assert_int_equal(config_parse_speed("-1pps", &speed), -EINVAL);
}

static void test_mac(void **state)
{
	static const uint8_t expected[6] = {0x02, 0xab, 0, 0, 0xCD, 0xff};
	uint8_t address[6] = {0};
	char text[CONFIG_TEXT_MAX];

	(void)state;
	assert_int_equal(config_parse_mac("02:ab:00:00:CD:ff", address), 0);
	assert_memory_equal(address, expected, 6);
	assert_string_equal(config_format_mac(text, sizeof(text), address), "02:ab:00:00:cd:ff");
	assert_int_equal(config_parse_mac("02:ab:00:00:cd", address), -EINVAL);
	assert_int_equal(config_parse_mac("02:ab:00:00:cd:ff:00", address), -EINVAL);
	assert_int_equal(config_parse_mac("02-ab-00-00-cd-ff", address), -EINVAL);
	assert_int_equal(config_parse_mac("02:ab:00:00:cd:f", address), -EINVAL);
	assert_int_equal(config_parse_mac("02:ab:00:00:cd:fg", address), -EINVAL);
	assert_int_equal(config_parse_mac("", address), -EINVAL);
}

static void test_frame_size(void **state)
{
	struct config_generate generate = {0};
	char text[CONFIG_TEXT_MAX];

	(void)state;
	assert_int_equal(config_parse_frame_size("imix", &generate), 0);
	assert_true(generate.imix);
	assert_string_equal(config_format_frame_size(text, sizeof(text), &generate), "imix");
	assert_int_equal(config_parse_frame_size("64-1500", &generate), 0);
	assert_false(generate.imix);
	assert_int_equal(generate.size_min, 64);
	assert_int_equal(generate.size_max, 1500);
	assert_string_equal(config_format_frame_size(text, sizeof(text), &generate), "64-1500");
	assert_int_equal(config_parse_frame_size("60", &generate), 0);
	assert_int_equal(generate.size_max, 60);
	assert_string_equal(config_format_frame_size(text, sizeof(text), &generate), "60");
	assert_int_equal(config_parse_frame_size("59", &generate), -ERANGE);
	assert_int_equal(config_parse_frame_size("9601", &generate), -ERANGE);
	assert_int_equal(config_parse_frame_size("1500-64", &generate), -EINVAL);
	assert_int_equal(config_parse_frame_size("IMIX", &generate), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_cpus_longest_text),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_frame_size),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
