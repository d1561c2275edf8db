/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libweir: the verbs of RDMA over shared memory, and a port's packets in an own ring.
 *
 * An application connects to a running weir, without root, EAL or hugepages: permission on its
 * socket is all. From there on it is what RDMA people know: protection domain, memory region,
 * completion queue, queue pair; post and poll.
 *
 *     weir_open -> weir_alloc_pd -> weir_reg_mr, weir_create_cq -> weir_create_qp -> weir_modify_qp
 *     weir_post_recv, weir_post_send, weir_poll_cq ...
 *
 * Names, shapes and semantics are those of libibverbs, `ibv_` read as `weir_`: structures that both
 * have are laid out alike and enumerators have the same values (the drop-in for libibverbs casts
 * them). Differences are said where they are. Sources: rdma-core's manual pages, the InfiniBand
 * Architecture Specification, volume 1, chapters 9 to 11.
 *
 * Errors: what returns int returns 0 or an errno value (positive), but for weir_poll_cq(),
 * weir_receive() and weir_packet_wait(): a count, or an errno value made negative; what returns a
 * pointer NULL with errno set; weir_error_text() says in a sentence what was wrong.
 * Threads: any function from any thread, as in verbs; an object is destroyed by one thread while
 * no other uses it. In a program with one thread no lock is taken.
 * Ownership: the caller frees what create, alloc, reg and open give with their counterparts, in
 * reverse order; weir_close() takes all that is left but addresses (struct weir_ah), which are to
 * be destroyed before.
 * Units: lengths are bytes. Ports of immediate data: network order, untouched.
 */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

struct weir_device;
struct weir_flow;

/* ---- values, as in verbs ---- */

enum weir_access {
	WEIR_ACCESS_LOCAL_WRITE = 1 << 0,
	WEIR_ACCESS_REMOTE_WRITE = 1 << 1,
	WEIR_ACCESS_REMOTE_READ = 1 << 2,
	WEIR_ACCESS_REMOTE_ATOMIC = 1 << 3,
};

enum weir_qp_type { WEIR_QPT_RC = 2, WEIR_QPT_UC, WEIR_QPT_UD, WEIR_QPT_RAW_PACKET = 8 };

enum weir_qp_state {
	WEIR_QPS_RESET,
	WEIR_QPS_INIT,
	WEIR_QPS_RTR,
	WEIR_QPS_RTS,
	WEIR_QPS_SQD,
	WEIR_QPS_SQE,
	WEIR_QPS_ERR,
};

enum weir_qp_attr_mask {
	WEIR_QP_STATE = 1 << 0,
	WEIR_QP_CUR_STATE = 1 << 1,
	WEIR_QP_EN_SQD_ASYNC_NOTIFY = 1 << 2,
	WEIR_QP_ACCESS_FLAGS = 1 << 3,
	WEIR_QP_PKEY_INDEX = 1 << 4,
	WEIR_QP_PORT = 1 << 5,
	WEIR_QP_QKEY = 1 << 6,
	WEIR_QP_AV = 1 << 7,
	WEIR_QP_PATH_MTU = 1 << 8,
	WEIR_QP_TIMEOUT = 1 << 9,
	WEIR_QP_RETRY_CNT = 1 << 10,
	WEIR_QP_RNR_RETRY = 1 << 11,
	WEIR_QP_RQ_PSN = 1 << 12,
	WEIR_QP_MAX_QP_RD_ATOMIC = 1 << 13,
	WEIR_QP_ALT_PATH = 1 << 14,
	WEIR_QP_MIN_RNR_TIMER = 1 << 15,
	WEIR_QP_SQ_PSN = 1 << 16,
	WEIR_QP_MAX_DEST_RD_ATOMIC = 1 << 17,
	WEIR_QP_PATH_MIG_STATE = 1 << 18,
	WEIR_QP_CAP = 1 << 19,
	WEIR_QP_DEST_QPN = 1 << 20,
};

enum weir_wr_opcode {
	WEIR_WR_RDMA_WRITE,
	WEIR_WR_RDMA_WRITE_WITH_IMM,
	WEIR_WR_SEND,
	WEIR_WR_SEND_WITH_IMM,
	WEIR_WR_RDMA_READ,
	WEIR_WR_ATOMIC_CMP_AND_SWP,
	WEIR_WR_ATOMIC_FETCH_AND_ADD,
};

enum weir_send_flags {
	WEIR_SEND_FENCE = 1 << 0,
	WEIR_SEND_SIGNALED = 1 << 1,
	WEIR_SEND_SOLICITED = 1 << 2,
	WEIR_SEND_INLINE = 1 << 3,
};

enum weir_wc_status {
	WEIR_WC_SUCCESS,
	WEIR_WC_LOC_LEN_ERR,
	WEIR_WC_LOC_QP_OP_ERR,
	WEIR_WC_LOC_EEC_OP_ERR,
	WEIR_WC_LOC_PROT_ERR,
	WEIR_WC_WR_FLUSH_ERR,
	WEIR_WC_MW_BIND_ERR,
	WEIR_WC_BAD_RESP_ERR,
	WEIR_WC_LOC_ACCESS_ERR,
	WEIR_WC_REM_INV_REQ_ERR,
	WEIR_WC_REM_ACCESS_ERR,
	WEIR_WC_REM_OP_ERR,
	WEIR_WC_RETRY_EXC_ERR,
	WEIR_WC_RNR_RETRY_EXC_ERR,
	WEIR_WC_LOC_RDD_VIOL_ERR,
	WEIR_WC_REM_INV_RD_REQ_ERR,
	WEIR_WC_REM_ABORT_ERR,
	WEIR_WC_INV_EECN_ERR,
	WEIR_WC_INV_EEC_STATE_ERR,
	WEIR_WC_FATAL_ERR,
	WEIR_WC_RESP_TIMEOUT_ERR,
	WEIR_WC_GENERAL_ERR,
};

enum weir_wc_opcode {
	WEIR_WC_SEND,
	WEIR_WC_RDMA_WRITE,
	WEIR_WC_RDMA_READ,
	WEIR_WC_COMP_SWAP,
	WEIR_WC_FETCH_ADD,
	WEIR_WC_RECV = 1 << 7,
	WEIR_WC_RECV_RDMA_WITH_IMM,
};

enum weir_wc_flags { WEIR_WC_GRH = 1 << 0, WEIR_WC_WITH_IMM = 1 << 1 };

enum weir_event_type { /* asynchronous events, with verbs' numbers; the others do not come */
	WEIR_EVENT_CQ_ERR, /* it had no room for a completion */
	WEIR_EVENT_QP_FATAL,
	WEIR_EVENT_QP_REQ_ERR,
	WEIR_EVENT_QP_ACCESS_ERR, /* its other end tried what it may not */
	WEIR_EVENT_COMM_EST,
	WEIR_EVENT_SQ_DRAINED, /* in SQD, asked for with WEIR_QP_EN_SQD_ASYNC_NOTIFY */
	WEIR_EVENT_PATH_MIG,
	WEIR_EVENT_PATH_MIG_ERR,
	WEIR_EVENT_DEVICE_FATAL, /* the engine is gone: weir_reconnect() */
	WEIR_EVENT_PORT_ACTIVE, /* weir_reconnect() has found an engine */
	WEIR_EVENT_PORT_ERR,
	WEIR_EVENT_LID_CHANGE,
	WEIR_EVENT_PKEY_CHANGE,
	WEIR_EVENT_SM_CHANGE,
	WEIR_EVENT_SRQ_ERR,
	WEIR_EVENT_SRQ_LIMIT_REACHED, /* seen when completions are polled */
	WEIR_EVENT_QP_LAST_WQE_REACHED, /* with an SRQ: it went into ERR */
};

/* ---- shapes, as in verbs ---- */

struct weir_sge {
	uint64_t addr;
	uint32_t length;
	uint32_t lkey;
};

struct weir_ah; /* an address of a UD queue pair */

struct weir_send_wr {
	uint64_t wr_id;
	struct weir_send_wr *next;
	struct weir_sge *sg_list;
	int num_sge;
	uint32_t opcode; /* enum weir_wr_opcode */
	unsigned send_flags; /* enum weir_send_flags */
	uint32_t imm_data;
	union {
		struct {
			uint64_t remote_addr;
			uint32_t rkey;
		} rdma;
		struct {
			uint64_t remote_addr;
			uint64_t compare_add;
			uint64_t swap;
			uint32_t rkey;
		} atomic;
		struct {
			struct weir_ah *ah;
			uint32_t remote_qpn;
			uint32_t remote_qkey;
		} ud;
	} wr;
	uint64_t reserved[7]; /* XRC, memory windows and TSO of verbs: not looked at */
};

struct weir_recv_wr {
	uint64_t wr_id;
	struct weir_recv_wr *next;
	struct weir_sge *sg_list;
	int num_sge;
};

/* Of a completion that is not WEIR_WC_SUCCESS only wr_id, status, vendor_err and qp_num hold. */
struct weir_wc {
	uint64_t wr_id;
	uint32_t status; /* enum weir_wc_status */
	uint32_t opcode; /* enum weir_wc_opcode */
	uint32_t vendor_err; /* weir's own reason: enum verbs_reason, weir_reason_text() */
	uint32_t byte_len;
	uint32_t imm_data;
	uint32_t qp_num;
	uint32_t src_qp;
	unsigned wc_flags; /* enum weir_wc_flags */
	uint16_t pkey_index;
	uint16_t slid;
	uint8_t sl;
	uint8_t dlid_path_bits;
};

struct weir_pd {
	struct weir_device *device;
	uint32_t handle;
};

struct weir_mr {
	struct weir_device *device;
	struct weir_pd *pd;
	void *addr;
	size_t length;
	uint32_t lkey, rkey;
};

struct weir_comp_channel {
	struct weir_device *device;
	int fd; /* readable: weir_get_cq_event() may have something; may be made non-blocking */
};

struct weir_cq {
	struct weir_device *device;
	struct weir_comp_channel *channel;
	void *cq_context;
	int cqe; /* completions it has room for */
};

struct weir_srq {
	struct weir_device *device;
	struct weir_pd *pd;
	void *srq_context;
};

struct weir_qp {
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_cq *send_cq, *recv_cq;
	struct weir_srq *srq;
	void *qp_context;
	uint32_t qp_num;
	enum weir_qp_state state;
	enum weir_qp_type qp_type;
};

struct weir_device_attr {
	char name[32]; /* "weir0" */
	char engine[64]; /* version of the engine */
	uint64_t guid; /* of the engine: the same until it ends. Host order */
	uint64_t max_mr_size;
	int max_qp, max_qp_wr, max_sge, max_cq, max_cqe, max_mr, max_pd, max_srq, max_srq_wr,
		max_srq_sge, max_inline_data;
	uint32_t max_msg_bytes;
	uint64_t rate_bps; /* of the port: nominal */
	bool active;
};

struct weir_srq_attr {
	uint32_t max_wr, max_sge, srq_limit;
};

struct weir_qp_cap {
	uint32_t max_send_wr, max_recv_wr, max_send_sge, max_recv_sge, max_inline_data;
};

struct weir_qp_init_attr {
	void *qp_context;
	struct weir_cq *send_cq, *recv_cq;
	struct weir_srq *srq;
	struct weir_qp_cap cap; /* set to what was given, at least what was asked for */
	enum weir_qp_type qp_type;
	int sq_sig_all;
};

/* Of verbs' ibv_qp_attr what has a meaning here. */
struct weir_qp_attr {
	enum weir_qp_state qp_state, cur_qp_state;
	uint32_t qkey, rq_psn, sq_psn, dest_qp_num;
	unsigned qp_access_flags;
	struct weir_qp_cap cap;
	uint8_t path_mtu; /* enum ibv_mtu: 5 is 4096. Bounds UD messages only */
	uint8_t timeout; /* 4.096 us * 2^timeout; 0: waits for ever */
	uint8_t retry_cnt, rnr_retry; /* rnr_retry 7: for ever */
	uint8_t min_rnr_timer; /* verbs' code, 0..31: 655.36 ms, 0.01 ms ... 491.52 ms */
	uint8_t max_rd_atomic, max_dest_rd_atomic;
	uint8_t port_num;
};

struct weir_async_event {
	union {
		struct weir_cq *cq;
		struct weir_qp *qp;
		struct weir_srq *srq;
		int port_num;
	} element;
	enum weir_event_type event_type;
};

/* ---- device ---- */

/* What the last failed call of this thread was about; never NULL. */
WEIR_API const char *weir_error_text(void);
/* Of vendor_err of a completion. */
WEIR_API const char *weir_reason_text(uint32_t reason);

/* Connects to the engine. NULL: $WEIR_VERBS_SOCKET, else $XDG_RUNTIME_DIR/weir-verbs.sock, or
 * /run/weir-verbs.sock as root. */
WEIR_API struct weir_device *weir_open(const char *socket_path);
WEIR_API int weir_close(struct weir_device *device);
/* After WEIR_EVENT_DEVICE_FATAL: connects to the engine that runs now, with all objects as they
 * are: keys, queue pair numbers, and work that was posted and not completed, which is done exactly
 * once. EAGAIN: no engine there yet. */
WEIR_API int weir_reconnect(struct weir_device *device);
WEIR_API int weir_query_device(struct weir_device *device, struct weir_device_attr *ret_attr);
/* Readable: weir_get_async_event() has something. */
WEIR_API int weir_async_fd(const struct weir_device *device);
/* Blocks until there is one, unless the fd was made non-blocking (EAGAIN). */
WEIR_API int weir_get_async_event(struct weir_device *device, struct weir_async_event *ret_event);
WEIR_API void weir_ack_async_event(struct weir_async_event *event);

/* ---- memory ---- */

WEIR_API struct weir_pd *weir_alloc_pd(struct weir_device *device);
WEIR_API int weir_dealloc_pd(struct weir_pd *pd);

/* Memory that can be registered at no cost: zeroed, shared, of whole pages; 2 MiB pages if `huge`
 * (NULL, ENOMEM: there are none free). */
WEIR_API void *weir_alloc(struct weir_device *device, size_t length, bool huge);
WEIR_API void weir_free(struct weir_device *device, void *memory);

/* Any memory of the process. What is not shared memory yet is moved, page by page, into shared
 * memory first, at the same address (about 5 us a page, once): whoever else has something on the
 * same page exposes it to trusted peers; memory from weir_alloc() does not. */
WEIR_API struct weir_mr *weir_reg_mr(
	struct weir_pd *pd, void *addr, size_t length, unsigned access);
/* A memfd or file of the caller that is mapped, shared, at `addr`; a memfd must be sealed against
 * shrinking or sealable, else EPERM. */
WEIR_API struct weir_mr *weir_reg_mr_fd(
	struct weir_pd *pd, int fd, uint64_t offset, void *addr, size_t length, unsigned access);
/* After it returns no peer touches the memory any more. */
WEIR_API int weir_dereg_mr(struct weir_mr *mr);

/* ---- completion ---- */

WEIR_API struct weir_comp_channel *weir_create_comp_channel(struct weir_device *device);
WEIR_API int weir_destroy_comp_channel(struct weir_comp_channel *channel);
WEIR_API struct weir_cq *weir_create_cq(
	struct weir_device *device, int cqe, void *cq_context, struct weir_comp_channel *channel);
WEIR_API int weir_resize_cq(struct weir_cq *cq, int cqe);
WEIR_API int weir_destroy_cq(struct weir_cq *cq);
/* Up to `count` completions; how many, or a negative number on failure. */
WEIR_API int weir_poll_cq(struct weir_cq *cq, int count, struct weir_wc *wc);
WEIR_API int weir_req_notify_cq(struct weir_cq *cq, int solicited_only);
WEIR_API int weir_get_cq_event(
	struct weir_comp_channel *channel, struct weir_cq **ret_cq, void **ret_cq_context);
WEIR_API void weir_ack_cq_events(struct weir_cq *cq, unsigned count);

/* ---- queue pairs ---- */

WEIR_API struct weir_srq *weir_create_srq(
	struct weir_pd *pd, struct weir_srq_attr *attr, void *srq_context);
WEIR_API int weir_modify_srq_limit(struct weir_srq *srq, uint32_t limit);
WEIR_API int weir_query_srq(struct weir_srq *srq, struct weir_srq_attr *ret_attr);
WEIR_API int weir_destroy_srq(struct weir_srq *srq);
WEIR_API int weir_post_srq_recv(
	struct weir_srq *srq, struct weir_recv_wr *wr, struct weir_recv_wr **bad_wr);

WEIR_API struct weir_qp *weir_create_qp(struct weir_pd *pd, struct weir_qp_init_attr *attr);
/* `mask`: enum weir_qp_attr_mask. Each step wants the attributes it wants in verbs; what is wrong
 * changes nothing. */
WEIR_API int weir_modify_qp(struct weir_qp *qp, const struct weir_qp_attr *attr, unsigned mask);
WEIR_API int weir_query_qp(
	struct weir_qp *qp, struct weir_qp_attr *ret_attr, struct weir_qp_init_attr *ret_init);
WEIR_API int weir_destroy_qp(struct weir_qp *qp);
/* RESET to RTS in one call, with defaults, towards a queue pair of the same engine. */
WEIR_API int weir_connect_qp(struct weir_qp *qp, uint32_t remote_qpn);
/* "direct": the initiator's library does the work; "engine": the engine checks and does it;
 * "none yet". */
WEIR_API const char *weir_qp_path(struct weir_qp *qp);
/* Never waits for the other end. What cannot be done at once (no receive posted there, queue full)
 * is kept and done in later calls of weir_post_send(), weir_poll_cq() and weir_get_cq_event(). The
 * first work towards a peer, and on the direct path the first with an rkey, asks the engine over
 * the socket and waits for its answer; while the engine is away such work waits. A signaled request
 * keeps its place in the send queue until its completion is polled; ENOMEM: there is none left. UC
 * and UD: what finds no receive posted is lost, as in verbs, and completes as if it were not. */
WEIR_API int weir_post_send(
	struct weir_qp *qp, struct weir_send_wr *wr, struct weir_send_wr **bad_wr);
WEIR_API int weir_post_recv(
	struct weir_qp *qp, struct weir_recv_wr *wr, struct weir_recv_wr **bad_wr);

/* Where UD messages go; every queue pair of the engine is at the same address. */
WEIR_API struct weir_ah *weir_create_ah(struct weir_pd *pd);
WEIR_API int weir_destroy_ah(struct weir_ah *ah);

/* ---- packets of a port: WEIR_QPT_RAW_PACKET ---- */

enum weir_flow_match { /* members of struct weir_flow_attr that count */
	WEIR_FLOW_VLAN = 1 << 0,
	WEIR_FLOW_SOURCE = 1 << 1, /* address and prefix */
	WEIR_FLOW_DESTINATION = 1 << 2,
	WEIR_FLOW_PROTOCOL = 1 << 3,
	WEIR_FLOW_SOURCE_PORT = 1 << 4,
	WEIR_FLOW_DESTINATION_PORT = 1 << 5,
};

/* Which packets a queue pair receives; of several rules that match the lowest priority number
 * wins, then the one with the longest prefixes, then the older one. */
struct weir_flow_attr {
	const char *port; /* its name in weir's configuration */
	unsigned match; /* 0: all packets */
	unsigned priority;
	uint16_t vlan; /* 1..4094 */
	uint8_t ip_version; /* 4 or 6; with addresses */
	uint8_t protocol;
	uint8_t source_prefix, destination_prefix; /* bits */
	uint16_t source_port, destination_port; /* host order */
	uint8_t source[16], destination[16]; /* IPv4: the first 4 */
};

WEIR_API struct weir_flow *weir_create_flow(struct weir_qp *qp, const struct weir_flow_attr *attr);
WEIR_API int weir_destroy_flow(struct weir_flow *flow);

enum weir_packet_flags {
	WEIR_PACKET_WRITABLE = 1 << 0, /* may be changed in place before it is sent back */
	WEIR_PACKET_CHECKSUM_GOOD = 1 << 1,
	WEIR_PACKET_MORE = 1 << 2, /* the next one in the list is more of the same packet */
};

/* A packet, or a part of one, where it is. */
struct weir_packet {
	void *data;
	uint32_t length;
	uint32_t hash; /* RSS */
	uint16_t mss; /* of a super-packet: bytes of payload a segment; 0: none */
	uint16_t flags; /* enum weir_packet_flags */
	uint32_t cookie; /* whose it is: for weir_forward() */
	uint64_t arrived_ns; /* CLOCK_MONOTONIC */
};

/* Up to `count` packets or parts (a packet's parts are never split over two calls). They stay the
 * caller's until weir_release(). How many; negative with EMSGSIZE: the next packet has more parts
 * than that (a super-packet of 64 KiB has up to 46 of 1448 bytes). Never blocks. */
WEIR_API int weir_receive(struct weir_qp *qp, struct weir_packet *packets, int count);
/* Gives the oldest `count` of what weir_receive() gave back. */
WEIR_API void weir_release(struct weir_qp *qp, int count);
/* Room for a packet of up to `length` bytes to send; NULL: none free now. */
WEIR_API void *weir_packet_alloc(struct weir_qp *qp, uint32_t length);
/* Sends what stands at `data` (from weir_packet_alloc(), in that order); mss: 0, or how a
 * super-packet is to be cut, checksums included, where the port does not carry it whole: into at
 * most 1024 segments, else EINVAL. */
WEIR_API int weir_packet_send(struct weir_qp *qp, void *data, uint32_t length, uint16_t mss);
/* Sends a received packet (all its parts) to the port named by its flow, without a copy where
 * that can be; it is released as any other, and not looked at any more. Once only. */
WEIR_API int weir_forward(struct weir_qp *qp, const struct weir_packet *packet);
/* Tells the engine of all that was queued since; weir_packet_send() and weir_forward() only queue.
 */
WEIR_API void weir_flush(struct weir_qp *qp);
/* "dedicated", "read-only" or "copy": where received packets are. */
WEIR_API const char *weir_packet_mode(struct weir_qp *qp);
/* Sleeps until packets come. weir_receive() must have found none before. 1: there may be some; 0:
 * none in that time (-1: no limit), or a signal; negative: an errno value. */
WEIR_API int weir_packet_wait(struct weir_qp *qp, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
