/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ibv_wr_*: requests are built one call at a time, between wr_start and wr_complete, and posted
 * together. They are collected in a list here and posted as ibv_post_send would.
 *
 * As in verbs a mistake on the way (no room, too many segments) is told by wr_complete, and then
 * nothing was posted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/client/post.h"
#include "verbs/interpose/interpose.h"

/* A request with what it points to behind it. */
struct work {
	struct weir_send_wr wr;
	struct weir_sge segments[]; /* [max_sge], then inline_bytes */
};

struct interpose_works {
	uint32_t count, room, max_sge, inline_bytes, max_wr;
	size_t stride;
	int code; /* first mistake since wr_start */
	uint8_t *works; /* [room * stride]: grown as needed, never shrunk */
};

static struct interpose_works *works_of(struct ibv_qp_ex *qp)
{
	return ((struct interpose_qp *)qp)->works;
}

static struct work *work_at(const struct interpose_works *works, uint32_t index)
{
	return (struct work *)(works->works + index * works->stride);
}

static void *work_inline(const struct interpose_works *works, struct work *work)
{
	return &work->segments[works->max_sge];
}

static bool works_grow(struct interpose_works *works)
{
	uint32_t room = works->room != 0 ? works->room * 2 : 8;
	uint8_t *grown;

	if (room > works->max_wr)
		room = works->max_wr;
	if (room <= works->room)
		return false;
	grown = realloc(works->works, room * works->stride);
	if (grown == NULL)
		return false;
	works->works = grown;
	works->room = room;
	return true;
}

/* The next request, or NULL after a mistake. */
static struct work *work_begin(struct ibv_qp_ex *qp, enum weir_wr_opcode opcode)
{
	struct interpose_works *works = works_of(qp);
	struct work *work;

	if (works->code == 0 && works->count == works->room && !works_grow(works))
		works->code = ENOMEM;
	if (works->code != 0)
		return NULL;
	work = work_at(works, works->count++);
	work->wr = (struct weir_send_wr){
		.wr_id = qp->wr_id,
		.opcode = opcode,
		.send_flags = qp->wr_flags & ~(unsigned)IBV_SEND_INLINE,
	};
	return work;
}

/* The request that setters are about. */
static struct work *work_current(struct ibv_qp_ex *qp)
{
	struct interpose_works *works = works_of(qp);

	return works->code == 0 && works->count > 0 ? work_at(works, works->count - 1) : NULL;
}

/* ---- operations ---- */

static void wr_send(struct ibv_qp_ex *qp)
{
	work_begin(qp, WEIR_WR_SEND);
}

static void wr_send_imm(struct ibv_qp_ex *qp, __be32 imm_data)
{
	struct work *work = work_begin(qp, WEIR_WR_SEND_WITH_IMM);

	if (work != NULL)
		work->wr.imm_data = imm_data;
}

static struct work *work_begin_rdma(
	struct ibv_qp_ex *qp, enum weir_wr_opcode opcode, uint32_t rkey, uint64_t remote_addr)
{
	struct work *work = work_begin(qp, opcode);

	if (work != NULL) {
		work->wr.wr.rdma.remote_addr = remote_addr;
		work->wr.wr.rdma.rkey = rkey;
	}
	return work;
}

static void wr_rdma_write(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr)
{
	work_begin_rdma(qp, WEIR_WR_RDMA_WRITE, rkey, remote_addr);
}

static void wr_rdma_write_imm(
	struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr, __be32 imm_data)
{
	struct work *work = work_begin_rdma(qp, WEIR_WR_RDMA_WRITE_WITH_IMM, rkey, remote_addr);

	if (work != NULL)
		work->wr.imm_data = imm_data;
}

static void wr_rdma_read(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr)
{
	work_begin_rdma(qp, WEIR_WR_RDMA_READ, rkey, remote_addr);
}

static void work_atomic(struct ibv_qp_ex *qp, enum weir_wr_opcode opcode, uint32_t rkey,
	uint64_t remote_addr, uint64_t compare_add, uint64_t swap)
{
	struct work *work = work_begin(qp, opcode);

	if (work == NULL)
		return;
	work->wr.wr.atomic.remote_addr = remote_addr;
	work->wr.wr.atomic.compare_add = compare_add;
	work->wr.wr.atomic.swap = swap;
	work->wr.wr.atomic.rkey = rkey;
}

static void wr_atomic_cmp_swp(
	struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr, uint64_t compare, uint64_t swap)
{
	work_atomic(qp, WEIR_WR_ATOMIC_CMP_AND_SWP, rkey, remote_addr, compare, swap);
}

static void wr_atomic_fetch_add(
	struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr, uint64_t add)
{
	work_atomic(qp, WEIR_WR_ATOMIC_FETCH_AND_ADD, rkey, remote_addr, add, 0);
}

/* ---- what an operation is about ---- */

static void wr_set_ud_addr(
	struct ibv_qp_ex *qp, struct ibv_ah *ah, uint32_t remote_qpn, uint32_t remote_qkey)
{
	struct work *work = work_current(qp);

	if (work == NULL)
		return;
	work->wr.wr.ud.ah = ((struct interpose_ah *)ah)->weir;
	work->wr.wr.ud.remote_qpn = remote_qpn;
	work->wr.wr.ud.remote_qkey = remote_qkey;
}

static void wr_set_sge_list(struct ibv_qp_ex *qp, size_t num_sge, const struct ibv_sge *sg_list)
{
	struct work *work = work_current(qp);

	if (work == NULL)
		return;
	if (num_sge > works_of(qp)->max_sge) {
		works_of(qp)->code = EINVAL;
		return;
	}
	memcpy(work->segments, sg_list, num_sge * sizeof(*sg_list));
	work->wr.num_sge = (int)num_sge;
}

static void wr_set_sge(struct ibv_qp_ex *qp, uint32_t lkey, uint64_t addr, uint32_t length)
{
	struct ibv_sge segment = {.addr = addr, .length = length, .lkey = lkey};

	wr_set_sge_list(qp, length != 0, &segment);
}

/* Taken at once: the program may reuse its buffers when this returns. */
static void wr_set_inline_data_list(
	struct ibv_qp_ex *qp, size_t num_buf, const struct ibv_data_buf *buf_list)
{
	struct interpose_works *works = works_of(qp);
	struct work *work = work_current(qp);
	size_t bytes = 0;

	if (work == NULL)
		return;
	for (size_t i = 0; i < num_buf; i++) {
		if (buf_list[i].length > works->inline_bytes - bytes) {
			works->code = EINVAL;
			return;
		}
		memcpy((uint8_t *)work_inline(works, work) + bytes, buf_list[i].addr,
			buf_list[i].length);
		bytes += buf_list[i].length;
	}
	work->segments[0].length = (uint32_t)bytes;
	work->wr.send_flags |= WEIR_SEND_INLINE;
	work->wr.num_sge = bytes != 0;
}

static void wr_set_inline_data(struct ibv_qp_ex *qp, void *addr, size_t length)
{
	struct ibv_data_buf buffer = {.addr = addr, .length = length};

	wr_set_inline_data_list(qp, 1, &buffer);
}

/* ---- the list ---- */

static void wr_start(struct ibv_qp_ex *qp)
{
	works_of(qp)->count = 0;
	works_of(qp)->code = 0;
}

/* The list may have moved while it grew: what points into it is set now. */
static void works_link(struct interpose_works *works)
{
	for (uint32_t i = 0; i < works->count; i++) {
		struct work *work = work_at(works, i);

		work->wr.next = i + 1 < works->count ? &work_at(works, i + 1)->wr : NULL;
		work->wr.sg_list = work->segments;
		if ((work->wr.send_flags & WEIR_SEND_INLINE) != 0)
			work->segments[0].addr = (uintptr_t)work_inline(works, work);
	}
}

static int wr_complete(struct ibv_qp_ex *qp)
{
	struct interpose_works *works = works_of(qp);
	struct weir_send_wr *bad;

	if (works->code != 0 || works->count == 0)
		return works->code;
	works_link(works);
	return client_post_send_all(
		((struct interpose_qp *)qp)->weir, &work_at(works, 0)->wr, &bad);
}

static void wr_abort(struct ibv_qp_ex *qp)
{
	wr_start(qp);
}

int interpose_works_create(struct interpose_qp *qp, const struct ibv_qp_cap *cap)
{
	struct interpose_works *works = calloc(1, sizeof(*works));
	size_t bytes;

	if (works == NULL)
		return -ENOMEM;
	works->max_sge = cap->max_send_sge > 0 ? cap->max_send_sge : 1;
	works->inline_bytes = cap->max_inline_data;
	works->max_wr = cap->max_send_wr;
	bytes = sizeof(struct work) + works->max_sge * sizeof(struct weir_sge) +
		works->inline_bytes;
	works->stride = (bytes + 15) & ~(size_t)15;
	qp->works = works;
	qp->qp.wr_send = wr_send;
	qp->qp.wr_send_imm = wr_send_imm;
	qp->qp.wr_rdma_write = wr_rdma_write;
	qp->qp.wr_rdma_write_imm = wr_rdma_write_imm;
	qp->qp.wr_rdma_read = wr_rdma_read;
	qp->qp.wr_atomic_cmp_swp = wr_atomic_cmp_swp;
	qp->qp.wr_atomic_fetch_add = wr_atomic_fetch_add;
	qp->qp.wr_set_ud_addr = wr_set_ud_addr;
	qp->qp.wr_set_sge = wr_set_sge;
	qp->qp.wr_set_sge_list = wr_set_sge_list;
	qp->qp.wr_set_inline_data = wr_set_inline_data;
	qp->qp.wr_set_inline_data_list = wr_set_inline_data_list;
	qp->qp.wr_start = wr_start;
	qp->qp.wr_complete = wr_complete;
	qp->qp.wr_abort = wr_abort;
	return 0;
}

void interpose_works_destroy(struct interpose_qp *qp)
{
	if (qp->works == NULL)
		return;
	free(qp->works->works);
	free(qp->works);
	qp->works = NULL;
}
