/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf: runs, seen from the client and from the server. */
#ifndef WEIR_APP_PERF_PAIR_H
#define WEIR_APP_PERF_PAIR_H

#include "perf.h"

/* Why this can not be run, in a sentence; NULL: it can. */
const char *perf_unfit(const struct perf_settings *settings);
/* Of settings that came from anybody. 0, or -EPROTO and which of them cannot be. */
int perf_settings_check(const struct perf_settings *settings, struct error *error);

/* One run, as the client. What went wrong is in the result's `missing`; -errno is given only if
 * the other side is gone. The caller frees result->samples. */
int perf_client_run(int exchange, const struct perf_settings *settings,
	struct perf_result *ret_result, struct error *error);
/* Until the client has no further run. A run that fails here does not end it. */
int perf_serve(int exchange, struct error *error);
/* The client has no further run. */
void perf_client_end(int exchange);

/* Starts the server in a process of its own, on `cpu` (-1: any). The connection to it; *ret_process
 * is to be waited for. */
int perf_server_fork(int cpu, int *ret_process, struct error *error);
/* This thread runs on `cpu` only. -1: nothing happens. */
int perf_pin(int cpu, struct error *error);
/* The first two CPUs that this process may use; the same one twice if there is no other. */
void perf_two_cpus(int ret_cpus[2]);

/* Cycles of the time stamp counter a second, better the longer ago perf_clock_begin() was. */
void perf_clock_begin(void);
double perf_clock_hz(void);

#endif
