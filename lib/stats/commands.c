/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "stats/rdma.h"
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

static json_t *config_json(struct stats *stats)
{
	char *text;
	json_t *config;

	pthread_mutex_lock(&stats->settings_lock);
	text = config_to_json(engine_config(stats->engine));
	pthread_mutex_unlock(&stats->settings_lock);
	config = text != NULL ? json_loads(text, 0, NULL) : NULL;
	free(text);
	return config;
}

/* A whole answer, cut down to the sections wanted. */
static json_t *counters_json(struct stats *stats, unsigned wanted, unsigned flows)
{
	json_t *object;

	/* Tables of steering stay while they are read. */
	pthread_mutex_lock(&stats->settings_lock);
	pthread_mutex_lock(&stats->lock);
	object = stats_ask(stats, clock_monotonic_ns(), clock_wall_ns(), flows);
	json_object_set_new(object, "forwarding", json_boolean(stats->forwarding));
	pthread_mutex_unlock(&stats->lock);
	pthread_mutex_unlock(&stats->settings_lock);
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

static const char *word(const json_t *request, const char *parameter)
{
	return json_string_value(json_object_get(request, parameter));
}

/* How many flows: COMMAND_TOP where it is not said, 0 where flows have no part in it. */
static int top_parse(
	const json_t *request, unsigned *wanted, unsigned *ret_top, struct error *error)
{
	const char *what = word(request, "what"), *text = word(request, "top");
	uint64_t top = COMMAND_TOP;

	*ret_top = *wanted & (SECTION_BIT(FLOWS) | SECTION_BIT(STEERING)) ? COMMAND_TOP : 0;
	if (text == NULL)
		return 0;
	if (*ret_top == 0)
		return error_set(
			error, EINVAL, "show %.64s takes no number, found \"%.64s\"", what, text);
	if (units_parse_count(text, &top) < 0 || top < 1 || top > COMMAND_TOP_MAX)
		return error_set(error, EINVAL,
			"show %s: expected how many flows, 1 to %d, found \"%.64s\"", what,
			COMMAND_TOP_MAX, text);
	*wanted |= SECTION_BIT(FLOWS);
	*ret_top = (unsigned)top;
	return 0;
}

static int show(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	const char *what = word(request, "what");
	unsigned wanted = sections_named(what), top;
	int rc;

	if (wanted == 0) {
		struct names names = {"all"};

		for (unsigned i = 0; i < SECTION_COUNT; i++)
			names_add(&names, sections[i].name);
		return error_set(error, EINVAL,
			"nothing named \"%.64s\" to show: expected one of %s", what, names.text);
	}
	rc = top_parse(request, &wanted, &top, error);
	if (rc < 0)
		return rc;
	if (wanted & (RENDER_ALL_COUNTERS | RENDER_STEERING)) {
		*ret_result = counters_json(stats, wanted, top);
	} else {
		json_t *part = wanted == SECTION_BIT(CONFIG) ? config_json(stats)
			: wanted == SECTION_BIT(SETTINGS)    ? stats_settings(stats)
			: wanted == SECTION_BIT(RDMA)	     ? rdma_json(stats->engine, error)
							     : commands_json();

		if (part == NULL && error->code != 0)
			return -error->code;
		*ret_result = json_pack("{s:o*}", what, part);
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
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	(void)stats;
	(void)request;
	*ret_result = json_pack("{s:o*}", "commands", commands_json());
	return *ret_result != NULL ? 0 : error_set(error, ENOMEM, "no memory for the answer");
}

static int set(struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	return stats_set(stats, json_object_get(request, "settings"), ret_result, error);
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
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	(void)request;
	return post(stats, STATS_REQUEST_START, "starting", ret_result, error);
}

static int stop(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	(void)request;
	return post(stats, STATS_REQUEST_STOP, "stopping", ret_result, error);
}

static int quit(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	(void)request;
	return post(stats, STATS_REQUEST_QUIT, "leaving", ret_result, error);
}

const struct stats_command_info stats_commands[] = {
	{"show", {"what", "top"}, 1, false, "WHAT [FLOWS]",
		"ports, queues, workers, stages, latency, drops, memory, ...", show},
	{"set", {"settings"}, 1, true, "[PATH VALUE]...",
		"change settings of the running engine; without arguments: list them", set},
	{"explain", {"source", "destination", "protocol", "port"}, 2, false,
		"SOURCE DESTINATION [PROTOCOL [PORT]]",
		"where the packets of a flow go now, and why", stats_explain},
	{"capture", {"capture"}, 0, true, "to SOCKET at POINTS [OPTION VALUE]...",
		"stream packets as pcapng to a socket; `weir capture` listens at one",
		stats_capture},
	{"features", {"port", "switches"}, 2, true, "[PORT [FEATURE on|off]...]",
		"features of the ports, as ethtool -k, or switch some", stats_features},
	{"start", {NULL}, 0, false, "", "forward packets", start},
	{"stop", {NULL}, 0, false, "", "stop forwarding; what is on the way is drained", stop},
	{"quit", {NULL}, 0, false, "", "stop, and end the engine", quit},
	{"help", {NULL}, 0, false, "", "this list", help},
	{.name = NULL},
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

/* Words in pairs into an object; a name given twice is a mistake. */
static int pairs_make(
	const char *const *words, unsigned count, json_t **ret_object, struct error *error)
{
	json_t *object = json_object();

	for (unsigned i = 0; i + 1 < count; i += 2) {
		if (json_object_get(object, words[i]) != NULL) {
			json_decref(object);
			return error_set(error, EINVAL, "%.64s is given twice", words[i]);
		}
		if (json_object_set_new(object, words[i], json_string(words[i + 1])) < 0) {
			json_decref(object);
			return error_set(error, EINVAL, "not valid UTF-8");
		}
	}
	*ret_object = object;
	return 0;
}

int stats_request_make(
	const char *const *words, unsigned count, json_t **ret_request, struct error *error)
{
	const struct stats_command_info *info = command_find(words[0], error);
	json_t *request, *value = NULL;
	unsigned strings, given = count - 1, rest = 0;
	int rc = 0;

	if (info == NULL)
		return -EINVAL;
	strings = parameter_count(info) - info->pairs;
	if (given + info->optional < strings)
		return usage_error(info, error);
	if (given > strings)
		rest = given - strings;
	if (info->pairs ? rest % 2 != 0 : rest > 0)
		return usage_error(info, error);
	request = json_pack("{s:s}", "command", words[0]);
	if (info->pairs && (rest > 0 || info->optional == 0)) {
		rc = pairs_make(words + 1 + strings, rest, &value, error);
		if (rc == 0)
			json_object_set_new(request, info->parameters[strings], value);
	}
	for (unsigned i = 0; rc == 0 && i < given - rest; i++)
		if (json_object_set_new(request, info->parameters[i], json_string(words[i + 1])) <
			0)
			rc = error_set(error, EINVAL, "not valid UTF-8");
	if (rc < 0)
		json_decref(request);
	else
		*ret_request = request;
	return rc;
}

static int parameter_check(const struct stats_command_info *info, unsigned index,
	const json_t *value, struct error *error)
{
	bool required = index + info->optional < parameter_count(info);
	bool pairs = info->pairs && info->parameters[index + 1] == NULL;

	if (value == NULL && !required)
		return 0;
	if (pairs ? json_is_object(value) : json_is_string(value))
		return 0;
	return error_set(error, EINVAL, "%s: \"%s\" is missing, or not %s", info->name,
		info->parameters[index], pairs ? "an object" : "a string");
}

int stats_command(void *arg, const json_t *request, json_t **ret_result, struct error *error)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct stats_command_info *info;
	size_t known = 1;
	int rc = 0;

	if (name == NULL)
		return error_set(error, EINVAL, "no command");
	info = command_find(name, error);
	if (info == NULL)
		return -EINVAL;
	for (unsigned i = 0; i < parameter_count(info) && rc == 0; i++) {
		const json_t *value = json_object_get(request, info->parameters[i]);

		known += value != NULL;
		rc = parameter_check(info, i, value, error);
	}
	if (rc == 0 && json_object_size(request) != known)
		rc = error_set(error, EINVAL, "%s: a member that is not known", name);
	return rc < 0 ? rc : info->run(arg, request, ret_result, error);
}
