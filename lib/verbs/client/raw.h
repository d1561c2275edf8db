/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A raw-packet queue pair on the application's side: its memory, and the engine's packet memory as
 * it is mapped here. Lock of the queue pair held, but for what is set once.
 */
#ifndef WEIR_VERBS_CLIENT_RAW_H
#define WEIR_VERBS_CLIENT_RAW_H

#include "verbs/client/client.h"
#include "verbs/packet_queue.h"

enum { CLIENT_SPANS_MAX = 64 };

struct client_span { /* memory that packets are in: raw_memory.c */
	uint8_t *base; /* NULL: not mapped */
	uint64_t bytes;
	void *map;
	size_t map_bytes;
};

struct client_forward { /* a packet that was forwarded, until the engine took it */
	uint32_t sent; /* position of its descriptor */
	uint32_t keep; /* received descriptors from here on are not released before */
};

struct weir_flow {
	struct client_qp *qp;
	uint32_t handle;
	struct weir_flow_attr attr; /* for the next engine; `port` is its own */
	struct weir_flow *next;
};

struct client_raw {
	struct verbs_packet_header *header;
	struct verbs_descriptor *received, *sent;
	uint8_t *area;
	uint64_t half_bytes; /* copies are in the first, what is sent in the second */
	uint32_t receive_depth, send_depth;
	/* Received: [released, next) is the caller's; of that the engine was told up to `told`. */
	uint32_t next, released, told;
	/* Sent: [sent_done, sent_next) is on its way; published up to `flushed`. */
	uint32_t sent_done, sent_next, flushed;
	uint64_t send_head, send_tail; /* bytes of the second half, ever */
	uint64_t alloc_head; /* and what was given out by weir_packet_alloc(), */
	uint32_t alloc_count; /* of which so many were not sent yet */
	uint64_t *sent_end; /* [send_depth]: send_tail once that one is done */
	struct client_forward *forwards; /* [send_depth] */
	uint32_t forward_first, forward_next;
	uint32_t mode; /* enum verbs_packet_mode */
	uint32_t part_count; /* that were mapped */
	unsigned span_count;
	struct client_span spans[CLIENT_SPANS_MAX];
	struct verbs_mapping memory;
	int memory_fd, event_fd;
	struct weir_flow *flows;
};

/* raw_memory.c: maps what packets are in, as far as the engine shows it. 0 or an errno value. */
int client_raw_map(struct client_qp *qp);
void client_raw_unmap(struct client_raw *raw);

/* raw_receive.c: what was received at a position; false: nothing there. */
bool client_raw_take(const struct client_raw *raw, uint32_t position, struct weir_packet *packet);
/* Tells the engine how far packets were released. */
void client_raw_tell_released(struct client_raw *raw);

/* raw.c: tells the engine of the queue pair and its flows. wanted: its number with the engine
 * before, or 0. */
int client_raw_announce(struct client_qp *qp, uint32_t wanted);

#endif
