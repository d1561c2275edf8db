/* SPDX-License-Identifier: BSD-3-Clause */
/* What is one flow, and what is two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet/flow_key.h"

enum { FRAME_BYTES = 74, IP_AT = 14 };

struct frame {
	uint8_t bytes[FRAME_BYTES];
};

static struct frame ipv4_udp(void)
{
	static const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 60, 0,
		0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 4, 210, 0, 40};
	struct frame frame = {{0}};

	memcpy(frame.bytes, start, sizeof(start));
	return frame;
}

static struct frame ipv6_tcp(void)
{
	static const uint8_t start[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64};
	struct frame frame = {{0}};

	memcpy(frame.bytes, start, sizeof(start));
	frame.bytes[IP_AT + 40 + 12] = 0x50;
	return frame;
}

static uint64_t hash_of(const struct frame *frame)
{
	struct flow_key key;

	flow_key_read(frame->bytes, FRAME_BYTES, &key);
	return flow_key_hash(&key);
}

/* Whether a changed byte there makes it another flow. */
static void expect_differs(struct frame frame, unsigned at, bool differs)
{
	uint64_t before = hash_of(&frame);

	frame.bytes[at] ^= 0x10;
	if ((hash_of(&frame) != before) != differs)
		fail_msg("byte %u: expected %s", at, differs ? "another flow" : "the same flow");
}

static void test_addresses_and_ports(void **state)
{
	struct frame fragment = ipv4_udp();

	(void)state;
	fragment.bytes[IP_AT + 6] = 0x20;
	for (unsigned at = IP_AT + 12; at < IP_AT + 24; at++) {
		expect_differs(ipv4_udp(), at, true);
		expect_differs(fragment, at, at < IP_AT + 20);
	}
	for (unsigned at = IP_AT + 8; at < IP_AT + 44; at++)
		expect_differs(ipv6_tcp(), at, true);
	/* Neither ports nor addresses: Ethernet's, identification, TTL, payload. */
	expect_differs(ipv4_udp(), 3, false);
	expect_differs(ipv4_udp(), IP_AT + 4, false);
	expect_differs(ipv4_udp(), IP_AT + 8, false);
	expect_differs(ipv4_udp(), IP_AT + 30, false);
}

static void test_protocols_differ(void **state)
{
	struct frame udp = ipv4_udp(), other = ipv4_udp();

	(void)state;
	other.bytes[IP_AT + 9] = 132;
	assert_int_not_equal(hash_of(&udp), hash_of(&other));
}

static void test_no_ip(void **state)
{
	struct frame frame = ipv4_udp();

	(void)state;
	frame.bytes[12] = 0x88;
	for (unsigned at = 0; at < 12; at++)
		expect_differs(frame, at, true);
	expect_differs(frame, IP_AT + 15, false);
}

/* However short. The sanitizers look on. */
static void test_cut(void **state)
{
	struct frame frames[] = {ipv4_udp(), ipv6_tcp()};
	uint8_t *bytes;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (uint32_t length = 0; length <= FRAME_BYTES; length++) {
			struct flow_key key;

			bytes = malloc(length);
			memcpy(bytes, frames[i].bytes, length);
			flow_key_read(bytes, length, &key);
			assert_int_not_equal(flow_key_hash(&key), 0);
			free(bytes);
		}
}

/* A bit more or less in an address is not a bit less or more in a port, or anything like it. */
static void test_hash_of_near_keys(void **state)
{
	static uint64_t seen[64 * 64];
	unsigned count = 0;

	(void)state;
	for (unsigned one = 0; one < 64; one++)
		for (unsigned other = 0; other < 64; other++) {
			struct flow_key key = {.kind = 1};
			uint64_t hash;

			key.addresses[3] = (uint8_t)one;
			key.ports[1] = (uint8_t)other;
			hash = flow_key_hash(&key);
			for (unsigned i = 0; i < count; i++)
				assert_true(seen[i] != hash);
			seen[count++] = hash;
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_and_ports),
		cmocka_unit_test(test_protocols_differ),
		cmocka_unit_test(test_no_ip),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hash_of_near_keys),
	};

	return cmocka_run_group_tests_name("flow_key", tests, NULL, NULL);
}
