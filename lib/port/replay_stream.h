/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that do not fit in memory, or never end: a thread reads ahead, makes packets of them and
 * hands them with their due times to the worker through a ring. It waits, asleep, when the ring is
 * full, so it costs only what reading costs.
 */
#ifndef WEIR_PORT_REPLAY_STREAM_H
#define WEIR_PORT_REPLAY_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "base/error.h"
#include "port/replay.h"

enum { STREAM_AHEAD_PACKETS = 8192, STREAM_POOL_PACKETS = 16383 };

struct replay_stream;

struct replay_stream *replay_stream_create(
	const struct replay_plan *plan, int numa_node, uint64_t tsc_hz, struct error *error);
struct replay_stream *replay_stream_destroy(struct replay_stream *stream);

int replay_stream_start(struct replay_stream *stream, int cpu, struct error *error);
/* Ends the thread. What it had read ahead stays, to be taken or dropped by destroy. */
void replay_stream_stop(struct replay_stream *stream);

/* Worker: the oldest packet, its due time in cycles from the start; false: none is ready. */
bool replay_stream_peek(
	struct replay_stream *stream, struct rte_mbuf **ret_packet, uint64_t *ret_due);
void replay_stream_take(struct replay_stream *stream);
/* Worker: all was read and taken. */
bool replay_stream_ended(struct replay_stream *stream);

/* Counts of all passes. Any thread. */
void replay_stream_counts(const struct replay_stream *stream, struct capture_counts *ret_counts);
/* What ended it early; code 0: nothing. After the end. */
const struct error *replay_stream_error(const struct replay_stream *stream);

#endif
