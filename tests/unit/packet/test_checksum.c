/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums against independent judges: each variant bit for bit against the scalar oracle, the
 * oracle against DPDK's rte_raw_cksum, the examples of the RFCs, and updates against recomputing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <rte_ip.h>

#include "packet/checksum.h"

enum { LENGTH_MAX = 2100, ALIGNMENTS = 64 };

static uint64_t seed;
static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void random_fill(uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(random_next() >> 24);
}

static int restart_random(void **state)
{
	(void)state;
	random_state = seed;
	return 0;
}

/* The allocation ends where the bytes end, so that a sanitizer sees any read beyond. */
static void compare_at(
	const struct checksum_variant *variant, const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = (uint32_t)random_next();
	uint32_t oracle = checksum_variants[0].partial(bytes, length, sum);

	assert_int_equal(
		checksum_fold(variant->partial(bytes, length, sum)), checksum_fold(oracle));
}

static void test_variants(void **state)
{
	uint8_t *bytes = malloc(LENGTH_MAX + ALIGNMENTS);

	(void)state;
	assert_non_null(bytes);
	random_fill(bytes, LENGTH_MAX + ALIGNMENTS);
	for (int i = 1; i < CHECKSUM_VARIANT_COUNT; i++) {
		const struct checksum_variant *variant = &checksum_variants[i];

		if (!variant->supported()) {
			print_message("this CPU has no %s: not tested\n", variant->name);
			continue;
		}
		for (uint32_t length = 0; length <= LENGTH_MAX; length++)
			for (uint32_t offset = 0; offset < ALIGNMENTS; offset++)
				compare_at(variant, bytes + offset, length);
		for (uint32_t length = 0; length <= LENGTH_MAX; length++)
			compare_at(variant, bytes + LENGTH_MAX + ALIGNMENTS - length, length);
	}
	free(bytes);
}

/* All ones make every carry happen; all zeros must stay 0. Lengths up to and beyond where variants
 * change the way they go. */
static void test_extremes(void **state)
{
	static const uint32_t lengths[] = {
		1, 64, 1460, 65535, 65536, 130881, 130943, 130944, 130945, 200000, 1 << 20};
	static uint8_t bytes[(1 << 20) + 64];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]) * CHECKSUM_VARIANT_COUNT; i++) {
		const struct checksum_variant *variant =
			&checksum_variants[i % CHECKSUM_VARIANT_COUNT];
		uint32_t length = lengths[i / CHECKSUM_VARIANT_COUNT];

		if (!variant->supported())
			continue;
		memset(bytes, 0, sizeof(bytes));
		assert_int_equal(variant->partial(bytes + 63, length, 0), 0);
		memset(bytes, 0xff, sizeof(bytes));
		for (uint32_t offset = 0; offset < 64; offset += 9)
			compare_at(variant, bytes + offset, length);
		compare_at(variant, bytes + 63, length);
		memset(bytes, 0x80, sizeof(bytes));
		compare_at(variant, bytes + 63, length);
		random_fill(bytes, 70000);
		compare_at(variant, bytes + 63, length);
	}
}

static void test_against_dpdk(void **state)
{
	uint8_t bytes[LENGTH_MAX];

	(void)state;
	random_fill(bytes, sizeof(bytes));
	for (uint32_t length = 0; length <= LENGTH_MAX; length++)
		assert_int_equal(checksum_fold(checksum_partial(bytes, length, 0)),
			rte_raw_cksum(bytes, length));
}

/* RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2. */
static void test_rfc1071(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(ntohs(checksum_fold(checksum_partial(bytes, 8, 0))), 0xddf2);
}

/* RFC 1624 section 4: checksum dd2f, a word goes from 5555 to 3285; the checksum becomes 0000. */
static void test_rfc1624(void **state)
{
	(void)state;
	assert_int_equal(
		checksum_update(htons(0xdd2f), checksum_change16(htons(0x5555), htons(0x3285))), 0);
	assert_int_equal(
		checksum_update_udp(htons(0xdd2f), checksum_change16(htons(0x5555), htons(0x3285))),
		0xffff);
	assert_int_equal(checksum_update_udp(0, checksum_change16(1, 2)), 0);
}

static void test_append(void **state)
{
	uint8_t bytes[300];

	(void)state;
	random_fill(bytes, sizeof(bytes));
	for (uint32_t first = 0; first <= 150; first++)
		for (uint32_t second = first; second <= sizeof(bytes); second++) {
			uint32_t sum = checksum_partial(bytes, first, 0);

			sum = checksum_append(
				sum, checksum_partial(bytes + first, second - first, 0), first);
			sum = checksum_append(sum,
				checksum_partial(bytes + second, sizeof(bytes) - second, 0),
				second);
			assert_int_equal(checksum_fold(sum),
				checksum_fold(checksum_partial(bytes, sizeof(bytes), 0)));
		}
}

static void test_update(void **state)
{
	uint8_t bytes[60];

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t at = (uint32_t)(random_next() % 14) * 4, before, after;
		uint16_t checksum, change = (uint16_t)random_next();

		random_fill(bytes, sizeof(bytes));
		checksum = checksum_finish(checksum_partial(bytes, sizeof(bytes), 0));
		memcpy(&before, bytes + at, 4);
		after = random_next() & 1 ? (uint32_t)random_next() : 0;
		memcpy(bytes + at, &after, 4);
		assert_int_equal(checksum_update(checksum, checksum_change32(before, after)),
			checksum_finish(checksum_partial(bytes, sizeof(bytes), 0)));
		memcpy(&before, bytes + at, 2);
		checksum = checksum_finish(checksum_partial(bytes, sizeof(bytes), 0));
		memcpy(bytes + at, &change, 2);
		assert_int_equal(
			checksum_update(checksum, checksum_change16((uint16_t)before, change)),
			checksum_finish(checksum_partial(bytes, sizeof(bytes), 0)));
	}
}

static void test_ipv4_header(void **state)
{
	(void)state;
	for (uint32_t length = 20; length <= 60; length += 4)
		for (int i = 0; i < 1000; i++) {
			uint8_t header[60];
			uint16_t checksum;

			random_fill(header, sizeof(header));
			header[0] = (uint8_t)(0x40 | length / 4);
			memset(header + 10, 0, 2);
			checksum = checksum_ipv4_header(header, length);
			assert_int_equal(checksum, (uint16_t)~rte_raw_cksum(header, length));
			memcpy(header + 10, &checksum, 2);
			assert_int_equal(checksum_ipv4_header(header, length), 0);
		}
}

static void check_l4(uint8_t protocol, uint32_t field, uint32_t length)
{
	uint8_t ip[40], l4[LENGTH_MAX];
	uint16_t checksum, judge;

	random_fill(ip, sizeof(ip));
	random_fill(l4, length);
	memset(l4 + field, 0, 2);
	ip[0] = 0x45;
	ip[9] = protocol;
	*(uint16_t *)(void *)(ip + 2) = htons((uint16_t)(20 + length));
	checksum = checksum_l4_ipv4(ip, protocol, l4, length);
	judge = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(void *)ip, l4);
	/* DPDK gives TCP, too, 0xffff for 0: equal in ones' complement. */
	assert_true(checksum == judge || (checksum == 0 && judge == 0xffff));
	memcpy(l4 + field, &checksum, 2);
	assert_true(checksum_l4_ipv4_valid(ip, protocol, l4, length));
	l4[length / 2] ^= 0x10;
	assert_false(checksum_l4_ipv4_valid(ip, protocol, l4, length));

	memset(l4 + field, 0, 2);
	ip[6] = protocol;
	*(uint16_t *)(void *)(ip + 4) = htons((uint16_t)length);
	checksum = checksum_l4_ipv6(ip, protocol, l4, length);
	judge = rte_ipv6_udptcp_cksum((const struct rte_ipv6_hdr *)(void *)ip, l4);
	assert_true(checksum == judge || (checksum == 0 && judge == 0xffff));
	memcpy(l4 + field, &checksum, 2);
	assert_true(checksum_l4_ipv6_valid(ip, protocol, l4, length));
	l4[length / 2] ^= 0x10;
	assert_false(checksum_l4_ipv6_valid(ip, protocol, l4, length));
}

static void test_l4(void **state)
{
	(void)state;
	for (uint32_t length = 20; length <= LENGTH_MAX; length++) {
		check_l4(IPPROTO_TCP, 16, length);
		check_l4(IPPROTO_UDP, 6, length);
	}
}

/* A UDP datagram whose checksum computes to 0 must carry 0xffff; a TCP segment carries 0. */
static void test_udp_zero(void **state)
{
	uint8_t ip[20] = {0x45}, l4[20] = {0};
	uint16_t word;

	(void)state;
	word = checksum_finish(checksum_pseudo_ipv4(ip, IPPROTO_UDP, sizeof(l4)));
	memcpy(l4 + 8, &word, 2);
	assert_int_equal(checksum_l4_ipv4(ip, IPPROTO_UDP, l4, sizeof(l4)), 0xffff);
	assert_true(checksum_l4_ipv4_valid(ip, IPPROTO_UDP, l4, sizeof(l4)));
	word = checksum_finish(checksum_pseudo_ipv4(ip, IPPROTO_TCP, sizeof(l4)));
	memcpy(l4 + 8, &word, 2);
	assert_int_equal(checksum_l4_ipv4(ip, IPPROTO_TCP, l4, sizeof(l4)), 0);
	assert_false(checksum_l4_ipv6_valid((uint8_t[40]){0}, IPPROTO_UDP, l4, sizeof(l4)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_variants, restart_random),
		cmocka_unit_test_setup(test_extremes, restart_random),
		cmocka_unit_test_setup(test_against_dpdk, restart_random),
		cmocka_unit_test(test_rfc1071),
		cmocka_unit_test(test_rfc1624),
		cmocka_unit_test_setup(test_append, restart_random),
		cmocka_unit_test_setup(test_update, restart_random),
		cmocka_unit_test_setup(test_ipv4_header, restart_random),
		cmocka_unit_test_setup(test_l4, restart_random),
		cmocka_unit_test(test_udp_zero),
	};
	const char *text = getenv("WEIR_SEED");

	seed = text != NULL ? strtoull(text, NULL, 0) : 20260101;
	seed += seed == 0;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
