/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "config/nearest.h"

enum { POINTER_TEXT_MAX = 96 };

static const char *pointer_text(char *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *pointer_text(char *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, POINTER_TEXT_MAX, format, arguments);
	va_end(arguments);
	return buffer;
}

static uint16_t port_index(const struct config *config, const char *name)
{
	for (uint16_t i = 0; i < config->port_count; i++)
		if (config->ports[i].name != NULL && strcmp(config->ports[i].name, name) == 0)
			return i;
	return UINT16_MAX;
}

/* Which port a pipeline's `from` or `to` names; UINT16_MAX when there is none. */
static uint16_t check_reference(
	struct report *report, const struct config *config, const char *pointer, const char *name)
{
	const char *names[CONFIG_PORTS_MAX + 1] = {NULL};
	unsigned count = 0;
	const char *near;
	uint16_t index;

	/* Nothing to compare with: the ports themselves could not be read. */
	if (name == NULL || config->port_count == 0)
		return UINT16_MAX;
	index = port_index(config, name);
	if (index != UINT16_MAX)
		return index;
	for (unsigned i = 0; i < config->port_count; i++)
		if (config->ports[i].name != NULL)
			names[count++] = config->ports[i].name;
	near = config_nearest(name, names);
	if (near != NULL)
		report_at(report, pointer, "there is no port \"%s\"; did you mean \"%s\"?", name,
			near);
	else
		report_at(report, pointer, "there is no port \"%s\" in /ports", name);
	return UINT16_MAX;
}

static void check_from(struct report *report, struct config *config, unsigned index)
{
	struct config_pipeline *pipeline = &config->pipelines[index];
	char pointer[POINTER_TEXT_MAX];

	pointer_text(pointer, "/pipelines/%u/from", index);
	pipeline->from_port = check_reference(report, config, pointer, pipeline->from);
	if (pipeline->from_port == UINT16_MAX)
		return;
	if (config->ports[pipeline->from_port].kind == PORT_FILE)
		report_at(report, pointer,
			"port \"%s\" is a file to write: nothing comes from it; expected a device, "
			"replay or "
			"generate port",
			pipeline->from);
	for (unsigned i = 0; i < index; i++)
		if (config->pipelines[i].from_port == pipeline->from_port)
			report_at(report, pointer,
				"port \"%s\" feeds /pipelines/%u already; a port's packets go one "
				"way",
				pipeline->from, i);
}

static void check_to(struct report *report, struct config *config, unsigned index)
{
	struct config_pipeline *pipeline = &config->pipelines[index];
	const struct config_port *port;
	char pointer[POINTER_TEXT_MAX];

	pointer_text(pointer, "/pipelines/%u/to", index);
	pipeline->to_port = check_reference(report, config, pointer, pipeline->to);
	if (pipeline->to_port == UINT16_MAX)
		return;
	port = &config->ports[pipeline->to_port];
	if (port->kind == PORT_REPLAY || port->kind == PORT_GENERATE)
		report_at(report, pointer,
			"port \"%s\" is a source (%s): nothing can be sent to it; expected a "
			"device or file "
			"port",
			pipeline->to, port->kind == PORT_REPLAY ? "replay" : "generate");
}

/* Does the stage let nothing out? */
static bool stage_is_terminal(const struct config_stage *stage)
{
	return stage->type != NULL &&
		(strcmp(stage->type, "rxonly") == 0 ||
			(strcmp(stage->type, "drop") == 0 && stage->share >= 1));
}

static void check_stages(struct report *report, const struct config *config, unsigned index)
{
	const struct config_pipeline *pipeline = &config->pipelines[index];
	char pointer[POINTER_TEXT_MAX];
	bool unread = false; /* some stage has a problem already: no guesses about the end */

	for (unsigned i = 0; i < pipeline->stage_count; i++) {
		unread |= pipeline->stages[i].type == NULL;
		if (i + 1 < pipeline->stage_count && stage_is_terminal(&pipeline->stages[i]))
			report_at(report,
				pointer_text(pointer, "/pipelines/%u/stages/%u", index, i + 1),
				"no packet gets here: stage %u (%s) lets nothing out", i,
				pipeline->stages[i].type);
	}
	if (unread || report_has(report, pointer_text(pointer, "/pipelines/%u/to", index)))
		return;
	if (pipeline->from == NULL && pipeline->stage_count == 0)
		return; /* not a pipeline at all, perhaps */
	if (pipeline->stage_count == 0 ||
		!stage_is_terminal(&pipeline->stages[pipeline->stage_count - 1]))
		report_at(report, pointer_text(pointer, "/pipelines/%u", index),
			"packets have nowhere to go: expected \"to\" with a port, or a last stage "
			"that lets "
			"nothing out (\"rxonly\", \"drop\")");
}

static void check_name(struct report *report, struct config *config, unsigned index)
{
	struct config_pipeline *pipeline = &config->pipelines[index];
	char pointer[POINTER_TEXT_MAX];

	if (pipeline->name == NULL && pipeline->from != NULL &&
		asprintf(&pipeline->name, "%s%s%s", pipeline->from,
			pipeline->to != NULL ? "->" : "",
			pipeline->to != NULL ? pipeline->to : "") < 0) {
		pipeline->name = NULL;
		report->out_of_memory = true;
	}
	pointer_text(pointer, "/pipelines/%u/name", index);
	if (pipeline->name == NULL)
		return;
	for (unsigned i = 0; i < index; i++)
		if (config->pipelines[i].name != NULL && report_has(report, pointer) &&
			strcmp(config->pipelines[i].name, pipeline->name) == 0)
			report_at(report, pointer, "/pipelines/%u is called \"%s\" already", i,
				pipeline->name);
}

static void check_workers(struct report *report, const struct config_workers *workers)
{
	bool real_time = workers->scheduler == SCHEDULER_FIFO || workers->scheduler == SCHEDULER_RR;

	if (real_time && workers->priority == 0)
		report_at(report, "/workers/scheduler",
			"\"%s\" needs \"priority\", a whole number from 1 to 99",
			workers->scheduler == SCHEDULER_FIFO ? "fifo" : "rr");
	if (!real_time && workers->priority != 0)
		report_at(report, "/workers/priority",
			"found %u, but only the schedulers \"fifo\" and \"rr\" have priorities; "
			"did you mean "
			"\"nice\"?",
			workers->priority);
	if (real_time && workers->nice != 0)
		report_at(report, "/workers/nice",
			"found %d, but \"fifo\" and \"rr\" know no nice values; did you mean "
			"\"priority\"?",
			workers->nice);
}

/* Two ports that write one file would destroy it. */
static void check_files(struct report *report, const struct config *config)
{
	for (unsigned i = 0; i < config->port_count; i++) {
		for (unsigned j = 0; j < i; j++) {
			const struct config_port *port = &config->ports[i],
						 *other = &config->ports[j];
			char pointer[POINTER_TEXT_MAX];

			if (port->file == NULL || other->file == NULL ||
				strcmp(port->file, other->file) != 0)
				continue;
			report_at(report, pointer_text(pointer, "/ports/%.31s/file", port->name),
				"port \"%s\" writes \"%s\" already", other->name, other->file);
		}
	}
}

static void check_balancer(struct report *report, const struct config_steering *steering)
{
	char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

	/* A value that could not be read is zero. */
	if (steering->balance_tick_max_ns == 0 ||
		steering->balance_tick_min_ns <= steering->balance_tick_max_ns)
		return;
	units_format_duration(min, sizeof(min), steering->balance_tick_min_ns);
	units_format_duration(max, sizeof(max), steering->balance_tick_max_ns);
	report_at(report, "/steering/balance_tick_min",
		"found %s, expected no more than \"balance_tick_max\", which is %s", min, max);
}

/* Whether GSO has something to do: super-packets come, as far as can be known, or it is asked for.
 */
static bool may_cut(const struct config *config, const struct config_pipeline *pipeline)
{
	enum feature_switch gso;

	if (pipeline->from_port == UINT16_MAX || pipeline->to_port == UINT16_MAX)
		return false;
	gso = config->ports[pipeline->to_port].features.generic_segmentation_offload;
	return gso == FEATURE_ON ||
		(gso == FEATURE_AUTO &&
			config->ports[pipeline->from_port].kind == PORT_INTERFACE) ||
		(gso == FEATURE_AUTO &&
			config->ports[pipeline->from_port].kind == PORT_APPLICATION);
}

/* Bursts come back by number: what a stage keeps for later would leave with another. */
static void check_order(struct report *report, const struct config *config, unsigned index)
{
	const struct config_pipeline *pipeline = &config->pipelines[index];
	char pointer[POINTER_TEXT_MAX];

	if (pipeline->order != ORDER_RESTORE)
		return;
	for (unsigned i = 0; i < pipeline->stage_count; i++) {
		const struct config_stage *stage = &pipeline->stages[i];

		if (stage->type == NULL)
			continue;
		if (strcmp(stage->type, "noisy") == 0 && stage->buffer_packets != 0)
			report_at(report,
				pointer_text(pointer, "/pipelines/%u/stages/%u/buffer", index, i),
				"holds packets back, and \"order\": \"restore\" cannot put them in "
				"order again; expected \"none\", or \"order\": \"flow\"");
		if (strcmp(stage->type, "gro") == 0 || strcmp(stage->type, "reassemble") == 0)
			report_at(report,
				pointer_text(pointer, "/pipelines/%u/stages/%u", index, i),
				"holds packets back, and \"order\": \"restore\" cannot put them in "
				"order again; expected \"order\": \"flow\"");
		if (strcmp(stage->type, "gso") == 0 || strcmp(stage->type, "fragment") == 0)
			report_at(report,
				pointer_text(pointer, "/pipelines/%u/stages/%u", index, i),
				"makes several packets of one, which \"order\": \"restore\" "
				"cannot keep in order; expected \"order\": \"flow\"");
	}
	if (may_cut(config, pipeline))
		report_at(report, pointer_text(pointer, "/pipelines/%u/order", index),
			"\"restore\" cannot keep in order what GSO makes; expected "
			"\"flow\", or port \"%s\" without generic-segmentation-offload",
			pipeline->to);
	if (pipeline->from_port != UINT16_MAX &&
		(config->ports[pipeline->from_port].features.generic_receive_offload ==
				FEATURE_ON ||
			config->ports[pipeline->from_port].features.large_receive_offload ==
				FEATURE_ON))
		report_at(report, pointer_text(pointer, "/pipelines/%u/order", index),
			"\"restore\" cannot put in order what GRO holds back; expected \"flow\", "
			"or "
			"port \"%s\" without generic-receive-offload and large-receive-offload",
			pipeline->from);
}

/* "verbs": "off" beside no ports: that there is such a member is all the table looks at. */
static void check_purpose(struct report *report, const struct config *config)
{
	if (!config->verbs.on && config->port_count == 0 && report_has(report, "/verbs"))
		report_at(report, "/verbs",
			"neither applications nor ports: expected \"ports\" and \"pipelines\", or "
			"an object for \"verbs\"");
}

void config_check(struct report *report, struct config *config)
{
	check_purpose(report, config);
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		check_from(report, config, i);
		check_to(report, config, i);
		check_stages(report, config, i);
		check_name(report, config, i);
		check_order(report, config, i);
	}
	check_workers(report, &config->workers);
	check_balancer(report, &config->steering);
	check_files(report, config);
	config_check_rss(report, config);
	config_check_features(report, config);
}
