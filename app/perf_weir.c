/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf over the verbs: an endpoint is made, connected and taken down. */
#include "perf_weir.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "perf_pattern.h"

enum {
	CACHE_BYTES = 4096, /* a queue pair's messages go round in so much at least */
	SLOTS_BYTES = 8 << 20, /* and receives in so much at most, or two messages */
	PERFTEST_INLINE = 236,
	LINE_BYTES = 64,
};

_Static_assert(sizeof(struct perf_weir_place) <= PERF_PLACE_MAX, "it fits");

int perf_weir_failed(struct perf_weir *endpoint, const char *what)
{
	int code = errno != 0 ? errno : EIO;

	return error_set(endpoint->run->error, code, "%s: %s", what, weir_error_text());
}

int perf_weir_completed(struct perf_weir *endpoint, const struct weir_wc *wc)
{
	if (wc->status == WEIR_WC_SUCCESS)
		return 0;
	return error_set(endpoint->run->error, EIO, "queue pair %u: work ended with status %u: %s",
		wc->qp_num, wc->status, weir_reason_text(wc->vendor_err));
}

/* ---- memory ---- */

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static bool two_sided(const struct perf_settings *settings)
{
	return settings->verb == PERF_SEND;
}

/* out | slots of queue pair 0 | slots of queue pair 1 ... */
static void choose_memory(struct perf_weir *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	uint64_t fits, out_bytes;

	endpoint->header_bytes = settings->connection == PERF_UD ? PERF_UD_HEADER : 0;
	endpoint->slot_bytes = round_up(
		(settings->bytes > 8 ? settings->bytes : 8) + endpoint->header_bytes, LINE_BYTES);
	endpoint->rx_depth = settings->rx_depth;
	endpoint->slots = 1;
	if (two_sided(settings)) {
		fits = SLOTS_BYTES / settings->qps / endpoint->slot_bytes;
		fits = fits < 2 ? 2 : fits;
		endpoint->slots = fits < settings->rx_depth ? (uint32_t)fits : settings->rx_depth;
		/* What is looked at must not be written over meanwhile. */
		if (settings->verify && endpoint->rx_depth > endpoint->slots)
			endpoint->rx_depth = endpoint->slots;
	}
	out_bytes = endpoint->slot_bytes > CACHE_BYTES ? endpoint->slot_bytes : CACHE_BYTES;
	endpoint->memory_bytes = round_up(
		out_bytes + settings->qps * endpoint->slots * endpoint->slot_bytes, CACHE_BYTES);
}

static int make_memory(struct perf_weir *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	uint64_t out_bytes =
		endpoint->slot_bytes > CACHE_BYTES ? endpoint->slot_bytes : CACHE_BYTES;

	endpoint->memory = weir_alloc(endpoint->device, endpoint->memory_bytes, false);
	if (endpoint->memory == NULL)
		return perf_weir_failed(endpoint, "memory");
	/* Each page is there before anything is measured. */
	memset(endpoint->memory, 0, endpoint->memory_bytes);
	endpoint->out = endpoint->memory;
	endpoint->in = endpoint->memory + out_bytes;
	perf_pattern_fill(endpoint->out, settings->bytes, 0);
	for (uint32_t i = 0; i < settings->qps; i++)
		endpoint->queues[i].in =
			endpoint->in + (uint64_t)i * endpoint->slots * endpoint->slot_bytes;
	endpoint->mr = weir_reg_mr(endpoint->pd, endpoint->memory, endpoint->memory_bytes,
		WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE | WEIR_ACCESS_REMOTE_READ |
			WEIR_ACCESS_REMOTE_ATOMIC);
	return endpoint->mr != NULL ? 0 : perf_weir_failed(endpoint, "memory region");
}

/* ---- queues ---- */

static int make_completion_queues(struct perf_weir *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	uint64_t sends = (uint64_t)settings->qps * (settings->tx_depth + 1);
	uint64_t receives = (uint64_t)settings->qps * endpoint->rx_depth;

	if (settings->events) {
		endpoint->channel = weir_create_comp_channel(endpoint->device);
		if (endpoint->channel == NULL ||
			fcntl(endpoint->channel->fd, F_SETFL, O_NONBLOCK) != 0)
			return perf_weir_failed(endpoint, "completion channel");
	}
	endpoint->send_cq = weir_create_cq(endpoint->device, (int)sends, NULL, endpoint->channel);
	if (endpoint->send_cq != NULL)
		endpoint->recv_cq =
			weir_create_cq(endpoint->device, (int)receives, NULL, endpoint->channel);
	return endpoint->recv_cq != NULL ? 0 : perf_weir_failed(endpoint, "completion queue");
}

static uint32_t wanted_inline(const struct perf_weir *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	struct weir_device_attr attributes;

	if (settings->inline_bytes != PERF_INLINE_DEFAULT)
		return settings->inline_bytes;
	if (weir_query_device(endpoint->device, &attributes) != 0 ||
		attributes.max_inline_data > PERFTEST_INLINE)
		return PERFTEST_INLINE;
	return attributes.max_inline_data > 0 ? (uint32_t)attributes.max_inline_data : 0;
}

static int make_queue_pair(struct perf_weir *endpoint, struct perf_weir_queue *queue)
{
	static const enum weir_qp_type types[] = {WEIR_QPT_RC, WEIR_QPT_UC, WEIR_QPT_UD};
	const struct perf_settings *settings = &endpoint->run->settings;
	struct weir_qp_init_attr attributes = {
		.send_cq = endpoint->send_cq,
		.recv_cq = endpoint->recv_cq,
		.cap = {.max_send_wr = settings->tx_depth,
			.max_recv_wr = two_sided(settings) ? endpoint->rx_depth : 1,
			.max_send_sge = 1,
			.max_recv_sge = 1,
			.max_inline_data = wanted_inline(endpoint)},
		.qp_type = types[settings->connection],
	};

	queue->qp = weir_create_qp(endpoint->pd, &attributes);
	if (queue->qp == NULL)
		return perf_weir_failed(endpoint, "queue pair");
	/* What was given may be more than was asked for; what was asked for counts. */
	endpoint->inline_bytes = wanted_inline(endpoint);
	return 0;
}

/* Made once: what is posted again and again is the same. */
static int make_receives(struct perf_weir *endpoint, uint32_t index)
{
	struct perf_weir_queue *queue = &endpoint->queues[index];

	queue->receives = calloc(endpoint->slots, sizeof(*queue->receives));
	queue->places = calloc(endpoint->slots, sizeof(*queue->places));
	if (queue->receives == NULL || queue->places == NULL || endpoint->mr == NULL)
		return error_set(endpoint->run->error, ENOMEM, "no memory");
	for (uint32_t i = 0; i < endpoint->slots; i++) {
		queue->places[i] = (struct weir_sge){
			.addr = (uintptr_t)(queue->in + i * endpoint->slot_bytes),
			.length =
				(uint32_t)(endpoint->header_bytes + endpoint->run->settings.bytes),
			.lkey = endpoint->mr->lkey};
		queue->receives[i] = (struct weir_recv_wr){.wr_id = (uint64_t)index << 32 | i,
			.next = i + 1 < endpoint->slots ? &queue->receives[i + 1] : NULL,
			.sg_list = &queue->places[i],
			.num_sge = 1};
	}
	return 0;
}

static int make_endpoint(struct perf_weir *endpoint)
{
	int ret;

	endpoint->pd = weir_alloc_pd(endpoint->device);
	if (endpoint->pd == NULL)
		return perf_weir_failed(endpoint, "protection domain");
	choose_memory(endpoint);
	ret = make_memory(endpoint);
	if (ret == 0)
		ret = make_completion_queues(endpoint);
	for (uint32_t i = 0; i < endpoint->run->settings.qps && ret == 0; i++) {
		ret = make_queue_pair(endpoint, &endpoint->queues[i]);
		if (ret == 0)
			ret = make_receives(endpoint, i);
	}
	return ret;
}

static void weir_way_close(void *opened)
{
	struct perf_weir *endpoint = opened;

	for (uint32_t i = 0; i < endpoint->run->settings.qps; i++)
		if (endpoint->queues != NULL && endpoint->queues[i].qp != NULL)
			weir_destroy_qp(endpoint->queues[i].qp);
	if (endpoint->ah != NULL)
		weir_destroy_ah(endpoint->ah);
	if (endpoint->send_cq != NULL)
		weir_destroy_cq(endpoint->send_cq);
	if (endpoint->recv_cq != NULL)
		weir_destroy_cq(endpoint->recv_cq);
	if (endpoint->channel != NULL)
		weir_destroy_comp_channel(endpoint->channel);
	if (endpoint->mr != NULL)
		weir_dereg_mr(endpoint->mr);
	if (endpoint->memory != NULL)
		weir_free(endpoint->device, endpoint->memory);
	if (endpoint->pd != NULL)
		weir_dealloc_pd(endpoint->pd);
	if (endpoint->device != NULL)
		weir_close(endpoint->device);
	for (uint32_t i = 0; endpoint->queues != NULL && i < endpoint->run->settings.qps; i++) {
		free(endpoint->queues[i].receives);
		free(endpoint->queues[i].places);
	}
	free(endpoint->queues);
	free(endpoint);
}

static void show_place(const struct perf_weir *endpoint, struct perf_place *ret_place)
{
	struct perf_weir_place place = {.in = (uintptr_t)endpoint->in,
		.out = (uintptr_t)endpoint->out,
		.key = endpoint->mr->rkey,
		.count = endpoint->run->settings.qps};

	for (uint32_t i = 0; i < place.count; i++)
		place.numbers[i] = endpoint->queues[i].qp->qp_num;
	memcpy(ret_place->bytes, &place, sizeof(place));
	ret_place->length = sizeof(place);
}

static void *weir_way_open(struct perf_run *run, struct perf_place *ret_place)
{
	struct perf_weir *endpoint = calloc(1, sizeof(*endpoint));

	if (endpoint == NULL) {
		error_set(run->error, ENOMEM, "no memory");
		return NULL;
	}
	endpoint->run = run;
	endpoint->queues = calloc(run->settings.qps, sizeof(*endpoint->queues));
	endpoint->device = weir_open(NULL);
	if (endpoint->device == NULL)
		error_set(run->error, errno != 0 ? errno : EIO,
			"%s; an engine for applications is started with `weir run "
			"config/verbs.json`",
			weir_error_text());
	else if (endpoint->queues == NULL)
		error_set(run->error, ENOMEM, "no memory");
	else if (make_endpoint(endpoint) == 0 && endpoint->mr != NULL) {
		show_place(endpoint, ret_place);
		return endpoint;
	}
	weir_way_close(endpoint);
	return NULL;
}

/* ---- connecting ---- */

static int connect_datagrams(struct perf_weir *endpoint, struct weir_qp *qp)
{
	struct weir_qp_attr attributes = {
		.qp_state = WEIR_QPS_INIT, .qkey = PERF_UD_KEY, .port_num = 1};
	int ret = weir_modify_qp(
		qp, &attributes, WEIR_QP_STATE | WEIR_QP_PKEY_INDEX | WEIR_QP_PORT | WEIR_QP_QKEY);

	attributes.qp_state = WEIR_QPS_RTR;
	if (ret == 0)
		ret = weir_modify_qp(qp, &attributes, WEIR_QP_STATE);
	attributes.qp_state = WEIR_QPS_RTS;
	if (ret == 0)
		ret = weir_modify_qp(qp, &attributes, WEIR_QP_STATE | WEIR_QP_SQ_PSN);
	errno = ret;
	if (ret == 0 && endpoint->ah == NULL) {
		endpoint->ah = weir_create_ah(endpoint->pd);
		ret = endpoint->ah != NULL ? 0 : errno;
	}
	return ret;
}

void perf_weir_prepare(struct perf_weir *endpoint)
{
	static const enum weir_wr_opcode opcodes[] = {[PERF_SEND] = WEIR_WR_SEND,
		[PERF_WRITE] = WEIR_WR_RDMA_WRITE,
		[PERF_READ] = WEIR_WR_RDMA_READ,
		[PERF_ATOMIC] = WEIR_WR_ATOMIC_FETCH_AND_ADD};
	const struct perf_settings *settings = &endpoint->run->settings;
	bool fetches = settings->verb == PERF_READ || settings->verb == PERF_ATOMIC;
	struct weir_send_wr *wr = &endpoint->wr;

	endpoint->out_sge =
		(struct weir_sge){.addr = (uintptr_t)(fetches ? endpoint->in : endpoint->out),
			.length = (uint32_t)settings->bytes,
			.lkey = endpoint->mr->lkey};
	wr->opcode = opcodes[settings->verb];
	wr->sg_list = &endpoint->out_sge;
	wr->num_sge = settings->bytes > 0 ? 1 : 0;
	if (!fetches && settings->bytes <= endpoint->inline_bytes)
		wr->send_flags = WEIR_SEND_INLINE;
	if (settings->verb == PERF_WRITE || settings->verb == PERF_READ) {
		wr->wr.rdma.remote_addr = endpoint->queues[0].remote;
		wr->wr.rdma.rkey = endpoint->peer_key;
	} else if (settings->verb == PERF_ATOMIC) {
		if (settings->compare_swap)
			wr->opcode = WEIR_WR_ATOMIC_CMP_AND_SWP;
		wr->wr.atomic.remote_addr = endpoint->queues[0].remote;
		wr->wr.atomic.rkey = endpoint->peer_key;
		wr->wr.atomic.compare_add = settings->compare_swap ? 0 : 1;
	}
}

int perf_weir_post_receives(
	struct perf_weir *endpoint, uint32_t queue, uint32_t first, uint32_t count)
{
	struct weir_recv_wr *receives = endpoint->queues[queue].receives, *bad;
	uint32_t chunk;

	for (first %= endpoint->slots; count > 0; count -= chunk, first = 0) {
		struct weir_recv_wr *last, *next;

		chunk = endpoint->slots - first < count ? endpoint->slots - first : count;
		last = &receives[first + chunk - 1];
		next = last->next;
		last->next = NULL;
		errno = weir_post_recv(endpoint->queues[queue].qp, &receives[first], &bad);
		last->next = next;
		if (errno != 0)
			return perf_weir_failed(endpoint, "receive");
	}
	return 0;
}

static int weir_way_connect(void *opened, const struct perf_place *shown)
{
	struct perf_weir *endpoint = opened;
	const struct perf_settings *settings = &endpoint->run->settings;
	struct perf_weir_place peer;
	uint64_t remote;
	int ret = 0;

	memcpy(&peer, shown->bytes, sizeof(peer));
	if (shown->length != sizeof(peer) || peer.count != settings->qps)
		return error_set(
			endpoint->run->error, EPROTO, "the other side shows other queue pairs");
	endpoint->peer_key = peer.key;
	for (uint32_t i = 0; i < settings->qps && ret == 0; i++) {
		struct perf_weir_queue *queue = &endpoint->queues[i];

		remote = peer.in + (uint64_t)i * endpoint->slots * endpoint->slot_bytes;
		queue->remote = settings->verb == PERF_READ ? peer.out : remote;
		errno = settings->connection == PERF_UD
			? connect_datagrams(endpoint, queue->qp)
			: weir_connect_qp(queue->qp, peer.numbers[i]);
		if (errno != 0)
			ret = perf_weir_failed(endpoint, "connection");
		else if (two_sided(settings))
			ret = perf_weir_post_receives(endpoint, i, 0, endpoint->rx_depth);
	}
	endpoint->wr.wr.ud.ah = endpoint->ah;
	endpoint->wr.wr.ud.remote_qpn = peer.numbers[0];
	endpoint->wr.wr.ud.remote_qkey = PERF_UD_KEY;
	return ret;
}

/* ---- sleeping ---- */

int perf_weir_wait(void *opened, uint64_t timeout_ns)
{
	struct perf_weir *endpoint = opened;
	const struct timespec timeout = {.tv_nsec = (long)timeout_ns};
	struct pollfd wait = {.fd = endpoint->channel->fd, .events = POLLIN};
	struct weir_cq *cq;
	void *context;

	if (!endpoint->armed) {
		endpoint->armed = true;
		errno = weir_req_notify_cq(endpoint->recv_cq, 0);
		if (errno == 0)
			errno = weir_req_notify_cq(endpoint->send_cq, 0);
		return errno == 0 ? 0 : perf_weir_failed(endpoint, "arming");
	}
	if (ppoll(&wait, 1, &timeout, NULL) <= 0)
		return 0;
	errno = weir_get_cq_event(endpoint->channel, &cq, &context);
	endpoint->armed = false;
	if (errno == EAGAIN) /* woken for what has been polled already */
		return 0;
	if (errno != 0)
		return perf_weir_failed(endpoint, "event");
	weir_ack_cq_events(cq, 1);
	return 0;
}

const struct perf_way perf_weir_way = {
	.open = weir_way_open,
	.connect = weir_way_connect,
	.latency = perf_weir_latency,
	.bandwidth = perf_weir_bandwidth,
	.close = weir_way_close,
};
