/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 4 };

struct entry {
	uint64_t used; /* 0: free */
	uint8_t key[JUDGE_KEY_BYTES];
	uint64_t value[];
};

int judge_table_init(struct judge_table *table, uint32_t entries, uint32_t value_bytes)
{
	table->bucket_count = entries / WAYS;
	table->entry_bytes = (uint32_t)sizeof(struct entry) + ((value_bytes + 7) & ~7u);
	table->clock = 0;
	table->entries = calloc(entries, table->entry_bytes);
	return table->entries == NULL ? -ENOMEM : 0;
}

void judge_table_fini(struct judge_table *table)
{
	free(table->entries);
	table->entries = NULL;
}

/* Who makes keys collide on purpose makes us forget, nothing worse. */
static uint64_t hash(const uint8_t *key)
{
	uint64_t value = 0, word;

	for (unsigned i = 0; i < JUDGE_KEY_BYTES; i += 8) {
		memcpy(&word, key + i, 8);
		value = (value ^ word) * 0x9e3779b97f4a7c15u;
		value ^= value >> 29;
	}
	return value ^ value >> 32;
}

void *judge_table_find(struct judge_table *table, const uint8_t key[JUDGE_KEY_BYTES], bool add)
{
	uint32_t bucket = (uint32_t)hash(key) & (table->bucket_count - 1);
	struct entry *oldest = NULL;

	for (uint32_t way = 0; way < WAYS; way++) {
		size_t at = (size_t)(bucket * WAYS + way) * table->entry_bytes;
		struct entry *entry = (void *)(table->entries + at);

		if (entry->used != 0 && memcmp(entry->key, key, JUDGE_KEY_BYTES) == 0) {
			entry->used = ++table->clock;
			return entry->value;
		}
		if (oldest == NULL || entry->used < oldest->used)
			oldest = entry;
	}
	if (!add)
		return NULL;
	memset(oldest, 0, table->entry_bytes);
	oldest->used = ++table->clock;
	memcpy(oldest->key, key, JUDGE_KEY_BYTES);
	return oldest->value;
}
