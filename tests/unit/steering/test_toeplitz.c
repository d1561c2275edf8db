/* SPDX-License-Identifier: BSD-3-Clause */
/* The verification vectors that NIC data sheets print, for every variant this CPU has. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/toeplitz.h"
#include "steering/tuple.h"

static const struct {
	const char *source, *destination;
	uint32_t addresses_hash, ports_hash;
} vectors[] = {
	{"66.9.149.187:2794", "161.142.100.80:1766", 0x323e8fc2, 0x51ccc178},
	{"199.92.111.2:14230", "65.69.140.83:4739", 0xd718262a, 0xc626b0ea},
	{"24.19.198.95:12898", "12.22.207.184:38024", 0xd2d0a5de, 0x5c2b394a},
	{"38.27.205.30:48228", "209.142.163.6:2217", 0x82989176, 0xafc7327f},
	{"153.39.163.191:44251", "202.188.127.2:1303", 0x5d1809c5, 0x10e828a2},
	{"[3ffe:2501:200:1fff::7]:2794", "[3ffe:2501:200:3::1]:1766", 0x2cc18cd5, 0x40207d3d},
	{"[3ffe:501:8::260:97ff:fe40:efab]:14230", "[ff02::1]:4739", 0x0f0c461c, 0xdde51bbf},
	{"[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:44251", "[fe80::200:f8ff:fe21:67cf]:38024",
		0x4b61e985, 0x02d1feef},
};
enum { VECTOR_COUNT = sizeof(vectors) / sizeof(vectors[0]) };

static uint32_t burst_hash(const struct toeplitz_key *key, const uint8_t *input, bool ipv6)
{
	uint8_t copy[4 + TOEPLITZ_INPUT_MAX] = {0};
	const uint8_t *inputs[1] = {copy + 4};
	uint32_t hash;

	memcpy(copy + 4, input, TOEPLITZ_INPUT_MAX);
	if (ipv6)
		toeplitz_hash_ipv6(key, inputs, 1, &hash);
	else
		toeplitz_hash_ipv4(key, inputs, 1, &hash);
	return hash;
}

static void verification_vectors(void **state)
{
	struct toeplitz_key key;

	(void)state;
	for (unsigned v = 0; v < TOEPLITZ_VARIANT_COUNT; v++) {
		if (!toeplitz_variants[v]->supported()) {
			print_message("%s: not on this CPU\n", toeplitz_variants[v]->name);
			continue;
		}
		print_message("%s\n", toeplitz_variants[v]->name);
		toeplitz_key_init(&key, toeplitz_key_microsoft, toeplitz_variants[v]);
		for (unsigned i = 0; i < VECTOR_COUNT; i++) {
			uint8_t input[TOEPLITZ_INPUT_MAX] = {0};
			struct tuple tuple;
			unsigned length;

			assert_int_equal(tuple_parse(vectors[i].source, vectors[i].destination,
						 "tcp", &tuple, NULL),
				0);
			length = tuple_hash_input(&tuple, input);
			assert_int_equal(length, tuple.ipv6 ? 36 : 12);
			assert_int_equal(
				burst_hash(&key, input, tuple.ipv6), vectors[i].ports_hash);
			assert_int_equal(toeplitz_hash(&key, input, length), vectors[i].ports_hash);
			tuple.has_ports = false;
			memset(input, 0, sizeof(input));
			length = tuple_hash_input(&tuple, input);
			assert_int_equal(length, tuple.ipv6 ? 32 : 8);
			assert_int_equal(
				burst_hash(&key, input, tuple.ipv6), vectors[i].addresses_hash);
			assert_int_equal(
				toeplitz_hash(&key, input, length), vectors[i].addresses_hash);
			assert_int_equal(toeplitz_hash_reference(key.bytes, input, length),
				vectors[i].addresses_hash);
		}
	}
}

static void key_text(void **state)
{
	static const char microsoft[] =
		"6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa";
	static const char ethtool_52[] =
		"6D:5A:56:DA:25:5B:0E:C2:41:67:25:3D:43:A3:8F:B0:D0:CA:2B:CB:AE:7B:30:B4:77:CB:"
		"2D:A3:80:30:F2:0C:6A:42:B7:3B:BE:AC:01:FA:01:02:03:04:05:06:07:08:09:0a:0b:0c";
	static const char *const wrong[] = {"", "intel", "6d5", "6d:", ":6d", "6d5a 56da", "6d5a"};
	uint8_t key[TOEPLITZ_KEY_BYTES];
	struct error error;

	(void)state;
	assert_int_equal(toeplitz_key_parse("microsoft", key, &error), 0);
	assert_memory_equal(key, toeplitz_key_microsoft, sizeof(key));
	assert_int_equal(toeplitz_key_parse("symmetric", key, &error), 0);
	assert_memory_equal(key, toeplitz_key_symmetric, sizeof(key));
	assert_int_equal(toeplitz_key_parse(microsoft, key, &error), 0);
	assert_memory_equal(key, toeplitz_key_microsoft, sizeof(key));
	memset(key, 0, sizeof(key));
	assert_int_equal(toeplitz_key_parse(ethtool_52, key, &error), 0);
	assert_memory_equal(key, toeplitz_key_microsoft, sizeof(key));
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error.message[0] = '\0';
		assert_int_equal(toeplitz_key_parse(wrong[i], key, &error), -EINVAL);
		assert_non_null(strstr(error.message, "40"));
	}
	assert_memory_equal(key, toeplitz_key_microsoft, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verification_vectors),
		cmocka_unit_test(key_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
