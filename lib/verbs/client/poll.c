/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Polling a completion queue: what sends left in its ring, then the inboxes of the queue pairs that
 * receive here. A message is taken out of its slot straight into the posted receive and the
 * caller's completion; nothing is queued in between.
 */
#include <sched.h>

#include "verbs/client/data_path.h"

/* Empty ones in a row: between two looks at conditions; and until the worker that something is
 * expected from gets the CPU, in case it is this one. */
enum { POLLS_PER_LOOK = 64, POLLS_BEFORE_YIELDING = 4096 };
/* So many messages in a row without waiting for one: more are there. */
enum { LAGGING = 64 };

/* ---- one message ---- */

/* What was posted for it. */
struct receive {
	uint64_t wr_id;
	const struct verbs_segment *segments;
	uint32_t segment_count, bytes;
};

/* The slot in private: a peer may write it again meanwhile. */
struct message {
	uint32_t bytes, immediate, source, receive;
	uint8_t kind, flags;
	uint16_t status;
};

static inline struct message message_read(const struct verbs_slot *slot)
{
	return (struct message){.bytes = slot->bytes,
		.immediate = slot->immediate,
		.source = slot->source,
		.receive = slot->receive,
		.kind = slot->kind,
		.flags = slot->flags,
		.status = slot->status};
}

/* false: there is none for it, which only a peer that lies can bring about. */
static inline bool receive_take(
	struct client_qp *qp, const struct message *message, struct receive *ret_receive)
{
	const struct client_received *received;
	uint32_t place;

	if (__builtin_expect(qp->srq != NULL, 0)) {
		struct client_srq_receive taken;

		if (!client_srq_take(qp->srq, message->receive, &taken))
			return false;
		*ret_receive = (struct receive){
			taken.wr_id, taken.segments, taken.segment_count, taken.bytes};
		return true;
	}
	if (qp->received_done == qp->received_next)
		return false;
	place = qp->received_done++ & (qp->own.geometry.receive_depth - 1);
	received = &qp->received[place];
	*ret_receive = (struct receive){received->wr_id,
		&qp->received_segments[(size_t)place * qp->own.geometry.receive_segments],
		received->segment_count, received->bytes};
	return true;
}

/* From the slot to the receive, after `skip` bytes of it. The sizes were checked. */
static inline void scatter(
	const struct receive *receive, const uint8_t *from, uint32_t bytes, uint32_t skip)
{
	for (uint32_t i = 0; i < receive->segment_count && bytes > 0; i++) {
		const struct verbs_segment *segment = &receive->segments[i];
		uint32_t room;

		if (segment->bytes <= skip) {
			skip -= segment->bytes;
			continue;
		}
		room = segment->bytes - skip < bytes ? segment->bytes - skip : bytes;
		verbs_copy((uint8_t *)(uintptr_t)segment->address + skip, from, room);
		from += room;
		bytes -= room;
		skip = 0;
	}
}

static inline void take_payload(
	const struct receive *receive, const uint8_t *payload, uint32_t bytes, uint32_t before)
{
	if (__builtin_expect(receive->segment_count == 1 && before == 0, 1))
		verbs_copy_payload(
			(uint8_t *)(uintptr_t)receive->segments->address, payload, bytes);
	else
		scatter(receive, payload, bytes, before);
}

/* The receive's own view of what the initiator (or a lie) put there. */
static inline uint32_t receive_status(
	const struct message *message, const struct receive *receive, uint32_t before)
{
	bool in_slot = (message->flags & VERBS_SLOT_INLINE) != 0;

	if (message->kind > VERBS_ARRIVED_WRITE || message->status > WEIR_WC_GENERAL_ERR ||
		(in_slot && message->kind != VERBS_ARRIVED_SEND))
		return WEIR_WC_GENERAL_ERR;
	if (message->status != WEIR_WC_SUCCESS || message->kind == VERBS_ARRIVED_WRITE)
		return message->status;
	if ((uint64_t)message->bytes + before > receive->bytes ||
		(in_slot && message->bytes > VERBS_PAYLOAD_MAX))
		return WEIR_WC_LOC_LEN_ERR;
	return WEIR_WC_SUCCESS;
}

/* Takes the next message. Returns whether it made a completion. */
static inline bool take(struct client_qp *qp, const struct verbs_slot *slot, struct weir_wc *wc)
{
	struct message message = message_read(slot);
	uint32_t before = qp->qp.qp_type == WEIR_QPT_UD ? VERBS_GRH_BYTES : 0;
	struct receive receive;
	uint32_t status;

	qp->inbox_next++;
	if (__builtin_expect(message.kind == VERBS_ARRIVED_FAULT, 0)) {
		client_event(qp->qp.device, WEIR_EVENT_QP_ACCESS_ERR, qp);
		client_qp_error(qp, 0, VERBS_REASON_REMOTE_ACCESS);
		return false;
	}
	if (__builtin_expect(!receive_take(qp, &message, &receive), 0)) {
		client_qp_error(qp, 0, VERBS_REASON_BAD_SEQUENCE);
		return false;
	}
	status = receive_status(&message, &receive, before);
	if ((message.flags & VERBS_SLOT_INLINE) != 0 && status == WEIR_WC_SUCCESS)
		take_payload(&receive, slot->payload, message.bytes, before);
	*wc = (struct weir_wc){.wr_id = receive.wr_id,
		.status = status,
		.opcode = message.kind == VERBS_ARRIVED_WRITE ? WEIR_WC_RECV_RDMA_WITH_IMM
							      : WEIR_WC_RECV,
		.byte_len = message.bytes + before,
		.imm_data = message.immediate,
		.qp_num = qp->qp.qp_num,
		.src_qp = message.source,
		.wc_flags = message.flags & VERBS_SLOT_IMMEDIATE ? WEIR_WC_WITH_IMM : 0};
	if (__builtin_expect(status != WEIR_WC_SUCCESS && qp->qp.qp_type == WEIR_QPT_RC, 0))
		client_qp_error(qp, 0, VERBS_REASON_RECEIVE_TOO_SMALL);
	return true;
}

/* ---- one queue pair ---- */

/* Once in a while is enough: a sender learns of room from posted receives first. */
static inline void tell_consumed(struct client_qp *qp)
{
	if (qp->inbox_next - qp->consumed_told < qp->own.geometry.inbox_depth / 4)
		return;
	qp->consumed_told = qp->inbox_next;
	__atomic_store_n(&qp->own.header->consumed, qp->inbox_next, __ATOMIC_RELEASE);
	client_wake_waiting(qp);
}

static bool flush_one(struct client_qp *qp, struct weir_wc *wc)
{
	struct message none = {0};
	struct receive receive;

	if (qp->srq != NULL || !receive_take(qp, &none, &receive))
		return false;
	*wc = (struct weir_wc){.wr_id = receive.wr_id,
		.status = WEIR_WC_WR_FLUSH_ERR,
		.opcode = WEIR_WC_RECV,
		.vendor_err = VERBS_REASON_FLUSHED,
		.qp_num = qp->qp.qp_num};
	return true;
}

static bool peer_gone(const struct client_qp *qp)
{
	return __atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE) != VERBS_CONNECTED;
}

/* All that arrived is taken. gone: of the other end, before that was looked at. */
static int flush_receives(struct client_qp *qp, int count, struct weir_wc *wc, bool gone)
{
	int taken = 0;

	if (qp->srq != NULL && !qp->given_back && gone) {
		qp->given_back = true;
		client_srq_give_back(qp->srq, qp->attr.dest_qp_num);
	}
	while (taken < count && flush_one(qp, &wc[taken]))
		taken++;
	return taken;
}

static inline int poll_receiver(struct client_qp *qp, int count, struct weir_wc *wc, bool alone)
{
	uint32_t mask = qp->own.geometry.inbox_depth - 1;
	bool gone = __builtin_expect(qp->flushing, 0) && peer_gone(qp);
	int taken = 0;

	while (taken < count) {
		const struct verbs_slot *slot = &qp->own.inbox[qp->inbox_next & mask];

		/* The payload's second line comes together with the first, not after it. */
		__builtin_prefetch((const uint8_t *)slot + VERBS_LINE_BYTES);
		if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != qp->inbox_next + 1) {
			qp->streak = 0;
			break;
		}
		/* Who lags behind fetches ahead; else it would take lines from who is about to
		 * write there. */
		if (qp->streak++ >= LAGGING) {
			const struct verbs_slot *later =
				&qp->own.inbox[(qp->inbox_next + VERBS_PREFETCH_SLOTS) & mask];

			__builtin_prefetch(later);
			__builtin_prefetch((const uint8_t *)later + VERBS_LINE_BYTES);
		}
		taken += take(qp, slot, &wc[taken]);
	}
	if (taken > 0)
		tell_consumed(qp);
	/* Never together with what went well: programs stop at the first failure, and may just have
	 * had all they wait for. */
	if (__builtin_expect(qp->flushing, 0) && alone && taken == 0)
		taken += flush_receives(qp, count - taken, &wc[taken], gone);
	return taken;
}

static inline int poll_receivers(struct client_cq *cq, int count, struct weir_wc *wc, bool alone)
{
	uint16_t next = cq->next_receiver;
	int taken = 0;

	for (uint16_t i = 0; i < cq->receiver_count && taken < count; i++) {
		struct client_qp *qp;

		if (next >= cq->receiver_count)
			next = 0;
		qp = cq->receivers[next++];
		if (qp->raw != NULL || qp->own.inbox == NULL)
			continue;
		client_lock(&qp->lock);
		taken += poll_receiver(qp, count - taken, &wc[taken], alone && taken == 0);
		client_unlock(&qp->lock);
	}
	cq->next_receiver = next;
	return taken;
}

/* ---- the completion queue ---- */

static void progress_senders(struct client_cq *cq)
{
	for (uint16_t i = 0; i < cq->sender_count; i++) {
		struct client_qp *qp = cq->senders[i];

		client_lock(&qp->lock);
		client_progress(qp);
		client_unlock(&qp->lock);
	}
}

static inline int pop_ring(struct client_cq *cq, int count, struct weir_wc *wc)
{
	int taken = 0;

	while (taken < count && cq->head != cq->tail)
		wc[taken++] = cq->ring[cq->head++ & cq->mask];
	return taken;
}

/* Nothing else is there: what has failed with its connection. */
static int poll_failures(struct client_cq *cq, int count, struct weir_wc *wc)
{
	cq->failing = true;
	progress_senders(cq);
	cq->failing = cq->fails = false;
	return pop_ring(cq, count, wc);
}

/* What the engine says of one of the queue pairs of `cq`, whose lock is held. And what it sends
 * with another queue goes on: a program may wait for the answer only, and never look there. */
static void look_at(const struct client_cq *cq, struct client_qp *qp)
{
	/* Its sends may be another queue's. Busy, perhaps with waiting for ours: next time. */
	struct client_cq *other = qp->send_cq == cq ? NULL : qp->send_cq;
	bool connected;

	if (qp->own.header == NULL || qp->flushing)
		return;
	connected =
		__atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE) == VERBS_CONNECTED;
	if (connected && (other == NULL || qp->sent_done == qp->sent_next))
		return;
	if (other != NULL && !client_trylock(&other->lock))
		return;
	client_lock(&qp->lock);
	/* What was done and what arrived before is still taken. */
	client_progress(qp);
	if (!connected &&
		(qp->own.inbox == NULL ||
			__atomic_load_n(
				&qp->own.inbox[qp->inbox_next & (qp->own.geometry.inbox_depth - 1)]
					 .sequence,
				__ATOMIC_ACQUIRE) != qp->inbox_next + 1))
		client_qp_error(qp, WEIR_WC_RETRY_EXC_ERR,
			__atomic_load_n(&qp->own.header->condition_reason, __ATOMIC_RELAXED));
	client_unlock(&qp->lock);
	if (other != NULL)
		client_unlock(&other->lock);
}

/* Few and empty polls in between: costs nothing, and is soon enough. Returns whether a worker of
 * the engine has to do something first. */
static bool look_at_conditions(struct client_cq *cq)
{
	bool by_engine = false;

	for (uint16_t i = 0; i < cq->receiver_count; i++) {
		look_at(cq, cq->receivers[i]);
		by_engine |= cq->receivers[i]->path == VERBS_PATH_ENGINE;
	}
	for (uint16_t i = 0; i < cq->sender_count; i++) {
		look_at(cq, cq->senders[i]);
		by_engine |= cq->senders[i]->path == VERBS_PATH_ENGINE;
	}
	if (__builtin_expect(cq->overrun && !cq->overrun_told, 0)) {
		cq->overrun_told = true;
		client_event(cq->cq.device, WEIR_EVENT_CQ_ERR, cq);
	}
	return by_engine;
}

int weir_poll_cq(struct weir_cq *public, int count, struct weir_wc *wc)
{
	struct client_cq *cq = (struct client_cq *)public;
	bool yields = false, fails = false;
	int taken;

	client_lock(&cq->lock);
	if (cq->pending > 0) {
		progress_senders(cq);
		fails = cq->fails;
	}
	taken = pop_ring(cq, count, wc);
	if (taken < count && cq->receiver_count > 0)
		taken += poll_receivers(cq, count - taken, &wc[taken], taken == 0 && !fails);
	if (__builtin_expect(fails, 0) && taken == 0)
		taken = poll_failures(cq, count, wc);
	if (taken > 0)
		cq->polls = 0;
	else if (++cq->polls % POLLS_PER_LOOK == 0)
		yields = look_at_conditions(cq) && cq->polls > POLLS_BEFORE_YIELDING;
	client_unlock(&cq->lock);
	if (__builtin_expect(yields, 0))
		sched_yield();
	return taken;
}
