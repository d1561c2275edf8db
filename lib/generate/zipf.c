/* SPDX-License-Identifier: BSD-3-Clause */
#include "generate/zipf.h"

#include <errno.h>
#include <stdlib.h>

#define LN2 0x1.62e42fefa39efp-1

/* The natural logarithm of k >= 1: k = m * 2^e with m in [1, 2), ln m = 2 atanh((m-1)/(m+1)). */
static double natural_log(uint32_t k)
{
	int exponent = 31 - __builtin_clz(k);
	double m = (double)k / (double)(1u << exponent);
	double z = (m - 1) / (m + 1), square = z * z, power = z, sum = 0;

	/* z <= 1/3: the 18th term is below 2^-58. */
	for (int i = 1; i < 36; i += 2) {
		sum += power / i;
		power *= square;
	}
	return exponent * LN2 + 2 * sum;
}

/* e^-x for x >= 0: halved until the series converges at once, then squared back. */
static double exp_minus(double x)
{
	double term = 1, sum = 1;
	int halvings = 0;

	if (x > 700)
		return 0;
	for (; x > 0.5; x /= 2)
		halvings++;
	for (int i = 1; i < 16; i++) {
		term *= -x / i;
		sum += term;
	}
	for (; halvings > 0; halvings--)
		sum *= sum;
	return sum;
}

/*
 * Vose: each entry holds an even share of the total; what flow k lacks to fill its entry is given
 * by a flow that has more than an even share. `weights` (summing to count) are used up; `stack`
 * holds the flows below the even share from its start and those above it from its end.
 */
static void fill(struct zipf_entry *entries, double *weights, uint32_t *stack, uint32_t count)
{
	uint32_t small = 0, large = count;

	for (uint32_t k = 0; k < count; k++) {
		if (weights[k] < 1)
			stack[small++] = k;
		else
			stack[--large] = k;
	}
	while (small > 0 && large < count) {
		uint32_t poor = stack[--small], rich = stack[large];

		entries[poor].threshold = (uint32_t)(weights[poor] * 0x1p32);
		entries[poor].alias = rich;
		weights[rich] -= 1 - weights[poor];
		if (weights[rich] < 1) {
			large++;
			stack[small++] = rich;
		}
	}
	/* What rounding left over has an even share. */
	for (uint32_t i = 0; i < count; i++) {
		if (i >= small && i < large)
			continue;
		entries[stack[i]].threshold = UINT32_MAX;
		entries[stack[i]].alias = stack[i];
	}
}

int zipf_init(struct zipf *zipf, uint32_t count, double exponent)
{
	double *weights, total = 0;
	uint32_t *stack;

	*zipf = (struct zipf){.count = count};
	if (exponent <= 0)
		return 0;
	weights = malloc(count * sizeof(*weights));
	stack = malloc(count * sizeof(*stack));
	zipf->entries = malloc(count * sizeof(*zipf->entries));
	if (weights == NULL || stack == NULL || zipf->entries == NULL) {
		free(weights);
		free(stack);
		zipf_fini(zipf);
		return -ENOMEM;
	}
	for (uint32_t k = 0; k < count; k++) {
		weights[k] = exp_minus(exponent * natural_log(k + 1));
		total += weights[k];
	}
	for (uint32_t k = 0; k < count; k++)
		weights[k] *= count / total;
	fill(zipf->entries, weights, stack, count);
	free(weights);
	free(stack);
	return 0;
}

void zipf_fini(struct zipf *zipf)
{
	free(zipf->entries);
	zipf->entries = NULL;
}
