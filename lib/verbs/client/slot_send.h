/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A short message travels in its slot of the other end's inbox: the way of most messages, so it is
 * one function without calls, for those that are posted (post.c) and those that had to wait
 * (progress.c).
 */
#ifndef WEIR_VERBS_CLIENT_SLOT_SEND_H
#define WEIR_VERBS_CLIENT_SLOT_SEND_H

#include "verbs/client/data_path.h"

/* A SEND. `pieces` are what it is gathered from: of regions of ours, or with WEIR_SEND_INLINE any
 * memory. */
struct client_short {
	const struct weir_sge *pieces;
	int piece_count;
	uint32_t bytes; /* of all pieces */
	uint32_t immediate;
	uint32_t opcode, flags; /* enum weir_wr_opcode, weir_send_flags */
};

/* Of those that do. */
static inline bool client_travels_in_slot(
	const struct client_qp *qp, const struct client_short *message)
{
	return message->bytes <= VERBS_PAYLOAD_MAX && qp->responder.srq == NULL &&
		(message->opcode == WEIR_WR_SEND || message->opcode == WEIR_WR_SEND_WITH_IMM);
}

/* Whether all pieces lie in regions of ours. */
static inline bool client_pieces_good(
	const struct client_qp *qp, const struct client_short *message)
{
	if ((message->flags & WEIR_SEND_INLINE) != 0)
		return true;
	for (int i = 0; i < message->piece_count; i++) {
		const struct weir_sge *piece = &message->pieces[i];

		if (client_own_place(qp, piece->lkey, piece->addr, piece->length, 0) == NULL)
			return false;
	}
	return true;
}

static inline void client_gather(uint8_t *to, const struct weir_sge *pieces, int count)
{
	for (int i = 0; i < count; i++) {
		/* Checked; or inline, of which nothing is to be checked. */
		verbs_copy(to, (const uint8_t *)(uintptr_t)pieces[i].addr, pieces[i].length);
		to += pieces[i].length;
	}
}

static inline void client_slot_fill(
	struct client_qp *qp, const struct client_short *message, struct verbs_slot *slot)
{
	slot->bytes = message->bytes;
	slot->immediate = message->immediate;
	slot->source = qp->qp.qp_num;
	slot->kind = VERBS_ARRIVED_SEND;
	slot->status = WEIR_WC_SUCCESS;
	slot->flags = (uint8_t)(VERBS_SLOT_INLINE |
		(message->opcode == WEIR_WR_SEND_WITH_IMM ? VERBS_SLOT_IMMEDIATE : 0) |
		(message->flags & WEIR_SEND_SOLICITED ? VERBS_SLOT_SOLICITED : 0));
	if (message->piece_count == 1)
		verbs_copy_payload(slot->payload, (const uint8_t *)(uintptr_t)message->pieces->addr,
			message->bytes);
	else
		client_gather(slot->payload, message->pieces, message->piece_count);
}

/* Lock of the queue pair held, nothing before it waits, direct path. false: not this one, or not
 * now. Busy: the other end may be reset meanwhile, and is not to find there what was meant for it
 * before. */
static inline bool client_slot_send(struct client_qp *qp, const struct client_short *message)
{
	struct verbs_responder *responder = &qp->responder;
	struct verbs_slot *slot = verbs_next_slot(responder);
	bool sent = false;

	if (!client_travels_in_slot(qp, message) || !client_pieces_good(qp, message))
		return false;
	client_busy_begin(qp);
	if (verbs_open_for(responder, qp->qp.qp_num) && verbs_receive_posted(responder) &&
		verbs_receive_fits(responder, message->bytes)) {
		client_slot_fill(qp, message, slot);
		verbs_publish(responder, slot);
		responder->taken++;
		sent = true;
	}
	client_busy_end(qp);
	if (sent)
		client_wake_peer(qp, (message->flags & WEIR_SEND_SOLICITED) != 0);
	return sent;
}

#endif
