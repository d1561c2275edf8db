/* SPDX-License-Identifier: BSD-3-Clause */
/* 5tswap against a swap a byte at a time, over frames of every kind. */
#include <netinet/in.h>
#include <string.h>

#include "stage_fixture.h"
#include "stage_frames.h"

enum { ROUNDS = 3000 };

static void swap(uint8_t *left, uint8_t *right, unsigned bytes)
{
	while (bytes-- > 0) {
		uint8_t kept = left[bytes];

		left[bytes] = right[bytes];
		right[bytes] = kept;
	}
}

/* What is in the first segment is swapped, layer by layer. */
static void expect(const struct built_frame *frame, uint8_t *bytes)
{
	const struct frame_spec *spec = &frame->spec;
	unsigned head =
		spec->first != 0 && spec->first < frame->length ? spec->first : frame->length;
	uint8_t *ip = bytes + frame->l2;
	unsigned needed = spec->ip == 4 ? frame->l3 : 40;

	swap(bytes, bytes + 6, 6);
	if (spec->ip == 0 || head < frame->l2 + needed)
		return;
	if (spec->ip == 4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	if (spec->protocol != IPPROTO_TCP && spec->protocol != IPPROTO_UDP)
		return;
	if (spec->fragment_place != 0 || head < frame->l2 + frame->l3 + 4)
		return;
	swap(ip + frame->l3, ip + frame->l3 + 2, 2);
}

static void check_one(struct stage_fixture *fixture, const struct frame_spec *spec, uint64_t *seed)
{
	static struct built_frame frame;
	static uint8_t original[sizeof(frame.bytes)], expected[sizeof(frame.bytes)];
	const uint8_t *bytes;
	uint32_t length;

	frame_build(&frame, spec, seed);
	frame_checksums(&frame, frame.bytes);
	memcpy(original, frame.bytes, sizeof(original));
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	fixture_add(fixture, frame_packet(&frame));
	fixture_process(fixture);
	bytes = packet_bytes(fixture->burst.packets[0], &length);
	assert_int_equal(length, frame.length);
	assert_memory_equal(bytes, expected, length);
	if (spec->first == 0) { /* swapped as a whole: checksums are right as they are */
		memcpy(frame.bytes, bytes, length);
		frame_checksums(&frame, frame.bytes);
		assert_memory_equal(bytes, frame.bytes, length);
	}
	fixture_process(fixture); /* twice is as it was */
	bytes = packet_bytes(fixture->burst.packets[0], &length);
	assert_memory_equal(bytes, original, length);
	fixture_clear(fixture);
}

static void swaps_as_a_naive_swap_does(void **state)
{
	struct stage_fixture *fixture = *state;
	uint64_t seed = test_seed();
	struct frame_spec spec;

	assert_int_equal(fixture_create(fixture, "5tswap", NULL, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		frame_spec_random(&spec, &seed);
		check_one(fixture, &spec, &seed);
	}
}

/* The random frames rarely end right behind, or within, what is swapped. */
static void headers_cut_anywhere_by_a_segment(void **state)
{
	struct stage_fixture *fixture = *state;
	uint64_t seed = 1;

	assert_int_equal(fixture_create(fixture, "5tswap", NULL, NULL), 0);
	for (unsigned kind = 0; kind < 4; kind++)
		for (unsigned first = 14; first < 80; first++) {
			struct frame_spec spec = {.ip = kind % 2 ? 4 : 6,
				.vlan_tags = kind / 2,
				.protocol = IPPROTO_TCP,
				.payload = 40,
				.first = first,
				.rest = 33};

			check_one(fixture, &spec, &seed);
		}
}

/* The IP packet ends before its ports would: what follows is Ethernet's padding. */
static void padding_is_not_taken_for_ports(void **state)
{
	static const struct frame_spec specs[] = {
		{.ip = 4, .protocol = IPPROTO_TCP},
		{.ip = 4, .protocol = IPPROTO_UDP, .options = 8},
		{.ip = 6, .protocol = IPPROTO_UDP, .vlan_tags = 2},
		{.ip = 6, .protocol = IPPROTO_TCP},
	};
	static struct built_frame frame;
	static uint8_t expected[sizeof(frame.bytes)];
	struct stage_fixture *fixture = *state;
	uint64_t seed = 5;

	assert_int_equal(fixture_create(fixture, "5tswap", NULL, NULL), 0);
	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		const uint8_t *bytes;
		uint32_t length;
		uint8_t *ip;

		frame_build(&frame, &specs[i], &seed);
		ip = frame.bytes + frame.l2;
		if (specs[i].ip == 4)
			ip[3] = (uint8_t)(frame.l3 + 3);
		else
			ip[5] = 3;
		memcpy(expected, frame.bytes, sizeof(expected));
		frame.spec.protocol = IPPROTO_ICMP; /* so that no ports are expected */
		expect(&frame, expected);
		fixture_add(fixture, frame_packet(&frame));
		fixture_process(fixture);
		bytes = packet_bytes(fixture->burst.packets[0], &length);
		assert_memory_equal(bytes, expected, length);
		fixture_clear(fixture);
	}
}

static void whole_bursts_are_swapped(void **state)
{
	struct stage_fixture *fixture = *state;
	static struct built_frame frame;
	static uint8_t expected[sizeof(frame.bytes)];
	const struct frame_spec spec = {.ip = 4, .protocol = IPPROTO_TCP, .payload = 10};
	uint64_t seed = 7;

	assert_int_equal(fixture_create(fixture, "5tswap", NULL, NULL), 0);
	frame_build(&frame, &spec, &seed);
	memcpy(expected, frame.bytes, sizeof(expected));
	expect(&frame, expected);
	for (unsigned i = 0; i < BURST_SIZE; i++)
		fixture_add(fixture, frame_packet(&frame));
	fixture_process(fixture);
	for (unsigned i = 0; i < BURST_SIZE; i++) {
		uint32_t length;
		const uint8_t *bytes = packet_bytes(fixture->burst.packets[i], &length);

		assert_memory_equal(bytes, expected, length);
	}
	fixture_clear(fixture);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(swaps_as_a_naive_swap_does),
		TEST(headers_cut_anywhere_by_a_segment),
		TEST(padding_is_not_taken_for_ports),
		TEST(whole_bursts_are_swapped),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
