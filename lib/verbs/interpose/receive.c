/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared receive queues. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "verbs/interpose/interpose.h"

static struct weir_srq *weir_of(const struct ibv_srq *srq)
{
	return ((const struct interpose_srq *)srq)->weir;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *init)
{
	struct weir_srq_attr attr = {
		.max_wr = init->attr.max_wr,
		.max_sge = init->attr.max_sge,
		.srq_limit = init->attr.srq_limit,
	};
	struct interpose_srq *srq = calloc(1, sizeof(*srq));

	if (srq == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	srq->weir = weir_create_srq(((struct interpose_pd *)pd)->weir, &attr, srq);
	if (srq->weir == NULL) {
		free(srq);
		return interpose_failed("ibv_create_srq");
	}
	init->attr.max_wr = attr.max_wr;
	init->attr.max_sge = attr.max_sge;
	srq->srq.context = pd->context;
	srq->srq.srq_context = init->srq_context;
	srq->srq.pd = pd;
	pthread_mutex_init(&srq->srq.mutex, NULL);
	pthread_cond_init(&srq->srq.cond, NULL);
	return &srq->srq;
}

int ibv_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int attr_mask)
{
	if ((attr_mask & ~IBV_SRQ_LIMIT) != 0)
		return EOPNOTSUPP; /* its memory is shared with others: it stays as it is */
	if (attr_mask == 0)
		return 0;
	return interpose_result(
		"ibv_modify_srq", weir_modify_srq_limit(weir_of(srq), attr->srq_limit));
}

int ibv_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *ret_attr)
{
	struct weir_srq_attr attr;
	int code = interpose_result("ibv_query_srq", weir_query_srq(weir_of(srq), &attr));

	if (code == 0)
		*ret_attr = (struct ibv_srq_attr){
			.max_wr = attr.max_wr,
			.max_sge = attr.max_sge,
			.srq_limit = attr.srq_limit,
		};
	return code;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	int code = interpose_result("ibv_destroy_srq", weir_destroy_srq(weir_of(srq)));

	if (code != 0)
		return code;
	pthread_mutex_destroy(&srq->mutex);
	pthread_cond_destroy(&srq->cond);
	free(srq);
	return 0;
}

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	return weir_post_srq_recv(
		weir_of(srq), (struct weir_recv_wr *)wr, (struct weir_recv_wr **)bad_wr);
}

void interpose_receive_ops(struct verbs_context *context)
{
	context->context.ops.post_srq_recv = post_srq_recv;
}
