/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir replay: plays capture files through the engine. The command line is written as a
 * configuration first (`--print-config` shows it), so what replay can do, a file can.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/units.h"
#include "command.h"
#include "replay_report.h"
#include "session.h"
#include "shorthand.h"

static struct option_list stages;
static const char *workers, *cpus, *queues, *speed, *loop, *duration, *device, *out_file, *idle,
	*memory, *load_mode, *snapped, *socket_path, *key, *tx_retry;
static const char *rps_cpus, *rfs, *consume, *features;
static const char *capture_file, *capture_at, *capture_filter;
static int rewrite, as_json, verify, check_order, print_config, balance;

static const struct option options[] = {
	{"speed", 's', OPTION_STRING, &speed, "SPEED",
		"original (default), top, a multiple such as x2, packets/s such as 1.5Mpps, or "
		"bits/s such "
		"as 10Gbps"},
	{"loop", 'l', OPTION_STRING, &loop, "N", "Plays the files N times; forever: until stopped"},
	{"duration", 't', OPTION_STRING, &duration, "TIME", "Stops after this time, such as 10s"},
	{"rewrite", 'r', OPTION_FLAG, &rewrite, NULL,
		"New addresses and ports in each loop, with right checksums: loops make new flows"},
	{"workers", 'w', OPTION_STRING, &workers, "N", "How many workers"},
	{"cpus", 0, OPTION_STRING, &cpus, "LIST", "CPUs that run a worker each, such as 2-5,8"},
	{"queues", 'q', OPTION_STRING, &queues, "N",
		"Queues that software RSS spreads the flows over; default: one a worker"},
	{"key", 0, OPTION_STRING, &key, "KEY",
		"RSS key: microsoft (default), symmetric or 80 hex digits"},
	{"rps-cpus", 0, OPTION_STRING, &rps_cpus, "LIST",
		"RPS: CPUs whose workers process what each queue receives, such as 0-3"},
	{"rfs", 0, OPTION_STRING, &rfs, "FLOWS",
		"RFS: steer so many flows to the CPU that consumes them, and keep each in order"},
	{"consume", 0, OPTION_STRING, &consume, "LIST",
		"Takes each flow as read on one of these CPUs, chosen by its hash, for RFS to "
		"follow"},
	{"balance", 'b', OPTION_FLAG, &balance, NULL,
		"Moves RETA buckets between workers so that all are loaded alike"},
	{"features", 'f', OPTION_STRING, &features, "LIST",
		"Features by ethtool's names, such as gro,gso,tso=off: of what is played those of "
		"receiving, of where it goes those of sending"},
	{"stage", 'm', OPTION_LIST, &stages, "STAGE",
		"A stage on the way, such as macswap or rxonly; may be given several times, in "
		"order"},
	{"port", 'p', OPTION_STRING, &device, "DEVICE",
		"Where to send: interface=eth1, one of the kernel's, or a DPDK device; default: "
		"into the void (net_null), counted"},
	{"out", 'o', OPTION_STRING, &out_file, "FILE",
		"Writes what left to a capture file (.pcap or .pcapng)"},
	{"load", 0, OPTION_STRING, &load_mode, "HOW",
		"auto (default), preload into packet memory, or stream while playing"},
	{"snapped", 0, OPTION_STRING, &snapped, "HOW",
		"Packets captured only in part: send what there is (default), or skip"},
	{"tx-retry", 0, OPTION_STRING, &tx_retry, "TIME",
		"How long a full tx queue is tried again before packets drop; default 1s"},
	{"verify", 0, OPTION_FLAG, &verify, NULL,
		"Compares what left with what was played: order in each flow, bytes, loss, gaps"},
	{"check-order", 0, OPTION_FLAG, &check_order, NULL,
		"Checks while it plays that the packets of each flow leave in order; cheaper than "
		"--verify"},
	{"idle", 0, OPTION_STRING, &idle, "POLICY", "poll (default) or adaptive"},
	{"memory", 0, OPTION_STRING, &memory, "MODE", "auto, huge, in-memory or no-huge"},
	{"capture", 0, OPTION_STRING, &capture_file, "FILE",
		"Captures at points of the path into a pcapng, an interface for each point"},
	{"capture-at", 0, OPTION_STRING, &capture_at, "POINTS",
		"Where: rx, steered, gro, stage0, ..., gso, tx, drop, with commas between; default "
		"rx,tx"},
	{"capture-filter", 0, OPTION_STRING, &capture_filter, "FILTER",
		"Which packets, in the syntax of pcap-filter(7)"},
	{"json", 'j', OPTION_FLAG, &as_json, NULL, "Prints one JSON object and nothing else"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH",
		"Control socket for `weir show` while it runs; default: none"},
	{"print-config", 0, OPTION_FLAG, &print_config, NULL,
		"Prints the effective configuration as JSON and does not run"},
	{.name = NULL},
};

static json_t *source_port(int argc, char **argv)
{
	json_t *files = json_array(), *replay, *port;

	for (int i = 0; i < argc; i++)
		json_array_append_new(files, json_string(argv[i]));
	replay = json_pack("{s:o, s:b}", "files", files, "rewrite", rewrite);
	if (speed != NULL)
		json_object_set_new(replay, "speed", json_string(speed));
	if (loop != NULL)
		json_object_set_new(replay, "loop", shorthand_number(loop));
	if (duration != NULL)
		json_object_set_new(replay, "duration", json_string(duration));
	if (load_mode != NULL)
		json_object_set_new(replay, "load", json_string(load_mode));
	if (snapped != NULL)
		json_object_set_new(replay, "snapped", json_string(snapped));
	port = json_pack("{s:o}", "replay", replay);
	shorthand_set(port, "rss", "queues", queues, true);
	shorthand_set(port, "rss", "key", key, false);
	if (rps_cpus != NULL)
		json_object_set_new(port, "rps_cpus", json_string(rps_cpus));
	if (rfs != NULL)
		json_object_set_new(port, "rps_flow_cnt", shorthand_number(rfs));
	shorthand_features(port, features, true, false);
	return port;
}

static json_t *target_port(void)
{
	json_t *port;

	if (device == NULL && out_file != NULL) {
		port = json_pack("{s:s}", "file", out_file);
	} else {
		port = shorthand_port(device ? device : "net_null0");
		json_object_set_new(port, "tx_retry", json_string(tx_retry ? tx_retry : "1s"));
		if (out_file != NULL)
			json_object_set_new(port, "mirror", json_string(out_file));
	}
	shorthand_features(port, features, false, true);
	return port;
}

static char *config_text(int argc, char **argv)
{
	json_t *list = json_array(), *config;
	char *text;

	for (int i = 0; i < stages.count; i++)
		json_array_append_new(list, json_string(stages.values[i]));
	if (consume != NULL)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "type", "consume", "cpus", consume));
	config = json_pack("{s:{s:o, s:o}, s:[{s:s, s:s, s:o}], s:{s:b}, s:{s:s}}", "ports", "in",
		source_port(argc, argv), "out", target_port(), "pipelines", "from", "in", "to",
		"out", "stages", list, "stats", "table", 0, "control", "socket",
		socket_path ? socket_path : "");
	shorthand_set(config, "workers", "count", workers, true);
	shorthand_set(config, "workers", "cpus", cpus, false);
	shorthand_set(config, "workers", "idle", idle, false);
	shorthand_set(config, "memory", "mode", memory, false);
	shorthand_set(config, "steering", "rps_sock_flow_entries", rfs, true);
	if (balance)
		json_object_set_new(shorthand_object(config, "steering"), "balance", json_true());
	if (capture_file != NULL)
		shorthand_capture(config, capture_file, capture_at, capture_filter);
	text = json_dumps(config, JSON_INDENT(2));
	json_decref(config);
	return text;
}

static int load(struct session *session, int argc, char **argv)
{
	char *text = config_text(argc, argv);
	int result;

	if (text == NULL)
		return command_usage_error(
			&command_replay, "a name or value on the command line is not UTF-8");
	result = session_load(session, NULL, text);
	free(text);
	if (result == EXIT_OK && print_config) {
		text = config_to_json(session->config);
		printf("%s\n", text ? text : "");
		free(text);
		session->config = config_destroy(session->config);
	}
	return result;
}

static int run(int argc, char **argv)
{
	struct session session = {.command = "replay", .quiet = as_json};
	int result, finished;

	if (argc == 0)
		return command_usage_error(&command_replay, "name at least one capture file");
	if ((capture_at != NULL || capture_filter != NULL) && capture_file == NULL)
		return command_usage_error(
			&command_replay, "--capture-at and --capture-filter go with --capture");
	result = load(&session, argc, argv);
	if (result != EXIT_OK || print_config)
		return result;
	session.progress = !as_json && isatty(STDERR_FILENO);
	session.verify = verify;
	session.check_order = check_order;
	result = session_begin(&session);
	if (result != EXIT_OK)
		return result;
	result = session_wait(&session);
	if (result == EXIT_OK)
		result = replay_report(&session, as_json);
	finished = session_finish(&session);
	return result != EXIT_OK ? result : finished;
}

const struct command command_replay = {
	.name = "replay",
	.arguments = "FILE…",
	.summary = "Plays capture files through workers, to a port, into a file",
	.description = "Several files are merged by time. Every packet of the files ends in one "
		       "counter: sent, "
		       "skipped (with the reason) or dropped (with the reason). The report tells "
		       "how far from its "
		       "time each packet was given to the engine.",
	.examples =
		"  weir replay trace.pcap\n"
		"  weir replay trace.pcap -w 2 -q 8 -s top -l 10\n"
		"  weir replay trace.pcap -s 1.5Mpps -l forever -t 60s -r -p "
		"interface=eth1\n"
		"  weir replay trace.pcap -m macswap -o out.pcap --json\n"
		"  weir replay trace.pcap --capture taps.pcapng --capture-at rx,gro,tx\n"
		"  weir replay trace.pcap --cpus 0-1 -q 8 -s top -l 100 --rps-cpus 0-1 --rfs 4096 "
		"--consume 0-1 --balance --check-order\n",
	.options = options,
	.run = run,
};
