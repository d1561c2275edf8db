/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pseudo-random sequence for the hot path: a few cycles a number, the same in every run. Not for
 * secrets. Source: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators", OOPSLA 2014).
 */
#ifndef WEIR_ENGINE_STAGES_SPLITMIX_H
#define WEIR_ENGINE_STAGES_SPLITMIX_H

#include <stdint.h>

struct splitmix {
	uint64_t state;
};

/* `stream`: different streams give different sequences. */
static inline void splitmix_init(struct splitmix *splitmix, uint64_t stream)
{
	splitmix->state = (stream + 1) * 0xd1342543de82ef95ull;
}

static inline uint64_t splitmix_next(struct splitmix *splitmix)
{
	uint64_t mixed = splitmix->state += 0x9e3779b97f4a7c15ull;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ull;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebull;
	return mixed ^ mixed >> 31;
}

/* Uniform in [0, limit), by a multiplication instead of a division. */
static inline uint64_t splitmix_below(struct splitmix *splitmix, uint64_t limit)
{
	return (uint64_t)((unsigned __int128)splitmix_next(splitmix) * limit >> 64);
}

#endif
