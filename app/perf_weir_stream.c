/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf over the verbs: bandwidth. */
#include <string.h>

#include "perf_pattern.h"
#include "perf_weir.h"

enum { POLL_COUNT = 32 };

/* Number and flags of what is to be the `number`th message (from 1) of a queue pair. */
static inline void describe(struct perf_weir *endpoint, struct perf_weir_queue *queue, uint64_t id,
	bool last, struct weir_send_wr *wr)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	bool signaled = ++queue->unsignaled == settings->cq_mod || last;

	/* A completion says how far its queue pair is. */
	wr->wr_id = id;
	wr->send_flags = endpoint->wr.send_flags | (signaled ? WEIR_SEND_SIGNALED : 0);
	if (signaled)
		queue->unsignaled = 0;
	if (settings->verb == PERF_WRITE || settings->verb == PERF_READ)
		wr->wr.rdma.remote_addr = queue->remote;
	else if (settings->verb == PERF_ATOMIC)
		wr->wr.atomic.remote_addr = queue->remote;
}

/* One list of what there is room for. Returns 1 if that was something. */
static int post_list(struct perf_weir *endpoint, uint32_t index, uint64_t target)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	struct perf_weir_queue *queue = &endpoint->queues[index];
	struct weir_send_wr *list = endpoint->list, *bad;
	uint64_t id = (uint64_t)index << 48 | queue->started;
	uint64_t room = settings->tx_depth - (queue->started - queue->completed);
	uint64_t count = settings->post_list;

	if (queue->started >= target)
		return 0;
	count = count > room ? room : count;
	count = count > target - queue->started ? target - queue->started : count;
	if (count == 0)
		return 0;
	for (uint64_t i = 0; i < count; i++)
		describe(endpoint, queue, id + i + 1, queue->started + i + 1 == target, &list[i]);
	list[count - 1].next = NULL;
	errno = weir_post_send(queue->qp, list, &bad);
	if (count < settings->post_list)
		list[count - 1].next = &list[count];
	if (errno != 0)
		return perf_weir_failed(endpoint, "send");
	queue->started += count;
	endpoint->progress.started += count;
	return 1;
}

static int see_completed(struct perf_weir *endpoint)
{
	struct weir_wc wc[POLL_COUNT];
	struct perf_weir_queue *queue;
	uint64_t number;
	int count = weir_poll_cq(endpoint->send_cq, POLL_COUNT, wc);
	int ret;

	if (count < 0)
		return perf_weir_failed(endpoint, "polling");
	for (int i = 0; i < count; i++) {
		ret = perf_weir_completed(endpoint, &wc[i]);
		if (ret != 0)
			return ret;
		queue = &endpoint->queues[wc[i].wr_id >> 48];
		number = wc[i].wr_id & ((1ull << 48) - 1);
		endpoint->progress.completed += number - queue->completed;
		queue->completed = number;
	}
	return 0;
}

static int stream_send(void *opened, uint64_t target)
{
	struct perf_weir *endpoint = opened;
	const struct perf_settings *settings = &endpoint->run->settings;
	uint64_t each = target == UINT64_MAX ? target : target / settings->qps, until;
	int ret;

	for (uint32_t i = 0; i < settings->qps; i++) {
		until = each;
		/* Time is over: up to the next one whose completion says that all before are
		 * done, too. */
		if (target == 0)
			until = (endpoint->queues[i].started + settings->cq_mod - 1) /
				settings->cq_mod * settings->cq_mod;
		do
			ret = post_list(endpoint, i, until);
		while (ret > 0);
		if (ret < 0)
			return ret;
	}
	return see_completed(endpoint);
}

/* Looks at a message and wipes it, so that the same bytes are not found twice. */
static int check(struct perf_weir *endpoint, uint32_t queue, uint32_t slot)
{
	uint64_t bytes = endpoint->run->settings.bytes, wrong;
	uint8_t *message =
		endpoint->queues[queue].in + slot * endpoint->slot_bytes + endpoint->header_bytes;

	wrong = perf_pattern_wrong(message, bytes, 0);
	if (wrong != bytes)
		return error_set(endpoint->run->error, EIO,
			"message %llu is not what was sent, from byte %llu on",
			(unsigned long long)endpoint->progress.received, (unsigned long long)wrong);
	memset(message, 0, bytes);
	return 0;
}

/* The receives of neighbouring messages of one queue pair are given back as one list. */
static int stream_receive(void *opened)
{
	struct perf_weir *endpoint = opened;
	const struct perf_settings *settings = &endpoint->run->settings;
	struct weir_wc wc[POLL_COUNT];
	int count = weir_poll_cq(endpoint->recv_cq, POLL_COUNT, wc);
	uint32_t queue = 0, first = 0, run = 0;
	int ret = 0;

	if (count < 0)
		return perf_weir_failed(endpoint, "polling");
	for (int i = 0; i < count && ret == 0; i++) {
		uint32_t its_queue = (uint32_t)(wc[i].wr_id >> 32), slot = (uint32_t)wc[i].wr_id;

		ret = perf_weir_completed(endpoint, &wc[i]);
		if (ret == 0 && wc[i].byte_len != settings->bytes + endpoint->header_bytes)
			ret = error_set(
				endpoint->run->error, EIO, "a message of %u bytes", wc[i].byte_len);
		if (ret == 0 && settings->verify)
			ret = check(endpoint, its_queue, slot);
		endpoint->progress.received++;
		if (ret == 0 && run > 0 &&
			(its_queue != queue || slot != (first + run) % endpoint->slots)) {
			ret = perf_weir_post_receives(endpoint, queue, first, run);
			run = 0;
		}
		if (run++ == 0) {
			queue = its_queue;
			first = slot;
		}
	}
	if (ret == 0 && run > 0)
		ret = perf_weir_post_receives(endpoint, queue, first, run);
	return ret;
}

/* A list is made once: what differs is filled in when it is posted. */
static void prepare_list(struct perf_weir *endpoint)
{
	uint32_t count = endpoint->run->settings.post_list;

	perf_weir_prepare(endpoint);
	for (uint32_t i = 0; i < count; i++) {
		endpoint->list[i] = endpoint->wr;
		endpoint->list[i].next = i + 1 < count ? &endpoint->list[i + 1] : NULL;
	}
}

/* What one-sided verbs have brought. Writes are looked at where they arrive, reads where they were
 * asked for. */
static int check_memory(struct perf_weir *endpoint, const struct perf_roles *roles)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	bool looks = settings->verb == PERF_WRITE ? roles->peer_sends
		: settings->verb == PERF_READ	  ? roles->sends
						  : false;
	uint32_t queues = settings->verb == PERF_WRITE ? settings->qps : 1;
	int ret = 0;

	for (uint32_t i = 0; looks && i < queues && ret == 0; i++)
		ret = check(endpoint, i, 0);
	return ret;
}

int perf_weir_bandwidth(void *opened)
{
	static const struct perf_stream_operations operations = {
		stream_send, stream_receive, perf_weir_wait};
	struct perf_weir *endpoint = opened;
	struct perf_run *run = endpoint->run;
	const struct perf_settings *settings = &run->settings;
	bool both = settings->bidirectional, sided = settings->verb == PERF_SEND;
	struct perf_roles roles = {.sends = both || run->client,
		.receives = sided && (both || !run->client),
		.peer_sends = both || !run->client,
		.lossy = sided && settings->connection != PERF_RC};
	int ret;

	prepare_list(endpoint);
	ret = perf_stream_run(run, &endpoint->progress, &roles, &operations);
	if (ret == 0 && settings->verify && !sided)
		ret = check_memory(endpoint, &roles);
	return ret;
}
