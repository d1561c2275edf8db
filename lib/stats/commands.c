/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stats/render.h"
#include "stats/state.h"

/* Room for the names a message lists. */
struct names {
	char text[512];
};

static void names_add(struct names *names, const char *name)
{
	size_t used = strlen(names->text);

	snprintf(
		names->text + used, sizeof(names->text) - used, "%s%s", used > 0 ? ", " : "", name);
}

static json_t *commands_json(void)
{
	json_t *commands = json_array();

	for (const struct stats_command_info *info = stats_commands; info->name != NULL; info++)
		json_array_append_new(commands,
			json_pack("{s:s, s:s, s:s}", "name", info->name, "arguments",
				info->arguments, "help", info->help));
	return commands;
}

static json_t *config_json(const struct stats *stats)
{
	char *text = config_to_json(engine_config(stats->engine));
	json_t *config = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return config;
}

/* A whole answer, cut down to the sections wanted. */
static json_t *counters_json(struct stats *stats, unsigned wanted)
{
	json_t *object;

	pthread_mutex_lock(&stats->lock);
	object = stats_ask(stats, clock_monotonic_ns(), clock_wall_ns());
	json_object_set_new(object, "forwarding", json_boolean(stats->forwarding));
	pthread_mutex_unlock(&stats->lock);
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		if (!(wanted & 1u << i))
			json_object_del(object, sections[i].name);
	}
	return object;
}

static unsigned sections_named(const char *name)
{
	unsigned wanted = 0;

	if (strcmp(name, "all") == 0)
		return RENDER_ALL_COUNTERS;
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		if (strcmp(name, sections[i].name) == 0)
			wanted = 1u << i;
	}
	/* Drops only mean something beside what came in. */
	return wanted == SECTION_BIT(DROPS) ? wanted | SECTION_BIT(ACCOUNT) : wanted;
}

static int show(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	unsigned wanted = sections_named(values[0]);

	if (wanted == 0) {
		struct names names = {"all"};

		for (unsigned i = 0; i < SECTION_COUNT; i++)
			names_add(&names, sections[i].name);
		return error_set(error, EINVAL,
			"nothing named \"%.64s\" to show: expected one of %s", values[0],
			names.text);
	}
	if (wanted & RENDER_ALL_COUNTERS) {
		*ret_result = counters_json(stats, wanted);
	} else {
		json_t *part = wanted == SECTION_BIT(CONFIG) ? config_json(stats) : commands_json();

		*ret_result = json_pack("{s:o*}", values[0], part);
	}
	if (wanted == SECTION_BIT(ORDER) && *ret_result != NULL &&
		json_object_get(*ret_result, "order") == NULL) {
		json_decref(*ret_result);
		*ret_result = NULL;
		return error_set(error, ENOENT,
			"the order of flows is not checked: start weir with --check-order");
	}
	return *ret_result != NULL ? 0 : error_set(error, ENOMEM, "no memory for the answer");
}

static int help(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	(void)stats;
	(void)values;
	*ret_result = json_pack("{s:o*}", "commands", commands_json());
	return *ret_result != NULL ? 0 : error_set(error, ENOMEM, "no memory for the answer");
}

static int set(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	const struct stats_setting_info *info = stats_settings;
	struct names names = {""};
	int rc;

	for (; info->path != NULL && strcmp(info->path, values[0]) != 0; info++)
		names_add(&names, info->path);
	if (info->path == NULL)
		return error_set(error, EINVAL,
			"\"%.64s\" cannot be set while weir runs: what can is %s", values[0],
			names.text);
	pthread_mutex_lock(&stats->lock);
	rc = info->set(stats, values[1]);
	pthread_mutex_unlock(&stats->lock);
	if (rc < 0)
		return error_set(error, EINVAL, "%s: expected %s, found \"%.64s\"", info->path,
			info->expected, values[1]);
	*ret_result =
		json_pack("{s:o}", "message", json_sprintf("%s is now %s", info->path, values[1]));
	return 0;
}

static int post(struct stats *stats, enum stats_request request, const char *message,
	json_t **ret_result, struct error *error)
{
	int rc;

	pthread_mutex_lock(&stats->lock);
	rc = stats_post_request(stats, request, error);
	pthread_mutex_unlock(&stats->lock);
	if (rc == 0)
		*ret_result = json_pack("{s:s}", "message", message);
	return rc;
}

static int start(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	(void)values;
	return post(stats, STATS_REQUEST_START, "starting", ret_result, error);
}

static int stop(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	(void)values;
	return post(stats, STATS_REQUEST_STOP, "stopping", ret_result, error);
}

static int quit(
	struct stats *stats, const char *const *values, json_t **ret_result, struct error *error)
{
	(void)values;
	return post(stats, STATS_REQUEST_QUIT, "leaving", ret_result, error);
}

const struct stats_command_info stats_commands[] = {
	{"show", {"what"}, "WHAT", "ports, queues, workers, stages, latency, drops, memory, ...",
		show},
	{"set", {"path", "value"}, "PATH VALUE", "change a setting of the running engine", set},
	{"start", {NULL}, "", "forward packets", start},
	{"stop", {NULL}, "", "stop forwarding; what is on the way is drained", stop},
	{"quit", {NULL}, "", "stop, and end the engine", quit},
	{"help", {NULL}, "", "this list", help},
	{NULL, {NULL}, NULL, NULL, NULL},
};

static const struct stats_command_info *command_find(const char *name, struct error *error)
{
	struct names names = {""};

	for (const struct stats_command_info *info = stats_commands; info->name != NULL; info++) {
		if (strcmp(info->name, name) == 0)
			return info;
		names_add(&names, info->name);
	}
	error_set(error, EINVAL, "no command \"%.64s\": expected one of %s", name, names.text);
	return NULL;
}

static unsigned parameter_count(const struct stats_command_info *info)
{
	unsigned count = 0;

	while (info->parameters[count] != NULL)
		count++;
	return count;
}

static int usage_error(const struct stats_command_info *info, struct error *error)
{
	return error_set(error, EINVAL, "usage: %s%s%s", info->name,
		info->arguments[0] != '\0' ? " " : "", info->arguments);
}

int stats_request_make(
	const char *const *words, unsigned count, json_t **ret_request, struct error *error)
{
	const struct stats_command_info *info = command_find(words[0], error);
	json_t *request;

	if (info == NULL)
		return -EINVAL;
	if (count - 1 != parameter_count(info))
		return usage_error(info, error);
	request = json_pack("{s:s}", "command", words[0]);
	for (unsigned i = 0; i + 1 < count; i++) {
		if (json_object_set_new(request, info->parameters[i], json_string(words[i + 1])) <
			0) {
			json_decref(request);
			return error_set(error, EINVAL, "not valid UTF-8");
		}
	}
	*ret_request = request;
	return 0;
}

int stats_command(void *arg, const json_t *request, json_t **ret_result, struct error *error)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const char *values[COMMAND_PARAMETERS_MAX];
	const struct stats_command_info *info;
	unsigned count;

	if (name == NULL)
		return error_set(error, EINVAL, "no command");
	info = command_find(name, error);
	if (info == NULL)
		return -EINVAL;
	count = parameter_count(info);
	for (unsigned i = 0; i < count; i++) {
		values[i] = json_string_value(json_object_get(request, info->parameters[i]));
		if (values[i] == NULL)
			return error_set(error, EINVAL, "%s: \"%s\" is missing, or not a string",
				name, info->parameters[i]);
	}
	if (json_object_size(request) != count + 1)
		return error_set(error, EINVAL, "%s: a member that is not known", name);
	return info->run(arg, values, ret_result, error);
}
