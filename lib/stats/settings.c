/* SPDX-License-Identifier: BSD-3-Clause */
/* What is set while weir runs: the engine makes it so; what is for stats is used here. */
#include <errno.h>

#include "config/change.h"
#include "config/warnings.h"
#include "engine/steering.h"
#include "stats/commands.h"
#include "stats/state.h"

static void use_settings(struct stats *stats, const struct config_stats *config)
{
	pthread_mutex_lock(&stats->lock);
	stats->interval_ns = config->interval_ns;
	stats->table = config->table;
	pthread_mutex_unlock(&stats->lock);
	stats_wake(stats);
}

static void append_warning(void *warnings, const char *text)
{
	json_array_append_new(warnings, json_string(text));
}

int stats_change(struct stats *stats, const json_t *settings, json_t **ret_changes,
	json_t *warnings, struct error *error)
{
	const struct config *present = engine_config(stats->engine);
	struct config *wanted;
	int rc = config_change_all(present, settings, &wanted, error);

	if (rc < 0)
		return rc;
	*ret_changes = config_changes(present, wanted);
	if (*ret_changes == NULL)
		rc = error_set(error, ENOMEM, "no memory for the answer");
	else if (json_array_size(*ret_changes) > 0)
		rc = engine_change(stats->engine, wanted, error);
	if (rc == 0) {
		use_settings(stats, &wanted->stats);
		if (json_array_size(*ret_changes) > 0)
			config_warnings(wanted, append_warning, warnings);
	} else {
		json_decref(*ret_changes);
	}
	config_destroy(wanted);
	return rc;
}

static int list(struct stats *stats, json_t **ret_result, struct error *error)
{
	*ret_result = json_pack("{s:o*}", "settings", stats_settings(stats));
	return *ret_result != NULL ? 0 : error_set(error, ENOMEM, "no memory for the answer");
}

int stats_set(struct stats *stats, const json_t *settings, json_t **ret_result, struct error *error)
{
	json_t *changes = NULL, *warnings;
	int rc;

	if (json_object_size(settings) == 0)
		return list(stats, ret_result, error);
	warnings = json_array();
	pthread_mutex_lock(&stats->settings_lock);
	rc = stats_change(stats, settings, &changes, warnings, error);
	pthread_mutex_unlock(&stats->settings_lock);
	if (rc == 0)
		*ret_result = json_pack("{s:o, s:O}", "changes", changes, "warnings", warnings);
	json_decref(warnings);
	return rc;
}

json_t *stats_settings(struct stats *stats)
{
	json_t *settings;

	pthread_mutex_lock(&stats->settings_lock);
	settings = config_settings(engine_config(stats->engine));
	pthread_mutex_unlock(&stats->settings_lock);
	return settings;
}
