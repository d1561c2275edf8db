/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going on with what could not be done when it was posted: on the direct path by the executor,
 * here; on the engine path by reading what the engine did.
 */
#include <errno.h>

#include "base/clock.h"
#include "verbs/client/slot_send.h"

enum { STEPS_MAX = 16 };

/* The oldest request is done. */
static void finish(struct client_qp *qp, uint32_t status, uint32_t reason)
{
	const struct client_sent *sent =
		&qp->sent[qp->sent_done & (qp->own.geometry.request_depth - 1)];
	struct weir_wc wc;

	if (sent->signaled || status != WEIR_WC_SUCCESS) {
		client_wc_sent(&wc, sent->wr_id, sent->opcode, sent->bytes, qp->qp.qp_num);
		wc.status = status;
		wc.vendor_err = reason;
		client_complete(qp->send_cq, &wc);
	}
	qp->sent_done++;
	qp->send_cq->pending--;
	qp->transferring = false;
	qp->waiting = VERBS_FINISHED;
}

/* That the other end is gone is not said before what went well: a program that has had all it wants
 * may leave while others of its requests are on their way, and its other end must not stumble over
 * those. (A network would let it try for a second.) */
static bool put_off(const struct client_qp *qp)
{
	qp->send_cq->fails = !qp->send_cq->failing;
	return qp->send_cq->fails;
}

/* false: later. */
static bool fail(struct client_qp *qp, uint32_t status, uint32_t reason)
{
	if (status == WEIR_WC_RETRY_EXC_ERR && put_off(qp))
		return false;
	finish(qp, status, reason);
	if (status == WEIR_WC_WR_FLUSH_ERR)
		return true;
	if (qp->qp.qp_type == WEIR_QPT_RC)
		client_qp_error(qp, 0, reason);
	else
		client_qp_send_error(qp, reason);
	return true;
}

/* ---- direct ---- */

/* The other end has the request's memory mapped, too: copied once, and what bounds a copy is
 * checked or ours. false: somebody has scribbled there. */
static bool load(struct client_qp *qp)
{
	const struct verbs_request *kept = client_request_at(qp, qp->sent_done);
	const struct client_sent *sent =
		&qp->sent[qp->sent_done & (qp->own.geometry.request_depth - 1)];
	struct verbs_transfer *transfer = &qp->transfer;
	struct verbs_request *request = &transfer->request;
	bool in_request;

	*request = *kept;
	request->opcode = sent->opcode;
	request->bytes = sent->bytes;
	in_request = (request->flags & WEIR_SEND_INLINE) != 0;
	if (in_request ? request->bytes > qp->own.geometry.inline_bytes
		       : request->segment_count > qp->own.geometry.request_segments)
		return false;
	transfer->payload = in_request ? kept->payload : NULL;
	if (!in_request)
		memcpy(transfer->segments, kept->segments,
			request->segment_count * sizeof(struct verbs_segment));
	transfer->journal = NULL;
	verbs_transfer_begin(transfer);
	qp->transferring = true;
	qp->waiting = VERBS_FINISHED;
	return true;
}

/* How long the other end may keep us waiting for this. UINT64_MAX: for ever. */
static uint64_t patience_ns(const struct client_qp *qp)
{
	uint64_t unit;

	if (qp->waiting == VERBS_WAIT_RECEIVE || qp->waiting == VERBS_WAIT_ROOM) {
		uint32_t code = qp->responder.queue.header != NULL
			? __atomic_load_n(&qp->responder.queue.header->rnr_timer, __ATOMIC_RELAXED)
			: 0;

		if (qp->attr.rnr_retry == 7)
			return UINT64_MAX;
		return qp->attr.rnr_retry * client_rnr_ns(code);
	}
	if (qp->attr.timeout == 0)
		return UINT64_MAX;
	unit = 4096ull << (qp->attr.timeout & 31);
	return unit * (qp->attr.retry_cnt + 1u);
}

/* It cannot go on. Unreliable ones do not wait. true: it was given up. */
static bool wait(struct client_qp *qp, enum verbs_step why)
{
	uint64_t now_ns = clock_monotonic_ns(), patience;

	if (qp->qp.qp_type == WEIR_QPT_UC) {
		finish(qp, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		return true;
	}
	/* It will not come any more. */
	if (__atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE) != VERBS_CONNECTED) {
		return fail(qp, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_GONE);
	}
	if (qp->waiting != why) {
		qp->waiting = (uint8_t)why;
		qp->waiting_since_ns = now_ns;
	}
	patience = patience_ns(qp);
	if (patience == UINT64_MAX || now_ns - qp->waiting_since_ns < patience)
		return false;
	if (why == VERBS_WAIT_PEER)
		return fail(qp, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_NOT_READY);
	return fail(qp, WEIR_WC_RNR_RETRY_EXC_ERR, VERBS_REASON_NO_RECEIVE);
}

/* A short message that had to wait for a receive goes as one that need not, or waits on without
 * touching more than it must: the other end is just writing there. VERBS_AGAIN: it is another one.
 */
static inline enum verbs_step send_in_slot(struct client_qp *qp)
{
	const struct client_sent *sent =
		&qp->sent[qp->sent_done & (qp->own.geometry.request_depth - 1)];
	const struct verbs_request *kept = client_request_at(qp, qp->sent_done);
	struct weir_sge piece = {(uintptr_t)kept->payload, sent->bytes, 0};
	struct client_short message = {.pieces = &piece,
		.piece_count = 1,
		.bytes = sent->bytes,
		.immediate = kept->immediate,
		.opcode = sent->opcode,
		.flags = kept->flags};

	if (qp->transferring || !client_travels_in_slot(qp, &message) ||
		sent->bytes > qp->own.geometry.inline_bytes)
		return VERBS_AGAIN;
	if ((message.flags & WEIR_SEND_INLINE) == 0) {
		const struct verbs_segment segment = kept->segments[0];

		if (kept->segment_count != 1 || segment.bytes != sent->bytes)
			return VERBS_AGAIN;
		piece = (struct weir_sge){segment.address, segment.bytes, segment.key};
	}
	/* From here on it is what was read, whatever the other end writes there. */
	__asm__ volatile("" : "+m"(message), "+m"(piece));
	if (client_slot_send(qp, &message))
		return VERBS_FINISHED;
	if (!verbs_open_for(&qp->responder, qp->qp.qp_num) ||
		verbs_receive_posted(&qp->responder) || !client_pieces_good(qp, &message))
		return VERBS_AGAIN;
	return VERBS_WAIT_RECEIVE;
}

static bool step(struct client_qp *qp)
{
	enum verbs_step step;

	if (!qp->transferring && !load(qp))
		return fail(qp, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
	client_busy_begin(qp);
	step = verbs_transfer_step(&qp->transfer, &qp->responder, &qp->qp.device->own.regions,
		qp->own.pd, qp->qp.qp_num);
	client_busy_end(qp);
	if (qp->responder.wrote) {
		client_wake_peer(qp, qp->responder.solicited);
		qp->responder.wrote = qp->responder.solicited = false;
	}
	switch (step) {
	case VERBS_FINISHED:
		if (qp->transfer.status != WEIR_WC_SUCCESS)
			return fail(qp, qp->transfer.status, qp->transfer.reason);
		finish(qp, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		return true;
	case VERBS_AGAIN: qp->waiting = VERBS_FINISHED; return true;
	default: return wait(qp, step);
	}
}

static void progress_direct(struct client_qp *qp)
{
	unsigned steps = 0;

	while (qp->sent_done != qp->sent_next && steps < STEPS_MAX && client_sends_next(qp)) {
		switch (send_in_slot(qp)) {
		case VERBS_FINISHED: finish(qp, WEIR_WC_SUCCESS, VERBS_REASON_NONE); continue;
		case VERBS_WAIT_RECEIVE:
			if (!wait(qp, VERBS_WAIT_RECEIVE))
				return;
			continue;
		default: break;
		}
		if (!step(qp))
			return;
		steps++;
	}
}

/* ---- engine ---- */

static void progress_engine(struct client_qp *qp)
{
	while (qp->sent_done != qp->sent_next) {
		const struct verbs_outcome *outcome =
			&qp->own.outcomes[qp->sent_done & (qp->own.geometry.request_depth - 1)];

		if (__atomic_load_n(&outcome->sequence, __ATOMIC_ACQUIRE) != qp->sent_done + 1)
			return;
		if (outcome->status == WEIR_WC_SUCCESS)
			finish(qp, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		else if (!fail(qp, outcome->status, outcome->reason))
			return;
	}
}

/* ---- both ---- */

static void find_peer(struct client_qp *qp)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (now_ns < qp->retry_at_ns)
		return;
	qp->retry_at_ns = now_ns + CLIENT_PEER_RETRY_NS;
	if (client_peer_find(qp) == ENOTCONN || qp->path == VERBS_PATH_NONE)
		wait(qp, VERBS_WAIT_PEER);
	else if (qp->path == VERBS_PATH_ENGINE)
		client_ring_doorbell(qp);
}

static void flush_sends(struct client_qp *qp)
{
	if (qp->flush_status != WEIR_WC_SUCCESS)
		finish(qp, qp->flush_status, qp->flush_reason);
	qp->flush_status = WEIR_WC_SUCCESS;
	while (qp->sent_done != qp->sent_next)
		finish(qp, WEIR_WC_WR_FLUSH_ERR, VERBS_REASON_FLUSHED);
}

void client_progress(struct client_qp *qp)
{
	if (qp->sent_done == qp->sent_next)
		return;
	if (qp->flushing || qp->qp.state == WEIR_QPS_SQE) {
		if (!put_off(qp))
			flush_sends(qp);
		return;
	}
	if (qp->path == VERBS_PATH_NONE && client_sends_next(qp))
		find_peer(qp);
	if (qp->path == VERBS_PATH_DIRECT) {
		progress_direct(qp);
		/* It slept while this waited, and polls now: nobody has to wake it any more. */
		if (qp->sent_done == qp->sent_next && qp->own.header->waits != 0)
			__atomic_store_n(&qp->own.header->waits, 0, __ATOMIC_RELEASE);
	} else if (qp->path == VERBS_PATH_ENGINE)
		progress_engine(qp);
	if (__builtin_expect(qp->draining, 0))
		client_drain_look(qp);
}

void client_flush(struct client_qp *qp, uint32_t status, uint32_t reason)
{
	qp->flush_status = qp->sent_done != qp->sent_next ? status : WEIR_WC_SUCCESS;
	qp->flush_reason = reason;
	qp->flushing = true;
}
