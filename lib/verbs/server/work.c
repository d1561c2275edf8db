/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine path: requests of a queue pair are taken from its memory, one copy each, checked, done
 * by the executor, and their outcome written. In order, each queue pair by one worker. Two workers
 * may have messages for the same one: the first takes it, the other comes back later.
 */
#include <string.h>

#include "base/clock.h"
#include "verbs/rnr.h"
#include "verbs/server/state.h"
#include "verbs/transfer_parts.h"

/* Of one queue pair. */
enum { STEPS_A_TURN = 16 };
#define BYTES_A_TURN (256u * 1024)
/* Of all of a worker's, however many they are: its packets wait that long. In bytes copied, some
 * 100 us; a look at a queue pair takes a cache line, and a step several, from where they are. */
enum { LOOK_COST = 512, STEP_COST = 2048 };
#define TURN_COST (512 * 1024)

/* ---- taking a request ---- */

enum taken { TAKEN_NONE, TAKEN_GOOD, TAKEN_BAD };

static enum taken bad(
	struct verbs_transfer *transfer, enum weir_wc_status status, enum verbs_reason reason)
{
	transfer->status = (uint16_t)status;
	transfer->reason = (uint16_t)reason;
	return TAKEN_BAD;
}

static bool opcode_good(uint32_t type, uint8_t opcode)
{
	switch (type) {
	case WEIR_QPT_UD: return opcode == WEIR_WR_SEND || opcode == WEIR_WR_SEND_WITH_IMM;
	case WEIR_QPT_UC: return opcode <= WEIR_WR_SEND_WITH_IMM;
	default: return opcode <= WEIR_WR_ATOMIC_FETCH_AND_ADD;
	}
}

/* The copy makes sense; its segments, or payload, are copied too. */
static enum taken request_check(struct server_queue *queue, const struct verbs_request *shared)
{
	const struct verbs_geometry *geometry = &queue->responder.queue.geometry;
	struct verbs_transfer *transfer = &queue->transfer;
	const struct verbs_request *request = &transfer->request;
	uint64_t bytes = 0;

	if (!opcode_good(queue->type, request->opcode))
		return bad(transfer, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_OPCODE);
	if (request->bytes > (queue->type == WEIR_QPT_UD ? VERBS_UD_MAX : VERBS_MESSAGE_MAX))
		return bad(transfer, WEIR_WC_LOC_LEN_ERR, VERBS_REASON_TOO_LONG);
	if ((request->flags & WEIR_SEND_INLINE) != 0) {
		if (request->opcode >= WEIR_WR_RDMA_READ || request->bytes > geometry->inline_bytes)
			return bad(transfer, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
		memcpy(queue->payload, shared->payload, request->bytes);
		transfer->payload = queue->payload;
		return TAKEN_GOOD;
	}
	transfer->payload = NULL;
	if (request->segment_count > geometry->request_segments)
		return bad(transfer, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_TOO_MANY_SEGMENTS);
	memcpy(transfer->segments, shared->segments,
		request->segment_count * sizeof(struct verbs_segment));
	for (unsigned i = 0; i < request->segment_count; i++)
		bytes += transfer->segments[i].bytes;
	if (bytes != request->bytes)
		return bad(transfer, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
	return TAKEN_GOOD;
}

static enum taken request_take(struct server_queue *queue)
{
	const struct verbs_queue *own = &queue->responder.queue;
	const struct verbs_request *shared;

	if (!work_posted(queue))
		return TAKEN_NONE;
	shared = (const struct verbs_request *)(own->requests +
		(size_t)(queue->next & (own->geometry.request_depth - 1)) * own->request_stride);
	memcpy(&queue->transfer.request, shared, sizeof(*shared));
	/* The copy may have been changed under our eyes; that number is ours. */
	queue->transfer.request.sequence = queue->next + 1;
	queue->transfer.journal = own->header;
	verbs_transfer_begin(&queue->transfer);
	queue->transferring = true;
	queue->waiting = VERBS_FINISHED;
	return request_check(queue, shared);
}

/* ---- finishing one ---- */

static void outcome_write(
	struct server_queue *queue, uint16_t status, uint16_t reason, uint32_t bytes)
{
	const struct verbs_queue *own = &queue->responder.queue;
	struct verbs_outcome *outcome =
		&own->outcomes[queue->next & (own->geometry.request_depth - 1)];

	outcome->status = status;
	outcome->reason = reason;
	outcome->bytes = bytes;
	queue->next++;
	__atomic_store_n(&outcome->sequence, queue->next, __ATOMIC_RELEASE);
	__atomic_store_n(&own->header->executed, queue->next, __ATOMIC_RELEASE);
	queue->transferring = false;
}

static void request_finish(struct server_queue *queue)
{
	const struct verbs_transfer *transfer = &queue->transfer;
	bool good = transfer->status == WEIR_WC_SUCCESS;

	/* Single writer: no need for locked additions. */
	if (good) {
		__atomic_store_n(&queue->done_requests, queue->done_requests + 1, __ATOMIC_RELAXED);
		__atomic_store_n(&queue->done_bytes, queue->done_bytes + transfer->request.bytes,
			__ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&queue->mode, WORK_FLUSH, __ATOMIC_RELAXED);
	}
	outcome_write(
		queue, transfer->status, transfer->reason, good ? transfer->request.bytes : 0);
}

static void request_end(
	struct server_queue *queue, enum weir_wc_status status, enum verbs_reason reason)
{
	queue->transfer.status = (uint16_t)status;
	queue->transfer.reason = (uint16_t)reason;
	request_finish(queue);
}

void work_flush(struct server_queue *queue)
{
	uint32_t depth = queue->responder.queue.geometry.request_depth;

	/* Who goes on posting meanwhile does not keep us here. */
	for (uint32_t i = 0; i < depth && (queue->transferring || work_posted(queue)); i++)
		outcome_write(queue, WEIR_WC_WR_FLUSH_ERR, VERBS_REASON_FLUSHED, 0);
}

/* ---- waking ---- */

static const struct server_bell *bell_of(
	const struct verbs_server *server, const struct server_queue *queue)
{
	return &server->workers[queue->worker].bell;
}

static void responder_wake(
	const struct verbs_server *server, const struct server_bell *bell, struct server_queue *to)
{
	struct verbs_responder *responder = &to->responder;
	bool solicited = responder->solicited;
	uint32_t armed;

	if (!responder->wrote)
		return;
	responder->wrote = responder->solicited = false;
	if (server->fences)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	armed = __atomic_load_n(&responder->queue.header->armed, __ATOMIC_RELAXED);
	if (armed == 0 || armed == responder->woken || ((armed & 1) == 0 && !solicited))
		return;
	responder->woken = armed;
	bell_ring(bell, to->connection, to->receive_event_fd);
}

static void sender_wake(const struct verbs_server *server, const struct server_queue *queue)
{
	if (server->fences)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&queue->responder.queue.header->sender_armed, __ATOMIC_RELAXED) != 0)
		bell_ring(bell_of(server, queue), queue->connection, queue->send_event_fd);
}

/* ---- doing it ---- */

/* UD goes to whom it names; NULL: nobody, or he does not want it: it is lost. */
static struct server_queue *datagram_destination(
	const struct verbs_server *server, const struct verbs_request *request)
{
	struct server_queue *to = server_queue_find(server, request->remote_queue);
	const struct verbs_queue_header *header;

	if (to == NULL || to->type != WEIR_QPT_UD || to->state < WEIR_QPS_RTR)
		return NULL;
	header = to->responder.queue.header;
	if (__atomic_load_n(&header->state, __ATOMIC_ACQUIRE) != VERBS_QUEUE_OPEN ||
		__atomic_load_n(&header->qkey, __ATOMIC_RELAXED) != request->remote_qkey)
		return NULL;
	return to;
}

/* How long the other end may keep it waiting. UINT64_MAX: for ever. */
static uint64_t patience_ns(const struct server_queue *queue)
{
	const struct verbs_queue_header *other;

	if (queue->waiting == VERBS_WAIT_PEER || queue->peer == NULL)
		return queue->timeout == 0 ? UINT64_MAX
					   : (4096ull << queue->timeout) * (queue->retry + 1ull);
	if (queue->rnr_retry >= 7)
		return UINT64_MAX;
	other = queue->peer->responder.queue.header;
	return queue->rnr_retry *
		verbs_rnr_ns(__atomic_load_n(&other->rnr_timer, __ATOMIC_RELAXED));
}

/* It cannot go on. true: it was given up. What is unreliable does not wait: it is lost. */
static bool request_wait(struct server_queue *queue, enum verbs_step why)
{
	uint64_t now_ns, patience;

	if (queue->type != WEIR_QPT_RC) {
		request_end(queue, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		return true;
	}
	now_ns = clock_monotonic_ns();
	if (queue->waiting != why) {
		queue->waiting = (uint8_t)why;
		queue->waiting_since_ns = now_ns;
	}
	patience = patience_ns(queue);
	if (patience == UINT64_MAX || now_ns - queue->waiting_since_ns < patience)
		return false;
	if (why == VERBS_WAIT_PEER)
		request_end(queue, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_NOT_READY);
	else
		request_end(queue, WEIR_WC_RNR_RETRY_EXC_ERR, VERBS_REASON_NO_RECEIVE);
	return true;
}

/* Notes where the message goes, for the next engine: resume.c. */
static void sending_note(struct server_queue *queue, const struct server_queue *to)
{
	struct verbs_queue_header *header = queue->responder.queue.header;
	uint8_t opcode = queue->transfer.request.opcode;

	if (opcode == WEIR_WR_RDMA_WRITE || opcode >= WEIR_WR_RDMA_READ)
		return;
	__atomic_store_n(&header->sending_place, to->responder.messages, __ATOMIC_RELAXED);
	__atomic_store_n(&header->sending, queue->next + 1, __ATOMIC_RELEASE);
}

/* One step towards a queue pair that we have for ourselves. */
static bool step_to(
	struct verbs_server *server, struct server_queue *queue, struct server_queue *to)
{
	enum verbs_step step;

	if (queue->resuming && work_was_done(queue, to)) {
		request_finish(queue);
		return true;
	}
	sending_note(queue, to);
	step = verbs_transfer_step(&queue->transfer, &to->responder,
		&queue->connection->executors_view, queue->pd, queue->number);
	responder_wake(server, bell_of(server, queue), to);
	if (step == VERBS_AGAIN) {
		queue->waiting = VERBS_FINISHED;
		return true;
	}
	if (step != VERBS_FINISHED)
		return request_wait(queue, step);
	request_finish(queue);
	return true;
}

/* false: it cannot go on now. */
static bool request_step(struct verbs_server *server, struct server_queue *queue)
{
	struct server_queue *to = queue->type == WEIR_QPT_UD
		? datagram_destination(server, &queue->transfer.request)
		: queue->peer;
	bool moved;

	if (to == NULL) {
		if (queue->type != WEIR_QPT_UD &&
			queue->responder.queue.header->condition == VERBS_PEER_GONE) {
			request_end(queue, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_GONE);
			return true;
		}
		return request_wait(queue, VERBS_WAIT_PEER);
	}
	if (__atomic_exchange_n(&to->taken, 1, __ATOMIC_ACQUIRE) != 0)
		return false;
	moved = step_to(server, queue, to);
	__atomic_store_n(&to->taken, 0, __ATOMIC_RELEASE);
	return moved;
}

/* One request, or a step of it. */
static bool queue_step(struct verbs_server *server, struct server_queue *queue)
{
	if (queue->mode == WORK_FLUSH) {
		if (!queue->transferring && !work_posted(queue))
			return false;
		outcome_write(queue, WEIR_WC_WR_FLUSH_ERR, VERBS_REASON_FLUSHED, 0);
		return true;
	}
	if (!queue->transferring) {
		switch (request_take(queue)) {
		case TAKEN_NONE: return false;
		case TAKEN_BAD: request_finish(queue); return true;
		default: break;
		}
	}
	return request_step(server, queue);
}

/* A fair share of one queue pair's requests. */
static unsigned queue_work(struct verbs_server *server, struct server_queue *queue, int64_t *budget)
{
	uint64_t begin = queue->done_bytes, enough = begin + BYTES_A_TURN;
	uint32_t before = queue->next;
	unsigned steps = 0;

	*budget -= LOOK_COST;
	if (queue->mode == WORK_NOTHING)
		return 0;
	while (steps < STEPS_A_TURN && queue->done_bytes < enough && queue_step(server, queue)) {
		steps++;
		/* A step of a long message: that was a turn's share. */
		if (queue->transferring || __atomic_load_n(&server->stopped, __ATOMIC_RELAXED) != 0)
			break;
	}
	if (steps > 0)
		*budget -= steps * STEP_COST +
			(queue->transferring ? BYTES_A_TURN : (int64_t)(queue->done_bytes - begin));
	if (queue->next != before)
		sender_wake(server, queue);
	return steps;
}

unsigned verbs_server_work(struct verbs_server *server, unsigned number)
{
	struct server_worker *worker = &server->workers[number];
	unsigned steps = 0, at, i;
	int64_t budget = TURN_COST;

	if (__atomic_load_n(&worker->count, __ATOMIC_RELAXED) == 0 && !worker->flagged)
		return 0;
	if (!work_enter(server, worker))
		return 0;
	if (worker->flagged)
		work_awake(worker);
	at = worker->turn < worker->count ? worker->turn : 0;
	for (i = 0; i < worker->count && budget > 0; i++) {
		steps += queue_work(server, worker->queues[at], &budget);
		if (++at == worker->count)
			at = 0;
		if (__atomic_load_n(&server->stopped, __ATOMIC_RELAXED) != 0)
			break;
	}
	/* Where it came to; after a whole round, with the next one, so that each is first once. */
	worker->turn = i < worker->count ? at : at + 1;
	work_leave(worker);
	return steps;
}
