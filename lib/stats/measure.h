/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic and small JSON objects that the parts of a snapshot share. Inside stats/ only. */
#ifndef WEIR_STATS_MEASURE_H
#define WEIR_STATS_MEASURE_H

#include <stdint.h>

#include <jansson.h>

#include "engine/counters.h"

/* What happened between two readings. */
struct flow {
	struct queue_counters total; /* since the start */
	struct queue_counters delta; /* in the interval */
};

void flow_add(
	struct flow *flow, const struct queue_counters *now, const struct queue_counters *before);

/* Counters only grow; where two of them were read apart a difference may come out negative: 0. */
uint64_t difference(uint64_t larger, uint64_t smaller);

/* Events a second, rounded; 0 when no time has passed. */
uint64_t rate_per_second(uint64_t count, uint64_t interval_ns);

/* part / whole, to two decimals; 0 when there is nothing to divide by. */
double ratio(uint64_t part, uint64_t whole);

/* Sets members of `object`; silently nothing when out of memory, as jansson does. */
void set_count(json_t *object, const char *name, uint64_t value);
void set_ratio(json_t *object, const char *name, double value);
void set_text(json_t *object, const char *name, const char *text);
void set_flow(json_t *object, const struct flow *flow, uint64_t interval_ns);

/* {count, p50, p90, p99, p99_9, max} in nanoseconds, a new reference. `max` is that of the highest
 * bucket with a record in it. */
json_t *latency_json(const struct histogram *cycles, uint64_t tsc_hz);

#endif
