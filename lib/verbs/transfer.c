/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/transfer.h"

#include "verbs/transfer_parts.h"
#include "verbs/transfer_places.h"

void verbs_queue_attach(struct verbs_queue *queue, void *memory, uint32_t number, uint32_t pd,
	const struct verbs_geometry *geometry)
{
	struct verbs_queue_places places = verbs_queue_places(geometry);
	uint8_t *base = memory;

	queue->header = memory;
	queue->sizes = (uint32_t *)(base + places.sizes);
	queue->receives = base + places.receives;
	queue->inbox = (struct verbs_slot *)(base + places.inbox);
	queue->requests = base + places.requests;
	queue->outcomes = (struct verbs_outcome *)(base + places.outcomes);
	queue->geometry = *geometry;
	queue->receive_stride = (uint32_t)places.receive_stride;
	queue->request_stride = (uint32_t)places.request_stride;
	queue->number = number;
	queue->pd = pd;
}

size_t verbs_srq_bytes(uint32_t depth, uint32_t segments)
{
	return (4096 + depth * verbs_receive_stride(segments) + 4095) & ~(size_t)4095;
}

void verbs_srq_attach(struct verbs_srq *srq, void *memory, uint32_t depth, uint32_t segments)
{
	srq->header = memory;
	srq->receives = (uint8_t *)memory + 4096;
	srq->depth = depth;
	srq->segments = segments;
	srq->receive_stride = (uint32_t)verbs_receive_stride(segments);
}

static enum verbs_step fail(
	struct verbs_transfer *transfer, enum weir_wc_status status, enum verbs_reason reason)
{
	transfer->status = (uint16_t)status;
	transfer->reason = (uint16_t)reason;
	return VERBS_FINISHED;
}

/* No region was found because nobody could be asked: nobody is wrong. */
static bool cannot_know(const struct verbs_responder *responder, enum verbs_reason reason)
{
	return reason == VERBS_REASON_REMOTE_KEY && responder->regions->unreachable;
}

/* The initiator is wrong about the other end's memory: both are told, as on a real network. */
static enum verbs_step fail_remote(struct verbs_transfer *transfer,
	struct verbs_responder *responder, uint32_t source, enum weir_wc_status status,
	enum verbs_reason reason)
{
	if (cannot_know(responder, reason))
		return VERBS_WAIT_PEER;
	if (verbs_inbox_room(responder)) {
		struct verbs_slot *slot = verbs_next_slot(responder);

		slot->bytes = 0;
		slot->kind = VERBS_ARRIVED_FAULT;
		slot->flags = 0;
		slot->status = WEIR_WC_REM_ACCESS_ERR;
		slot->source = source;
		verbs_publish(responder, slot);
		responder->wrote = responder->solicited = true;
	}
	return fail(transfer, status, reason);
}

/* ---- the initiator's side ---- */

static struct cursor own_cursor(const struct verbs_transfer *transfer, struct verbs_regions *own,
	uint32_t pd, uint32_t access)
{
	struct cursor cursor = {.regions = own,
		.segments = transfer->segments,
		.left = transfer->request.segment_count,
		.pd = pd,
		.access = access};

	cursor_skip(&cursor, transfer->done_bytes);
	return cursor;
}

static bool reads_into_own(uint8_t opcode)
{
	return opcode == WEIR_WR_RDMA_READ || opcode == WEIR_WR_ATOMIC_CMP_AND_SWP ||
		opcode == WEIR_WR_ATOMIC_FETCH_AND_ADD;
}

/* All segments, before the first byte moves. */
static bool own_segments_good(
	struct verbs_transfer *transfer, struct verbs_regions *own, uint32_t pd)
{
	uint32_t access;

	if (transfer->payload != NULL || !VERBS_WRONG(true))
		return true;
	access = reads_into_own(transfer->request.opcode) ? WEIR_ACCESS_LOCAL_WRITE : 0;
	for (uint16_t i = 0; i < transfer->request.segment_count; i++) {
		const struct verbs_segment *segment = &transfer->segments[i];
		struct place place =
			place_of(own, pd, access, segment->key, segment->address, segment->bytes);

		if (segment->bytes > 0 && place.base == NULL) {
			fail(transfer, WEIR_WC_LOC_PROT_ERR, local_reason(place.reason));
			return false;
		}
	}
	return true;
}

/* The next piece of what is sent, at most `bytes`. */
static struct place source_place(const struct verbs_transfer *transfer, struct verbs_regions *own,
	uint32_t pd, uint64_t bytes)
{
	struct cursor cursor;
	struct place place;

	if (transfer->payload != NULL) {
		/* Only read. */
		place.base = (uint8_t *)(uintptr_t)(transfer->payload + transfer->done_bytes);
		place.bytes = bytes;
		place.reason = VERBS_REASON_NONE;
		return place;
	}
	cursor = own_cursor(transfer, own, pd, 0);
	place = cursor_place(&cursor, bytes);
	if (place.base == NULL)
		place.reason = local_reason(place.reason);
	return place;
}

/* ---- operations ---- */

/* The receive cannot take the message: whose fault it is decides who hears what. */
static enum verbs_step receive_bad(struct verbs_transfer *transfer,
	struct verbs_responder *responder, uint32_t source, enum verbs_reason reason)
{
	bool small = reason == VERBS_REASON_RECEIVE_TOO_SMALL;

	receive_deliver(transfer, responder, source, VERBS_ARRIVED_SEND,
		small ? WEIR_WC_LOC_LEN_ERR : WEIR_WC_LOC_PROT_ERR);
	if (responder->type == WEIR_QPT_UD)
		return fail(transfer, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	return fail(transfer, small ? WEIR_WC_REM_INV_REQ_ERR : WEIR_WC_REM_OP_ERR,
		small ? VERBS_REASON_RECEIVE_TOO_SMALL : VERBS_REASON_RECEIVE_BAD);
}

static enum verbs_step send_step(struct verbs_transfer *transfer, struct verbs_responder *responder,
	struct verbs_regions *own, uint32_t pd, uint32_t source)
{
	uint64_t before = responder->type == WEIR_QPT_UD ? VERBS_GRH_BYTES : 0;
	uint64_t budget = VERBS_STEP_BYTES;
	enum verbs_step step = receive_choose(transfer, responder, source);
	struct cursor into;

	if (step != VERBS_FINISHED)
		return step;
	if (VERBS_WRONG(transfer->request.bytes + before > transfer->receive_bytes))
		return receive_bad(transfer, responder, source, VERBS_REASON_RECEIVE_TOO_SMALL);
	into = (struct cursor){.regions = responder->regions,
		.segments = transfer->receive,
		.left = transfer->receive_count,
		.pd = responder->queue.pd,
		.access = WEIR_ACCESS_LOCAL_WRITE};
	cursor_skip(&into, before + transfer->done_bytes);
	while (transfer->done_bytes < transfer->request.bytes && budget > 0) {
		uint64_t left = transfer->request.bytes - transfer->done_bytes;
		struct place from, to;

		from = source_place(transfer, own, pd, left < budget ? left : budget);
		if (from.base == NULL)
			return fail(transfer, WEIR_WC_LOC_PROT_ERR, from.reason);
		to = cursor_place(&into, from.bytes);
		if (to.base == NULL && cannot_know(responder, to.reason))
			return VERBS_WAIT_PEER;
		if (to.base == NULL)
			return receive_bad(transfer, responder, source, VERBS_REASON_RECEIVE_BAD);
		memcpy(to.base, from.base, to.bytes);
		transfer->done_bytes += to.bytes;
		budget -= to.bytes;
		cursor_skip(&into, to.bytes);
	}
	if (transfer->done_bytes < transfer->request.bytes)
		return VERBS_AGAIN;
	receive_deliver(transfer, responder, source, VERBS_ARRIVED_SEND, WEIR_WC_SUCCESS);
	return fail(transfer, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
}

/* The other end's memory that a one-sided request names: all of it, so that nothing moves if a
 * part is wrong. */
static struct place remote_place(const struct verbs_transfer *transfer,
	struct verbs_responder *responder, uint32_t access, uint64_t bytes)
{
	const struct verbs_request *request = &transfer->request;
	uint32_t allowed = __atomic_load_n(&responder->queue.header->access, __ATOMIC_RELAXED);
	struct place nowhere = {.reason = VERBS_REASON_REMOTE_ACCESS};

	if (VERBS_WRONG((allowed & access) != access))
		return nowhere;
	return place_of(responder->regions, responder->queue.pd, access, request->remote_key,
		request->remote_address, bytes);
}

static enum verbs_step write_step(struct verbs_transfer *transfer,
	struct verbs_responder *responder, struct verbs_regions *own, uint32_t pd, uint32_t source)
{
	bool immediate = transfer->request.opcode == WEIR_WR_RDMA_WRITE_WITH_IMM;
	uint64_t budget = VERBS_STEP_BYTES;
	struct place to = {0};

	if (transfer->request.bytes > 0) {
		to = remote_place(
			transfer, responder, WEIR_ACCESS_REMOTE_WRITE, transfer->request.bytes);
		if (to.base == NULL)
			return fail_remote(
				transfer, responder, source, WEIR_WC_REM_ACCESS_ERR, to.reason);
	}
	while (transfer->done_bytes < transfer->request.bytes && budget > 0) {
		uint64_t left = transfer->request.bytes - transfer->done_bytes;
		struct place from = source_place(transfer, own, pd, left < budget ? left : budget);

		if (from.base == NULL)
			return fail(transfer, WEIR_WC_LOC_PROT_ERR, from.reason);
		verbs_copy_ordered(to.base + transfer->done_bytes, from.base, from.bytes);
		transfer->done_bytes += from.bytes;
		budget -= from.bytes;
	}
	if (transfer->done_bytes < transfer->request.bytes)
		return VERBS_AGAIN;
	if (immediate) {
		enum verbs_step step = receive_choose(transfer, responder, source);

		if (step != VERBS_FINISHED)
			return step;
		receive_deliver(transfer, responder, source, VERBS_ARRIVED_WRITE, WEIR_WC_SUCCESS);
	}
	return fail(transfer, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
}

static enum verbs_step read_step(struct verbs_transfer *transfer, struct verbs_responder *responder,
	struct verbs_regions *own, uint32_t pd, uint32_t source)
{
	struct cursor into = own_cursor(transfer, own, pd, WEIR_ACCESS_LOCAL_WRITE);
	uint64_t budget = VERBS_STEP_BYTES;
	struct place from = {0};

	if (transfer->request.bytes > 0) {
		from = remote_place(
			transfer, responder, WEIR_ACCESS_REMOTE_READ, transfer->request.bytes);
		if (from.base == NULL)
			return fail_remote(
				transfer, responder, source, WEIR_WC_REM_ACCESS_ERR, from.reason);
	}
	while (transfer->done_bytes < transfer->request.bytes && budget > 0) {
		uint64_t left = transfer->request.bytes - transfer->done_bytes;
		struct place to = cursor_place(&into, left < budget ? left : budget);

		if (to.base == NULL)
			return fail(transfer, WEIR_WC_LOC_PROT_ERR, local_reason(to.reason));
		memcpy(to.base, from.base + transfer->done_bytes, to.bytes);
		transfer->done_bytes += to.bytes;
		budget -= to.bytes;
		cursor_skip(&into, to.bytes);
	}
	if (transfer->done_bytes < transfer->request.bytes)
		return VERBS_AGAIN;
	return fail(transfer, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
}

/* Notes what is about to be done, so that who comes after a crash can tell whether it was. */
static void journal_write(
	struct verbs_queue_header *journal, uint32_t sequence, uint64_t before, uint64_t after)
{
	__atomic_store_n(&journal->intent_before, before, __ATOMIC_RELAXED);
	__atomic_store_n(&journal->intent_after, after, __ATOMIC_RELAXED);
	__atomic_store_n(&journal->intent, sequence, __ATOMIC_RELEASE);
}

static uint64_t atomic_do(const struct verbs_transfer *transfer, uint64_t *word)
{
	const struct verbs_request *request = &transfer->request;
	uint64_t before = __atomic_load_n(word, __ATOMIC_RELAXED), after;

	do {
		if (request->opcode == WEIR_WR_ATOMIC_FETCH_AND_ADD)
			after = before + request->compare_add;
		else
			after = before == request->compare_add ? request->swap : before;
		if (transfer->journal != NULL)
			journal_write(transfer->journal, request->sequence, before, after);
	} while (!__atomic_compare_exchange_n(
		word, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return before;
}

static enum verbs_step atomic_step(struct verbs_transfer *transfer,
	struct verbs_responder *responder, struct verbs_regions *own, uint32_t pd, uint32_t source)
{
	struct cursor into = own_cursor(transfer, own, pd, WEIR_ACCESS_LOCAL_WRITE);
	struct place word, result;
	uint64_t before;

	if (transfer->request.bytes < sizeof(before))
		return fail(transfer, WEIR_WC_LOC_LEN_ERR, VERBS_REASON_LOCAL_RANGE);
	result = cursor_place(&into, sizeof(before));
	if (result.base == NULL || result.bytes < sizeof(before))
		return fail(transfer, WEIR_WC_LOC_PROT_ERR, local_reason(result.reason));
	if (transfer->request.remote_address % sizeof(before) != 0)
		return fail_remote(transfer, responder, source, WEIR_WC_REM_INV_REQ_ERR,
			VERBS_REASON_MISALIGNED);
	word = remote_place(transfer, responder, WEIR_ACCESS_REMOTE_ATOMIC, sizeof(before));
	if (word.base == NULL)
		return fail_remote(
			transfer, responder, source, WEIR_WC_REM_ACCESS_ERR, word.reason);
	if ((uintptr_t)word.base % sizeof(before) != 0)
		return fail_remote(transfer, responder, source, WEIR_WC_REM_INV_REQ_ERR,
			VERBS_REASON_MISALIGNED);
	before = atomic_do(transfer, (uint64_t *)(void *)word.base);
	memcpy(result.base, &before, sizeof(before));
	return fail(transfer, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
}

/* ---- all ---- */

static bool begins(struct verbs_transfer *transfer, struct verbs_regions *own, uint32_t pd)
{
	return transfer->done_bytes > 0 || transfer->has_receive ||
		own_segments_good(transfer, own, pd);
}

enum verbs_step verbs_transfer_step(struct verbs_transfer *transfer,
	struct verbs_responder *responder, struct verbs_regions *own, uint32_t pd, uint32_t source)
{
	if (!begins(transfer, own, pd))
		return VERBS_FINISHED;
	if (responder->type != WEIR_QPT_UD && !verbs_open_for(responder, source)) {
		if (__atomic_load_n(&responder->queue.header->state, __ATOMIC_RELAXED) ==
			VERBS_QUEUE_ERROR)
			return fail(transfer, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_ERROR);
		return VERBS_WAIT_PEER;
	}
	switch (transfer->request.opcode) {
	case WEIR_WR_SEND:
	case WEIR_WR_SEND_WITH_IMM: return send_step(transfer, responder, own, pd, source);
	case WEIR_WR_RDMA_WRITE:
	case WEIR_WR_RDMA_WRITE_WITH_IMM: return write_step(transfer, responder, own, pd, source);
	case WEIR_WR_RDMA_READ: return read_step(transfer, responder, own, pd, source);
	case WEIR_WR_ATOMIC_CMP_AND_SWP:
	case WEIR_WR_ATOMIC_FETCH_AND_ADD: return atomic_step(transfer, responder, own, pd, source);
	default: return fail(transfer, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_OPCODE);
	}
}
