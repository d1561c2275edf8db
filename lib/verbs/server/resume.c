/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going on where another engine died. All that is needed stands in the applications' memory:
 *
 *   outcomes       a request whose outcome is written is done, also when `executed` does not say so
 *   inbox          holds its own count: message m is there when its slot has sequence m + 1, and at
 *                  most a lap of the inbox lies after `consumed`
 *   sending        written before a message is put: request number + 1, and which message of the
 *                  other end's inbox it becomes. Is that one there and from us, it was sent
 *   intent         written before an atomic is done: request number + 1, the word before and after.
 *                  Holds the word what it was to become, it was done; what it was before, it was
 *                  not; something else: others changed it since, and nobody can tell
 *
 * WRITE and READ are done again: the bytes are the same. What the owner of the memory scribbles
 * there harms itself only: counters are used modulo the depth, and words go to its own memory.
 */
#include <string.h>

#include "verbs/server/state.h"
#include "verbs/transfer_parts.h"

void work_restore_inbox(struct server_queue *queue)
{
	struct verbs_responder *responder = &queue->responder;
	uint32_t depth = responder->queue.geometry.inbox_depth, faults = 0;

	responder->consumed = __atomic_load_n(&responder->queue.header->consumed, __ATOMIC_ACQUIRE);
	responder->messages = responder->consumed;
	for (uint32_t i = 0; i < depth; i++) {
		const struct verbs_slot *slot = verbs_next_slot(responder);

		if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != responder->messages + 1)
			break;
		faults += slot->kind == VERBS_ARRIVED_FAULT;
		responder->messages++;
	}
	/* Each message took a receive; faults, the last thing a queue pair hears, did not. */
	responder->taken = responder->received = responder->messages - faults;
	responder->woken = 0;
	responder->wrote = responder->solicited = false;
}

void work_restore_requests(struct server_queue *queue)
{
	const struct verbs_queue *own = &queue->responder.queue;
	uint32_t depth = own->geometry.request_depth;

	queue->next = __atomic_load_n(&own->header->executed, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < depth; i++) {
		const struct verbs_outcome *outcome = &own->outcomes[queue->next & (depth - 1)];

		if (__atomic_load_n(&outcome->sequence, __ATOMIC_ACQUIRE) != queue->next + 1)
			break;
		queue->next++;
	}
	__atomic_store_n(&own->header->executed, queue->next, __ATOMIC_RELEASE);
	queue->transferring = false;
	queue->resuming = true;
}

static bool end_with(
	struct server_queue *queue, enum weir_wc_status status, enum verbs_reason reason)
{
	queue->transfer.status = (uint16_t)status;
	queue->transfer.reason = (uint16_t)reason;
	return true;
}

static bool message_arrived(struct server_queue *queue, const struct server_queue *to)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;
	const struct verbs_queue *other = &to->responder.queue;
	uint32_t place = __atomic_load_n(&header->sending_place, __ATOMIC_RELAXED);
	const struct verbs_slot *slot = &other->inbox[place & (other->geometry.inbox_depth - 1)];

	/* Not yet put, or by another sender to the same UD queue pair. */
	if (to->responder.messages - place - 1 >= other->geometry.inbox_depth ||
		__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != place + 1 ||
		slot->source != queue->number)
		return false;
	if (slot->status == WEIR_WC_SUCCESS || to->type == WEIR_QPT_UD)
		return end_with(queue, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	return end_with(queue, WEIR_WC_REM_INV_REQ_ERR, VERBS_REASON_RECEIVE_BAD);
}

static uint8_t *place_find(
	struct verbs_regions *regions, uint32_t pd, uint32_t access, uint32_t key, uint64_t address)
{
	const struct verbs_region *region = regions->find(regions, key);
	uint8_t *place;

	if (region == NULL || region->pd != pd || (region->access & access) != access)
		return NULL;
	place = verbs_region_place(region, address, sizeof(uint64_t));
	return place != NULL && ((uintptr_t)place & 7) == 0 ? place : NULL;
}

static bool atomic_done(struct server_queue *queue, struct server_queue *to)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;
	uint64_t before = __atomic_load_n(&header->intent_before, __ATOMIC_RELAXED);
	uint64_t after = __atomic_load_n(&header->intent_after, __ATOMIC_RELAXED), now;
	const struct verbs_transfer *transfer = &queue->transfer;
	uint8_t *word = place_find(to->responder.regions, to->pd, WEIR_ACCESS_REMOTE_ATOMIC,
		transfer->request.remote_key, transfer->request.remote_address);
	uint8_t *result = transfer->request.segment_count == 0
		? NULL
		: place_find(&queue->connection->executors_view, queue->pd, WEIR_ACCESS_LOCAL_WRITE,
			  transfer->segments[0].key, transfer->segments[0].address);

	/* Nothing to compare: let it fail, or be done, as a new one. */
	if (word == NULL || before == after)
		return false;
	now = __atomic_load_n((uint64_t *)(void *)word, __ATOMIC_ACQUIRE);
	if (now == before)
		return false;
	if (now != after || result == NULL)
		return end_with(queue, WEIR_WC_GENERAL_ERR, VERBS_REASON_ATOMIC_UNKNOWN);
	memcpy(result, &before, sizeof(before));
	return end_with(queue, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
}

bool work_was_done(struct server_queue *queue, struct server_queue *to)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;
	uint32_t sequence = queue->next + 1;

	queue->resuming = false;
	switch (queue->transfer.request.opcode) {
	case WEIR_WR_SEND:
	case WEIR_WR_SEND_WITH_IMM:
	case WEIR_WR_RDMA_WRITE_WITH_IMM:
		return __atomic_load_n(&header->sending, __ATOMIC_ACQUIRE) == sequence &&
			message_arrived(queue, to);
	case WEIR_WR_ATOMIC_CMP_AND_SWP:
	case WEIR_WR_ATOMIC_FETCH_AND_ADD:
		return __atomic_load_n(&header->intent, __ATOMIC_ACQUIRE) == sequence &&
			atomic_done(queue, to);
	default: return false;
	}
}
