/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's end of an application's packet queue (verbs/packet_queue.h): packets are delivered
 * into it and collected from it. The memory is the application's, who may write anything there at
 * any time: what is read is copied once and checked; how far each side has come is known here, and
 * which packets the application holds is known only here.
 *
 * A packet that was delivered has left the engine, as one that was sent; one that was collected is
 * new. The buffers that an application holds are counted (raw_memory.h), and all are back when the
 * queue is destroyed.
 *
 * Threads: any number deliver and take back; one collects.
 */
#ifndef WEIR_PORT_RAW_QUEUE_H
#define WEIR_PORT_RAW_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "port/raw_memory.h"
#include "verbs/packet_queue.h"

/* Shorter than an Ethernet header, or longer than one with 64 KiB behind it, is no packet. */
enum { RAW_FRAME_MIN = 14, RAW_FRAME_MAX = 65549 };

struct raw_queue_config {
	void *memory; /* as verbs_packet_places() says; stays the caller's */
	uint64_t area_bytes;
	uint32_t receive_depth, send_depth; /* powers of two */
	void (*ring)(void *argument); /* wakes the application; never waits. NULL: it polls */
	/* The application did what it must not. Any thread; never waits. NULL: nobody cares. */
	void (*broke)(void *argument, uint32_t reason);
	void *argument; /* of both */
	enum verbs_packet_mode mode;
	struct raw_memory *lends; /* what may be lent; NULL: all is copied */
};

struct raw_queue_counters { /* each a whole word; readers: any */
	uint64_t delivered, delivered_bytes; /* to the application. Under the lock */
	uint64_t copied; /* of those */
	uint64_t dropped; /* no room there, and counted for it */
	uint64_t collected, collected_bytes; /* from it. Writer: who collects */
	uint64_t refused; /* that it sent and that were none */
};

struct raw_queue;
struct rfs_consumers;

/* NULL: no memory. */
struct raw_queue *raw_queue_create(const struct raw_queue_config *config);
/* Nobody uses it any more. Takes NULL, returns NULL. All packets that were lent are free then. */
struct raw_queue *raw_queue_destroy(struct raw_queue *queue);

/* Gives the first packets there is room for; returns how many. Those are no longer the caller's. */
uint16_t raw_queue_deliver(struct raw_queue *queue, struct rte_mbuf *const packets[],
	uint16_t count, uint64_t arrived_ns);
/* Counts packets that were dropped because they did not fit; the application reads how many. */
void raw_queue_dropped(struct raw_queue *queue, uint16_t count);
/* Takes back what was released, unless somebody is delivering. */
void raw_queue_take_back(struct raw_queue *queue);

/* Packets that the application sent, in new buffers of the pool or, forwarded, in those they came
 * in; at most `count`, and fewer if they are as much work as so many: a super-packet counts as its
 * segments do. */
uint16_t raw_queue_collect(struct raw_queue *queue, struct rte_mempool *pool,
	struct rte_mbuf *packets[], uint16_t count);
/* Whether there is something to collect. */
bool raw_queue_has_sent(const struct raw_queue *queue);
/* true: the application has to ring when it sends, nobody looks. */
void raw_queue_sleeps(struct raw_queue *queue, bool sleeps);

/* Records that the flows of these packets are consumed where the application last received. */
void raw_queue_consumed(const struct raw_queue *queue, struct rfs_consumers *consumers,
	struct rte_mbuf *const packets[], uint16_t count);
/* Other memory is lent from now on, which begins as that before did. */
void raw_queue_lend(struct raw_queue *queue, struct raw_memory *lends, enum verbs_packet_mode mode);
/* What is lent; NULL: nothing. */
const struct raw_memory *raw_queue_lends(const struct raw_queue *queue);
enum verbs_packet_mode raw_queue_mode(const struct raw_queue *queue);
/* Buffers that the application has now. */
uint32_t raw_queue_lent(const struct raw_queue *queue);
/* VERBS_REASON_NONE, or why nothing goes this way any more. */
uint32_t raw_queue_broken(const struct raw_queue *queue);
void raw_queue_counters(const struct raw_queue *queue, struct raw_queue_counters *ret_counters);

#endif
