/* SPDX-License-Identifier: BSD-3-Clause */
/* What post, progress and poll share, short and hot. */
#ifndef WEIR_VERBS_CLIENT_DATA_PATH_H
#define WEIR_VERBS_CLIENT_DATA_PATH_H

#include <poll.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/transfer_parts.h"

/* A place in a region of ours. NULL: it is not, or `access` is not allowed. */
static inline uint8_t *client_own_place(
	const struct client_qp *qp, uint32_t key, uint64_t address, uint64_t bytes, uint32_t access)
{
	const struct verbs_region *region = qp->qp.device->own.by_index[verbs_key_index(key)];

	if (bytes == 0)
		return (uint8_t *)(uintptr_t)address;
	if (region == NULL || region->key != key || region->pd != qp->own.pd ||
		(region->access & access) != access)
		return NULL;
	return verbs_region_place(region, address, bytes);
}

/* A region of the other end that was asked for before and is still valid. NULL: ask. */
static inline const struct verbs_region *client_remote_known(
	const struct client_remote *remote, uint32_t key)
{
	uint32_t index = verbs_key_index(key);
	const struct client_remote_region *known;

	if (remote->by_index == NULL ||
		__atomic_load_n(&remote->keys->keys[index], __ATOMIC_ACQUIRE) != key)
		return NULL;
	known = remote->by_index[index];
	return known != NULL && known->region.key == key ? &known->region : NULL;
}

/* Between the two, memory of the other end may be touched: it waits for the end before it takes
 * memory away. Its membarrier(2) orders this store and the look at its keys that follows. */
static inline void client_busy_begin(struct client_qp *qp)
{
	__atomic_store_n(&qp->own.header->busy, qp->own.header->busy + 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void client_busy_end(struct client_qp *qp)
{
	__atomic_store_n(&qp->own.header->busy, qp->own.header->busy + 1, __ATOMIC_RELEASE);
}

/* Writes an eventfd. Full is as good: whoever reads it has not yet; and who has it may have filled
 * it so that a write would wait. */
static inline void client_write_event(int fd)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;

	if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0 &&
		write(fd, &one, sizeof(one)) < 0) {
		/* EAGAIN */
	}
}

/* After something was put into its inbox. Who arms runs membarrier(2) after it: no fence here. */
static inline void client_wake_peer(struct client_qp *qp, bool solicited)
{
	struct verbs_responder *responder = &qp->responder;
	uint32_t armed;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	armed = __atomic_load_n(&responder->queue.header->armed, __ATOMIC_RELAXED);
	if (__builtin_expect(armed == 0 || armed == responder->woken, 1))
		return;
	if ((armed & 1) == 0 && !solicited)
		return;
	responder->woken = armed;
	if (qp->peer_event_fd >= 0)
		client_write_event(qp->peer_event_fd);
}

/* After something was posted or taken: the other end may wait for just that. */
static inline void client_wake_waiting(struct client_qp *qp)
{
	const struct verbs_queue_header *peer = qp->responder.queue.header;

	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__builtin_expect(peer == NULL, 0) && qp->path == VERBS_PATH_NONE) {
		client_peer_meet(qp);
		peer = qp->responder.queue.header;
	}
	if (peer != NULL && qp->peer_event_fd >= 0 &&
		__builtin_expect(__atomic_load_n(&peer->waits, __ATOMIC_RELAXED) != 0, 0))
		client_write_event(qp->peer_event_fd);
}

/* The engine polls our requests, or sleeps. */
static inline void client_ring_doorbell(struct client_qp *qp)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&qp->own.header->engine_asleep, __ATOMIC_RELAXED) != 0)
		client_write_event(qp->qp.device->doorbell);
}

/* In SQD what was posted before is done. */
static inline bool client_sends_next(const struct client_qp *qp)
{
	return qp->sends || (qp->qp.state == WEIR_QPS_SQD && qp->sent_done != qp->drain_to);
}

static inline struct verbs_request *client_request_at(const struct client_qp *qp, uint32_t number)
{
	return (struct verbs_request *)(qp->own.requests +
		(size_t)(number & (qp->own.geometry.request_depth - 1)) * qp->own.request_stride);
}

/* By enum weir_wr_opcode: enum weir_wc_opcode of its completion. */
static inline uint32_t client_wc_opcode(uint32_t opcode)
{
	static const uint8_t opcodes[] = {
		[WEIR_WR_RDMA_WRITE] = WEIR_WC_RDMA_WRITE,
		[WEIR_WR_RDMA_WRITE_WITH_IMM] = WEIR_WC_RDMA_WRITE,
		[WEIR_WR_SEND] = WEIR_WC_SEND,
		[WEIR_WR_SEND_WITH_IMM] = WEIR_WC_SEND,
		[WEIR_WR_RDMA_READ] = WEIR_WC_RDMA_READ,
		[WEIR_WR_ATOMIC_CMP_AND_SWP] = WEIR_WC_COMP_SWAP,
		[WEIR_WR_ATOMIC_FETCH_AND_ADD] = WEIR_WC_FETCH_ADD,
	};

	return opcodes[opcode];
}

static inline void client_wc_sent(
	struct weir_wc *wc, uint64_t wr_id, uint32_t opcode, uint32_t bytes, uint32_t queue)
{
	*wc = (struct weir_wc){.wr_id = wr_id,
		.opcode = client_wc_opcode(opcode),
		.byte_len = bytes,
		.qp_num = queue};
}

/* Lock of the cq held. Room for a completion. NULL: none, it is lost, as in verbs; poll.c makes
 * it an event. */
static inline struct weir_wc *client_complete_begin(struct client_cq *cq)
{
	if (__builtin_expect(cq->tail - cq->head > cq->mask, 0)) {
		cq->overrun = true;
		return NULL;
	}
	return &cq->ring[cq->tail++ & cq->mask];
}

static inline void client_complete(struct client_cq *cq, const struct weir_wc *wc)
{
	struct weir_wc *place = client_complete_begin(cq);

	if (place != NULL)
		*place = *wc;
}

/* A send that went well. */
static inline void client_complete_sent(
	struct client_cq *cq, uint64_t wr_id, uint32_t opcode, uint32_t bytes, uint32_t queue)
{
	struct weir_wc *place = client_complete_begin(cq);

	if (place != NULL)
		client_wc_sent(place, wr_id, opcode, bytes, queue);
}

#endif
