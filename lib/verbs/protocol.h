/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libweir and the engine say to each other on the verbs socket (SOCK_SEQPACKET): requests,
 * their replies, and events. Setting up only; no packet and no work request goes this way.
 *
 * One message is one datagram of at most VERBS_MESSAGE_BYTES, with at most VERBS_FDS_MAX file
 * descriptors. The client has one request outstanding. A reply has the request's type and number.
 * Events have number 0. Both ends are hostile to each other until a message has been checked: its
 * length is exactly that of its type, and each value is in its range.
 *
 * "wanted": after a restart of the engine an application asks for the handles it had; 0: any. An
 * engine that cannot give it says EBUSY.
 */
#ifndef WEIR_VERBS_PROTOCOL_H
#define WEIR_VERBS_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "verbs/layout.h"

enum { VERBS_PROTOCOL_VERSION = 1, VERBS_MESSAGE_BYTES = 512, VERBS_FDS_MAX = 4 };
enum { VERBS_NAME_BYTES = 32, VERBS_TEXT_BYTES = 160 };
enum { VERBS_RATE_GBPS = 100, VERBS_LID = 1 }; /* what the port says of itself: nominal */

enum verbs_message_type {
	VERBS_HELLO = 1, /* fd: connection memory */
	VERBS_ALLOC_PD,
	VERBS_DEALLOC_PD,
	VERBS_REG_MR, /* fd: the memory */
	VERBS_DEREG_MR, /* answered when no worker and no peer can touch it any more */
	VERBS_CREATE_SRQ, /* fd: SRQ memory */
	VERBS_DESTROY_SRQ,
	VERBS_CREATE_QP, /* fds: queue memory, eventfd of recv_cq's channel, of send_cq's */
	VERBS_MODIFY_QP, /* tells a new state and whom it is connected to */
	VERBS_DESTROY_QP,
	/* The other end of a connected queue pair. Direct: fds: its queue memory, its connection
	 * memory, its recv eventfd, its SRQ memory. ENOTCONN: not there yet. */
	VERBS_GET_PEER,
	VERBS_GET_REGION, /* direct: a region of the other end. fd: its memory */
	VERBS_CREATE_RAW, /* a raw-packet queue pair. fds: packet queue memory, eventfd */
	VERBS_CREATE_FLOW,
	VERBS_DESTROY_FLOW,
	VERBS_GET_PACKETS, /* raw: fds: memory that packets are in, one part a call */
	VERBS_TYPE_COUNT,
	VERBS_EVENT = 100,
};

struct verbs_head {
	uint16_t type; /* enum verbs_message_type */
	uint16_t bytes; /* of the whole message */
	uint32_t number; /* of the request, from 1 */
};

/* Every reply begins so. */
struct verbs_answer {
	struct verbs_head head;
	int32_t error; /* 0 or a positive errno value; then the rest is zero but for the text */
	char text[VERBS_TEXT_BYTES]; /* what was wrong and what to do; NUL-terminated */
};

struct verbs_hello {
	struct verbs_head head;
	uint32_t version;
	char name[VERBS_NAME_BYTES]; /* of the program, for people */
};

struct verbs_hello_answer {
	struct verbs_answer answer;
	uint32_t connection; /* number, for people */
	uint64_t guid;
	uint32_t engine_pid;
	uint32_t max_qp, max_mr, max_pd, max_srq, max_depth; /* limits of this connection */
	uint64_t max_bytes; /* registered in all */
	char engine[64];
}; /* fd: eventfd, the engine's doorbell */

struct verbs_alloc_pd {
	struct verbs_head head;
	uint32_t wanted;
};

struct verbs_handle { /* DEALLOC_PD, DEREG_MR (key), DESTROY_SRQ, DESTROY_QP, DESTROY_FLOW */
	struct verbs_head head;
	uint32_t handle;
};

struct verbs_handle_answer { /* of all that create: the pd, key, srq, queue pair or flow */
	struct verbs_answer answer;
	uint32_t handle;
};

struct verbs_reg_mr {
	struct verbs_head head;
	uint32_t pd, access, wanted;
	uint64_t address; /* the owner's, of the first byte */
	uint64_t bytes;
	uint64_t fd_offset; /* of that byte, in the file */
};

struct verbs_create_srq {
	struct verbs_head head;
	uint32_t pd, depth, segments, wanted;
};

enum verbs_qp_flags {
	VERBS_QP_RECEIVE_EVENTS = 1 << 0, /* the fd for it follows */
	VERBS_QP_SEND_EVENTS = 1 << 1,
};

struct verbs_create_qp {
	struct verbs_head head;
	uint32_t pd, type, srq, wanted, flags; /* type: enum weir_qp_type; srq 0: none */
	struct verbs_geometry geometry;
};

struct verbs_modify_qp {
	struct verbs_head head;
	uint32_t queue, state; /* enum weir_qp_state */
	uint32_t remote_queue; /* from RTR on, but for UD */
	uint32_t rnr_retry, retry, timeout, access, qkey, path_mtu, resumed; /* resumed: 1: it
				was so before a restart; the engine goes on at `executed` */
};

struct verbs_get_peer {
	struct verbs_head head;
	uint32_t queue;
};

enum verbs_path { VERBS_PATH_NONE, VERBS_PATH_DIRECT, VERBS_PATH_ENGINE };

struct verbs_get_peer_answer {
	struct verbs_answer answer;
	uint32_t path; /* enum verbs_path; the rest is for the direct one */
	uint32_t pd, srq, srq_depth, srq_segments;
	uint32_t has_event_fd, process; /* process: 1: the other end is this connection */
	struct verbs_geometry geometry;
}; /* fds: queue memory, connection memory, [eventfd], [SRQ memory] */

struct verbs_get_region {
	struct verbs_head head;
	uint32_t queue; /* ours, connected to the owner of the region */
	uint32_t key;
};

struct verbs_get_region_answer {
	struct verbs_answer answer;
	uint32_t pd, access;
	uint64_t address, bytes, fd_offset;
};

enum verbs_event_type {
	VERBS_EVENT_PEER_GONE, /* handle: our queue pair. The condition in its memory says it too */
	VERBS_EVENT_QP_FATAL, /* handle: our queue pair; reason */
	VERBS_EVENT_SRQ_LIMIT, /* handle: our srq */
	VERBS_EVENT_REGION_GONE, /* handle: key of a region that GET_REGION gave; queue: by which */
	VERBS_EVENT_ENGINE_STOPS,
	VERBS_EVENT_KICKED, /* reason: the connection is closed after this */
	VERBS_EVENT_PORT, /* raw: its port went up (reason 0) or away */
};

struct verbs_event {
	struct verbs_head head;
	uint32_t event, handle, queue, reason;
};

/* ---- raw packets ---- */

struct verbs_create_raw {
	struct verbs_head head;
	uint32_t pd, wanted, receive_depth, send_depth;
	uint64_t area_bytes; /* for copies and for packets to send */
};

struct verbs_create_flow {
	struct verbs_head head;
	uint32_t queue, match, priority, vlan, ip_version, protocol, source_prefix,
		destination_prefix, source_port, destination_port;
	uint8_t source[16], destination[16];
	char port[64];
};

struct verbs_get_packets {
	struct verbs_head head;
	uint32_t queue, part;
};

struct verbs_get_packets_answer {
	struct verbs_answer answer;
	uint32_t mode; /* enum verbs_packet_mode, packet_queue.h */
	uint32_t parts; /* in all; 0: copies only */
	uint64_t bytes, fd_offset; /* of this part */
	/* Where it belongs: descriptors count from the start of a span, which is contiguous. */
	uint32_t span;
	uint32_t writable;
	uint64_t span_offset, span_bytes;
};

union verbs_message {
	struct verbs_head head;
	struct verbs_answer answer;
	struct verbs_hello hello;
	struct verbs_hello_answer hello_answer;
	struct verbs_alloc_pd alloc_pd;
	struct verbs_handle handle;
	struct verbs_handle_answer handle_answer;
	struct verbs_reg_mr reg_mr;
	struct verbs_create_srq create_srq;
	struct verbs_create_qp create_qp;
	struct verbs_modify_qp modify_qp;
	struct verbs_get_peer get_peer;
	struct verbs_get_peer_answer get_peer_answer;
	struct verbs_get_region get_region;
	struct verbs_get_region_answer get_region_answer;
	struct verbs_create_raw create_raw;
	struct verbs_create_flow create_flow;
	struct verbs_get_packets get_packets;
	struct verbs_get_packets_answer get_packets_answer;
	struct verbs_event event;
	uint8_t raw[VERBS_MESSAGE_BYTES];
};

_Static_assert(sizeof(union verbs_message) == VERBS_MESSAGE_BYTES, "");

/* Bytes that a request, or its reply, of this type has; 0: no such type. */
uint32_t verbs_request_bytes(unsigned type);
uint32_t verbs_answer_bytes(unsigned type);

/* Sends one message with its head's length. 0 or -errno: -EPIPE, -ECONNRESET: nobody there;
 * -EAGAIN: the other end does not read. */
int verbs_message_send(
	int socket, const union verbs_message *message, const int fds[], unsigned fd_count);
/* Receives one. 0; -EAGAIN on a non-blocking socket; -ECONNRESET at its end; -EPROTO: not a message
 * (too short, its length is not what it says, too many descriptors, truncated). ret_fds:
 * [VERBS_FDS_MAX], close-on-exec, the caller's; none after an error. */
int verbs_message_receive(
	int socket, union verbs_message *ret_message, int ret_fds[], unsigned *ret_fd_count);

#endif
