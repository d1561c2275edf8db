/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator's pseudo-random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). 64 bits of state, the same on every machine.
 */
#ifndef WEIR_GENERATE_RANDOM_H
#define WEIR_GENERATE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* Its output function, a bijection: also used to scatter flow numbers. */
static inline uint64_t random_mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

static inline uint64_t random_next(uint64_t *state)
{
	return random_mix(*state += 0x9e3779b97f4a7c15);
}

/* 0 up to, not including, `limit`; its bias is below limit / 2^32. */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(((random_next(state) >> 32) * limit) >> 32);
}

/* A probability in 2^-53ths, which a double holds exactly: nothing is rounded while packets go. */
static inline uint64_t random_threshold(double probability)
{
	return (uint64_t)(probability * 0x1p53);
}

/* True with that probability. Takes no number when it can never be true, so that switching an
 * impairment on is what changes the sequence. */
static inline bool random_hit(uint64_t *state, uint64_t threshold)
{
	return threshold != 0 && random_next(state) >> 11 < threshold;
}

#endif
