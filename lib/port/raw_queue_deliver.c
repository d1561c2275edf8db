/* SPDX-License-Identifier: BSD-3-Clause */
/* To the application. */
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "base/prefetch.h"
#include "port/raw_queue_parts.h"
#include "segmentation/super_packet.h"

enum {
	DELIVER_MAX = 64,
	PREFETCH_AHEAD = 4,
	SLOTS_AHEAD = 64,
	AREA_ALIGN = 64,
	LENT_PARTS_MAX = 256
};

/* One call's. */
struct delivery {
	struct raw_queue *queue;
	uint64_t arrived_ns;
	/* Of which pool is lent just now; NULL: none yet. */
	struct raw_share *share;
	uint32_t may_lend, lent; /* buffers of it: how many still, how many so far */
	uint64_t bytes;
	uint32_t copies;
	struct rte_mbuf *copied[DELIVER_MAX]; /* to be freed */
};

/* ---- descriptors ---- */

static struct verbs_descriptor describe(const struct rte_mbuf *packet, uint64_t arrived_ns)
{
	bool is_super = super_packet_is(packet);
	bool good = (packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	return (struct verbs_descriptor){
		.hash = (packet->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0 ? packet->hash.rss : 0,
		.mss = is_super ? packet->tso_segsz : 0,
		.flags = good ? VERBS_DESCRIPTOR_CHECKSUM_GOOD : 0,
		.arrived_ns = arrived_ns,
	};
}

/* Writes the descriptor of a position to its slot; it is valid with the store of its sequence. */
static inline void put(
	struct verbs_descriptor *slot, uint32_t position, const struct verbs_descriptor *descriptor)
{
	slot->bytes = descriptor->bytes;
	slot->place = descriptor->place;
	slot->hash = descriptor->hash;
	slot->mss = descriptor->mss;
	slot->flags = descriptor->flags;
	slot->reserved = 0;
	slot->arrived_ns = descriptor->arrived_ns;
	__atomic_store_n(&slot->sequence, position + 1, __ATOMIC_RELEASE);
}

static inline struct verbs_descriptor *slot_of(const struct raw_queue *queue, uint32_t position)
{
	return &queue->received[position & queue->receive_mask];
}

static inline uint32_t room(const struct raw_queue *queue)
{
	return queue->config.receive_depth - (queue->delivered - queue->taken_back);
}

/* ---- lending ---- */

static void share_leave(struct delivery *delivery)
{
	if (delivery->lent == 0)
		return;
	__atomic_fetch_add(&delivery->share->lent, delivery->lent, __ATOMIC_RELAXED);
	delivery->queue->lent += delivery->lent;
	delivery->lent = 0;
}

/* Whether something of the pool may be lent. Packets of a burst are most often of one. */
static inline bool share_enter(struct delivery *delivery, const struct rte_mempool *pool)
{
	struct raw_share *share = delivery->share;
	uint32_t lent;

	if (likely(share != NULL && share->pool == pool))
		return true;
	share = delivery->queue->config.lends == NULL
		? NULL
		: raw_memory_share(delivery->queue->config.lends, pool);
	if (share == NULL)
		return false;
	share_leave(delivery);
	lent = __atomic_load_n(&share->lent, __ATOMIC_RELAXED);
	delivery->share = share;
	delivery->may_lend = lent < share->lent_max ? share->lent_max - lent : 0;
	return true;
}

/* RAW_NO_PLACE: it cannot be lent. */
static inline uint64_t place_of(struct raw_queue *queue, const struct rte_mbuf *buffer)
{
	uint64_t place = raw_memory_place(queue->config.lends,
		rte_pktmbuf_mtod(buffer, const uint8_t *), buffer->data_len, &queue->span_hint);

	/* What is shared may not be written by somebody else. */
	if (place != RAW_NO_PLACE && raw_memory_writable(queue->config.lends, place) &&
		(rte_mbuf_refcnt_read(buffer) != 1 || RTE_MBUF_CLONED(buffer)))
		return RAW_NO_PLACE;
	return place;
}

/* Most packets are one buffer of one pool, where the last one was, too. The first so many of them
 * are lent; returns how many. All that is the same for them stays in registers: what is written
 * here could be anything, as far as the compiler knows. */
static uint16_t lend_alike(
	struct delivery *delivery, struct rte_mbuf *const packets[], uint16_t count)
{
	struct raw_queue *queue = delivery->queue;
	struct raw_share *const share = delivery->share;
	const struct rte_mempool *const pool = share->pool;
	const unsigned hint = queue->span_hint;
	const struct raw_span span = queue->config.lends->spans[hint];
	const bool writable = raw_memory_writable(queue->config.lends, (uint64_t)hint << 48);
	const uint64_t arrived_ns = delivery->arrived_ns;
	const uint32_t may_lend = RTE_MIN(delivery->may_lend, room(queue));
	struct verbs_descriptor *const received = queue->received;
	struct raw_place *const places = queue->places;
	const uint32_t mask = queue->receive_mask;
	uint32_t position = queue->delivered;
	uint64_t bytes = 0;
	uint16_t done;

	for (done = 0; done < count && done < may_lend; done++, position++) {
		struct rte_mbuf *packet = packets[done];
		uint64_t offset = (uint64_t)(rte_pktmbuf_mtod(packet, const uint8_t *) - span.base);
		bool alone = rte_mbuf_refcnt_read(packet) == 1;
		struct verbs_descriptor descriptor;

		if (done + PREFETCH_AHEAD < count)
			rte_prefetch0(packets[done + PREFETCH_AHEAD]);
		if (unlikely(packet->nb_segs != 1 || packet->pool != pool || offset >= span.bytes ||
			    packet->data_len > span.bytes - offset ||
			    (writable && (!alone || RTE_MBUF_CLONED(packet)))))
			break;
		descriptor = describe(packet, arrived_ns);
		descriptor.bytes = packet->data_len;
		descriptor.place = (uint64_t)hint << 48 | offset;
		descriptor.flags |= writable ? VERBS_DESCRIPTOR_WRITABLE : 0;
		places[position & mask] = (struct raw_place){.packet = packet,
			.share = share,
			.buffers = 1,
			.plain = alone && RTE_MBUF_DIRECT(packet)};
		put(&received[position & mask], position, &descriptor);
		/* The application has read there: a burst ahead the line is on its way back. */
		prefetch_to_write(&received[(position + SLOTS_AHEAD) & mask]);
		bytes += descriptor.bytes;
	}
	queue->delivered = position;
	delivery->bytes += bytes;
	delivery->lent += done;
	delivery->may_lend -= done;
	return done;
}

/* Where all its parts are; false: not all can be lent. */
static bool find_places(
	struct delivery *delivery, const struct rte_mbuf *packet, uint32_t parts, uint64_t places[])
{
	const struct rte_mbuf *buffer = packet;

	for (uint32_t part = 0; part < parts; part++, buffer = buffer->next) {
		if (buffer->pool != packet->pool)
			return false;
		places[part] = place_of(delivery->queue, buffer);
		if (places[part] == RAW_NO_PLACE)
			return false;
	}
	return true;
}

static bool lend_parts(struct delivery *delivery, struct rte_mbuf *packet)
{
	struct raw_queue *queue = delivery->queue;
	uint32_t first = queue->delivered, parts = packet->nb_segs;
	uint64_t places[LENT_PARTS_MAX];
	struct verbs_descriptor descriptor;
	struct rte_mbuf *buffer = packet;
	struct raw_place *place = &queue->places[first & queue->receive_mask];

	if (parts == 0 || parts > LENT_PARTS_MAX || parts > delivery->may_lend ||
		parts > room(queue) || !find_places(delivery, packet, parts, places))
		return false;
	descriptor = describe(packet, delivery->arrived_ns);
	if (raw_memory_writable(queue->config.lends, places[0]))
		descriptor.flags |= VERBS_DESCRIPTOR_WRITABLE;
	*place = (struct raw_place){
		.packet = packet, .share = delivery->share, .buffers = (uint16_t)parts};
	/* Whoever sees the first part sees all. */
	for (uint32_t part = 1; part < parts; part++) {
		struct verbs_descriptor further = descriptor;

		buffer = buffer->next;
		queue->places[(first + part) & queue->receive_mask] = (struct raw_place){0};
		further.bytes = buffer->data_len;
		further.place = places[part];
		if (part + 1 < parts)
			further.flags |= VERBS_DESCRIPTOR_MORE;
		put(slot_of(queue, first + part), first + part, &further);
	}
	descriptor.bytes = packet->data_len;
	descriptor.place = places[0];
	if (parts > 1)
		descriptor.flags |= VERBS_DESCRIPTOR_MORE;
	put(slot_of(queue, first), first, &descriptor);
	queue->delivered += parts;
	delivery->lent += parts;
	delivery->may_lend -= parts;
	return true;
}

/* ---- copying ---- */

/* Where the next `bytes` of copies go; RAW_NO_PLACE: no room. */
static uint64_t area_take(struct raw_queue *queue, uint32_t bytes)
{
	uint64_t needed = RTE_ALIGN_CEIL((uint64_t)bytes, AREA_ALIGN);
	uint64_t at = queue->half_bytes > 0 ? queue->area_head % queue->half_bytes : 0;
	uint64_t skipped = at + needed > queue->half_bytes ? queue->half_bytes - at : 0;

	if (needed > queue->half_bytes ||
		queue->area_head + skipped + needed - queue->area_tail > queue->half_bytes)
		return RAW_NO_PLACE;
	queue->area_head += skipped + needed;
	return skipped > 0 ? 0 : at;
}

/* Whatever it consists of: in one piece. */
static bool copy(struct delivery *delivery, struct rte_mbuf *packet)
{
	struct raw_queue *queue = delivery->queue;
	struct verbs_descriptor descriptor;
	uint64_t at;
	uint8_t *to;

	if (room(queue) == 0)
		return false;
	at = area_take(queue, packet->pkt_len);
	if (at == RAW_NO_PLACE)
		return false;
	to = queue->area + at;
	for (const struct rte_mbuf *m = packet; m != NULL; m = m->next) {
		rte_memcpy(to, rte_pktmbuf_mtod(m, const void *), m->data_len);
		to += m->data_len;
	}
	descriptor = describe(packet, delivery->arrived_ns);
	descriptor.flags |= VERBS_DESCRIPTOR_WRITABLE;
	descriptor.bytes = packet->pkt_len;
	descriptor.place = (uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT | at;
	queue->places[queue->delivered & queue->receive_mask] =
		(struct raw_place){.area_end = queue->area_head};
	put(slot_of(queue, queue->delivered), queue->delivered, &descriptor);
	queue->delivered++;
	delivery->copied[delivery->copies++] = packet;
	return true;
}

/* ---- both ---- */

static void wake(struct raw_queue *queue)
{
	uint32_t *armed = &queue->header->armed;

	if (queue->config.ring == NULL)
		return;
	/* The application arms, then looks once more. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(__atomic_load_n(armed, __ATOMIC_RELAXED) == 0))
		return;
	__atomic_store_n(armed, 0, __ATOMIC_RELAXED);
	queue->config.ring(queue->config.argument);
}

/* The first packets there is room for; returns how many. */
static uint16_t deliver_locked(
	struct delivery *delivery, struct rte_mbuf *const packets[], uint16_t count)
{
	uint16_t done = 0;

	while (done < count) {
		struct rte_mbuf *packet = packets[done];
		uint32_t length = packet->pkt_len;
		bool lends = share_enter(delivery, packet->pool);
		uint16_t alike =
			lends ? lend_alike(delivery, packets + done, (uint16_t)(count - done)) : 0;

		done += alike;
		if (alike > 0)
			continue;
		if (!(lends && lend_parts(delivery, packet)) && !copy(delivery, packet))
			break;
		delivery->bytes += length;
		done++;
	}
	return done;
}

uint16_t raw_queue_deliver(struct raw_queue *queue, struct rte_mbuf *const packets[],
	uint16_t count, uint64_t arrived_ns)
{
	struct delivery delivery;
	uint16_t done = 0;

	delivery.queue = queue;
	delivery.arrived_ns = arrived_ns;
	delivery.share = NULL;
	delivery.bytes = 0;
	delivery.may_lend = delivery.lent = delivery.copies = 0;
	rte_spinlock_lock(&queue->lock);
	raw_queue_take_back_locked(queue);
	if (likely(raw_queue_broken(queue) == VERBS_REASON_NONE))
		done = deliver_locked(&delivery, packets, RTE_MIN(count, (uint16_t)DELIVER_MAX));
	share_leave(&delivery);
	queue->counters.delivered += done;
	queue->counters.delivered_bytes += delivery.bytes;
	queue->counters.copied += delivery.copies;
	rte_spinlock_unlock(&queue->lock);
	if (delivery.copies > 0)
		rte_pktmbuf_free_bulk(delivery.copied, delivery.copies);
	if (done > 0)
		wake(queue);
	return done;
}
