/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time. The hot path counts cycles of the time stamp counter (`_tsc`, `_cycles`); everything a
 * person reads or writes is in nanoseconds (`_ns`). Source: Intel SDM vol. 3, 17.17 (invariant
 * TSC).
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#define NS_PER_SECOND 1000000000ull

/* Not ordered against neighbouring loads and stores: good to some 20 ns. */
static inline uint64_t tsc_now(void)
{
	return __rdtsc();
}

/* Any thread. */
static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Exact for differences up to 2^64 cycles; no overflow on the way. */
static inline uint64_t tsc_to_ns(uint64_t cycles, uint64_t tsc_hz)
{
	return (uint64_t)((unsigned __int128)cycles * NS_PER_SECOND / tsc_hz);
}

static inline uint64_t ns_to_tsc(uint64_t ns, uint64_t tsc_hz)
{
	return (uint64_t)((unsigned __int128)ns * tsc_hz / NS_PER_SECOND);
}

#endif
