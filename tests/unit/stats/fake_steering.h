/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steering of the fake engine: none, until fake_steering_init() gives port "trace" at worker 0
 * a RETA of 128 buckets over four queues, those of even number worker 0's and the others worker
 * 1's.
 */
#ifndef WEIR_TESTS_FAKE_STEERING_H
#define WEIR_TESTS_FAKE_STEERING_H

#include <string.h>

#include "engine/steering.h"

enum { FAKE_RETA = 128, FAKE_CONSUMERS = 64, FAKE_FLOW_ENTRIES = 16, FAKE_FLOWS_MAX = 8 };

struct heavy_hitters {
	unsigned count;
	struct heavy_hitter list[FAKE_FLOWS_MAX];
};

static struct {
	unsigned count; /* of struct steer: 0 or 1 */
	struct steer_counters counters;
	struct steer_table table;
	struct steer_route routes[FAKE_RETA];
	uint64_t bucket_packets[FAKE_RETA];
	struct heavy_hitters flows;
	struct rfs_consumers *consumers;
	uint32_t parked, moves_now;
	struct softnet_view softnet[FAKE_WORKERS];
	struct balancer_state balancer;
	bool balancing;
} fake_steering;

static uint32_t fake_consumers[FAKE_CONSUMERS + 1];
static uint64_t fake_flows[FAKE_FLOW_ENTRIES + 1];

static inline void fake_steering_none(void)
{
	memset(&fake_steering, 0, sizeof(fake_steering));
	for (unsigned i = 0; i < FAKE_WORKERS; i++)
		fake_steering.softnet[i].cpu = (int)i + 2;
}

static inline void fake_steering_init(void)
{
	struct steer_table *table = &fake_steering.table;

	fake_steering_none();
	fake_steering.count = 1;
	table->worker_count = FAKE_WORKERS;
	for (unsigned i = 0; i < 4; i++)
		table->queue_worker[i] = (uint8_t)(i % FAKE_WORKERS);
	for (unsigned i = 0; i < FAKE_RETA; i++)
		table->reta.queues[i] = (uint8_t)(i % 4);
	for (unsigned i = 0; i < FAKE_RETA; i++)
		fake_steering.routes[i] = (struct steer_route){
			.queue = (uint8_t)(i % 4), .worker = (uint8_t)(i % FAKE_WORKERS)};
}

/* RPS on queue 3, over both workers. */
static inline void fake_steering_rps(void)
{
	struct steer_table *table = &fake_steering.table;

	table->has_rps = true;
	table->rps[3] = (struct rps_map){.count = 2, .workers = {0, 1}};
	for (unsigned i = 3; i < FAKE_RETA; i += 4)
		fake_steering.routes[i].worker = STEER_MAP;
}

/* RFS: CPUs 2 and 3 have a worker near, others have none. */
static inline void fake_steering_rfs(void)
{
	struct steer_table *table = &fake_steering.table;

	fake_steering.consumers = (struct rfs_consumers *)fake_consumers;
	rfs_consumers_init(fake_steering.consumers, FAKE_CONSUMERS);
	table->consumers = fake_steering.consumers;
	table->flows = (struct rfs_flows *)fake_flows;
	rfs_flows_init(table->flows, FAKE_FLOW_ENTRIES);
	memset(table->cpu_worker, STEER_NONE, sizeof(table->cpu_worker));
	table->cpu_worker[2] = 0;
	table->cpu_worker[3] = 1;
}

/* 10.0.0.1:1000 10.0.0.2:`port` udp; counted on top of what there is. */
static inline void fake_flow_pass(uint32_t hash, uint16_t port, uint64_t packets, uint64_t error)
{
	struct heavy_hitters *flows = &fake_steering.flows;
	unsigned i = 0;

	while (i < flows->count && flows->list[i].hash != hash)
		i++;
	if (i == flows->count)
		flows->list[flows->count++] = (struct heavy_hitter){.hash = hash,
			.tuple = {.has_ports = true,
				.protocol = 17,
				.source = {10, 0, 0, 1},
				.destination = {10, 0, 0, 2},
				.source_port = 1000,
				.destination_port = port},
			.error = error};
	flows->list[i].packets += packets;
	flows->list[i].bytes += packets * 100;
	fake_steering.bucket_packets[hash % FAKE_RETA] += packets - error;
}

void engine_softnet_view(
	const struct engine *engine, uint16_t worker, struct softnet_view *ret_view)
{
	(void)engine;
	*ret_view = fake_steering.softnet[worker];
}

unsigned engine_steering_count(const struct engine *engine)
{
	(void)engine;
	return fake_steering.count;
}

void engine_steering_view(
	const struct engine *engine, unsigned index, struct steering_view *ret_view)
{
	const struct steer_table *table = &fake_steering.table;

	(void)engine;
	(void)index;
	*ret_view = (struct steering_view){.active = true,
		.reta_size = FAKE_RETA,
		.queue_count = 4,
		.balanced = table->balanced,
		.has_rps = table->has_rps,
		.has_rfs = table->flows != NULL,
		.counters = &fake_steering.counters,
		.routes = fake_steering.routes,
		.bucket_packets = fake_steering.bucket_packets,
		.flows = &fake_steering.flows,
		.table = table,
		.parked = fake_steering.parked,
		.park_slots = 4096,
		.moves_now = fake_steering.moves_now,
		.flow_entries = table->flows != NULL ? FAKE_FLOW_ENTRIES : 0};
}

void engine_rfs_view(const struct engine *engine, struct rfs_view *ret_view)
{
	(void)engine;
	*ret_view = (struct rfs_view){
		.consumer_entries = fake_steering.consumers != NULL ? FAKE_CONSUMERS : 0,
		.consumers_used = fake_steering.consumers != NULL ? 2 : 0};
}

bool engine_balancer_view(const struct engine *engine, struct balancer_state *ret_state)
{
	(void)engine;
	*ret_state = fake_steering.balancer;
	return fake_steering.balancing;
}

unsigned heavy_hitters_top(
	const struct heavy_hitters *hitters, struct heavy_hitter ret_top[], unsigned max)
{
	unsigned count = hitters->count < max ? hitters->count : max;

	memcpy(ret_top, hitters->list, count * sizeof(ret_top[0]));
	return count;
}

#endif
