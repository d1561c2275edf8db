/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A change is a whole configuration: the present one as JSON, the new values put in, and read like
 * a file. So there is no second set of rules; what is compared afterwards is which fields differ.
 */
#include "config/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/live.h"
#include "config/nearest.h"
#include "config/setting_path.h"

enum { SETTINGS_MAX = 512 };

static int no_memory(struct error *error)
{
	return error_set(error, ENOMEM, "no memory for a change of the configuration");
}

/* ---- unknown paths ---- */

struct paths {
	json_t *settings;
	const char *names[SETTINGS_MAX + 1];
	unsigned count;
};

static int unknown_path(const struct config *present, const char *path, struct error *error)
{
	struct paths paths = {.settings = config_settings(present)};
	const char *near;
	json_t *setting;
	size_t i;

	if (paths.settings == NULL)
		return no_memory(error);
	json_array_foreach (paths.settings, i, setting)
		if (paths.count < SETTINGS_MAX)
			paths.names[paths.count++] =
				json_string_value(json_object_get(setting, "path"));
	near = config_nearest(path, paths.names);
	if (near != NULL)
		error_set(error, EINVAL, "there is no setting \"%.100s\"; did you mean \"%s\"?",
			path, near);
	else
		error_set(error, EINVAL,
			"there is no setting \"%.100s\"; `weir set` without arguments lists what "
			"may be set",
			path);
	json_decref(paths.settings);
	return -EINVAL;
}

/* ---- the wanted configuration as JSON ---- */

/* As people write it. NULL: not UTF-8, or out of memory. */
static json_t *value_of_text(const char *text, const json_t *present, const struct field *field)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	bool is_switch = json_is_boolean(present) || (field && field->kind == &field_switch);
	bool on = strcmp(text, "on") == 0;

	if (value == NULL && is_switch && (on || strcmp(text, "off") == 0))
		value = json_boolean(on);
	return value != NULL ? value : json_string(text);
}

static int put_value(const struct setting_place *place, const json_t *given)
{
	json_t *present = setting_get(place), *value;

	value = json_is_string(given)
		? value_of_text(json_string_value(given), present, place->level.field)
		: json_deep_copy(given);
	if (value == NULL || field_level_rename(place->level, value) < 0) {
		json_decref(value);
		return -ENOMEM;
	}
	if (json_is_object(value) && json_is_object(present)) {
		int ret = json_object_update_recursive(present, value);

		json_decref(value);
		return ret == 0 ? 0 : -ENOMEM;
	}
	return setting_put(place, value);
}

struct path_search {
	const char *path;
	bool found;
};

static int is_live_path(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	struct path_search *search = argument;

	(void)one;
	(void)other;
	search->found |= field->live && strcmp(path, search->path) == 0;
	return 0;
}

/* A setting whose value is not given does not stand in the JSON. */
static bool path_is_known(
	const struct config *present, const char *path, const struct setting_place *place)
{
	struct path_search search = {.path = path};

	if (setting_get(place) != NULL)
		return true;
	live_walk(live_unwritten(present), present, is_live_path, &search);
	return search.found;
}

static int put_settings(
	const struct config *present, const json_t *settings, json_t *root, struct error *error)
{
	struct setting_place place;
	const char *path;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)settings, path, value) {
		if (setting_path_find(root, path, &place) < 0 ||
			!path_is_known(present, path, &place))
			return unknown_path(present, path, error);
		if (put_value(&place, value) < 0)
			return no_memory(error);
	}
	return 0;
}

/* ---- the wanted configuration as a struct ---- */

/* "/ports/wan/mtu" as "ports.wan.mtu". */
static void append_problem(char *text, size_t size, const struct config_problem *problem)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s%s%s", used > 0 ? "\n" : "",
		problem->pointer[0] == '/' ? problem->pointer + 1 : problem->pointer,
		problem->pointer[0] == '/' ? ": " : "", problem->message);
	for (char *at = text + used; strchr(problem->pointer, '~') == NULL && *at != '\0' &&
		at < text + used + strlen(problem->pointer);
		at++)
		if (*at == '/')
			*at = '.';
}

static int read_wanted(const json_t *root, struct config **ret_wanted, struct error *error)
{
	struct config_problems problems;
	char *text = field_text(root), message[sizeof(error->message)] = "";
	int ret;

	if (text == NULL)
		return no_memory(error);
	ret = config_load_text(text, strlen(text), ret_wanted, &problems);
	free(text);
	for (unsigned i = 0; i < problems.count; i++)
		append_problem(message, sizeof(message), &problems.list[i]);
	config_problems_fini(&problems);
	if (ret == -EINVAL)
		return error_set(error, EINVAL, "%s", message);
	return ret < 0 ? no_memory(error) : 0;
}

struct fixed {
	char names[512]; /* fields that differ and are not live */
	unsigned count;
};

static int note_fixed(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	struct fixed *fixed = argument;
	size_t used = strlen(fixed->names);
	json_t *before, *after;
	int ret = 0;

	if (field->live)
		return 0;
	ret = live_differ(field, one, other, &before, &after);
	json_decref(before);
	json_decref(after);
	if (ret > 0)
		snprintf(fixed->names + used, sizeof(fixed->names) - used, "%s%s",
			fixed->count++ > 0 ? ", " : "", path);
	return ret < 0 ? ret : 0;
}

static int check_live(
	const struct config *present, const struct config *wanted, struct error *error)
{
	struct fixed fixed = {.count = 0};

	if (live_walk(live_unwritten(present), wanted, note_fixed, &fixed) < 0)
		return no_memory(error);
	if (fixed.count == 0)
		return 0;
	return error_set(error, EINVAL,
		"%s cannot change while weir runs: write it into the configuration and start weir "
		"again",
		fixed.names);
}

static int config_as_json(const struct config *config, json_t **ret_root)
{
	return fields_write(config_fields, FIELD_VARIANTS_ALL, config, ret_root);
}

int config_change_all(const struct config *present, const json_t *settings,
	struct config **ret_wanted, struct error *error)
{
	json_t *root;
	int ret;

	*ret_wanted = NULL;
	if (config_as_json(present, &root) < 0)
		return no_memory(error);
	ret = put_settings(present, settings, root, error);
	if (ret == 0)
		ret = read_wanted(root, ret_wanted, error);
	if (ret == 0)
		ret = check_live(present, *ret_wanted, error);
	if (ret < 0)
		*ret_wanted = config_destroy(*ret_wanted);
	json_decref(root);
	return ret;
}

int config_change(const struct config *present, const char *path, const char *value,
	struct config **ret_wanted, struct error *error)
{
	json_t *settings = json_pack("{s:s}", path, value);
	int ret;

	*ret_wanted = NULL;
	if (settings == NULL)
		return error_set(error, EINVAL, "the setting or its value is not valid UTF-8");
	ret = config_change_all(present, settings, ret_wanted, error);
	json_decref(settings);
	return ret;
}
