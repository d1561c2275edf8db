/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a raw-packet queue pair: sent and forwarded. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/raw.h"

enum { AREA_ALIGN = 64, FRAME_MIN = 14, FRAME_MAX = 65549 };

/* What the engine is done with is free again. */
static void take_done(struct client_raw *raw)
{
	uint32_t sent = __atomic_load_n(&raw->header->sent, __ATOMIC_ACQUIRE);

	if (sent == raw->sent_done || sent - raw->sent_done > raw->flushed - raw->sent_done)
		return;
	raw->sent_done = sent;
	raw->send_tail = raw->sent_end[(sent - 1) & (raw->send_depth - 1)];
}

static struct verbs_descriptor *next_descriptor(struct client_raw *raw)
{
	if (raw->sent_next - raw->sent_done >= raw->send_depth)
		take_done(raw);
	if (raw->sent_next - raw->sent_done >= raw->send_depth)
		return NULL;
	return &raw->sent[raw->sent_next & (raw->send_depth - 1)];
}

static void *area_take(struct client_raw *raw, uint32_t length)
{
	uint64_t needed = ((uint64_t)length + AREA_ALIGN - 1) & ~(uint64_t)(AREA_ALIGN - 1);
	uint64_t at = raw->alloc_head % raw->half_bytes;
	uint64_t skipped = at + needed > raw->half_bytes ? raw->half_bytes - at : 0;

	if (raw->alloc_head + skipped + needed - raw->send_tail > raw->half_bytes)
		take_done(raw);
	if (raw->alloc_head + skipped + needed - raw->send_tail > raw->half_bytes)
		return NULL;
	raw->alloc_head += skipped + needed;
	raw->alloc_count++;
	return raw->area + raw->half_bytes + (skipped > 0 ? 0 : at);
}

void *weir_packet_alloc(struct weir_qp *public, uint32_t length)
{
	struct client_qp *qp = (struct client_qp *)public;
	void *data;

	if (qp->raw == NULL || length > FRAME_MAX) {
		client_fail(EINVAL, "%u bytes are no packet: %d are the most", length, FRAME_MAX);
		return NULL;
	}
	client_lock(&qp->lock);
	data = area_take(qp->raw, length);
	client_unlock(&qp->lock);
	return data;
}

/* Lock held. */
static int queue_packet(struct client_raw *raw, uint64_t offset, uint32_t length, uint16_t mss)
{
	struct verbs_descriptor *slot = next_descriptor(raw);
	uint64_t at = raw->send_head % raw->half_bytes;
	uint64_t skipped = offset >= at ? offset - at : raw->half_bytes - at + offset;
	uint64_t end = raw->send_head + skipped + length;

	if (slot == NULL)
		return client_fail(EAGAIN, "%u packets wait to be sent", raw->send_depth);
	/* From the end of the last one to here is what that was longer than was sent, or the end of
	 * the area. */
	if (raw->alloc_count == 0 || end > raw->alloc_head)
		return client_fail(
			EINVAL, "packets are sent in the order they were allocated, each once");
	raw->send_head = --raw->alloc_count == 0
		? raw->alloc_head
		: (end + AREA_ALIGN - 1) & ~(uint64_t)(AREA_ALIGN - 1);
	raw->sent_end[raw->sent_next & (raw->send_depth - 1)] = raw->send_head;
	slot->bytes = length;
	slot->place =
		(uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT | (raw->half_bytes + offset);
	slot->mss = mss;
	slot->flags = 0;
	raw->sent_next++;
	return 0;
}

/* More is no packet for the engine (packet_queue.h). */
static int check_segments(uint32_t length, uint16_t mss)
{
	if (mss == 0 || length / mss <= VERBS_PACKET_SEGMENTS_MAX)
		return 0;
	return client_fail(EINVAL, "%u bytes in segments of %u: at most %d of them are made",
		length, mss, VERBS_PACKET_SEGMENTS_MAX);
}

int weir_packet_send(struct weir_qp *public, void *data, uint32_t length, uint16_t mss)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	uint64_t offset;
	int status;

	if (raw == NULL)
		return client_fail(EINVAL, "not a queue pair of WEIR_QPT_RAW_PACKET");
	offset = (uint64_t)((uint8_t *)data - (raw->area + raw->half_bytes));
	if (offset >= raw->half_bytes || length < FRAME_MIN || length > FRAME_MAX ||
		length > raw->half_bytes - offset)
		return client_fail(EINVAL,
			"expected %d to %d bytes, in memory from weir_packet_alloc()", FRAME_MIN,
			FRAME_MAX);
	status = check_segments(length, mss);
	if (status != 0)
		return status;
	client_lock(&qp->lock);
	status = queue_packet(raw, offset, length, mss);
	client_unlock(&qp->lock);
	return status;
}

/* ---- forwarding ---- */

/* What is in our own memory, or in several pieces there, goes as a copy. Lock held. */
static int forward_copy(struct client_raw *raw, const struct weir_packet *packet)
{
	struct weir_packet part;
	uint32_t length = 0, position = packet->cookie;
	uint8_t *to;

	do {
		if (!client_raw_take(raw, position++, &part))
			return client_fail(EINVAL, "that packet was released");
		length += part.length;
	} while ((part.flags & WEIR_PACKET_MORE) != 0);
	if (check_segments(length, packet->mss) != 0)
		return EINVAL;
	if (raw->alloc_count > 0)
		return client_fail(EAGAIN, "send first what was allocated");
	to = raw->sent_next - raw->sent_done < raw->send_depth || next_descriptor(raw) != NULL
		? area_take(raw, length)
		: NULL;
	if (to == NULL)
		return client_fail(EAGAIN, "no room for a packet to send");
	length = 0;
	for (position = packet->cookie; client_raw_take(raw, position++, &part);) {
		memcpy(to + length, part.data, part.length);
		length += part.length;
		if ((part.flags & WEIR_PACKET_MORE) == 0)
			break;
	}
	return queue_packet(raw, (uint64_t)(to - raw->area) - raw->half_bytes, length, packet->mss);
}

/* Lock held. */
static int forward_lent(struct client_raw *raw, const struct weir_packet *packet)
{
	struct verbs_descriptor *slot = next_descriptor(raw);
	const uint32_t mask = raw->send_depth - 1;

	if (slot == NULL)
		return client_fail(EAGAIN, "%u packets wait to be sent", raw->send_depth);
	client_raw_tell_released(
		raw); /* forgets those that the engine took: there is room for one more */
	slot->bytes = 0;
	slot->place = packet->cookie;
	slot->mss = 0;
	slot->flags = VERBS_DESCRIPTOR_FORWARD;
	raw->sent_end[raw->sent_next & mask] = raw->send_head;
	/* Who forwards out of order keeps the oldest. */
	for (uint32_t i = raw->forward_next; i != raw->forward_first; i--) {
		struct client_forward *before = &raw->forwards[(i - 1) & mask];

		if ((int32_t)(before->keep - packet->cookie) <= 0)
			break;
		before->keep = packet->cookie;
	}
	raw->forwards[raw->forward_next++ & mask] =
		(struct client_forward){.sent = raw->sent_next, .keep = packet->cookie};
	raw->sent_next++;
	return 0;
}

int weir_forward(struct weir_qp *public, const struct weir_packet *packet)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	uint64_t place;
	int status;

	if (raw == NULL)
		return client_fail(EINVAL, "not a queue pair of WEIR_QPT_RAW_PACKET");
	client_lock(&qp->lock);
	place = raw->received[packet->cookie & (raw->receive_depth - 1)].place;
	if (packet->cookie - raw->released >= raw->next - raw->released)
		status = client_fail(EINVAL, "that packet was released");
	else if (place >> VERBS_PLACE_PART_SHIFT == VERBS_PLACE_AREA)
		status = forward_copy(raw, packet);
	else
		status = forward_lent(raw, packet);
	client_unlock(&qp->lock);
	return status;
}

void weir_flush(struct weir_qp *public)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	uint64_t one = 1;

	client_lock(&qp->lock);
	if (raw->flushed != raw->sent_next) {
		for (; raw->flushed != raw->sent_next; raw->flushed++)
			__atomic_store_n(&raw->sent[raw->flushed & (raw->send_depth - 1)].sequence,
				raw->flushed + 1, __ATOMIC_RELEASE);
		/* Who falls asleep says so, then looks once more. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&raw->header->engine_asleep, __ATOMIC_RELAXED) != 0 &&
			write(qp->qp.device->doorbell, &one, sizeof(one)) < 0) {
			/* EAGAIN: it has been told often enough. */
		}
	}
	client_raw_tell_released(raw);
	client_unlock(&qp->lock);
}
