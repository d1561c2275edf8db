/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of queue pairs. The engine is asked first; then the header shows the new state to
 * whoever sends here, so that what it refuses changes nothing.
 *
 * On an error a queue pair goes into its error state by itself, in the midst of posting or polling:
 * there it only shows it; the engine is told later, where no lock is held.
 */
#include <errno.h>
#include <string.h>

#include "verbs/client/data_path.h"
#include "verbs/client/peer.h"
#include "verbs/client/queue_pair.h"

uint64_t client_rnr_ns(uint32_t code)
{
	/* In steps of 10 us. InfiniBand Architecture Specification, volume 1, table 45. */
	static const uint16_t steps[32] = {65535 /* 655.36 ms: one more */, 1, 2, 3, 4, 6, 8, 12,
		16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
		6144, 8192, 12288, 16384, 24576, 32768, 49152};

	return ((uint64_t)steps[code & 31] + ((code & 31) == 0)) * 10000;
}

/* ---- what a state means ---- */

static uint32_t queue_state(enum weir_qp_state state)
{
	switch (state) {
	case WEIR_QPS_RTR:
	case WEIR_QPS_RTS:
	case WEIR_QPS_SQD:
	case WEIR_QPS_SQE: return VERBS_QUEUE_OPEN;
	case WEIR_QPS_ERR: return VERBS_QUEUE_ERROR;
	default: return VERBS_QUEUE_CLOSED;
	}
}

/* The locks of the queue pair are held. What is shown last opens the door. */
static void state_show(struct client_qp *qp, enum weir_qp_state state)
{
	struct verbs_queue_header *header = qp->own.header;

	qp->qp.state = state;
	qp->attr.qp_state = qp->attr.cur_qp_state = state;
	qp->sends = state == WEIR_QPS_RTS;
	qp->receives = state != WEIR_QPS_RESET && state != WEIR_QPS_ERR;
	if (header == NULL)
		return;
	header->accepts_from = qp->qp.qp_type == WEIR_QPT_UD ? 0 : qp->attr.dest_qp_num;
	header->rnr_timer = qp->attr.min_rnr_timer;
	header->qkey = qp->attr.qkey;
	header->access = qp->attr.qp_access_flags;
	__atomic_store_n(&header->state, queue_state(state), __ATOMIC_RELEASE);
}

static void wake_all(struct client_qp *qp)
{
	if (qp->peer_event_fd >= 0)
		client_write_event(qp->peer_event_fd);
	client_cq_wake(qp->send_cq);
	client_cq_wake(qp->recv_cq);
}

/* ---- errors ---- */

static void error_show(struct client_qp *qp, enum weir_qp_state state)
{
	state_show(qp, state);
	qp->error_untold = true;
	__atomic_store_n(&qp->qp.device->errors_untold, true, __ATOMIC_RELEASE);
	wake_all(qp);
}

void client_qp_error(struct client_qp *qp, uint32_t status, uint32_t reason)
{
	if (qp->qp.state == WEIR_QPS_ERR || qp->qp.state == WEIR_QPS_RESET)
		return;
	client_flush(qp, status, reason);
	if (qp->srq != NULL)
		client_event(qp->qp.device, WEIR_EVENT_QP_LAST_WQE_REACHED, qp);
	error_show(qp, WEIR_QPS_ERR);
}

void client_qp_send_error(struct client_qp *qp, uint32_t reason)
{
	(void)reason;
	if (qp->qp.state != WEIR_QPS_RTS && qp->qp.state != WEIR_QPS_SQD)
		return;
	/* Receiving goes on; of sends, what is posted is flushed until it is RTS again. */
	error_show(qp, WEIR_QPS_SQE);
}

void client_tell_errors(struct weir_device *device)
{
	if (!__atomic_exchange_n(&device->errors_untold, false, __ATOMIC_ACQ_REL))
		return;
	pthread_mutex_lock(&device->lock);
	for (struct client_qp *qp = device->qps; qp != NULL; qp = qp->next) {
		if (!qp->error_untold)
			continue;
		qp->error_untold = false;
		if (qp->qp.state == WEIR_QPS_ERR || qp->qp.state == WEIR_QPS_SQE)
			client_qp_announce_state(qp, &qp->attr, qp->qp.state, 0);
	}
	pthread_mutex_unlock(&device->lock);
}

/* ---- modify ---- */

int client_qp_announce_state(struct client_qp *qp, const struct weir_qp_attr *attr,
	enum weir_qp_state state, uint32_t resumed)
{
	union verbs_message message = {.modify_qp = {
					       .queue = qp->qp.qp_num,
					       .state = state,
					       .remote_queue = attr->dest_qp_num,
					       .rnr_retry = attr->rnr_retry,
					       .retry = attr->retry_cnt,
					       .timeout = attr->timeout,
					       .access = attr->qp_access_flags,
					       .qkey = attr->qkey,
					       .path_mtu = attr->path_mtu,
					       .resumed = resumed,
				       }};

	if (state < WEIR_QPS_RTR || qp->qp.qp_type == WEIR_QPT_UD)
		message.modify_qp.remote_queue = 0;
	message.head.type = VERBS_MODIFY_QP;
	return client_request(qp->qp.device, &message, NULL, 0, NULL, NULL);
}

static struct weir_qp_attr merge(
	const struct weir_qp_attr *old, const struct weir_qp_attr *given, unsigned mask)
{
	struct weir_qp_attr new = *old;

	if (mask & WEIR_QP_ACCESS_FLAGS)
		new.qp_access_flags = given->qp_access_flags;
	if (mask & WEIR_QP_PORT)
		new.port_num = given->port_num;
	if (mask & WEIR_QP_QKEY)
		new.qkey = given->qkey;
	if (mask & WEIR_QP_PATH_MTU)
		new.path_mtu = given->path_mtu;
	if (mask & WEIR_QP_TIMEOUT)
		new.timeout = given->timeout;
	if (mask & WEIR_QP_RETRY_CNT)
		new.retry_cnt = given->retry_cnt;
	if (mask & WEIR_QP_RNR_RETRY)
		new.rnr_retry = given->rnr_retry;
	if (mask & WEIR_QP_RQ_PSN)
		new.rq_psn = given->rq_psn;
	if (mask & WEIR_QP_SQ_PSN)
		new.sq_psn = given->sq_psn;
	if (mask & WEIR_QP_MAX_QP_RD_ATOMIC)
		new.max_rd_atomic = given->max_rd_atomic;
	if (mask & WEIR_QP_MAX_DEST_RD_ATOMIC)
		new.max_dest_rd_atomic = given->max_dest_rd_atomic;
	if (mask & WEIR_QP_MIN_RNR_TIMER)
		new.min_rnr_timer = given->min_rnr_timer;
	if (mask & WEIR_QP_DEST_QPN)
		new.dest_qp_num = given->dest_qp_num;
	return new;
}

void client_qp_empty(struct client_qp *qp)
{
	qp->send_cq->pending -= qp->sent_next - qp->sent_done;
	client_cq_purge(qp->send_cq, qp->qp.qp_num);
	client_cq_purge(qp->recv_cq, qp->qp.qp_num);
	qp->sent_done = qp->sent_next = 0;
	qp->received_done = qp->received_next = 0;
	qp->inbox_next = qp->consumed_told = 0;
	qp->transferring = qp->flushing = qp->error_untold = qp->given_back = false;
	qp->draining = false;
	qp->send_room = 0;
	qp->flush_status = WEIR_WC_SUCCESS;
	qp->waiting = VERBS_FINISHED;
	qp->retry_at_ns = 0;
}

/* Nobody is to find positions of before. The door has been shut, and the engine has let go. */
static void memory_empty(struct client_qp *qp)
{
	struct verbs_queue_header *header = qp->own.header;
	struct verbs_queue_places places = verbs_queue_places(&qp->own.geometry);

	if (header == NULL)
		return;
	client_barrier();
	client_peer_quiesce(qp, qp->responder.queue.header);
	client_peer_forget(qp);
	header->received = header->consumed = header->waits = 0;
	memset(qp->memory.base + places.sizes, 0, places.total_bytes - places.sizes);
}

/* Into RESET: the other order than elsewhere. Shut first, then the engine lets go, then clean. */
static int reset(struct client_qp *qp)
{
	const struct weir_qp_attr fresh = {.path_mtu = 5};
	struct weir_qp_attr old = qp->attr;
	int status;

	qp->attr = fresh;
	state_show(qp, WEIR_QPS_RESET);
	status = client_qp_announce_state(qp, &fresh, WEIR_QPS_RESET, 0);
	if (status != 0 && !qp->qp.device->gone) {
		enum weir_qp_state state = old.qp_state;

		qp->attr = old;
		state_show(qp, state);
		return status;
	}
	client_qp_empty(qp);
	memory_empty(qp);
	if (qp->srq != NULL)
		client_srq_give_back(qp->srq, old.dest_qp_num);
	return 0;
}

static int modify(struct client_qp *qp, const struct weir_qp_attr *attr, unsigned mask)
{
	enum weir_qp_state from = qp->qp.state;
	enum weir_qp_state to = (mask & WEIR_QP_STATE) != 0 ? attr->qp_state : from;
	struct weir_qp_attr new;
	int status = client_transition_check(qp->qp.qp_type, from, to, attr, mask);

	if (status != 0)
		return status;
	if (to == WEIR_QPS_RESET)
		return from == WEIR_QPS_RESET ? 0 : reset(qp);
	new = merge(&qp->attr, attr, mask);
	status = client_qp_announce_state(qp, &new, to, 0);
	/* What is posted can be flushed without an engine, too. */
	if (status != 0 && !(to == WEIR_QPS_ERR && qp->qp.device->gone))
		return status;
	qp->attr = new;
	qp->flushing = to == WEIR_QPS_ERR;
	qp->flush_status = WEIR_WC_SUCCESS;
	state_show(qp, to);
	if (to == WEIR_QPS_SQD && from == WEIR_QPS_RTS)
		client_drain_begin(qp, (mask & WEIR_QP_EN_SQD_ASYNC_NOTIFY) != 0);
	if (to == WEIR_QPS_RTS && from == WEIR_QPS_SQD)
		client_drain_end(qp);
	if (to == WEIR_QPS_ERR) {
		if (qp->srq != NULL && from != WEIR_QPS_ERR)
			client_event(qp->qp.device, WEIR_EVENT_QP_LAST_WQE_REACHED, qp);
		wake_all(qp);
	}
	return 0;
}

int weir_modify_qp(struct weir_qp *public, const struct weir_qp_attr *attr, unsigned mask)
{
	struct client_qp *qp = (struct client_qp *)public;
	bool resets = (mask & WEIR_QP_STATE) != 0 && attr->qp_state == WEIR_QPS_RESET;
	int status;

	client_handle_events(public->device);
	/* RESET unmaps the other end, at which a thread that takes a region away may be looking. */
	if (resets)
		pthread_mutex_lock(&public->device->lock);
	client_qp_lock(qp);
	status = modify(qp, attr, mask);
	client_qp_unlock(qp);
	if (resets)
		pthread_mutex_unlock(&public->device->lock);
	return status;
}

/* ---- in one call ---- */

int weir_connect_qp(struct weir_qp *public, uint32_t remote_qpn)
{
	const struct weir_qp_attr base = {
		.qp_access_flags = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE |
			WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC,
		.qkey = 0x11111111,
		.port_num = 1,
		.path_mtu = 5,
		.dest_qp_num = remote_qpn,
		.max_rd_atomic = 16,
		.max_dest_rd_atomic = 16,
		.min_rnr_timer = 12,
		.timeout = 0, /* the other end may take its time to connect */
		.retry_cnt = 7,
		.rnr_retry = 7,
	};
	const enum weir_qp_state states[] = {WEIR_QPS_INIT, WEIR_QPS_RTR, WEIR_QPS_RTS};
	int status = 0;

	if (public->state != WEIR_QPS_RESET)
		return client_fail(EINVAL, "queue pair %u is in %s, not in RESET", public->qp_num,
			client_state_name(public->state));
	for (unsigned i = 0; i < 3 && status == 0; i++) {
		struct weir_qp_attr attr = base;

		attr.qp_state = states[i];
		status = weir_modify_qp(public, &attr,
			WEIR_QP_STATE |
				client_transition_required(
					public->qp_type, public->state, states[i]));
	}
	return status;
}
