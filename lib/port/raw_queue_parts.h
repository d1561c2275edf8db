/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a raw queue share: raw_queue*.c and raw_collect.c only. */
#ifndef WEIR_PORT_RAW_QUEUE_PARTS_H
#define WEIR_PORT_RAW_QUEUE_PARTS_H

#include <rte_spinlock.h>

#include "port/raw_queue.h"
#include "verbs/layout.h"

/* What is known of a received descriptor, by its position. */
struct raw_place {
	/* At the first descriptor of a packet that is lent: the packet; else NULL. */
	struct rte_mbuf *packet;
	union {
		struct raw_share *share; /* lent: of this pool */
		uint64_t area_end; /* a copy: of the copies up to here; 0: neither */
	};
	uint16_t buffers; /* lent: so many */
	/* Lent: one buffer of its own, which nobody else refers to. Nobody can, while it is lent:
	 * so it goes back to its pool without a look at it. */
	bool plain;
};

struct raw_queue {
	/* Set once. */
	struct raw_queue_config config;
	struct verbs_packet_header *header;
	struct verbs_descriptor *received, *sent;
	uint8_t *area;
	uint64_t half_bytes; /* of the area: copies in the first, what is sent in the second */
	uint32_t receive_mask, send_mask;
	uint32_t broken; /* atomic: enum verbs_reason */
	struct raw_place *places; /* [receive_depth] */
	/* Under the lock: [taken_back, delivered) are the application's. */
	rte_spinlock_t lock __attribute__((aligned(64)));
	uint32_t delivered, taken_back;
	uint64_t area_head, area_tail; /* bytes ever */
	uint32_t lent; /* buffers */
	unsigned span_hint;
	struct raw_queue_counters counters; /* collected and refused: see below */
	/* Of who collects. */
	uint32_t collected __attribute__((aligned(64)));
	uint64_t collected_packets, collected_bytes, refused;
};

/* The application did what it must not: nothing goes this way from now on. */
void raw_queue_break(struct raw_queue *queue, uint32_t reason);
/* Lock held: frees what was lent up to `position`, which is checked. */
void raw_queue_take_back_to(struct raw_queue *queue, uint32_t position);
/* Lock held: what the application released. */
void raw_queue_take_back_locked(struct raw_queue *queue);
/* The packet at a received position, which is the caller's then; NULL: none there. */
struct rte_mbuf *raw_queue_forward(struct raw_queue *queue, uint32_t position);

#endif
