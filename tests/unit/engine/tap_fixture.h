/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the meters that tap an engine's queues are tested with: an engine of two workers, of which
 * the first has two rx queues and each a tx queue, all the test's own. Packets come when come() is
 * called and leave when leave() is, in whatever order the test likes.
 */
#ifndef TAP_FIXTURE_H
#define TAP_FIXTURE_H

#include "engine/engine_internal.h"
#include "worker_fixture.h"

enum { TAP_WORKERS = 2, TAP_RX = 2, TAP_PACKETS_MAX = 256, TAP_FRAME_BYTES = 200 };

struct tap_fixture {
	struct worker_fixture *fixture;
	struct engine *engine;
	struct config config;
	struct rx_poll polls[TAP_RX];
	struct tx_queue tx_queues[TAP_WORKERS];
	struct queue_counters tx_counters[TAP_WORKERS];
	struct burst waiting; /* what the rx queues give next */
	struct rte_mbuf *packets[TAP_PACKETS_MAX]; /* that came, in order */
	unsigned count;
};

/* Queues are not tapped yet. */
struct tap_fixture *tap_fixture_create(void);
/* With the meter that is on. */
void tap_fixture_destroy(struct tap_fixture *taps);

/* A UDP packet 10.0.0.1:FLOW 10.0.0.2:9; the number is in its payload. */
struct rte_mbuf *packet_of_flow(unsigned flow, unsigned number);
/* Lets these (<= BURST_SIZE) come in at a queue, as they are. */
void come_packets(
	struct tap_fixture *taps, unsigned queue, struct rte_mbuf **packets, unsigned count);
/* New packets of `flows` flows in turn come in at a queue; they are the next of taps->packets[]. */
void come(struct tap_fixture *taps, unsigned queue, unsigned flows, unsigned count);
/* Hands them to the worker's tx queue. Returns how many it took. */
uint16_t leave(
	struct tap_fixture *taps, unsigned worker, struct rte_mbuf **packets, unsigned count);
/* taps->packets[] change places. */
void swap(struct tap_fixture *taps, unsigned one, unsigned other);

#endif
