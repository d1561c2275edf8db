/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A drop-in for libibverbs: unmodified RDMA programs run over weir, with no device, kernel module
 * or sysfs. `weir verbs -- COMMAND` puts libweir-ibverbs.so in front of libibverbs (LD_PRELOAD).
 *
 * Every public function that takes a context, or an object made from one, is defined here: those of
 * the real library would look for private data behind ours. Our definitions have no symbol version
 * and so satisfy references to any. What needs no device stays the real library's:
 *
 *   names and numbers   ibv_*_str, ibv_rate_to_*, mbps_to_ibv_rate, mult_to_ibv_rate
 *   files of sysfs      ibv_read_sysfs_file, ibv_get_sysfs_path
 *   fork                ibv_fork_init, ibv_is_fork_initialized
 *   for drivers         ibv_copy_*, ibv_cmd_*, verbs_*, ibv_register_driver
 *
 * What programs call without a symbol goes through the context: ibv_post_send, ibv_post_recv,
 * ibv_post_srq_recv, ibv_poll_cq and ibv_req_notify_cq are inline functions of verbs.h.
 *
 *   device.c       ibv_get_device_list, free_device_list, get_device_name, get_device_guid,
 *                  get_device_index, open_device, close_device
 *   query.c        ibv_query_device, query_port, query_gid, _ibv_query_gid_ex,
 * _ibv_query_gid_table, query_gid_type, query_pkey, get_pkey_index; in the context: query_device_ex
 *   memory.c       ibv_alloc_pd, dealloc_pd, reg_mr, reg_mr_iova, reg_mr_iova2, rereg_mr,
 *                  reg_dmabuf_mr, dereg_mr
 *   completion.c   ibv_create_comp_channel, destroy_comp_channel, create_cq, resize_cq, destroy_cq,
 *                  get_cq_event, ack_cq_events; in the context: poll_cq, req_notify_cq
 *   receive.c      ibv_create_srq, modify_srq, query_srq, destroy_srq; in the context:
 * post_srq_recv queue.c        ibv_create_qp, destroy_qp, qp_to_qp_ex; in the context: post_send,
 * post_recv, create_qp_ex state.c        ibv_modify_qp, query_qp, query_qp_data_in_order,
 * query_ece, set_ece work.c         what ibv_wr_* call, in ibv_qp_ex address.c      ibv_create_ah,
 * create_ah_from_wc, init_ah_from_wc, destroy_ah, resolve_eth_l2_from_gid, attach_mcast,
 * detach_mcast event.c        ibv_get_async_event, ack_async_event absent.c       what weir has
 * not: import and unimport; and libpci, which would end programs where there is no PCI bus
 *
 * Work requests and completions are laid out alike in both, so that posting and polling pass them
 * on as they are. Threads, errors: as in libibverbs.
 */
#ifndef WEIR_VERBS_INTERPOSE_H
#define WEIR_VERBS_INTERPOSE_H

/* The functions of verbs.h are what is visible. */
#pragma GCC visibility push(default)
#include <infiniband/verbs.h>

#undef ibv_query_port
#undef ibv_reg_mr
#undef ibv_reg_mr_iova

/* Public, but in no header that is installed. */
int ibv_query_gid_type(
	struct ibv_context *context, uint8_t port_num, unsigned index, unsigned *ret_type);
/* libpci's. */
void pci_init(void *access);
void pci_scan_bus(void *access);
void pci_cleanup(void *access);
#pragma GCC visibility pop

#include <stdbool.h>

#include "verbs/weir.h"

enum { INTERPOSE_PORT = 1, INTERPOSE_LID = 1 };

struct interpose_device {
	struct ibv_device device;
	uint8_t private_of_drivers[64]; /* libmlx5 and libefa look there, and must find zeros */
	struct weir_device_attr attr; /* when the list was made */
};

struct interpose_context {
	struct verbs_context verbs;
	struct weir_device *weir;
};

/* Each begins with what the program sees. */
struct interpose_pd {
	struct ibv_pd pd;
	struct weir_pd *weir;
};

struct interpose_mr {
	struct ibv_mr mr;
	struct weir_mr *weir;
};

struct interpose_channel {
	struct ibv_comp_channel channel;
	struct weir_comp_channel *weir;
};

struct interpose_cq {
	struct ibv_cq cq;
	struct weir_cq *weir; /* its cq_context is this object */
};

struct interpose_srq {
	struct ibv_srq srq;
	struct weir_srq *weir; /* its srq_context is this object */
};

struct interpose_ah {
	struct ibv_ah ah;
	struct weir_ah *weir;
};

struct interpose_qp {
	struct ibv_qp_ex qp; /* ibv_qp first in it */
	struct weir_qp *weir; /* its qp_context is this object */
	bool sq_sig_all;
	struct ibv_ah_attr address; /* what ibv_modify_qp was told: weir has but one address */
	struct interpose_works *works; /* work.c; NULL: not made for ibv_wr_* */
};

static inline struct weir_device *interpose_weir(struct ibv_context *context)
{
	return ((struct interpose_context *)((uint8_t *)context -
			offsetof(struct interpose_context, verbs.context)))
		->weir;
}

/* Weir has no such thing: NULL, errno is EOPNOTSUPP. */
void *interpose_refused(const char *what, const char *why);
/* `errno` is set; says why on stderr if the user asked for it (`weir verbs --explain`). NULL. */
void *interpose_failed(const char *what);
/* The same for an errno value, which it returns; 0: nothing failed. */
int interpose_result(const char *what, int code);

/* Fills what programs reach through the context. */
void interpose_query_ops(struct verbs_context *context);
void interpose_completion_ops(struct verbs_context *context);
void interpose_receive_ops(struct verbs_context *context);
void interpose_queue_ops(struct verbs_context *context);

/* For ibv_wr_*: a list of work requests, collected from wr_start to wr_complete. 0 or -ENOMEM. */
int interpose_works_create(struct interpose_qp *qp, const struct ibv_qp_cap *cap);
void interpose_works_destroy(struct interpose_qp *qp);

#endif
