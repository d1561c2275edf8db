/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of UD queue pairs: there is but one, the engine's. */
#include <errno.h>
#include <stdlib.h>

#include "verbs/interpose/interpose.h"

struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct interpose_ah *ah;

	if (attr->port_num != INTERPOSE_PORT) {
		errno = EINVAL;
		return NULL;
	}
	ah = calloc(1, sizeof(*ah));
	if (ah == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	ah->weir = weir_create_ah(((struct interpose_pd *)pd)->weir);
	if (ah->weir == NULL) {
		free(ah);
		return interpose_failed("ibv_create_ah");
	}
	ah->ah.context = pd->context;
	ah->ah.pd = pd;
	return &ah->ah;
}

int ibv_init_ah_from_wc(struct ibv_context *context, uint8_t port_num, struct ibv_wc *wc,
	struct ibv_grh *grh, struct ibv_ah_attr *ah_attr)
{
	(void)context, (void)wc, (void)grh;
	*ah_attr = (struct ibv_ah_attr){.dlid = INTERPOSE_LID, .port_num = port_num};
	return 0;
}

struct ibv_ah *ibv_create_ah_from_wc(
	struct ibv_pd *pd, struct ibv_wc *wc, struct ibv_grh *grh, uint8_t port_num)
{
	struct ibv_ah_attr attr;

	ibv_init_ah_from_wc(pd->context, port_num, wc, grh, &attr);
	return ibv_create_ah(pd, &attr);
}

int ibv_destroy_ah(struct ibv_ah *ah)
{
	int code = interpose_result(
		"ibv_destroy_ah", weir_destroy_ah(((struct interpose_ah *)ah)->weir));

	if (code == 0)
		free(ah);
	return code;
}

int ibv_resolve_eth_l2_from_gid(struct ibv_context *context, struct ibv_ah_attr *attr,
	uint8_t eth_mac[ETHERNET_LL_SIZE], uint16_t *vid)
{
	(void)context, (void)attr, (void)eth_mac, (void)vid;
	errno = EOPNOTSUPP; /* the port is InfiniBand */
	return -1;
}

int ibv_attach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	(void)qp, (void)gid, (void)lid;
	return EOPNOTSUPP;
}

int ibv_detach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	(void)qp, (void)gid, (void)lid;
	return EOPNOTSUPP;
}
