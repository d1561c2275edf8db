/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completion queues. `ring` holds what the library completes itself (sends, what was flushed);
 * what arrives stays in the inboxes of its queue pairs until it is polled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/client/client.h"
#include "verbs/client/queue_pair.h"

uint32_t client_power_of_two(uint32_t at_least)
{
	uint32_t power = 1;

	while (power < at_least)
		power <<= 1;
	return power;
}

static int cqe_check(int cqe)
{
	if (cqe >= 1 && cqe <= CLIENT_CQE_MAX)
		return 0;
	return client_fail(EINVAL, "a completion queue of %d entries: 1 to %d are possible", cqe,
		CLIENT_CQE_MAX);
}

struct weir_cq *weir_create_cq(
	struct weir_device *device, int cqe, void *cq_context, struct weir_comp_channel *channel)
{
	struct client_channel *of_channel = (struct client_channel *)channel;
	struct client_cq *cq;
	uint32_t size;

	if (cqe_check(cqe) != 0)
		return NULL;
	size = client_power_of_two((uint32_t)cqe);
	cq = calloc(1, sizeof(*cq));
	if (cq != NULL)
		cq->ring = calloc(size, sizeof(*cq->ring));
	if (cq == NULL || cq->ring == NULL) {
		free(cq);
		client_fail(ENOMEM, "no memory for a completion queue of %d entries", cqe);
		return NULL;
	}
	cq->mask = size - 1;
	cq->cq = (struct weir_cq){
		.device = device, .channel = channel, .cq_context = cq_context, .cqe = (int)size};
	pthread_mutex_lock(&device->lock);
	cq->next = device->cqs;
	device->cqs = cq;
	if (of_channel != NULL) {
		cq->next_of_channel = of_channel->cqs;
		of_channel->cqs = cq;
		of_channel->users++;
	}
	pthread_mutex_unlock(&device->lock);
	return &cq->cq;
}

int weir_resize_cq(struct weir_cq *public, int cqe)
{
	struct client_cq *cq = (struct client_cq *)public;
	struct weir_wc *ring;
	uint32_t size, count;

	if (cqe_check(cqe) != 0)
		return EINVAL;
	size = client_power_of_two((uint32_t)cqe);
	ring = calloc(size, sizeof(*ring));
	if (ring == NULL)
		return client_fail(ENOMEM, "no memory for a completion queue of %d entries", cqe);
	client_lock(&cq->lock);
	count = cq->tail - cq->head;
	if (count > size) {
		client_unlock(&cq->lock);
		free(ring);
		return client_fail(EINVAL, "%u completions wait in the queue", count);
	}
	for (uint32_t i = 0; i < count; i++)
		ring[i] = cq->ring[(cq->head + i) & cq->mask];
	free(cq->ring);
	cq->ring = ring;
	cq->head = 0;
	cq->tail = count;
	cq->mask = size - 1;
	public->cqe = (int)size;
	client_unlock(&cq->lock);
	return 0;
}

static void channel_leave(struct client_cq *cq)
{
	struct client_channel *channel = (struct client_channel *)cq->cq.channel;
	struct client_cq **at;

	if (channel == NULL)
		return;
	for (at = &channel->cqs; *at != cq; at = &(*at)->next_of_channel)
		;
	*at = cq->next_of_channel;
	channel->users--;
}

int weir_destroy_cq(struct weir_cq *public)
{
	struct client_cq *cq = (struct client_cq *)public, **at;
	struct weir_device *device = public->device;
	int status = 0;

	pthread_mutex_lock(&device->lock);
	if (cq->receiver_count + cq->sender_count != 0)
		status = client_fail(EBUSY, "queue pairs of the completion queue are left");
	else if (cq->events_unacked != 0)
		status = client_fail(EBUSY, "%u events are not acknowledged", cq->events_unacked);
	if (status != 0) {
		pthread_mutex_unlock(&device->lock);
		return status;
	}
	channel_leave(cq);
	for (at = &device->cqs; *at != cq; at = &(*at)->next)
		;
	*at = cq->next;
	pthread_mutex_unlock(&device->lock);
	client_event_forget(device, cq);
	free(cq->receivers);
	free(cq->senders);
	free(cq->ring);
	free(cq);
	return 0;
}

/* ---- its queue pairs ---- */

static int list_add(struct client_qp ***list, uint16_t *count, struct client_qp *qp)
{
	struct client_qp **longer = realloc(*list, (*count + 1u) * sizeof(*longer));

	if (longer == NULL)
		return client_fail(ENOMEM, "no memory for a queue pair");
	longer[(*count)++] = qp;
	*list = longer;
	return 0;
}

static void list_remove(struct client_qp **list, uint16_t *count, const struct client_qp *qp)
{
	for (uint16_t i = 0; i < *count; i++)
		if (list[i] == qp) {
			list[i] = list[--*count];
			return;
		}
}

int client_cq_join(struct client_qp *qp)
{
	struct client_cq *sends = qp->send_cq, *receives = qp->recv_cq;
	int status;

	client_lock(&sends->lock);
	status = list_add(&sends->senders, &sends->sender_count, qp);
	if (status == 0)
		client_cq_tell_arming(sends);
	client_unlock(&sends->lock);
	if (status != 0)
		return status;
	client_lock(&receives->lock);
	status = list_add(&receives->receivers, &receives->receiver_count, qp);
	if (status == 0)
		client_cq_tell_arming(receives);
	client_unlock(&receives->lock);
	if (status != 0)
		client_cq_leave(qp);
	return status;
}

void client_cq_leave(struct client_qp *qp)
{
	client_lock(&qp->send_cq->lock);
	list_remove(qp->send_cq->senders, &qp->send_cq->sender_count, qp);
	client_unlock(&qp->send_cq->lock);
	client_lock(&qp->recv_cq->lock);
	list_remove(qp->recv_cq->receivers, &qp->recv_cq->receiver_count, qp);
	qp->recv_cq->next_receiver = 0;
	client_unlock(&qp->recv_cq->lock);
}

void client_cq_purge(struct client_cq *cq, uint32_t number)
{
	uint32_t kept = cq->head;

	for (uint32_t i = cq->head; i != cq->tail; i++)
		if (cq->ring[i & cq->mask].qp_num != number)
			cq->ring[kept++ & cq->mask] = cq->ring[i & cq->mask];
	cq->tail = kept;
}

bool client_send_room(struct client_qp *qp)
{
	const struct client_cq *cq = qp->send_cq;
	uint32_t depth = qp->own.geometry.request_depth;
	uint32_t taken = qp->sent_next - qp->sent_done, unpolled = cq->tail - cq->head;

	/* Others' are in the ring too: which are its own is looked at only if it matters. */
	if (taken + unpolled >= depth) {
		unpolled = 0;
		for (uint32_t i = cq->head; i != cq->tail; i++)
			unpolled += cq->ring[i & cq->mask].qp_num == qp->qp.qp_num;
	}
	qp->send_room = taken + unpolled < depth ? depth - taken - unpolled : 0;
	return qp->send_room > 0;
}

void client_qp_lock(struct client_qp *qp)
{
	struct client_cq *first = qp->send_cq, *second = qp->recv_cq;

	if (first > second) {
		first = qp->recv_cq;
		second = qp->send_cq;
	}
	client_lock(&first->lock);
	if (second != first)
		client_lock(&second->lock);
	client_lock(&qp->lock);
}

void client_qp_unlock(struct client_qp *qp)
{
	client_unlock(&qp->lock);
	client_unlock(&qp->send_cq->lock);
	if (qp->recv_cq != qp->send_cq)
		client_unlock(&qp->recv_cq->lock);
}
