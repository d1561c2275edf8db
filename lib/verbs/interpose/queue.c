/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs: made, destroyed, and posted to. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "verbs/interpose/interpose.h"

#define SAME_PLACE(type, member)                                                                   \
	(offsetof(struct ibv_##type, member) == offsetof(struct weir_##type, member) &&            \
		sizeof(((struct ibv_##type *)0)->member) ==                                        \
			sizeof(((struct weir_##type *)0)->member))
_Static_assert(sizeof(struct ibv_sge) == sizeof(struct weir_sge) && SAME_PLACE(sge, addr) &&
		SAME_PLACE(sge, length) && SAME_PLACE(sge, lkey),
	"segments are passed on");
_Static_assert(sizeof(struct ibv_recv_wr) == sizeof(struct weir_recv_wr) &&
		SAME_PLACE(recv_wr, wr_id) && SAME_PLACE(recv_wr, next) &&
		SAME_PLACE(recv_wr, sg_list) && SAME_PLACE(recv_wr, num_sge),
	"receive requests are passed on");
_Static_assert(sizeof(struct ibv_send_wr) == sizeof(struct weir_send_wr) &&
		SAME_PLACE(send_wr, wr_id) && SAME_PLACE(send_wr, next) &&
		SAME_PLACE(send_wr, sg_list) && SAME_PLACE(send_wr, num_sge) &&
		SAME_PLACE(send_wr, opcode) && SAME_PLACE(send_wr, send_flags) &&
		SAME_PLACE(send_wr, imm_data) && SAME_PLACE(send_wr, wr.rdma.remote_addr) &&
		SAME_PLACE(send_wr, wr.rdma.rkey) && SAME_PLACE(send_wr, wr.atomic.remote_addr) &&
		SAME_PLACE(send_wr, wr.atomic.compare_add) && SAME_PLACE(send_wr, wr.atomic.swap) &&
		SAME_PLACE(send_wr, wr.atomic.rkey) && SAME_PLACE(send_wr, wr.ud.ah) &&
		SAME_PLACE(send_wr, wr.ud.remote_qpn) && SAME_PLACE(send_wr, wr.ud.remote_qkey),
	"send requests are passed on");
_Static_assert((int)WEIR_WR_RDMA_WRITE == (int)IBV_WR_RDMA_WRITE &&
		(int)WEIR_WR_RDMA_WRITE_WITH_IMM == (int)IBV_WR_RDMA_WRITE_WITH_IMM &&
		(int)WEIR_WR_SEND == (int)IBV_WR_SEND &&
		(int)WEIR_WR_SEND_WITH_IMM == (int)IBV_WR_SEND_WITH_IMM &&
		(int)WEIR_WR_RDMA_READ == (int)IBV_WR_RDMA_READ &&
		(int)WEIR_WR_ATOMIC_CMP_AND_SWP == (int)IBV_WR_ATOMIC_CMP_AND_SWP &&
		(int)WEIR_WR_ATOMIC_FETCH_AND_ADD == (int)IBV_WR_ATOMIC_FETCH_AND_ADD &&
		(int)WEIR_SEND_FENCE == (int)IBV_SEND_FENCE &&
		(int)WEIR_SEND_SIGNALED == (int)IBV_SEND_SIGNALED &&
		(int)WEIR_SEND_SOLICITED == (int)IBV_SEND_SOLICITED &&
		(int)WEIR_SEND_INLINE == (int)IBV_SEND_INLINE &&
		(int)WEIR_QPT_RC == (int)IBV_QPT_RC && (int)WEIR_QPT_UC == (int)IBV_QPT_UC &&
		(int)WEIR_QPT_UD == (int)IBV_QPT_UD,
	"and so are their values");

/* ---- posting ---- */

/* A program's address handle is not weir's: each request is copied, to put in the right one. */
static int post_datagrams(
	struct interpose_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	for (; wr != NULL; wr = wr->next) {
		struct weir_send_wr copy = *(struct weir_send_wr *)wr, *bad;
		int code;

		copy.next = NULL;
		copy.wr.ud.ah =
			wr->wr.ud.ah != NULL ? ((struct interpose_ah *)wr->wr.ud.ah)->weir : NULL;
		code = weir_post_send(qp->weir, &copy, &bad);
		if (code != 0) {
			*bad_wr = wr;
			return code;
		}
	}
	return 0;
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	if (__builtin_expect(qp->qp_type == IBV_QPT_UD, 0))
		return post_datagrams((struct interpose_qp *)qp, wr, bad_wr);
	return weir_post_send(((struct interpose_qp *)qp)->weir, (struct weir_send_wr *)wr,
		(struct weir_send_wr **)bad_wr);
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	return weir_post_recv(((struct interpose_qp *)qp)->weir, (struct weir_recv_wr *)wr,
		(struct weir_recv_wr **)bad_wr);
}

/* ---- life ---- */

static struct weir_cq *weir_of_cq(const struct ibv_cq *cq)
{
	return cq != NULL ? ((const struct interpose_cq *)cq)->weir : NULL;
}

static struct weir_qp *weir_create(
	struct interpose_qp *qp, struct ibv_pd *pd, struct ibv_qp_init_attr *init)
{
	struct weir_qp_init_attr attr = {
		.qp_context = qp,
		.send_cq = weir_of_cq(init->send_cq),
		.recv_cq = weir_of_cq(init->recv_cq),
		.srq = init->srq != NULL ? ((struct interpose_srq *)init->srq)->weir : NULL,
		.cap = {init->cap.max_send_wr, init->cap.max_recv_wr, init->cap.max_send_sge,
			init->cap.max_recv_sge, init->cap.max_inline_data},
		.qp_type = (enum weir_qp_type)init->qp_type,
		.sq_sig_all = init->sq_sig_all,
	};
	struct weir_qp *weir;

	if (init->qp_type != IBV_QPT_RC && init->qp_type != IBV_QPT_UC &&
		init->qp_type != IBV_QPT_UD)
		return interpose_refused("ibv_create_qp", "its type is none of RC, UC and UD");
	weir = weir_create_qp(((struct interpose_pd *)pd)->weir, &attr);
	if (weir != NULL)
		init->cap = (struct ibv_qp_cap){attr.cap.max_send_wr, attr.cap.max_recv_wr,
			attr.cap.max_send_sge, attr.cap.max_recv_sge, attr.cap.max_inline_data};
	else
		interpose_failed("ibv_create_qp");
	return weir;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *init)
{
	struct interpose_qp *qp = calloc(1, sizeof(*qp));
	struct ibv_qp *ret;

	if (qp == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	qp->weir = weir_create(qp, pd, init);
	if (qp->weir == NULL) {
		free(qp);
		return NULL;
	}
	qp->sq_sig_all = init->sq_sig_all != 0;
	ret = &qp->qp.qp_base;
	ret->context = pd->context;
	ret->qp_context = init->qp_context;
	ret->pd = pd;
	ret->send_cq = init->send_cq;
	ret->recv_cq = init->recv_cq;
	ret->srq = init->srq;
	ret->handle = ret->qp_num = qp->weir->qp_num;
	ret->state = IBV_QPS_RESET;
	ret->qp_type = init->qp_type;
	pthread_mutex_init(&ret->mutex, NULL);
	pthread_cond_init(&ret->cond, NULL);
	return ret;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
	struct interpose_qp *ours = (struct interpose_qp *)qp;
	int code = interpose_result("ibv_destroy_qp", weir_destroy_qp(ours->weir));

	if (code != 0)
		return code;
	interpose_works_destroy(ours);
	pthread_mutex_destroy(&qp->mutex);
	pthread_cond_destroy(&qp->cond);
	free(ours);
	return 0;
}

/* The operations of ibv_wr_* are wanted by SEND_OPS_FLAGS; what else is new in it weir has not. */
static struct ibv_qp *create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *init)
{
	static const uint64_t operations = IBV_QP_EX_WITH_RDMA_WRITE |
		IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_SEND |
		IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ |
		IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
	const uint32_t known = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
	struct ibv_qp *qp;
	int code;

	(void)context;
	if ((init->comp_mask & IBV_QP_INIT_ATTR_PD) == 0 || (init->comp_mask & ~known) != 0 ||
		((init->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) != 0 &&
			(init->send_ops_flags & ~operations) != 0))
		return interpose_refused("ibv_create_qp_ex", "attributes that weir has not");
	/* It begins as the older one. */
	qp = ibv_create_qp(init->pd, (struct ibv_qp_init_attr *)init);
	if (qp == NULL || (init->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) == 0)
		return qp;
	code = interpose_works_create((struct interpose_qp *)qp, &init->cap);
	if (code != 0) {
		ibv_destroy_qp(qp);
		errno = -code;
		return NULL;
	}
	return qp;
}

struct ibv_qp_ex *ibv_qp_to_qp_ex(struct ibv_qp *qp)
{
	struct interpose_qp *ours = (struct interpose_qp *)qp;

	if (ours->works != NULL)
		return &ours->qp;
	errno = EOPNOTSUPP; /* not made with IBV_QP_INIT_ATTR_SEND_OPS_FLAGS */
	return NULL;
}

void interpose_queue_ops(struct verbs_context *context)
{
	context->context.ops.post_send = post_send;
	context->context.ops.post_recv = post_recv;
	context->create_qp_ex = create_qp_ex;
}
