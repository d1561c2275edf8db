/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers' side of captures: a tap is a place on a worker's path with those who want copies of
 * what passes there. Nobody does: there is no tap, which costs a branch a burst at rx and tx, and
 * nothing at all between stages. A copy goes into a ring of the worker's own; if that is full, the
 * copy is lost and counted, and the packet goes its way.
 *
 * Taps change while workers are parked only. Inside engine/ only.
 */
#ifndef WEIR_ENGINE_CAPTURE_TAP_H
#define WEIR_ENGINE_CAPTURE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/capture.h"
#include "engine/capture_filter.h"
#include "engine/stage.h"
#include "engine/tap.h"
#include "ring/byte_ring.h"

struct rx_poll;
struct transmit;

enum { CAPTURE_NOWHERE = 0xff, CAPTURE_NO_QUEUE = 0xffff };

/* Packets that a traced super-packet is known to be made of: more are not told. */
enum { CAPTURE_PARTS_MAX = 64 };

/* A record in the ring: this, `parts` numbers of 8 bytes, then `captured` bytes of the packet. */
struct capture_record {
	uint64_t tsc;
	uint64_t number; /* of a traced packet; 0: none */
	uint32_t captured, length;
	uint32_t hash;
	uint16_t queue; /* of the port; or CAPTURE_NO_QUEUE */
	uint16_t segments; /* packets of the wire that it stands for */
	uint16_t segment_bytes; /* payload of each; 0: it is no super-packet */
	uint16_t buffers;
	uint16_t parts;
	uint8_t point, worker;
	uint8_t port, pipeline; /* by index, or CAPTURE_NOWHERE */
	uint8_t reason; /* enum drop_reason; DROP_REASON_COUNT: not dropped */
	bool hashed; /* `hash` is one */
};
_Static_assert(sizeof(struct capture_record) % BYTE_RING_WORD == 0, "parts are words");

/* One worker's part of a capture. Writer: the worker. Readers of the counters: others. */
struct capture_lane {
	const struct capture_filter *filter;
	struct byte_ring *ring;
	uint32_t snap_bytes;
	uint16_t worker;
	bool traces; /* numbers what matches at rx, and takes only what has a number */
	struct tap_stamp stamp; /* where numbers are */
	uint64_t *numbers_left; /* atomic; of all lanes */
	uint64_t numbers; /* to begin with */
	const bool *over; /* atomic: takes no more */
	struct capture_point_counters counters[CAPTURE_POINTS_MAX];
} __attribute__((aligned(64)));

struct capture_taker {
	struct capture_lane *lane;
	uint8_t point; /* of the capture */
	bool numbers; /* this is rx, where traced packets get their number */
};

/* One capture may ask for a place by two names: stage1 and its type. */
enum { CAPTURE_TAKERS_MAX = 2 * CAPTURES_MAX };

struct capture_tap {
	struct drop_watch watch; /* of what is dropped */
	uint16_t count;
	struct capture_taker takers[CAPTURE_TAKERS_MAX];
};

extern const struct stage_ops capture_stage; /* its state is a tap */

/* `watch.dropped` of a tap. */
void capture_dropped(const struct drop_watch *watch, struct rte_mbuf *const packets[],
	unsigned count, enum drop_reason reason);
void capture_received(const struct rx_poll *poll, struct rte_mbuf *packets[], unsigned count);
/* Sends through the queue; copies of what it does not take are taken back. */
uint16_t capture_send(const struct transmit *transmit, struct rte_mbuf **packets, uint16_t count);

#endif
