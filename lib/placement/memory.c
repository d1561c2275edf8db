/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/memory.h"

#include <numa.h>
#include <stdint.h>
#include <sys/mman.h>

enum { HUGE_BYTES = 2 << 20 };

void *node_memory_take(size_t bytes, int node)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_BYTES)
		madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: without, it is only slower */
	if (node >= 0 && numa_available() >= 0 && node <= numa_max_node())
		numa_tonode_memory(memory, bytes, node);
	return memory;
}

void node_memory_give(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, bytes);
}
