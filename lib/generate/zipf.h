/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chooses among `count` flows with Zipf's law: flow k (from 0) with a share in proportion to
 * 1 / (k + 1)^exponent. Exponent 0: all alike. One random number, one table entry a choice
 * (the alias method: Walker 1977, Vose 1991); 8 bytes a flow, none when all are alike.
 *
 * The table is made with +, -, *, / on doubles only, which IEEE 754 rounds alike everywhere: the
 * C library's pow() may differ in the last bit from one CPU to the next.
 */
#ifndef WEIR_GENERATE_ZIPF_H
#define WEIR_GENERATE_ZIPF_H

#include <stddef.h>
#include <stdint.h>

struct zipf_entry {
	uint32_t threshold; /* keep this flow below it ... */
	uint32_t alias; /* ... and take this one otherwise */
};

struct zipf {
	uint32_t count;
	struct zipf_entry *entries; /* NULL: all alike */
};

/* 0 or -ENOMEM. count > 0, exponent >= 0 and finite. */
int zipf_init(struct zipf *zipf, uint32_t count, double exponent);
void zipf_fini(struct zipf *zipf);

/* `random`: 64 random bits. */
static inline uint32_t zipf_choose(const struct zipf *zipf, uint64_t random)
{
	uint32_t k = (uint32_t)(((random >> 32) * zipf->count) >> 32);

	if (zipf->entries == NULL || (uint32_t)random < zipf->entries[k].threshold)
		return k;
	return zipf->entries[k].alias;
}

#endif
