/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a raw queue, and what is known of it. */
#include "port/raw_queue.h"

#include <stdlib.h>
#include <string.h>

#include "port/raw_queue_parts.h"
#include "steering/rfs.h"

enum { AREA_ALIGN = 64 };

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
	uint32_t none = VERBS_REASON_NONE;

	if (!__atomic_compare_exchange_n(
		    &queue->broken, &none, reason, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&queue->header->condition, VERBS_PEER_BROKEN, __ATOMIC_RELEASE);
	if (queue->config.broke != NULL)
		queue->config.broke(queue->config.argument, reason);
}

uint32_t raw_queue_broken(const struct raw_queue *queue)
{
	return __atomic_load_n(&queue->broken, __ATOMIC_RELAXED);
}

struct raw_queue *raw_queue_destroy(struct raw_queue *queue)
{
	if (queue == NULL)
		return NULL;
	raw_queue_take_back_to(queue, queue->delivered);
	free(queue->places);
	free(queue);
	return NULL;
}

/* ---- what is lent ---- */

void raw_queue_lend(struct raw_queue *queue, struct raw_memory *lends, enum verbs_packet_mode mode)
{
	rte_spinlock_lock(&queue->lock);
	queue->config.lends = lends;
	queue->config.mode = mode;
	queue->header->mode = mode;
	rte_spinlock_unlock(&queue->lock);
}

void raw_queue_dropped(struct raw_queue *queue, uint16_t count)
{
	uint64_t dropped = __atomic_add_fetch(&queue->counters.dropped, count, __ATOMIC_RELAXED);

	__atomic_store_n(&queue->header->dropped, dropped, __ATOMIC_RELAXED);
}

/* ---- views ---- */

void raw_queue_consumed(const struct raw_queue *queue, struct rfs_consumers *consumers,
	struct rte_mbuf *const packets[], uint16_t count)
{
	unsigned cpu = __atomic_load_n(&queue->header->cpu, __ATOMIC_RELAXED) - 1;

	for (uint16_t i = 0; i < count && cpu < RFS_CPU_NONE; i++)
		if ((packets[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH) != 0)
			rfs_record(consumers, packets[i]->hash.rss, cpu);
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
