/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>

#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

enum { FLOWS_WIDTH_MAX = 120 }; /* room for most pairs of IPv6 addresses */

/* Rates say more, but where nothing flows any more the totals are all there is. */
static bool any_flows_now(const json_t *flows)
{
	const json_t *flow;
	size_t i;

	json_array_foreach (flows, i, flow) {
		if (read_count(flow, "pps") > 0)
			return true;
	}
	return false;
}

static void worker_cell(struct table *table, const json_t *flow)
{
	if (json_is_integer(json_object_get(flow, "worker")))
		table_count(table, read_count(flow, "worker"));
	else
		table_cell(table, "-");
}

void render_flows(FILE *out, const json_t *flows, unsigned flags)
{
	static const char *const now_titles[] = {"#", "share", "packets/s", "bit/s", "error",
		"<port", "bucket", "worker", "<by", "<flow", NULL};
	static const char *const total_titles[] = {"#", "share", "packets", "bytes", "error",
		"<port", "bucket", "worker", "<by", "<flow", NULL};
	bool now = any_flows_now(flows);
	struct table table;
	const json_t *flow;
	size_t i;

	table_init(&table, now ? now_titles : total_titles);
	table.width_max = flags & RENDER_IDLE ? 1000 : FLOWS_WIDTH_MAX;
	json_array_foreach (flows, i, flow) {
		table_count(&table, read_count(flow, "rank"));
		table_cell(&table, "%.1f%%", read_real(flow, "share_percent"));
		table_rate(&table, (double)read_count(flow, now ? "pps" : "packets"));
		table_rate(&table, (double)read_count(flow, now ? "bps" : "bytes"));
		table_rate(&table, (double)read_count(flow, "error"));
		table_cell(&table, "%s", read_text(flow, "port"));
		table_count(&table, read_count(flow, "bucket"));
		worker_cell(&table, flow);
		table_cell(&table, "%s", read_text(flow, "by"));
		table_cell(&table, "%s", read_text(flow, "flow"));
	}
	if (json_array_size(flows) == 0)
		fprintf(out, "flows: none seen\n");
	table_print(&table, out, flags & RENDER_BOLD);
	if (flags & RENDER_DETAILS && json_array_size(flows) > 0)
		fprintf(out,
			"share: of the packets received; error: packets counted since the start "
			"that "
			"may be another flow's\n");
}
