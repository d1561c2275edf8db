/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/tuple.h"

static void read_and_written_back(void **state)
{
	static const struct {
		const char *source, *destination, *protocol, *text;
		unsigned input_bytes;
	} cases[] = {
		{"10.0.0.1:80", "10.0.0.2:1234", "tcp", "10.0.0.1:80 10.0.0.2:1234 tcp", 12},
		{"10.0.0.1:0", "10.0.0.2:65535", "17", "10.0.0.1:0 10.0.0.2:65535 udp", 12},
		{"10.0.0.1:1", "10.0.0.2:2", "sctp", "10.0.0.1:1 10.0.0.2:2 sctp", 12},
		{"10.0.0.1", "10.0.0.2", NULL, "10.0.0.1 10.0.0.2 ip", 8},
		{"10.0.0.1", "10.0.0.2", "icmp", "10.0.0.1 10.0.0.2 icmp", 8},
		{"10.0.0.1", "10.0.0.2", "tcp", "10.0.0.1 10.0.0.2 tcp", 8},
		{"10.0.0.1", "10.0.0.2", "89", "10.0.0.1 10.0.0.2 89", 8},
		{"[2001:db8::1]:80", "[::]:1", "tcp", "[2001:db8::1]:80 [::]:1 tcp", 36},
		{"2001:DB8::1", "[::ffff:1.2.3.4]", "icmp6", "2001:db8::1 ::ffff:1.2.3.4 icmp6",
			32},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t input[TOEPLITZ_INPUT_MAX];
		char text[TUPLE_TEXT_BYTES];
		struct tuple tuple;
		struct error error;

		assert_int_equal(tuple_parse(cases[i].source, cases[i].destination,
					 cases[i].protocol, &tuple, &error),
			0);
		assert_string_equal(tuple_format(&tuple, text), cases[i].text);
		assert_int_equal(tuple_hash_input(&tuple, input), cases[i].input_bytes);
	}
}

static void hash_input_in_network_order(void **state)
{
	static const uint8_t expected[12] = {10, 0, 0, 1, 192, 168, 1, 2, 0, 80, 0x12, 0x34};
	uint8_t input[TOEPLITZ_INPUT_MAX];
	struct tuple tuple;

	(void)state;
	assert_int_equal(tuple_parse("10.0.0.1:80", "192.168.1.2:4660", "udp", &tuple, NULL), 0);
	assert_int_equal(tuple.protocol, IPPROTO_UDP);
	assert_int_equal(tuple_hash_input(&tuple, input), sizeof(expected));
	assert_memory_equal(input, expected, sizeof(expected));
}

static void longest_text_fits(void **state)
{
	static const char end[] = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535";
	char text[TUPLE_TEXT_BYTES];
	struct tuple tuple;

	(void)state;
	assert_int_equal(tuple_parse(end, end, "255", &tuple, NULL), 0);
	assert_int_equal(strlen(tuple_format(&tuple, text)), 2 * strlen(end) + 5);
}

static void mistakes(void **state)
{
	static const struct {
		const char *source, *destination, *protocol, *said;
	} cases[] = {
		{"10.0.0.1:80", "10.0.0.2", "tcp", "\"10.0.0.2\" has no port"},
		{"10.0.0.1", "10.0.0.2:80", "tcp", "\"10.0.0.1\" has no port"},
		{"10.0.0.1", "2001:db8::1", "tcp", "different IP versions"},
		{"10.0.0.256:1", "10.0.0.2:80", "tcp", "\"10.0.0.256:1\" is not an address"},
		{"10.0.0.1:65536", "10.0.0.2:80", "tcp", "\"65536\" is not a port"},
		{"10.0.0.1:", "10.0.0.2:80", "tcp", "\"\" is not a port"},
		{"10.0.0.1:-1", "10.0.0.2:80", "tcp", "\"-1\" is not a port"},
		{"10.0.0.1:99999999999999999999", "10.0.0.2:80", "tcp", "is not a port"},
		{"[2001:db8::1:80", "[::1]:1", "tcp", "\"[2001:db8::1:80\" is not an address"},
		{"[2001:db8::1]80", "[::1]:1", "tcp", "is not an address"},
		{"[10.0.0.1]:80", "10.0.0.2:80", "tcp", "is not an address"},
		{"", "10.0.0.2", "tcp", "\"\" is not an address"},
		{"example.org", "10.0.0.2", "tcp", "is not an address"},
		{"10.0.0.1", "10.0.0.2", "tpc", "\"tpc\" is not a protocol"},
		{"10.0.0.1", "10.0.0.2", "256", "is not a protocol"},
		{"10.0.0.1", "10.0.0.2", "", "is not a protocol"},
		{"10.0.0.1:1", "10.0.0.2:2", NULL, "ports of which protocol"},
		{"1111111111111111111111111111111111111111111111111111111111111111:1", "10.0.0.2",
			"tcp", "is not an address"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tuple tuple;
		struct error error = {0};

		assert_int_equal(tuple_parse(cases[i].source, cases[i].destination,
					 cases[i].protocol, &tuple, &error),
			-EINVAL);
		print_message("%s\n", error.message);
		assert_non_null(strstr(error.message, cases[i].said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_and_written_back),
		cmocka_unit_test(hash_input_in_network_order),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
