/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf --verify: what stands in message number `seed`. */
#ifndef WEIR_APP_PERF_PATTERN_H
#define WEIR_APP_PERF_PATTERN_H

#include <stdint.h>
#include <string.h>

/* Neighbouring words and neighbouring messages differ in most bits. */
static inline uint64_t perf_pattern_word(uint64_t seed, uint64_t word)
{
	uint64_t value = (seed + 1) * 0x9e3779b97f4a7c15ull + word * 0xbf58476d1ce4e5b9ull;

	return value ^ (value >> 29);
}

static inline void perf_pattern_fill(uint8_t *bytes, uint64_t count, uint64_t seed)
{
	for (uint64_t at = 0; at < count; at += 8) {
		uint64_t value = perf_pattern_word(seed, at / 8);

		memcpy(bytes + at, &value, count - at < 8 ? count - at : 8);
	}
}

/* Where it is not the pattern; `count`: nowhere. */
static inline uint64_t perf_pattern_wrong(const uint8_t *bytes, uint64_t count, uint64_t seed)
{
	for (uint64_t at = 0; at < count; at += 8) {
		uint64_t value = perf_pattern_word(seed, at / 8);
		const uint8_t *wanted = (const uint8_t *)&value;

		for (uint64_t i = at; i < count && i < at + 8; i++)
			if (bytes[i] != wanted[i - at])
				return i;
	}
	return count;
}

#endif
