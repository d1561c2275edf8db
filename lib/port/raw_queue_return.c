/* SPDX-License-Identifier: BSD-3-Clause */
/* Back from the application: what it released, or forwards. */
#include <rte_branch_prediction.h>

#include "port/raw_queue_parts.h"

enum { FREE_BULK = 64 };

/* Packets on their way back to one pool. */
struct returning {
	struct raw_share *share; /* NULL: none yet */
	uint32_t buffers; /* to be counted as back */
	unsigned plain, other;
	struct rte_mbuf *plains[FREE_BULK], *others[FREE_BULK];
};

static void plains_free(struct returning *returning)
{
	if (returning->plain > 0 && returning->share != NULL)
		rte_mempool_put_bulk(
			returning->share->pool, (void **)returning->plains, returning->plain);
	returning->plain = 0;
}

static void others_free(struct returning *returning)
{
	if (returning->other > 0)
		rte_pktmbuf_free_bulk(returning->others, returning->other);
	returning->other = 0;
}

static void share_count(struct returning *returning)
{
	if (returning->buffers > 0)
		__atomic_fetch_sub(&returning->share->lent, returning->buffers, __ATOMIC_RELAXED);
	returning->buffers = 0;
}

static inline void packet_return(struct returning *returning, const struct raw_place *place)
{
	if (unlikely(place->share != returning->share)) {
		plains_free(returning);
		share_count(returning);
		returning->share = place->share;
	}
	returning->buffers += place->buffers;
	if (likely(place->plain)) {
		returning->plains[returning->plain++] = place->packet;
		if (returning->plain == FREE_BULK)
			plains_free(returning);
	} else {
		returning->others[returning->other++] = place->packet;
		if (returning->other == FREE_BULK)
			others_free(returning);
	}
}

void raw_queue_take_back_to(struct raw_queue *queue, uint32_t position)
{
	struct returning returning;
	uint32_t lent = queue->lent;

	if (queue->taken_back == position)
		return;
	returning.share = NULL;
	returning.buffers = returning.plain = returning.other = 0;
	while (queue->taken_back != position) {
		struct raw_place *place = &queue->places[queue->taken_back++ & queue->receive_mask];

		if (place->packet != NULL) {
			lent -= place->buffers;
			packet_return(&returning, place);
			place->packet = NULL;
		} else if (place->area_end != 0) {
			queue->area_tail = place->area_end;
		}
	}
	plains_free(&returning);
	others_free(&returning);
	share_count(&returning);
	queue->lent = lent;
}

void raw_queue_take_back_locked(struct raw_queue *queue)
{
	uint32_t released = __atomic_load_n(&queue->header->released, __ATOMIC_ACQUIRE);

	if (likely(released - queue->taken_back <= queue->delivered - queue->taken_back))
		raw_queue_take_back_to(queue, released);
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
	raw_queue_take_back_locked(queue);
	rte_spinlock_unlock(&queue->lock);
}

struct rte_mbuf *raw_queue_forward(struct raw_queue *queue, uint32_t position)
{
	struct rte_mbuf *packet = NULL;

	rte_spinlock_lock(&queue->lock);
	if (position - queue->taken_back < queue->delivered - queue->taken_back) {
		struct raw_place *place = &queue->places[position & queue->receive_mask];

		packet = place->packet;
		if (packet != NULL) {
			__atomic_fetch_sub(&place->share->lent, place->buffers, __ATOMIC_RELAXED);
			queue->lent -= place->buffers;
			*place = (struct raw_place){0};
		}
	}
	rte_spinlock_unlock(&queue->lock);
	return packet;
}
