/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Posting sends. A request is done at once where that can be: nothing before it waits, the other
 * end is reachable (direct path), and it is short. Else it is kept in the requests of the queue
 * pair's memory: progress.c goes on with it, or the engine does.
 */
#include <errno.h>
#include <unistd.h>

#include "verbs/client/post.h"
#include "verbs/client/slot_send.h"

/* ---- what is asked for ---- */

static uint64_t list_bytes(const struct weir_send_wr *wr)
{
	uint64_t bytes = 0;

	for (int i = 0; i < wr->num_sge; i++)
		bytes += wr->sg_list[i].length;
	return bytes;
}

static bool opcode_fits(const struct client_qp *qp, uint32_t opcode)
{
	switch (qp->qp.qp_type) {
	case WEIR_QPT_RC: return opcode <= WEIR_WR_ATOMIC_FETCH_AND_ADD;
	case WEIR_QPT_UC: return opcode <= WEIR_WR_SEND_WITH_IMM;
	case WEIR_QPT_UD: return opcode == WEIR_WR_SEND || opcode == WEIR_WR_SEND_WITH_IMM;
	default: return false;
	}
}

static int check_list(const struct client_qp *qp, const struct weir_send_wr *wr)
{
	if (wr->num_sge < 0 || (uint32_t)wr->num_sge > qp->cap.max_send_sge)
		return client_fail(EINVAL, "weir_post_send: %d segments, the queue pair has %u",
			wr->num_sge, qp->cap.max_send_sge);
	return 0;
}

static int check(const struct client_qp *qp, const struct weir_send_wr *wr, uint64_t bytes)
{
	if (!qp->sends && qp->qp.state < WEIR_QPS_SQD)
		return client_fail(EINVAL,
			"weir_post_send: queue pair %u is not in a state to send (RTS)",
			qp->qp.qp_num);
	if (!opcode_fits(qp, wr->opcode))
		return client_fail(EINVAL, "weir_post_send: opcode %u is none for this queue pair",
			wr->opcode);
	if ((wr->send_flags & WEIR_SEND_INLINE) != 0 && wr->opcode >= WEIR_WR_RDMA_READ)
		return client_fail(EINVAL, "weir_post_send: what is read cannot be inline");
	if ((wr->send_flags & WEIR_SEND_INLINE) != 0 && bytes > qp->cap.max_inline_data)
		return client_fail(EINVAL, "weir_post_send: %lu bytes inline, at most %u",
			(unsigned long)bytes, qp->cap.max_inline_data);
	if (bytes > (qp->qp.qp_type == WEIR_QPT_UD ? VERBS_UD_MAX : VERBS_MESSAGE_MAX))
		return client_fail(EINVAL, "weir_post_send: a message of %lu bytes is too long",
			(unsigned long)bytes);
	return 0;
}

static int no_room(void)
{
	return client_fail(ENOMEM, "weir_post_send: the send queue is full");
}

/* ---- at once ---- */

/* A short message. */
static inline bool quick_send(struct client_qp *qp, const struct weir_send_wr *wr, uint32_t bytes)
{
	const struct client_short message = {.pieces = wr->sg_list,
		.piece_count = wr->num_sge,
		.bytes = bytes,
		.immediate = wr->imm_data,
		.opcode = wr->opcode,
		.flags = wr->send_flags};

	return client_slot_send(qp, &message);
}

/* A write of one piece. */
static inline bool quick_write(struct client_qp *qp, const struct weir_send_wr *wr, uint32_t bytes)
{
	struct verbs_queue_header *header = qp->responder.queue.header;
	const struct weir_sge *sge = wr->sg_list;
	const struct verbs_region *region;
	uint8_t *to = NULL;

	/* Often it is where the last one was, and the other end polls there: the line comes while
	 * the rest is looked at. */
	prefetch_to_write(qp->written);
	if (bytes > VERBS_STEP_BYTES || wr->num_sge != 1 ||
		!verbs_open_for(&qp->responder, qp->qp.qp_num) ||
		(__atomic_load_n(&header->access, __ATOMIC_RELAXED) & WEIR_ACCESS_REMOTE_WRITE) ==
			0)
		return false;
	if ((wr->send_flags & WEIR_SEND_INLINE) == 0 &&
		client_own_place(qp, sge->lkey, sge->addr, bytes, 0) == NULL)
		return false;
	client_busy_begin(qp);
	region = client_remote_known(&qp->remote, wr->wr.rdma.rkey);
	if (region != NULL && region->pd == qp->responder.queue.pd &&
		(region->access & WEIR_ACCESS_REMOTE_WRITE) != 0)
		to = verbs_region_place(region, wr->wr.rdma.remote_addr, bytes);
	if (to != NULL) {
		verbs_copy_ordered(to, (const uint8_t *)(uintptr_t)sge->addr, bytes);
		qp->written = to;
	}
	client_busy_end(qp);
	return to != NULL;
}

/* Nothing before it waits, and the other end's memory is here. */
static inline bool may_be_quick(const struct client_qp *qp)
{
	return qp->path == VERBS_PATH_DIRECT && qp->sent_done == qp->sent_next && qp->sends;
}

static inline bool quick(struct client_qp *qp, const struct weir_send_wr *wr, uint32_t bytes)
{
	bool done;

	if (wr->opcode == WEIR_WR_RDMA_WRITE)
		done = quick_write(qp, wr, bytes);
	else
		done = quick_send(qp, wr, bytes);
	if (!done)
		return false;
	if (qp->sq_sig_all || (wr->send_flags & WEIR_SEND_SIGNALED) != 0) {
		qp->send_room--;
		client_complete_sent(qp->send_cq, wr->wr_id, wr->opcode, bytes, qp->qp.qp_num);
	}
	return true;
}

/* ---- later ---- */

static void keep(struct client_qp *qp, const struct weir_send_wr *wr, uint32_t bytes)
{
	uint32_t place = qp->sent_next & (qp->own.geometry.request_depth - 1);
	struct verbs_request *request = client_request_at(qp, qp->sent_next);
	bool atomic = wr->opcode >= WEIR_WR_ATOMIC_CMP_AND_SWP;

	qp->sent[place] = (struct client_sent){.wr_id = wr->wr_id,
		.bytes = bytes,
		.opcode = (uint8_t)wr->opcode,
		.signaled = qp->sq_sig_all || (wr->send_flags & WEIR_SEND_SIGNALED) != 0};
	request->opcode = (uint8_t)wr->opcode;
	request->flags = (uint8_t)wr->send_flags;
	request->segment_count = (uint16_t)wr->num_sge;
	request->bytes = bytes;
	request->immediate = wr->imm_data;
	request->remote_address = wr->wr.rdma.remote_addr;
	request->remote_key = atomic ? wr->wr.atomic.rkey : wr->wr.rdma.rkey;
	request->compare_add = atomic ? wr->wr.atomic.compare_add : 0;
	request->swap = atomic ? wr->wr.atomic.swap : 0;
	request->remote_queue = 0;
	if (qp->qp.qp_type == WEIR_QPT_UD) {
		request->remote_queue = wr->wr.ud.remote_qpn;
		request->remote_qkey = wr->wr.ud.remote_qkey;
	}
	if ((wr->send_flags & WEIR_SEND_INLINE) != 0)
		client_gather(request->payload, wr->sg_list, wr->num_sge);
	else
		memcpy(request->segments, wr->sg_list,
			(size_t)wr->num_sge * sizeof(struct verbs_segment));
	qp->sent_next++;
	qp->send_room--;
	qp->send_cq->pending++;
	if (qp->qp.state != WEIR_QPS_SQD) /* else the engine is to see it later */
		__atomic_store_n(&request->sequence, qp->sent_next, __ATOMIC_RELEASE);
}

static inline int post_one(struct client_qp *qp, const struct weir_send_wr *wr)
{
	uint64_t bytes;
	int result;

	if (__builtin_expect(qp->send_room == 0, 0) && !client_send_room(qp))
		return no_room();
	/* One piece, as most have: nothing else is looked at before the other end sees it. */
	if (__builtin_expect(wr->num_sge == 1 && may_be_quick(qp), 1) &&
		((wr->send_flags & WEIR_SEND_INLINE) == 0 ||
			wr->sg_list->length <= qp->cap.max_inline_data) &&
		quick(qp, wr, wr->sg_list->length))
		return 0;
	result = check_list(qp, wr);
	if (result != 0)
		return result;
	bytes = list_bytes(wr);
	result = check(qp, wr, bytes);
	if (result != 0)
		return result;
	if (wr->num_sge != 1 && may_be_quick(qp) && quick(qp, wr, (uint32_t)bytes))
		return 0;
	keep(qp, wr, (uint32_t)bytes);
	return 0;
}

/* Who sleeps on the channel since before does not know of what was posted now: that it is done, or
 * that it has to be gone on with. Once for each arming. */
static inline void wake_sleeper(struct client_cq *cq, const struct client_qp *qp)
{
	if (__builtin_expect(cq->armed == 0 || cq->rung, 1))
		return;
	if (cq->head == cq->tail && qp->sent_done == qp->sent_next)
		return;
	cq->rung = true;
	client_cq_wake(cq);
}

static inline __attribute__((always_inline)) int post_list(
	struct client_qp *qp, struct weir_send_wr *wr, struct weir_send_wr **bad_wr)
{
	int result = 0;

	/* What waits may be done by now: then these need not be kept. */
	if (__builtin_expect(qp->sent_done != qp->sent_next, 0) && qp->path == VERBS_PATH_DIRECT)
		client_progress(qp);
	for (; wr != NULL; wr = wr->next) {
		result = post_one(qp, wr);
		if (result != 0) {
			*bad_wr = wr;
			break;
		}
	}
	if (qp->sent_done != qp->sent_next) {
		if (qp->path == VERBS_PATH_ENGINE)
			client_ring_doorbell(qp);
		client_progress(qp);
	}
	wake_sleeper(qp->send_cq, qp);
	return result;
}

int weir_post_send(struct weir_qp *public, struct weir_send_wr *wr, struct weir_send_wr **bad_wr)
{
	struct client_qp *qp = (struct client_qp *)public;
	int result;

	client_lock(&qp->send_cq->lock);
	client_lock(&qp->lock);
	result = post_list(qp, wr, bad_wr);
	client_unlock(&qp->lock);
	client_unlock(&qp->send_cq->lock);
	return result;
}

/* Whether each of the list would be taken. */
static int check_all(struct client_qp *qp, struct weir_send_wr *wr, struct weir_send_wr **bad_wr)
{
	int result = 0;

	client_send_room(qp);
	for (uint32_t count = 1; wr != NULL && result == 0; wr = wr->next, count++) {
		*bad_wr = wr;
		result = check_list(qp, wr);
		if (result == 0)
			result = check(qp, wr, list_bytes(wr));
		if (result == 0 && count > qp->send_room)
			result = no_room();
	}
	return result;
}

int client_post_send_all(
	struct weir_qp *public, struct weir_send_wr *wr, struct weir_send_wr **bad_wr)
{
	struct client_qp *qp = (struct client_qp *)public;
	int result;

	client_lock(&qp->send_cq->lock);
	client_lock(&qp->lock);
	result = check_all(qp, wr, bad_wr);
	if (result == 0)
		result = post_list(qp, wr, bad_wr);
	client_unlock(&qp->lock);
	client_unlock(&qp->send_cq->lock);
	return result;
}
