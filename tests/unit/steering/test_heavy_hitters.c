/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/heavy_hitters.h"

static struct heavy_hitters *hitters_new(unsigned interval)
{
	void *memory = aligned_alloc(64, (heavy_hitters_bytes() + 63) / 64 * 64);

	assert_non_null(memory);
	return heavy_hitters_init(memory, interval);
}

static const uint8_t udp_frame[] = {
	/* Ethernet */
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
	/* IPv4, 28 bytes, UDP, 10.0.0.1 > 10.0.0.2 */
	0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
	/* UDP 1234 > 53 */
	0x04, 0xd2, 0, 53, 0, 8, 0, 0};

static const uint8_t tcp6_frame[] = {
	/* Ethernet with a VLAN tag */
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0x00, 0, 7, 0x86, 0xdd,
	/* IPv6, TCP, 2001:db8::1 > 2001:db8::2 */
	0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	/* TCP 443 > 50000 */
	0x01, 0xbb, 0xc3, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0};

static void expect_tuple(const struct heavy_hitter *flow, const char *expected)
{
	char text[TUPLE_TEXT_BYTES];

	assert_string_equal(tuple_format(&flow->tuple, text), expected);
}

static void who_it_is(void **state)
{
	static const uint8_t arp_frame[60] = {[12] = 0x08, [13] = 0x06};
	struct heavy_hitters *hitters = hitters_new(1);
	uint8_t fragment[sizeof(udp_frame)];
	struct heavy_hitter top[8];

	(void)state;
	memcpy(fragment, udp_frame, sizeof(fragment));
	fragment[20] = 0x20; /* more fragments */
	for (unsigned i = 0; i < 4; i++)
		heavy_hitters_note(hitters, 0x11, 60, udp_frame, sizeof(udp_frame));
	for (unsigned i = 0; i < 3; i++)
		heavy_hitters_note(hitters, 0x22, 90, tcp6_frame, sizeof(tcp6_frame));
	for (unsigned i = 0; i < 2; i++)
		heavy_hitters_note(hitters, 0x33, 60, fragment, sizeof(fragment));
	heavy_hitters_note(hitters, 0, 60, arp_frame, sizeof(arp_frame));
	assert_int_equal(heavy_hitters_top(hitters, top, 8), 4);
	expect_tuple(&top[0], "10.0.0.1:1234 10.0.0.2:53 udp");
	expect_tuple(&top[1], "[2001:db8::1]:443 [2001:db8::2]:50000 tcp");
	expect_tuple(&top[2], "10.0.0.1 10.0.0.2 udp");
	expect_tuple(&top[3], "0.0.0.0 0.0.0.0 ip");
	assert_int_equal(top[1].hash, 0x22);
	assert_int_equal(top[1].packets, 3);
	assert_int_equal(top[1].bytes, 270);
	assert_int_equal(top[1].error, 0);
	free(hitters);
}

/* The frame is looked at when the flow is new, and no further than its length. */
static void frame_is_read_once(void **state)
{
	struct heavy_hitters *hitters = hitters_new(1);
	struct heavy_hitter top[1];
	uint8_t *cut = malloc(30);

	(void)state;
	assert_non_null(cut);
	memcpy(cut, udp_frame, 30);
	heavy_hitters_note(hitters, 7, 60, cut, 30);
	heavy_hitters_note(hitters, 7, 60, NULL, 0);
	assert_int_equal(heavy_hitters_top(hitters, top, 1), 1);
	assert_int_equal(top[0].packets, 2);
	expect_tuple(&top[0], "0.0.0.0 0.0.0.0 ip");
	free(cut);
	free(hitters);
}

static void sampling_interval(void **state)
{
	struct heavy_hitters *hitters = hitters_new(64);
	struct heavy_hitter top[2];

	(void)state;
	assert_int_equal(heavy_hitters_top(hitters, top, 2), 0);
	heavy_hitters_note(hitters, 1, 1500, NULL, 0);
	heavy_hitters_note(hitters, 2, 100, NULL, 0);
	heavy_hitters_note(hitters, 2, 100, NULL, 0);
	assert_int_equal(heavy_hitters_top(hitters, top, 2), 2);
	assert_int_equal(top[0].packets, 128);
	assert_int_equal(top[0].bytes, 12800);
	assert_int_equal(top[1].packets, 64);
	assert_int_equal(top[1].bytes, 96000);
	assert_int_equal(heavy_hitters_top(hitters, top, 1), 1);
	assert_int_equal(top[0].hash, 2);
	assert_int_equal(heavy_hitters_top(hitters, top, 0), 0);
	free(hitters);
}

/* Who is not among the watched takes the place of the smallest, and its count as the error. */
static void replaces_the_smallest(void **state)
{
	struct heavy_hitters *hitters = hitters_new(1);
	struct heavy_hitter top[HEAVY_HITTERS_MAX];

	(void)state;
	for (unsigned flow = 1; flow <= HEAVY_HITTERS_MAX; flow++)
		for (unsigned i = 0; i < (flow == 100 ? 3 : 5 + flow % 7); i++)
			heavy_hitters_note(hitters, flow, 60, NULL, 0);
	heavy_hitters_note(hitters, 1000, 60, NULL, 0);
	assert_int_equal(heavy_hitters_top(hitters, top, HEAVY_HITTERS_MAX), HEAVY_HITTERS_MAX);
	assert_int_equal(top[HEAVY_HITTERS_MAX - 1].hash, 1000);
	assert_int_equal(top[HEAVY_HITTERS_MAX - 1].packets, 4);
	assert_int_equal(top[HEAVY_HITTERS_MAX - 1].error, 3);
	assert_int_equal(top[HEAVY_HITTERS_MAX - 1].bytes, 60);
	for (unsigned i = 0; i < HEAVY_HITTERS_MAX; i++)
		assert_int_not_equal(top[i].hash, 100);
	free(hitters);
}

enum { FLOW_BITS = 14, FLOWS = 1 << FLOW_BITS, PACKETS = 400000 };

/* Number n about as often as 1 / n. */
static unsigned skewed_flow(unsigned *seed)
{
	unsigned limit = 1u << (unsigned)(rand_r(seed) >> 8) % (FLOW_BITS + 1);

	return (unsigned)(rand_r(seed) >> 8) % limit;
}

/*
 * Space-Saving's promises over a skewed stream, against exact counts: who has more than 1/256 of
 * the packets is there; no count is too low, nor too high by more than its error; no error is
 * larger than 1/256 of the packets; the biggest is the first.
 */
static void promises(void **state)
{
	static uint64_t truth[FLOWS];
	struct heavy_hitters *hitters = hitters_new(1);
	struct heavy_hitter top[HEAVY_HITTERS_MAX];
	const char *given = getenv("WEIR_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 0) : 1, count;
	bool found[FLOWS] = {false};

	(void)state;
	print_message("WEIR_SEED=%u\n", seed);
	for (unsigned i = 0; i < PACKETS; i++) {
		unsigned flow = skewed_flow(&seed);

		truth[flow]++;
		heavy_hitters_note(hitters, flow << 7, 100, NULL, 0);
	}
	count = heavy_hitters_top(hitters, top, HEAVY_HITTERS_MAX);
	assert_int_equal(count, HEAVY_HITTERS_MAX);
	for (unsigned i = 0; i < count; i++) {
		const struct heavy_hitter *flow = &top[i];
		uint64_t exact = truth[flow->hash >> 7];

		assert_false(found[flow->hash >> 7]);
		found[flow->hash >> 7] = true;
		assert_true(flow->packets >= exact && flow->packets - flow->error <= exact);
		assert_true(flow->error <= PACKETS / HEAVY_HITTERS_MAX);
		assert_true(flow->bytes <= exact * 100);
		assert_true(i == 0 || flow->packets <= top[i - 1].packets);
	}
	for (unsigned flow = 0; flow < FLOWS; flow++)
		assert_true(found[flow] || truth[flow] <= PACKETS / HEAVY_HITTERS_MAX);
	assert_int_equal(top[0].hash, 0);
	assert_int_equal(top[0].error, 0);
	free(hitters);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(frame_is_read_once),
		cmocka_unit_test(sampling_interval),
		cmocka_unit_test(replaces_the_smallest),
		cmocka_unit_test(promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
