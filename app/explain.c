/* SPDX-License-Identifier: BSD-3-Clause */
/* weir explain: where RSS takes a flow, and why, without starting anything. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "command.h"
#include "config/config.h"
#include "config/values.h"
#include "placement/device.h"
#include "placement/plan.h"
#include "placement/topology.h"
#include "steering/reta.h"
#include "steering/toeplitz.h"
#include "steering/tuple.h"

static const char *config_path, *port_name, *key_text, *queues_text, *reta_text, *workers_text;
static int as_json;

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
	{"json", 0, OPTION_FLAG, &as_json, NULL, "print one JSON object"},
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
	unsigned port;
	const char *rss; /* "software", "hardware" or "off" */
	unsigned queue_count; /* over which RSS spreads */
	uint8_t input[TOEPLITZ_INPUT_MAX];
	unsigned input_bytes;
	uint32_t hash;
	unsigned bucket, queue, worker;
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
			explanation->port = config->pipelines[0].from_port;
		return EXIT_OK;
	}
	for (unsigned port = 0; port < config->port_count; port++) {
		explanation->port = port;
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

static int follow(struct explanation *explanation)
{
	const struct plan *plan = &explanation->plan;
	const unsigned port = explanation->port;
	const struct config_rss *rss = &explanation->config->ports[port].rss;
	struct toeplitz_key key;
	struct reta reta;

	toeplitz_key_init(&key, rss->key, NULL);
	explanation->input_bytes = tuple_hash_input(&explanation->tuple, explanation->input);
	explanation->hash = toeplitz_hash(&key, explanation->input, explanation->input_bytes);
	explanation->rss = plan->emulated_queues[port] > 0	    ? "software"
		: plan->rx_queues[port] > 1 && rss->mode != RSS_OFF ? "hardware"
								    : "off";
	/* Without RSS the device has one queue, or does not spread by it. */
	explanation->queue_count = plan->emulated_queues[port] > 0  ? plan->emulated_queues[port]
		: rss->mode != RSS_OFF && plan->rx_queues[port] > 1 ? plan->rx_queues[port]
								    : 1;
	if (reta_fill_equal(&reta, rss->reta_size, (uint16_t)explanation->queue_count) < 0)
		return command_usage_error(&command_explain,
			"a table of %u entries for %u queues: expected 128, 256 or 512 entries and "
			"no "
			"more queues than entries",
			rss->reta_size, explanation->queue_count);
	explanation->bucket = reta_bucket(&reta, explanation->hash);
	explanation->queue = reta_queue(&reta, explanation->hash);
	explanation->worker = plan->emulated_queues[port] > 0
		? plan->emulated_worker[port][explanation->queue]
		: plan->rx_worker[port][explanation->queue];
	return EXIT_OK;
}

static char *format_hex(const uint8_t *bytes, unsigned count, char *text)
{
	for (unsigned i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	return text;
}

static const char *why_addresses_only(const struct tuple *tuple)
{
	if (!tuple->has_ports)
		return "the addresses only, as no ports were given: so it is for fragments too";
	return "the addresses only: RSS hashes ports of tcp, udp and sctp";
}

/* The hashed bytes, with spaces between words of an address and between ports. */
static void print_input(const struct explanation *explanation)
{
	const unsigned ports = tuple_hashes_ports(&explanation->tuple) ? 2 : 0;

	printf("%-11s", "hashed");
	for (unsigned i = 0; i < explanation->input_bytes; i++)
		printf("%s%02x", i % 4 == 0 || i + ports == explanation->input_bytes ? " " : "",
			explanation->input[i]);
	printf("\n%-11s   %s\n", "",
		ports > 0 ? "source address, destination address, source port, destination port"
			  : why_addresses_only(&explanation->tuple));
}

static void print_rows(const struct explanation *explanation)
{
	const struct config_port *port = &explanation->config->ports[explanation->port];
	const struct plan *plan = &explanation->plan;
	const bool software = strcmp(explanation->rss, "software") == 0;
	const unsigned cpu = plan->workers[explanation->worker].cpu;
	char text[3 * TOEPLITZ_KEY_BYTES], row[64];

	if (config_path != NULL)
		printf("%-11s %s, RSS %s\n", "port", port->name, explanation->rss);
	printf("%-11s %s\n", "key", config_format_rss_key(text, sizeof(text), port->rss.key));
	print_input(explanation);
	printf("%-11s 0x%08" PRIx32 "    Toeplitz of these bytes with this key\n", "hash",
		explanation->hash);
	snprintf(row, sizeof(row), "%u of %u", explanation->bucket, port->rss.reta_size);
	printf("%-11s %-13s hash & %u\n", "RETA entry", row, port->rss.reta_size - 1u);
	snprintf(row, sizeof(row), "%u of %u", explanation->queue, explanation->queue_count);
	if (explanation->queue_count > 1)
		printf("%-11s %-13s entry %% %u: entries are given to queues in turn\n", "queue",
			row, explanation->queue_count);
	else
		printf("%-11s %-13s the only one\n", "queue", row);
	snprintf(row, sizeof(row), "%u of %u", explanation->worker, plan->worker_count);
	if (software)
		printf("%-11s %-13s queue %% %u: queues belong to workers in turn; on CPU %u\n",
			"worker", row, plan->worker_count, cpu);
	else
		printf("%-11s %-13s the one that polls this queue, on CPU %u\n", "worker", row,
			cpu);
	if (strcmp(explanation->rss, "hardware") == 0)
		printf("\nRSS is the device's here: its table may be of another size.\n");
}

static void print_text(const struct explanation *explanation)
{
	char text[TUPLE_TEXT_BYTES];

	printf("%s -> ", tuple_format_source(&explanation->tuple, text));
	printf("%s, ", tuple_format_destination(&explanation->tuple, text));
	printf("%s\n\n", tuple_format_protocol(&explanation->tuple, text));
	print_rows(explanation);
}

static int print_json(const struct explanation *explanation)
{
	const struct config_port *port = &explanation->config->ports[explanation->port];
	const struct plan *plan = &explanation->plan;
	char source[TUPLE_TEXT_BYTES], destination[TUPLE_TEXT_BYTES], protocol[TUPLE_TEXT_BYTES];
	char key[3 * TOEPLITZ_KEY_BYTES], input[3 * TOEPLITZ_INPUT_MAX], hash[16];
	json_t *object;

	snprintf(hash, sizeof(hash), "0x%08" PRIx32, explanation->hash);
	object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
		"source", tuple_format_source(&explanation->tuple, source), "destination",
		tuple_format_destination(&explanation->tuple, destination), "protocol",
		tuple_format_protocol(&explanation->tuple, protocol), "rss", explanation->rss,
		"key", format_hex(port->rss.key, TOEPLITZ_KEY_BYTES, key), "input",
		format_hex(explanation->input, explanation->input_bytes, input), "ports_hashed",
		tuple_hashes_ports(&explanation->tuple), "hash", hash, "reta_size",
		(int)port->rss.reta_size, "reta_entry", (int)explanation->bucket, "queue",
		(int)explanation->queue, "queues", (int)explanation->queue_count, "worker",
		(int)explanation->worker, "workers", (int)plan->worker_count, "cpu",
		(int)plan->workers[explanation->worker].cpu);
	if (object == NULL)
		return EXIT_FAILED;
	if (config_path != NULL)
		json_object_set_new(object, "port", json_string(port->name));
	json_dumpf(object, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(object);
	return EXIT_OK;
}

static int explain(int argc, char **argv, struct explanation *explanation)
{
	int code = read_tuple(argc, argv, &explanation->tuple);

	if (code == EXIT_OK)
		code = load_config(&explanation->config);
	if (code == EXIT_OK)
		code = choose_port(explanation);
	if (code == EXIT_OK)
		code = apply_options(
			explanation->config, &explanation->config->ports[explanation->port].rss);
	if (code == EXIT_OK)
		code = make_plan(explanation);
	if (code == EXIT_OK)
		code = follow(explanation);
	if (code != EXIT_OK)
		return code;
	if (as_json)
		return print_json(explanation);
	print_text(explanation);
	return EXIT_OK;
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
	.arguments = "SOURCE DESTINATION PROTOCOL",
	.summary = "say where RSS takes a flow, and why",
	.description =
		"Computes the RSS hash of a flow and follows it through the indirection table "
		"(RETA) "
		"to a queue and its worker. Ends are written 10.0.0.1:80, [2001:db8::1]:80, or as "
		"addresses without ports; protocols are tcp, udp, sctp, icmp, icmp6, igmp, gre, "
		"esp, "
		"ip or a number.\n\n"
		"Without a configuration one port is assumed whose RSS is made in software, on "
		"this "
		"machine. Nothing is started and no device is touched.",
	.examples = "weir explain 10.0.0.1:80 10.0.0.2:1234 tcp  # with the defaults\n"
		    "weir explain [2001:db8::1]:80 [2001:db8::2]:1234 udp --queues 8 --workers 4\n"
		    "weir explain 10.0.0.1:80 10.0.0.2:1234 tcp --key symmetric  # both directions "
		    "alike\n"
		    "weir explain 10.0.0.1:80 10.0.0.2:1234 tcp --config weir.json --port wan",
	.options = options,
	.run = run,
};
