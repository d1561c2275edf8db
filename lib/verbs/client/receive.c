/* SPDX-License-Identifier: BSD-3-Clause */
/* Posting receives: kept in private, and shown to senders in the queue pair's memory. */
#include <errno.h>

#include "verbs/client/data_path.h"

static int check(const struct client_qp *qp, const struct weir_recv_wr *wr)
{
	if (qp->srq != NULL)
		return client_fail(EINVAL,
			"weir_post_recv: queue pair %u takes its receives from a "
			"shared queue: weir_post_srq_recv",
			qp->qp.qp_num);
	if (!qp->receives && qp->qp.state != WEIR_QPS_ERR)
		return client_fail(EINVAL,
			"weir_post_recv: queue pair %u is not in a state to receive (INIT and on)",
			qp->qp.qp_num);
	if (wr->num_sge < 0 || (uint32_t)wr->num_sge > qp->cap.max_recv_sge)
		return client_fail(EINVAL, "weir_post_recv: %d segments, the queue pair has %u",
			wr->num_sge, qp->cap.max_recv_sge);
	if (qp->received_next - qp->received_done >= qp->own.geometry.receive_depth)
		return client_fail(ENOMEM, "weir_post_recv: the receive queue is full");
	return 0;
}

/* By its fields: as a vector it would be read before the stores that make it are through, the
 * caller's or ours, which stops the processor for a while. */
static inline void segment_share(struct verbs_segment *segment, const struct weir_sge *sge)
{
	__atomic_store_n(&segment->address, sge->addr, __ATOMIC_RELAXED);
	__atomic_store_n(&segment->bytes, sge->length, __ATOMIC_RELAXED);
	__atomic_store_n(&segment->key, sge->lkey, __ATOMIC_RELAXED);
}

static inline int post_one(struct client_qp *qp, const struct weir_recv_wr *wr)
{
	uint32_t place = qp->received_next & (qp->own.geometry.receive_depth - 1);
	struct verbs_receive *shared =
		(struct verbs_receive *)(qp->own.receives + (size_t)place * qp->own.receive_stride);
	struct verbs_segment *segments =
		&qp->received_segments[(size_t)place * qp->own.geometry.receive_segments];
	uint64_t bytes = 0;
	int result = check(qp, wr);

	if (result != 0)
		return result;
	for (int i = 0; i < wr->num_sge; i++) {
		const struct weir_sge *sge = &wr->sg_list[i];

		if (client_own_place(qp, sge->lkey, sge->addr, sge->length,
			    WEIR_ACCESS_LOCAL_WRITE) == NULL &&
			sge->length > 0)
			return client_fail(EINVAL,
				"weir_post_recv: segment %d is not in a region of this domain that "
				"may be written",
				i);
		segments[i] = (struct verbs_segment){sge->addr, sge->length, sge->lkey};
		segment_share(&shared->segments[i], sge);
		bytes += sge->length;
	}
	if (bytes > UINT32_MAX)
		return client_fail(
			EINVAL, "weir_post_recv: %lu bytes are too many", (unsigned long)bytes);
	qp->received[place] =
		(struct client_received){wr->wr_id, (uint32_t)wr->num_sge, (uint32_t)bytes};
	shared->bytes = (uint32_t)bytes;
	shared->segment_count = (uint32_t)wr->num_sge;
	((uint32_t *)(uintptr_t)qp->own.sizes)[place] = (uint32_t)bytes;
	if (place % (VERBS_LINE_BYTES / sizeof(uint32_t)) == 0)
		prefetch_to_write(
			&qp->own.sizes[(place + 32) & (qp->own.geometry.receive_depth - 1)]);
	qp->received_next++;
	return 0;
}

int weir_post_recv(struct weir_qp *public, struct weir_recv_wr *wr, struct weir_recv_wr **bad_wr)
{
	struct client_qp *qp = (struct client_qp *)public;
	int result = 0;

	client_lock(&qp->lock);
	for (; wr != NULL; wr = wr->next) {
		result = post_one(qp, wr);
		if (result != 0) {
			*bad_wr = wr;
			break;
		}
	}
	/* Of those before a bad one too. */
	__atomic_store_n(&qp->own.header->received, qp->received_next, __ATOMIC_RELEASE);
	client_wake_waiting(qp);
	client_unlock(&qp->lock);
	return result;
}
