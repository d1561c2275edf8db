/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the bytes of a message are: segments of one owner's regions, read or written from some byte
 * of the whole on. Inside verbs/: for transfer.c and transfer_receive.c.
 */
#ifndef WEIR_VERBS_TRANSFER_PLACES_H
#define WEIR_VERBS_TRANSFER_PLACES_H

#include "verbs/transfer.h"

/* A part of some memory, mapped here. NULL base: there is none, and why. */
struct place {
	uint8_t *base;
	uint64_t bytes;
	enum verbs_reason reason;
};

/* [address, address + bytes) of the region with this key, if it is of `pd` and allows `access`. */
struct place place_of(struct verbs_regions *regions, uint32_t pd, uint32_t access, uint32_t key,
	uint64_t address, uint64_t bytes);
/* Reasons are those of the other end's memory; of one's own they are called so: */
enum verbs_reason local_reason(enum verbs_reason reason);

/* A list of segments, from some byte of the whole on. */
struct cursor {
	struct verbs_regions *regions;
	const struct verbs_segment *segments;
	uint64_t skip; /* bytes of the current segment that are done */
	uint32_t left; /* segments */
	uint32_t pd, access;
};

void cursor_skip(struct cursor *cursor, uint64_t bytes);
/* What is left of the current segment, at most `bytes`. */
struct place cursor_place(const struct cursor *cursor, uint64_t bytes);

/* ---- transfer_receive.c ---- */

/* Chooses the receive of a message that needs one: VERBS_FINISHED, or why there is none. */
enum verbs_step receive_choose(
	struct verbs_transfer *transfer, struct verbs_responder *responder, uint32_t source);
/* The message has arrived, or failed in a way that its receiver must know (`status`: enum
 * weir_wc_status). `kind`: enum verbs_arrival. */
void receive_deliver(struct verbs_transfer *transfer, struct verbs_responder *responder,
	uint32_t source, uint8_t kind, uint16_t status);

#endif
