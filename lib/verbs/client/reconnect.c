/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * After the engine went: the next one is told of everything again, under the same handles. All
 * memory is the application's own and has stayed, with what is in flight in it: the engine goes on
 * where `executed` says. Direct paths did not stop at all.
 */
#include <errno.h>
#include <string.h>

#include "verbs/client/connection.h"
#include "verbs/client/queue_pair.h"
#include "verbs/client/raw.h"
#include "verbs/client/region.h"

static int restore_domains(struct weir_device *device)
{
	for (struct client_pd *pd = device->pds; pd != NULL; pd = pd->next) {
		union verbs_message message = {.alloc_pd = {.wanted = pd->pd.handle}};
		int status;

		message.head.type = VERBS_ALLOC_PD;
		status = client_request(device, &message, NULL, 0, NULL, NULL);
		if (status != 0)
			return status;
	}
	return 0;
}

static int restore_regions(struct weir_device *device)
{
	for (struct client_mr *mr = device->mrs; mr != NULL; mr = mr->next) {
		int status = client_region_announce(mr, mr->region.key);

		if (status != 0)
			return status;
	}
	return 0;
}

static int restore_srqs(struct weir_device *device)
{
	for (struct client_srq *srq = device->srqs; srq != NULL; srq = srq->next) {
		int status = client_srq_announce(srq, srq->handle);

		if (status != 0)
			return status;
	}
	return 0;
}

/* The states it went through, so that the engine checks as it does for any. */
static int restore_state(struct client_qp *qp)
{
	static const enum weir_qp_state way[] = {
		WEIR_QPS_INIT, WEIR_QPS_RTR, WEIR_QPS_RTS, WEIR_QPS_SQD};
	enum weir_qp_state state = qp->qp.state;
	const uint32_t resumed = 1;
	int status = 0;

	if (state == WEIR_QPS_RESET)
		return 0;
	if (state == WEIR_QPS_ERR)
		return client_qp_announce_state(qp, &qp->attr, WEIR_QPS_ERR, resumed);
	for (unsigned i = 0; i < sizeof(way) / sizeof(way[0]) && status == 0; i++) {
		if (way[i] > state)
			break;
		status = client_qp_announce_state(qp, &qp->attr, way[i], resumed);
	}
	if (status == 0 && state == WEIR_QPS_SQE)
		status = client_qp_announce_state(qp, &qp->attr, WEIR_QPS_SQE, resumed);
	return status;
}

static int restore_queue(struct client_qp *qp)
{
	int status;

	if (qp->raw != NULL) {
		client_lock(&qp->lock);
		status = client_raw_announce(qp, qp->qp.qp_num);
		if (status == 0)
			status = restore_state(qp);
		client_unlock(&qp->lock);
		return status;
	}
	client_qp_lock(qp);
	status = client_qp_announce(qp, qp->qp.qp_num);
	if (status == 0)
		status = restore_state(qp);
	if (status == 0)
		qp->error_untold = false;
	/* Its other end went before the engine did, which came no further than to write it. */
	if (status == 0 &&
		__atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE) != VERBS_CONNECTED) {
		client_progress(qp);
		client_qp_error(qp, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_GONE);
	}
	client_qp_unlock(qp);
	return status;
}

static int restore_queues(struct weir_device *device)
{
	for (struct client_qp *qp = device->qps; qp != NULL; qp = qp->next) {
		int status = restore_queue(qp);

		if (status != 0)
			return status;
	}
	return 0;
}

static int restore(struct weir_device *device)
{
	int status = restore_domains(device);

	if (status == 0)
		status = restore_regions(device);
	if (status == 0)
		status = restore_srqs(device);
	if (status == 0)
		status = restore_queues(device);
	return status;
}

/* Who slept through it looks again. */
static void wake_channels(struct weir_device *device)
{
	for (struct client_cq *cq = device->cqs; cq != NULL; cq = cq->next)
		client_cq_wake(cq);
}

int weir_reconnect(struct weir_device *device)
{
	int fd, status;

	client_take_events(device);
	if (!__atomic_load_n(&device->gone, __ATOMIC_ACQUIRE))
		return client_fail(EISCONN, "the engine at %s is there", device->path);
	status = client_connect(device->path, &fd);
	if (status == ENOENT || status == ECONNREFUSED) {
		errno = EAGAIN;
		return EAGAIN;
	}
	if (status != 0)
		return status;
	pthread_mutex_lock(&device->lock);
	status = client_attach_socket(device, fd);
	if (status == 0)
		status = restore(device);
	if (status == 0) {
		client_event(device, WEIR_EVENT_PORT_ACTIVE, NULL);
		wake_channels(device);
	} else {
		client_detach_socket(device);
	}
	pthread_mutex_unlock(&device->lock);
	return status;
}
