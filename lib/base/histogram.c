/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/histogram.h"

uint64_t histogram_bucket_floor(unsigned index)
{
	unsigned shift;

	if (index < 1u << HISTOGRAM_LINEAR_BITS)
		return index;
	shift = (index >> HISTOGRAM_LINEAR_BITS) - 1;
	return (uint64_t)((1u << HISTOGRAM_LINEAR_BITS) +
		       (index & ((1u << HISTOGRAM_LINEAR_BITS) - 1)))
		<< shift;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
	uint64_t total = 0, seen = 0, wanted;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += histogram->buckets[i];
	if (total == 0)
		return 0;
	wanted = (uint64_t)(quantile * (double)total + 0.5);
	if (wanted == 0)
		wanted = 1;
	if (wanted > total)
		wanted = total;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted) {
			uint64_t top = i + 1 < HISTOGRAM_BUCKETS ? histogram_bucket_floor(i + 1) - 1
								 : UINT64_MAX;

			return top < histogram->max ? top : histogram->max;
		}
	}
	return histogram->max;
}

void histogram_add(struct histogram *sum, const struct histogram *part)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->buckets[i] += part->buckets[i];
	sum->count += part->count;
	if (part->max > sum->max)
		sum->max = part->max;
}

void histogram_subtract(struct histogram *later, const struct histogram *earlier)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		later->buckets[i] -= earlier->buckets[i];
	later->count -= earlier->count;
}
