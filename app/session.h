/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run of the engine from the command line: create, start, wait for its end or a signal, drain,
 * report. `weir run` and `weir replay` differ in the configuration and in what they print.
 */
#ifndef WEIR_APP_SESSION_H
#define WEIR_APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "engine/engine.h"
#include "stats/stats.h"

struct session {
	const char *command; /* for messages: "weir COMMAND: ..." */
	struct config *config; /* owned */
	struct engine *engine;
	struct stats *stats;
	uint64_t duration_ns; /* 0: no limit */
	bool interactive;
	bool quiet; /* no notices, no progress: the output is JSON */
	bool progress; /* a line while a replay runs, on a terminal */
	bool verify; /* compare what leaves with what came */
	bool check_order; /* watch whether flows keep their order */
	volatile bool paused; /* stopped by command, not by its end */
};

/* Loads a configuration from a file or (path NULL) text; prints its problems. An exit code. */
int session_load(struct session *session, const char *path, const char *text);

/* Creates everything. An exit code; EXIT_OK: session_finish() must follow. */
int session_begin(struct session *session);
/* Starts, waits, stops. After it all numbers are exact. */
int session_wait(struct session *session);
/* Destroys everything; says what is not in order (packets unaccounted for, flows out of order if
 * that is checked, buffers that did not come back, files not written). An exit code. */
int session_finish(struct session *session);

#endif
