/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The order meter: whether packets leave in the order in which they came, flow by flow, measured
 * while the engine runs and in bounded memory, so it can be left on. (verify.h compares bytes too,
 * by logs that grow.) Each received packet gets its flow's next number; when it is handed to a tx
 * queue the number is judged by RFC 4737: reordered (3.3), extent (4.2.2), duplicates, loss.
 *
 * A flow is what RSS keeps together (packet/flow_key.h), at the rx queue where it was received:
 * what two rx queues received has no order between them. Order at departure is that of the calls
 * that hand packets to tx queues, of all workers and ports together; what a port does between
 * queues of its own is beyond it. A flow that several pipelines copy, or send to several ports, is
 * one flow still.
 *
 * Not judged, but counted: `untracked`, of flows beyond the ORDER_FLOWS_MAX of their rx queue, and
 * `unknown`, that left but never came: made by a stage, or sent on in a new buffer. The latter is
 * then missed as lost; a copy that takes the buffer's fields along (rte_pktmbuf_copy) is a
 * duplicate. What a generator or a capture reorders happened before: it is no fault of the engine.
 *
 * Memory, of each rx queue: 51 MiB of address space, of which some 180 bytes a flow are used. Cost:
 * 307 instructions a packet (callgrind, UDP over IPv4, a thousand flows): 250 where it comes, most
 * to find headers and hash them, 57 where it leaves; some 230 cycles, so that one worker that does
 * nothing else with 60-byte packets keeps about 2/3 of its rate.
 *
 * Threads: engine_order_on() the controlling one; engine_order_result() any.
 */
#ifndef WEIR_ENGINE_ORDER_H
#define WEIR_ENGINE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/engine.h"

enum { ORDER_FLOWS_MAX = 1 << 18, ORDER_WORST_MAX = 5, ORDER_FLOW_TEXT_BYTES = 128 };

/* A flow with something wrong. */
struct order_worst {
	char flow[ORDER_FLOW_TEXT_BYTES]; /* "10.0.0.1:80 10.0.0.2:1234 tcp" */
	uint32_t received, reordered, duplicated, lost, extent_max; /* received, lost: mod 2^32 */
};

struct order_result {
	bool exact; /* the engine stopped; before, `lost` has what is on the way too */
	bool good; /* nothing reordered or duplicated and, if exact, not more lost than dropped */
	uint64_t flows;
	uint64_t received; /* all, untracked ones too */
	uint64_t checked; /* left and judged, duplicates too */
	uint64_t reordered;
	double reordered_ratio; /* of those checked that were no duplicates */
	uint32_t extent_max; /* packets; at least, if: */
	bool extent_at_least;
	uint64_t duplicated;
	uint64_t lost; /* received and not seen to leave */
	uint64_t dropped; /* by the engine's account, for any reason */
	uint64_t untracked; /* received */
	uint64_t unknown;
	unsigned worst_count;
	struct order_worst worst[ORDER_WORST_MAX]; /* the worst first */
};

/* Switches it on for good. After engine_create(), before engine_start(). -ENOMEM. */
int engine_order_on(struct engine *engine, struct error *error);

/* false: it is off. */
bool engine_order_result(const struct engine *engine, struct order_result *ret_result);

#endif
