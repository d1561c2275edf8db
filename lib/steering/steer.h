/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decision which worker a packet goes to, for one port at one receiving worker:
 *
 *   hash -> RETA bucket -> queue -> its worker               RSS
 *                       -> [rps_cpus of the queue]           RPS, where the queue has a map
 *        -> [consumer of the flow, flows table]              RFS, where the port has a flows table
 *
 * and the two ways a bucket or a flow may change its worker without a packet overtaking another:
 *
 *   flow    RFS: when the old worker has drained what the flow sent there (see rfs.h)
 *   bucket  a move: from its start all packets of the bucket are parked here, until the old worker
 *           has drained what it was handed before; then they follow to the new one, oldest first.
 *           Packets never wait for each other in a circle: parked ones wait for a worker's backlog,
 *           and backlogs drain by themselves.
 *
 * Queue heads come in as numbers ("how many packets of those given to worker w have left it"), and
 * packets are opaque: no EAL, no threads; tests play all of it by themselves.
 * Threads: a struct steer belongs to its receiving worker. The wish is written by the balancer.
 * Others may read counters, routes and buckets any time, one newer than another.
 */
#ifndef WEIR_STEERING_STEER_H
#define WEIR_STEERING_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "steering/reta.h"
#include "steering/rfs.h"
#include "steering/rps.h"

enum { STEER_QUEUES_MAX = 128, STEER_MOVES_MAX = 64 };
/* In place of a worker's number. */
enum {
	/* From steer_burst(): keep it with steer_park(). In a route: the bucket moves, and `queue`
	 * is the index of its move. */
	STEER_PARK = 0xff,
	STEER_MAP = 0xfe, /* in a route: ask the queue's RPS map */
	STEER_NONE = 0xfd, /* of a CPU: no worker is near */
};

struct steer_route {
	uint8_t queue, worker;
};

/* From this receiving worker to one worker (itself too); shared by all its ports. */
struct steer_backlog {
	uint64_t pushed; /* packets given so far */
	uint64_t drained; /* how many of these have left: as last read from */
	const uint64_t *drained_now; /* where that worker tells (atomic) */
};

/* What to decide by. Made by the control side, never changed while a steer uses it. */
struct steer_table {
	struct reta reta; /* bucket -> queue, at the start */
	uint16_t worker_count;
	bool has_rps; /* a queue has a map */
	bool balanced; /* the balancer places buckets; a queue's RPS map only limits where to */
	uint8_t queue_worker[STEER_QUEUES_MAX]; /* queue -> the worker it belongs to */
	struct rps_map rps[STEER_QUEUES_MAX];
	const struct rfs_consumers *consumers; /* NULL: no RFS */
	struct rfs_flows *flows; /* NULL: no RFS. Written by the steer that uses this table */
	/* The nearest worker to a CPU (same core, else cache, else node); STEER_NONE: none is near.
	 */
	uint8_t cpu_worker[STEERING_CPUS_MAX];
};

/* Where buckets are wanted. Writer: the control side, routes before the epoch. A reader that finds
 * a newer route than its epoch follows that one: a wish is a wish. */
struct steer_wish {
	uint32_t epoch; /* atomic; 0: nothing wished yet */
	uint16_t routes[RETA_SIZE_MAX]; /* atomic: queue << 8 | worker */
} __attribute__((aligned(64)));

static inline void steer_wish_set(
	struct steer_wish *wish, unsigned bucket, struct steer_route route)
{
	__atomic_store_n(&wish->routes[bucket], (uint16_t)(route.queue << 8 | route.worker),
		__ATOMIC_RELAXED);
}

static inline struct steer_route steer_wish_get(const struct steer_wish *wish, unsigned bucket)
{
	uint16_t route = __atomic_load_n(&wish->routes[bucket], __ATOMIC_RELAXED);

	return (struct steer_route){.queue = (uint8_t)(route >> 8), .worker = (uint8_t)route};
}

/* Writer: after the routes. */
static inline void steer_wish_publish(struct steer_wish *wish)
{
	__atomic_store_n(&wish->epoch, wish->epoch + 1, __ATOMIC_RELEASE);
}

#define STEER_COUNTERS(X)                                                                          \
	X(bucket_moves, "", "buckets that went to another worker")                                 \
	X(moves_cancelled, "", "moves given up because parking was full")                          \
	X(parked_packets, "packets", "kept back during a move, in order")                          \
	X(park_longest_cycles, "cycles", "gauge: the longest a bucket was parked")                 \
	X(rfs_hits, "packets", "steered to their flow's consumer")                                 \
	X(rfs_moves, "", "flows that went to another worker")                                      \
	X(rfs_kept, "packets", "sent to the old worker: it still had packets of the flow")

struct steer_counters {
#define X(name, unit, description) uint64_t name;
	STEER_COUNTERS(X)
#undef X
} __attribute__((aligned(64)));

struct steer_move {
	uint16_t bucket;
	struct steer_route from; /* its worker must drain, up to */
	uint64_t wait_position;
	struct steer_route to;
	uint32_t head, tail; /* parked packets, oldest first: 1 + index into slots[]; 0: none */
	uint64_t start_tsc;
};

struct steer_slot {
	void *packet;
	uint32_t hash;
	uint32_t next; /* 1 + index; 0: the last */
};

struct steer {
	const struct steer_table *table;
	struct steer_backlog *backlogs; /* [worker_count] of the receiving worker */
	bool plain; /* routes alone decide: no RPS, no RFS, no move */
	uint16_t bucket_mask;
	uint16_t move_count;
	uint32_t wish_seen;
	uint64_t fresh; /* bit w: backlogs[w].drained was read in this burst */
	uint32_t parked; /* packets. Readers: any */
	uint32_t slot_count, slot_free; /* slot_free: 1 + index of the first free slot */
	struct steer_slot *slots; /* [slot_count] */
	struct steer_move moves[STEER_MOVES_MAX];
	uint64_t positions[STEERING_WORKERS_MAX]; /* of the burst at hand */
	struct steer_counters counters;
	struct steer_route routes[RETA_SIZE_MAX];
	uint64_t bucket_packets[RETA_SIZE_MAX]; /* placed by their bucket: what a move would take
						   along */
};

/* `slots`: room for parked packets, [slot_count]; `backlogs` [worker_count of the table]. */
void steer_init(struct steer *steer, const struct steer_table *table,
	struct steer_backlog *backlogs, struct steer_slot *slots, uint32_t slot_count);

/* Takes another table. Only while nothing is parked and all backlogs have drained. */
void steer_swap(struct steer *steer, const struct steer_table *table);

/* Decides for a burst; every packet not parked must be given to its worker in this order (or be
 * dropped). Adds nothing to backlogs[].pushed: the caller does, once they are given. */
void steer_burst(struct steer *steer, const uint32_t hashes[], unsigned count,
	struct steer_route ret_routes[]);

/* Keeps a packet for which steer_burst() said STEER_PARK. There must be room: ask before a burst.
 */
void steer_park(struct steer *steer, void *packet, uint32_t hash);
static inline uint32_t steer_park_room(const struct steer *steer)
{
	return steer->slot_count - steer->parked;
}

/* Starts the moves that the wish asks for and that are possible now. */
void steer_follow(struct steer *steer, const struct steer_wish *wish, uint64_t now_tsc);

/* Gives back packets whose move is done, oldest first, and where they go, up to `max`; 0: none. To
 * be given to their workers before any packet that is received later. Ends moves. `full`: bit w:
 * the backlog of worker w has no room for `max` packets now, so moves to it wait. */
unsigned steer_unpark(struct steer *steer, uint64_t now_tsc, uint64_t full, void *ret_packets[],
	uint32_t ret_hashes[], struct steer_route ret_routes[], unsigned max);

/* Gives all moves up: parked packets go back where they came from. For when parking is full. */
void steer_cancel_moves(struct steer *steer);

/* The worker that a packet with this hash would go to now, changing nothing. For explanations, any
 * thread; parked buckets say STEER_PARK. */
struct steer_route steer_peek(const struct steer *steer, uint32_t hash);

#endif
