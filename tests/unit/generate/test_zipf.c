/* SPDX-License-Identifier: BSD-3-Clause */
/* The alias table against Zipf's law: exactly, by adding its entries up, and by drawing from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "generate/random.h"
#include "generate/zipf.h"

/* What each flow gets of the whole, as the table has it. */
static double *shares_of(const struct zipf *zipf)
{
	double *shares = calloc(zipf->count, sizeof(*shares));

	assert_non_null(shares);
	for (uint32_t k = 0; k < zipf->count; k++) {
		double kept = zipf->entries[k].threshold / 0x1p32;

		shares[k] += kept / zipf->count;
		shares[zipf->entries[k].alias] += (1 - kept) / zipf->count;
	}
	return shares;
}

static void check_law(uint32_t count, double exponent)
{
	double total = 0, *shares;
	struct zipf zipf;

	assert_int_equal(zipf_init(&zipf, count, exponent), 0);
	shares = shares_of(&zipf);
	for (uint32_t k = 0; k < count; k++)
		total += pow(k + 1, -exponent);
	for (uint32_t k = 0; k < count; k++) {
		double wanted = pow(k + 1, -exponent) / total;

		if (fabs(shares[k] - wanted) > 1e-9)
			fail_msg("%u flows, exponent %g: flow %u has %.12g, not %.12g", count,
				exponent, k, shares[k], wanted);
	}
	free(shares);
	zipf_fini(&zipf);
}

static void test_law(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 70; count++)
		check_law(count, 1.1);
	check_law(1000, 0.01);
	check_law(1000, 1);
	check_law(1000, 2.5);
	check_law(1000, 100);
	check_law(1000000, 1.1);
}

static void test_draws(void **state)
{
	enum { FLOWS = 10, DRAWS = 1000000 };
	uint32_t counts[FLOWS] = {0};
	uint64_t random = 5;
	struct zipf zipf;
	double total = 0;

	(void)state;
	assert_int_equal(zipf_init(&zipf, FLOWS, 1), 0);
	for (int i = 0; i < DRAWS; i++)
		counts[zipf_choose(&zipf, random_next(&random))]++;
	for (int k = 0; k < FLOWS; k++)
		total += 1.0 / (k + 1);
	for (int k = 0; k < FLOWS; k++) {
		double wanted = DRAWS / total / (k + 1);

		assert_true(fabs(counts[k] - wanted) < 5 * sqrt(wanted));
	}
	zipf_fini(&zipf);
}

static void test_all_alike(void **state)
{
	enum { FLOWS = 7, DRAWS = 700000 };
	uint32_t counts[FLOWS] = {0};
	uint64_t random = 6;
	struct zipf zipf;

	(void)state;
	assert_int_equal(zipf_init(&zipf, FLOWS, 0), 0);
	assert_null(zipf.entries);
	for (int i = 0; i < DRAWS; i++)
		counts[zipf_choose(&zipf, random_next(&random))]++;
	for (int k = 0; k < FLOWS; k++)
		assert_true(abs((int)counts[k] - DRAWS / FLOWS) < 5 * 317);
	zipf_fini(&zipf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_law),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_all_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
