/* SPDX-License-Identifier: BSD-3-Clause */
/* Protection domains and memory regions. */
#include <errno.h>
#include <stdlib.h>

#include "verbs/interpose/interpose.h"

_Static_assert((int)WEIR_ACCESS_LOCAL_WRITE == (int)IBV_ACCESS_LOCAL_WRITE &&
		(int)WEIR_ACCESS_REMOTE_WRITE == (int)IBV_ACCESS_REMOTE_WRITE &&
		(int)WEIR_ACCESS_REMOTE_READ == (int)IBV_ACCESS_REMOTE_READ &&
		(int)WEIR_ACCESS_REMOTE_ATOMIC == (int)IBV_ACCESS_REMOTE_ATOMIC,
	"access flags are passed on");

struct ibv_pd *ibv_alloc_pd(struct ibv_context *context)
{
	struct interpose_pd *pd = calloc(1, sizeof(*pd));

	if (pd == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	pd->weir = weir_alloc_pd(interpose_weir(context));
	if (pd->weir == NULL) {
		free(pd);
		return interpose_failed("ibv_alloc_pd");
	}
	pd->pd.context = context;
	pd->pd.handle = pd->weir->handle;
	return &pd->pd;
}

int ibv_dealloc_pd(struct ibv_pd *pd)
{
	struct interpose_pd *ours = (struct interpose_pd *)pd;
	int code = interpose_result("ibv_dealloc_pd", weir_dealloc_pd(ours->weir));

	if (code == 0)
		free(ours);
	return code;
}

/* What weir has, and hints it may ignore. */
static const unsigned access_known = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
	IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC;
static const unsigned access_hints = IBV_ACCESS_OPTIONAL_RANGE | IBV_ACCESS_HUGETLB;

struct ibv_mr *ibv_reg_mr_iova2(
	struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned access)
{
	struct interpose_mr *mr;

	if ((access & ~(access_known | access_hints)) != 0)
		return interpose_refused("ibv_reg_mr", "access beyond local and remote ones");
	if (iova != (uintptr_t)addr)
		return interpose_refused(
			"ibv_reg_mr", "peers can name places by the owner's address only");
	mr = calloc(1, sizeof(*mr));
	if (mr == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	mr->weir =
		weir_reg_mr(((struct interpose_pd *)pd)->weir, addr, length, access & access_known);
	if (mr->weir == NULL) {
		free(mr);
		return interpose_failed("ibv_reg_mr");
	}
	mr->mr = (struct ibv_mr){
		.context = pd->context,
		.pd = pd,
		.addr = addr,
		.length = length,
		.handle = mr->weir->lkey,
		.lkey = mr->weir->lkey,
		.rkey = mr->weir->rkey,
	};
	return &mr->mr;
}

struct ibv_mr *ibv_reg_mr_iova(
	struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, iova, (unsigned)access);
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, (unsigned)access);
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	struct interpose_mr *ours = (struct interpose_mr *)mr;
	int code = interpose_result("ibv_dereg_mr", weir_dereg_mr(ours->weir));

	if (code == 0)
		free(ours);
	return code;
}

int ibv_rereg_mr(
	struct ibv_mr *mr, int flags, struct ibv_pd *pd, void *addr, size_t length, int access)
{
	(void)mr, (void)flags, (void)pd, (void)addr, (void)length, (void)access;
	errno = EOPNOTSUPP;
	return IBV_REREG_MR_ERR_INPUT; /* the region is as it was */
}

struct ibv_mr *ibv_reg_dmabuf_mr(
	struct ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova, int fd, int access)
{
	(void)pd, (void)offset, (void)length, (void)iova, (void)fd, (void)access;
	errno = EOPNOTSUPP;
	return NULL;
}
