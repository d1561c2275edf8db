/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/rfs.h"

#include <string.h>

enum { RFS_ENTRIES_MAX = 1 << 26 };

uint32_t rfs_entries(uint32_t wanted)
{
	uint32_t entries = 1;

	while (entries < wanted && entries < RFS_ENTRIES_MAX)
		entries *= 2;
	return entries;
}

size_t rfs_consumers_bytes(uint32_t entries)
{
	return sizeof(struct rfs_consumers) + entries * sizeof(uint32_t);
}

void rfs_consumers_init(struct rfs_consumers *consumers, uint32_t entries)
{
	consumers->mask = entries - 1;
	/* Hashes whose upper bits are 0 match these too, and find that no CPU is known. */
	for (uint32_t i = 0; i < entries; i++)
		consumers->entries[i] = RFS_CPU_NONE;
}

size_t rfs_flows_bytes(uint32_t entries)
{
	return sizeof(struct rfs_flows) + entries * sizeof(uint64_t);
}

void rfs_flows_init(struct rfs_flows *flows, uint32_t entries)
{
	flows->mask = entries - 1;
	memset(flows->entries, 0, entries * sizeof(uint64_t));
}
