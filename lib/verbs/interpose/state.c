/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs: their attributes. */
#include <errno.h>

#include "verbs/interpose/interpose.h"

_Static_assert((int)WEIR_QP_STATE == (int)IBV_QP_STATE && (int)WEIR_QP_AV == (int)IBV_QP_AV &&
		(int)WEIR_QP_RNR_RETRY == (int)IBV_QP_RNR_RETRY &&
		(int)WEIR_QP_DEST_QPN == (int)IBV_QP_DEST_QPN &&
		(int)WEIR_QPS_RTS == (int)IBV_QPS_RTS && (int)WEIR_QPS_ERR == (int)IBV_QPS_ERR,
	"masks and states are passed on");

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask)
{
	struct interpose_qp *ours = (struct interpose_qp *)qp;
	struct weir_qp_attr wanted = {
		.qp_state = (enum weir_qp_state)attr->qp_state,
		.cur_qp_state = (enum weir_qp_state)attr->cur_qp_state,
		.qkey = attr->qkey,
		.rq_psn = attr->rq_psn,
		.sq_psn = attr->sq_psn,
		.dest_qp_num = attr->dest_qp_num,
		.qp_access_flags = attr->qp_access_flags,
		.cap = {attr->cap.max_send_wr, attr->cap.max_recv_wr, attr->cap.max_send_sge,
			attr->cap.max_recv_sge, attr->cap.max_inline_data},
		.path_mtu = (uint8_t)attr->path_mtu,
		.timeout = attr->timeout,
		.retry_cnt = attr->retry_cnt,
		.rnr_retry = attr->rnr_retry,
		.min_rnr_timer = attr->min_rnr_timer,
		.max_rd_atomic = attr->max_rd_atomic,
		.max_dest_rd_atomic = attr->max_dest_rd_atomic,
		.port_num = attr->port_num,
	};
	int code = interpose_result(
		"ibv_modify_qp", weir_modify_qp(ours->weir, &wanted, (unsigned)attr_mask));

	if (code != 0)
		return code;
	if ((attr_mask & IBV_QP_STATE) != 0)
		qp->state = attr->qp_state;
	if ((attr_mask & IBV_QP_AV) != 0)
		ours->address = attr->ah_attr;
	return 0;
}

static void attr_fill(struct ibv_qp_attr *attr, const struct weir_qp_attr *found,
	const struct ibv_ah_attr *address)
{
	*attr = (struct ibv_qp_attr){
		.qp_state = (enum ibv_qp_state)found->qp_state,
		.cur_qp_state = (enum ibv_qp_state)found->cur_qp_state,
		.path_mtu = (enum ibv_mtu)found->path_mtu,
		.path_mig_state = IBV_MIG_MIGRATED,
		.qkey = found->qkey,
		.rq_psn = found->rq_psn,
		.sq_psn = found->sq_psn,
		.dest_qp_num = found->dest_qp_num,
		.qp_access_flags = found->qp_access_flags,
		.cap = {found->cap.max_send_wr, found->cap.max_recv_wr, found->cap.max_send_sge,
			found->cap.max_recv_sge, found->cap.max_inline_data},
		.ah_attr = *address,
		.max_rd_atomic = found->max_rd_atomic,
		.max_dest_rd_atomic = found->max_dest_rd_atomic,
		.min_rnr_timer = found->min_rnr_timer,
		.port_num = found->port_num,
		.timeout = found->timeout,
		.retry_cnt = found->retry_cnt,
		.rnr_retry = found->rnr_retry,
	};
}

int ibv_query_qp(
	struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask, struct ibv_qp_init_attr *init)
{
	struct interpose_qp *ours = (struct interpose_qp *)qp;
	struct weir_qp_attr found;
	struct weir_qp_init_attr found_init;
	int code = interpose_result("ibv_query_qp", weir_query_qp(ours->weir, &found, &found_init));

	(void)attr_mask; /* a hint what is wanted at least */
	if (code != 0)
		return code;
	attr_fill(attr, &found, &ours->address);
	qp->state = attr->qp_state;
	*init = (struct ibv_qp_init_attr){
		.qp_context = qp->qp_context,
		.send_cq = qp->send_cq,
		.recv_cq = qp->recv_cq,
		.srq = qp->srq,
		.cap = attr->cap,
		.qp_type = qp->qp_type,
		.sq_sig_all = ours->sq_sig_all,
	};
	return 0;
}

int ibv_query_qp_data_in_order(struct ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags)
{
	(void)qp, (void)op, (void)flags;
	return 0; /* the last byte of a WRITE lands last; the others as memcpy has it */
}

int ibv_query_ece(struct ibv_qp *qp, struct ibv_ece *ece)
{
	(void)qp, (void)ece;
	return EOPNOTSUPP;
}

int ibv_set_ece(struct ibv_qp *qp, struct ibv_ece *ece)
{
	(void)qp, (void)ece;
	return EOPNOTSUPP;
}
