/* SPDX-License-Identifier: BSD-3-Clause */
/* The features command: what ethtool -k shows and ethtool -K does, of the running engine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port/features.h"
#include "stats/commands.h"
#include "stats/state.h"
#include "stats/view.h"

static int no_memory(struct error *error)
{
	return error_set(error, ENOMEM, "no memory for the answer");
}

/* ---- what they are ---- */

static void append_port(const struct stats *stats, uint16_t port, json_t *list)
{
	const struct config *config = engine_config(stats->engine);
	struct feature_state states[FEATURE_COUNT];

	engine_features(stats->engine, config, port, states);
	json_array_append_new(list, view_features_json(config->ports[port].name, states));
}

/* port UINT16_MAX: of all. */
static int list_features(
	const struct stats *stats, uint16_t port, json_t **ret_result, struct error *error)
{
	json_t *list = json_array();

	for (uint16_t p = 0; p < engine_config(stats->engine)->port_count; p++)
		if (port == UINT16_MAX || p == port)
			append_port(stats, p, list);
	*ret_result = json_pack("{s:o*}", "features", list);
	return *ret_result != NULL ? 0 : no_memory(error);
}

/* ---- switching ---- */

struct feature_switching {
	uint16_t port;
	struct feature_abilities abilities;
	struct config_features wanted;
	bool asked[FEATURE_COUNT], on[FEATURE_COUNT];
};

/* The words; the order they came in does not matter. */
static int read_switches(
	const json_t *switches, struct feature_switching *switching, struct error *error)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)switches, name, value) {
		const char *word = json_string_value(value);
		enum feature feature = feature_find(name);
		bool on = word != NULL && strcmp(word, "on") == 0;

		if (!on && (word == NULL || strcmp(word, "off") != 0))
			return error_set(error, EINVAL,
				"%.64s: expected on or off, found \"%.64s\"", name,
				word != NULL ? word : "");
		if (feature == FEATURE_NONE) /* which says so */
			return features_switch(
				&switching->abilities, &switching->wanted, name, on, error);
		if (switching->asked[feature])
			return error_set(
				error, EINVAL, "%s is given twice", feature_infos[feature].name);
		switching->asked[feature] = true;
		switching->on[feature] = on;
	}
	return 0;
}

/* Off first: what a feature excludes goes before it comes. On in the order of the table: what a
 * feature needs comes before it. */
static int apply_switches(struct feature_switching *switching, struct error *error)
{
	for (unsigned i = 0; i < 2 * FEATURE_COUNT; i++) {
		unsigned feature = i % FEATURE_COUNT;
		bool on = i >= FEATURE_COUNT;

		if (switching->asked[feature] && switching->on[feature] == on &&
			features_switch(&switching->abilities, &switching->wanted,
				feature_infos[feature].name, on, error) < 0)
			return -EINVAL;
	}
	return 0;
}

/* The settings that differ, by their places. */
static json_t *settings_of(
	const struct feature_switching *switching, const struct config_port *present)
{
	static const char *const values[] = {"false", "true", "auto"}; /* by feature_switch */
	json_t *settings = json_object();

	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		enum feature_switch wish;
		char path[128];

		if (feature_infos[i].member == FEATURE_NO_MEMBER)
			continue;
		wish = feature_wanted(&switching->wanted, (enum feature)i);
		if (wish == feature_wanted(&present->features, (enum feature)i))
			continue;
		snprintf(path, sizeof(path), "/ports/%.31s/features/%s", present->name,
			feature_infos[i].name);
		json_object_set_new(settings, path, json_string(values[wish]));
	}
	return settings;
}

typedef struct feature_state port_states[FEATURE_COUNT];

static void all_states(const struct stats *stats, port_states *states)
{
	const struct config *config = engine_config(stats->engine);

	for (uint16_t p = 0; p < config->port_count; p++)
		engine_features(stats->engine, config, p, states[p]);
}

/* Of the port first, then of those that follow: more or fewer super-packets come to them. */
static json_t *changes_json(const struct stats *stats, const struct feature_switching *switching,
	port_states *before, port_states *after)
{
	const struct config *config = engine_config(stats->engine);
	json_t *list = json_array();

	for (uint16_t i = 0; i < config->port_count; i++) {
		uint16_t port = i == 0	       ? switching->port
			: i <= switching->port ? (uint16_t)(i - 1)
					       : i;
		json_t *changes = view_features_changes_json(config->ports[port].name, before[port],
			after[port], port == switching->port ? switching->asked : NULL);

		if (port == switching->port ||
			json_array_size(json_object_get(changes, "features")) > 0)
			json_array_append_new(list, changes);
		else
			json_decref(changes);
	}
	return list;
}

static int switch_features(struct stats *stats, struct feature_switching *switching,
	json_t **ret_result, struct error *error)
{
	const struct config *config = engine_config(stats->engine);
	const struct config_port *port = &config->ports[switching->port];
	port_states *states = calloc(2 * (size_t)config->port_count, sizeof(*states));
	json_t *settings = settings_of(switching, port), *changes = NULL, *warnings = json_array();
	int rc = states != NULL ? 0 : no_memory(error);

	if (rc == 0) {
		all_states(stats, states);
		rc = stats_change(stats, settings, &changes, warnings, error);
	}
	if (rc == 0) {
		all_states(stats, states + config->port_count);
		*ret_result = json_pack("{s:o*, s:O}", "actual_changes",
			changes_json(stats, switching, states, states + config->port_count),
			"warnings", warnings);
		if (*ret_result == NULL)
			rc = no_memory(error);
		json_decref(changes);
	}
	json_decref(settings);
	json_decref(warnings);
	free(states);
	return rc;
}

static int run(struct stats *stats, const char *port, const json_t *switches, json_t **ret_result,
	struct error *error)
{
	const struct config *config = engine_config(stats->engine);
	struct feature_switching switching = {.port = UINT16_MAX};
	int rc;

	if (port != NULL && stats_port_find(config, port, &switching.port, error) < 0)
		return -EINVAL;
	if (json_object_size(switches) == 0)
		return list_features(stats, switching.port, ret_result, error);
	if (port == NULL)
		return error_set(error, EINVAL, "features: \"port\" is missing");
	engine_feature_abilities(stats->engine, switching.port, &switching.abilities);
	switching.wanted = config->ports[switching.port].features;
	rc = read_switches(switches, &switching, error);
	if (rc == 0)
		rc = apply_switches(&switching, error);
	return rc == 0 ? switch_features(stats, &switching, ret_result, error) : rc;
}

int stats_features(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	int rc;

	pthread_mutex_lock(&stats->settings_lock);
	rc = run(stats, json_string_value(json_object_get(request, "port")),
		json_object_get(request, "switches"), ret_result, error);
	pthread_mutex_unlock(&stats->settings_lock);
	return rc;
}
