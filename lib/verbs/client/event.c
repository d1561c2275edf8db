/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous events. What the engine says comes by the socket, whenever somebody reads there, and
 * is handled where no lock is held; what the library notices itself is put into the same list for
 * the application. async_fd, an epoll of both sources, is readable if either has something.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#include "verbs/client/client.h"
#include "verbs/client/peer.h"
#include "verbs/client/queue_pair.h"

/* ---- for the application ---- */

void client_event(struct weir_device *device, enum weir_event_type type, void *object)
{
	struct weir_async_event event = {.event_type = type};
	/* The last place is kept for what nobody may miss. */
	uint32_t most = CLIENT_EVENTS_MAX - (type != WEIR_EVENT_DEVICE_FATAL);

	if (object != NULL)
		event.element.qp = object; /* whichever pointer it is */
	else
		event.element.port_num = 1;
	client_lock(&device->event_lock);
	if (device->events_tail - device->events_head < most)
		device->events[device->events_tail++ % CLIENT_EVENTS_MAX] = event;
	client_unlock(&device->event_lock);
	eventfd_write(device->event_fd, 1);
}

static bool is_of_object(enum weir_event_type type)
{
	return type < WEIR_EVENT_DEVICE_FATAL || type == WEIR_EVENT_SRQ_ERR ||
		type == WEIR_EVENT_SRQ_LIMIT_REACHED || type == WEIR_EVENT_QP_LAST_WQE_REACHED;
}

void client_event_forget(struct weir_device *device, const void *object)
{
	uint32_t kept;

	client_lock(&device->event_lock);
	kept = device->events_head;
	for (uint32_t i = device->events_head; i != device->events_tail; i++) {
		struct weir_async_event event = device->events[i % CLIENT_EVENTS_MAX];

		if (!is_of_object(event.event_type) || (const void *)event.element.qp != object)
			device->events[kept++ % CLIENT_EVENTS_MAX] = event;
	}
	device->events_tail = kept;
	client_unlock(&device->event_lock);
}

static bool event_take(struct weir_device *device, struct weir_async_event *ret_event)
{
	bool taken = false;
	eventfd_t ignored;

	client_lock(&device->event_lock);
	if (device->events_head != device->events_tail) {
		*ret_event = device->events[device->events_head++ % CLIENT_EVENTS_MAX];
		taken = true;
	}
	if (device->events_head == device->events_tail)
		eventfd_read(device->event_fd, &ignored);
	client_unlock(&device->event_lock);
	return taken;
}

int weir_async_fd(const struct weir_device *device)
{
	return device->async_fd;
}

int weir_get_async_event(struct weir_device *device, struct weir_async_event *ret_event)
{
	struct pollfd waiting = {.fd = device->async_fd, .events = POLLIN};

	for (;;) {
		client_handle_events(device);
		if (event_take(device, ret_event))
			return 0;
		if (fcntl(device->async_fd, F_GETFL) & O_NONBLOCK)
			return client_fail(EAGAIN, "no event waits");
		if (poll(&waiting, 1, __atomic_load_n(&device->drains, __ATOMIC_RELAXED) ? 1 : -1) <
				0 &&
			errno != EAGAIN)
			return client_fail(errno, "waiting for an event: %s", strerror(errno));
	}
}

/* An object can be destroyed with events of it unread or not acknowledged: there is nothing to
 * count. */
void weir_ack_async_event(struct weir_async_event *event)
{
	(void)event;
}

/* ---- what the engine says ---- */

static struct client_qp *qp_find(struct weir_device *device, uint32_t number)
{
	struct client_qp *qp = device->qps;

	while (qp != NULL && qp->qp.qp_num != number)
		qp = qp->next;
	return qp;
}

/* An event may be older than what was done with the queue pair since: its memory has the last word.
 */
static void peer_gone(struct client_qp *qp)
{
	uint32_t condition = __atomic_load_n(&qp->own.header->condition, __ATOMIC_ACQUIRE);

	if (condition == VERBS_CONNECTED)
		return;
	client_progress(qp); /* what was done before is done */
	client_qp_error(qp, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_GONE);
}

static void qp_event(struct weir_device *device, const struct verbs_event *event)
{
	bool of_region = event->event == VERBS_EVENT_REGION_GONE;
	struct client_qp *qp = qp_find(device, of_region ? event->queue : event->handle);

	if (qp == NULL || qp->raw != NULL)
		return;
	client_qp_lock(qp);
	if (of_region) {
		client_remote_drop(&qp->remote, event->handle);
	} else if (event->event == VERBS_EVENT_PEER_GONE) {
		peer_gone(qp);
	} else if (qp->qp.state != WEIR_QPS_ERR && qp->qp.state != WEIR_QPS_RESET) {
		client_qp_error(qp, WEIR_WC_FATAL_ERR, event->reason);
		client_event(device, WEIR_EVENT_QP_FATAL, qp);
	}
	client_qp_unlock(qp);
}

static void srq_event(struct weir_device *device, const struct verbs_event *event)
{
	struct client_srq *srq = device->srqs;

	while (srq != NULL && srq->handle != event->handle)
		srq = srq->next;
	if (srq == NULL)
		return;
	client_lock(&srq->lock);
	client_srq_limit_reached(srq);
	client_unlock(&srq->lock);
}

static void handle(struct weir_device *device, const struct verbs_event *event)
{
	switch (event->event) {
	case VERBS_EVENT_PEER_GONE:
	case VERBS_EVENT_QP_FATAL:
	case VERBS_EVENT_REGION_GONE: qp_event(device, event); break;
	case VERBS_EVENT_SRQ_LIMIT: srq_event(device, event); break;
	case VERBS_EVENT_PORT:
		client_event(device,
			event->reason == 0 ? WEIR_EVENT_PORT_ACTIVE : WEIR_EVENT_PORT_ERR, NULL);
		break;
	default: break; /* what ends the connection is noticed where it ends */
	}
}

void client_handle_events(struct weir_device *device)
{
	struct verbs_event events[CLIENT_EVENTS_MAX];
	uint32_t count;

	client_take_events(device);
	client_tell_errors(device);
	client_drain_progress(device);
	if (__atomic_load_n(&device->incoming_count, __ATOMIC_RELAXED) == 0)
		return;
	pthread_mutex_lock(&device->lock);
	pthread_mutex_lock(&device->socket_lock);
	count = device->incoming_count;
	memcpy(events, device->incoming, count * sizeof(events[0]));
	device->incoming_count = 0;
	pthread_mutex_unlock(&device->socket_lock);
	for (uint32_t i = 0; i < count; i++)
		handle(device, &events[i]);
	pthread_mutex_unlock(&device->lock);
}
