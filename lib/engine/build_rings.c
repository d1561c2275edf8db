/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways between workers: rings, and the flow limits in front of them. */
#include <errno.h>

#include <rte_malloc.h>

#include "engine/engine_internal.h"
#include "engine/steering_internal.h"

static int build_ring(struct engine *engine, uint16_t to, uint32_t limit,
	struct batch_ring **ret_ring, struct error *error)
{
	*ret_ring = worker_memory(engine->workers[to], batch_ring_bytes(limit));
	if (*ret_ring == NULL)
		return no_worker_memory(engine->workers[to], error);
	batch_ring_init(*ret_ring, limit);
	return 0;
}

struct rings {
	struct batch_ring *from_to[CONFIG_WORKERS_MAX][CONFIG_WORKERS_MAX];
};

static int make_rings(
	struct engine *engine, uint32_t limit, struct rings *rings, struct error *error)
{
	for (uint16_t to = 0; to < engine->worker_count; to++)
		for (uint16_t from = 0; from < engine->worker_count; from++)
			if (from != to &&
				build_ring(engine, to, limit, &rings->from_to[from][to], error) !=
					0)
				return -error->code;
	return 0;
}

static void put_ring(struct worker *from, struct worker *to, struct batch_ring **ring)
{
	struct batch_ring *before = from->outboxes[to->index].ring;

	from->outboxes[to->index].ring = *ring;
	from->backlogs[to->index] = (struct steer_backlog){.drained_now = &(*ring)->popped.drained};
	to->inboxes[from->index < to->index ? from->index : from->index - 1] = *ring;
	*ring = before;
}

/* A ring from each worker to each other one, in the memory of the one that receives. Those there
 * were are empty. */
int engine_build_rings(struct engine *engine, uint32_t limit, struct error *error)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	int result;

	if (rings == NULL)
		return error_set(error, ENOMEM, "no memory for rings between workers");
	result = make_rings(engine, limit, rings, error);
	for (uint16_t from = 0; from < engine->worker_count; from++)
		for (uint16_t to = 0; to < engine->worker_count; to++) {
			struct worker *source = engine->workers[from];

			if (from != to && result == 0)
				put_ring(source, engine->workers[to], &rings->from_to[from][to]);
			rte_free(rings->from_to[from][to]);
		}
	free(rings);
	if (result == 0)
		engine->ring_limit = limit;
	return result;
}

/* For pipelines whose order is restored: what others have helped with comes back. */
int engine_build_return_rings(struct engine *engine, struct error *error)
{
	const struct config *config = engine->config;
	uint32_t packets = 0;

	for (uint16_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].order == ORDER_RESTORE)
			packets += restore_ring_packets() *
				engine->ports[config->pipelines[i].from_port].rx_queue_count;
	for (uint16_t to = 0; packets > 0 && to < engine->worker_count; to++)
		for (uint16_t from = 0; from < engine->worker_count; from++) {
			struct batch_ring *ring;

			if (from == to)
				continue;
			if (build_ring(engine, to, packets, &ring, error) != 0)
				return -error->code;
			engine->workers[from]->returns[to] = ring;
			engine->workers[to]->returned[from] = ring;
		}
	return 0;
}

int engine_build_limits(struct engine *engine, struct error *error)
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		struct flow_limit *limits[CONFIG_WORKERS_MAX] = {NULL};
		int result = steering_limits_make(
			engine, engine->config, engine->workers[w], limits, error);

		for (uint16_t i = 0; i < engine->worker_count; i++)
			engine->workers[w]->outboxes[i].limit = limits[i];
		if (result != 0)
			return result;
	}
	return 0;
}
