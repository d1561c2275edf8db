/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a raw-packet queue pair: received, released, sent, forwarded. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/raw.h"

enum { AREA_ALIGN = 64, FRAME_MIN = 14, FRAME_MAX = 65549, PREFETCH_AHEAD = 4 };

static const uint64_t offset_mask = (UINT64_C(1) << VERBS_PLACE_PART_SHIFT) - 1;

/* ---- receiving ---- */

/* NULL: it is nowhere that we know of. */
static inline uint8_t *find(const struct client_raw *raw, const struct verbs_descriptor *descriptor)
{
	uint64_t span = descriptor->place >> VERBS_PLACE_PART_SHIFT;
	uint64_t offset = descriptor->place & offset_mask;
	uint64_t bytes = raw->half_bytes;
	uint8_t *base = raw->area;

	if (span != VERBS_PLACE_AREA) {
		if (span >= raw->span_count)
			return NULL;
		base = raw->spans[span].base;
		bytes = raw->spans[span].bytes;
	}
	return offset <= bytes && descriptor->bytes <= bytes - offset ? base + offset : NULL;
}

/* false: nothing there. */
static inline bool take(struct client_raw *raw, uint32_t position, struct weir_packet *packet)
{
	const struct verbs_descriptor *slot = &raw->received[position & (raw->receive_depth - 1)];
	uint32_t flags;

	if (__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != position + 1)
		return false;
	flags = slot->flags;
	packet->data = find(raw, slot);
	packet->length = slot->bytes;
	packet->hash = slot->hash;
	packet->mss = slot->mss;
	packet->flags =
		(uint16_t)(((flags & VERBS_DESCRIPTOR_WRITABLE) ? WEIR_PACKET_WRITABLE : 0) |
			((flags & VERBS_DESCRIPTOR_CHECKSUM_GOOD) ? WEIR_PACKET_CHECKSUM_GOOD : 0) |
			((flags & VERBS_DESCRIPTOR_MORE) ? WEIR_PACKET_MORE : 0));
	packet->cookie = position;
	packet->arrived_ns = slot->arrived_ns;
	return packet->data != NULL;
}

static bool somewhere_unknown(const struct client_raw *raw)
{
	const struct verbs_descriptor *slot = &raw->received[raw->next & (raw->receive_depth - 1)];

	return __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) == raw->next + 1 &&
		find(raw, slot) == NULL;
}

/* How far packets may be released: what is to be forwarded is needed until the engine took it. */
static void tell_released(struct client_raw *raw)
{
	uint32_t sent = __atomic_load_n(&raw->header->sent, __ATOMIC_ACQUIRE);
	uint32_t upto = raw->released;

	while (raw->forward_first != raw->forward_next) {
		const struct client_forward *forward =
			&raw->forwards[raw->forward_first & (raw->send_depth - 1)];

		if ((int32_t)(sent - forward->sent) <= 0) {
			if ((int32_t)(upto - forward->keep) > 0)
				upto = forward->keep;
			break;
		}
		raw->forward_first++;
	}
	if (upto == raw->told)
		return;
	raw->told = upto;
	__atomic_store_n(&raw->header->released, upto, __ATOMIC_RELEASE);
}

static void note_cpu(struct client_raw *raw)
{
	uint32_t cpu = (uint32_t)sched_getcpu() + 1;

	/* A write would take the line from the engine. */
	if (__atomic_load_n(&raw->header->cpu, __ATOMIC_RELAXED) != cpu)
		__atomic_store_n(&raw->header->cpu, cpu, __ATOMIC_RELAXED);
}

/* Whole packets only. Lock held. */
static int receive_whole(struct client_raw *raw, struct weir_packet *packets, int count)
{
	uint32_t next = raw->next;
	int whole = 0;

	for (int i = 0; i < count && take(raw, next, &packets[i]); i++) {
		next++;
		__builtin_prefetch(
			&raw->received[(next + PREFETCH_AHEAD) & (raw->receive_depth - 1)]);
		if ((packets[i].flags & WEIR_PACKET_MORE) == 0) {
			whole = i + 1;
			raw->next = next;
		}
	}
	if (whole == 0 && next != raw->next && (int)(next - raw->next) == count)
		return -client_fail(EMSGSIZE,
			"the next packet has more than %d parts: offer room for more", count);
	return whole;
}

/* Perhaps it is in memory that the engine has shown since, or never will anything come. */
static int nothing_came(struct client_qp *qp, struct weir_packet *packets, int count)
{
	struct client_raw *raw = qp->raw;

	if (somewhere_unknown(raw) && client_raw_map(qp) == 0)
		return receive_whole(raw, packets, count);
	if (__atomic_load_n(&raw->header->condition, __ATOMIC_RELAXED) != VERBS_CONNECTED)
		return -client_fail(EIO,
			"the engine takes nothing more of this queue pair: what was written into "
			"its memory made no sense");
	return 0;
}

int weir_receive(struct weir_qp *public, struct weir_packet *packets, int count)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	int received;

	if (raw == NULL)
		return -client_fail(EINVAL, "not a queue pair of WEIR_QPT_RAW_PACKET");
	client_lock(&qp->lock);
	if (raw->told != raw->released)
		tell_released(raw);
	received = receive_whole(raw, packets, count);
	if (received > 0)
		note_cpu(raw);
	else if (received == 0)
		received = nothing_came(qp, packets, count);
	client_unlock(&qp->lock);
	return received;
}

void weir_release(struct weir_qp *public, int count)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	uint32_t held;

	client_lock(&qp->lock);
	held = raw->next - raw->released;
	if (count > 0)
		raw->released += (uint32_t)count < held ? (uint32_t)count : held;
	tell_released(raw);
	client_unlock(&qp->lock);
}

/* ---- sending ---- */

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
		if (!take(raw, position++, &part))
			return client_fail(EINVAL, "that packet was released");
		length += part.length;
	} while ((part.flags & WEIR_PACKET_MORE) != 0);
	if (raw->alloc_count > 0)
		return client_fail(EAGAIN, "send first what was allocated");
	to = raw->sent_next - raw->sent_done < raw->send_depth || next_descriptor(raw) != NULL
		? area_take(raw, length)
		: NULL;
	if (to == NULL)
		return client_fail(EAGAIN, "no room for a packet to send");
	length = 0;
	for (position = packet->cookie; take(raw, position++, &part);) {
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
	tell_released(raw); /* forgets those that the engine took: there is room for one more */
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
	tell_released(raw);
	client_unlock(&qp->lock);
}

/* ---- waiting ---- */

int weir_packet_wait(struct weir_qp *public, int timeout_ms)
{
	struct client_qp *qp = (struct client_qp *)public;
	struct client_raw *raw = qp->raw;
	struct pollfd waiting[2];
	const struct verbs_descriptor *slot;
	uint64_t told;
	int ready;

	if (raw == NULL)
		return -client_fail(EINVAL, "not a queue pair of WEIR_QPT_RAW_PACKET");
	__atomic_store_n(&raw->header->armed, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	slot = &raw->received[raw->next & (raw->receive_depth - 1)];
	if (__atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) == raw->next + 1)
		return 1;
	waiting[0] = (struct pollfd){.fd = raw->event_fd, .events = POLLIN};
	waiting[1] = (struct pollfd){.fd = qp->qp.device->socket, .events = POLLIN};
	ready = poll(waiting, 2, timeout_ms);
	if (ready < 0)
		return errno == EINTR ? 0 : -client_fail(errno, "poll: %s", strerror(errno));
	if (waiting[0].revents != 0 && read(raw->event_fd, &told, sizeof(told)) < 0) {
		/* Somebody else read it: there is something all the same. */
	}
	if (waiting[1].revents != 0)
		client_take_events(qp->qp.device);
	return waiting[0].revents != 0;
}
