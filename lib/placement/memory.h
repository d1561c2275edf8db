/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of one NUMA node for tables that live outside packet memory: zeroed, page-aligned, in huge
 * pages where the kernel has some to give (transparent ones), so that a table of a million entries
 * does not cost a TLB miss a look. Taken lazily: pages that are never touched cost nothing.
 * Threads: any.
 */
#ifndef WEIR_PLACEMENT_MEMORY_H
#define WEIR_PLACEMENT_MEMORY_H

#include <stddef.h>

/* NULL: out of memory. `node` is preferred, not demanded; -1: any. */
void *node_memory_take(size_t bytes, int node);
/* The same `bytes`. Takes NULL. */
void node_memory_give(void *memory, size_t bytes);

#endif
