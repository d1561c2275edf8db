/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of weir perf: perftest's options, and what weir adds. */
#include "perf_options.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum {
	SIZE,
	ALL,
	ITERATIONS,
	DURATION,
	QPS,
	TX_DEPTH,
	RX_DEPTH,
	POST_LIST,
	INLINE,
	CQ_MOD,
	CONNECTION,
	TCP_PORT,
	BIDIRECTIONAL,
	NO_PEAK,
	EVENTS,
	ATOMIC_TYPE,
	HISTOGRAM,
	UNSORTED,
	RATE,
	TRANSPORT,
	COMPARE,
	POLL,
	EVENT,
	SELF,
	CPUS,
	VERIFY,
	CSV,
	JSON,
	RAW_PORT,
	ECHO,
	OPTION_COUNT
};

static const char *texts[OPTION_COUNT];
static int flags[OPTION_COUNT];

#define TEXT(index, name, letter, argument, help)                                                  \
	[index] = {name, letter, OPTION_STRING, &texts[index], argument, help}
#define FLAG(index, name, letter, help)                                                            \
	[index] = {name, letter, OPTION_FLAG, &flags[index], NULL, help}

const struct option perf_option_table[] = {
	TEXT(SIZE, "size", 's', "SIZE", "bytes of a message (lat: 2, bw: 65536, atomic: 8)"),
	FLAG(ALL, "all", 'a', "sizes 2 to 2^23, one after the other"),
	TEXT(ITERATIONS, "iters", 'n', "N",
		"how many messages, of each queue pair (lat: 1000, bw: 5000)"),
	TEXT(DURATION, "duration", 'D', "SECONDS", "so long, instead of a number of messages"),
	TEXT(QPS, "qp", 'q', "N", "queue pairs; bw (1)"),
	TEXT(TX_DEPTH, "tx-depth", 't', "N",
		"messages on their way at a time; bw and --rate (128)"),
	TEXT(RX_DEPTH, "rx-depth", 'r', "N", "receives posted (512)"),
	TEXT(POST_LIST, "post_list", 'l', "N", "sends posted in one list; bw (1)"),
	TEXT(INLINE, "inline_size", 'I', "SIZE",
		"messages up to so long are sent inline (lat: what goes; bw: 0)"),
	TEXT(CQ_MOD, "cq-mod", 'Q', "N", "a completion every N sends; bw (100)"),
	TEXT(CONNECTION, "connection", 'c', "RC|UC|UD", "type of the queue pairs (RC)"),
	TEXT(TCP_PORT, "tcp-port", 'p', "PORT", "where the two sides agree on the run (18515)"),
	FLAG(BIDIRECTIONAL, "bidirectional", 'b', "both sides send; bw"),
	FLAG(NO_PEAK, "noPeak", 'N', "does not look for the peak; bw"),
	FLAG(EVENTS, "events", 'e', "sleeps until there is something, instead of polling"),
	TEXT(ATOMIC_TYPE, "atomic_type", 'A', "TYPE",
		"FETCH_AND_ADD or CMP_AND_SWAP (FETCH_AND_ADD)"),
	FLAG(HISTOGRAM, "report-histogram", 'H', "all results too, from the smallest on; lat"),
	FLAG(UNSORTED, "report-unsorted", 'U', "all results too, in their order; lat"),
	TEXT(RATE, "rate", 0, "N",
		"so many messages a second; time counts from when one was due; lat"),
	TEXT(TRANSPORT, "transport", 0, "NAME", "weir, unix, tcp, tcp-nodelay or udp (weir)"),
	FLAG(COMPARE, "compare", 0, "over each transport, in one table"),
	FLAG(POLL, "poll", 0, "polls, sockets too: the default"),
	FLAG(EVENT, "event", 0, "the same as --events"),
	FLAG(SELF, "self", 0, "both sides in one command, on a CPU each"),
	TEXT(CPUS, "cpus", 0, "A[,B]",
		"CPU of this side; with --self of the server and the client"),
	FLAG(VERIFY, "verify", 0, "a pattern in each message, looked at where it arrives"),
	FLAG(CSV, "csv", 0, "comma-separated values instead of the table"),
	FLAG(JSON, "json", 0, "one JSON object instead of the table"),
	TEXT(RAW_PORT, "port", 0, "NAME", "raw: the port, by its name in weir's configuration"),
	FLAG(ECHO, "echo", 0, "raw: sends each packet back"),
	[OPTION_COUNT] = {.name = NULL},
};

static int wrong(int option, const char *expected)
{
	return command_usage_error(&command_perf, "--%s is \"%s\", but should be %s",
		perf_option_table[option].name, texts[option], expected);
}

/* A count between two bounds; `value` is left as it is where the option is not given. */
static int number(int option, uint64_t min, uint64_t max, uint64_t *value)
{
	char expected[96];
	uint64_t found;

	if (texts[option] == NULL)
		return EXIT_OK;
	if (units_parse_count(texts[option], &found) == 0 && found >= min && found <= max) {
		*value = found;
		return EXIT_OK;
	}
	snprintf(expected, sizeof(expected), "a number from %llu to %llu", (unsigned long long)min,
		(unsigned long long)max);
	return wrong(option, expected);
}

static int number32(int option, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t found = *value;
	int ret = number(option, min, max, &found);

	*value = (uint32_t)found;
	return ret;
}

/* Which of `names` it is; -1: none. Upper and lower case are alike. */
static int one_of(const char *word, const char *const names[], int count)
{
	for (int i = 0; i < count; i++)
		if (strcasecmp(word, names[i]) == 0)
			return i;
	return -1;
}

static int parse_what(int argc, char **argv, struct perf_options *options)
{
	struct perf_settings *settings = &options->settings;
	int measure, verb;

	if (argc < 2)
		return command_usage_error(&command_perf,
			"what should be measured? lat or bw, of send, write, read, atomic or raw");
	measure = one_of(argv[0], perf_measure_names, 2);
	if (measure < 0)
		return command_usage_error(
			&command_perf, "\"%s\" can not be measured: lat or bw can", argv[0]);
	verb = one_of(argv[1], perf_verb_names, PERF_VERBS);
	if (verb < 0)
		return command_usage_error(&command_perf,
			"there is no \"%s\": send, write, read, atomic or raw", argv[1]);
	if (argc > 3)
		return command_usage_error(
			&command_perf, "one HOST is enough, without \"%s\"", argv[3]);
	settings->measure = (uint32_t)measure;
	settings->verb = (uint32_t)verb;
	options->host = argc == 3 ? argv[2] : NULL;
	return EXIT_OK;
}

static int parse_words(struct perf_options *options)
{
	struct perf_settings *settings = &options->settings;
	static const char *const atomics[] = {"FETCH_AND_ADD", "CMP_AND_SWAP"};
	int found;

	if (texts[TRANSPORT] != NULL) {
		found = one_of(texts[TRANSPORT], perf_transport_names, PERF_TRANSPORTS);
		if (found < 0)
			return wrong(TRANSPORT, "weir, unix, tcp, tcp-nodelay or udp");
		settings->transport = (uint32_t)found;
	}
	if (texts[CONNECTION] != NULL) {
		found = one_of(texts[CONNECTION], perf_connection_names, PERF_CONNECTIONS);
		if (found < 0)
			return wrong(CONNECTION, "RC, UC or UD");
		settings->connection = (uint32_t)found;
	}
	if (texts[ATOMIC_TYPE] != NULL) {
		found = one_of(texts[ATOMIC_TYPE], atomics, 2);
		if (found < 0)
			return wrong(ATOMIC_TYPE, "FETCH_AND_ADD or CMP_AND_SWAP");
		settings->compare_swap = (uint8_t)found;
	}
	return EXIT_OK;
}

static int parse_size(struct perf_settings *settings)
{
	uint64_t bytes;

	settings->bytes = settings->verb == PERF_ATOMIC ? 8
		: settings->measure == PERF_LATENCY	? 2
							: 65536;
	if (texts[SIZE] == NULL)
		return EXIT_OK;
	if (settings->verb == PERF_ATOMIC || settings->verb == PERF_RAW)
		return command_usage_error(&command_perf, "--size: %s",
			settings->verb == PERF_ATOMIC ? "atomics are of 8 bytes"
						      : "packets are as long as they come");
	if (units_parse_bytes(texts[SIZE], &bytes) != 0 || bytes > PERF_BYTES_MAX)
		return wrong(SIZE, "bytes from 0 to 1GiB, as 64 or 64KiB");
	if (bytes == 0 && settings->verb != PERF_SEND)
		return wrong(SIZE, "at least 1 byte: only a send can be empty");
	settings->bytes = bytes;
	return EXIT_OK;
}

static int parse_duration(struct perf_settings *settings)
{
	double seconds;

	if (texts[DURATION] == NULL)
		return EXIT_OK;
	/* perftest's are seconds; weir's durations everywhere else have a unit. */
	if (units_parse_duration(texts[DURATION], &settings->duration_ns) != 0) {
		if (units_parse_decimal(texts[DURATION], &seconds) != 0 || seconds > 1e7)
			return wrong(DURATION, "seconds, as 10, or a time with its unit");
		settings->duration_ns = (uint64_t)(seconds * 1e9);
	}
	if (settings->duration_ns == 0)
		return wrong(DURATION, "longer than nothing");
	if (texts[ITERATIONS] != NULL)
		return command_usage_error(&command_perf, "--iters or --duration, not both");
	return EXIT_OK;
}

static int parse_numbers(struct perf_options *options)
{
	struct perf_settings *settings = &options->settings;
	uint32_t port = 18515;
	bool latency = settings->measure == PERF_LATENCY;
	int ret;

	settings->iterations = latency ? 1000 : 5000;
	settings->qps = settings->post_list = 1;
	settings->tx_depth = 128;
	settings->rx_depth = 512;
	settings->cq_mod = 100;
	settings->inline_bytes = latency ? PERF_INLINE_DEFAULT : 0;
	if ((ret = number(ITERATIONS, 5, 1ull << 40, &settings->iterations)) != EXIT_OK ||
		(ret = number(RATE, 1, 100000000, &settings->rate_per_second)) != EXIT_OK ||
		(ret = number32(QPS, 1, PERF_QPS_MAX, &settings->qps)) != EXIT_OK ||
		(ret = number32(TX_DEPTH, 1, PERF_DEPTH_MAX, &settings->tx_depth)) != EXIT_OK ||
		(ret = number32(RX_DEPTH, 1, PERF_DEPTH_MAX, &settings->rx_depth)) != EXIT_OK ||
		(ret = number32(POST_LIST, 1, PERF_LIST_MAX, &settings->post_list)) != EXIT_OK ||
		(ret = number32(INLINE, 0, 65536, &settings->inline_bytes)) != EXIT_OK ||
		(ret = number32(CQ_MOD, 1, PERF_DEPTH_MAX, &settings->cq_mod)) != EXIT_OK ||
		(ret = number32(TCP_PORT, 1, 65535, &port)) != EXIT_OK)
		return ret;
	options->tcp_port = (uint16_t)port;
	/* More would never be signaled: the queue would stay full. */
	if (settings->cq_mod > settings->tx_depth)
		settings->cq_mod = settings->tx_depth;
	if (settings->post_list > settings->tx_depth)
		return wrong(POST_LIST, "at most --tx-depth");
	return EXIT_OK;
}

static int parse_cpus(struct perf_options *options)
{
	char *end;
	long first, second = -1;

	options->cpus[0] = options->cpus[1] = -1;
	if (texts[CPUS] == NULL)
		return EXIT_OK;
	first = strtol(texts[CPUS], &end, 10);
	if (end != texts[CPUS] && *end == ',')
		second = strtol(end + 1, &end, 10);
	if (end == texts[CPUS] || *end != '\0' || first < 0 || first >= CPU_SETSIZE ||
		second < -1 || second >= CPU_SETSIZE || (options->self && second < 0))
		return wrong(CPUS,
			options->self ? "two numbers of CPUs, as 0,1" : "a number of a CPU, as 1");
	options->cpus[0] = (int)first;
	options->cpus[1] = (int)second;
	return EXIT_OK;
}

/* What does not go together. */
static int check_together(const struct perf_options *options)
{
	const struct perf_settings *settings = &options->settings;
	bool latency = settings->measure == PERF_LATENCY;
	static const struct {
		int option;
		bool of_latency;
	} only[] = {{QPS, false}, {POST_LIST, false}, {HISTOGRAM, true}, {UNSORTED, true},
		{RATE, true}};

	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
		if ((texts[only[i].option] != NULL || flags[only[i].option] != 0) &&
			only[i].of_latency != latency)
			return command_usage_error(&command_perf, "--%s is of %s",
				perf_option_table[only[i].option].name,
				only[i].of_latency ? "lat" : "bw");
	if (latency && settings->bidirectional)
		return command_usage_error(&command_perf, "--bidirectional is of bw");
	if (options->self && options->host != NULL)
		return command_usage_error(
			&command_perf, "--self needs no HOST: both sides are here");
	if (flags[POLL] != 0 && settings->events)
		return command_usage_error(&command_perf, "--poll or --event, not both");
	if (flags[CSV] != 0 && flags[JSON] != 0)
		return command_usage_error(&command_perf, "--csv or --json, not both");
	if (options->compare && texts[TRANSPORT] != NULL)
		return command_usage_error(&command_perf, "--compare is over each transport");
	if (options->all && (texts[SIZE] != NULL || settings->verb == PERF_ATOMIC))
		return command_usage_error(&command_perf, "--all: %s",
			texts[SIZE] != NULL ? "or --size, not both" : "atomics are of 8 bytes");
	if (settings->qps > 1 && (options->compare || settings->transport != PERF_WEIR))
		return command_usage_error(&command_perf, "--qp: a socket is one connection");
	if (settings->connection == PERF_UD && settings->verb != PERF_SEND)
		return command_usage_error(&command_perf, "UD carries sends only");
	if (settings->connection == PERF_UC &&
		(settings->verb == PERF_READ || settings->verb == PERF_ATOMIC))
		return command_usage_error(&command_perf, "UC carries sends and writes only");
	return EXIT_OK;
}

static int check_raw(const struct perf_options *options)
{
	if (options->settings.verb != PERF_RAW) {
		if (options->raw_port != NULL || options->echo)
			return command_usage_error(&command_perf, "--%s is of raw%s",
				options->raw_port != NULL ? "port" : "echo",
				options->raw_port != NULL ? "; the TCP port is --tcp-port" : "");
		return EXIT_OK;
	}
	if (options->raw_port == NULL)
		return command_usage_error(&command_perf,
			"raw: packets of which port? --port NAME, as in the configuration");
	if (options->host != NULL || options->self || options->compare)
		return command_usage_error(
			&command_perf, "raw has one side: no HOST, --self or --compare");
	return EXIT_OK;
}

int perf_options_parse(int argc, char **argv, struct perf_options *ret_options)
{
	struct perf_options *options = ret_options;
	struct perf_settings *settings = &options->settings;
	int ret;

	*options = (struct perf_options){
		.self = flags[SELF] != 0,
		.all = flags[ALL] != 0,
		.compare = flags[COMPARE] != 0,
		.histogram = flags[HISTOGRAM] != 0 || flags[UNSORTED] != 0,
		.unsorted = flags[UNSORTED] != 0,
		.format = flags[JSON] != 0 ? PERF_JSON
			: flags[CSV] != 0  ? PERF_CSV
					   : PERF_TABLE,
		.raw_port = texts[RAW_PORT],
		.echo = flags[ECHO] != 0,
		.settings = {.bidirectional = flags[BIDIRECTIONAL] != 0,
			.peak = flags[NO_PEAK] == 0,
			.events = flags[EVENTS] != 0 || flags[EVENT] != 0,
			.verify = flags[VERIFY] != 0},
	};
	if ((ret = parse_what(argc, argv, options)) != EXIT_OK ||
		(ret = parse_words(options)) != EXIT_OK ||
		(ret = parse_size(settings)) != EXIT_OK ||
		(ret = parse_numbers(options)) != EXIT_OK ||
		(ret = parse_duration(settings)) != EXIT_OK ||
		(ret = parse_cpus(options)) != EXIT_OK ||
		(ret = check_together(options)) != EXIT_OK)
		return ret;
	return check_raw(options);
}
