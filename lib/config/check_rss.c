/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "config/check.h"
#include "steering/reta.h"

enum { POINTER_TEXT_MAX = 96 };

static const char *pointer_text(char *buffer, const struct config_port *port, const char *field)
{
	snprintf(buffer, POINTER_TEXT_MAX, "/ports/%.31s/rss/%s", port->name, field);
	return buffer;
}

/* One way to fill the table, and one that reaches every queue it is meant to reach. How many queues
 * there are is known here only when it was given. */
static void check_table(struct report *report, const struct config_port *port)
{
	const struct config_rss *rss = &port->rss;
	char pointer[POINTER_TEXT_MAX];
	struct error error = {0};
	struct reta reta;

	if (rss->weights.count > 0 && rss->equal > 0)
		report_at(report, pointer_text(pointer, port, "weights"),
			"\"equal\" is given too, but the indirection table is filled one way: "
			"expected one of them");
	else if (rss->queues > 0 && rss->equal > rss->queues)
		report_at(report, pointer_text(pointer, port, "equal"),
			"found %u, but /ports/%s/rss/queues is %u", rss->equal, port->name,
			rss->queues);
	else if (rss->weights.count > 0 && rss->reta_size > 0 &&
		reta_fill_weights(&reta, rss->reta_size,
			rss->queues > 0 ? rss->queues : CONFIG_RSS_QUEUES_MAX, rss->weights.weights,
			rss->weights.count, &error) < 0)
		report_at(report, pointer_text(pointer, port, "weights"), "%s", error.message);
}

/* A transform is for both directions to meet: half a pair, or one end's address, parts them. */
static void check_transform(struct report *report, const struct config_port *port)
{
	const struct config_rss *rss = &port->rss;

	if (rss->xfrm == RSS_TRANSFORM_NONE)
		return;
	for (unsigned type = 0; type < RSS_TYPE_COUNT; type++) {
		char pointer[POINTER_TEXT_MAX], field[24], text[RSS_FIELDS_TEXT_BYTES];

		if (rss_fields_are_symmetric(rss->fields[type]))
			continue;
		snprintf(field, sizeof(field), "fields/%s", rss_type_names[type]);
		report_at(report, pointer_text(pointer, port, field),
			"found \"%s\", but /ports/%s/rss/xfrm makes both directions of a flow "
			"alike: expected s and d together, f and n together, and no m",
			rss_fields_format(rss->fields[type], text), port->name);
	}
}

void config_check_rss(struct report *report, const struct config *config)
{
	for (unsigned i = 0; i < config->port_count; i++) {
		if (config->ports[i].name == NULL || config->ports[i].kind == PORT_FILE)
			continue;
		check_table(report, &config->ports[i]);
		check_transform(report, &config->ports[i]);
	}
}
