/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker and what it owns: a poll-mode thread on one CPU, the queues it polls, its instance of
 * each pipeline, and one ring to and from each other worker. Inside engine/ only.
 *
 *   turn:  for each rx queue:  receive -> [parse, hash, steer] -> own pipeline, or a backlog
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
#include "steering/flow_limit.h"
#include "steering/heavy_hitters.h"
#include "steering/rss_hash.h"
#include "steering/steer.h"

struct capture_tap;
struct verbs_server;
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
	uint64_t retry_cycles; /* atomic. Writer: engine_set_tx_retry() */
	struct queue_counters *counters; /* of its own tx queue */
	/* NULL: what is sent is not captured. Writer: captures, while workers are parked. */
	const struct capture_tap *tap;
};

static inline bool transmit_is_own(const struct transmit *transmit)
{
	return transmit->port != NULL && transmit->owner == NULL;
}

/*
 * The steps of a pipeline, in this order: what the features of the port it begins at ask for, the
 * stages that were configured, what the features of the port it leads to ask for. Between them are
 * places for taps. Only steps that are on are linked into the chain: one that is off costs nothing.
 */
enum {
	SLOT_RX_CHECKSUM,
	SLOT_GRO,
	SLOT_DELIVER, /* to applications: raw.h */
	SLOT_STAGES, /* the configured ones; then one for GSO */
	PIPELINE_SLOTS = SLOT_STAGES + CONFIG_STAGES_MAX + 1,
	/* Places of taps: before the first step, and after each (that of the last is before tx). */
	PIPELINE_TAPS = PIPELINE_SLOTS + 1,
};

/* One worker's instance of a pipeline. Linked by chain.c: what says which steps are on and in which
 * order (first, next, on, taps, parses*, is_source, flushes, states) is written by the control
 * side, while the workers are parked; readers: the worker, and of `on` the stats thread. */
struct pipeline {
	struct worker *worker;
	uint16_t index;
	uint16_t stage_count; /* slots in use */
	uint32_t tick; /* batches so far: every 128th is timed */
	bool parses; /* a stage wants headers found */
	bool parses_left; /* only stages after SLOT_DELIVER do: of what applications leave */
	bool is_source; /* a stage makes packets */
	bool flushes; /* a stage holds packets */
	struct stage *first; /* of the chain; NULL: none */
	struct transmit *transmit; /* NULL: the last stage is the end */
	struct stage stages[PIPELINE_SLOTS];
	bool on[PIPELINE_SLOTS]; /* linked */
	struct stage_counters counters[PIPELINE_SLOTS];
	struct stage taps[PIPELINE_TAPS]; /* [i]: before stages[i]; ops NULL: off */
	struct stage_counters tap_counters; /* of no interest */
};

/* What the packets of one rx queue are steered by: made by the control side (steering_tables.c),
 * swapped as a whole when something is changed. The flows table in it is written by its worker. */
struct steering_tables {
	struct rss_hash hash;
	uint32_t backlog_limit; /* netdev_max_backlog */
	bool active; /* false: all packets stay on the worker that receives them */
	size_t flows_bytes;
	struct steer_table table;
};

enum { STEERING_COUNTERS = 4 };

/* Steering of what one rx queue brings, at the worker that polls it. */
struct steering {
	struct steering_tables
		*tables; /* in force; atomic. Readers: control side, balancer, stats */
	struct heavy_hitters *hitters;
	void *hitters_memory;
	int32_t hitters_skip; /* packets until the next that is looked at */
	uint32_t hitters_random;
	uint32_t tick; /* bursts so far: every 128th is timed */
	uint64_t swap_since_tsc; /* when it began to drain for `next`; 0: it does not, */
	uint64_t swap_positions[CONFIG_WORKERS_MAX]; /* and up to where, by worker */
	size_t slots_bytes;
	/* By emulated queue. Four of each, to be added up: packets of one queue follow each other,
	 * and one counter would wait for the store before. */
	struct queue_counters queues[STEERING_COUNTERS][CONFIG_RSS_QUEUES_MAX];
	struct steer steer;
	/* Time from before rx to after the hand-off, and the packets of it; the sampled bursts.
	 * Reader: the balancer. */
	uint64_t sampled_cycles, sampled_packets;
	/* Writer: the control side. `next` is atomic; equal to `tables`: nothing new. */
	struct steering_tables *next __attribute__((aligned(64)));
	struct steer_wish wish;
};

/* One rx queue this worker polls. */
struct rx_poll {
	struct rx_queue queue;
	struct pipeline *pipeline;
	struct steering *steering; /* NULL: there is nothing to choose from */
	bool steers; /* it is in use; else all packets stay on this worker */
	struct restore *restore; /* the pipeline's order is "restore": see restore.c */
	struct port *port;
	uint16_t queue_index;
	uint16_t worker; /* that polls it */
	bool keep_nic_hash;
	bool pauses; /* a source that can wait: put off while a backlog is full */
	/* NULL: what is received is not captured. Writer: captures, while workers are parked. */
	const struct capture_tap *tap;
	struct queue_counters counters;
};

enum { LATENCY_PENDING_MAX = 64, IDLE_EPOLL_NONE = -1 };

/* What this worker knows of its way to another one. */
struct outbox {
	struct batch_ring *ring; /* NULL: itself */
	struct flow_limit *limit; /* atomic. NULL: none. Writer: engine_change() */
	uint64_t dropped, flow_limited; /* packets. Readers: the stats thread */
};

struct latency_pending {
	uint64_t rx_tsc;
	uint64_t packets;
};

/* "What to do" with a batch: run pipeline 0..31, or */
enum { WORK_HELP = 0x40, WORK_TRANSMIT = 0x80 };

/* See handoff_publish(). */
struct drain_mark {
	bool set;
	uint64_t own;
	uint64_t in[CONFIG_WORKERS_MAX]; /* by inbox */
	uint64_t out[CONFIG_WORKERS_MAX]; /* by worker */
};

/* Packets of one burst that go to one worker. */
struct lane {
	uint16_t count;
	struct rte_mbuf *packets[BURST_SIZE];
};

struct worker {
	struct engine *engine;
	uint16_t index;
	uint16_t worker_count;
	uint16_t poll_count;
	uint16_t inbox_count;
	uint32_t acknowledged; /* enum phase. Reader: the controlling thread */
	bool latency_on, adaptive, flushes;
	bool restores; /* a poll of it has `restore` */
	struct verbs_server *applications; /* whose requests it does; NULL: none */
	bool holds; /* packets may stay here after their pipeline ran: see handoff_publish() */
	bool held; /* a stage held packets when it was last looked at */
	struct rx_poll *polls; /* [poll_count] */
	struct pipeline *pipelines; /* [pipelines of the configuration] */
	struct transmit *transmits; /* [ports] */
	struct outbox *outboxes; /* [worker_count] */
	struct steer_backlog *backlogs; /* [worker_count]: how far each has come */
	struct batch_ring **inboxes; /* [inbox_count] */
	struct batch_ring **returns; /* [worker_count]: "restore": to each worker; NULL: none */
	struct batch_ring **returned; /* [worker_count]: and from each */
	struct worker **workers; /* all of them */
	const struct drop_watch *drop_watch; /* NULL: nobody looks at what is dropped */
	uint16_t latency_count;
	struct latency_pending latency[LATENCY_PENDING_MAX];
	uint64_t waited_cycles; /* of this turn, by a replay for a packet that was nearly due */
	uint64_t flush_after_cycles; /* who waits longer for another's packets asks it to flush */
	/* idle.c */
	uint64_t idle_since_tsc;
	bool interrupts_ready; /* every rx queue can wake us */
	bool interrupts_armed;
	int wake_fd; /* eventfd. Writers: other workers, the controlling thread */
	struct rte_epoll_event wake_event; /* EAL keeps a pointer to it */
	/* Of the packets it was given by itself, how many are through. Readers: explanations. */
	uint64_t own_drained __attribute__((aligned(64)));
	struct drain_mark *mark; /* handoff.c */
	uint32_t asleep __attribute__((aligned(64))); /* readers: those who might have to wake it */
	/* Atomic. Writers: who waits for what it holds, and the worker; hence a line of its own. */
	uint32_t flush_wanted __attribute__((aligned(64)));
	struct worker_counters counters;
	/* set once by engine.c */
	int cpu, numa_node, tid;
	pthread_t thread;
	struct error start_error;
	struct lane *lanes; /* [worker_count] */
};

/* chain.c. Makes the steps of a pipeline that features ask for, and links nothing yet. */
void chain_init(struct pipeline *pipeline);
/* Workers parked: links the steps that `config` and the taps ask for, in all pipelines. After an
 * error all is as it was. */
int engine_link(struct engine *engine, const struct config *config, struct error *error);

/* Workers parked: the same steps, and the taps that are on now. */
void engine_link_again(struct engine *engine);

/* worker.c: the thread. */
void *worker_main(void *worker);

/* pipeline.c */
void pipeline_run(struct pipeline *pipeline, struct burst *burst);
/* The end of it only, for packets that come from an application: GSO and tx. Returns how many there
 * were. */
unsigned pipeline_leave(struct pipeline *pipeline, struct burst *burst);
/* The stages only: what came through them is left in the burst. */
void pipeline_stages(struct pipeline *pipeline, struct burst *burst);
/* Held packets: all of them, or those held too long. */
void pipeline_flush(struct pipeline *pipeline, uint64_t now_tsc, bool all);

/* transmit.c: sends a burst, or drops with a reason. Empties it. */
void transmit_burst(struct worker *worker, struct transmit *transmit, struct burst *burst);

/* spread.c */
/* Hashes a received burst and sends each packet to its worker; leaves in the burst what stays. */
void spread_received(struct worker *worker, struct rx_poll *poll, struct burst *burst);
/* The second half of it, for hashes that are known. */
void spread_hashed(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, const uint32_t hashes[]);
/* Carries moves and changed tables on. false: receive nothing now. Adds to *moved. */
bool spread_ready(struct worker *worker, struct rx_poll *poll, bool running, uint64_t now_tsc,
	unsigned *moved);
/* Packets parked by moves. */
uint64_t spread_parked(const struct worker *worker);

/* handoff.c */
/* Gives the packets of a lane to another worker; those that do not fit are dropped. `patient`: no
 * flow limit, who sends can wait. Empties the lane. */
void handoff_give(struct worker *worker, uint16_t target, struct lane *lane, uint64_t rx_tsc,
	unsigned work, bool patient);
/* The same for packets that were put into the ring's own memory, at `packets`. */
void handoff_commit(struct worker *worker, uint16_t target, struct rte_mbuf *const packets[],
	unsigned count, uint64_t rx_tsc, unsigned work);
/* Whether each backlog has room for a whole burst: what a patient source asks first. */
bool handoff_has_room(struct worker *worker);
/* Bit w: the backlog of worker w has no room for a burst. */
uint64_t handoff_full(struct worker *worker);
/* Processes what others handed over. Returns packets. */
unsigned handoff_receive(struct worker *worker, uint64_t now_tsc);
/* Tells others how many of their packets are through. `held`: packets that stages keep. */
void handoff_publish(struct worker *worker, uint64_t held);
/* Workers parked: all that the worker was given is through. */
void handoff_all_through(struct worker *worker);
/* Packets for `transmit->owner` to send. Returns how many it took. */
uint16_t handoff_transmit(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t first);
/* Wakes a worker that sleeps. Any thread. */
void handoff_wake(struct worker *worker);
/* Asks a worker to send on what its stages hold. Any thread. */
void handoff_want_flush(struct worker *worker);

/* restore.c: any worker runs the stages, and bursts leave in the order they came. */
bool restore_has_room(const struct restore *restore);
void restore_spray(struct worker *worker, struct rx_poll *poll, struct burst *burst);
/* At the worker that helps: a burst from `from`; its tag comes back with it. */
void restore_help(struct worker *worker, uint16_t from, struct pipeline *pipeline,
	struct burst *burst, uint64_t tag);
/* Takes what came back and sends what is next. Returns packets. */
unsigned restore_collect(struct worker *worker, struct restore *restore);
uint64_t restore_outstanding(const struct restore *restore); /* bursts */
uint64_t restore_held(const struct restore *restore); /* packets that are back and not sent yet */
size_t restore_bytes(void);
uint32_t restore_ring_packets(void); /* room that a ring back needs, for each rx queue */
/* `index`: of the rx queue among those the worker polls. */
void restore_init(
	struct restore *restore, struct pipeline *pipeline, uint16_t index, uint16_t worker_count);

/* idle.c: called after a turn that moved nothing; may sleep. Returns cycles slept. */
uint64_t idle_turn(struct worker *worker, uint64_t now_tsc, uint64_t tsc_hz);
int idle_init(struct worker *worker, struct error *error); /* on the worker's thread */
void idle_fini(struct worker *worker);

/* Four sums side by side: one would wait for each load in turn. */
static inline uint64_t packets_bytes(struct rte_mbuf *const *packets, unsigned count)
{
	struct rte_mbuf *const *end = packets + count;
	uint32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;

	for (; packets + 4 <= end; packets += 4) {
		sum0 += packets[0]->pkt_len;
		sum1 += packets[1]->pkt_len;
		sum2 += packets[2]->pkt_len;
		sum3 += packets[3]->pkt_len;
	}
	for (; packets < end; packets++)
		sum0 += packets[0]->pkt_len;
	return (uint64_t)sum0 + sum1 + sum2 + sum3;
}

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
	drop_tell(worker->drop_watch, &packet, 1, reason);
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
