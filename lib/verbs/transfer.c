/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/transfer.h"

#include "verbs/transfer_parts.h"

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

/* The initiator is wrong about the other end's memory: both are told, as on a real network. */
static enum verbs_step fail_remote(struct verbs_transfer *transfer,
	struct verbs_responder *responder, uint32_t source, enum weir_wc_status status,
	enum verbs_reason reason)
{
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

/* ---- places ---- */

/* A part of some memory, mapped here. NULL base: there is none. */
struct place {
	uint8_t *base;
	uint64_t bytes;
	enum verbs_reason reason;
};

static struct place place_of(struct verbs_regions *regions, uint32_t pd, uint32_t access,
	uint32_t key, uint64_t address, uint64_t bytes)
{
	const struct verbs_region *region;
	struct place place = {.bytes = bytes};

	region = regions->find(regions, key);
	if (region == NULL)
		place.reason = VERBS_REASON_REMOTE_KEY;
	else if (region->pd != pd)
		place.reason = VERBS_REASON_REMOTE_PD;
	else if ((region->access & access) != access)
		place.reason = VERBS_REASON_REMOTE_ACCESS;
	else if ((place.base = verbs_region_place(region, address, bytes)) == NULL)
		place.reason = VERBS_REASON_REMOTE_RANGE;
	return place;
}

static enum verbs_reason local_reason(enum verbs_reason reason)
{
	switch (reason) {
	case VERBS_REASON_REMOTE_RANGE: return VERBS_REASON_LOCAL_RANGE;
	case VERBS_REASON_REMOTE_ACCESS: return VERBS_REASON_LOCAL_ACCESS;
	default: return VERBS_REASON_LOCAL_KEY;
	}
}

/* A list of segments of one owner, read or written from some byte of the whole on. */
struct cursor {
	struct verbs_regions *regions;
	const struct verbs_segment *segments;
	uint64_t skip; /* bytes of the current segment that are done */
	uint32_t left; /* segments */
	uint32_t pd, access;
};

static void cursor_skip(struct cursor *cursor, uint64_t bytes)
{
	while (cursor->left > 0 && bytes >= cursor->segments->bytes - cursor->skip) {
		bytes -= cursor->segments->bytes - cursor->skip;
		cursor->skip = 0;
		cursor->segments++;
		cursor->left--;
	}
	cursor->skip += bytes;
}

/* What is left of the current segment, at most `bytes`. Empty segments were skipped. */
static struct place cursor_place(const struct cursor *cursor, uint64_t bytes)
{
	struct place place = {.reason = VERBS_REASON_RECEIVE_TOO_SMALL};
	uint64_t left;

	if (cursor->left == 0)
		return place;
	left = cursor->segments->bytes - cursor->skip;
	return place_of(cursor->regions, cursor->pd, cursor->access, cursor->segments->key,
		cursor->segments->address + cursor->skip, left < bytes ? left : bytes);
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
	uint32_t access = reads_into_own(transfer->request.opcode) ? WEIR_ACCESS_LOCAL_WRITE : 0;

	if (transfer->payload != NULL)
		return true;
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

/* ---- receives ---- */

/* Copies it once; counts are bounded by what the queue was made for. */
static bool receive_copy(struct verbs_transfer *transfer, const uint8_t *at, uint32_t segments_max)
{
	const struct verbs_receive *receive = (const struct verbs_receive *)at;

	transfer->receive_tag = __atomic_load_n(&receive->tag, __ATOMIC_RELAXED);
	transfer->receive_bytes = __atomic_load_n(&receive->bytes, __ATOMIC_RELAXED);
	transfer->receive_count = __atomic_load_n(&receive->segment_count, __ATOMIC_RELAXED);
	if (transfer->receive_count > segments_max || segments_max > VERBS_SEGMENTS_MAX)
		return false;
	memcpy(transfer->receive, receive->segments,
		transfer->receive_count * sizeof(struct verbs_segment));
	return true;
}

/* Takes the oldest free entry, in the name of queue pair `source`. */
static bool srq_claim(
	struct verbs_transfer *transfer, const struct verbs_srq *srq, uint32_t source, bool *bad)
{
	uint32_t next = __atomic_load_n(&srq->header->next, __ATOMIC_RELAXED);

	for (uint32_t tries = 0; tries < srq->depth; tries++, next++) {
		uint8_t *at =
			srq->receives + (size_t)(next & (srq->depth - 1)) * srq->receive_stride;
		uint64_t *claim = &((struct verbs_receive *)at)->claim;
		uint64_t free = __atomic_load_n(claim, __ATOMIC_ACQUIRE);

		/* Not posted; or passed over, as its last receive is still on its way. */
		if ((uint32_t)free != next + 1) {
			uint32_t posted = __atomic_load_n(&srq->header->posted, __ATOMIC_ACQUIRE);

			if ((int32_t)(posted - next) <= 0)
				return false;
			continue;
		}
		if (free >> 32 != 0)
			continue;
		if (!__atomic_compare_exchange_n(claim, &free, free | (uint64_t)source << 32, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&srq->header->next, next + 1, __ATOMIC_RELAXED);
		*bad = !receive_copy(transfer, at, srq->segments);
		return true;
	}
	return false;
}

/* Chooses the receive of a message that needs one. */
static enum verbs_step receive_choose(
	struct verbs_transfer *transfer, struct verbs_responder *responder, uint32_t source)
{
	bool bad = false;

	if (transfer->has_receive)
		return VERBS_FINISHED;
	if (responder->srq != NULL) {
		if (!verbs_inbox_room(responder))
			return VERBS_WAIT_ROOM;
		if (!srq_claim(transfer, responder->srq, source, &bad))
			return VERBS_WAIT_RECEIVE;
	} else {
		const struct verbs_queue *queue = &responder->queue;

		if (!verbs_receive_posted(responder))
			return VERBS_WAIT_RECEIVE;
		bad = !receive_copy(transfer,
			queue->receives +
				(size_t)(responder->taken & (queue->geometry.receive_depth - 1)) *
					queue->receive_stride,
			queue->geometry.receive_segments);
	}
	transfer->has_receive = true;
	if (bad)
		transfer->receive_count = transfer->receive_bytes = 0;
	return VERBS_FINISHED;
}

/* The message has arrived, or failed in a way that its receiver must know (`status`). */
static void deliver(struct verbs_transfer *transfer, struct verbs_responder *responder,
	uint32_t source, uint8_t kind, enum weir_wc_status status)
{
	const struct verbs_request *request = &transfer->request;
	struct verbs_slot *slot = verbs_next_slot(responder);
	bool immediate = request->opcode == WEIR_WR_SEND_WITH_IMM ||
		request->opcode == WEIR_WR_RDMA_WRITE_WITH_IMM;

	slot->bytes = request->bytes;
	slot->immediate = request->immediate;
	slot->source = source;
	slot->receive = transfer->receive_tag;
	slot->kind = kind;
	slot->status = (uint16_t)status;
	slot->flags = (uint8_t)((immediate ? VERBS_SLOT_IMMEDIATE : 0) |
		(request->flags & WEIR_SEND_SOLICITED ? VERBS_SLOT_SOLICITED : 0));
	verbs_publish(responder, slot);
	if (responder->srq == NULL)
		responder->taken++;
	transfer->has_receive = false;
	responder->wrote = true;
	responder->solicited |= status != 0 || (request->flags & WEIR_SEND_SOLICITED) != 0;
}

/* ---- operations ---- */

/* The receive cannot take the message: whose fault it is decides who hears what. */
static enum verbs_step receive_bad(struct verbs_transfer *transfer,
	struct verbs_responder *responder, uint32_t source, enum verbs_reason reason)
{
	bool small = reason == VERBS_REASON_RECEIVE_TOO_SMALL;

	deliver(transfer, responder, source, VERBS_ARRIVED_SEND,
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
	if (transfer->request.bytes + before > transfer->receive_bytes)
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
		if (to.base == NULL)
			return receive_bad(transfer, responder, source, VERBS_REASON_RECEIVE_BAD);
		memcpy(to.base, from.base, to.bytes);
		transfer->done_bytes += to.bytes;
		budget -= to.bytes;
		cursor_skip(&into, to.bytes);
	}
	if (transfer->done_bytes < transfer->request.bytes)
		return VERBS_AGAIN;
	deliver(transfer, responder, source, VERBS_ARRIVED_SEND, WEIR_WC_SUCCESS);
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

	if ((allowed & access) != access)
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
		deliver(transfer, responder, source, VERBS_ARRIVED_WRITE, WEIR_WC_SUCCESS);
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
