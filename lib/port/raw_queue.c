/* SPDX-License-Identifier: BSD-3-Clause */
/* To the application, and back what it released. */
#include "port/raw_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "port/raw_queue_parts.h"
#include "segmentation/super_packet.h"

enum { FREE_BULK = 64, PREFETCH_AHEAD = 4, AREA_ALIGN = 64 };

/* ---- life ---- */

struct raw_queue *raw_queue_create(const struct raw_queue_config *config)
{
	struct verbs_packet_places places =
		verbs_packet_places(config->receive_depth, config->send_depth, config->area_bytes);
	struct raw_queue *queue = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*queue), 64));
	uint8_t *memory = config->memory;

	if (queue == NULL)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	queue->places = calloc(config->receive_depth, sizeof(*queue->places));
	if (queue->places == NULL) {
		free(queue);
		return NULL;
	}
	queue->config = *config;
	queue->header = config->memory;
	queue->received = (struct verbs_descriptor *)(memory + places.received);
	queue->sent = (struct verbs_descriptor *)(memory + places.sent);
	queue->area = memory + places.area;
	queue->half_bytes = config->area_bytes / 2 & ~(uint64_t)(AREA_ALIGN - 1);
	queue->receive_mask = config->receive_depth - 1;
	queue->send_mask = config->send_depth - 1;
	rte_spinlock_init(&queue->lock);
	queue->header->mode = config->mode;
	return queue;
}

void raw_queue_break(struct raw_queue *queue, uint32_t reason)
{
	__atomic_store_n(&queue->broken, reason, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->header->condition, VERBS_PEER_BROKEN, __ATOMIC_RELEASE);
}

uint32_t raw_queue_broken(const struct raw_queue *queue)
{
	return __atomic_load_n(&queue->broken, __ATOMIC_RELAXED);
}

/* ---- taking back ---- */

static void lent_add(struct raw_queue *queue, int32_t buffers)
{
	if (buffers == 0)
		return;
	queue->lent += (uint32_t)buffers;
	__atomic_fetch_add(&queue->config.lends->lent, (uint32_t)buffers, __ATOMIC_RELAXED);
}

/* Up to `position`, which is checked. */
static void take_back_to(struct raw_queue *queue, uint32_t position)
{
	struct rte_mbuf *packets[FREE_BULK];
	uint32_t count = 0;
	int32_t buffers = 0;

	while (queue->taken_back != position) {
		struct raw_place *place = &queue->places[queue->taken_back++ & queue->receive_mask];

		queue->area_tail = place->area_end;
		if (place->packet == NULL)
			continue;
		buffers += place->packet->nb_segs;
		packets[count++] = place->packet;
		place->packet = NULL;
		if (count == FREE_BULK) {
			rte_pktmbuf_free_bulk(packets, count);
			count = 0;
		}
	}
	rte_pktmbuf_free_bulk(packets, count);
	lent_add(queue, -buffers);
}

/* Lock held. */
static void take_back(struct raw_queue *queue)
{
	uint32_t released = __atomic_load_n(&queue->header->released, __ATOMIC_ACQUIRE);

	if (likely(released - queue->taken_back <= queue->delivered - queue->taken_back))
		take_back_to(queue, released);
	else
		raw_queue_break(queue, VERBS_REASON_BAD_SEQUENCE);
}

void raw_queue_take_back(struct raw_queue *queue)
{
	uint32_t released = __atomic_load_n(&queue->header->released, __ATOMIC_RELAXED);

	if (released == __atomic_load_n(&queue->taken_back, __ATOMIC_RELAXED) ||
		raw_queue_broken(queue) != VERBS_REASON_NONE ||
		rte_spinlock_trylock(&queue->lock) == 0)
		return;
	take_back(queue);
	rte_spinlock_unlock(&queue->lock);
}

struct raw_queue *raw_queue_destroy(struct raw_queue *queue)
{
	if (queue == NULL)
		return NULL;
	take_back_to(queue, queue->delivered);
	free(queue->places);
	free(queue);
	return NULL;
}

struct rte_mbuf *raw_queue_forward(struct raw_queue *queue, uint32_t position)
{
	struct rte_mbuf *packet = NULL;

	rte_spinlock_lock(&queue->lock);
	if (position - queue->taken_back < queue->delivered - queue->taken_back) {
		struct raw_place *place = &queue->places[position & queue->receive_mask];

		packet = place->packet;
		place->packet = NULL;
		if (packet != NULL)
			lent_add(queue, -(int32_t)packet->nb_segs);
	}
	rte_spinlock_unlock(&queue->lock);
	return packet;
}

/* ---- delivering: lock held ---- */

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

/* Writes a descriptor at a position; it is valid with the store of its sequence. */
static inline void put(
	struct raw_queue *queue, uint32_t position, const struct verbs_descriptor *descriptor)
{
	struct verbs_descriptor *slot = &queue->received[position & queue->receive_mask];

	slot->bytes = descriptor->bytes;
	slot->place = descriptor->place;
	slot->hash = descriptor->hash;
	slot->mss = descriptor->mss;
	slot->flags = descriptor->flags;
	slot->reserved = 0;
	slot->arrived_ns = descriptor->arrived_ns;
	__atomic_store_n(&slot->sequence, position + 1, __ATOMIC_RELEASE);
}

static inline uint32_t room(const struct raw_queue *queue)
{
	return queue->config.receive_depth - (queue->delivered - queue->taken_back);
}

/* Where all its parts are; false: not all can be lent. */
static inline bool find_places(
	struct raw_queue *queue, const struct rte_mbuf *packet, uint64_t places[], unsigned most)
{
	unsigned part = 0;

	for (const struct rte_mbuf *m = packet; m != NULL; m = m->next) {
		if (part == most)
			return false;
		places[part] = raw_memory_place(queue->config.lends,
			rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &queue->span_hint);
		if (places[part] == RAW_NO_PLACE)
			return false;
		/* What is shared may not be written by somebody else. */
		if (raw_memory_writable(queue->config.lends, places[part]) &&
			(rte_mbuf_refcnt_read(m) != 1 || RTE_MBUF_CLONED(m)))
			return false;
		part++;
		if (part == packet->nb_segs)
			break;
	}
	return part == packet->nb_segs;
}

enum { LENT_PARTS_MAX = 256 };

static inline bool lend(struct raw_queue *queue, struct rte_mbuf *packet, uint64_t arrived_ns)
{
	struct verbs_descriptor descriptor;
	uint64_t places[LENT_PARTS_MAX];
	const struct rte_mbuf *m = packet;
	uint32_t first = queue->delivered, parts = packet->nb_segs;

	if (parts > room(queue) || !find_places(queue, packet, places, LENT_PARTS_MAX))
		return false;
	descriptor = describe(packet, arrived_ns);
	if (raw_memory_writable(queue->config.lends, places[0]))
		descriptor.flags |= VERBS_DESCRIPTOR_WRITABLE;
	for (uint32_t part = 0; part < parts; part++)
		queue->places[(first + part) & queue->receive_mask] =
			(struct raw_place){.area_end = queue->area_head};
	queue->places[first & queue->receive_mask].packet = packet;
	/* Whoever sees the first part sees all. */
	for (uint32_t part = 1; part < parts; part++) {
		struct verbs_descriptor further = descriptor;

		m = m->next;
		further.bytes = m->data_len;
		further.place = places[part];
		if (part + 1 < parts)
			further.flags |= VERBS_DESCRIPTOR_MORE;
		put(queue, first + part, &further);
	}
	descriptor.bytes = packet->data_len;
	descriptor.place = places[0];
	if (parts > 1)
		descriptor.flags |= VERBS_DESCRIPTOR_MORE;
	put(queue, first, &descriptor);
	queue->delivered += parts;
	return true;
}

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

/* Whatever it consists of: in one piece. The caller frees it. */
static bool copy(struct raw_queue *queue, const struct rte_mbuf *packet, uint64_t arrived_ns)
{
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
	descriptor = describe(packet, arrived_ns);
	descriptor.flags |= VERBS_DESCRIPTOR_WRITABLE;
	descriptor.bytes = packet->pkt_len;
	descriptor.place = (uint64_t)VERBS_PLACE_AREA << VERBS_PLACE_PART_SHIFT | at;
	queue->places[queue->delivered & queue->receive_mask] =
		(struct raw_place){.area_end = queue->area_head};
	put(queue, queue->delivered++, &descriptor);
	return true;
}

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
	queue->config.ring(queue->config.ring_argument);
}

void raw_queue_lend(struct raw_queue *queue, struct raw_memory *lends, enum verbs_packet_mode mode)
{
	rte_spinlock_lock(&queue->lock);
	if (queue->config.lends != NULL)
		__atomic_fetch_sub(&queue->config.lends->lent, queue->lent, __ATOMIC_RELAXED);
	__atomic_fetch_add(&lends->lent, queue->lent, __ATOMIC_RELAXED);
	queue->config.lends = lends;
	queue->config.mode = mode;
	queue->header->mode = mode;
	rte_spinlock_unlock(&queue->lock);
}

/* How many buffers may be lent to it now. */
static uint32_t may_lend(const struct raw_queue *queue)
{
	const struct raw_memory *lends = queue->config.lends;
	uint32_t lent;

	if (lends == NULL)
		return 0;
	lent = __atomic_load_n(&lends->lent, __ATOMIC_RELAXED);
	return lent < lends->lent_max ? lends->lent_max - lent : 0;
}

uint16_t raw_queue_deliver(struct raw_queue *queue, struct rte_mbuf *const packets[],
	uint16_t count, uint64_t arrived_ns)
{
	struct rte_mbuf *copied[FREE_BULK];
	uint32_t lendable, lent = 0, copies = 0;
	uint64_t bytes = 0;
	uint16_t done;

	count = RTE_MIN(count, (uint16_t)FREE_BULK);
	rte_spinlock_lock(&queue->lock);
	take_back(queue);
	lendable = raw_queue_broken(queue) == VERBS_REASON_NONE ? may_lend(queue) : 0;
	for (done = 0; done < count && queue->broken == VERBS_REASON_NONE; done++) {
		struct rte_mbuf *packet = packets[done];
		uint32_t buffers = packet->nb_segs;

		if (done + PREFETCH_AHEAD < count)
			rte_prefetch0(packets[done + PREFETCH_AHEAD]);
		bytes += packet->pkt_len;
		if (lent + buffers <= lendable && lend(queue, packet, arrived_ns)) {
			lent += buffers;
		} else if (copy(queue, packet, arrived_ns)) {
			copied[copies++] = packet;
		} else {
			bytes -= packet->pkt_len;
			break;
		}
	}
	lent_add(queue, (int32_t)lent);
	queue->counters.delivered += done;
	queue->counters.delivered_bytes += bytes;
	queue->counters.copied += copies;
	rte_spinlock_unlock(&queue->lock);
	if (copies > 0)
		rte_pktmbuf_free_bulk(copied, copies);
	if (done > 0)
		wake(queue);
	return done;
}

void raw_queue_dropped(struct raw_queue *queue, uint16_t count)
{
	uint64_t dropped = __atomic_add_fetch(&queue->counters.dropped, count, __ATOMIC_RELAXED);

	__atomic_store_n(&queue->header->dropped, dropped, __ATOMIC_RELAXED);
}

/* ---- views ---- */

unsigned raw_queue_cpu(const struct raw_queue *queue)
{
	return __atomic_load_n(&queue->header->cpu, __ATOMIC_RELAXED) - 1;
}

enum verbs_packet_mode raw_queue_mode(const struct raw_queue *queue)
{
	return queue->config.mode;
}

const struct raw_memory *raw_queue_lends(const struct raw_queue *queue)
{
	return queue->config.lends;
}

uint32_t raw_queue_lent(const struct raw_queue *queue)
{
	return __atomic_load_n(&queue->lent, __ATOMIC_RELAXED);
}

void raw_queue_counters(const struct raw_queue *queue, struct raw_queue_counters *ret_counters)
{
	*ret_counters = queue->counters;
	ret_counters->collected = queue->collected_packets;
	ret_counters->collected_bytes = queue->collected_bytes;
	ret_counters->refused = queue->refused;
}
