/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf: latency and bandwidth of the verbs, and beside them those of sockets. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf_exchange.h"
#include "perf_options.h"
#include "perf_pair.h"
#include "perf_raw.h"
#include "perf_report.h"

static int failed(const struct error *error)
{
	fprintf(stderr, "weir perf: %s\n", error->message);
	return EXIT_FAILED;
}

/* One run, its row. *some_missing: it could not be measured, which its row says. */
static int measure(int exchange, const struct perf_settings *settings, struct perf_report *report,
	bool *some_missing, struct error *error)
{
	struct perf_result result;
	int ret = perf_client_run(exchange, settings, &result, error);

	if (ret == 0 || result.missing[0] != '\0')
		perf_report_row(report, &result, perf_clock_hz());
	*some_missing |= result.missing[0] != '\0';
	perf_samples_fini(&result.samples);
	return ret;
}

/* All transports that were asked for, of one size. */
static int measure_size(int exchange, const struct perf_options *options,
	struct perf_settings settings, struct perf_report *report, bool *some_missing,
	struct error *error)
{
	int ret = 0;

	if (!options->compare)
		return measure(exchange, &settings, report, some_missing, error);
	for (uint32_t transport = 0; transport < PERF_TRANSPORTS && ret == 0; transport++) {
		settings.transport = transport;
		ret = measure(exchange, &settings, report, some_missing, error);
	}
	return ret;
}

static int client(int exchange, const struct perf_options *options)
{
	struct perf_report *report = perf_report_begin(options, stdout);
	struct perf_settings settings = options->settings;
	struct error error = {.message = "no memory"};
	bool some_missing = false;
	int ret;

	if (report == NULL)
		return failed(&error);
	if (options->all) {
		ret = 0;
		for (settings.bytes = 2; settings.bytes <= 1 << 23 && ret == 0; settings.bytes *= 2)
			ret = measure_size(
				exchange, options, settings, report, &some_missing, &error);
	} else {
		ret = measure_size(exchange, options, settings, report, &some_missing, &error);
	}
	perf_report_end(report);
	if (ret != 0)
		return failed(&error);
	perf_client_end(exchange);
	/* In a comparison some are not possible: that is a result. */
	return some_missing && !options->compare && !options->all ? EXIT_FAILED : EXIT_OK;
}

/* ---- both sides in one command ---- */

static int both(const struct perf_options *options)
{
	struct error error = {0};
	int cpus[2] = {options->cpus[0], options->cpus[1]};
	int process, exchange, result;

	if (cpus[0] < 0)
		perf_two_cpus(cpus);
	if (cpus[0] == cpus[1] && !options->settings.events)
		fprintf(stderr,
			"weir perf: both sides poll on CPU %d: each waits for the other one's "
			"time slice to end; --event would sleep\n",
			cpus[0]);
	exchange = perf_server_fork(cpus[0], &process, &error);
	if (exchange < 0)
		return failed(&error);
	if (perf_pin(cpus[1], &error) != 0)
		result = failed(&error);
	else
		result = client(exchange, options);
	close(exchange);
	waitpid(process, NULL, 0);
	return result;
}

/* ---- one side ---- */

static int one_side(const struct perf_options *options)
{
	struct error error = {0};
	int exchange, result = EXIT_OK;

	if (perf_pin(options->cpus[0], &error) != 0)
		return failed(&error);
	if (options->host == NULL)
		fprintf(stderr, "weir perf: waiting for a client, on TCP port %u\n",
			options->tcp_port);
	exchange = options->host == NULL
		? perf_exchange_accept(options->tcp_port, &error)
		: perf_exchange_connect(options->host, options->tcp_port, &error);
	if (exchange < 0)
		return failed(&error);
	if (perf_exchange_hello(exchange, &error) != 0)
		result = failed(&error);
	else if (options->host != NULL)
		result = client(exchange, options);
	else if (perf_serve(exchange, &error) != 0)
		result = failed(&error);
	close(exchange);
	return result;
}

static int run(int argc, char **argv)
{
	struct perf_options options;
	int ret = perf_options_parse(argc, argv, &options);

	if (ret != EXIT_OK)
		return ret;
	perf_clock_begin();
	signal(SIGPIPE, SIG_IGN);
	if (options.settings.verb == PERF_RAW)
		return perf_raw(&options);
	return options.self ? both(&options) : one_side(&options);
}

const struct command command_perf = {
	.name = "perf",
	.arguments = "lat|bw send|write|read|atomic|raw [HOST]",
	.summary = "Measures latency and bandwidth of the verbs, and of sockets beside them",
	.description =
		"Without HOST it is the server and waits for one client, with HOST the client, "
		"which "
		"says what is measured and shows it; --self is both. Over the verbs (--transport "
		"weir) both sides attach to a running engine, whose socket $WEIR_VERBS_SOCKET "
		"names.\n\n"
		"Options and columns are perftest's. Latency is half of the round trip for send "
		"and "
		"write, all of it for read and atomic; t_typical is the median; the first 100 "
		"messages are not counted. MB are 2^20 bytes, Mpps a million messages a second; "
		"the "
		"peak is that of the fastest tenth of the run.\n\n"
		"With --rate messages follow a schedule and latency counts from when a message was "
		"due, not from when it left: a stall is seen by every message that it keeps "
		"waiting. "
		"Over sockets a write is what a send is; a read or atomic is asked for and "
		"answered.\n\n"
		"raw has one side: it receives the packets of --port NAME through a raw-packet "
		"queue "
		"pair (bw: how many; lat: how old they are when they are received), and sends them "
		"back with --echo.",
	.examples =
		"  weir perf lat send --self --compare -s 64  # weir and sockets, one after the "
		"other\n"
		"  weir perf lat send -n 1M  # the server; it takes everything from the client\n"
		"  weir perf lat send -n 1M -s 64 localhost  # and its client\n"
		"  weir perf lat send --self --rate 10000 -s 1024 -D 10  # 1 KiB, 10,000 times a "
		"second\n"
		"  weir perf bw write --self -a --json  # all sizes, for a program to read\n"
		"  weir perf bw raw --port wan -D 5  # packets of a port, for 5 seconds\n",
	.options = perf_option_table,
	.run = run,
};
