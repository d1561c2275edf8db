/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_tables.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ENTRIES = 1 << 20, QUEUES = 8, HUGE_PAGE_BYTES = 2 << 20 };

static void *table_memory(struct flow_tables *tables, size_t bytes)
{
	size_t rounded = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
	void *memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);

	if (memory == MAP_FAILED) {
		tables->huge = false;
		memory = mmap(NULL, rounded, PROT_READ | PROT_WRITE, flags, -1, 0);
	}
	return memory != MAP_FAILED ? memory : NULL;
}

/* Its lower bits are an entry of the flow's own: an odd multiple permutes them. The upper ones,
 * which choose among an RPS map's workers, are as good as random. */
static uint32_t flow_hash(uint32_t flow)
{
	uint32_t entry = flow * 2654435761u & (ENTRIES - 1);
	uint32_t upper = (flow + 1) * 2246822519u;

	return (upper & ~(uint32_t)(ENTRIES - 1)) | entry;
}

static void table_fill(struct steer_table *table, uint8_t first, uint8_t count)
{
	reta_fill_equal(&table->reta, RETA_SIZE_MIN, QUEUES);
	table->worker_count = (uint16_t)(first + count);
	table->has_rps = true;
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		struct rps_map *map = &table->rps[queue];

		table->queue_worker[queue] = (uint8_t)(first + queue % count);
		for (map->count = 0; map->count < count; map->count++)
			map->workers[map->count] = (uint8_t)(first + map->count);
	}
	for (unsigned cpu = 0; cpu < STEERING_CPUS_MAX; cpu++)
		table->cpu_worker[cpu] = (uint8_t)(first + cpu % count);
}

bool flow_tables_make(struct flow_tables *tables, uint32_t flows, uint8_t first, uint8_t count)
{
	struct rfs_consumers *consumers;

	tables->huge = true;
	tables->hashes = table_memory(tables, FLOW_TABLES_PACKETS * sizeof(*tables->hashes));
	tables->table.flows = table_memory(tables, rfs_flows_bytes(ENTRIES));
	consumers = table_memory(tables, rfs_consumers_bytes(ENTRIES));
	if (tables->hashes == NULL || tables->table.flows == NULL || consumers == NULL)
		return false;
	table_fill(&tables->table, first, count);
	rfs_flows_init(tables->table.flows, ENTRIES);
	rfs_consumers_init(consumers, ENTRIES);
	tables->table.consumers = consumers;
	for (uint32_t flow = 0; flow < flows; flow++)
		rfs_record(consumers, flow_hash(flow), flow % count);
	for (unsigned i = 0; i < FLOW_TABLES_PACKETS; i++)
		tables->hashes[i] = flow_hash((uint32_t)random() % flows);
	return true;
}
