/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>

#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

static void count_say(FILE *out, const json_t *order, const char *name, const char *words)
{
	uint64_t count = read_count(order, name);
	char text[32];

	if (count > 0)
		fprintf(out, ", %s %s", count_text(text, count), words);
}

static void lost_say(FILE *out, const json_t *order)
{
	uint64_t lost = read_count(order, "lost"), dropped = read_count(order, "dropped");
	char text[32];

	if (!json_is_true(json_object_get(order, "exact")))
		fprintf(out, ", %s on the way or lost", count_text(text, lost));
	else if (lost > dropped)
		fprintf(out, ", %s LOST beyond the drops", count_text(text, lost - dropped));
	else
		fprintf(out, ", none lost but by drops");
}

static void render_worst(FILE *out, const json_t *flows, unsigned flags)
{
	static const char *const titles[] = {
		"packets", "reordered", "extent", "duplicated", "lost", "<worst flows", NULL};
	static const char *const counts[] = {
		"received", "reordered", "extent_max", "duplicated", "lost"};
	struct table table;
	const json_t *flow;
	size_t i;

	table_init(&table, titles);
	json_array_foreach (flows, i, flow) {
		for (unsigned n = 0; n < sizeof(counts) / sizeof(counts[0]); n++)
			table_count(&table, read_count(flow, counts[n]));
		table_cell(&table, "%s", read_text(flow, "flow"));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

void render_order(FILE *out, const json_t *order, unsigned flags)
{
	bool good = json_is_true(json_object_get(order, "good"));
	uint64_t reordered = read_count(order, "reordered");
	char text[3][32];

	fprintf(out, "order: %s%s reordered of %s packets in %s flows",
		good ? "" : "BROKEN: ", count_text(text[0], reordered),
		count_text(text[1], read_count(order, "checked")),
		count_text(text[2], read_count(order, "flows")));
	if (reordered > 0)
		fprintf(out, " (ratio %.3g, by up to %s%s)", read_real(order, "reordered_ratio"),
			count_text(text[0], read_count(order, "extent_max")),
			json_is_true(json_object_get(order, "extent_at_least")) ? " or more" : "");
	fprintf(out, ", %s duplicates", count_text(text[0], read_count(order, "duplicated")));
	lost_say(out, order);
	count_say(out, order, "untracked", "of further flows");
	count_say(out, order, "unknown", "made on the way");
	fputc('\n', out);
	/* Where all is well, the flows that had drops. */
	if (!good || (flags & RENDER_DETAILS))
		render_worst(out, json_object_get(order, "worst"), flags);
}
