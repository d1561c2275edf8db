/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "stage_fixture.h"
#include "stage_frames.h"

static const uint8_t own[6] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};

static const uint8_t arp_request[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 4, 6, 8, 10, 12,
	0x08, 0x06, /* Ethernet */
	0, 1, 8, 0, 6, 4, 0, 1, /* request */
	2, 4, 6, 8, 10, 12, 192, 0, 2, 1, /* asks */
	0, 0, 0, 0, 0, 0, 192, 0, 2, 99}; /* for */

/* Checksums are filled in by echo_request(). */
static const uint8_t echo[14 + 20 + 8 + 5] = {2, 9, 9, 9, 9, 9, 2, 4, 6, 8, 10, 12, 0x08,
	0x00, /* Ethernet */
	0x45, 0, 0, 33, 1, 2, 0x40, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 99, /* IPv4 */
	8, 0, 0, 0, 0x12, 0x34, 0, 7, 'h', 'e', 'l', 'l', 'o'};

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* An echo request with right checksums; returns its length. */
static uint32_t echo_request(uint8_t *bytes)
{
	memcpy(bytes, echo, sizeof(echo));
	put16(bytes + 24, ~(unsigned)naive_sum(bytes + 14, 20, 0));
	put16(bytes + 36, ~(unsigned)naive_sum(bytes + 34, 13, 0));
	return sizeof(echo);
}

/* One packet through the stage; NULL: it was dropped. */
static const uint8_t *answer(
	struct stage_fixture *fixture, const uint8_t *bytes, uint32_t length, uint32_t first)
{
	uint32_t found;

	if (fixture->stage.ops == NULL)
		assert_int_equal(fixture_create(fixture, "icmpecho", NULL, NULL), 0);
	fixture_clear(fixture);
	fixture->drops[DROP_not_echo] = 0;
	fixture_add(fixture, packet_of(bytes, length, first, 10));
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count + fixture->drops[DROP_not_echo], 1);
	if (fixture->burst.count == 0)
		return NULL;
	bytes = packet_bytes(fixture->burst.packets[0], &found);
	assert_int_equal(found, length);
	return bytes;
}

static void answers_arp(void **state)
{
	struct stage_fixture *fixture = *state;
	const uint8_t *bytes = answer(fixture, arp_request, sizeof(arp_request), 0);

	assert_non_null(bytes);
	assert_memory_equal(bytes, arp_request + 6, 6); /* to the asker */
	assert_memory_equal(bytes + 6, own, 6); /* from us */
	assert_int_equal(bytes[21], 2); /* a reply */
	assert_memory_equal(bytes + 22, own, 6); /* we are */
	assert_memory_equal(bytes + 28, arp_request + 38, 4); /* who was asked for */
	assert_memory_equal(bytes + 32, arp_request + 22, 10);
	fixture_clear(fixture);
}

static void drops_arp_that_is_no_request(void **state)
{
	static const unsigned places[] = {15, 16, 18, 19, 21}; /* kind, protocol, lengths, op */
	struct stage_fixture *fixture = *state;
	uint8_t bytes[sizeof(arp_request)];

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(bytes, arp_request, sizeof(bytes));
		bytes[places[i]]++;
		assert_null(answer(fixture, bytes, sizeof(bytes), 0));
	}
	assert_null(answer(fixture, arp_request, sizeof(arp_request) - 1, 0));
	assert_null(answer(fixture, arp_request, sizeof(arp_request), 41));
}

static void answers_echo(void **state)
{
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)];
	uint32_t length = echo_request(request);
	const uint8_t *bytes = answer(fixture, request, length, 0);

	assert_non_null(bytes);
	assert_memory_equal(bytes, request + 6, 6);
	assert_memory_equal(bytes + 6, request, 6);
	assert_memory_equal(bytes + 26, request + 30, 4);
	assert_memory_equal(bytes + 30, request + 26, 4);
	assert_int_equal(bytes[34], 0);
	assert_int_equal(naive_sum(bytes + 14, 20, 0), 0xffff);
	assert_int_equal(naive_sum(bytes + 34, 13, 0), 0xffff);
	assert_memory_equal(bytes + 38, request + 38, 9);
	assert_non_null(answer(fixture, request, length, 42)); /* payload elsewhere */
	assert_null(answer(fixture, request, length, 41)); /* part of the header elsewhere */
	fixture_clear(fixture);
}

static void answers_echo_behind_tags_and_options(void **state)
{
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)], tagged[sizeof(echo) + 8 + 4];
	const uint8_t tags[8] = {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6};
	const uint8_t *bytes;

	echo_request(request);
	memcpy(tagged, request, 12);
	memcpy(tagged + 12, tags, sizeof(tags));
	memcpy(tagged + 20, request + 12, 22);
	memset(tagged + 42, 1, 4);
	memcpy(tagged + 46, request + 34, 13);
	tagged[22] = 0x46;
	tagged[25] = 37;
	put16(tagged + 32, 0);
	put16(tagged + 32, ~(unsigned)naive_sum(tagged + 22, 24, 0));
	bytes = answer(fixture, tagged, sizeof(tagged), 0);
	assert_non_null(bytes);
	assert_int_equal(bytes[46], 0);
	assert_int_equal(naive_sum(bytes + 22, 24, 0), 0xffff);
	assert_int_equal(naive_sum(bytes + 46, 13, 0), 0xffff);
	fixture_clear(fixture);
}

static void multicast_requests_get_a_source(void **state)
{
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)];
	const uint8_t *bytes;

	echo_request(request);
	request[0] = 1; /* a group */
	request[30] = 224;
	put16(request + 24, 0);
	put16(request + 24, ~(unsigned)naive_sum(request + 14, 20, 0));
	bytes = answer(fixture, request, sizeof(request), 0);
	assert_non_null(bytes);
	assert_memory_equal(bytes + 6, own, 6);
	assert_memory_equal(bytes + 30, request + 26, 4);
	assert_int_equal(bytes[26], 192);
	assert_int_equal(bytes[29], 2); /* neighbour of .1 */
	assert_int_equal(naive_sum(bytes + 14, 20, 0), 0xffff);
	fixture_clear(fixture);
}

static void wrong_sums_stay_wrong(void **state)
{
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)];
	const uint8_t *bytes;

	echo_request(request);
	request[37] ^= 0x40;
	bytes = answer(fixture, request, sizeof(request), 0);
	assert_non_null(bytes);
	assert_int_not_equal(naive_sum(bytes + 34, 13, 0), 0xffff);
	fixture_clear(fixture);
}

static void drops_what_is_no_echo(void **state)
{
	/* type, code, protocol, fragment place, more fragments, version, ether type */
	static const struct {
		unsigned place, value;
	} changes[] = {{34, 0}, {35, 1}, {23, 6}, {21, 1}, {20, 0x20}, {14, 0x65}, {14, 0x44},
		{12, 0x86}, {17, 27}};
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)];

	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		echo_request(request);
		request[changes[i].place] = (uint8_t)changes[i].value;
		assert_null(answer(fixture, request, sizeof(request), 0));
	}
	for (uint32_t length = 1; length < 42; length++)
		assert_null(answer(fixture, request, length, 0));
}

static void a_burst_keeps_its_answers(void **state)
{
	struct stage_fixture *fixture = *state;
	uint8_t request[sizeof(echo)];

	echo_request(request);
	assert_int_equal(fixture_create(fixture, "icmpecho", NULL, NULL), 0);
	for (unsigned i = 0; i < BURST_SIZE; i++) {
		request[34] = i % 3 == 0 ? 8 : 5;
		fixture_add(fixture, packet_of(request, sizeof(request), 0, 0));
	}
	fixture_process(fixture);
	assert_int_equal(fixture->burst.count, (BURST_SIZE + 2) / 3);
	assert_int_equal(fixture->drops[DROP_not_echo], BURST_SIZE - (BURST_SIZE + 2) / 3);
	fixture_clear(fixture);
}

static int setup(void **state)
{
	if (fixture_setup(state) != 0)
		return -1;
	memset(*state, 0, sizeof(struct stage_fixture));
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_arp),
		TEST(drops_arp_that_is_no_request),
		TEST(answers_echo),
		TEST(answers_echo_behind_tags_and_options),
		TEST(multicast_requests_get_a_source),
		TEST(wrong_sums_stay_wrong),
		TEST(drops_what_is_no_echo),
		TEST(a_burst_keeps_its_answers),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
