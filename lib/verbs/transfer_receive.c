/* SPDX-License-Identifier: BSD-3-Clause */
/* Which posted receive a message gets, and how its receiver learns of it. */
#include "verbs/transfer_parts.h"
#include "verbs/transfer_places.h"

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

/* Forward only: who comes late would set it back by laps, and nobody found an entry again. */
static void srq_advance(struct verbs_srq_header *header, uint32_t next)
{
	uint32_t seen = __atomic_load_n(&header->next, __ATOMIC_RELAXED);

	while ((int32_t)(next - seen) > 0 &&
		!__atomic_compare_exchange_n(
			&header->next, &seen, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
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
			/* Or posted between the two looks: passed by now, it would never be found.
			 */
			free = __atomic_load_n(claim, __ATOMIC_ACQUIRE);
			if ((uint32_t)free != next + 1)
				continue;
		}
		if (free >> 32 != 0)
			continue;
		if (!__atomic_compare_exchange_n(claim, &free, free | (uint64_t)source << 32, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		srq_advance(srq->header, next + 1);
		*bad = !receive_copy(transfer, at, srq->segments);
		return true;
	}
	return false;
}

enum verbs_step receive_choose(
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

void receive_deliver(struct verbs_transfer *transfer, struct verbs_responder *responder,
	uint32_t source, uint8_t kind, uint16_t status)
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
	slot->status = status;
	slot->flags = (uint8_t)((immediate ? VERBS_SLOT_IMMEDIATE : 0) |
		(request->flags & WEIR_SEND_SOLICITED ? VERBS_SLOT_SOLICITED : 0));
	verbs_publish(responder, slot);
	if (responder->srq == NULL)
		responder->taken++;
	transfer->has_receive = false;
	responder->wrote = true;
	responder->solicited |= status != 0 || (request->flags & WEIR_SEND_SOLICITED) != 0;
}
