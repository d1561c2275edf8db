/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "steering/reta.h"

static void round_robin(void **state)
{
	struct reta reta;

	(void)state;
	assert_int_equal(reta_fill_equal(&reta, 128, 3), 0);
	assert_int_equal(reta.size, 128);
	assert_int_equal(reta.queue_count, 3);
	assert_int_equal(reta_queue(&reta, 0), 0);
	assert_int_equal(reta_queue(&reta, 1), 1);
	assert_int_equal(reta_queue(&reta, 2), 2);
	assert_int_equal(reta_queue(&reta, 3), 0);
	assert_int_equal(reta_bucket(&reta, 0x51ccc178), 0x78);
	assert_int_equal(reta_queue(&reta, 0x51ccc178), 0x78 % 3);
}

/* Each queue has its fair share of buckets, within one, for all sizes and numbers of queues. */
static void fair_shares(void **state)
{
	struct reta reta;

	(void)state;
	for (unsigned size = RETA_SIZE_MIN; size <= RETA_SIZE_MAX; size *= 2) {
		for (unsigned count = 1; count <= size && count <= RETA_QUEUES_MAX; count++) {
			unsigned shares[RETA_QUEUES_MAX] = {0};

			assert_int_equal(
				reta_fill_equal(&reta, (uint16_t)size, (uint16_t)count), 0);
			for (uint32_t hash = 0; hash < size; hash++)
				shares[reta_queue(&reta, hash | 0xabcd0000)]++;
			for (unsigned queue = 0; queue < RETA_QUEUES_MAX; queue++) {
				assert_true(shares[queue] <= (size + count - 1) / count);
				assert_true(shares[queue] >= (queue < count ? size / count : 0));
			}
		}
	}
}

static void refused(void **state)
{
	struct reta reta;

	(void)state;
	assert_int_equal(reta_fill_equal(&reta, 0, 1), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 64, 1), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 200, 1), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 1024, 1), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 128, 0), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 128, 129), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 512, 257), -EINVAL);
	assert_int_equal(reta_fill_equal(&reta, 512, 256), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin),
		cmocka_unit_test(fair_shares),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
