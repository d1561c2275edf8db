/* SPDX-License-Identifier: BSD-3-Clause */
/* Due times against exact fractions: integers of 128 bits, no floating point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "port/schedule.h"

typedef unsigned __int128 wide;

/* An odd one: nothing divides evenly. */
#define ODD_HZ 2893357123ull

static struct frame frame_at(uint64_t time_ns, uint32_t length)
{
	return (struct frame){.time_ns = time_ns, .length = length, .original_length = length};
}

static struct schedule schedule_of(enum speed_kind kind, double value, uint64_t tsc_hz)
{
	struct schedule schedule;

	schedule_init(&schedule, (struct speed){kind, value}, tsc_hz);
	return schedule;
}

/* numerator / denominator, rounded to the nearest; a half may go either way. */
static void assert_rounded(uint64_t value, wide numerator, wide denominator)
{
	wide twice = 2 * numerator, given = 2 * (wide)value * denominator;
	wide distance = twice > given ? twice - given : given - twice;

	/* The last of 64 bits of mantissa may tip a number that is nearly a half. */
	if (distance > denominator + denominator / 64)
		fail_msg("%llu is not %llu / %llu", (unsigned long long)value,
			(unsigned long long)(numerator / denominator),
			(unsigned long long)denominator);
}

static void test_original(void **state)
{
	static const uint64_t hz[] = {ODD_HZ, NS_PER_SECOND, 1000, 5000000000};

	(void)state;
	for (unsigned h = 0; h < 4; h++) {
		struct schedule schedule = schedule_of(SPEED_ORIGINAL, 0, hz[h]);
		uint64_t start = 1700000000123456789, ns = 0;

		/* To some months, at growing and odd distances. */
		for (unsigned i = 0; ns < 10000000 * NS_PER_SECOND; i++) {
			struct frame frame = frame_at(start + ns, 60 + i);

			assert_rounded(
				schedule_add(&schedule, &frame), (wide)ns * hz[h], NS_PER_SECOND);
			ns += ns / 7 + 333;
		}
	}
}

static void test_multiple(void **state)
{
	struct schedule fast = schedule_of(SPEED_MULTIPLE, 2.5, ODD_HZ);
	struct schedule slow = schedule_of(SPEED_MULTIPLE, 0.125, ODD_HZ);

	(void)state;
	for (uint64_t ns = 0; ns < 1000 * NS_PER_SECOND; ns += ns / 5 + 77) {
		struct frame frame = frame_at(55 + ns, 60);

		assert_rounded(schedule_add(&fast, &frame), (wide)ns * ODD_HZ * 2,
			5 * (wide)NS_PER_SECOND);
		assert_rounded(schedule_add(&slow, &frame), (wide)ns * ODD_HZ * 8, NS_PER_SECOND);
	}
}

static void test_rates(void **state)
{
	struct schedule pps = schedule_of(SPEED_PPS, 7000003, ODD_HZ);
	struct schedule bps = schedule_of(SPEED_BPS, 9999999967, ODD_HZ);
	uint64_t bits = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		struct frame frame = frame_at(i % 3 * 1000000, (uint32_t)(60 + i * 7 % 9000));

		assert_rounded(schedule_add(&pps, &frame), (wide)i * ODD_HZ, 7000003);
		assert_rounded(schedule_add(&bps, &frame), (wide)bits * ODD_HZ, 9999999967);
		bits += 8ull * frame.length;
	}
	/* The next loop begins where the next packet would have been due. */
	assert_rounded((uint64_t)(schedule_span(&pps) + 0.5L), (wide)100000 * ODD_HZ, 7000003);
	assert_rounded((uint64_t)(schedule_span(&bps) + 0.5L), (wide)bits * ODD_HZ, 9999999967);
}

static void test_top(void **state)
{
	struct schedule schedule = schedule_of(SPEED_TOP, 0, ODD_HZ);

	(void)state;
	for (uint64_t ns = 0; ns < 10; ns++) {
		struct frame frame = frame_at(ns * NS_PER_SECOND, 1500);

		assert_int_equal(schedule_add(&schedule, &frame), 0);
	}
	assert_true(schedule_span(&schedule) == 0);
}

/* A capture of 5 packets in 1.000000007 s: the start of loop n is n * span * 5/4, exactly. */
static void test_no_drift(void **state)
{
	static const uint64_t times[] = {10, 300000007, 300000011, 999999990, 1000000017};
	struct schedule schedule = schedule_of(SPEED_ORIGINAL, 0, ODD_HZ);
	uint64_t first[5];
	long double span;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct frame frame = frame_at(times[i], 100);

		first[i] = schedule_add(&schedule, &frame);
	}
	span = schedule_span(&schedule);
	for (uint64_t loop = 1; loop <= 1000000; loop += loop < 10 ? 1 : loop / 3)
		assert_rounded((uint64_t)((long double)loop * span + 0.5L),
			(wide)loop * 1000000007 * 5 * ODD_HZ, 4 * (wide)NS_PER_SECOND);
	assert_rounded((uint64_t)(1000000 * span + 0.5L), (wide)1000000 * 1000000007 * 5 * ODD_HZ,
		4 * (wide)NS_PER_SECOND);
	/* Started anew it says the same again, wherever the next loop's times are. */
	schedule_restart(&schedule);
	for (unsigned i = 0; i < 5; i++) {
		struct frame frame = frame_at(times[i] + 12345678, 100);

		assert_int_equal(schedule_add(&schedule, &frame), first[i]);
	}
	assert_true(schedule_span(&schedule) == span);
}

static void test_back_in_time(void **state)
{
	static const uint64_t times[] = {5000, 6000, 4000, 5500, 0, 6001, 7000};
	static const uint64_t due[] = {0, 1000, 1000, 1000, 1000, 1001, 2000};
	struct schedule schedule = schedule_of(SPEED_ORIGINAL, 0, NS_PER_SECOND);

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		struct frame frame = frame_at(times[i], 60);

		assert_int_equal(schedule_add(&schedule, &frame), due[i]);
	}
	/* 2000 ns, and a mean gap of 2000/6. */
	assert_rounded((uint64_t)(schedule_span(&schedule) * 6 + 0.5L), 14000, 1);
}

static void test_few(void **state)
{
	static const enum speed_kind kinds[] = {
		SPEED_ORIGINAL, SPEED_MULTIPLE, SPEED_TOP, SPEED_PPS, SPEED_BPS};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct schedule schedule = schedule_of(kinds[i], 1000, 1000000);
		struct frame frame = frame_at(123456789, 125);

		assert_true(schedule_span(&schedule) == 0);
		assert_int_equal(schedule_add(&schedule, &frame), 0);
		/* One packet spans no time of its own; at a rate it has its place: 1000 pps, and
		 * 1000 bits at 1000 bit/s. */
		assert_int_equal((uint64_t)(schedule_span(&schedule) + 0.5L),
			kinds[i] == SPEED_PPS		? 1000
				: kinds[i] == SPEED_BPS ? 1000000
							: 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_original),
		cmocka_unit_test(test_multiple),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_no_drift),
		cmocka_unit_test(test_back_in_time),
		cmocka_unit_test(test_few),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
