/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/softnet.h"
#include "stats/table.h"

/* Where a worker is pinned nowhere, its own number stands for the CPU's. */
static uint64_t cpu_of(const json_t *worker)
{
	json_int_t cpu = json_integer_value(json_object_get(worker, "cpu"));

	return cpu >= 0 ? (uint64_t)cpu : read_count(worker, "worker");
}

/* A line as the kernel writes it: counters there are 32 bits wide and wrap. */
static void raw_line(FILE *out, const json_t *worker)
{
	uint32_t values[SOFTNET_KERNEL_COLUMNS] = {0};

	for (const struct softnet_column *column = softnet_columns; column->name != NULL; column++)
		values[column->position - 1] = (uint32_t)read_count(worker, column->name);
	values[SOFTNET_KERNEL_CPU - 1] = (uint32_t)cpu_of(worker);
	for (unsigned i = 0; i < SOFTNET_KERNEL_COLUMNS; i++)
		fprintf(out, "%08x%c", values[i], i + 1 < SOFTNET_KERNEL_COLUMNS ? ' ' : '\n');
}

void render_softnet_raw(FILE *out, const json_t *softnet)
{
	uint64_t next = 0;
	bool more = true;

	/* By ascending CPU, as the kernel: the lowest not yet printed, again and again. */
	while (more) {
		uint64_t lowest = UINT64_MAX;
		const json_t *worker;
		size_t i;

		json_array_foreach (softnet, i, worker) {
			uint64_t cpu = cpu_of(worker);

			if (cpu >= next && cpu < lowest)
				lowest = cpu;
		}
		json_array_foreach (softnet, i, worker) {
			if (cpu_of(worker) == lowest)
				raw_line(out, worker);
		}
		more = lowest != UINT64_MAX;
		next = lowest + 1;
	}
}

void render_softnet(FILE *out, const json_t *softnet, unsigned flags)
{
	const char *titles[TABLE_COLUMNS_MAX + 1] = {"worker", "cpu"};
	struct table table;
	const json_t *worker;
	unsigned columns = 2;
	size_t i;

	for (unsigned n = 0; softnet_columns[n].name != NULL; n++)
		titles[columns++] = softnet_columns[n].name;
	titles[columns] = NULL;
	table_init(&table, titles);
	json_array_foreach (softnet, i, worker) {
		table_count(&table, read_count(worker, "worker"));
		table_count(&table, cpu_of(worker));
		for (unsigned n = 0; softnet_columns[n].name != NULL; n++)
			table_count(&table, read_count(worker, softnet_columns[n].name));
	}
	table_print(&table, out, flags & RENDER_BOLD);
	if (!(flags & RENDER_DETAILS))
		return;
	fputc('\n', out);
	for (const struct softnet_column *column = softnet_columns; column->name != NULL; column++)
		fprintf(out, "%-16s  %s\n", column->name, column->description);
}
