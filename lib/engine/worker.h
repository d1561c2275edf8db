/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker and what it owns: a poll-mode thread on one CPU, the queues it polls, its instance of
 * each pipeline, and one ring to and from each other worker. Inside engine/ only.
 *
 *   turn:  for each rx queue:  receive -> [parse, hash, RETA] -> own pipeline, or a backlog
 *          for each backlog:   take -> own pipeline
 *
 * Everything here is written by its worker only, unless the comment says otherwise. The structs
 * that the stats thread reads are counters on cache lines of their own.
 */
#ifndef WEIR_ENGINE_WORKER_H
#define WEIR_ENGINE_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_interrupts.h>

#include "config/config.h"
#include "engine/counters.h"
#include "engine/stage.h"
#include "port/port.h"
#include "ring/batch_ring.h"
#include "steering/reta.h"
#include "steering/toeplitz.h"

struct engine;
struct worker;

/* The life of all workers, set by the controlling thread, acknowledged by each worker once it has
 * nothing left to do in it. Packets only move forward, so one pass through the drains empties all:
 * no more rx, then backlogs and held packets, then what waits for another worker's tx queue. */
enum phase {
	PHASE_PARKED,
	PHASE_RUN,
	PHASE_DRAIN_RX,
	PHASE_DRAIN_BACKLOG,
	PHASE_DRAIN_TX,
	PHASE_EXIT
};

/* How this worker sends to one port: through a tx queue of its own, or, when the port has fewer
 * queues than there are workers, by way of the worker that has one. That one's index is always
 * lower, so no two workers ever wait for each other. */
struct transmit {
	struct port *port; /* NULL: this worker does not send there */
	struct tx_queue queue; /* this worker's own, or */
	struct worker *owner; /* who has one (NULL: this worker), and */
	struct batch_ring *owner_ring; /* the way there */
	bool stuck; /* it took nothing for a whole retry_cycles: not retried until it does */
	uint8_t reason; /* enum drop_reason of what it does not take */
	bool checked; /* the port has limits: look at each packet */
	uint32_t length_max;
	uint16_t segments_max;
	uint16_t queue_index;
	uint64_t retry_cycles;
	struct queue_counters counters;
};

static inline bool transmit_is_own(const struct transmit *transmit)
{
	return transmit->port != NULL && transmit->owner == NULL;
}

/* One worker's instance of a pipeline. */
struct pipeline {
	struct worker *worker;
	uint16_t index;
	uint16_t stage_count;
	uint32_t tick; /* batches so far: every 128th is timed */
	bool parses; /* a stage wants headers found */
	bool is_source; /* a stage makes packets */
	bool flushes; /* a stage holds packets */
	struct transmit *transmit; /* NULL: the last stage is the end */
	struct stage stages[CONFIG_STAGES_MAX];
	struct stage_counters counters[CONFIG_STAGES_MAX];
};

/* Where the packets of a RETA bucket go: an emulated queue, and the worker that processes it. */
struct rss_route {
	uint8_t queue, worker;
};

/* Software RSS of one port at one receiving worker. */
struct rss {
	struct toeplitz_key key;
	struct reta reta;
	struct rss_route routes[RETA_SIZE_MAX]; /* of each bucket */
	struct queue_counters queues[CONFIG_RSS_QUEUES_MAX];
};

/* One rx queue this worker polls. */
struct rx_poll {
	struct rx_queue queue;
	struct pipeline *pipeline;
	struct rss *rss; /* NULL: all packets stay on this worker */
	struct port *port;
	uint16_t queue_index;
	bool keep_nic_hash;
	struct queue_counters counters;
};

enum { LATENCY_PENDING_MAX = 64, IDLE_EPOLL_NONE = -1 };

struct latency_pending {
	uint64_t rx_tsc;
	uint64_t packets;
};

struct worker {
	struct engine *engine;
	uint16_t index;
	uint16_t worker_count;
	uint16_t poll_count;
	uint16_t inbox_count;
	uint32_t acknowledged; /* enum phase. Reader: the controlling thread */
	bool latency_on, adaptive, flushes;
	struct rx_poll *polls; /* [poll_count] */
	struct pipeline *pipelines; /* [pipelines of the configuration] */
	struct transmit *transmits; /* [ports] */
	struct batch_ring **outboxes; /* [worker_count]; NULL for itself */
	struct batch_ring **inboxes; /* [inbox_count] */
	struct worker **workers; /* all of them */
	uint16_t latency_count;
	struct latency_pending latency[LATENCY_PENDING_MAX];
	/* idle.c */
	uint64_t idle_since_tsc;
	bool interrupts_ready; /* every rx queue can wake us */
	bool interrupts_armed;
	int wake_fd; /* eventfd. Writers: other workers, the controlling thread */
	struct rte_epoll_event wake_event; /* EAL keeps a pointer to it */
	uint32_t asleep __attribute__((aligned(64))); /* readers: those who might have to wake it */
	struct worker_counters counters;
	/* set once by engine.c */
	int cpu, numa_node, tid;
	pthread_t thread;
	struct error start_error;
	/* lanes: the packets of one burst, sorted by target worker */
	struct lane {
		uint16_t count;
		struct rte_mbuf *packets[BURST_SIZE];
	} * lanes; /* [worker_count] */
};

/* worker.c: the thread. */
void *worker_main(void *worker);

/* pipeline.c */
void pipeline_run(struct pipeline *pipeline, struct burst *burst);
/* Held packets: all of them, or those held too long. */
void pipeline_flush(struct pipeline *pipeline, uint64_t now_tsc, bool all);

/* transmit.c: sends a burst, or drops with a reason. Empties it. */
void transmit_burst(struct worker *worker, struct transmit *transmit, struct burst *burst);

/* handoff.c */
/* Hashes a received burst and sends each packet to the worker of its queue; runs the pipeline over
 * those that stay. Empties the burst. */
void handoff_steer(struct worker *worker, struct rx_poll *poll, struct burst *burst);
/* The second half of it, for hashes that are known: leaves in the burst what stays here. */
void handoff_spread(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, const uint32_t hashes[]);
/* Whether each backlog has room for a whole burst: what a patient source asks first. */
bool handoff_has_room(struct worker *worker);
/* Processes what others handed over. Returns packets. */
unsigned handoff_receive(struct worker *worker, uint64_t now_tsc);
/* Packets for `transmit->owner` to send. Returns how many it took. */
uint16_t handoff_transmit(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t first);
/* Wakes a worker that sleeps. Any thread. */
void handoff_wake(struct worker *worker);

/* idle.c: called after a turn that moved nothing; may sleep. Returns cycles slept. */
uint64_t idle_turn(struct worker *worker, uint64_t now_tsc, uint64_t tsc_hz);
int idle_init(struct worker *worker, struct error *error); /* on the worker's thread */
void idle_fini(struct worker *worker);

/* Frees the packet at `index`, closing the gap. */
static inline void burst_drop(
	struct worker *worker, struct burst *burst, uint16_t index, enum drop_reason reason)
{
	struct rte_mbuf *packet = burst->packets[index];

	burst->bytes -= packet->pkt_len;
	burst->count--;
	for (uint16_t i = index; i < burst->count; i++)
		burst->packets[i] = burst->packets[i + 1];
	worker->counters.drops[reason]++;
	rte_pktmbuf_free(packet);
}

static inline void latency_note(struct worker *worker, uint64_t rx_tsc, uint64_t packets)
{
	uint16_t count = worker->latency_count;

	if (!worker->latency_on)
		return;
	/* Bursts of one turn have one time; and there may be more times than there is room for. */
	if (count > 0 &&
		(worker->latency[count - 1].rx_tsc == rx_tsc || count == LATENCY_PENDING_MAX))
		worker->latency[count - 1].packets += packets;
	else
		worker->latency[worker->latency_count++] =
			(struct latency_pending){rx_tsc, packets};
}

#endif
