/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A receiving worker with two ports that steers to a few workers, played without threads: a step is
 * a burst received, some packets worked off, a consumer that runs elsewhere, a wish of the balancer
 * and so on, chosen by a generator or by a fuzzer's bytes. steer.c decides, and each of its
 * decisions is held against what is known here:
 *
 *   - no packet of a flow is given to a worker while an earlier one is outstanding at another;
 *   - packets of a bucket are given in the order they came, none twice, none lost;
 *   - a packet that is not parked goes where RSS, the RPS map or the consumer's CPU say, or, with
 *     RFS, stays where its flow has packets outstanding, and only then;
 *   - once all have drained nothing is parked, and all wished moves are done.
 */
#ifndef WEIR_TESTS_STEER_MODEL_H
#define WEIR_TESTS_STEER_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steering/steer.h"

enum {
	MODEL_PORTS = 2,
	MODEL_WORKERS = 5,
	MODEL_CPUS = 12,
	MODEL_FLOWS = 48, /* of a port */
	MODEL_BACKLOG = 96, /* packets */
	MODEL_SLOTS = 40, /* parking is full now and then */
	MODEL_BURST = 16,
	MODEL_CONSUMERS = 32, /* fewer than flows: they share entries */
	MODEL_ENTRIES = 32, /* of the flows table, at most */
};

struct model_worker {
	uint64_t drained; /* where steer reads it */
	uint64_t given;
	uint64_t packets[MODEL_BACKLOG]; /* those between */
	unsigned speed; /* at most so many at a time */
	bool dropped; /* in the burst at hand */
};

struct model_flow {
	uint32_t hash;
	unsigned outstanding, worker; /* packets given and not drained, and where */
	uint64_t received, handed; /* handed: given or dropped in front of a full backlog */
	uint64_t last_done; /* arrival number */
};

/* An entry of the RFS flows table. */
struct model_entry {
	unsigned outstanding, worker;
	bool used;
	bool vague; /* packets were dropped: its position may lie ahead of the truth */
};

struct model_port {
	struct steer steer;
	struct steer_slot slots[MODEL_SLOTS];
	struct steer_table tables[2];
	unsigned table;
	struct steer_wish wish;
	uint64_t flows_memory[1 + MODEL_ENTRIES];
	struct model_flow flows[MODEL_FLOWS];
	struct model_entry entries[MODEL_ENTRIES];
	uint64_t last_handed[RETA_SIZE_MAX]; /* arrival number, by bucket */
};

struct model {
	/* Where choices come from: `bytes` as long as there are any, or a seed. */
	const uint8_t *bytes;
	size_t bytes_left;
	uint64_t seed, random;

	uint64_t step, arrival, now_tsc;
	uint64_t drops, moves, parked, rfs_moves, rfs_kept, cancelled, swaps;
	struct model_port ports[MODEL_PORTS];
	struct model_worker workers[MODEL_WORKERS];
	struct steer_backlog backlogs[MODEL_WORKERS];
	uint32_t consumers_memory[1 + MODEL_CONSUMERS];
	struct {
		uint32_t hash;
		unsigned cpu;
		bool known;
	} consumers[MODEL_CONSUMERS];
};

#define model_require(model, condition)                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			model_fail(model, #condition, __func__, __LINE__);                         \
	} while (0)

static inline _Noreturn void model_fail(
	const struct model *model, const char *condition, const char *where, int line)
{
	fprintf(stderr, "WEIR_SEED=%llu, step %llu: not true in %s, line %d: %s\n",
		(unsigned long long)model->seed, (unsigned long long)model->step, where, line,
		condition);
	abort();
}

/* splitmix64 */
static inline uint64_t model_random(struct model *model)
{
	uint64_t value = model->random += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

/* 0 .. limit - 1, limit <= 256 */
static inline unsigned model_choose(struct model *model, unsigned limit)
{
	if (model->bytes == NULL)
		return (unsigned)((model_random(model) >> 32) * limit >> 32);
	if (model->bytes_left == 0)
		return 0;
	model->bytes_left--;
	return *model->bytes++ % limit;
}

/* MurmurHash3's finaliser: neighbours become strangers. */
static inline uint32_t model_mix(uint32_t value)
{
	value = (value ^ value >> 16) * 0x85ebca6b;
	value = (value ^ value >> 13) * 0xc2b2ae35;
	return value ^ value >> 16;
}

/* ---- what is known ---- */

static inline struct model_port *model_port_choose(struct model *model)
{
	return &model->ports[model_choose(model, MODEL_PORTS)];
}

static inline struct model_entry *model_entry_of(struct model_port *port, uint32_t hash)
{
	const struct rfs_flows *flows = port->steer.table->flows;

	return flows == NULL ? NULL : &port->entries[hash & flows->mask];
}

static inline unsigned model_bucket(const struct model_port *port, uint32_t hash)
{
	return hash & (port->steer.table->reta.size - 1u);
}

/* Where a packet should go, were there nothing outstanding. */
static inline unsigned model_wanted(
	const struct model *model, const struct model_port *port, uint32_t hash)
{
	const struct steer_table *table = port->steer.table;
	const struct steer_route route = port->steer.routes[model_bucket(port, hash)];
	const struct rps_map *map = &table->rps[route.queue];
	unsigned consumer = hash % MODEL_CONSUMERS;

	if (table->flows != NULL && hash != 0 && model->consumers[consumer].known &&
		model->consumers[consumer].hash >> RFS_CPU_BITS == hash >> RFS_CPU_BITS &&
		table->cpu_worker[model->consumers[consumer].cpu] != STEER_NONE)
		return table->cpu_worker[model->consumers[consumer].cpu];
	if (route.worker != STEER_MAP)
		return route.worker;
	if (hash == 0)
		return table->queue_worker[route.queue];
	return map->workers[(uint64_t)hash * map->count / (UINT64_C(1) << 32)];
}

static inline void model_check_choice(
	struct model *model, struct model_port *port, uint32_t hash, struct steer_route route)
{
	const struct steer_route bucket = port->steer.routes[model_bucket(port, hash)];
	const struct model_entry *entry = model_entry_of(port, hash);
	unsigned wanted;

	model_require(model, (route.worker == STEER_PARK) == (bucket.worker == STEER_PARK));
	if (route.worker == STEER_PARK)
		return;
	model_require(model, route.queue == bucket.queue);
	wanted = model_wanted(model, port, hash);
	if (entry == NULL || !entry->used || (entry->outstanding == 0 && !entry->vague))
		model_require(model, route.worker == wanted);
	else if (entry->outstanding > 0)
		model_require(model, route.worker == entry->worker);
	else
		model_require(model, route.worker == wanted || route.worker == entry->worker);
}

/* ---- packets: arrival number << 8 | port * MODEL_FLOWS + flow ---- */

static inline uint64_t model_receive(struct model *model, struct model_port *port, unsigned flow)
{
	port->flows[flow].received++;
	return ++model->arrival << 8 | ((unsigned)(port - model->ports) * MODEL_FLOWS + flow);
}

static inline struct model_port *model_port_of(struct model *model, uint64_t packet)
{
	return &model->ports[(packet & 0xff) / MODEL_FLOWS];
}

static inline struct model_flow *model_flow_of(struct model *model, uint64_t packet)
{
	return &model_port_of(model, packet)->flows[(packet & 0xff) % MODEL_FLOWS];
}

/* A packet was decided on: give it to its worker, or drop it. */
static inline void model_hand(struct model *model, uint64_t packet, unsigned number, bool drop)
{
	struct model_port *port = model_port_of(model, packet);
	struct model_flow *flow = model_flow_of(model, packet);
	struct model_entry *entry = model_entry_of(port, flow->hash);
	struct model_worker *worker = &model->workers[number];
	uint64_t *last = &port->last_handed[model_bucket(port, flow->hash)];

	model_require(model, number < port->steer.table->worker_count);
	model_require(model, flow->outstanding == 0 || flow->worker == number);
	model_require(model, packet >> 8 > *last);
	*last = packet >> 8;
	flow->handed++;
	drop |= worker->given - worker->drained == MODEL_BACKLOG;
	worker->dropped |= drop;
	if (entry != NULL) {
		entry->used = true;
		entry->worker = number;
		entry->vague = worker->dropped;
		entry->outstanding += !drop;
	}
	if (drop) {
		model->drops++;
		return;
	}
	flow->worker = number;
	flow->outstanding++;
	worker->packets[worker->given++ % MODEL_BACKLOG] = packet;
}

static inline void model_end_burst(struct model *model)
{
	for (unsigned i = 0; i < MODEL_WORKERS; i++) {
		model->backlogs[i].pushed = model->workers[i].given;
		model->workers[i].dropped = false;
	}
}

/* ---- the steps ---- */

static inline void model_work(struct model *model, unsigned number, unsigned max)
{
	struct model_worker *worker = &model->workers[number];

	for (; max > 0 && worker->drained < worker->given; max--) {
		uint64_t packet = worker->packets[worker->drained++ % MODEL_BACKLOG];
		struct model_flow *flow = model_flow_of(model, packet);
		struct model_entry *entry =
			model_entry_of(model_port_of(model, packet), flow->hash);

		model_require(model, packet >> 8 > flow->last_done);
		flow->last_done = packet >> 8;
		flow->outstanding--;
		if (entry != NULL)
			entry->outstanding--;
	}
}

static inline unsigned model_unpark(
	struct model *model, struct model_port *port, unsigned max, uint64_t full)
{
	void *packets[MODEL_BURST];
	uint32_t hashes[MODEL_BURST];
	struct steer_route routes[MODEL_BURST];
	uint64_t drops = model->drops;
	unsigned count;

	for (unsigned i = 0; i < MODEL_WORKERS; i++)
		if (MODEL_BACKLOG - (model->workers[i].given - model->workers[i].drained) < max)
			full |= UINT64_C(1) << i;
	count = steer_unpark(&port->steer, model->now_tsc, full, packets, hashes, routes, max);
	model_require(model, count <= max);
	for (unsigned i = 0; i < count; i++) {
		uint64_t packet = (uint64_t)(uintptr_t)packets[i];

		model_require(model, model_port_of(model, packet) == port);
		model_require(model, hashes[i] == model_flow_of(model, packet)->hash);
		model_hand(model, packet, routes[i].worker, false);
	}
	model_end_burst(model);
	/* Moves drop nothing; RFS may send to a backlog that is full, as it may without a move. */
	if (port->steer.table->flows == NULL)
		model_require(model, model->drops == drops);
	return count;
}

/* The wish must come again for what was given up. */
static inline void model_cancel(struct model *model, struct model_port *port)
{
	steer_cancel_moves(&port->steer);
	while (model_unpark(model, port, MODEL_BURST, 0) > 0)
		;
	if (port->wish.epoch != 0)
		steer_wish_publish(&port->wish);
}

static inline void model_burst(struct model *model, struct model_port *port)
{
	/* A byte of a fuzzer says much: which flows, and which packet of the burst is dropped. */
	const unsigned count = 1 + model_choose(model, MODEL_BURST);
	const unsigned pattern = model_choose(model, 256), dropped = model_choose(model, 64);
	uint64_t packets[MODEL_BURST];
	uint32_t hashes[MODEL_BURST];
	struct steer_route routes[MODEL_BURST];

	if (steer_park_room(&port->steer) < count)
		model_cancel(model, port);
	if (steer_park_room(&port->steer) < count)
		return;
	for (unsigned i = 0; i < count; i++) {
		unsigned flow = model_mix(pattern << 8 | i) % MODEL_FLOWS;

		packets[i] = model_receive(model, port, flow);
		hashes[i] = port->flows[flow].hash;
	}
	if (count == 1)
		routes[1] = steer_peek(&port->steer, hashes[0]);
	steer_burst(&port->steer, hashes, count, routes);
	if (count == 1)
		model_require(model, routes[0].worker == routes[1].worker);
	for (unsigned i = 0; i < count; i++) {
		model_check_choice(model, port, hashes[i], routes[i]);
		if (routes[i].worker == STEER_PARK)
			steer_park(&port->steer, (void *)(uintptr_t)packets[i], hashes[i]);
		else
			model_hand(model, packets[i], routes[i].worker, i == dropped);
	}
	model_end_burst(model);
}

static inline void model_record(struct model *model, struct model_port *port)
{
	const uint32_t hash = port->flows[model_choose(model, MODEL_FLOWS)].hash;
	const unsigned cpu = model_choose(model, MODEL_CPUS);

	rfs_record((struct rfs_consumers *)model->consumers_memory, hash, cpu);
	if (hash == 0)
		return;
	model->consumers[hash % MODEL_CONSUMERS].hash = hash;
	model->consumers[hash % MODEL_CONSUMERS].cpu = cpu;
	model->consumers[hash % MODEL_CONSUMERS].known = true;
}

/* Some of the buckets that have packets, and some others. */
static inline void model_wish(struct model *model, struct model_port *port)
{
	const struct steer_table *table = port->steer.table;

	for (unsigned i = model_choose(model, 12); i > 0; i--) {
		unsigned bucket =
			model_bucket(port, port->flows[model_choose(model, MODEL_FLOWS)].hash);
		struct steer_route route = {
			.queue = (uint8_t)model_choose(model, table->reta.queue_count),
			.worker = (uint8_t)model_choose(model, table->worker_count)};

		if (model_choose(model, 8) == 7)
			bucket = model_choose(model, 128);
		if (steer_wish_get(&port->wish, bucket).worker != STEER_MAP)
			steer_wish_set(&port->wish, bucket, route);
	}
	steer_wish_publish(&port->wish);
}

/* ---- tables ---- */

static inline void model_table(struct model *model, struct model_port *port)
{
	struct steer_table *table = &port->tables[port->table];
	struct rfs_flows *flows = (struct rfs_flows *)port->flows_memory;

	memset(table, 0, sizeof(*table));
	table->worker_count = (uint16_t)(1 + model_choose(model, MODEL_WORKERS));
	reta_fill_equal(&table->reta, (uint16_t)(128 << model_choose(model, 3)),
		(uint16_t)(1 + model_choose(model, 6)));
	table->has_rps = model_choose(model, 2);
	table->balanced = model_choose(model, 2);
	for (unsigned queue = 0; queue < table->reta.queue_count; queue++) {
		struct rps_map *map = &table->rps[queue];

		table->queue_worker[queue] = (uint8_t)model_choose(model, table->worker_count);
		if (table->has_rps && model_choose(model, 4) > 0)
			map->count = (uint8_t)(1 + model_choose(model, table->worker_count));
		for (unsigned i = 0; i < map->count; i++)
			map->workers[i] = (uint8_t)model_choose(model, table->worker_count);
	}
	for (unsigned cpu = 0; cpu < MODEL_CPUS; cpu++)
		table->cpu_worker[cpu] = cpu == 0
			? (uint8_t)STEER_NONE
			: (uint8_t)model_choose(model, table->worker_count);
	if (model_choose(model, 2) == 0)
		return;
	table->consumers = (struct rfs_consumers *)model->consumers_memory;
	table->flows = flows;
	rfs_flows_init(flows, 1u << model_choose(model, 6));
	memset(port->entries, 0, sizeof(port->entries));
}

/* The control side wishes for nothing new when it gives out a table. */
static inline void model_wish_reset(struct model_port *port)
{
	for (unsigned bucket = 0; bucket < port->steer.table->reta.size; bucket++)
		steer_wish_set(&port->wish, bucket, port->steer.routes[bucket]);
	port->wish.epoch = 0;
}

static inline void model_work_all(struct model *model)
{
	for (unsigned i = 0; i < MODEL_WORKERS; i++)
		model_work(model, i, MODEL_BACKLOG);
}

static inline void model_settle(struct model *model)
{
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MODEL_PORTS; i++) {
			struct model_port *port = &model->ports[i];

			model_work_all(model);
			while (model_unpark(model, port, MODEL_BURST, 0) > 0)
				model_work_all(model);
			steer_follow(&port->steer, &port->wish, model->now_tsc);
		}
	}
}

/* Other buckets and entries from now on: nothing may be outstanding. */
static inline void model_swap(struct model *model, struct model_port *port)
{
	model_work_all(model);
	if (port->steer.parked > 0)
		return;
	port->table = !port->table;
	model_table(model, port);
	steer_swap(&port->steer, &port->tables[port->table]);
	memset(port->last_handed, 0, sizeof(port->last_handed));
	model_wish_reset(port);
	model->swaps++;
}

/* ---- a run: model_init(), model_step() as often as wanted, model_finish() ---- */

/* The caller has cleared the model, and set `bytes` or `seed`. */
static inline void model_init(struct model *model)
{
	model->random = model->seed;
	rfs_consumers_init((struct rfs_consumers *)model->consumers_memory, MODEL_CONSUMERS);
	for (unsigned i = 0; i < MODEL_WORKERS; i++) {
		model->backlogs[i].drained_now = &model->workers[i].drained;
		model->workers[i].speed = 1 + model_choose(model, MODEL_BACKLOG);
	}
	for (unsigned i = 0; i < MODEL_PORTS; i++) {
		struct model_port *port = &model->ports[i];

		/* Few buckets, so that flows share them; upper bits for RPS and RFS. */
		for (unsigned flow = 0; flow < MODEL_FLOWS; flow++)
			port->flows[flow].hash =
				model_mix(flow << 8 | model_choose(model, 256)) & 0xff001f0f;
		port->flows[0].hash = 0;
		model_table(model, port);
		steer_init(
			&port->steer, &port->tables[0], model->backlogs, port->slots, MODEL_SLOTS);
		model_wish_reset(port);
	}
}

static inline void model_step(struct model *model)
{
	struct model_port *port = model_port_choose(model);
	const unsigned worker = model_choose(model, MODEL_WORKERS);

	model->step++;
	model->now_tsc += 1 + model_choose(model, 100);
	switch (model_choose(model, 16)) {
	default: model_burst(model, port); break;
	case 5:
	case 6:
	case 7:
	case 8:
		model_work(model, worker, 1 + model_choose(model, model->workers[worker].speed));
		break;
	case 9: model_work_all(model); break;
	case 10: model_record(model, port); break;
	case 11: model_wish(model, port); break;
	case 12: steer_follow(&port->steer, &port->wish, model->now_tsc); break;
	case 13:
		model_unpark(model, port, 1 + model_choose(model, MODEL_BURST),
			model_choose(model, 4) == 3 ? model_choose(model, 256) : 0);
		break;
	case 14: model->workers[worker].speed = 1 + model_choose(model, MODEL_BACKLOG); break;
	case 15:
		if (model_choose(model, 16) == 15)
			model_swap(model, port);
		else if (model_choose(model, 8) == 7)
			model_cancel(model, port);
		break;
	}
}

static inline void model_check_settled(struct model *model, struct model_port *port)
{
	const struct steer *steer = &port->steer;
	uint32_t free_slots = 0;

	model_require(model, steer->parked == 0 && steer->move_count == 0);
	for (uint32_t i = steer->slot_free; i != 0; i = steer->slots[i - 1].next)
		free_slots++;
	model_require(model, free_slots == MODEL_SLOTS);
	for (unsigned flow = 0; flow < MODEL_FLOWS; flow++) {
		model_require(model, port->flows[flow].outstanding == 0);
		model_require(model, port->flows[flow].handed == port->flows[flow].received);
	}
	for (unsigned bucket = 0; bucket < steer->table->reta.size; bucket++) {
		struct steer_route wish = steer_wish_get(&port->wish, bucket);

		model_require(model, steer->routes[bucket].worker == wish.worker);
		model_require(model, steer->routes[bucket].queue == wish.queue);
	}
	model->moves += steer->counters.bucket_moves;
	model->parked += steer->counters.parked_packets;
	model->rfs_moves += steer->counters.rfs_moves;
	model->rfs_kept += steer->counters.rfs_kept;
	model->cancelled += steer->counters.moves_cancelled;
}

static inline void model_finish(struct model *model)
{
	model_settle(model);
	for (unsigned i = 0; i < MODEL_PORTS; i++)
		model_check_settled(model, &model->ports[i]);
}

#endif
