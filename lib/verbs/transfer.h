/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The executor: does a work request of a connected (or UD) queue pair between the memory of the
 * initiator and that of the responder. The same code in the initiator's library (direct path) and
 * in the engine (engine path). It never waits: what cannot go on now says why, and is called again.
 *
 * Large messages go in steps of VERBS_STEP_BYTES, so that nobody is kept for long.
 */
#ifndef WEIR_VERBS_TRANSFER_H
#define WEIR_VERBS_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "verbs/layout.h"

enum { VERBS_STEP_BYTES = 256 * 1024, VERBS_AHEAD = 64, VERBS_PREFETCH_SLOTS = 16 };

/* A registered region as it is seen here: already checked against its file. */
struct verbs_region {
	uint8_t *base; /* where its first byte is mapped here */
	uint64_t address; /* the owner's address of that byte */
	uint64_t bytes;
	uint32_t key, access, pd; /* access: enum weir_access */
};

/* Finds regions of one connection by key. NULL: none with exactly this key. Ours: a table; on the
 * direct path the other end's are asked for at first use. */
struct verbs_regions {
	const struct verbs_region *(*find)(struct verbs_regions *regions, uint32_t key);
	bool unreachable; /* who knows was not there to be asked: that the last one was not found
			     says nothing of the key */
};

/* A queue pair's memory as it is mapped here, with an own copy of its geometry. */
struct verbs_queue {
	struct verbs_queue_header *header;
	const uint32_t *sizes;
	uint8_t *receives;
	struct verbs_slot *inbox;
	uint8_t *requests;
	struct verbs_outcome *outcomes;
	struct verbs_geometry geometry;
	uint32_t receive_stride, request_stride;
	uint32_t number; /* of the queue pair */
	uint32_t pd;
};

struct verbs_srq { /* a shared receive queue's memory as it is mapped here */
	struct verbs_srq_header *header;
	uint8_t *receives;
	uint32_t depth, segments, receive_stride;
};

/* Points `queue` into memory of verbs_queue_places(). */
void verbs_queue_attach(struct verbs_queue *queue, void *memory, uint32_t number, uint32_t pd,
	const struct verbs_geometry *geometry);
void verbs_srq_attach(struct verbs_srq *srq, void *memory, uint32_t depth, uint32_t segments);
size_t verbs_srq_bytes(uint32_t depth, uint32_t segments);

/* The responder, as an executor keeps it between requests. One executor at a time. */
struct verbs_responder {
	struct verbs_queue queue;
	struct verbs_srq *srq; /* NULL: its receives are its own */
	struct verbs_regions *regions; /* of its connection */
	uint32_t type; /* enum weir_qp_type */
	uint32_t messages; /* put into its inbox so far */
	uint32_t received; /* of its own receives, so many were seen posted; */
	uint32_t least_size; /* of those that are not used up, the smallest has so much room */
	uint32_t consumed; /* messages it was seen to have taken */
	uint32_t taken; /* receives used up (no SRQ) */
	uint32_t woken; /* verbs_queue_header.armed for which it was woken */
	bool wrote; /* something was put into its inbox: wake it if it is armed */
	bool solicited; /* and it was solicited */
};

/* A request on its way: a private copy, so nobody changes it meanwhile. */
struct verbs_transfer {
	struct verbs_request request;
	struct verbs_segment segments[VERBS_SEGMENTS_MAX];
	const uint8_t *payload; /* inline: `request.bytes` bytes, private */
	/* Where an atomic is noted before it is done: the initiator's header; NULL: nowhere. */
	struct verbs_queue_header *journal;
	uint64_t done_bytes; /* of a message that goes in steps */
	/* The receive it goes to, once that is chosen: a copy. */
	bool has_receive;
	uint32_t receive_tag, receive_bytes, receive_count;
	struct verbs_segment receive[VERBS_SEGMENTS_MAX];
	uint16_t status; /* enum weir_wc_status */
	uint16_t reason; /* enum verbs_reason */
};

enum verbs_step {
	VERBS_FINISHED, /* see status and reason */
	VERBS_AGAIN, /* some was done: call again soon */
	VERBS_WAIT_PEER, /* the other end is not (yet) open for us */
	VERBS_WAIT_RECEIVE, /* no receive is posted: RNR */
	VERBS_WAIT_ROOM, /* its inbox is full */
};

/* A new request: all but `request`, `segments`, `payload` and `journal` is set to its start. */
static inline void verbs_transfer_begin(struct verbs_transfer *transfer)
{
	transfer->done_bytes = 0;
	transfer->has_receive = false;
	transfer->status = 0;
	transfer->reason = 0;
}

/* Does as much of it as one step may. On an error that the responder has to know of, its inbox
 * tells it (VERBS_ARRIVED_FAULT, or a status with the receive). `own`: the initiator's regions,
 * `pd` its domain; `source` its queue pair's number. */
enum verbs_step verbs_transfer_step(struct verbs_transfer *transfer,
	struct verbs_responder *responder, struct verbs_regions *own, uint32_t pd, uint32_t source);

#endif
