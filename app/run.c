/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir run: a configuration file, or testpmd's way: devices and a forwarding mode. The latter is
 * written as a configuration first, so there is one way to run, and `--print-config` shows it.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/units.h"
#include "command.h"
#include "session.h"
#include "shorthand.h"

static struct option_list devices;
static const char *mode, *workers, *cpus, *queues, *features, *idle, *duration, *socket_path,
	*memory;
static const char *capture_file, *capture_at, *capture_filter;
static int interactive, as_json, check_order, print_config;

static const struct option options[] = {
	{"port", 'p', OPTION_LIST, &devices, "DEVICE",
		"A DPDK device to forward on, or interface=NAME, one of the kernel's, instead of a "
		"file; give two for a pair, as testpmd does"},
	{"mode", 'm', OPTION_STRING, &mode, "MODE",
		"Forwarding mode for --port: io (default), mac, macswap, 5tswap, csum, icmpecho, "
		"rxonly, "
		"txonly, flowgen, noisy, drop"},
	{"workers", 'w', OPTION_STRING, &workers, "N", "How many workers"},
	{"cpus", 0, OPTION_STRING, &cpus, "LIST", "CPUs that run a worker each, such as 2-5,8"},
	{"queues", 'q', OPTION_STRING, &queues, "N", "Emulated RSS queues of each --port"},
	{"features", 'f', OPTION_STRING, &features, "LIST",
		"Features of each --port by ethtool's names, such as gro,gso,tso=off"},
	{"idle", 0, OPTION_STRING, &idle, "POLICY", "poll or adaptive"},
	{"memory", 0, OPTION_STRING, &memory, "MODE", "auto, huge, in-memory or no-huge"},
	{"duration", 't', OPTION_STRING, &duration, "TIME", "Stops after this time, such as 10s"},
	{"check-order", 0, OPTION_FLAG, &check_order, NULL,
		"Checks while it runs that the packets of each flow leave in order: `weir show "
		"order`, and "
		"at the end"},
	{"capture", 0, OPTION_STRING, &capture_file, "FILE",
		"Captures at points of the path into a pcapng, an interface for each point"},
	{"capture-at", 0, OPTION_STRING, &capture_at, "POINTS",
		"Where: rx, steered, gro, stage0, ..., gso, tx, drop, with commas between; default "
		"rx,tx"},
	{"capture-filter", 0, OPTION_STRING, &capture_filter, "FILTER",
		"Which packets, in the syntax of pcap-filter(7)"},
	{"interactive", 'i', OPTION_FLAG, &interactive, NULL,
		"A console: start, stop, show, set, quit"},
	{"json", 'j', OPTION_FLAG, &as_json, NULL,
		"Prints the summary as one JSON object, and no table"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Control socket; an empty PATH: none"},
	{"print-config", 0, OPTION_FLAG, &print_config, NULL,
		"Prints the effective configuration as JSON and does not run"},
	{.name = NULL},
};

/* testpmd's pairs: 0 to 1 and 1 to 0; a last one without partner to itself. */
static json_t *device_pipelines(void)
{
	json_t *pipelines = json_array();
	char from[16], to[16];

	for (int i = 0; i < devices.count; i++) {
		int partner = (i ^ 1) < devices.count ? i ^ 1 : i;

		snprintf(from, sizeof(from), "port%d", i);
		snprintf(to, sizeof(to), "port%d", partner);
		json_array_append_new(pipelines,
			json_pack("{s:s, s:s, s:[s]}", "from", from, "to", to, "stages",
				mode ? mode : "io"));
	}
	return pipelines;
}

static json_t *device_config(void)
{
	json_t *ports = json_object(), *port;
	char name[16];

	for (int i = 0; i < devices.count; i++) {
		snprintf(name, sizeof(name), "port%d", i);
		port = shorthand_port(devices.values[i]);
		if (queues != NULL)
			json_object_set_new(port, "rss",
				json_pack("{s:s, s:o}", "mode", "software", "queues",
					shorthand_number(queues)));
		shorthand_features(port, features, true, true);
		json_object_set_new(ports, name, port);
	}
	return json_pack("{s:o, s:o}", "ports", ports, "pipelines", device_pipelines());
}

/* What the command line says goes over what the file says. */
static void override(json_t *config)
{
	shorthand_set(config, "workers", "count", workers, true);
	shorthand_set(config, "workers", "cpus", cpus, false);
	shorthand_set(config, "workers", "idle", idle, false);
	shorthand_set(config, "memory", "mode", memory, false);
	shorthand_set(config, "control", "socket", socket_path, false);
	if (capture_file != NULL)
		shorthand_capture(config, capture_file, capture_at, capture_filter);
	if (as_json || interactive)
		json_object_set_new(shorthand_object(config, "stats"), "table", json_false());
}

static bool has_overrides(void)
{
	return workers || cpus || idle || memory || socket_path || capture_file || as_json ||
		interactive;
}

static int load(struct session *session, const char *path)
{
	json_error_t ignored;
	json_t *config;
	char *text;
	int result;

	/* The file as it is first: its problems have lines and columns. */
	if (path != NULL) {
		result = session_load(session, path, NULL);
		if (result != EXIT_OK || !has_overrides())
			return result;
		session->config = config_destroy(session->config);
		config = json_load_file(path, 0, &ignored);
		if (config == NULL)
			fprintf(stderr,
				"weir run: %s cannot be read twice, as options over a file "
				"need\n",
				path);
	} else {
		config = device_config();
	}
	if (config == NULL)
		return EXIT_FAILED;
	override(config);
	text = json_dumps(config, JSON_INDENT(2));
	json_decref(config);
	if (text == NULL)
		return EXIT_FAILED;
	result = session_load(session, NULL, text);
	free(text);
	return result;
}

static int report(struct session *session)
{
	json_t *summary;

	if (!as_json) {
		stats_summary(session->stats, stdout);
		return EXIT_OK;
	}
	summary = stats_summary_json(session->stats);
	if (summary == NULL)
		return EXIT_FAILED;
	json_dumpf(summary, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(summary);
	return EXIT_OK;
}

static int print_effective(struct session *session)
{
	char *text = config_to_json(session->config);

	if (text == NULL)
		return EXIT_FAILED;
	printf("%s\n", text);
	free(text);
	session->config = config_destroy(session->config);
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct session session = {.command = "run",
		.quiet = as_json,
		.interactive = interactive,
		.check_order = check_order};
	int result, finished;

	if ((argc == 1) == (devices.count > 0))
		return command_usage_error(&command_run,
			argc ? "either a file or --port, not both"
			     : "name a configuration file, or devices with --port (`weir init` "
			       "writes a file "
			       "for this machine)");
	if (argc > 1)
		return command_usage_error(
			&command_run, "one file at a time; \"%s\" is too much", argv[1]);
	if (devices.count == 0 && (mode != NULL || queues != NULL || features != NULL))
		return command_usage_error(&command_run,
			"--mode, --queues and --features go with --port; in a file "
			"they are \"stages\", \"rss\" and \"features\"");
	if ((capture_at != NULL || capture_filter != NULL) && capture_file == NULL)
		return command_usage_error(
			&command_run, "--capture-at and --capture-filter go with --capture");
	if (duration != NULL && units_parse_duration(duration, &session.duration_ns) != 0)
		return command_usage_error(&command_run,
			"--duration: \"%s\" is no time; write 500ms, 10s or 5min", duration);
	result = load(&session, argc ? argv[0] : NULL);
	if (result != EXIT_OK)
		return result;
	if (print_config)
		return print_effective(&session);
	result = session_begin(&session);
	if (result != EXIT_OK)
		return result;
	result = session_wait(&session);
	if (result == EXIT_OK)
		result = report(&session);
	finished = session_finish(&session);
	return result != EXIT_OK ? result : finished;
}

const struct command command_run = {
	.name = "run",
	.arguments = "[FILE]",
	.summary = "Runs a configuration, or devices and a forwarding mode as testpmd does",
	.description = "Runs until its sources end, --duration is over, or a signal (SIGINT, "
		       "SIGTERM) comes: "
		       "then it stops receiving, sends what is on the way and prints the account. "
		       "A second "
		       "signal leaves at once.",
	.examples = "  weir run appliance.json\n"
		    "  weir run -p net_null0 -p net_null1 -m macswap -w 1 -t 10s\n"
		    "  weir run -p interface=eth1 -m icmpecho -i\n",
	.options = options,
	.run = run,
};
