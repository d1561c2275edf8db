/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram against a sorted array: every quantile is within one bucket of the true one. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/histogram.h"

enum { VALUES = 20000 };

static uint64_t random_state;

/* splitmix64 (Steele, Lea, Flood 2014): any seed will do, 0 too. */
static uint64_t random_next(void)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int setup(void **state)
{
	struct histogram *histogram = calloc(2, sizeof(*histogram));

	*state = histogram;
	return histogram == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Buckets are consecutive, none is empty of values, and each value falls at or above its floor. */
static void buckets_cover_every_value_once(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket_floor(0), 0);
	for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t floor = histogram_bucket_floor(i);

		assert_true(floor > histogram_bucket_floor(i - 1));
		assert_int_equal(histogram_index(floor), i);
		assert_int_equal(histogram_index(floor - 1), i - 1);
	}
	assert_int_equal(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void empty_says_zero(void **state)
{
	const struct histogram *histogram = *state;

	assert_int_equal(histogram_quantile(histogram, 0), 0);
	assert_int_equal(histogram_quantile(histogram, 0.5), 0);
	assert_int_equal(histogram_quantile(histogram, 1), 0);
}

static void small_values_are_exact(void **state)
{
	struct histogram *histogram = *state;

	for (uint64_t value = 0; value < 32; value++)
		histogram_record(histogram, value, 1);
	assert_int_equal(histogram_quantile(histogram, 0), 0);
	assert_int_equal(histogram_quantile(histogram, 0.5), 15);
	assert_int_equal(histogram_quantile(histogram, 1), 31);
	assert_int_equal(histogram->count, 32);
}

/* The truth is values[rank]; the histogram may answer its bucket's upper edge, so at most 1/32
 * more. */
static void assert_near(uint64_t got, uint64_t truth)
{
	if (got < truth || got - truth > truth / 32)
		fail_msg("got %" PRIu64 " for %" PRIu64, got, truth);
}

static void quantiles_match_a_sorted_array(void **state)
{
	static const double quantiles[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1};
	struct histogram *histogram = *state;
	uint64_t *values = calloc(VALUES, sizeof(*values));

	assert_non_null(values);
	for (unsigned round = 0; round < 20; round++) {
		memset(histogram, 0, sizeof(*histogram));
		for (size_t i = 0; i < VALUES; i++) {
			/* All magnitudes alike likely: shift by a random number of bits. */
			values[i] = random_next() >> (random_next() % 64);
			histogram_record(histogram, values[i], 1);
		}
		qsort(values, VALUES, sizeof(*values), compare);
		for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
			size_t rank = (size_t)(quantiles[i] * VALUES + 0.5);

			assert_near(histogram_quantile(histogram, quantiles[i]), values[rank - 1]);
		}
		assert_int_equal(histogram->max, values[VALUES - 1]);
		assert_int_equal(histogram_quantile(histogram, 1), values[VALUES - 1]);
	}
	free(values);
}

static void times_counts_as_many_records(void **state)
{
	struct histogram *histogram = *state;

	histogram_record(histogram, 10, 99);
	histogram_record(histogram, 20, 1);
	assert_int_equal(histogram->count, 100);
	assert_int_equal(histogram_quantile(histogram, 0.99), 10);
	assert_int_equal(histogram_quantile(histogram, 1), 20);
}

static void add_and_subtract_are_inverse(void **state)
{
	struct histogram *sum = *state, *part = sum + 1;
	struct histogram *before = malloc(sizeof(*before));

	assert_non_null(before);
	for (int i = 0; i < 1000; i++)
		histogram_record(sum, random_next() >> 40, 1);
	for (int i = 0; i < 500; i++)
		histogram_record(part, random_next() >> 30, 2);
	*before = *sum;
	histogram_add(sum, part);
	assert_int_equal(sum->count, 2000);
	assert_int_equal(sum->max, part->max > before->max ? part->max : before->max);
	histogram_subtract(sum, part);
	assert_int_equal(sum->count, before->count);
	assert_memory_equal(sum->buckets, before->buckets, sizeof(sum->buckets));
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_cover_every_value_once),
		cmocka_unit_test_setup_teardown(empty_says_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(small_values_are_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(quantiles_match_a_sorted_array, setup, teardown),
		cmocka_unit_test_setup_teardown(times_counts_as_many_records, setup, teardown),
		cmocka_unit_test_setup_teardown(add_and_subtract_are_inverse, setup, teardown),
	};
	const char *seed = getenv("WEIR_SEED");

	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("WEIR_SEED=%" PRIu64 "\n", random_state);
	return cmocka_run_group_tests_name("base/histogram", tests, NULL, NULL);
}
