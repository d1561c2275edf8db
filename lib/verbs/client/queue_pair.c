/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs: made, asked and destroyed. Their states are in state.c, what they do in post.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/peer.h"
#include "verbs/client/queue_pair.h"

uint32_t client_depth_max(const struct weir_device *device)
{
	uint32_t most = device->hello.max_depth;

	return most >= 1 && most < VERBS_DEPTH_MAX ? most : VERBS_DEPTH_MAX;
}

/* ---- what is asked for ---- */

static int at_most(const char *what, uint32_t asked, uint32_t most)
{
	if (asked <= most)
		return 0;
	return client_fail(EINVAL, "%s is %u: at most %u are possible", what, asked, most);
}

static int attr_check(const struct weir_device *device, const struct weir_qp_init_attr *attr)
{
	const struct weir_qp_cap *cap = &attr->cap;
	uint32_t depth = client_depth_max(device);
	int status;

	if (attr->send_cq == NULL || attr->recv_cq == NULL)
		return client_fail(EINVAL, "a queue pair needs a send_cq and a recv_cq");
	if (attr->qp_type != WEIR_QPT_RC && attr->qp_type != WEIR_QPT_UC &&
		attr->qp_type != WEIR_QPT_UD && attr->qp_type != WEIR_QPT_RAW_PACKET)
		return client_fail(EOPNOTSUPP,
			"no queue pairs of type %d: RC, UC, UD, RAW_PACKET are there",
			(int)attr->qp_type);
	status = at_most("max_send_wr", cap->max_send_wr, depth);
	if (status == 0 && attr->srq == NULL)
		status = at_most("max_recv_wr", cap->max_recv_wr, depth);
	if (status == 0)
		status = at_most("max_send_sge", cap->max_send_sge, VERBS_SEGMENTS_MAX);
	if (status == 0)
		status = at_most("max_recv_sge", cap->max_recv_sge, VERBS_SEGMENTS_MAX);
	if (status == 0)
		status = at_most("max_inline_data", cap->max_inline_data, VERBS_INLINE_MAX);
	return status;
}

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value > least ? value : least;
}

/* Deeper inboxes than receives cost little, and a sender of many small messages less. */
static struct verbs_geometry geometry_of(const struct weir_qp_init_attr *attr)
{
	enum { INBOX_MIN = 64, INBOX_SRQ = 256 };
	const struct weir_qp_cap *cap = &attr->cap;
	struct verbs_geometry geometry = {
		.receive_depth =
			attr->srq != NULL ? 0 : client_power_of_two(at_least(cap->max_recv_wr, 1)),
		.receive_segments = at_least(cap->max_recv_sge, 1),
		.request_depth = client_power_of_two(at_least(cap->max_send_wr, 1)),
		.request_segments = at_least(cap->max_send_sge, 1),
		.inline_bytes = cap->max_inline_data,
	};

	geometry.inbox_depth = at_least(geometry.receive_depth, INBOX_MIN);
	if (attr->srq != NULL)
		geometry.inbox_depth =
			at_least(((const struct client_srq *)attr->srq)->shared.depth, INBOX_SRQ);
	return geometry;
}

/* ---- making ---- */

static int queue_memory(struct client_qp *qp, const struct verbs_geometry *geometry)
{
	struct verbs_queue_places places = verbs_queue_places(geometry);
	struct error error = {.code = 0};
	struct verbs_queue_header *header;

	qp->memory_fd =
		verbs_memory_create("weir-queue", places.total_bytes, false, &qp->memory, &error);
	if (qp->memory_fd < 0)
		return client_fail(-qp->memory_fd, "memory of a queue pair: %s", error.message);
	verbs_queue_attach(&qp->own, qp->memory.base, 0, qp->qp.pd->handle, geometry);
	header = qp->own.header;
	header->cookie = VERBS_QUEUE_COOKIE;
	header->version = VERBS_VERSION;
	header->inbox_depth = geometry->inbox_depth;
	header->receive_depth = geometry->receive_depth;
	header->receive_segments = geometry->receive_segments;
	header->request_depth = geometry->request_depth;
	header->request_segments = geometry->request_segments;
	header->inline_bytes = geometry->inline_bytes;
	qp->sent = calloc(geometry->request_depth, sizeof(*qp->sent));
	qp->received = calloc(at_least(geometry->receive_depth, 1), sizeof(*qp->received));
	qp->received_segments =
		calloc((size_t)at_least(geometry->receive_depth, 1) * geometry->receive_segments,
			sizeof(*qp->received_segments));
	if (qp->sent == NULL || qp->received == NULL || qp->received_segments == NULL)
		return client_fail(ENOMEM, "no memory for a queue pair");
	qp->cap = (struct weir_qp_cap){.max_send_wr = geometry->request_depth,
		.max_recv_wr = geometry->receive_depth,
		.max_send_sge = geometry->request_segments,
		.max_recv_sge = geometry->receive_segments,
		.max_inline_data = geometry->inline_bytes};
	return 0;
}

int client_qp_announce(struct client_qp *qp, uint32_t wanted)
{
	union verbs_message message = {.create_qp = {
					       .pd = qp->qp.pd->handle,
					       .type = qp->qp.qp_type,
					       .srq = qp->srq != NULL ? qp->srq->handle : 0,
					       .wanted = wanted,
					       .geometry = qp->own.geometry,
				       }};
	int fds[3] = {qp->memory_fd};
	unsigned fd_count = 1;
	int status;

	if (client_channel_of(qp->recv_cq) != NULL) {
		message.create_qp.flags |= VERBS_QP_RECEIVE_EVENTS;
		fds[fd_count++] = client_channel_of(qp->recv_cq)->event_fd;
	}
	if (client_channel_of(qp->send_cq) != NULL) {
		message.create_qp.flags |= VERBS_QP_SEND_EVENTS;
		fds[fd_count++] = client_channel_of(qp->send_cq)->event_fd;
	}
	if (wanted == 0)
		qp->own.header->queue = 0;
	message.head.type = VERBS_CREATE_QP;
	status = client_request(qp->qp.device, &message, fds, fd_count, NULL, NULL);
	if (status == 0)
		qp->qp.qp_num = qp->own.number = qp->own.header->queue =
			message.handle_answer.handle;
	return status;
}

static struct client_qp *qp_new(struct weir_pd *pd, const struct weir_qp_init_attr *attr)
{
	struct client_qp *qp = calloc(1, sizeof(*qp));

	if (qp == NULL) {
		client_fail(ENOMEM, "no memory for a queue pair");
		return NULL;
	}
	qp->qp = (struct weir_qp){.device = pd->device,
		.pd = pd,
		.send_cq = attr->send_cq,
		.recv_cq = attr->recv_cq,
		.srq = attr->srq,
		.qp_context = attr->qp_context,
		.state = WEIR_QPS_RESET,
		.qp_type = attr->qp_type};
	qp->send_cq = (struct client_cq *)attr->send_cq;
	qp->recv_cq = (struct client_cq *)attr->recv_cq;
	qp->srq = (struct client_srq *)attr->srq;
	qp->sq_sig_all = attr->sq_sig_all != 0;
	qp->attr.path_mtu = 5;
	qp->memory_fd = qp->peer_event_fd = -1;
	return qp;
}

static void qp_free(struct client_qp *qp)
{
	client_peer_forget(qp);
	verbs_unmap(&qp->memory);
	if (qp->memory_fd >= 0)
		close(qp->memory_fd);
	free(qp->sent);
	free(qp->received);
	free(qp->received_segments);
	free(qp);
}

static void unannounce(struct client_qp *qp)
{
	union verbs_message message = {.handle = {.handle = qp->qp.qp_num}};

	message.head.type = VERBS_DESTROY_QP;
	client_request(qp->qp.device, &message, NULL, 0, NULL, NULL);
}

/* Connected, or for datagrams. */
static int qp_make(struct client_qp *qp, const struct weir_qp_init_attr *attr)
{
	struct verbs_geometry geometry = geometry_of(attr);
	int status = queue_memory(qp, &geometry);

	if (status == 0)
		status = client_qp_announce(qp, 0);
	if (status != 0)
		return status;
	status = client_cq_join(qp);
	if (status != 0)
		unannounce(qp);
	return status;
}

/* Into the device's list; counts those it hangs on. */
static void qp_enter(struct client_qp *qp)
{
	struct weir_device *device = qp->qp.device;

	pthread_mutex_lock(&device->lock);
	qp->next = device->qps;
	device->qps = qp;
	((struct client_pd *)qp->qp.pd)->users++;
	if (qp->srq != NULL)
		qp->srq->users++;
	pthread_mutex_unlock(&device->lock);
}

struct weir_qp *weir_create_qp(struct weir_pd *pd, struct weir_qp_init_attr *attr)
{
	struct client_qp *qp;
	int status;

	if (attr_check(pd->device, attr) != 0)
		return NULL;
	qp = qp_new(pd, attr);
	if (qp == NULL)
		return NULL;
	client_handle_events(pd->device);
	status = attr->qp_type == WEIR_QPT_RAW_PACKET ? client_raw_create(qp, attr)
						      : qp_make(qp, attr);
	if (status != 0) {
		qp_free(qp);
		errno = status;
		return NULL;
	}
	attr->cap = qp->cap;
	qp_enter(qp);
	return &qp->qp;
}

/* ---- destroying ---- */

/* device->lock held. */
static void qp_leave(struct client_qp *qp)
{
	struct client_qp **at = &qp->qp.device->qps;

	while (*at != qp)
		at = &(*at)->next;
	*at = qp->next;
	((struct client_pd *)qp->qp.pd)->users--;
	if (qp->srq != NULL)
		qp->srq->users--;
}

/* Who sends here learns it at once, not only when the engine tells him. */
static void qp_shut(struct client_qp *qp)
{
	uint64_t one = 1;

	client_qp_lock(qp);
	__atomic_store_n(&qp->own.header->state, VERBS_QUEUE_ERROR, __ATOMIC_RELEASE);
	client_qp_empty(qp);
	if (qp->peer_event_fd >= 0 && write(qp->peer_event_fd, &one, sizeof(one)) < 0) {
		/* full: it is going to look anyway */
	}
	client_qp_unlock(qp);
	client_cq_leave(qp);
}

/* Who only received has not asked yet who the other end is: it may be writing into receives. */
static void peer_know(struct client_qp *qp)
{
	client_qp_lock(qp);
	if (qp->path == VERBS_PATH_NONE && qp->qp.state >= WEIR_QPS_RTR &&
		qp->qp.qp_type != WEIR_QPT_UD && !qp->qp.device->gone)
		client_peer_find(qp);
	client_qp_unlock(qp);
}

/* From now on the other end touches no receive. Of a shared queue, those that it has used or begun
 * to use and nobody polled: the queue is as deep as before. */
static void receives_return(struct client_qp *qp)
{
	client_barrier();
	client_peer_quiesce(qp, qp->responder.queue.header);
	if (qp->srq != NULL)
		client_srq_give_back(qp->srq, qp->attr.dest_qp_num);
}

void client_qp_destroy(struct client_qp *qp)
{
	struct weir_device *device = qp->qp.device;

	client_handle_events(device);
	/* In the list to the end: who takes a region away meanwhile waits for its other end, too.
	 */
	pthread_mutex_lock(&device->lock);
	if (qp->raw == NULL) {
		peer_know(qp);
		qp_shut(qp);
	}
	unannounce(qp);
	if (qp->raw == NULL)
		receives_return(qp);
	qp_leave(qp);
	pthread_mutex_unlock(&device->lock);
	client_raw_destroy(qp);
	client_event_forget(device, qp);
	qp_free(qp);
}

int weir_destroy_qp(struct weir_qp *public)
{
	struct client_qp *qp = (struct client_qp *)public;

	if (qp->users != 0)
		return client_fail(EBUSY, "%u flows of the queue pair are left", qp->users);
	client_qp_destroy(qp);
	return 0;
}

/* ---- asking ---- */

int weir_query_qp(
	struct weir_qp *public, struct weir_qp_attr *ret_attr, struct weir_qp_init_attr *ret_init)
{
	struct client_qp *qp = (struct client_qp *)public;

	client_handle_events(public->device);
	client_lock(&qp->lock);
	if (ret_attr != NULL) {
		*ret_attr = qp->attr;
		ret_attr->qp_state = ret_attr->cur_qp_state = public->state;
		ret_attr->cap = qp->cap;
	}
	if (ret_init != NULL)
		*ret_init = (struct weir_qp_init_attr){.qp_context = public->qp_context,
			.send_cq = public->send_cq,
			.recv_cq = public->recv_cq,
			.srq = public->srq,
			.cap = qp->cap,
			.qp_type = public->qp_type,
			.sq_sig_all = qp->sq_sig_all};
	client_unlock(&qp->lock);
	return 0;
}

const char *weir_qp_path(struct weir_qp *public)
{
	static const char *const names[] = {
		[VERBS_PATH_NONE] = "none yet",
		[VERBS_PATH_DIRECT] = "direct",
		[VERBS_PATH_ENGINE] = "engine",
	};
	struct client_qp *qp = (struct client_qp *)public;
	uint8_t path;

	if (qp->raw != NULL)
		return names[VERBS_PATH_ENGINE];
	client_handle_events(public->device);
	client_lock(&qp->lock);
	if (qp->path == VERBS_PATH_NONE)
		client_peer_find(qp);
	path = qp->path;
	client_unlock(&qp->lock);
	return names[path];
}
