/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/rps.h"

/* Worked by hand: 2^32 cut into as many equal parts as there are workers. */
static void by_hand(void **state)
{
	const struct rps_map four = {.count = 4, .workers = {10, 11, 12, 13}};
	const struct rps_map three = {.count = 3, .workers = {7, 2, 5}};
	const struct rps_map one = {.count = 1, .workers = {9}};

	(void)state;
	assert_int_equal(rps_worker(&four, 0x00000001), 10);
	assert_int_equal(rps_worker(&four, 0x3fffffff), 10);
	assert_int_equal(rps_worker(&four, 0x40000000), 11);
	assert_int_equal(rps_worker(&four, 0x51ccc178), 11);
	assert_int_equal(rps_worker(&four, 0xbfffffff), 12);
	assert_int_equal(rps_worker(&four, 0xc626b0ea), 13);
	assert_int_equal(rps_worker(&four, 0xffffffff), 13);
	assert_int_equal(rps_worker(&three, 0x55555555), 7);
	assert_int_equal(rps_worker(&three, 0x55555556), 2);
	assert_int_equal(rps_worker(&three, 0x5c2b394a), 2);
	assert_int_equal(rps_worker(&three, 0xafc7327f), 5);
	assert_int_equal(rps_worker(&three, 0xffffffff), 5);
	assert_int_equal(rps_worker(&one, 0xffffffff), 9);
}

/* Each worker has its share of the hashes, within one, whatever their number. */
static void fair_shares(void **state)
{
	enum { HASHES = 1 << 18 };

	(void)state;
	for (unsigned count = 1; count <= STEERING_WORKERS_MAX; count++) {
		unsigned shares[STEERING_WORKERS_MAX] = {0};
		struct rps_map map = {.count = (uint8_t)count};

		for (unsigned i = 0; i < count; i++)
			map.workers[i] = (uint8_t)i;
		for (uint32_t i = 0; i < HASHES; i++)
			shares[rps_worker(&map, i * (UINT32_MAX / HASHES + 1))]++;
		for (unsigned i = 0; i < count; i++) {
			assert_true(shares[i] >= HASHES / count);
			assert_true(shares[i] <= HASHES / count + 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(fair_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
