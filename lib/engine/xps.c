/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transmit packet steering: which worker sends through which of a port's tx queues. Each queue is
 * written by one worker, its owner; others that chose it hand their packets to the owner. It is the
 * one with the lowest number, so that nobody waits for each other in a circle.
 */
#include "engine/steering_internal.h"

enum { NO_QUEUE = UINT16_MAX };

/* Whether the worker processes what an rx queue of that number brings to the port. */
static bool serves_rx_queue(
	const struct engine *engine, const struct worker *worker, uint16_t to_port, unsigned queue)
{
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &engine->config->pipelines[i];
		uint16_t from = pipeline->from_port;
		uint16_t emulated = engine->plan.emulated_queues[from];

		if (pipeline->to_port != to_port)
			continue;
		if (emulated > 0 && queue < emulated &&
			engine->plan.emulated_worker[from][queue] == worker->index)
			return true;
		if (emulated == 0 && queue < engine->plan.rx_queues[from] &&
			engine->plan.rx_worker[from][queue] == worker->index)
			return true;
	}
	return false;
}

static bool rxqs_name(const struct engine *engine, const struct cpu_mask *mask,
	const struct worker *worker, uint16_t port)
{
	for (unsigned queue = 0; queue < CONFIG_RSS_QUEUES_MAX; queue++)
		if (cpu_mask_has(mask, queue) && serves_rx_queue(engine, worker, port, queue))
			return true;
	return false;
}

/* The named queue that the fewest workers have so far. */
static uint16_t named_queue(const struct engine *engine, const struct queue_masks *masks, bool rxqs,
	const struct worker *worker, uint16_t port, const unsigned users[])
{
	uint16_t best = NO_QUEUE;

	for (uint16_t q = 0; q < engine->ports[port].tx_queue_count; q++) {
		const struct cpu_mask *mask = queue_mask(masks, q);

		if (mask == NULL ||
			!(rxqs ? rxqs_name(engine, mask, worker, port)
			       : cpu_mask_has(mask, (unsigned)worker->cpu)))
			continue;
		if (best == NO_QUEUE || users[q] < users[best])
			best = q;
	}
	return best;
}

static uint16_t free_queue(const struct engine *engine, uint16_t port, const unsigned users[])
{
	uint16_t best = 0;

	for (uint16_t q = 1; q < engine->ports[port].tx_queue_count; q++)
		if (users[q] < users[best])
			best = q;
	return best;
}

static void set_queue(struct engine *engine, struct worker *worker, uint16_t p, uint16_t queue,
	struct worker *owner)
{
	struct transmit *transmit = &worker->transmits[p];

	transmit->queue_index = queue;
	transmit->counters = &engine->tx_counters[p][queue];
	transmit->owner = owner != worker ? owner : NULL;
	transmit->owner_ring = owner != worker ? worker->outboxes[owner->index].ring : NULL;
	if (owner == worker)
		transmit->queue = engine->tx_queues[p][queue];
}

/* Whether packets may stay here after their pipeline ran. */
static void choose_holds(struct engine *engine, struct worker *worker)
{
	worker->holds = worker->flushes;
	for (uint16_t p = 0; p < engine->port_count; p++)
		worker->holds |= worker->transmits[p].owner != NULL;
}

void engine_choose_tx_queues(struct engine *engine, const struct config *config, uint16_t port)
{
	const struct config_port *wanted = &config->ports[port];
	uint16_t queues[CONFIG_WORKERS_MAX];
	unsigned users[CONFIG_RSS_QUEUES_MAX] = {0};
	struct worker *owners[CONFIG_RSS_QUEUES_MAX] = {NULL};

	if (engine->ports[port].tx_queue_count == 0)
		return;
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		const struct worker *worker = engine->workers[w];

		queues[w] = named_queue(engine, &wanted->xps_rxqs, true, worker, port, users);
		if (queues[w] == NO_QUEUE)
			queues[w] =
				named_queue(engine, &wanted->xps_cpus, false, worker, port, users);
		if (queues[w] != NO_QUEUE)
			users[queues[w]]++;
	}
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		if (queues[w] == NO_QUEUE) {
			queues[w] = free_queue(engine, port, users);
			users[queues[w]]++;
		}
		if (owners[queues[w]] == NULL)
			owners[queues[w]] = engine->workers[w];
	}
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		set_queue(engine, engine->workers[w], port, queues[w], owners[queues[w]]);
		choose_holds(engine, engine->workers[w]);
	}
}
