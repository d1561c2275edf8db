/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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

/* What ethtool's own loop (fill_indir_table) gives for these. */
static void weights_as_ethtool(void **state)
{
	static const uint16_t six_two[] = {6, 2}, thirds[] = {1, 1, 1}, holes[] = {0, 3, 0, 1};
	struct reta reta;

	(void)state;
	assert_int_equal(reta_fill_weights(&reta, 128, 2, six_two, 2, NULL), 0);
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(reta.queues[i], i < 96 ? 0 : 1);
	assert_int_equal(reta_fill_weights(&reta, 128, 5, thirds, 3, NULL), 0);
	assert_int_equal(reta.queue_count, 5);
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(reta.queues[i], i < 42 ? 0 : i < 85 ? 1 : 2);
	assert_int_equal(reta_fill_weights(&reta, 256, 4, holes, 4, NULL), 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(reta.queues[i], i < 192 ? 1 : 3);
}

/* Whatever the weights: a queue with one has buckets, as many as its part within one, or it is an
 * error; none without has any. */
static void weights_of_chance(void **state)
{
	unsigned seed = 1, filled = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint16_t size = (uint16_t)(128u << rand_r(&seed) % 3), weights[64];
		unsigned count = 1 + (unsigned)rand_r(&seed) % 64, sum = 0;
		unsigned shares[64] = {0}, limit = 1 + (unsigned)rand_r(&seed) % 20;
		bool starved = false;
		struct error error = {0};
		struct reta reta;
		int result;

		for (unsigned queue = 0; queue < count; queue++)
			sum += weights[queue] = (uint16_t)((unsigned)rand_r(&seed) % limit);
		result = reta_fill_weights(&reta, size, 64, weights, (uint16_t)count, &error);
		if (result != 0) {
			assert_int_equal(result, sum == 0 ? -EINVAL : -ENOSPC);
			assert_true(sum == 0 || sum > size);
			assert_true(error.message[0] != '\0');
			continue;
		}
		filled++;
		for (unsigned bucket = 0; bucket < size; bucket++)
			shares[reta.queues[bucket]]++;
		for (unsigned queue = 0; queue < count; queue++) {
			starved |= weights[queue] > 0 && shares[queue] == 0;
			assert_true(shares[queue] * sum < size * weights[queue] + sum);
			assert_true(shares[queue] * sum + sum > size * weights[queue]);
		}
		assert_false(starved);
	}
	assert_true(filled > 1000);
}

static void fill_by_wish(void **state)
{
	static const uint16_t six_two[] = {6, 2}, none[] = {0, 0}, small[] = {1, 1000};
	struct error error;
	struct reta reta;

	(void)state;
	assert_int_equal(reta_fill(&reta, 128, 4, 0, NULL, 0, &error), 0);
	assert_int_equal(reta.queues[7], 3);
	assert_int_equal(reta_fill(&reta, 128, 4, 3, NULL, 0, &error), 0);
	assert_int_equal(reta.queues[5], 2);
	assert_int_equal(reta.queues[3], 0);
	assert_int_equal(reta.queue_count, 4);
	assert_int_equal(reta_fill(&reta, 128, 4, 0, six_two, 2, &error), 0);
	assert_int_equal(reta.queues[127], 1);
	assert_int_equal(reta_fill(&reta, 128, 4, 5, NULL, 0, &error), -EINVAL);
	assert_string_equal(error.message, "equal shares for 5 queues, but there are 4");
	assert_int_equal(reta_fill(&reta, 128, 1, 0, six_two, 2, &error), -EINVAL);
	assert_string_equal(error.message, "2 weights for 1 queues: expected at most one a queue");
	assert_int_equal(reta_fill(&reta, 128, 2, 0, none, 2, &error), -EINVAL);
	assert_int_equal(reta_fill(&reta, 128, 2, 0, small, 2, &error), -ENOSPC);
	assert_string_equal(error.message,
		"queue 0 with weight 1 of 1001 would get none of the 128 entries of the table: "
		"expected a larger weight, or a larger table");
	assert_int_equal(reta_fill(&reta, 100, 2, 0, NULL, 0, &error), -EINVAL);
	assert_int_equal(reta_fill(&reta, 128, 0, 0, NULL, 0, &error), -EINVAL);
}

static void resized(void **state)
{
	static const uint16_t six_two[] = {6, 2};
	uint8_t other[512];
	struct reta reta;

	(void)state;
	for (unsigned weighted = 0; weighted < 2; weighted++) {
		reta_fill(&reta, 128, 2, 0, six_two, weighted ? 2 : 0, NULL);
		for (uint16_t size = 64; size <= 512; size = (uint16_t)(2 * size)) {
			unsigned first = 0;

			reta_resize(reta.queues, 128, other, size);
			for (unsigned i = 0; i < size; i++) {
				first += other[i] == 0;
				if (size >= 128)
					assert_int_equal(other[i], reta.queues[i % 128]);
				else
					assert_true(other[i] == reta.queues[i] ||
						other[i] == reta.queues[i + 64]);
			}
			assert_int_equal(first, weighted ? size * 3 / 4 : size / 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin),
		cmocka_unit_test(fair_shares),
		cmocka_unit_test(refused),
		cmocka_unit_test(weights_as_ethtool),
		cmocka_unit_test(weights_of_chance),
		cmocka_unit_test(fill_by_wish),
		cmocka_unit_test(resized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
