/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes down what build.c made, and looks whether all packet buffers came back. */
#include <errno.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include "engine/engine_internal.h"
#include "engine/steering_internal.h"

static void unbuild_worker(struct engine *engine, struct worker *worker)
{
	if (worker == NULL)
		return;
	for (uint16_t i = 0; worker->pipelines && i < engine->config->pipeline_count; i++)
		for (uint16_t s = 0; s < worker->pipelines[i].stage_count; s++) {
			struct stage *stage = &worker->pipelines[i].stages[s];

			if (stage->state != NULL && stage->ops->destroy != NULL)
				stage->ops->destroy(stage);
		}
	for (uint16_t i = 0; worker->polls && i < worker->poll_count; i++) {
		steering_destroy(worker->polls[i].steering);
		rte_free(worker->polls[i].restore);
	}
	for (uint16_t i = 0; worker->outboxes && i < engine->worker_count; i++) {
		rte_free(worker->outboxes[i].ring);
		steering_limit_free(worker->outboxes[i].limit);
	}
	for (uint16_t i = 0; worker->returns && i < engine->worker_count; i++)
		rte_free(worker->returns[i]);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	rte_free(worker->polls);
	rte_free(worker->pipelines);
	rte_free(worker->transmits);
	rte_free(worker->outboxes);
	rte_free(worker->inboxes);
	rte_free(worker->lanes);
	rte_free(worker->backlogs);
	rte_free(worker->returns);
	rte_free(worker->returned);
	rte_free(worker->mark);
	rte_free(worker);
}

static bool driver_keeps_buffers(const struct engine *engine)
{
	for (uint16_t i = 0; i < engine->port_count; i++)
		if (engine->ports[i].keeps_buffers)
			return true;
	return false;
}

/* With all ports closed nobody holds a packet buffer any more. */
static int check_pools(const struct engine *engine)
{
	int result = 0;

	if (driver_keeps_buffers(engine))
		return 0;

	for (unsigned i = 0; i < engine->topology.node_count; i++) {
		const struct engine_pool *pool = &engine->pools[i];
		uint32_t back;

		if (pool->mempool == NULL || pool->free_at_start == 0)
			continue;
		back = rte_mempool_avail_count(pool->mempool);
		if (back == pool->free_at_start)
			continue;
		engine_say(engine, true, "pool %s: %d packet buffers did not come back", pool->name,
			(int)(pool->free_at_start - back));
		result = -EIO;
	}
	return result;
}

int engine_unbuild(struct engine *engine, struct error *error)
{
	int result = 0;

	for (uint16_t i = 0; i < engine->port_count; i++)
		port_stop(&engine->ports[i]);
	/* Devices may hold packets of a replay until they are closed: replays last. */
	for (int patient = 0; patient <= 1; patient++)
		for (uint16_t i = 0; i < engine->port_count; i++) {
			struct port *port = &engine->ports[i];

			if (port->patient != patient)
				continue;
			if (port->replay != NULL && replay_lent(port->replay) != 0 &&
				!driver_keeps_buffers(engine)) {
				engine_say(engine, true,
					"port %s: %llu packets that were lent did not "
					"come back",
					port->config->name,
					(unsigned long long)replay_lent(port->replay));
				result = -EIO;
			}
			if (port_close(port, error) != 0)
				result = -EIO;
		}
	for (uint16_t i = 0; i < engine->worker_count; i++)
		unbuild_worker(engine, engine->workers[i]);
	for (uint16_t i = 0; i < engine->port_count; i++) {
		rte_free(engine->tx_counters[i]);
		rte_free(engine->tx_queues[i]);
	}
	steering_consumers_free(engine->consumers);
	if (check_pools(engine) != 0)
		result = -EIO;
	if (raw_pools_end(engine) != 0)
		result = -EIO;
	for (unsigned i = 0; i < engine->topology.node_count; i++)
		rte_mempool_free(engine->pools[i].mempool);
	return result;
}
