/* SPDX-License-Identifier: BSD-3-Clause */
/* weir show: asks a running engine what it does, once or again and again. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "base/clock.h"
#include "base/units.h"
#include "command.h"
#include "control/control.h"

static const char *socket_path, *interval, *top, *svg_path;
static int as_json, watch, all, raw;

static const struct option options[] = {
	{"json", 'j', OPTION_FLAG, &as_json, NULL, "Prints JSON instead of tables"},
	{"watch", 'w', OPTION_FLAG, &watch, NULL, "Asks again every --interval, until interrupted"},
	{"interval", 'i', OPTION_STRING, &interval, "TIME",
		"How often --watch asks, such as 500ms (default 1s)"},
	{"all", 'a', OPTION_FLAG, &all, NULL, "Shows what saw no packet too, and all columns"},
	{"top", 'n', OPTION_STRING, &top, "N",
		"Of flows, and of steering: how many of the biggest flows (default 10)"},
	{"raw", 0, OPTION_FLAG, &raw, NULL,
		"Of softnet: in the layout of the kernel's /proc/net/softnet_stat"},
	{"svg", 0, OPTION_STRING, &svg_path, "FILE",
		"Of steering: draws flows, buckets, queues and workers into FILE"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket of the engine"},
	{.name = NULL},
};

static int show_once(const char *path, const json_t *request)
{
	struct answer_style style = {.json = as_json, .line = watch, .all = all, .raw = raw};
	bool clear = watch && !as_json && isatty(STDOUT_FILENO);
	struct error error = {0};
	json_t *result = NULL;
	int rc = 0;

	if (control_request(path, request, &result, &error) < 0) {
		fprintf(stderr, "weir show: %s\n", error.message);
		return EXIT_FAILED;
	}
	if (clear)
		fputs("\033[H\033[2J", stdout);
	if (svg_path != NULL)
		rc = answer_draw(result, svg_path, &error);
	else
		answer_print(stdout, result, &style);
	if (watch && !as_json && !clear && !raw)
		putchar('\n');
	json_decref(result);
	if (rc < 0)
		fprintf(stderr, "weir show: %s\n", error.message);
	return rc == 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int show_watch(const char *path, const json_t *request, uint64_t interval_ns)
{
	uint64_t next_ns = clock_monotonic_ns();
	int result;

	do {
		struct timespec until;

		result = show_once(path, request);
		next_ns += interval_ns;
		until = (struct timespec){.tv_sec = (time_t)(next_ns / NS_PER_SECOND),
			.tv_nsec = (long)(next_ns % NS_PER_SECOND)};
		if (result == EXIT_OK)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	} while (result == EXIT_OK);
	return result;
}

/* Options that go with one thing only. 0, or EXIT_USAGE after saying which. */
static int options_check(const char *what)
{
	bool steering = strcmp(what, "steering") == 0;

	if (raw && strcmp(what, "softnet") != 0)
		return command_usage_error(&command_show, "--raw goes with softnet only");
	if (svg_path != NULL && !steering)
		return command_usage_error(&command_show, "--svg goes with steering only");
	if (top != NULL && !steering && strcmp(what, "flows") != 0)
		return command_usage_error(
			&command_show, "--top goes with flows and steering only");
	if ((raw || svg_path != NULL) && as_json)
		return command_usage_error(
			&command_show, "--json and %s exclude each other", raw ? "--raw" : "--svg");
	return EXIT_OK;
}

static json_t *request_make(const char *what)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "show", "what", what);

	if (svg_path != NULL && top == NULL)
		top = "10";
	if (request != NULL && top != NULL &&
		json_object_set_new(request, "top", json_string(top)) < 0) {
		json_decref(request);
		return NULL;
	}
	return request;
}

static int run(int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "all", *near;
	uint64_t interval_ns = NS_PER_SECOND;
	char default_path[128];
	const char *path;
	json_t *request;
	int result;

	if (argc > 1)
		return command_usage_error(
			&command_show, "one thing at a time; \"%s\" is too much", argv[1]);
	if (!answer_has_section(what)) {
		near = answer_nearest_section(what);
		return command_usage_error(&command_show,
			"there is nothing named \"%s\" to show%s%s%s", what,
			near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
	result = options_check(what);
	if (result != EXIT_OK)
		return result;
	if (interval != NULL &&
		(units_parse_duration(interval, &interval_ns) < 0 || interval_ns == 0))
		return command_usage_error(&command_show,
			"--interval: \"%s\" is no time; write 500ms or 2s", interval);
	path = socket_path;
	if (path == NULL) {
		control_default_path(default_path, sizeof(default_path));
		path = default_path;
	}
	request = request_make(what);
	if (request == NULL)
		return EXIT_FAILED;
	result = watch ? show_watch(path, request, interval_ns) : show_once(path, request);
	json_decref(request);
	return result;
}

const struct command command_show = {
	.name = "show",
	.arguments = "[WHAT]",
	.summary = "Shows what a running engine does",
	.description =
		"WHAT is one of ports, queues, workers, stages, memory, softnet, latency, "
		"steering, flows, drops, account, order, config, commands, settings or all "
		"(default: all but softnet, steering, flows, config, commands and settings). "
		"Counters are since the start; rates, shares and "
		"cycles are of "
		"the last interval. Bits per second are of frames without preamble and FCS.",
	.examples = "  weir show workers --watch\n"
		    "  weir show flows --top 20\n"
		    "  weir show steering --svg steering.svg\n"
		    "  weir show softnet --raw\n"
		    "  weir show ports --json | jq '.ports[].rx.pps'\n",
	.options = options,
	.run = run,
};
