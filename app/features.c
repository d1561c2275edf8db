/* SPDX-License-Identifier: BSD-3-Clause */
/* weir features: the features of a running engine's ports, shown and switched as by ethtool. */
#include <errno.h>

#include "answer.h"
#include "command.h"
#include "control/control.h"
#include "stats/commands.h"

enum { WORDS_MAX = 128 };

static const char *socket_path;
static int as_json, all;

static const struct option options[] = {
	{"json", 'j', OPTION_FLAG, &as_json, NULL, "Prints the answer as JSON"},
	{"all", 'a', OPTION_FLAG, &all, NULL,
		"Of several ports: all features, also those nobody does here"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

static int run(int argc, char **argv)
{
	const char *words[WORDS_MAX] = {"features"};
	struct error error = {0};
	json_t *request;
	int code;

	if (argc > 0 && argc % 2 == 0)
		return command_usage_error(
			&command_features, "\"%s\": expected on or off too", argv[argc - 1]);
	if (argc >= WORDS_MAX)
		return command_usage_error(&command_features, "too many features at once");
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	if (stats_request_make(words, (unsigned)argc + 1, &request, &error) < 0)
		return command_usage_error(&command_features, "%s", error.message);
	code = answer_ask("features", socket_path, request,
		&(struct answer_style){.json = as_json, .all = all});
	json_decref(request);
	return code;
}

const struct command command_features = {
	.name = "features",
	.arguments = "[PORT [FEATURE on|off]...]",
	.summary = "Shows the features of a running engine's ports, or switches some, as ethtool",
	.description =
		"Prints a port's features as ethtool -k does, and behind each who does it: the "
		"device (or the kernel, or whoever takes the packets from the port), weir in "
		"software, or nobody. [fixed] cannot be switched here; [requested on] is wanted, "
		"but something stands against it. Without PORT: all ports side by side.\n\n"
		"FEATURE is one of ethtool's names, long or short: rx, tx, sg, tso, ufo, gso, gro, "
		"lro, tx-udp-segmentation, rx-udp-gro-forwarding. Several switch together or not "
		"at all, while packets flow: none is dropped. What depends on a feature that goes "
		"off goes off with it, marked [not requested]: tso needs sg and tx. gro and lro "
		"exclude each other. What other ports do for it then follows.\n\n"
		"Devices get at the start what they can do, unless the configuration says false; "
		"what they did not get then is [fixed] until the next start. The configuration "
		"file is left as it is.",
	.examples = "  weir features wan\n"
		    "  weir features wan gro on\n"
		    "  weir features lan sg off tso off\n"
		    "  weir features --json | jq '.features[].port'\n",
	.options = options,
	.run = run,
};
