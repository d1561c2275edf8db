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

static struct raw_list *list_of(const struct worker *worker)
{
	return __atomic_load_n(&worker->engine->raw.lists[worker->index], __ATOMIC_ACQUIRE);
}

static struct raw_queue *source_queue(const struct raw_list *list, unsigned index)
{
	return __atomic_load_n(&list->sources[index].queue, __ATOMIC_RELAXED);
}

static unsigned collect(
	struct worker *worker, struct raw_queue *queue, uint16_t pipeline, uint64_t *ret_bytes)
{
	struct burst burst = {.rx_tsc = tsc_now()};

	burst.count = raw_queue_collect(
		queue, engine_pool(worker->engine, worker->numa_node), burst.packets, BURST_SIZE);
	if (burst.count == 0)
		return 0;
	burst.bytes = packets_bytes(burst.packets, burst.count);
	*ret_bytes = burst.bytes;
	worker->counters.from_applications += burst.count;
	if (unlikely(pipeline == UINT16_MAX)) {
		unsigned count = burst.count;

		drop_all(worker, &burst);
		return count;
	}
	receive_parse(burst.packets, burst.count);
	return pipeline_leave(&worker->pipelines[pipeline], &burst);
}

/* Of all its queue pairs, however many: looks, each a cache line or two from another CPU; and
 * packets, or as much work as so many are. */
enum { LOOKS_A_TURN = 64, PACKETS_A_TURN = 4 * BURST_SIZE, BYTES_A_PACKET = 2048 };

unsigned raw_turn(struct worker *worker, struct raw_list *list)
{
	unsigned looks = RTE_MIN(list->count, (unsigned)LOOKS_A_TURN), moved = 0;
	uint64_t work = 0;

	for (; looks > 0 && work < PACKETS_A_TURN; looks--) {
		uint16_t pipeline = list->sources[list->next].pipeline;
		struct raw_queue *queue = source_queue(list, list->next);
		uint64_t bytes = 0;
		unsigned packets;

		/* Who has much to send does not keep the next one waiting in the next turn. */
		list->next = list->next + 1 < list->count ? list->next + 1 : 0;
		if (unlikely(queue == NULL))
			continue;
		raw_queue_take_back(queue);
		if (!raw_queue_has_sent(queue))
			continue;
		packets = collect(worker, queue, pipeline, &bytes);
		moved += packets;
		work += packets + bytes / BYTES_A_PACKET;
	}
	return moved;
}

void raw_sleeps(const struct worker *worker, bool sleeps)
{
	const struct raw_list *list = list_of(worker);

	for (unsigned i = 0; list != NULL && i < list->count; i++) {
		struct raw_queue *queue = source_queue(list, i);

		if (queue != NULL)
			raw_queue_sleeps(queue, sleeps);
	}
}

bool raw_waits(const struct worker *worker)
{
	const struct raw_list *list = list_of(worker);

	for (unsigned i = 0; list != NULL && i < list->count; i++) {
		const struct raw_queue *queue = source_queue(list, i);

		if (queue != NULL && raw_queue_has_sent(queue))
			return true;
	}
	return false;
}

bool raw_collects(const struct worker *worker)
{
	return list_of(worker) != NULL;
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

/* The lists of all workers; false: no memory for one of them. */
static bool lists_make(const struct engine *engine, struct raw_list *lists[CONFIG_WORKERS_MAX])
{
	unsigned counts[CONFIG_WORKERS_MAX] = {0};

	/* A port of the kind "application" collects by its rx queue. */
	for (const struct raw_pair *pair = engine->raw.pairs; pair != NULL; pair = pair->next)
		if (!pair->is_port)
			counts[worker_for(engine, pair->port)]++;
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		if (counts[w] == 0)
			continue;
		lists[w] = calloc(1, sizeof(*lists[w]) + counts[w] * sizeof(lists[w]->sources[0]));
		if (lists[w] == NULL)
			return false;
	}
	for (const struct raw_pair *pair = engine->raw.pairs; pair != NULL; pair = pair->next) {
		struct raw_list *list = lists[worker_for(engine, pair->port)];

		if (pair->is_port || list == NULL)
			continue;
		list->sources[list->count++] = (struct raw_source){
			.queue = pair->queue,
			.pipeline = pair->port == UINT16_MAX
				? UINT16_MAX
				: pipeline_to(engine->config, pair->port),
		};
	}
	return true;
}

int raw_lists_update(struct engine *engine, struct error *error)
{
	struct raw_list *lists[CONFIG_WORKERS_MAX] = {NULL};
	bool made = lists_make(engine, lists);

	for (uint16_t w = 0; made && w < engine->worker_count; w++)
		lists[w] = __atomic_exchange_n(&engine->raw.lists[w], lists[w], __ATOMIC_ACQ_REL);
	if (made)
		engine_wait_a_turn(engine);
	/* Those there were; or those that there are not going to be. */
	for (unsigned w = 0; w < CONFIG_WORKERS_MAX; w++)
		free(lists[w]);
	return made ? 0 : error_set(error, ENOMEM, "no memory for a queue pair");
}

void raw_lists_drop(struct engine *engine, const struct raw_queue *queue)
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		struct raw_list *list = engine->raw.lists[w];

		for (unsigned i = 0; list != NULL && i < list->count; i++)
			if (list->sources[i].queue == queue)
				__atomic_store_n(&list->sources[i].queue, NULL, __ATOMIC_RELAXED);
	}
	engine_wait_a_turn(engine);
}

void raw_lists_fini(struct engine *engine)
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		free(engine->raw.lists[w]);
		engine->raw.lists[w] = NULL;
	}
}
