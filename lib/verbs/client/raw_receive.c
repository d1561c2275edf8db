/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets of a raw-packet queue pair: received, released, waited for. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/raw.h"

enum { PREFETCH_AHEAD = 40 };

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

bool client_raw_take(const struct client_raw *raw, uint32_t position, struct weir_packet *packet)
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

/* What is to be forwarded is needed until the engine took it. */
void client_raw_tell_released(struct client_raw *raw)
{
	uint32_t sent = __atomic_load_n(&raw->header->sent, __ATOMIC_ACQUIRE);
	uint32_t until = raw->released;

	while (raw->forward_first != raw->forward_next) {
		const struct client_forward *forward =
			&raw->forwards[raw->forward_first & (raw->send_depth - 1)];

		if ((int32_t)(sent - forward->sent) <= 0) {
			if ((int32_t)(until - forward->keep) > 0)
				until = forward->keep;
			break;
		}
		raw->forward_first++;
	}
	if (until == raw->told)
		return;
	raw->told = until;
	__atomic_store_n(&raw->header->released, until, __ATOMIC_RELEASE);
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

	for (int i = 0; i < count && client_raw_take(raw, next, &packets[i]); i++) {
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
		client_raw_tell_released(raw);
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
	client_raw_tell_released(raw);
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
