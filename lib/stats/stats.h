/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stats thread: reads the engine's counters, keeps rates, prints the periodic table, appends
 * JSON lines, and serves the control socket.
 *
 *     stats_create -> stats_start -> ... -> stats_stop -> stats_summary -> stats_destroy
 *
 * Everything it shows is first made into one JSON object (shape: snapshot_json.h); tables are
 * rendered from that object (render.h), so that the two cannot disagree.
 *
 * Threads: functions here are for the controlling (main) thread, which is also the only one that
 * may start and stop the engine. What a client of the socket asks for in that line waits as a
 * request until main takes it.
 */
#ifndef WEIR_STATS_STATS_H
#define WEIR_STATS_STATS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"
#include "engine/engine.h"

struct stats;

/* What clients want main to do. */
enum stats_request {
	STATS_REQUEST_NONE,
	STATS_REQUEST_START,
	STATS_REQUEST_STOP,
	STATS_REQUEST_QUIT
};

/* Takes stats and control from engine_config(); opens the control socket and the file of JSON
 * lines. `engine` must outlive it; settings change it. */
int stats_create(struct engine *engine, struct stats **ret_stats, struct error *error);

/* Starts the thread "weir-stats" on `cpu` (-1: anywhere). It takes no signals. */
int stats_start(struct stats *stats, int cpu, struct error *error);

/* To be told after engine_start() and after engine_stop(): the clock of the summary runs between.
 */
void stats_set_forwarding(struct stats *stats, bool forwarding);

/* What it was told last. Any thread. */
bool stats_forwarding(struct stats *stats);

/* Ends the thread. After engine_stop(), so that the last JSON line has the exact numbers. */
void stats_stop(struct stats *stats);
struct stats *stats_destroy(struct stats *stats); /* takes NULL, returns NULL */

/* The oldest request not yet taken. */
enum stats_request stats_take_request(struct stats *stats);
/* Readable while a request waits, for poll(2). Belongs to `stats`. */
int stats_request_fd(const struct stats *stats);

/* Runs one command, as the socket does (a control_handler whose arg is `stats`). Any thread. */
int stats_command(void *stats, const json_t *request, json_t **ret_result, struct error *error);

/* The whole run, rates averaged over the time of forwarding. Exact after engine_stop(). Returns a
 * new reference; NULL: out of memory. */
json_t *stats_summary_json(struct stats *stats);
void stats_summary(struct stats *stats, FILE *out);

#endif
