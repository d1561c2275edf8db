/* SPDX-License-Identifier: BSD-3-Clause */
/* From applications to ports: one worker for each queue pair. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "engine/raw.h"
#include "steering/receive.h"

/* ---- workers ---- */

static void drop_all(struct worker *worker, struct burst *burst)
{
	while (burst->count > 0)
		burst_drop(worker, burst, burst->count - 1, DROP_tx_no_port);
}

static unsigned collect(struct worker *worker, const struct raw_source *source)
{
	struct burst burst = {.rx_tsc = tsc_now()};

	burst.count = raw_queue_collect(source->queue,
		engine_pool(worker->engine, worker->numa_node), burst.packets, BURST_SIZE);
	if (burst.count == 0)
		return 0;
	burst.bytes = packets_bytes(burst.packets, burst.count);
	worker->counters.from_applications += burst.count;
	if (unlikely(source->pipeline == UINT16_MAX)) {
		unsigned count = burst.count;

		drop_all(worker, &burst);
		return count;
	}
	receive_parse(burst.packets, burst.count);
	return pipeline_leave(&worker->pipelines[source->pipeline], &burst);
}

unsigned raw_turn(struct worker *worker)
{
	const struct raw_list *list = __atomic_load_n(&worker->engine->raw.list, __ATOMIC_ACQUIRE);
	unsigned moved = 0;

	for (unsigned i = 0; list != NULL && i < list->count; i++) {
		const struct raw_source *source = &list->sources[i];

		if (source->worker != worker->index)
			continue;
		raw_queue_take_back(source->queue);
		if (raw_queue_has_sent(source->queue))
			moved += collect(worker, source);
	}
	return moved;
}

void raw_sleeps(const struct worker *worker, bool sleeps)
{
	const struct raw_list *list = __atomic_load_n(&worker->engine->raw.list, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; list != NULL && i < list->count; i++)
		if (list->sources[i].worker == worker->index)
			raw_queue_sleeps(list->sources[i].queue, sleeps);
}

bool raw_waits(const struct worker *worker)
{
	const struct raw_list *list = __atomic_load_n(&worker->engine->raw.list, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; list != NULL && i < list->count; i++)
		if (list->sources[i].worker == worker->index &&
			raw_queue_has_sent(list->sources[i].queue))
			return true;
	return false;
}

bool raw_collects(const struct worker *worker)
{
	const struct raw_list *list = __atomic_load_n(&worker->engine->raw.list, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; list != NULL && i < list->count; i++)
		if (list->sources[i].worker == worker->index)
			return true;
	return false;
}

/* ---- the control side ---- */

static uint16_t pipeline_to(const struct config *config, uint16_t port)
{
	for (uint16_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].to_port == port)
			return i;
	return UINT16_MAX;
}

/* One that has a tx queue of its own, so that packets go straight there. */
static uint16_t worker_for(const struct engine *engine, uint16_t port)
{
	for (uint16_t w = 0; port != UINT16_MAX && w < engine->worker_count; w++)
		if (transmit_is_own(&engine->workers[w]->transmits[port]))
			return w;
	return 0;
}

int raw_list_update(struct engine *engine, struct error *error)
{
	struct raw_list *list, *old = engine->raw.list;
	unsigned count = 0;

	for (const struct raw_pair *pair = engine->raw.pairs; pair != NULL; pair = pair->next)
		count++;
	list = calloc(1, sizeof(*list) + count * sizeof(list->sources[0]));
	if (list == NULL)
		return error_set(error, ENOMEM, "no memory for a queue pair");
	for (const struct raw_pair *pair = engine->raw.pairs; pair != NULL; pair = pair->next)
		if (!pair->is_port) /* its rx queue collects */
			list->sources[list->count++] = (struct raw_source){
				.queue = pair->queue,
				.worker = worker_for(engine, pair->port),
				.pipeline = pair->port == UINT16_MAX
					? UINT16_MAX
					: pipeline_to(engine->config, pair->port),
			};
	__atomic_store_n(&engine->raw.list, list, __ATOMIC_RELEASE);
	engine_wait_a_turn(engine);
	free(old);
	return 0;
}
