/* SPDX-License-Identifier: BSD-3-Clause */
/* What __builtin_prefetch cannot say. */
#ifndef WEIR_BASE_PREFETCH_H
#define WEIR_BASE_PREFETCH_H

/* Fetches a line that will be written soon, so that nobody else has it any more. The compiler makes
 * prefetchw only for processors of which it is told that they know it; the others do nothing. */
static inline void prefetch_to_write(const void *line)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
}

#endif
