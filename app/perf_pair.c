/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf_pair.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "perf_exchange.h"

/* ---- clock ---- */

static uint64_t begin_tsc, begin_ns;

void perf_clock_begin(void)
{
	begin_ns = clock_monotonic_ns();
	begin_tsc = tsc_now();
}

double perf_clock_hz(void)
{
	uint64_t ns;

	/* 50 ms, of which both ends are known to some 50 ns: one in a million. */
	while ((ns = clock_monotonic_ns()) - begin_ns < 50000000)
		usleep(1000);
	return (double)(tsc_now() - begin_tsc) * 1e9 / (double)(ns - begin_ns);
}

/* ---- one run ---- */

static int swap_places(struct perf_run *run, struct perf_place *ours, struct perf_place *ret_theirs)
{
	int ret = perf_exchange_send(run->exchange, PERF_PLACE, ours, sizeof(*ours), run->error);

	if (ret != 0)
		return ret;
	return perf_exchange_receive(
		run->exchange, PERF_PLACE, ret_theirs, sizeof(*ret_theirs), run->error);
}

static int swap_flows(struct perf_run *run)
{
	int ret = perf_exchange_send(
		run->exchange, PERF_RESULT, &run->flow, sizeof(run->flow), run->error);

	if (ret != 0)
		return ret;
	return perf_exchange_receive(
		run->exchange, PERF_RESULT, &run->peer_flow, sizeof(run->peer_flow), run->error);
}

static int run_open(
	struct perf_run *run, const struct perf_way *way, void *endpoint, struct perf_place *place)
{
	struct perf_place peer;
	int ret = swap_places(run, place, &peer);

	if (ret == 0)
		ret = way->connect(endpoint, &peer);
	if (ret == 0)
		ret = perf_exchange_meet(run->exchange, run->error);
	if (ret != 0)
		return ret;
	if (run->settings.measure == PERF_LATENCY)
		return way->latency(endpoint);
	ret = way->bandwidth(endpoint);
	return ret != 0 ? ret : swap_flows(run);
}

/* Either side. Whatever happens, the other one learns of it and both are ready for the next. */
static int run_side(struct perf_run *run)
{
	const struct perf_way *way =
		run->settings.transport == PERF_WEIR ? &perf_weir_way : &perf_socket_way;
	struct perf_place place = {0};
	void *endpoint;
	int ret;

	run->tsc_hz = perf_clock_hz();
	endpoint = way->open(run, &place);
	ret = endpoint != NULL ? run_open(run, way, endpoint, &place) : -run->error->code;
	if (ret != 0)
		perf_exchange_fail(run->exchange, run->error);
	if (endpoint != NULL)
		way->close(endpoint);
	return ret;
}

int perf_client_run(int exchange, const struct perf_settings *settings,
	struct perf_result *ret_result, struct error *error)
{
	struct error failure = {0};
	struct perf_run run = {.settings = *settings, .client = true, .exchange = exchange};
	const char *unfit = perf_unfit(settings);
	int ret, over;

	*ret_result = (struct perf_result){.settings = *settings};
	if (unfit != NULL) {
		snprintf(ret_result->missing, sizeof(ret_result->missing), "%s", unfit);
		return 0;
	}
	run.error = &failure;
	if (settings->measure == PERF_LATENCY && perf_samples_init(&run.samples, settings) != 0)
		return error_set(error, ENOMEM, "no memory for the samples");
	ret = perf_exchange_send(exchange, PERF_START, settings, sizeof(*settings), error);
	if (ret != 0) {
		perf_samples_fini(&run.samples);
		return ret;
	}
	ret = run_side(&run);
	over = perf_exchange_over(exchange, error);
	if (ret == 0 && settings->measure == PERF_LATENCY)
		ret = perf_latency_result(&run.samples, settings, run.tsc_hz, &ret_result->latency);
	else if (ret == 0)
		perf_bandwidth_result(&run, &ret_result->bandwidth);
	if (ret != 0)
		snprintf(ret_result->missing, sizeof(ret_result->missing), "%.*s",
			(int)sizeof(ret_result->missing) - 1,
			failure.code != 0 ? failure.message : strerror(-ret));
	ret_result->samples = run.samples;
	return over;
}

void perf_client_end(int exchange)
{
	perf_exchange_send(exchange, PERF_END, NULL, 0, NULL);
}

/* ---- the server ---- */

static int serve_one(int exchange, const struct perf_settings *settings, struct error *error)
{
	struct error failure = {0};
	struct perf_run run = {.settings = *settings, .exchange = exchange, .error = &failure};
	int ret = perf_settings_check(settings, error);

	if (ret != 0)
		return ret;
	run_side(&run); /* the client shows what went wrong */
	return perf_exchange_over(exchange, error);
}

int perf_serve(int exchange, struct error *error)
{
	uint8_t buffer[PERF_MESSAGE_MAX];
	struct perf_settings settings;
	enum perf_message kind;
	int length, ret = 0;

	while (ret == 0) {
		length = perf_exchange_take(exchange, &kind, buffer, error);
		if (length < 0)
			return length;
		if (kind == PERF_END)
			return 0;
		if (kind != PERF_START || length != sizeof(settings))
			return error_set(error, EPROTO, "the client says what makes no sense");
		memcpy(&settings, buffer, sizeof(settings));
		ret = serve_one(exchange, &settings, error);
	}
	return ret;
}

/* ---- CPUs and processes ---- */

int perf_pin(int cpu, struct error *error)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return error_set(error, errno, "CPU %d can not be used: %s", cpu, strerror(errno));
	return 0;
}

void perf_two_cpus(int ret_cpus[2])
{
	cpu_set_t set;
	int found = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			ret_cpus[found++] = cpu;
	if (found < 2)
		ret_cpus[1] = ret_cpus[0];
}

int perf_server_fork(int cpu, int *ret_process, struct error *error)
{
	int ends[2], process, ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_set(error, errno, "no socket pair: %s", strerror(errno));
	process = fork();
	if (process < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_set(error, errno, "no second process: %s", strerror(errno));
	}
	if (process == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		ret = perf_pin(cpu, error);
		if (ret == 0)
			ret = perf_serve(ends[1], error);
		else
			perf_exchange_fail(ends[1], error);
		_exit(ret == 0 ? 0 : 1);
	}
	close(ends[1]);
	*ret_process = process;
	return ends[0];
}
