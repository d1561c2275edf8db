/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bounded log-linear histogram of unsigned values: 32 buckets an octave, so a percentile is
 * within 1/32 (3.2 %) of the truth, whatever the range, in a fixed 15 KB. Values below 32 are
 * exact.
 *
 * Threads: one writer; readers copy it (struct assignment of each bucket is a plain load; a reader
 * may see some buckets newer than others, never a torn one).
 */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_LINEAR_BITS = 5,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_LINEAR_BITS + 1) << HISTOGRAM_LINEAR_BITS
};

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_index(uint64_t value)
{
	unsigned shift;

	if (value < 1u << HISTOGRAM_LINEAR_BITS)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_LINEAR_BITS;
	return ((shift + 1) << HISTOGRAM_LINEAR_BITS) +
		(unsigned)((value >> shift) & ((1u << HISTOGRAM_LINEAR_BITS) - 1));
}

/* Records `value`, `times` times. */
static inline void histogram_record(struct histogram *histogram, uint64_t value, uint64_t times)
{
	histogram->buckets[histogram_index(value)] += times;
	histogram->count += times;
	if (value > histogram->max)
		histogram->max = value;
}

/* The smallest value of bucket `index`. */
uint64_t histogram_bucket_floor(unsigned index);

/* The value below or at which a share `quantile` (0..1) of the records lie; the upper edge of its
 * bucket, never above max. 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* sum += part */
void histogram_add(struct histogram *sum, const struct histogram *part);

/* later -= earlier: what was recorded in between (max stays that of `later`). */
void histogram_subtract(struct histogram *later, const struct histogram *earlier);

#endif
