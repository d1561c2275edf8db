/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of engine/ share about the engine as a whole. */
#ifndef WEIR_ENGINE_ENGINE_INTERNAL_H
#define WEIR_ENGINE_ENGINE_INTERNAL_H

#include <pthread.h>

#include "engine/capture.h"
#include "engine/engine.h"
#include "engine/raw.h"
#include "engine/worker.h"
#include "placement/plan.h"
#include "port/port.h"
#include "port/replay.h"

struct engine_pool {
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *mempool; /* NULL: no worker has memory on this node */
	int numa_node;
	uint32_t packets;
	uint32_t free_at_start;
};

struct engine {
	uint32_t phase
		__attribute__((aligned(64))); /* writer: the controlling thread; readers: all */
	/* engine_change() writes its live fields; all else is read-only. */
	struct config *config __attribute__((aligned(64)));
	struct topology topology;
	struct plan plan;
	enum memory_mode memory_mode; /* never MEMORY_AUTO */
	uint64_t tsc_hz;
	uint16_t port_count;
	struct port ports[CONFIG_PORTS_MAX];
	struct replay_plan replay_plans[CONFIG_PORTS_MAX];
	struct engine_pool pools[TOPOLOGY_NODES_MAX]; /* by topology.nodes[] index */
	uint16_t worker_count;
	struct worker *workers[CONFIG_WORKERS_MAX];
	uint16_t threads; /* started */
	uint64_t started_ns, stopped_ns;
	struct queue_counters *tx_counters[CONFIG_PORTS_MAX]; /* [tx_queue_count] */
	struct tx_queue *tx_queues[CONFIG_PORTS_MAX]; /* the same; with taps around them */
	uint32_t ring_limit; /* packets the rings between workers were made for */
	/* Where flows are consumed; NULL: no RFS. Swapped by engine_change(). */
	struct rfs_consumers *consumers;
	/* Held by whoever starts, stops, changes or balances. */
	pthread_mutex_t steering_lock;
	struct balancer *balancer; /* under the lock; NULL: off */
	struct balance *balance; /* what its thread last saw */
	pthread_t balance_thread;
	bool balance_started, balance_stop;
	struct engine_verbs *verbs; /* verbs.h; NULL: no applications. Changed while parked */
	struct verify *verify; /* verify.h; NULL: off */
	struct order *order; /* order.h; NULL: off */
	struct capture *captures[CAPTURES_MAX]; /* capture.h; under the lock; NULL: free */
	struct capture_taps *capture_taps[CONFIG_WORKERS_MAX]; /* what workers look at for them */
	struct raw raw; /* raw.h: applications */
	engine_notice notice;
	void *notice_argument;
};

/* Who sees a phase also sees what was prepared for it, such as what a change did to parked workers.
 */
static inline enum phase engine_phase(const struct engine *engine)
{
	return (enum phase)__atomic_load_n(&engine->phase, __ATOMIC_ACQUIRE);
}

/* prepare.c: the first plan, and EAL with what it needs. */
int engine_prepare(struct engine *engine, struct error *error);

/* eal.c: starts DPDK with the memory the plan needs. Once a process. */
int eal_start(struct engine *engine, uint64_t memory_bytes, struct error *error);
void eal_stop(void);

/* build.c: memory, ports, queues, rings and pipelines, from the plan. Each destroys what it made on
 * error; engine_unbuild() takes whatever there is. */
int engine_build_pools(struct engine *engine, struct error *error);
int engine_build_ports(struct engine *engine, struct error *error);
int engine_build_workers(struct engine *engine, struct error *error);
int engine_unbuild(struct engine *engine, struct error *error);
/* Zeroed, on the worker's node; NULL: none left, which no_worker_memory() says. */
void *worker_memory(const struct worker *worker, size_t bytes);
int no_worker_memory(const struct worker *worker, struct error *error);
/* build_rings.c. For pipelines whose order is restored; and flow limits. */
int engine_build_return_rings(struct engine *engine, struct error *error);
int engine_build_limits(struct engine *engine, struct error *error);
/* Workers parked: new rings between them; after an error, those there were. Then tx queues are to
 * be chosen anew. */
int engine_build_rings(struct engine *engine, uint32_t limit, struct error *error);
/* How long a full tx queue of the port is tried again, as its configuration says. Any time. */
void engine_set_tx_retry(struct engine *engine, uint16_t port);
/* xps.c; workers parked: which worker sends through which of a port's tx queues. */
void engine_choose_holds(struct engine *engine, struct worker *worker);
void engine_choose_tx_queues(struct engine *engine, const struct config *config, uint16_t port);

/* engine.c; the lock is held. Parks all workers with nothing on the way; false: they were parked.
 */
bool engine_pause(struct engine *engine);
void engine_resume(struct engine *engine);

/* change.c; the lock is held. Returns when no worker looks any more at what it saw before. */
void engine_wait_a_turn(const struct engine *engine);

/* chain.c. Whether a pipeline that leads to the port may bring super-packets. */
bool engine_super_packets_come(const struct config *config, uint16_t port);

/* thread.c: on main's CPU, without signals. `purpose`, for people: "for ..." */
int engine_thread_start(const struct engine *engine, pthread_t *ret_thread, void *(*run)(void *),
	void *argument, const char *purpose, struct error *error);

/* verify.c, order.c; take NULL. */
void verify_destroy(struct verify *verify);
void order_destroy(struct order *order);

/* capture.c: those of the configuration begin; all that are still on end. Workers parked. */
int captures_begin(struct engine *engine, struct error *error);
int captures_end(struct engine *engine, struct error *error);

/* Tells whoever created the engine. */
void engine_say(const struct engine *engine, bool warning, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The socket to allocate on: without hugepages DPDK knows no nodes. */
int engine_socket(const struct engine *engine, int numa_node);
struct rte_mempool *engine_pool(const struct engine *engine, int numa_node);

#endif
