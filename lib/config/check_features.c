/* SPDX-License-Identifier: BSD-3-Clause */
/* Features that contradict each other, or the kind of their port. What a device can do is known
 * once it is there: port/features.h. */
#include <stdarg.h>
#include <stdio.h>

#include "config/check.h"
#include "config/field.h"

enum { POINTER_TEXT_MAX = 96 };

static const char *const received[] = {"rx-checksumming", "generic-receive-offload",
	"large-receive-offload", "rx-udp-gro-forwarding", NULL};
static const char *const sent[] = {"tx-checksumming", "scatter-gather", "tcp-segmentation-offload",
	"udp-fragmentation-offload", "tx-udp-segmentation", "generic-segmentation-offload", NULL};
static const char *const handed_whole[] = {
	"tcp-segmentation-offload", "udp-fragmentation-offload", "tx-udp-segmentation", NULL};

static const struct field *feature_field(const char *name)
{
	const struct field *features = field_find(port_fields, "features", FIELD_VARIANTS_ALL);

	return field_find(features->fields, name, FIELD_VARIANTS_ALL);
}

static bool is_on(const struct config_port *port, const char *name)
{
	const struct field *field = feature_field(name);

	return field_load(field, field_at_const(field, &port->features)) == FEATURE_ON;
}

static void complain(struct report *report, const struct config_port *port, const char *name,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A problem with a feature, under the name it has in the file. */
static void complain(struct report *report, const struct config_port *port, const char *name,
	const char *format, ...)
{
	const char *alias = feature_field(name)->alias;
	char pointer[POINTER_TEXT_MAX], text[FIELD_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(pointer, sizeof(pointer), "/ports/%.31s/features/%s", port->name,
		alias != NULL ? alias : name);
	if (!report_has(report, pointer))
		snprintf(pointer, sizeof(pointer), "/ports/%.31s/features/%s", port->name, name);
	report_at(report, pointer, "%s", text);
}

static void check_kind(struct report *report, const struct config_port *port)
{
	bool writes = port->kind == PORT_FILE;

	if (!writes && port->kind != PORT_REPLAY && port->kind != PORT_GENERATE)
		return;
	for (const char *const *name = writes ? received : sent; *name != NULL; name++)
		if (is_on(port, *name))
			complain(report, port, *name, "found true, but %s",
				writes ? "a file port only writes, and receives nothing"
				       : "nothing is sent to a port that is a source");
}

static void check_needs(struct report *report, const struct config_port *port, const char *name)
{
	bool chains = port->features.scatter_gather != FEATURE_OFF;

	if (is_on(port, name) && (!chains || port->features.tx_checksumming == FEATURE_OFF))
		complain(report, port, name,
			"found true, but it needs \"%s\", which is false: expected both, or "
			"neither",
			chains ? "tx-checksumming" : "scatter-gather");
}

void config_check_features(struct report *report, const struct config *config)
{
	for (unsigned i = 0; i < config->port_count; i++) {
		const struct config_port *port = &config->ports[i];

		if (port->name == NULL)
			continue;
		check_kind(report, port);
		for (const char *const *name = handed_whole; *name != NULL; name++)
			check_needs(report, port, *name);
		if (is_on(port, "large-receive-offload") && is_on(port, "generic-receive-offload"))
			complain(report, port, "large-receive-offload",
				"found true, but \"generic-receive-offload\" is true too, and the "
				"two exclude each other: expected one of them");
	}
}
