/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of ports for applications, and theirs for ports: what the engine does for raw-packet
 * queue pairs (verbs/server/server.h calls it, on the server thread).
 *
 *   port ──> parse, steer ──> GRO ──> [deliver] ──> stages ──> GSO ──> tx
 *                                        │                      ▲
 *                                        ▼                      │
 *                                   queue pair ── collect ──────┘  one worker of each queue pair
 *
 * The deliver step is linked into the pipelines that begin at a port when an application asks for
 * its first flow, and stays: to unlink it would park the workers, whenever an application likes.
 * Without rules it costs a look at one pointer (raw_rules.c). What it gives away has left the
 * engine; what is collected is new (raw_send.c). A port of the kind "application" is a queue pair
 * (port/application.h).
 */
#ifndef WEIR_ENGINE_RAW_H
#define WEIR_ENGINE_RAW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "placement/topology.h"
#include "port/raw_queue.h"
#include "steering/flow_rules.h"
#include "verbs/server/server.h"

struct engine;
struct worker;

/* The rules of a port and where they lead. Made anew for each change, swapped as a whole. */
struct raw_rules {
	struct flow_rules *flows; /* their targets: indexes into `queues` */
	unsigned count;
	struct raw_queue *queues[];
};

/* What one worker collects from. Swapped as a whole. */
struct raw_list {
	unsigned count; /* at least one */
	unsigned next; /* where its next turn begins. Writer: the worker */
	struct raw_source {
		struct raw_queue *queue; /* atomic. NULL: it is gone */
		uint16_t pipeline; /* whose end is the way out; UINT16_MAX: there is none */
	} sources[];
};

struct raw_flow {
	uint32_t number, handle; /* of the queue pair, and of the flow */
	uint16_t port;
	struct flow_rule rule;
	struct raw_flow *next;
};

struct raw_pair { /* a queue pair */
	uint32_t number, connection;
	uint16_t port; /* of its first flow: what it sends goes there; UINT16_MAX: none yet */
	bool trusted; /* of the engine's user, or root */
	bool is_port; /* it is bound to a port of the kind "application" */
	struct raw_queue *queue;
	struct raw_pair *next;
};

/* What an engine has for applications. Writer: the server thread, under the steering lock, but for
 * what says otherwise. */
struct raw {
	/* By port; NULL: no rules. Atomic. Readers: workers */
	struct raw_rules *rules[CONFIG_PORTS_MAX];
	/* By worker; NULL: nothing to collect. Atomic. Readers: workers */
	struct raw_list *lists[CONFIG_WORKERS_MAX];
	/* There was a flow: rules are looked at, and super-packets may be sent to the port. Never
	 * false again: an engine parks its workers for applications once a port at most. */
	bool linked[CONFIG_PORTS_MAX];
	bool memory_known;
	struct raw_memory memory; /* none: packets are copied */
	struct raw_share shares[TOPOLOGY_NODES_MAX]; /* of the engine's pools, by node */
	/* Ports with "application_pool": their packets' pool, the memory shown to who has it, and
	 * whose it is; 0: nobody's yet. */
	struct shared_pool *pools[CONFIG_PORTS_MAX];
	struct raw_memory pool_memory[CONFIG_PORTS_MAX];
	uint32_t pool_owner[CONFIG_PORTS_MAX];
	struct raw_pair *pairs;
	struct raw_flow *flows; /* the oldest first */
};

/* Its argument is a struct engine. */
extern const struct verbs_server_raw engine_raw_operations;

/* For a running worker that has a list, once a turn: sends on some of what applications sent.
 * However much that is, and however many they are, packets on ports wait for a few bursts only.
 * Returns packets. */
unsigned raw_turn(struct worker *worker, struct raw_list *list);
/* For a worker that is about to sleep, and then again when it wakes up. */
void raw_sleeps(const struct worker *worker, bool sleeps);
/* Whether applications have something for this worker. */
bool raw_waits(const struct worker *worker);
/* Whether it collects from any. */
bool raw_collects(const struct worker *worker);

/* raw.c, the lock held. NULL: there is none. */
struct raw_pair *raw_pair_find(const struct raw *raw, uint32_t number);

/* raw_flows.c: operations of engine_raw_operations. */
int raw_flow_add(void *engine, uint32_t number, const struct verbs_create_flow *flow,
	uint32_t handle, struct error *error);
void raw_flow_remove(void *engine, uint32_t number, uint32_t handle);
/* The lock held. handle 0: all of the queue pair. */
void raw_flows_forget(struct engine *engine, uint32_t number, uint32_t handle);

/* Of the rules of a port: so many different sets of bits that are looked at, of all and of one
 * application. Each is another lookup for packets that the ones before do not decide. */
enum { RAW_MASKS_MAX = 64, RAW_MASKS_OF_ONE_MAX = 16 };

/* raw_limits.c, the lock held: whether the port may have this flow as well. */
int raw_limits_check(const struct engine *engine, const struct raw_pair *pair,
	const struct raw_flow *wanted, struct error *error);

/* raw_rules.c, the lock held: from the flows that there are now. After an error all is as it was.
 */
int raw_rules_update(struct engine *engine, uint16_t port, struct error *error);
/* Without any: cannot fail. */
void raw_rules_clear(struct engine *engine, uint16_t port);
/* raw_send.c, the lock held: from the queue pairs that there are now. After an error all is as it
 * was. */
int raw_lists_update(struct engine *engine, struct error *error);
/* Nothing is collected from this one any more. Cannot fail. */
void raw_lists_drop(struct engine *engine, const struct raw_queue *queue);
void raw_lists_fini(struct engine *engine);

/* Build: the pool of a port that is to have one of its own; NULL: it is not, or `error` says why.
 */
struct rte_mempool *raw_pool(struct engine *engine, uint16_t port, struct error *error);
/* Ports closed: -EIO when buffers of such pools did not come back. */
int raw_pools_end(struct engine *engine);

/* All that is left, after the workers. */
void raw_fini(struct engine *engine);

#endif
