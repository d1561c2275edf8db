/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features as ethtool -k prints them: a line each, "name: on" or "name: off", then [fixed] and
 * [requested on], parts indented; so what reads that reads this. Behind it stands who does it.
 */
#include <string.h>

#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

static void print_safe(FILE *out, const char *text)
{
	text_print(out, text, strlen(text));
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

static void print_feature(FILE *out, const json_t *feature)
{
	const char *why = read_text(feature, "why");

	print_safe(out, read_text(feature, "name"));
	fprintf(out, ": %s%s%s", is_true(feature, "on") ? "on" : "off",
		is_true(feature, "fixed") ? " [fixed]" : "",
		is_true(feature, "requested") && !is_true(feature, "on") ? " [requested on]" : "");
	if (json_is_false(json_object_get(feature, "asked_for")))
		fputs(" [not requested]", out);
	fputs(" (", out);
	print_safe(out, read_text(feature, "by"));
	fputs(why[0] != '\0' ? ": " : "", out);
	print_safe(out, why);
	fputs(")\n", out);
}

static void render_port(FILE *out, const json_t *port)
{
	const json_t *feature;
	size_t i;

	fputs("Features for ", out);
	print_safe(out, read_text(port, "port"));
	fputs(":\n", out);
	json_array_foreach (json_object_get(port, "features"), i, feature) {
		if (read_text(feature, "part_of")[0] != '\0')
			fputc('\t', out);
		print_feature(out, feature);
	}
}

/* ---- all ports side by side ---- */

/* Is it off for good at every port? */
static bool is_idle(const json_t *ports, size_t index)
{
	const json_t *port;
	size_t i;

	json_array_foreach (ports, i, port) {
		const json_t *feature = json_array_get(json_object_get(port, "features"), index);

		if (is_true(feature, "on") || !is_true(feature, "fixed"))
			return false;
	}
	return true;
}

static void table_feature(struct table *table, const json_t *feature)
{
	bool on = is_true(feature, "on");

	table_cell(table, "%s%s%s%s", on ? "on " : "off",
		on					? read_text(feature, "by")
			: is_true(feature, "requested") ? " requested"
							: "",
		is_true(feature, "fixed") && !on ? " fixed" : "",
		strcmp(read_text(feature, "why"), "carried whole") == 0 ? " (whole)" : "");
}

static void render_matrix(FILE *out, const json_t *ports, unsigned flags)
{
	const char *titles[TABLE_COLUMNS_MAX + 1] = {"<feature"};
	char names[TABLE_COLUMNS_MAX][40];
	const json_t *first = json_object_get(json_array_get(ports, 0), "features"), *feature;
	size_t count = json_array_size(ports), i;
	struct table table;

	if (count > TABLE_COLUMNS_MAX - 1)
		count = TABLE_COLUMNS_MAX - 1;
	for (size_t p = 0; p < count; p++) {
		snprintf(names[p], sizeof(names[p]), "<%s",
			read_text(json_array_get(ports, p), "port"));
		titles[p + 1] = names[p];
	}
	table_init(&table, titles);
	json_array_foreach (first, i, feature) {
		bool part = read_text(feature, "part_of")[0] != '\0';

		if (!(flags & RENDER_IDLE) && (part || is_idle(ports, i)))
			continue;
		table_cell(&table, "%s%s", part ? "  " : "", read_text(feature, "name"));
		for (size_t p = 0; p < count; p++)
			table_feature(&table,
				json_array_get(
					json_object_get(json_array_get(ports, p), "features"), i));
	}
	table_print(&table, out, flags & RENDER_BOLD);
}

void render_features(FILE *out, const json_t *ports, unsigned flags)
{
	if (json_array_size(ports) == 1)
		render_port(out, json_array_get(ports, 0));
	else
		render_matrix(out, ports, flags);
}

void render_feature_changes(FILE *out, const json_t *ports)
{
	const json_t *port, *feature;
	size_t p, i;

	json_array_foreach (ports, p, port) {
		const json_t *features = json_object_get(port, "features");

		if (json_array_size(features) == 0) {
			fputs("nothing to change: it is so already\n", out);
			continue;
		}
		fputs("Actual changes", out);
		if (p > 0) {
			fputs(" of ", out);
			print_safe(out, read_text(port, "port"));
		}
		fputs(":\n", out);
		json_array_foreach (features, i, feature)
			print_feature(out, feature);
	}
}
