/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "stats/snapshot_steering.h"

enum { LINE_BYTES = 64 };

/* Zeroed, aligned as counters are; at least one element, so that NULL always means no memory. */
static void *array_create(size_t count, size_t element_bytes)
{
	size_t bytes = (count > 0 ? count : 1) * element_bytes;
	void *array;

	bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	array = aligned_alloc(LINE_BYTES, bytes);
	if (array != NULL)
		memset(array, 0, bytes);
	return array;
}

struct snapshot *snapshot_create(const struct engine *engine)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	unsigned emulated = engine_emulated_queue_count(engine);
	unsigned pools = engine_pool_count(engine);

	if (snapshot == NULL)
		return NULL;
	snapshot->workers = array_create(engine_worker_count(engine), sizeof(*snapshot->workers));
	snapshot->rx = array_create(engine_rx_count(engine), sizeof(*snapshot->rx));
	snapshot->tx = array_create(engine_tx_count(engine), sizeof(*snapshot->tx));
	snapshot->emulated = array_create(emulated, sizeof(*snapshot->emulated));
	snapshot->stages = array_create(engine_stage_count(engine), sizeof(*snapshot->stages));
	snapshot->ports = array_create(engine_port_count(engine), sizeof(*snapshot->ports));
	snapshot->pools = array_create(pools, sizeof(*snapshot->pools));
	snapshot->pool_free_min = array_create(pools, sizeof(*snapshot->pool_free_min));
	snapshot->steering_count = engine_steering_count(engine);
	snapshot->steering = array_create(snapshot->steering_count, sizeof(*snapshot->steering));
	snapshot->softnet = array_create(engine_worker_count(engine), sizeof(*snapshot->softnet));
	if (snapshot->workers == NULL || snapshot->rx == NULL || snapshot->tx == NULL ||
		snapshot->emulated == NULL || snapshot->stages == NULL || snapshot->ports == NULL ||
		snapshot->pools == NULL || snapshot->pool_free_min == NULL ||
		snapshot->steering == NULL || snapshot->softnet == NULL)
		return snapshot_destroy(snapshot);
	for (unsigned i = 0; i < pools; i++)
		snapshot->pool_free_min[i] = UINT32_MAX;
	return snapshot;
}

struct snapshot *snapshot_destroy(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return NULL;
	free(snapshot->workers);
	free(snapshot->rx);
	free(snapshot->tx);
	free(snapshot->emulated);
	free(snapshot->stages);
	free(snapshot->ports);
	free(snapshot->pools);
	free(snapshot->pool_free_min);
	free(snapshot->steering);
	free(snapshot->softnet);
	free(snapshot);
	return NULL;
}

static void take_queues(struct snapshot *snapshot, const struct engine *engine)
{
	for (unsigned i = 0; i < engine_rx_count(engine); i++) {
		struct rx_view view;

		engine_rx_view(engine, i, &view);
		snapshot->rx[i] = *view.counters;
	}
	for (unsigned i = 0; i < engine_tx_count(engine); i++) {
		struct tx_view view;

		engine_tx_view(engine, i, &view);
		snapshot->tx[i] = *view.counters;
	}
	for (unsigned i = 0; i < engine_emulated_queue_count(engine); i++) {
		struct queue_counters *sum = &snapshot->emulated[i];
		struct emulated_queue_view view;

		engine_emulated_queue_view(engine, i, &view);
		*sum = (struct queue_counters){0};
		for (unsigned writer = 0; writer < view.writers; writer++) {
			sum->packets += view.counters[writer]->packets;
			sum->bytes += view.counters[writer]->bytes;
			sum->batches += view.counters[writer]->batches;
		}
	}
}

static void take_pools(
	struct snapshot *snapshot, const struct snapshot *before, const struct engine *engine)
{
	for (unsigned i = 0; i < engine_pool_count(engine); i++) {
		uint32_t least = before->pool_free_min[i];

		engine_pool_view(engine, i, &snapshot->pools[i]);
		if (snapshot->pools[i].free < least)
			least = snapshot->pools[i].free;
		snapshot->pool_free_min[i] = least;
	}
}

void snapshot_take(struct snapshot *snapshot, const struct snapshot *before,
	const struct engine *engine, uint64_t now_ns, uint64_t wall_ns)
{
	snapshot->taken_ns = now_ns;
	snapshot->wall_ns = wall_ns;
	for (unsigned i = 0; i < engine_worker_count(engine); i++) {
		struct worker_view view;

		engine_worker_view(engine, (uint16_t)i, &view);
		snapshot->workers[i] = *view.counters;
	}
	take_queues(snapshot, engine);
	for (unsigned i = 0; i < engine_stage_count(engine); i++) {
		struct stage_view view;

		engine_stage_view(engine, i, &view);
		snapshot->stages[i] = *view.counters;
	}
	for (unsigned i = 0; i < engine_port_count(engine); i++) {
		struct port_state state;

		/* A port that cannot be asked (unplugged) keeps what it said last. */
		if (engine_port_state(engine, (uint16_t)i, &state) < 0) {
			state = before->ports[i];
			state.removed = true;
		}
		snapshot->ports[i] = state;
	}
	take_pools(snapshot, before, engine);
	snapshot_take_steering(snapshot, before, engine);
	engine_account(engine, &snapshot->account);
}
