/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transmit packet steering: the plan says which of a port's tx queues each worker sends through
 * (plan_tx_queues()). A queue is written by one worker, its owner; others that have it hand their
 * packets to the owner. It is the one with the lowest number, so that nobody waits for each other
 * in a circle.
 */
#include "engine/steering_internal.h"

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
void engine_choose_holds(struct engine *engine, struct worker *worker)
{
	handoff_all_through(worker);
	worker->holds = worker->flushes;
	for (uint16_t p = 0; p < engine->port_count; p++)
		worker->holds |= worker->transmits[p].owner != NULL;
}

void engine_choose_tx_queues(struct engine *engine, const struct config *config, uint16_t port)
{
	uint16_t queues[CONFIG_WORKERS_MAX];
	struct worker *owners[CONFIG_WORKERS_MAX] = {NULL}; /* by queue: at most one a worker */

	if (engine->ports[port].tx_queue_count == 0)
		return;
	plan_tx_queues(config, &engine->plan, port, queues);
	for (uint16_t w = 0; w < engine->worker_count; w++)
		if (owners[queues[w]] == NULL)
			owners[queues[w]] = engine->workers[w];
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		set_queue(engine, engine->workers[w], port, queues[w], owners[queues[w]]);
		engine_choose_holds(engine, engine->workers[w]);
	}
}
