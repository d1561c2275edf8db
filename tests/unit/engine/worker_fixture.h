/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers without an engine and without threads: rings, lanes, and for each worker a pipeline and a
 * tx queue that remembers what it was given. Needs EAL for packet buffers. Every test ends with all
 * of them back in the pool.
 */
#ifndef WORKER_FIXTURE_H
#define WORKER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/worker.h"

enum { POOL_PACKETS = 8191, WORKERS = 3, PORTS = 2, PIPELINES = 2, SENT_MAX = 8192 };

enum { PARK_SLOTS = 256 };

/* A tx queue of the test's. */
struct fake_queue {
	unsigned takes; /* at most so many a call */
	unsigned total; /* and so many altogether */
	unsigned refuses; /* the first so many calls take nothing */
	unsigned calls, count;
	unsigned sizes[SENT_MAX]; /* packets offered at each call */
	struct rte_mbuf *packets[SENT_MAX]; /* the queue's now */
	/* Called first, where not NULL. */
	void (*look)(struct fake_queue *queue);
	void *argument;
};

struct worker_fixture {
	struct config_port port_configs[PORTS];
	struct port ports[PORTS];
	struct worker *workers[WORKERS];
	struct batch_ring *rings[WORKERS][WORKERS]; /* [from][to] */
	struct fake_queue queues[WORKERS][PORTS];
	struct steering steerings[WORKERS];
	struct steering_tables tables; /* bucket i -> queue i % WORKERS -> that worker */
	struct queue_counters tx_counters[WORKERS][PORTS];
	struct rx_poll polls[WORKERS];
	struct steer_slot slots[WORKERS][PARK_SLOTS];
};

/* What the test writes into each packet. */
struct label {
	uint32_t source;
	uint32_t sequence;
};

extern struct rte_mempool *test_pool;

int fixture_group_setup(void **state); /* starts EAL */
int fixture_group_teardown(void **state);
/* *state: a struct worker_fixture whose backlogs hold `backlog` packets, with a tx queue a worker
 * and port. RSS queue q belongs to worker q. */
struct worker_fixture *fixture_create(uint32_t backlog);
/* Frees what the queues took and fails when a buffer is missing. */
void fixture_destroy(struct worker_fixture *fixture);

/* A packet of `length` bytes (>= 60) in `segments` segments. */
struct rte_mbuf *packet_make(
	uint32_t source, uint32_t sequence, uint32_t length, unsigned segments);
struct label packet_label(const struct rte_mbuf *packet);
void burst_add(struct burst *burst, struct rte_mbuf *packet);
/* A burst of `count` packets of 60 bytes, numbered from `sequence`. */
struct burst burst_make(uint32_t source, uint32_t sequence, unsigned count);
/* A hash that RSS leads to `worker`. */
uint32_t hash_to(unsigned worker);
/* Hands the burst to `to` as a burst that `from` received. */
void hand_over(struct worker_fixture *fixture, unsigned from, unsigned to, struct burst *burst);
unsigned buffers_out(void);
/* What an emulated queue counted. */
struct queue_counters queue_sum(const struct steering *steering, unsigned queue);
uint64_t worker_drops(const struct worker *worker); /* all reasons */
uint64_t test_seed(void); /* WEIR_SEED, or the clock; printed */
uint32_t draw(uint64_t *seed, uint32_t below);

#endif
