/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares what leaves the engine with what came in: order in each flow, bytes, loss, duplicates,
 * and how well the gaps between packets were kept. Two taps, one around each rx queue and one
 * around each tx queue, only write logs; all comparing is done after the stop. For tests and
 * measurement: a packet costs some 30 bytes of memory and a pass over its bytes, and logs grow
 * while it runs.
 *
 * A flow is what RSS keeps together: addresses and ports, of fragments the addresses, of all else
 * that is not IP the addresses of Ethernet.
 *
 * Threads: a tap belongs to the worker of its queue; the rest to the controlling thread.
 */
#ifndef WEIR_ENGINE_VERIFY_H
#define WEIR_ENGINE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/histogram.h"
#include "engine/engine.h"

struct verify_result {
	uint64_t in, out;
	uint64_t lost; /* came, did not leave: equals the drops, or something is wrong */
	uint64_t duplicated; /* left more than once */
	uint64_t reordered; /* left after a later packet of their flow */
	uint64_t changed; /* other bytes than they came with */
	uint64_t unknown; /* left, but never came: made by a stage */
	uint64_t flows;
	struct histogram gap_error_ns; /* |gap at departure - gap at arrival|, neighbours */
	bool complete; /* false: a log could not grow, the rest was not compared */
};

/* Puts taps around all queues. After engine_create(), before engine_start(). */
int engine_verify_on(struct engine *engine, struct error *error);

/* After engine_stop(). 0 or -ENOMEM. */
int engine_verify_result(const struct engine *engine, struct verify_result *ret_result);

#endif
