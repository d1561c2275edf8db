/* SPDX-License-Identifier: BSD-3-Clause */
/* Steering as others may see it. */
#include "engine/steering.h"

#include <errno.h>
#include <string.h>

#include "engine/steering_internal.h"

struct rx_poll *steering_poll(const struct engine *engine, unsigned index)
{
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t i = 0; i < engine->workers[w]->poll_count; i++)
			if (engine->workers[w]->polls[i].steering != NULL && index-- == 0)
				return &engine->workers[w]->polls[i];
	return NULL;
}

void engine_softnet_view(
	const struct engine *engine, uint16_t worker, struct softnet_view *ret_view)
{
	const struct worker *own = engine->workers[worker];

	*ret_view = (struct softnet_view){
		.cpu = own->cpu,
		.processed = own->counters.processed,
		.time_squeeze = own->counters.time_squeeze,
		.received_rps = own->counters.wakes_in,
	};
	for (uint16_t i = 0; i < engine->worker_count; i++) {
		const struct outbox *outbox = &engine->workers[i]->outboxes[worker];

		ret_view->dropped += outbox->dropped + outbox->flow_limited;
		ret_view->flow_limit_count += outbox->flow_limited;
	}
	for (uint16_t i = 0; i < own->inbox_count; i++) {
		const struct batch_ring *ring = own->inboxes[i];
		uint64_t taken = ring->consumer.items;
		uint64_t popped = __atomic_load_n(&ring->popped.items, __ATOMIC_RELAXED);

		ret_view->input_qlen += batch_ring_waiting(ring);
		ret_view->process_qlen += taken > popped ? taken - popped : 0;
	}
	ret_view->backlog_len = ret_view->input_qlen + ret_view->process_qlen;
}

unsigned engine_steering_count(const struct engine *engine)
{
	unsigned count = 0;

	while (steering_poll(engine, count) != NULL)
		count++;
	return count;
}

static const struct steering_tables *tables_of(const struct steering *steering)
{
	return __atomic_load_n(&steering->tables, __ATOMIC_ACQUIRE);
}

void engine_steering_view(
	const struct engine *engine, unsigned index, struct steering_view *ret_view)
{
	const struct rx_poll *poll = steering_poll(engine, index);
	const struct steering *steering = poll->steering;
	const struct steer_table *table = &tables_of(steering)->table;

	*ret_view = (struct steering_view){
		.port = poll->port->index,
		.rx_queue = poll->queue_index,
		.worker = poll->worker,
		.active = tables_of(steering)->active,
		.reta_size = table->reta.size,
		.queue_count = table->reta.queue_count,
		.balanced = table->balanced,
		.has_rps = table->has_rps,
		.has_rfs = table->flows != NULL,
		.counters = &steering->steer.counters,
		.routes = steering->steer.routes,
		.bucket_packets = steering->steer.bucket_packets,
		.flows = steering->hitters,
		.table = table,
		.parked = __atomic_load_n(&steering->steer.parked, __ATOMIC_RELAXED),
		.park_slots = steering->steer.slot_count,
		.moves_now = steering->steer.move_count,
		.flow_entries = table->flows != NULL ? table->flows->mask + 1 : 0,
	};
}

void engine_rfs_view(const struct engine *engine, struct rfs_view *ret_view)
{
	const struct rfs_consumers *consumers =
		__atomic_load_n(&engine->consumers, __ATOMIC_ACQUIRE);

	memset(ret_view, 0, sizeof(*ret_view));
	if (consumers == NULL)
		return;
	ret_view->consumer_entries = consumers->mask + 1;
	for (uint32_t i = 0; i <= consumers->mask; i++)
		ret_view->consumers_used +=
			(__atomic_load_n(&consumers->entries[i], __ATOMIC_RELAXED) &
				RFS_CPU_MASK) != RFS_CPU_NONE;
}

bool engine_balancer_view(const struct engine *engine, struct balancer_state *ret_state)
{
	struct engine *own = (struct engine *)engine; /* its lock is not what is const */
	bool on;

	pthread_mutex_lock(&own->steering_lock);
	on = engine->balancer != NULL;
	if (on)
		balancer_state(engine->balancer, ret_state);
	pthread_mutex_unlock(&own->steering_lock);
	return on;
}

/* ---- explain ---- */

static const struct rx_poll *poll_of(const struct engine *engine, uint16_t port)
{
	const struct rx_poll *poll;

	for (unsigned i = 0; (poll = steering_poll(engine, i)) != NULL; i++)
		if (poll->port->index == port && tables_of(poll->steering)->active)
			return poll;
	return NULL;
}

static void explain_rfs(const struct steer *steer, const struct steer_table *table,
	struct steering_explanation *explanation)
{
	unsigned cpu = RFS_CPU_NONE;
	uint64_t entry;

	explanation->has_rfs = table->flows != NULL;
	explanation->consumer_cpu = -1;
	explanation->flow_worker = -1;
	if (table->flows == NULL)
		return;
	if (explanation->hash != 0)
		cpu = rfs_consumer_cpu(table->consumers, explanation->hash);
	if (cpu != RFS_CPU_NONE) {
		explanation->consumer_cpu = (int)cpu;
		explanation->consumer_worker = table->cpu_worker[cpu];
	}
	entry = table->flows->entries[explanation->hash & table->flows->mask];
	explanation->flow_worker = rfs_flow_worker(entry);
	explanation->flow_position = rfs_flow_position(entry);
	if (explanation->flow_worker >= 0)
		explanation->flow_drained = __atomic_load_n(
			steer->backlogs[explanation->flow_worker].drained_now, __ATOMIC_ACQUIRE);
}

static void explain_bucket(const struct steer *steer, const struct steer_table *table,
	struct steering_explanation *explanation)
{
	struct steer_route route = steer->routes[explanation->bucket];
	const struct rps_map *map;

	explanation->queue = table->reta.queues[explanation->bucket];
	if (route.worker == STEER_PARK) {
		explanation->moving = true;
		route = steer->moves[route.queue % STEER_MOVES_MAX].to;
	}
	if (table->balanced)
		explanation->queue = route.queue;
	explanation->queue_worker = table->queue_worker[explanation->queue];
	explanation->balanced = table->balanced;
	explanation->bucket_worker =
		route.worker == STEER_MAP ? explanation->queue_worker : route.worker;
	map = &table->rps[explanation->queue];
	explanation->rps = *map;
	explanation->rps_worker = map->count > 0 && explanation->hash != 0
		? (uint8_t)rps_worker(map, explanation->hash)
		: explanation->queue_worker;
}

static void explain_transmit(const struct engine *engine, const struct rx_poll *poll,
	struct steering_explanation *explanation)
{
	uint16_t port = engine->config->pipelines[poll->pipeline->index].to_port;
	const struct transmit *transmit;

	explanation->tx_port = explanation->tx_queue = explanation->tx_owner = -1;
	if (port == UINT16_MAX || explanation->worker >= engine->worker_count)
		return;
	transmit = &engine->workers[explanation->worker]->transmits[port];
	explanation->tx_port = port;
	explanation->tx_queue = transmit->queue_index;
	explanation->tx_owner =
		transmit->owner != NULL ? transmit->owner->index : explanation->worker;
}

int engine_explain(const struct engine *engine, uint16_t port, const struct tuple *tuple,
	struct steering_explanation *ret_explanation, struct error *error)
{
	const struct rx_poll *poll = port < engine->port_count ? poll_of(engine, port) : NULL;
	const struct steer *steer;
	const struct steering_tables *tables;

	memset(ret_explanation, 0, sizeof(*ret_explanation));
	if (poll == NULL)
		return error_set(error, ENOENT,
			"port %s: its packets stay on the worker that receives them: it has no RSS "
			"in "
			"software, no rps_cpus and no rps_flow_cnt",
			port < engine->port_count ? engine->config->ports[port].name : "?");
	steer = &poll->steering->steer;
	tables = tables_of(poll->steering);
	ret_explanation->port = port;
	ret_explanation->receiver = poll->worker;
	ret_explanation->hash = tuple_rss_hash(tuple, &tables->hash);
	ret_explanation->bucket = (uint16_t)reta_bucket(&tables->table.reta, ret_explanation->hash);
	explain_bucket(steer, &tables->table, ret_explanation);
	explain_rfs(steer, &tables->table, ret_explanation);
	ret_explanation->worker = steer_peek(steer, ret_explanation->hash).worker;
	if (ret_explanation->worker == STEER_PARK)
		ret_explanation->worker = ret_explanation->bucket_worker;
	explain_transmit(engine, poll, ret_explanation);
	return 0;
}
