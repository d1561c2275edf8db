/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flows of one rx queue: each gets a slot of its own, for good, while there are any. Found by
 * the 64 bits of its key's hash (flow_key_hash()), compared whole; open addressing, at most half
 * full. Memory is fixed, and the kernel gives it as flows come: some 180 bytes a flow.
 *
 * Threads: order_table_find() and the numbers of entries belong to the worker of the queue. Others
 * read what is below `used`; flows[] has a lock a flow.
 */
#ifndef WEIR_ENGINE_ORDER_TABLE_H
#define WEIR_ENGINE_ORDER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <rte_prefetch.h>

#include "engine/order_flow.h"
#include "packet/flow_key.h"

struct order_entry {
	uint64_t hash; /* 0: free */
	uint32_t slot;
	uint32_t sent; /* packets of the flow so far = the next one's number. Reader: stats */
};

struct order_info { /* set once */
	struct flow_key key;
	uint32_t entry;
};

struct order_table {
	struct order_entry *entries; /* [entry_mask + 1] */
	struct order_flow *flows; /* [capacity] */
	struct order_info *infos; /* [capacity] */
	uint32_t entry_mask, capacity;
	uint32_t used; /* slots. Released after their info is written. Readers: stats */
};

/* `capacity`: flows, a power of two. 0 or -ENOMEM. */
int order_table_init(struct order_table *table, uint32_t capacity);
void order_table_fini(struct order_table *table); /* zeros will do */

/* The flow's entry, a new one the first time. NULL: no slot is left for a new one. */
struct order_entry *order_table_find(
	struct order_table *table, uint64_t hash, const struct flow_key *key);

static inline void order_table_prefetch(const struct order_table *table, uint64_t hash)
{
	rte_prefetch0(&table->entries[hash & table->entry_mask]);
}

#endif
