/* SPDX-License-Identifier: BSD-3-Clause */
/* weir explain: where a flow goes, and why: by a configuration, or in a running weir. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "command.h"
#include "config/config.h"
#include "control/control.h"
#include "placement/device.h"
#include "placement/plan.h"
#include "placement/topology.h"
#include "stats/explanation.h"
#include "steering/reta.h"
#include "steering/rss_hash.h"
#include "steering/tuple.h"

static const char *config_path, *port_name, *key_text, *queues_text, *reta_text, *workers_text;
static const char *socket_path;
static int as_json, live;

static const struct option options[] = {
	{"config", 'c', OPTION_STRING, &config_path, "FILE",
		"take key, table, queues and workers from this configuration"},
	{"port", 'p', OPTION_STRING, &port_name, "NAME",
		"the port of FILE that receives the flow (the first one that a pipeline reads)"},
	{"key", 'k', OPTION_STRING, &key_text, "KEY",
		"microsoft, symmetric or 40 bytes in hex, as ethtool -x prints them (microsoft)"},
	{"queues", 'q', OPTION_STRING, &queues_text, "N", "queues to spread over (one a worker)"},
	{"reta-size", 0, OPTION_STRING, &reta_text, "N",
		"entries of the indirection table: 128, 256 or 512 (128)"},
	{"workers", 'w', OPTION_STRING, &workers_text, "N",
		"how many workers (as many as weir run would take on this machine)"},
	{"live", 'l', OPTION_FLAG, &live, NULL,
		"ask the weir that runs, which knows consumers, flows and moves too"},
	{"socket", 0, OPTION_STRING, &socket_path, "PATH",
		"Control socket of the weir to ask; implies --live"},
	{"json", 'j', OPTION_FLAG, &as_json, NULL, "print one JSON object"},
	{NULL, 0, OPTION_FLAG, NULL, NULL, NULL},
};

/* What is explained when no configuration is given: one port whose RSS is made in software. */
static const char default_config[] =
	"{\"ports\": {\"port\": {\"device\": \"net_null0\", \"rss\": {\"mode\": \"software\"}}},"
	" \"pipelines\": [{\"from\": \"port\", \"stages\": [\"drop\"]}]}";

/* Large, hence not on the stack. */
struct explanation {
	struct tuple tuple;
	struct config *config;
	struct topology topology;
	struct plan_port ports[CONFIG_PORTS_MAX];
	struct plan plan;
	const char *rss; /* "software", "hardware" or "off" */
	unsigned queue_count; /* over which RSS spreads */
	struct steering_explanation decision;
};

static int failed(const char *message)
{
	return command_usage_error(&command_explain, "%s", message);
}

/* Three arguments, or one that holds all three, quoted. The protocol may be left out. */
static int read_tuple(int argc, char **argv, struct tuple *ret_tuple)
{
	char *words[4] = {NULL}, *rest = NULL;
	struct error error = {0};
	int count = argc;

	if (argc == 1) {
		count = 0;
		for (char *word = strtok_r(argv[0], " \t", &rest); word != NULL && count < 4;
			word = strtok_r(NULL, " \t", &rest))
			words[count++] = word;
	} else {
		for (int i = 0; i < argc && i < 4; i++)
			words[i] = argv[i];
	}
	if (count < 2 || count > 3)
		return failed(
			"expected SOURCE DESTINATION PROTOCOL, as 10.0.0.1:80 10.0.0.2:1234 tcp");
	if (tuple_parse(words[0], words[1], words[2], ret_tuple, &error) < 0)
		return failed(error.message);
	return EXIT_OK;
}

static int load_config(struct config **ret_config)
{
	struct config_problems problems = {0};
	int status = config_path != NULL
		? config_load_file(config_path, ret_config, &problems)
		: config_load_text(
			  default_config, sizeof(default_config) - 1, ret_config, &problems);
	int code = EXIT_OK;

	if (status < 0) {
		config_problems_print(&problems, config_path, stderr);
		code = problems.count > 0 ? EXIT_USAGE
					  : command_usage_error(&command_explain, "%s: %s",
						    config_path, strerror(-status));
	}
	config_problems_fini(&problems);
	return code;
}

static int choose_port(struct explanation *explanation)
{
	const struct config *config = explanation->config;

	if (port_name == NULL) {
		if (config->port_count == 0)
			return failed("the configuration has no port");
		if (config->pipeline_count > 0)
			explanation->decision.port = config->pipelines[0].from_port;
		return EXIT_OK;
	}
	for (uint16_t port = 0; port < config->port_count; port++) {
		explanation->decision.port = port;
		if (strcmp(config->ports[port].name, port_name) == 0)
			return EXIT_OK;
	}
	return command_usage_error(&command_explain, "there is no port \"%s\"%s", port_name,
		config_path == NULL ? " without --config" : "");
}

static int read_count(const char *option, const char *text, unsigned max, uint16_t *value)
{
	uint64_t count;

	if (text == NULL)
		return EXIT_OK;
	if (units_parse_count(text, &count) < 0 || count == 0 || count > max)
		return command_usage_error(
			&command_explain, "--%s \"%s\": expected 1..%u", option, text, max);
	*value = (uint16_t)count;
	return EXIT_OK;
}

/* What the options say goes over what the configuration says. */
static int apply_options(struct config *config, struct config_rss *rss)
{
	struct error error = {0};
	int code = EXIT_OK;

	if (key_text != NULL && toeplitz_key_parse(key_text, rss->key, &error) < 0)
		return command_usage_error(&command_explain, "--key: %s", error.message);
	if (queues_text != NULL)
		rss->mode = RSS_SOFTWARE;
	code = read_count("queues", queues_text, CONFIG_RSS_QUEUES_MAX, &rss->queues);
	if (code == EXIT_OK)
		code = read_count("reta-size", reta_text, RETA_SIZE_MAX, &rss->reta_size);
	if (code == EXIT_OK)
		code = read_count(
			"workers", workers_text, CONFIG_WORKERS_MAX, &config->workers.count);
	return code;
}

static int make_plan(struct explanation *explanation)
{
	struct error error = {0};

	if (topology_read("", &explanation->topology, &error) < 0)
		return failed(error.message);
	device_plan_ports(explanation->config, "", explanation->ports);
	if (plan_make(explanation->config, &explanation->topology, explanation->ports,
		    &explanation->plan, &error) < 0)
		return failed(error.message);
	return EXIT_OK;
}

/* Workers whose CPUs the mask of the queue names, in the order of their CPUs. */
static void fill_map(const struct explanation *explanation, struct rps_map *ret_map)
{
	const struct plan *plan = &explanation->plan;
	const struct cpu_mask *mask =
		queue_mask(&explanation->config->ports[explanation->decision.port].rps_cpus,
			explanation->decision.queue);

	ret_map->count = 0;
	for (unsigned cpu = 0; mask != NULL && cpu < CONFIG_CPUS_MAX; cpu++)
		for (unsigned w = 0; cpu_mask_has(mask, cpu) && w < plan->worker_count; w++)
			if (plan->workers[w].cpu == cpu)
				ret_map->workers[ret_map->count++] = (uint8_t)w;
}

static int follow_rss(struct explanation *explanation)
{
	const struct plan *plan = &explanation->plan;
	struct steering_explanation *decision = &explanation->decision;
	const unsigned port = decision->port;
	const struct config_rss *rss = &explanation->config->ports[port].rss;
	struct error error = {0};
	struct rss_hash hash;
	struct reta reta;

	rss_hash_init(&hash, rss->key, rss->fields, rss->xfrm, rss->inner);
	decision->hash = tuple_rss_hash(&explanation->tuple, &hash);
	explanation->rss = plan->emulated_queues[port] > 0	    ? "software"
		: plan->rx_queues[port] > 1 && rss->mode != RSS_OFF ? "hardware"
								    : "off";
	/* Without RSS the device has one queue, or does not spread by it. */
	explanation->queue_count = plan->emulated_queues[port] > 0  ? plan->emulated_queues[port]
		: rss->mode != RSS_OFF && plan->rx_queues[port] > 1 ? plan->rx_queues[port]
								    : 1;
	if (reta_fill(&reta, rss->reta_size, (uint16_t)explanation->queue_count, rss->equal,
		    rss->weights.weights, rss->weights.count, &error) < 0)
		return failed(error.message);
	decision->bucket = (uint16_t)reta_bucket(&reta, decision->hash);
	decision->queue = (uint8_t)reta_queue(&reta, decision->hash);
	decision->queue_worker = (uint8_t)(plan->emulated_queues[port] > 0
			? plan->emulated_worker[port][decision->queue]
			: plan->rx_worker[port][decision->queue]);
	return EXIT_OK;
}

/* What a running engine knows besides, offline nobody does: consumers, flows, moves. */
static void follow_rps(struct explanation *explanation)
{
	const struct config *config = explanation->config;
	struct steering_explanation *decision = &explanation->decision;

	fill_map(explanation, &decision->rps);
	decision->rps_worker = decision->queue_worker;
	if (decision->rps.count > 0 && decision->hash != 0)
		decision->rps_worker = (uint8_t)rps_worker(&decision->rps, decision->hash);
	decision->balanced = config->steering.balance;
	decision->bucket_worker = decision->queue_worker;
	decision->has_rfs = config->steering.rps_sock_flow_entries > 0 &&
		config->ports[decision->port].rps_flow_cnt > 0;
	decision->consumer_cpu = decision->flow_worker = -1;
	decision->worker = decision->balanced ? decision->bucket_worker : decision->rps_worker;
}

static void follow_xps(struct explanation *explanation)
{
	const struct config *config = explanation->config;
	struct steering_explanation *decision = &explanation->decision;
	uint16_t queues[CONFIG_WORKERS_MAX];

	decision->tx_port = decision->tx_queue = decision->tx_owner = -1;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].from_port == decision->port &&
			config->pipelines[i].to_port != UINT16_MAX)
			decision->tx_port = config->pipelines[i].to_port;
	if (decision->tx_port < 0)
		return;
	plan_tx_queues(config, &explanation->plan, (uint16_t)decision->tx_port, queues);
	decision->tx_queue = queues[decision->worker];
	for (decision->tx_owner = 0; queues[decision->tx_owner] != decision->tx_queue;)
		decision->tx_owner++;
}

static int answer(const json_t *object)
{
	if (as_json)
		json_dumpf(object, stdout, JSON_INDENT(2));
	else
		explanation_print(stdout, object);
	if (as_json)
		printf("\n");
	return EXIT_OK;
}

/* Somebody who asks about defaults may have meant the weir that runs. */
static void point_at_running(void)
{
	char path[128];

	control_default_path(path, sizeof(path));
	if (config_path == NULL && !as_json && access(path, F_OK) == 0)
		printf("\nThis is what a weir with defaults would do. One runs here: --live asks "
		       "it.\n");
}

static int answer_offline(const struct explanation *explanation)
{
	const struct explained explained = {.config = explanation->config,
		.plan = &explanation->plan,
		.tuple = &explanation->tuple,
		.decision = &explanation->decision,
		.rss = explanation->rss,
		.queue_count = explanation->queue_count};
	json_t *object = explanation_json(&explained);
	int code;

	if (object == NULL)
		return EXIT_FAILED;
	/* Of a configuration nobody has seen, no port's name is worth telling. */
	if (config_path == NULL)
		json_object_del(object, "port");
	code = answer(object);
	json_decref(object);
	point_at_running();
	return code;
}

/* ---- a running weir ---- */

static int explain_live(const struct tuple *tuple)
{
	char source[TUPLE_TEXT_BYTES], destination[TUPLE_TEXT_BYTES], protocol[TUPLE_TEXT_BYTES];
	json_t *request = json_pack("{s:s, s:s, s:s, s:s}", "command", "explain", "source",
		tuple_format_source(tuple, source), "destination",
		tuple_format_destination(tuple, destination), "protocol",
		tuple_format_protocol(tuple, protocol));
	struct error error = {0};
	json_t *result = NULL;
	char path[128];
	int rc;

	if (config_path != NULL || key_text != NULL || queues_text != NULL || reta_text != NULL ||
		workers_text != NULL) {
		json_decref(request);
		return failed("--live asks the running weir, which has its own configuration");
	}
	if (port_name != NULL)
		json_object_set_new(request, "port", json_string(port_name));
	control_default_path(path, sizeof(path));
	rc = control_request(socket_path != NULL ? socket_path : path, request, &result, &error);
	json_decref(request);
	if (rc < 0) {
		fprintf(stderr, "weir explain: %s\n", error.message);
		return rc == -EREMOTEIO ? EXIT_USAGE : EXIT_FAILED;
	}
	rc = answer(json_object_get(result, "explanation"));
	json_decref(result);
	return rc;
}

static int explain(int argc, char **argv, struct explanation *explanation)
{
	int code = read_tuple(argc, argv, &explanation->tuple);

	if (code == EXIT_OK && (live || socket_path != NULL))
		return explain_live(&explanation->tuple);
	if (code == EXIT_OK)
		code = load_config(&explanation->config);
	if (code == EXIT_OK)
		code = choose_port(explanation);
	if (code == EXIT_OK)
		code = apply_options(explanation->config,
			&explanation->config->ports[explanation->decision.port].rss);
	if (code == EXIT_OK)
		code = make_plan(explanation);
	if (code == EXIT_OK)
		code = follow_rss(explanation);
	if (code != EXIT_OK)
		return code;
	follow_rps(explanation);
	follow_xps(explanation);
	return answer_offline(explanation);
}

static int run(int argc, char **argv)
{
	struct explanation *explanation = calloc(1, sizeof(*explanation));
	int code;

	if (explanation == NULL) {
		fprintf(stderr, "weir explain: %s\n", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	code = explain(argc, argv, explanation);
	config_destroy(explanation->config);
	free(explanation);
	return code;
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "SOURCE DESTINATION [PROTOCOL]",
	.summary = "Says where a flow goes, and why",
	.description =
		"Follows a flow through every decision: RSS hash, indirection table (RETA), queue, "
		"RPS map, RFS consumer and flow, balancer, worker, transmit queue; with the place "
		"where Linux has the same. Ends are written 10.0.0.1:80, [2001:db8::1]:80, or as "
		"addresses without ports; protocols are tcp, udp, sctp, icmp, icmp6, igmp, gre, "
		"esp, ah, ip or a number.\n\n"
		"Without --live nothing is asked, started or touched: the answer follows from the "
		"configuration and this machine; without a configuration one port is assumed whose "
		"RSS is made in software. With --live the running weir answers: by its present "
		"settings, and with what only it knows.",
	.examples =
		"  weir explain 10.0.0.1:80 10.0.0.2:1234 tcp  # with the defaults\n"
		"  weir explain [2001:db8::1]:80 [2001:db8::2]:1234 udp --queues 8 --workers 4\n"
		"  weir explain 10.0.0.1:80 10.0.0.2:1234 tcp --key symmetric  # both directions "
		"alike\n"
		"  weir explain 10.0.0.1:80 10.0.0.2:1234 tcp --config weir.json --port wan\n"
		"  weir explain 10.0.0.1:80 10.0.0.2:1234 tcp --live\n",
	.options = options,
	.run = run,
};
