/* SPDX-License-Identifier: BSD-3-Clause */
/* The explain command: asks the running engine. */
#include <errno.h>
#include <string.h>

#include "config/nearest.h"
#include "engine/steering.h"
#include "stats/commands.h"
#include "stats/explanation.h"
#include "stats/state.h"

int stats_port_find(
	const struct config *config, const char *name, uint16_t *ret_port, struct error *error)
{
	const char *names[CONFIG_PORTS_MAX + 1] = {NULL}, *near;

	for (uint16_t i = 0; i < config->port_count; i++) {
		names[i] = config->ports[i].name;
		*ret_port = i;
		if (strcmp(names[i], name) == 0)
			return 0;
	}
	near = config_nearest(name, names);
	return error_set(error, EINVAL, "there is no port \"%.64s\"%s%s%s", name,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The one that is asked for, else the first that steers, else the first that is read. */
static int choose_port(
	struct stats *stats, const char *name, uint16_t *ret_port, struct error *error)
{
	const struct config *config = engine_config(stats->engine);
	struct steering_view view;

	if (name != NULL)
		return stats_port_find(config, name, ret_port, error);
	*ret_port = config->pipelines[0].from_port;
	if (engine_steering_count(stats->engine) > 0) {
		engine_steering_view(stats->engine, 0, &view);
		*ret_port = view.port;
	}
	return 0;
}

static json_t *explain_port(
	struct stats *stats, uint16_t port, const struct tuple *tuple, struct error *error)
{
	struct steering_explanation decision;
	struct port_state state;
	struct explained explained = {.config = engine_config(stats->engine),
		.plan = engine_plan(stats->engine),
		.tuple = tuple,
		.decision = &decision,
		.live = true};
	json_t *object;

	if (engine_explain(stats->engine, port, tuple, &decision, error) < 0)
		return NULL;
	if (engine_port_state(stats->engine, port, &state) < 0) {
		error_set(error, ENODEV, "port %s is gone", explained.config->ports[port].name);
		return NULL;
	}
	explained.rss = state.rss;
	explained.queue_count = state.emulated_queues > 0 ? state.emulated_queues : 1;
	object = explanation_json(&explained);
	if (object == NULL)
		error_set(error, ENOMEM, "no memory for the answer");
	return object;
}

int stats_explain(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	const char *protocol = json_string_value(json_object_get(request, "protocol"));
	const char *name = json_string_value(json_object_get(request, "port"));
	json_t *explanation = NULL;
	struct tuple tuple;
	uint16_t port = 0;
	int rc = tuple_parse(json_string_value(json_object_get(request, "source")),
		json_string_value(json_object_get(request, "destination")), protocol, &tuple,
		error);

	if (rc < 0)
		return rc;
	/* Tables that a change would free stay meanwhile. */
	pthread_mutex_lock(&stats->settings_lock);
	rc = choose_port(stats, name, &port, error);
	if (rc == 0)
		explanation = explain_port(stats, port, &tuple, error);
	pthread_mutex_unlock(&stats->settings_lock);
	if (rc < 0 || explanation == NULL)
		return error->code > 0 ? -error->code : -EINVAL;
	*ret_result = json_pack("{s:o}", "explanation", explanation);
	return *ret_result != NULL ? 0 : error_set(error, ENOMEM, "no memory for the answer");
}
