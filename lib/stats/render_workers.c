/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/units.h"
#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

enum { BAR_COLUMNS = 10 };

static void bar_cell(struct table *table, double percent)
{
	static const char full[] = "##########", empty[] = "..........";
	int filled = (int)(percent * BAR_COLUMNS / 100.0 + 0.5);

	if (filled < 0)
		filled = 0;
	if (filled > BAR_COLUMNS)
		filled = BAR_COLUMNS;
	table_cell(table, "%.*s%.*s", filled, full, BAR_COLUMNS - filled, empty);
}

static void render_share(FILE *out, const json_t *workers, unsigned flags)
{
	static const char *const titles[] = {"worker", "cpu", "share", "<", "packets", "packets/s",
		"busy", "sleep", "cyc/pkt", "batch", "drops", NULL};
	struct table table;
	const json_t *worker;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (workers, i, worker) {
		double share = read_real(worker, "share_percent");

		table_count(&table, read_count(worker, "worker"));
		table_count(&table, read_count(worker, "cpu"));
		table_cell(&table, "%.0f%%", share);
		bar_cell(&table, share);
		table_count(&table, read_count(worker, "packets"));
		table_rate(&table, (double)read_count(worker, "pps"));
		table_cell(&table, "%.0f%%", read_real(worker, "busy_percent"));
		table_cell(&table, "%.0f%%", read_real(worker, "sleep_percent"));
		table_cell(&table, "%.0f", read_real(worker, "cycles_per_packet"));
		table_cell(&table, "%.1f", read_real(worker, "packets_per_batch"));
		table_rate(&table, (double)read_count(worker, "drops"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

static void render_handoff(FILE *out, const json_t *workers, unsigned flags)
{
	static const char *const titles[] = {"worker", "node", "tid", "handed out", "handed in",
		"backlog high", "stalls", "sleeps", "irqs", "p50", "p99", "max", NULL};
	static const char *const counters[] = {
		"handoff_out", "handoff_in", "backlog_high", "stalls", "sleeps", "interrupts"};
	static const char *const points[] = {"p50", "p99", "max"};
	char text[UNITS_TEXT_MAX];
	struct table table;
	const json_t *worker;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (workers, i, worker) {
		const json_t *latency = json_object_get(worker, "latency_ns");

		table_count(&table, read_count(worker, "worker"));
		table_cell(&table, "%s", read_node(worker));
		table_cell(&table, "%u", (unsigned)read_count(worker, "tid"));
		for (unsigned n = 0; n < sizeof(counters) / sizeof(counters[0]); n++)
			table_rate(&table, (double)read_count(worker, counters[n]));
		for (unsigned n = 0; n < sizeof(points) / sizeof(points[0]); n++)
			table_cell(&table, "%s",
				units_format_time(text, sizeof(text),
					(double)read_count(latency, points[n])));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

/* Which sizes there are is read from the object itself. */
static void render_burst_sizes(FILE *out, const json_t *workers, unsigned flags)
{
	json_t *first = json_object_get(json_array_get(workers, 0), "burst_sizes");
	const char *titles[TABLE_COLUMNS_MAX + 1] = {"bursts of", NULL};
	unsigned columns = 1;
	struct table table;
	const json_t *worker;
	const char *size;
	json_t *count;
	size_t i;

	json_object_foreach (first, size, count) {
		if (columns < TABLE_COLUMNS_MAX)
			titles[columns++] = size;
	}
	table_init(&table, titles);
	json_array_foreach (workers, i, worker) {
		const json_t *sizes = json_object_get(worker, "burst_sizes");

		table_cell(&table, "worker %u", (unsigned)read_count(worker, "worker"));
		for (unsigned n = 1; n < columns; n++)
			table_count(&table, read_count(sizes, titles[n]));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

void render_workers(FILE *out, const json_t *workers, unsigned flags)
{
	render_share(out, workers, flags);
	if (!(flags & RENDER_DETAILS))
		return;
	fputc('\n', out);
	render_handoff(out, workers, flags);
	fputc('\n', out);
	render_burst_sizes(out, workers, flags);
}
