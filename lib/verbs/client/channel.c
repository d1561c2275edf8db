/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completion channels: sleeping until a completion comes. Whoever makes a completion possible
 * writes the channel's eventfd, when the queue is armed; what is read there is no more than "look
 * again". An event is a fact about an armed queue, found by looking at it; so a wake-up that was
 * for nothing returns nothing, and one that came too early is not lost. What nobody can wake for,
 * as that a send was tried for long enough, is looked at again after a time, by whoever sleeps
 * here; for those who sleep elsewhere, with the channel's fd, there is a timer in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "verbs/client/data_path.h"

/* ---- objects ---- */

static int fds_open(struct client_channel *channel)
{
	struct epoll_event event = {.events = EPOLLIN};

	channel->channel.fd = epoll_create1(EPOLL_CLOEXEC);
	channel->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (channel->channel.fd < 0 || channel->event_fd < 0 || channel->timer_fd < 0 ||
		epoll_ctl(channel->channel.fd, EPOLL_CTL_ADD, channel->event_fd, &event) != 0 ||
		epoll_ctl(channel->channel.fd, EPOLL_CTL_ADD, channel->timer_fd, &event) != 0)
		return client_fail(errno, "a completion channel: %s", strerror(errno));
	return 0;
}

static void channel_free(struct client_channel *channel)
{
	const int fds[] = {channel->channel.fd, channel->event_fd, channel->timer_fd};

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(channel);
}

struct weir_comp_channel *weir_create_comp_channel(struct weir_device *device)
{
	struct client_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL) {
		client_fail(ENOMEM, "no memory for a completion channel");
		return NULL;
	}
	channel->channel.device = device;
	if (fds_open(channel) != 0) {
		channel_free(channel);
		return NULL;
	}
	pthread_mutex_lock(&device->lock);
	channel->next = device->channels;
	device->channels = channel;
	pthread_mutex_unlock(&device->lock);
	return &channel->channel;
}

int weir_destroy_comp_channel(struct weir_comp_channel *public)
{
	struct client_channel *channel = (struct client_channel *)public, **at;
	struct weir_device *device = public->device;

	pthread_mutex_lock(&device->lock);
	if (channel->users != 0) {
		pthread_mutex_unlock(&device->lock);
		return client_fail(
			EBUSY, "%u completion queues of the channel are left", channel->users);
	}
	for (at = &device->channels; *at != channel; at = &(*at)->next)
		;
	*at = channel->next;
	pthread_mutex_unlock(&device->lock);
	channel_free(channel);
	return 0;
}

static void channel_wake(const struct client_channel *channel)
{
	eventfd_write(channel->event_fd, 1);
}

void client_cq_wake(struct client_cq *cq)
{
	if (client_channel_of(cq) != NULL)
		channel_wake(client_channel_of(cq));
}

/* Makes it readable after that time; negative: no time. */
static void channel_wake_in(const struct client_channel *channel, int timeout_ms)
{
	struct itimerspec time = {
		.it_value = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L}};

	if (timeout_ms == 0)
		channel_wake(channel);
	else if (timeout_ms > 0)
		timerfd_settime(channel->timer_fd, 0, &time, NULL);
}

/* ---- whether an armed queue has what it was armed for ---- */

/* A message waits; only_solicited: and is such a one, or an error. */
static bool message_waits(const struct client_qp *qp, bool only_solicited)
{
	uint32_t depth = qp->own.geometry.inbox_depth;

	if (qp->flushing && qp->received_done != qp->received_next)
		return true;
	for (uint32_t i = 0; i < depth; i++) {
		uint32_t next = qp->inbox_next + i;
		const struct verbs_slot *slot = &qp->own.inbox[next & (depth - 1)];

		if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != next + 1)
			return false;
		if (!only_solicited || slot->status != WEIR_WC_SUCCESS ||
			(slot->flags & VERBS_SLOT_SOLICITED) != 0)
			return true;
	}
	return false;
}

/* It waits for the other end to post or take something. */
static bool is_stuck(const struct client_qp *qp)
{
	return qp->path == VERBS_PATH_DIRECT && qp->sent_done != qp->sent_next &&
		qp->waiting != VERBS_FINISHED;
}

/* What was sent goes on; that makes completions. Who does not get on asks to be woken, then looks
 * once more: the other end may just have done what it waits for. */
static void sender_progress(struct client_qp *qp)
{
	uint32_t *waits = &qp->own.header->waits;

	client_lock(&qp->lock);
	client_progress(qp);
	if (is_stuck(qp) && *waits == 0) {
		__atomic_store_n(waits, 1, __ATOMIC_RELEASE);
		client_barrier();
		client_progress(qp);
	}
	if (!is_stuck(qp) && *waits != 0)
		__atomic_store_n(waits, 0, __ATOMIC_RELEASE);
	client_unlock(&qp->lock);
}

/* Of a queue pair that receives here: who sleeps for its answers may never look where it sends. */
static void other_progress(const struct client_cq *cq, struct client_qp *qp)
{
	struct client_cq *other = qp->send_cq;

	if (other == cq || qp->own.header == NULL || qp->sent_done == qp->sent_next ||
		!client_trylock(&other->lock))
		return;
	sender_progress(qp);
	client_unlock(&other->lock);
}

/* The queue's lock is held. */
static bool event_due(struct client_cq *cq)
{
	bool only_solicited = cq->armed == 2;

	for (unsigned i = 0; i < cq->sender_count; i++)
		sender_progress(cq->senders[i]);
	for (unsigned i = 0; i < cq->receiver_count; i++)
		other_progress(cq, cq->receivers[i]);
	if (cq->armed == 0)
		return false;
	if (cq->fails && cq->pending > 0)
		return true;
	for (uint32_t i = cq->head; i != cq->tail; i++)
		if (!only_solicited || cq->ring[i & cq->mask].status != WEIR_WC_SUCCESS)
			return true;
	for (unsigned i = 0; i < cq->receiver_count; i++)
		if (message_waits(cq->receivers[i], only_solicited))
			return true;
	return false;
}

/* In headers: a count of armings, so that who wakes does it once for each, and what it is for. */
void client_cq_tell_arming(struct client_cq *cq)
{
	for (unsigned i = 0; i < cq->receiver_count; i++) {
		uint32_t *armed = &cq->receivers[i]->own.header->armed;
		uint32_t count = __atomic_load_n(armed, __ATOMIC_RELAXED) >> 2;

		__atomic_store_n(armed, cq->armed == 0 ? count << 2 : (count + 1) << 2 | cq->armed,
			__ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < cq->sender_count; i++)
		__atomic_store_n(&cq->senders[i]->own.header->sender_armed, cq->armed != 0,
			__ATOMIC_RELEASE);
}

/* How long nobody will wake us for what waits here: until a sender's next try. -1: for ever. */
static int sender_timeout_ms(const struct client_qp *qp)
{
	enum { PEER_MS = 1, RETRY_MS = 10 };

	if (qp->sent_done == qp->sent_next || qp->path == VERBS_PATH_ENGINE ||
		!client_sends_next(qp))
		return -1;
	if (qp->path == VERBS_PATH_NONE)
		return PEER_MS;
	return is_stuck(qp) ? RETRY_MS : 0;
}

static int sooner(int one_ms, int other_ms)
{
	return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms : one_ms;
}

/* Its lock is held. */
static int cq_timeout_ms(const struct client_cq *cq)
{
	/* Without membarrier(2) a wake-up can be missed. */
	int timeout_ms = client_barrier_init() ? -1 : 1;

	for (unsigned i = 0; i < cq->sender_count; i++)
		timeout_ms = sooner(timeout_ms, sender_timeout_ms(cq->senders[i]));
	for (unsigned i = 0; i < cq->receiver_count; i++)
		timeout_ms = sooner(timeout_ms, sender_timeout_ms(cq->receivers[i]));
	return timeout_ms;
}

int weir_req_notify_cq(struct weir_cq *public, int solicited_only)
{
	struct client_cq *cq = (struct client_cq *)public;

	client_lock(&cq->lock);
	if (cq->armed != 1)
		cq->armed = solicited_only ? 2 : 1;
	cq->rung = false;
	client_cq_tell_arming(cq);
	client_barrier();
	if (event_due(cq))
		client_cq_wake(cq);
	else if (client_channel_of(cq) != NULL)
		channel_wake_in(client_channel_of(cq), cq_timeout_ms(cq));
	client_unlock(&cq->lock);
	return 0;
}

/* ---- getting one ---- */

/* Nothing is due, but whoever wakes may have done it already for this arming, for a message that
 * was polled since. It has to be told of another one; then what came meanwhile is looked for. */
static bool armed_anew_due(struct client_cq *cq)
{
	if (cq->armed == 0)
		return false;
	client_cq_tell_arming(cq);
	client_barrier();
	return event_due(cq);
}

/* The queue whose event it is, disarmed; more: another one has one as well. device->lock held. */
static struct client_cq *event_find(struct client_channel *channel, bool *ret_more)
{
	struct client_cq *found = NULL;

	*ret_more = false;
	for (struct client_cq *cq = channel->cqs; cq != NULL && !*ret_more;
		cq = cq->next_of_channel) {
		client_lock(&cq->lock);
		if (!event_due(cq) && !armed_anew_due(cq)) {
			client_unlock(&cq->lock);
			continue;
		}
		if (found == NULL) {
			found = cq;
			cq->armed = 0;
			cq->events_unacked++;
			client_cq_tell_arming(cq);
		} else {
			*ret_more = true;
		}
		client_unlock(&cq->lock);
	}
	return found;
}

static int channel_timeout_ms(const struct client_channel *channel)
{
	int timeout_ms = -1;

	for (struct client_cq *cq = channel->cqs; cq != NULL; cq = cq->next_of_channel) {
		client_lock(&cq->lock);
		timeout_ms = sooner(timeout_ms, cq_timeout_ms(cq));
		client_unlock(&cq->lock);
	}
	return timeout_ms;
}

/* Sleeps until somebody wakes the channel or the engine says something. */
static int channel_wait(struct client_channel *channel, int timeout_ms)
{
	struct weir_device *device = channel->channel.device;
	struct pollfd waiting[2] = {{.fd = channel->event_fd, .events = POLLIN},
		{.fd = device->socket, .events = POLLIN}}; /* -1: is not looked at */

	if (poll(waiting, 2, timeout_ms) < 0)
		return client_fail(errno, "waiting for a completion: %s", strerror(errno));
	return 0;
}

/* Before looking: what comes after it makes it readable again. */
static void channel_drain(const struct client_channel *channel)
{
	eventfd_t ignored;

	eventfd_read(channel->event_fd, &ignored);
	eventfd_read(channel->timer_fd, &ignored); /* the same for a timerfd */
}

int weir_get_cq_event(
	struct weir_comp_channel *public, struct weir_cq **ret_cq, void **ret_cq_context)
{
	struct client_channel *channel = (struct client_channel *)public;
	struct weir_device *device = public->device;
	bool blocks = (fcntl(public->fd, F_GETFL) & O_NONBLOCK) == 0, more;

	for (;;) {
		struct client_cq *cq;
		int timeout_ms, status;

		client_handle_events(device);
		pthread_mutex_lock(&device->lock);
		channel_drain(channel);
		cq = event_find(channel, &more);
		if (more)
			channel_wake(channel);
		timeout_ms = channel_timeout_ms(channel);
		pthread_mutex_unlock(&device->lock);
		if (cq != NULL) {
			*ret_cq = &cq->cq;
			*ret_cq_context = cq->cq.cq_context;
			return 0;
		}
		if (!blocks) {
			channel_wake_in(channel, timeout_ms);
			return client_fail(EAGAIN, "no completion event waits");
		}
		status = channel_wait(channel, timeout_ms);
		if (status != 0)
			return status;
	}
}

void weir_ack_cq_events(struct weir_cq *public, unsigned count)
{
	struct client_cq *cq = (struct client_cq *)public;

	client_lock(&cq->lock);
	cq->events_unacked -= count < cq->events_unacked ? count : cq->events_unacked;
	client_unlock(&cq->lock);
}
