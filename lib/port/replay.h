/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The replay source: frames of capture files or of the generator, given to a worker at the times a
 * schedule says. The schedule is computed before the start; time is the TSC.
 *
 * Frames are loaded into packet memory first (preload), or read ahead by a thread while they are
 * played (stream). A preloaded packet is lent to the pipeline: its mbuf refers to read-only bytes,
 * has one reference more than it needs, and comes home by itself. Where the pipeline writes into
 * packets, or the packet of the last loop is still out, a copy is given instead.
 *
 * Threads: created, started and destroyed by the controlling thread; replay_receive() by one
 * worker; counters have that worker as writer and the stats thread as reader.
 */
#ifndef WEIR_PORT_REPLAY_H
#define WEIR_PORT_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"
#include "base/histogram.h"
#include "capture/reader.h"
#include "config/config.h"

/* A packet that leaves later than this after its time is counted late. */
enum { REPLAY_LATE_NS = 10000 };
/* Longer frames are chains of segments of this size. */
enum { REPLAY_SEGMENT_BYTES = 2048 };

/* What one pass over the frames needs, found by reading them once. */
struct replay_plan {
	struct config_replay play; /* how to play: a generator's wishes are copied here */
	const struct config_port *config;
	uint16_t port; /* for mbuf->port */
	bool preload;
	uint64_t packets_max; /* of one loop; 0: all there are */
	uint64_t packets, bytes; /* of one loop; streams: 0 when not known */
	uint64_t segments; /* mbufs for all packets of one loop */
	uint64_t memory_bytes; /* packet memory and schedule */
	uint64_t span_ns; /* first to last packet, as captured */
	struct capture_counts counts; /* what reading met */
};

/* `memory_limit_bytes`: preload no more than this (REPLAY_LOAD_AUTO streams beyond it). No EAL. */
int replay_plan_make(const struct config_port *config, uint64_t memory_limit_bytes,
	struct replay_plan *ret_plan, struct error *error);

struct replay_counters {
	uint64_t packets; /* given to the pipeline */
	uint64_t bytes;
	uint64_t copies; /* of them copied, not lent */
	uint64_t waits; /* polls that found no free packet buffer or nothing read ahead */
	uint64_t late;
	uint64_t loops; /* completed */
	uint64_t first_tsc, last_tsc; /* of the first and the last packet given */
	uint64_t first_due_tsc, last_due_tsc;
	struct histogram error_ns; /* actual - scheduled; not recorded at top speed */
} __attribute__((aligned(64)));

struct replay;

/* Loads or opens the frames. `pool`: for copies and streams, of the worker's node. */
struct replay *replay_create(const struct replay_plan *plan, struct rte_mempool *pool,
	int numa_node, uint64_t tsc_hz, struct error *error);
struct replay *replay_destroy(struct replay *replay);

/* The pipeline writes into packets: give copies. Before the start. */
void replay_set_copy(struct replay *replay, bool copy);

/* The first packet is due at `start_tsc`; after a replay_pause(), the next one as long after
 * `start_tsc` as it was then from the pause. Starts the read-ahead thread of a stream on `cpu`
 * (-1: anywhere). */
int replay_start(struct replay *replay, uint64_t start_tsc, int cpu, struct error *error);
/* The worker must have stopped calling replay_receive(). */
void replay_pause(struct replay *replay, uint64_t now_tsc);

uint16_t replay_receive(void *replay, struct rte_mbuf **packets, uint16_t count);

/* When the next packet is due; 0: now or not known. Worker thread. */
uint64_t replay_next_due(const struct replay *replay);
/* Cycles that receiving waited for packets that were nearly due, since it was asked last: no work.
 * Of the worker that receives. */
uint64_t replay_take_waited(struct replay *replay);
/* All loops are played, or the time is over. Any thread. */
bool replay_finished(const struct replay *replay);

const struct replay_counters *replay_counters(const struct replay *replay);
const struct replay_plan *replay_plan(const struct replay *replay);
/* What reading met: after a stream's end more than the plan knew. */
void replay_read_counts(const struct replay *replay, struct capture_counts *ret_counts);
/* An error that ended a stream early; code 0 when none. */
const struct error *replay_error(const struct replay *replay);
/* Preloaded packets that are out at the moment: 0 when all came home. Only while stopped. */
uint64_t replay_lent(const struct replay *replay);

#endif
