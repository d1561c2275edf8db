/* SPDX-License-Identifier: BSD-3-Clause */
/* weir set: changes a setting of a running engine. */
#include <string.h>

#include "answer.h"
#include "command.h"
#include "config/nearest.h"
#include "control/control.h"
#include "stats/commands.h"

enum { SETTINGS_MAX = 32 };

static const char *socket_path;

static const struct option options[] = {
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

static int unknown_setting(const char *path)
{
	const char *names[SETTINGS_MAX + 1];
	unsigned count = 0;
	const char *near;

	for (; count < SETTINGS_MAX && stats_settings[count].path != NULL; count++)
		names[count] = stats_settings[count].path;
	names[count] = NULL;
	near = config_nearest(path, names);
	return command_usage_error(&command_set, "\"%s\" cannot be set while weir runs%s%s%s", path,
		near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int run(int argc, char **argv)
{
	const struct stats_setting_info *setting = stats_settings;
	struct answer_style style = {0};
	struct error error = {0};
	json_t *request, *result = NULL;
	char default_path[128];
	int rc;

	if (argc != 2)
		return command_usage_error(&command_set, "expected a setting and its value");
	while (setting->path != NULL && strcmp(setting->path, argv[0]) != 0)
		setting++;
	if (setting->path == NULL)
		return unknown_setting(argv[0]);
	if (socket_path == NULL) {
		control_default_path(default_path, sizeof(default_path));
		socket_path = default_path;
	}
	request = json_pack("{s:s, s:s, s:s}", "command", "set", "path", argv[0], "value", argv[1]);
	if (request == NULL)
		return command_usage_error(&command_set, "the value is not valid UTF-8");
	rc = control_request(socket_path, request, &result, &error);
	json_decref(request);
	if (rc < 0) {
		fprintf(stderr, "weir set: %s\n", error.message);
		return EXIT_FAILED;
	}
	answer_print(stdout, result, &style);
	json_decref(result);
	return EXIT_OK;
}

const struct command command_set = {
	.name = "set",
	.arguments = "SETTING VALUE",
	.summary = "Changes a setting of a running engine",
	.description =
		"What can be set, named as in the configuration:\n"
		"stats.interval: the time between periodic tables and JSON lines, 0 for none; "
		"stats.table: on or off.",
	.examples = "  weir set stats.interval 5s\n"
		    "  weir set stats.table off\n",
	.options = options,
	.run = run,
};
