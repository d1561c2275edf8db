/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SQD, the send queue drained: requests that were posted before go on to their end; what is posted
 * in this state is kept, and done when the queue pair is RTS again. On the engine path it is kept
 * from the engine by not being shown: its sequence is not written yet.
 */
#include "verbs/client/data_path.h"

void client_drain_begin(struct client_qp *qp, bool tell)
{
	qp->drain_to = qp->sent_next;
	qp->draining = tell;
	if (tell)
		__atomic_store_n(&qp->qp.device->drains, true, __ATOMIC_RELAXED);
	client_progress(qp);
	client_drain_look(qp);
}

void client_drain_look(struct client_qp *qp)
{
	if (!qp->draining)
		return;
	if (qp->qp.state != WEIR_QPS_SQD) {
		qp->draining = false; /* an error came first, which is told otherwise */
	} else if (qp->sent_done == qp->drain_to) {
		qp->draining = false;
		client_event(qp->qp.device, WEIR_EVENT_SQ_DRAINED, qp);
	}
}

void client_drain_end(struct client_qp *qp)
{
	qp->draining = false;
	for (uint32_t i = qp->drain_to; i != qp->sent_next; i++)
		__atomic_store_n(&client_request_at(qp, i)->sequence, i + 1, __ATOMIC_RELEASE);
	if (qp->path == VERBS_PATH_ENGINE && qp->sent_done != qp->sent_next)
		client_ring_doorbell(qp);
	client_progress(qp);
}

void client_drain_progress(struct weir_device *device)
{
	if (!__atomic_load_n(&device->drains, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&device->drains, false, __ATOMIC_RELAXED);
	pthread_mutex_lock(&device->lock);
	for (struct client_qp *qp = device->qps; qp != NULL; qp = qp->next) {
		if (qp->raw != NULL)
			continue;
		client_qp_lock(qp);
		client_progress(qp);
		client_drain_look(qp);
		if (qp->draining)
			__atomic_store_n(&device->drains, true, __ATOMIC_RELAXED);
		client_qp_unlock(qp);
	}
	pthread_mutex_unlock(&device->lock);
}
