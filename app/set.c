/* SPDX-License-Identifier: BSD-3-Clause */
/* weir set: changes settings of a running engine, or lists them. */
#include <errno.h>
#include <string.h>

#include "answer.h"
#include "command.h"
#include "control/control.h"
#include "stats/commands.h"

enum { WORDS_MAX = 1024 };

static const char *socket_path;
static int as_json;

static const struct option options[] = {
	{"json", 'j', OPTION_FLAG, &as_json, NULL, "Prints the answer as JSON"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

static int run(int argc, char **argv)
{
	const char *words[WORDS_MAX] = {"set"};
	struct error error = {0};
	json_t *request;
	int code;

	if (argc % 2 != 0)
		return command_usage_error(
			&command_set, "\"%s\": expected its value too", argv[argc - 1]);
	if (argc >= WORDS_MAX)
		return command_usage_error(&command_set, "too many settings at once");
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	if (stats_request_make(words, (unsigned)argc + 1, &request, &error) < 0)
		return command_usage_error(&command_set, "%s", error.message);
	code = answer_ask("set", socket_path, request, &(struct answer_style){.json = as_json});
	json_decref(request);
	return code;
}

const struct command command_set = {
	.name = "set",
	.arguments = "[SETTING VALUE]...",
	.summary = "Changes settings of a running engine, or lists them",
	.description =
		"A setting is named by its place in the configuration, with dots or as a JSON "
		"pointer: steering.balance, ports.wan.rps_cpus, /ports/wan/rss/key. Its value is "
		"what the file would have, or on and off. Several settings change together or not "
		"at all. Packets on the way are neither dropped nor reordered.\n\n"
		"Without arguments: what may be set, with its present value. weir.json(5) marks "
		"it too; all else needs a restart. The configuration file is left as it is.",
	.examples = "  weir set steering.balance on\n"
		    "  weir set ports.wan.rps_cpus 1-3 steering.rps_sock_flow_entries 32768\n"
		    "  weir set stats.interval 5s\n",
	.options = options,
	.run = run,
};
