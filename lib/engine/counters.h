/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine counts. These tables are the registry: the structs below, the tables `weir show`
 * prints, JSON, and the manual are all made from them.
 *
 * Threads: each struct has one writer, the worker that owns it, and sits on cache lines of its own.
 * The only reader while it runs is the stats thread, which takes copies; counters only grow (gauges
 * say so), are 64 bits wide and are never torn. A reader may see one counter newer than another;
 * they agree exactly once the workers have stopped.
 */
#ifndef WEIR_ENGINE_COUNTERS_H
#define WEIR_ENGINE_COUNTERS_H

#include <stdint.h>

#include "base/histogram.h"
#include "engine/stage.h"
#include "packet/drop.h"

/* X(name, unit, description) */
#define WORKER_COUNTERS(X)                                                                         \
	X(iterations, "", "turns of the poll loop")                                                \
	X(busy_cycles, "cycles", "spent in turns that moved packets")                              \
	X(idle_cycles, "cycles", "spent in turns that found nothing")                              \
	X(sleep_cycles, "cycles", "spent asleep (idle policy adaptive)")                           \
	X(sleeps, "", "times it went to sleep")                                                    \
	X(interrupts, "", "times an rx interrupt or another worker woke it")                       \
	X(handoff_out, "packets", "steered to other workers")                                      \
	X(handoff_in, "packets", "taken from the backlogs others filled")                          \
	X(handoff_batches, "", "batches taken from backlogs")                                      \
	X(backlog_high, "packets", "gauge: most packets seen waiting in its backlogs")             \
	X(stalls, "", "polls put off because a backlog was full, or for a move")                   \
	X(processed, "packets", "run through a pipeline here")                                     \
	X(time_squeeze, "", "turns that left packets waiting in a backlog")                        \
	X(wakes_in, "", "times another worker woke it")                                            \
	X(from_applications, "packets", "that applications sent, taken by it")

/* Of a port's rx queue (hardware or emulated) or tx queue. */
#define QUEUE_COUNTERS(X)                                                                          \
	X(packets, "packets", "passed")                                                            \
	X(bytes, "bytes", "passed, Ethernet header included, without FCS")                         \
	X(batches, "", "bursts that were not empty")

#define COUNTER_MEMBER(name, unit, description) uint64_t name;

struct queue_counters {
	QUEUE_COUNTERS(COUNTER_MEMBER)
} __attribute__((aligned(64)));

struct worker_counters {
	WORKER_COUNTERS(COUNTER_MEMBER)
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t burst_sizes[BURST_SIZE + 1]; /* of rx bursts: how many had 1, 2, ... packets */
	struct histogram latency_cycles; /* from rx to after tx, a record a packet */
} __attribute__((aligned(64)));

struct counter_info {
	const char *name;
	const char *unit;
	const char *description;
};

/* In the order of the structs' members, each a uint64_t from the struct's start. */
extern const struct counter_info worker_counter_infos[];
extern const struct counter_info queue_counter_infos[];
extern const unsigned worker_counter_count, queue_counter_count;

#endif
