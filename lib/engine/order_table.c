/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/order_table.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <sys/mman.h>

static size_t entries_bytes(uint32_t capacity)
{
	return 2ul * capacity * sizeof(struct order_entry);
}

static size_t flows_bytes(uint32_t capacity)
{
	return (size_t)capacity * sizeof(struct order_flow);
}

static size_t table_bytes(uint32_t capacity)
{
	return flows_bytes(capacity) + entries_bytes(capacity) +
		(size_t)capacity * sizeof(struct order_info);
}

int order_table_init(struct order_table *table, uint32_t capacity)
{
	char *memory = mmap(NULL, table_bytes(capacity), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	*table = (struct order_table){
		.flows = (struct order_flow *)memory,
		.entries = (struct order_entry *)(memory + flows_bytes(capacity)),
		.infos = (struct order_info *)(memory + flows_bytes(capacity) +
			entries_bytes(capacity)),
		.entry_mask = 2 * capacity - 1,
		.capacity = capacity,
	};
	return 0;
}

void order_table_fini(struct order_table *table)
{
	if (table->flows != NULL)
		munmap(table->flows, table_bytes(table->capacity));
	memset(table, 0, sizeof(*table));
}

static struct order_entry *entry_take(struct order_table *table, struct order_entry *entry,
	uint64_t hash, const struct flow_key *key)
{
	uint32_t slot = table->used;

	if (slot == table->capacity)
		return NULL;
	*entry = (struct order_entry){.hash = hash, .slot = slot};
	table->infos[slot] =
		(struct order_info){.key = *key, .entry = (uint32_t)(entry - table->entries)};
	__atomic_store_n(&table->used, slot + 1, __ATOMIC_RELEASE);
	return entry;
}

struct order_entry *order_table_find(
	struct order_table *table, uint64_t hash, const struct flow_key *key)
{
	for (uint64_t i = hash;; i++) {
		struct order_entry *entry = &table->entries[i & table->entry_mask];

		if (likely(entry->hash == hash))
			return entry;
		if (entry->hash == 0)
			return entry_take(table, entry, hash, key);
	}
}
