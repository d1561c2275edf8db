/* SPDX-License-Identifier: BSD-3-Clause */
/* Completion channels and completion queues. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "verbs/interpose/interpose.h"

#define SAME_PLACE(member)                                                                         \
	(offsetof(struct ibv_wc, member) == offsetof(struct weir_wc, member) &&                    \
		sizeof(((struct ibv_wc *)0)->member) == sizeof(((struct weir_wc *)0)->member))
_Static_assert(sizeof(struct ibv_wc) == sizeof(struct weir_wc) && SAME_PLACE(wr_id) &&
		SAME_PLACE(status) && SAME_PLACE(opcode) && SAME_PLACE(vendor_err) &&
		SAME_PLACE(byte_len) && SAME_PLACE(imm_data) && SAME_PLACE(qp_num) &&
		SAME_PLACE(src_qp) && SAME_PLACE(wc_flags) && SAME_PLACE(pkey_index) &&
		SAME_PLACE(slid) && SAME_PLACE(sl) && SAME_PLACE(dlid_path_bits),
	"completions are passed on");
_Static_assert((int)WEIR_WC_GENERAL_ERR == (int)IBV_WC_GENERAL_ERR &&
		(int)WEIR_WC_RNR_RETRY_EXC_ERR == (int)IBV_WC_RNR_RETRY_EXC_ERR &&
		(int)WEIR_WC_FETCH_ADD == (int)IBV_WC_FETCH_ADD &&
		(int)WEIR_WC_RECV_RDMA_WITH_IMM == (int)IBV_WC_RECV_RDMA_WITH_IMM &&
		(int)WEIR_WC_GRH == (int)IBV_WC_GRH &&
		(int)WEIR_WC_WITH_IMM == (int)IBV_WC_WITH_IMM,
	"and so are their values");

static struct weir_cq *weir_of(const struct ibv_cq *cq)
{
	return ((const struct interpose_cq *)cq)->weir;
}

static struct weir_comp_channel *weir_of_channel(const struct ibv_comp_channel *channel)
{
	return ((const struct interpose_channel *)channel)->weir;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context)
{
	struct interpose_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	channel->weir = weir_create_comp_channel(interpose_weir(context));
	if (channel->weir == NULL) {
		free(channel);
		return interpose_failed("ibv_create_comp_channel");
	}
	channel->channel.context = context;
	channel->channel.fd = channel->weir->fd;
	return &channel->channel;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *channel)
{
	int code = interpose_result(
		"ibv_destroy_comp_channel", weir_destroy_comp_channel(weir_of_channel(channel)));

	if (code == 0)
		free(channel);
	return code;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
	struct ibv_comp_channel *channel, int comp_vector)
{
	struct interpose_cq *cq;

	if (comp_vector < 0 || comp_vector >= context->num_comp_vectors) {
		errno = EINVAL;
		return NULL;
	}
	cq = calloc(1, sizeof(*cq));
	if (cq == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	cq->weir = weir_create_cq(interpose_weir(context), cqe, cq,
		channel != NULL ? weir_of_channel(channel) : NULL);
	if (cq->weir == NULL) {
		free(cq);
		return interpose_failed("ibv_create_cq");
	}
	cq->cq.context = context;
	cq->cq.channel = channel;
	cq->cq.cq_context = cq_context;
	cq->cq.cqe = cq->weir->cqe;
	pthread_mutex_init(&cq->cq.mutex, NULL);
	pthread_cond_init(&cq->cq.cond, NULL);
	return &cq->cq;
}

int ibv_resize_cq(struct ibv_cq *cq, int cqe)
{
	int code = interpose_result("ibv_resize_cq", weir_resize_cq(weir_of(cq), cqe));

	cq->cqe = weir_of(cq)->cqe;
	return code;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	int code = interpose_result("ibv_destroy_cq", weir_destroy_cq(weir_of(cq)));

	if (code != 0)
		return code;
	pthread_mutex_destroy(&cq->mutex);
	pthread_cond_destroy(&cq->cond);
	free(cq);
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context)
{
	struct weir_cq *weir;
	void *ours;
	int code = weir_get_cq_event(weir_of_channel(channel), &weir, &ours);

	if (code != 0) {
		errno = code;
		return -1;
	}
	*cq = &((struct interpose_cq *)ours)->cq;
	*cq_context = (*cq)->cq_context;
	return 0;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned nevents)
{
	weir_ack_cq_events(weir_of(cq), nevents);
}

static int poll_cq(struct ibv_cq *cq, int count, struct ibv_wc *wc)
{
	return weir_poll_cq(weir_of(cq), count, (struct weir_wc *)wc);
}

static int req_notify_cq(struct ibv_cq *cq, int solicited_only)
{
	return weir_req_notify_cq(weir_of(cq), solicited_only);
}

void interpose_completion_ops(struct verbs_context *context)
{
	context->context.ops.poll_cq = poll_cq;
	context->context.ops.req_notify_cq = req_notify_cq;
}
