/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is remembered of flows and hosts, in memory that stays the same however many there are: a
 * full bucket forgets its least recently used entry. So a capture of more flows than fit is judged
 * by less evidence, never by wrong one.
 *
 * Threads: one at a time a table.
 */
#ifndef WEIR_CAPTURE_JUDGE_TABLE_H
#define WEIR_CAPTURE_JUDGE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum { JUDGE_KEY_BYTES = 40 };

struct judge_table {
	uint32_t bucket_count; /* a power of 2 */
	uint32_t entry_bytes;
	uint64_t clock; /* of use */
	uint8_t *entries; /* owned */
};

/* Room for `entries`, a power of 2 of at least 4. 0 or -ENOMEM. */
int judge_table_init(struct judge_table *table, uint32_t entries, uint32_t value_bytes);
void judge_table_fini(struct judge_table *table);

/* The value of `key`, aligned to 8, valid until the next call that adds. A new one is all 0. NULL:
 * not there, and not to be added. */
void *judge_table_find(struct judge_table *table, const uint8_t key[JUDGE_KEY_BYTES], bool add);

#endif
