/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes that are hashed, one by one, and packets of the types that no tuple has: AH, ESP, no
 * IP, a tag beside the packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "steering/receive.h"
#include "steering/rss_hash.h"

static const uint8_t addresses[] = {10, 0, 0, 9, 10, 0, 0, 1}, ports[] = {1, 2, 0, 80};
static const uint8_t mac[] = {2, 0, 0, 0, 0, 0xa5};

/* With these fields for all types. */
static struct rss_rules rules_of(const char *letters, enum rss_transform transform)
{
	uint8_t all[RSS_TYPE_COUNT];
	struct rss_rules rules;

	assert_null(rss_fields_parse(letters, RSS_FIELDS_ALL, &all[0]));
	memset(all, all[0], sizeof(all));
	rss_rules_init(&rules, all, transform, false);
	return rules;
}

static void expect_input(const char *letters, enum rss_transform transform,
	const struct rss_packet *packet, const char *expected, unsigned bytes)
{
	struct rss_rules rules = rules_of(letters, transform);
	uint8_t input[TOEPLITZ_INPUT_MAX], padded[TOEPLITZ_INPUT_MAX] = {0};

	memset(input, 0xee, sizeof(input));
	assert_int_equal(rss_compose(&rules, packet, input), bytes);
	if (bytes == 0)
		return;
	memcpy(padded, expected, bytes);
	assert_memory_equal(input, padded, sizeof(input));
}

static void composed(void **state)
{
	struct rss_packet tcp = {.type = RSS_TYPE_TCP4,
		.addresses = addresses,
		.l4 = ports,
		.mac = mac,
		.vlan = 0x123,
		.protocol = 6};

	(void)state;
	expect_input("sdfn", RSS_TRANSFORM_NONE, &tcp, "\x0a\0\0\x09\x0a\0\0\1\1\2\0\x50", 12);
	expect_input("dn", RSS_TRANSFORM_NONE, &tcp, "\0\0\0\0\x0a\0\0\1\0\0\0\x50", 12);
	expect_input(
		"sdfn", RSS_TRANSFORM_SYMMETRIC_XOR, &tcp, "\0\0\0\x08\0\0\0\x08\1\x52\1\x52", 12);
	expect_input(
		"sdfn", RSS_TRANSFORM_SYMMETRIC_SORT, &tcp, "\x0a\0\0\1\x0a\0\0\x09\0\x50\1\2", 12);
	expect_input("smvt", RSS_TRANSFORM_NONE, &tcp,
		"\x0a\0\0\x09\0\0\0\0\0\0\0\0\2\0\0\0\0\xa5\1\x23\0\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
		36);
	tcp.fragment = true;
	expect_input("sdfn", RSS_TRANSFORM_NONE, &tcp, "\x0a\0\0\x09\x0a\0\0\1\0\0\0\0", 12);
	expect_input("fn", RSS_TRANSFORM_NONE, &tcp, "", 0);
}

static void without_ip(void **state)
{
	const struct rss_packet ether = {.type = RSS_TYPE_ETHER, .mac = mac, .protocol = 0x0806};

	(void)state;
	expect_input("sdfn", RSS_TRANSFORM_NONE, &ether, "", 0);
	expect_input("mt", RSS_TRANSFORM_SYMMETRIC_XOR, &ether,
		"\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\xa5\0\0\x08\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 36);
}

static void ipv6_l2_over_the_prefix(void **state)
{
	uint8_t pair[32] = {0x20, 1, 0x0d, 0xb8};
	struct rss_packet packet = {
		.type = RSS_TYPE_IP6, .addresses = pair, .vlan = 7, .protocol = 58};
	char expected[36] = {0x20, 1, 0x0d, (char)0xb8};

	(void)state;
	pair[6] = 0xff;
	expected[6] = (char)0xff;
	expect_input("sd", RSS_TRANSFORM_NONE, &packet, expected, 36);
	expected[7] = 7;
	expected[9] = 58;
	expect_input("sdvt", RSS_TRANSFORM_NONE, &packet, expected, 36);
}

/* An SPI is of one direction: no transform moves its halves. */
static void spi(void **state)
{
	static const uint8_t number[] = {0x99, 0x88, 0x11, 0x22};
	const struct rss_packet esp = {.type = RSS_TYPE_ESP4, .addresses = addresses, .l4 = number};

	(void)state;
	expect_input("sdfn", RSS_TRANSFORM_SYMMETRIC_SORT, &esp,
		"\x0a\0\0\1\x0a\0\0\x09\x99\x88\x11\x22", 12);
}

static void letters(void **state)
{
	char text[RSS_FIELDS_TEXT_BYTES];
	uint8_t fields = 0xff;

	(void)state;
	assert_string_equal(rss_fields_parse("sdxf", RSS_FIELDS_ALL, &fields), "xf");
	assert_string_equal(rss_fields_parse("sds", RSS_FIELDS_ALL, &fields), "s");
	assert_string_equal(rss_fields_parse("df", RSS_FIELDS_ADDRESSES, &fields), "f");
	assert_int_equal(fields, 0xff);
	assert_null(rss_fields_parse("nfdstvm", RSS_FIELDS_ALL, &fields));
	assert_int_equal(fields, RSS_FIELDS_ALL);
	assert_string_equal(rss_fields_format(fields, text), "mvtsdfn");
	assert_string_equal(rss_fields_format(RSS_FIELD_VLAN | RSS_FIELD_L4_SECOND, text), "vn");
	assert_string_equal(rss_fields_format(0, text), "");
	for (unsigned type = 0; type < RSS_TYPE_COUNT; type++) {
		assert_int_equal(rss_fields_default[type] & ~rss_fields_possible[type], 0);
		assert_true(rss_fields_are_symmetric(rss_fields_default[type]));
		assert_non_null(rss_type_names[type]);
	}
	assert_null(rss_type_names[RSS_TYPE_COUNT]);
	assert_false(rss_fields_are_symmetric(RSS_FIELD_SOURCE));
	assert_false(rss_fields_are_symmetric(RSS_FIELDS_ADDRESSES | RSS_FIELD_L4_FIRST));
	assert_false(rss_fields_are_symmetric(RSS_FIELDS_ADDRESSES | RSS_FIELD_MAC));
}

static void ordinary(void **state)
{
	struct rss_rules rules;
	uint8_t fields[RSS_TYPE_COUNT];

	(void)state;
	memcpy(fields, rss_fields_default, sizeof(fields));
	rss_rules_init(&rules, NULL, RSS_TRANSFORM_NONE, false);
	assert_true(rules.ordinary && rss_rules_are_default(&rules));
	rss_rules_init(&rules, fields, RSS_TRANSFORM_NONE, true);
	assert_true(rules.ordinary && !rss_rules_are_default(&rules));
	fields[RSS_TYPE_ESP4] = RSS_FIELD_SOURCE;
	rss_rules_init(&rules, fields, RSS_TRANSFORM_NONE, false);
	assert_true(rules.ordinary && !rss_rules_are_default(&rules));
	fields[RSS_TYPE_UDP6] = RSS_FIELDS_ADDRESSES;
	rss_rules_init(&rules, fields, RSS_TRANSFORM_NONE, false);
	assert_false(rules.ordinary);
	rss_rules_init(&rules, NULL, RSS_TRANSFORM_SYMMETRIC_XOR, false);
	assert_false(rules.ordinary);
}

/* ---- packets ---- */

static uint32_t hash_frame(
	const struct rss_rules *rules, uint8_t *bytes, unsigned length, uint64_t flags)
{
	static struct rss_hash hash;
	struct rte_mbuf mbuf = {
		.buf_addr = bytes, .nb_segs = 1, .ol_flags = flags, .vlan_tci = 0xf123};
	struct rte_mbuf *packets[1] = {&mbuf};
	uint32_t got;

	toeplitz_key_init(&hash.key, toeplitz_key_microsoft, NULL);
	hash.rules = *rules;
	mbuf.data_len = (uint16_t)length;
	mbuf.pkt_len = length;
	receive_parse_rss(&hash, false, packets, 1, &got);
	return got;
}

static uint32_t hash_of(const char *input, unsigned bytes)
{
	return toeplitz_hash_reference(toeplitz_key_microsoft, (const uint8_t *)input, bytes);
}

static void ah_and_esp(void **state)
{
	struct rss_rules rules = rules_of("sdfn", RSS_TRANSFORM_NONE);
	uint8_t ipv4[] = "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
			 "\x45\0\0\x2c\0\0\x40\0\x40\x32\0\0\x0a\0\0\x09\x0a\0\0\1"
			 "\x12\x34\x56\x78\0\0\0\1abcdefghijklmnop";
	uint8_t ipv6[14 + 40 + 12 + 20] =
		"\2\0\0\0\0\1\2\0\0\0\0\2\x86\xdd\x60\0\0\0\0\x20\x33\x40";
	char input[36] = {0};

	(void)state;
	assert_int_equal(hash_frame(&rules, ipv4, sizeof(ipv4) - 1, 0),
		hash_of("\x0a\0\0\x09\x0a\0\0\1\x12\x34\x56\x78", 12));
	ipv4[23] = 51; /* as AH: its SPI is 4 bytes further on */
	assert_int_equal(hash_frame(&rules, ipv4, sizeof(ipv4) - 1, 0),
		hash_of("\x0a\0\0\x09\x0a\0\0\1\0\0\0\1", 12));
	ipv4[17] = 20 + 7; /* too short for one */
	assert_int_equal(hash_frame(&rules, ipv4, sizeof(ipv4) - 1, 0),
		hash_of("\x0a\0\0\x09\x0a\0\0\1", 8));
	/* AH before TCP: the type is AH's */
	memcpy(ipv6 + 54, "\6\1\0\0\xaa\xbb\xcc\xdd\0\0\0\1", 12);
	memcpy(ipv6 + 66, "\1\2\3\4\0\0\0\0\0\0\0\0\x50", 13);
	memcpy(input + 32, "\xaa\xbb\xcc\xdd", 4);
	assert_int_equal(hash_frame(&rules, ipv6, sizeof(ipv6), 0), hash_of(input, 36));
	rules.fields[RSS_TYPE_AH6] = RSS_FIELD_L4_SECOND;
	input[32] = input[33] = 0;
	assert_int_equal(hash_frame(&rules, ipv6, sizeof(ipv6), 0), hash_of(input, 36));
}

static void tag_beside_the_packet(void **state)
{
	struct rss_rules rules = rules_of("v", RSS_TRANSFORM_NONE);
	uint8_t udp[] =
		"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"
		"\x45\0\0\x1c\0\0\x40\0\x40\x11\0\0\x0a\0\0\x09\x0a\0\0\1\1\2\0\x50\0\x08\0\0";
	char input[36] = {0};

	(void)state;
	assert_int_equal(hash_frame(&rules, udp, sizeof(udp) - 1, 0), 0);
	input[18] = 1;
	input[19] = 0x23;
	assert_int_equal(hash_frame(&rules, udp, sizeof(udp) - 1,
				 RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED),
		hash_of(input, 36));
	udp[20] = 0x20; /* not on the fast path either */
	assert_int_equal(hash_frame(&rules, udp, sizeof(udp) - 1,
				 RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED),
		hash_of(input, 36));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composed),
		cmocka_unit_test(without_ip),
		cmocka_unit_test(ipv6_l2_over_the_prefix),
		cmocka_unit_test(spi),
		cmocka_unit_test(letters),
		cmocka_unit_test(ordinary),
		cmocka_unit_test(ah_and_esp),
		cmocka_unit_test(tag_beside_the_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
