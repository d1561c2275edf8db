/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why nothing overtakes:
 *
 * Without an RFS flows table the worker of a packet is a function of its bucket (or, with RPS, of
 * its hash and a table that does not change). It only changes at the end of a move, when the worker
 * before has drained all it was given up to the start of the move, and all later packets of the
 * bucket stand in one queue here.
 *
 * With one, each packet leaves in its flow's entry the worker it went to and its position there;
 * the next packet of the entry goes to another worker only if that position has drained. Flows that
 * share an entry move together. A move of a bucket parks all its packets, whatever the entry says,
 * so that what is parked and what is not never race.
 */
#include "steering/steer.h"

#include <stddef.h>
#include <string.h>

static void choose_path(struct steer *steer)
{
	const struct steer_table *table = steer->table;

	steer->plain = steer->move_count == 0 && table->flows == NULL &&
		(!table->has_rps || table->balanced);
}

/* Where a bucket's packets go before anything was moved. */
static struct steer_route first_route(const struct steer_table *table, unsigned bucket)
{
	uint8_t queue = table->reta.queues[bucket];
	const struct rps_map *map = &table->rps[queue];
	struct steer_route route = {.queue = queue, .worker = table->queue_worker[queue]};

	if (map->count > 0)
		route.worker = table->balanced
			? map->workers[bucket / table->reta.queue_count % map->count]
			: (uint8_t)STEER_MAP;
	return route;
}

static void take_table(struct steer *steer, const struct steer_table *table)
{
	steer->table = table;
	steer->bucket_mask = (uint16_t)(table->reta.size - 1);
	for (unsigned bucket = 0; bucket < table->reta.size; bucket++)
		steer->routes[bucket] = first_route(table, bucket);
	choose_path(steer);
}

void steer_init(struct steer *steer, const struct steer_table *table,
	struct steer_backlog *backlogs, struct steer_slot *slots, uint32_t slot_count)
{
	memset(steer, 0, sizeof(*steer));
	steer->backlogs = backlogs;
	steer->slots = slots;
	steer->slot_count = slot_count;
	for (uint32_t i = 0; i < slot_count; i++)
		slots[i].next = i + 1 < slot_count ? i + 2 : 0;
	steer->slot_free = slot_count > 0 ? 1 : 0;
	take_table(steer, table);
}

void steer_swap(struct steer *steer, const struct steer_table *table)
{
	steer->wish_seen = 0;
	steer->move_count = 0; /* those under way have no packets, and are about the old table */
	take_table(steer, table);
}

/* ---- one packet ---- */

/* Has the worker finished everything up to this position? Its own word is read at most once a
 * burst: that line belongs to its CPU. */
static inline bool has_drained(struct steer *steer, unsigned worker, uint64_t position)
{
	struct steer_backlog *backlog = &steer->backlogs[worker];

	if (backlog->drained >= position)
		return true;
	if (steer->fresh >> worker & 1)
		return false;
	steer->fresh |= UINT64_C(1) << worker;
	backlog->drained = __atomic_load_n(backlog->drained_now, __ATOMIC_ACQUIRE);
	return backlog->drained >= position;
}

static inline void begin_burst(struct steer *steer)
{
	steer->fresh = 0;
	for (unsigned worker = 0; worker < steer->table->worker_count; worker++)
		steer->positions[worker] = steer->backlogs[worker].pushed;
}

static inline uint8_t rps_or_queue(
	const struct steer_table *table, struct steer_route route, uint32_t hash)
{
	if (route.worker != STEER_MAP)
		return route.worker;
	return hash != 0 ? (uint8_t)rps_worker(&table->rps[route.queue], hash)
			 : table->queue_worker[route.queue];
}

/* The flow's entry says where its packets went last: leave that worker only when it may. */
static inline uint8_t keep_order(
	struct steer *steer, struct rfs_flows *flows, uint32_t hash, uint8_t wanted)
{
	uint64_t *entry = &flows->entries[hash & flows->mask];
	int last = rfs_flow_worker(*entry);

	if (last != wanted && last != RFS_WORKER_NONE) {
		if (has_drained(steer, (unsigned)last, rfs_flow_position(*entry))) {
			steer->counters.rfs_moves++;
		} else {
			steer->counters.rfs_kept++;
			wanted = (uint8_t)last;
		}
	}
	*entry = rfs_flow_entry(wanted, ++steer->positions[wanted]);
	return wanted;
}

/* The worker nearest to the flow's consumer, or STEER_NONE. */
static inline uint8_t rfs_wanted(const struct steer_table *table, uint32_t hash)
{
	unsigned cpu = hash != 0 ? rfs_consumer_cpu(table->consumers, hash) : RFS_CPU_NONE;

	return cpu != RFS_CPU_NONE ? table->cpu_worker[cpu] : (uint8_t)STEER_NONE;
}

/* For a bucket that is not parked. */
static inline struct steer_route decide(
	struct steer *steer, unsigned bucket, uint32_t hash, struct steer_route route)
{
	const struct steer_table *table = steer->table;
	uint8_t wanted;

	route.worker = rps_or_queue(table, route, hash);
	if (table->flows == NULL) {
		steer->bucket_packets[bucket]++;
		return route;
	}
	wanted = rfs_wanted(table, hash);
	if (wanted != STEER_NONE) {
		steer->counters.rfs_hits++;
		route.worker = wanted;
	} else {
		steer->bucket_packets[bucket]++;
	}
	route.worker = keep_order(steer, table->flows, hash, route.worker);
	return route;
}

/* ---- a burst ---- */

/* Both tables may be far larger than the caches: ask for all lines before the first is needed. */
static inline void prefetch_flows(
	const struct steer_table *table, const uint32_t hashes[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		__builtin_prefetch(&table->consumers->entries[hashes[i] & table->consumers->mask]);
		__builtin_prefetch(&table->flows->entries[hashes[i] & table->flows->mask], 1);
	}
}

void steer_burst(struct steer *steer, const uint32_t hashes[], unsigned count,
	struct steer_route ret_routes[])
{
	if (steer->plain) {
		for (unsigned i = 0; i < count; i++) {
			unsigned bucket = hashes[i] & steer->bucket_mask;

			steer->bucket_packets[bucket]++;
			ret_routes[i] = steer->routes[bucket];
		}
		return;
	}
	if (steer->table->flows != NULL)
		prefetch_flows(steer->table, hashes, count);
	begin_burst(steer);
	for (unsigned i = 0; i < count; i++) {
		unsigned bucket = hashes[i] & steer->bucket_mask;
		struct steer_route route = steer->routes[bucket];

		ret_routes[i] = route.worker == STEER_PARK
			? route
			: decide(steer, bucket, hashes[i], route);
	}
}

struct steer_route steer_peek(const struct steer *steer, uint32_t hash)
{
	const struct steer_table *table = steer->table;
	struct steer_route route = steer->routes[hash & steer->bucket_mask];
	uint64_t entry;

	if (route.worker == STEER_PARK)
		return route;
	route.worker = rps_or_queue(table, route, hash);
	if (table->flows == NULL)
		return route;
	if (rfs_wanted(table, hash) != STEER_NONE)
		route.worker = rfs_wanted(table, hash);
	entry = table->flows->entries[hash & table->flows->mask];
	if (rfs_flow_worker(entry) != RFS_WORKER_NONE) {
		unsigned last = (unsigned)rfs_flow_worker(entry);
		const uint64_t *drained = steer->backlogs[last].drained_now;

		if (__atomic_load_n(drained, __ATOMIC_ACQUIRE) < rfs_flow_position(entry))
			route.worker = (uint8_t)last;
	}
	return route;
}

/* ---- moves ---- */

void steer_park(struct steer *steer, void *packet, uint32_t hash)
{
	struct steer_move *move = &steer->moves[steer->routes[hash & steer->bucket_mask].queue];
	uint32_t number = steer->slot_free;
	struct steer_slot *slot = &steer->slots[number - 1];

	steer->slot_free = slot->next;
	*slot = (struct steer_slot){.packet = packet, .hash = hash};
	if (move->tail != 0)
		steer->slots[move->tail - 1].next = number;
	else
		move->head = number;
	move->tail = number;
	steer->counters.parked_packets++;
	__atomic_store_n(&steer->parked, steer->parked + 1, __ATOMIC_RELAXED);
}

static void start_move(
	struct steer *steer, unsigned bucket, struct steer_route to, uint64_t now_tsc)
{
	struct steer_route from = steer->routes[bucket];

	steer->moves[steer->move_count] = (struct steer_move){
		.bucket = (uint16_t)bucket,
		.from = from,
		.wait_position = steer->backlogs[from.worker].pushed,
		.to = to,
		.start_tsc = now_tsc,
	};
	steer->routes[bucket] =
		(struct steer_route){.queue = (uint8_t)steer->move_count, .worker = STEER_PARK};
	steer->move_count++;
	steer->plain = false;
}

static void end_move(struct steer *steer, struct steer_move *move, uint64_t now_tsc)
{
	struct steer_move *last = &steer->moves[steer->move_count - 1];

	steer->routes[move->bucket] = move->to;
	if (now_tsc - move->start_tsc > steer->counters.park_longest_cycles)
		steer->counters.park_longest_cycles = now_tsc - move->start_tsc;
	steer->move_count--;
	if (move != last) {
		*move = *last;
		steer->routes[move->bucket].queue = (uint8_t)(move - steer->moves);
	}
	choose_path(steer);
}

/* The old worker has drained: from the first packet that goes to the new one the bucket is there,
 * and a move that is given up later does not bring it back. */
static inline void arrive(struct steer *steer, struct steer_move *move)
{
	if (move->to.worker != move->from.worker)
		steer->counters.bucket_moves++;
	move->from = move->to;
	move->wait_position = 0;
}

/* false: as many moves as can be are under way. */
static bool follow_bucket(
	struct steer *steer, unsigned bucket, struct steer_route to, uint64_t now_tsc)
{
	struct steer_route *route = &steer->routes[bucket];

	if (route->worker == STEER_MAP || route->worker == STEER_PARK)
		return route->worker == STEER_MAP; /* a move must end first */
	if (route->worker == to.worker) {
		*route = to;
		return true;
	}
	if (has_drained(steer, route->worker, steer->backlogs[route->worker].pushed)) {
		*route = to;
		steer->counters.bucket_moves++;
		return true;
	}
	if (steer->move_count == STEER_MOVES_MAX)
		return false;
	start_move(steer, bucket, to, now_tsc);
	return true;
}

static bool wish_differs(const struct steer *steer, unsigned bucket, struct steer_route wish)
{
	struct steer_route route = steer->routes[bucket];

	if (route.worker == STEER_PARK)
		route = steer->moves[route.queue].to;
	return route.worker != wish.worker || route.queue != wish.queue;
}

void steer_follow(struct steer *steer, const struct steer_wish *wish, uint64_t now_tsc)
{
	uint32_t epoch = __atomic_load_n(&wish->epoch, __ATOMIC_ACQUIRE);
	bool all = true;

	if (epoch == steer->wish_seen)
		return;
	steer->fresh = 0;
	for (unsigned bucket = 0; bucket <= steer->bucket_mask; bucket++) {
		struct steer_route to = steer_wish_get(wish, bucket);

		if (wish_differs(steer, bucket, to))
			all &= follow_bucket(steer, bucket, to, now_tsc);
	}
	if (all)
		steer->wish_seen = epoch;
}

unsigned steer_unpark(struct steer *steer, uint64_t now_tsc, uint64_t full, void *ret_packets[],
	uint32_t ret_hashes[], struct steer_route ret_routes[], unsigned max)
{
	unsigned count = 0;

	begin_burst(steer);
	for (unsigned i = 0; i < steer->move_count && count < max;) {
		struct steer_move *move = &steer->moves[i];

		if ((full >> move->to.worker & 1) != 0 ||
			!has_drained(steer, move->from.worker, move->wait_position)) {
			i++;
			continue;
		}
		arrive(steer, move);
		while (move->head != 0 && count < max) {
			struct steer_slot *slot = &steer->slots[move->head - 1];
			uint32_t number = move->head;

			ret_packets[count] = slot->packet;
			ret_hashes[count] = slot->hash;
			ret_routes[count++] = decide(steer, move->bucket, slot->hash, move->to);
			move->head = slot->next;
			slot->next = steer->slot_free;
			steer->slot_free = number;
		}
		if (move->head != 0)
			break;
		end_move(steer, move, now_tsc); /* another move may stand at i now */
	}
	__atomic_store_n(&steer->parked, steer->parked - count, __ATOMIC_RELAXED);
	return count;
}

void steer_cancel_moves(struct steer *steer)
{
	for (unsigned i = 0; i < steer->move_count; i++) {
		struct steer_move *move = &steer->moves[i];

		if (move->to.worker == move->from.worker)
			continue;
		move->to = move->from;
		move->wait_position = 0;
		steer->counters.moves_cancelled++;
	}
}
