/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For random keys and inputs: every variant gives what the definition gives, bit by bit; so does
 * DPDK's rte_softrss; the hash is linear; the symmetric key hashes both directions alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <rte_byteorder.h>
#include <rte_thash.h>

#include "steering/toeplitz.h"

enum { BURST_MAX = 70, ROUNDS = 300 };

static unsigned seed;
static uint8_t key_bytes[TOEPLITZ_KEY_BYTES];

static void fill_random(uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bytes[i] = (uint8_t)(rand_r(&seed) >> 7);
}

/* Inputs of exactly the bytes that may be read, so that a sanitizer sees one too many. */
static uint8_t *random_input(bool ipv6)
{
	unsigned bytes = ipv6 ? TOEPLITZ_IPV6_BYTES : 4 + TOEPLITZ_IPV4_BYTES;
	uint8_t *memory = malloc(bytes);

	assert_non_null(memory);
	fill_random(memory, bytes);
	return memory;
}

static void check_burst(const struct toeplitz_key *key, unsigned count, bool ipv6)
{
	uint8_t *memory[BURST_MAX];
	const uint8_t *inputs[BURST_MAX];
	uint32_t hashes[BURST_MAX + 1];

	for (unsigned i = 0; i < count; i++) {
		memory[i] = random_input(ipv6);
		inputs[i] = memory[i] + (ipv6 ? 0 : 4);
	}
	hashes[count] = 0x5eed5eed;
	if (ipv6)
		toeplitz_hash_ipv6(key, inputs, count, hashes);
	else
		toeplitz_hash_ipv4(key, inputs, count, hashes);
	assert_int_equal(hashes[count], 0x5eed5eed);
	for (unsigned i = 0; i < count; i++) {
		unsigned length = ipv6 ? TOEPLITZ_IPV6_BYTES : TOEPLITZ_IPV4_BYTES;

		assert_int_equal(hashes[i], toeplitz_hash_reference(key->bytes, inputs[i], length));
		free(memory[i]);
	}
}

static void variants_agree(void **state)
{
	struct toeplitz_key key;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const struct toeplitz_variant *variant =
			toeplitz_variants[round % TOEPLITZ_VARIANT_COUNT];

		if (!variant->supported())
			continue;
		fill_random(key_bytes, sizeof(key_bytes));
		toeplitz_key_init(&key, key_bytes, variant);
		check_burst(&key, (unsigned)rand_r(&seed) % (BURST_MAX + 1),
			round / TOEPLITZ_VARIANT_COUNT % 2);
	}
}

static void dpdk_agrees(void **state)
{
	struct toeplitz_key key;
	uint8_t input[TOEPLITZ_INPUT_MAX];
	uint32_t words[TOEPLITZ_INPUT_MAX / 4];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned count = 1 + (unsigned)rand_r(&seed) % 9;

		fill_random(key_bytes, sizeof(key_bytes));
		fill_random(input, sizeof(input));
		toeplitz_key_init(&key, key_bytes, NULL);
		memcpy(words, input, sizeof(words));
		for (unsigned i = 0; i < count; i++)
			words[i] = rte_be_to_cpu_32(words[i]);
		assert_int_equal(toeplitz_hash(&key, input, 4 * count),
			rte_softrss(words, count, key_bytes));
	}
}

static void linear(void **state)
{
	struct toeplitz_key key;
	uint8_t one[TOEPLITZ_INPUT_MAX], other[TOEPLITZ_INPUT_MAX], both[TOEPLITZ_INPUT_MAX];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		fill_random(key_bytes, sizeof(key_bytes));
		fill_random(one, sizeof(one));
		fill_random(other, sizeof(other));
		toeplitz_key_init(&key, key_bytes, NULL);
		for (unsigned i = 0; i < sizeof(both); i++)
			both[i] = one[i] ^ other[i];
		assert_int_equal(toeplitz_hash(&key, both, sizeof(both)),
			toeplitz_hash(&key, one, sizeof(one)) ^
				toeplitz_hash(&key, other, sizeof(other)));
	}
}

static void symmetric_key(void **state)
{
	struct toeplitz_key key;
	uint8_t there[TOEPLITZ_IPV6_BYTES], back[TOEPLITZ_IPV6_BYTES];

	(void)state;
	toeplitz_key_init(&key, toeplitz_key_symmetric, NULL);
	for (unsigned round = 0; round < ROUNDS; round++) {
		fill_random(there, sizeof(there));
		memcpy(back, there + 16, 16);
		memcpy(back + 16, there, 16);
		memcpy(back + 32, there + 34, 2);
		memcpy(back + 34, there + 32, 2);
		assert_int_equal(toeplitz_hash(&key, there, sizeof(there)),
			toeplitz_hash(&key, back, sizeof(back)));
	}
}

int main(void)
{
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variants_agree),
		cmocka_unit_test(dpdk_agrees),
		cmocka_unit_test(linear),
		cmocka_unit_test(symmetric_key),
	};

	seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : (unsigned)time(NULL);
	printf("WEIR_SEED=%u\n", seed);
	fflush(stdout);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
