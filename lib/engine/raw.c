/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs as they come and go, and the memory they are shown: on the server thread, under the
 * steering lock. */
#include "engine/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "port/application.h"
#include "port/shared_pool.h"
#include "verbs/protocol.h"

/* Of each pool's buffers applications may hold so many that the plan made for them, but no more
 * than one in LENT_SHARE: the rest is for receiving. */
enum { LENT_SHARE = 2 };

struct raw_pair *raw_pair_find(const struct raw *raw, uint32_t number)
{
	struct raw_pair *pair = raw->pairs;

	while (pair != NULL && pair->number != number)
		pair = pair->next;
	return pair;
}

/* ---- packet memory ---- */

/* What the owner of a port's pool sees: all that others see, then the pool. */
static int pool_memory_find(struct engine *engine, uint16_t port, struct error *error)
{
	struct raw *raw = &engine->raw;
	struct raw_memory *memory = &raw->pool_memory[port];
	int result = raw_memory_copy(memory, &raw->memory);

	if (result != 0)
		return error_set(error, -result, "no memory");
	raw->pools[port]->share.lent_max = PLAN_APPLICATION_PACKETS;
	return shared_pool_show(raw->pools[port], memory, error);
}

static void memory_find(struct engine *engine)
{
	struct raw *raw = &engine->raw;
	struct error error = {0};

	if (raw->memory_known)
		return;
	raw->memory_known = true;
	for (unsigned i = 0; i < engine->topology.node_count; i++) {
		const struct engine_pool *pool = &engine->pools[i];

		if (pool->mempool == NULL)
			continue;
		raw->shares[i].pool = pool->mempool;
		raw->shares[i].lent_max = RTE_MIN(
			pool->free_at_start / LENT_SHARE, (uint32_t)PLAN_APPLICATION_PACKETS);
		if (raw_memory_add(&raw->memory, &raw->shares[i], &error) != 0)
			engine_say(engine, true, "applications get copies of packets: %s",
				error.message);
	}
	for (uint16_t p = 0; p < engine->port_count; p++)
		if (raw->pools[p] != NULL && pool_memory_find(engine, p, &error) != 0)
			engine_say(engine, true, "port %s: application_pool: %s",
				engine->config->ports[p].name, error.message);
}

static int packets(void *argument, uint32_t number, uint32_t part,
	struct verbs_get_packets_answer *answer, int *ret_fd, struct error *error)
{
	struct engine *engine = argument;
	const struct raw *raw = &engine->raw;
	const struct raw_pair *pair = raw_pair_find(raw, number);
	const struct raw_memory *memory;
	const struct raw_part *wanted;
	int fd;

	*ret_fd = -1;
	if (pair == NULL)
		return error_set(error, ENOENT, "there is no such queue pair");
	answer->mode = raw_queue_mode(pair->queue);
	if (answer->mode == VERBS_PACKETS_COPY)
		return 0;
	memory = raw_queue_lends(pair->queue);
	answer->parts = memory->part_count;
	if (part >= memory->part_count)
		return 0;
	wanted = &memory->parts[part];
	answer->writable = raw_memory_writable(memory, (uint64_t)wanted->span << 48);
	fd = raw_memory_open(wanted, answer->writable);
	if (fd < 0)
		return error_set(error, -fd, "packet memory: %s", strerror(-fd));
	answer->bytes = wanted->bytes;
	answer->fd_offset = wanted->fd_offset;
	answer->span = wanted->span;
	answer->span_offset = wanted->offset;
	answer->span_bytes = memory->spans[wanted->span].bytes;
	*ret_fd = fd;
	return 0;
}

/* ---- queue pairs ---- */

static int attach_locked(
	struct engine *engine, const struct verbs_raw_queue *wanted, struct error *error)
{
	struct raw_pair *pair = calloc(1, sizeof(*pair));
	struct raw_queue_config config = {
		.memory = wanted->memory,
		.area_bytes = wanted->area_bytes,
		.receive_depth = wanted->receive_depth,
		.send_depth = wanted->send_depth,
		.ring = wanted->ring,
		.broke = wanted->broke,
		.argument = wanted->argument,
	};

	memory_find(engine);
	if (wanted->trusted && engine->raw.memory.part_count > 0 &&
		engine->config->verbs.raw != VERBS_RAW_OFF) {
		config.mode = VERBS_PACKETS_READ_ONLY;
		config.lends = &engine->raw.memory;
	}
	if (pair != NULL)
		pair->queue = raw_queue_create(&config);
	if (pair == NULL || pair->queue == NULL) {
		free(pair);
		return error_set(error, ENOMEM, "no memory for a queue pair");
	}
	pair->number = wanted->number;
	pair->connection = wanted->connection;
	pair->trusted = wanted->trusted;
	pair->port = UINT16_MAX;
	pair->next = engine->raw.pairs;
	engine->raw.pairs = pair;
	if (raw_lists_update(engine, error) == 0)
		return 0;
	engine->raw.pairs = pair->next;
	raw_queue_destroy(pair->queue);
	free(pair);
	return -error->code;
}

static int attach(void *argument, const struct verbs_raw_queue *wanted, struct error *error)
{
	struct engine *engine = argument;
	int result;

	pthread_mutex_lock(&engine->steering_lock);
	result = attach_locked(engine, wanted, error);
	pthread_mutex_unlock(&engine->steering_lock);
	return result;
}

static void pair_remove(struct engine *engine, struct raw_pair *pair)
{
	struct raw_pair **link = &engine->raw.pairs;
	struct error error = {0};

	while (*link != pair)
		link = &(*link)->next;
	*link = pair->next;
	for (uint16_t p = 0; p < engine->port_count; p++)
		if (engine->raw.pool_owner[p] == pair->number)
			engine->raw.pool_owner[p] = 0;
	if (raw_lists_update(engine, &error) != 0)
		raw_lists_drop(engine, pair->queue);
	raw_queue_destroy(pair->queue);
	free(pair);
}

static void detach(void *argument, uint32_t number)
{
	struct engine *engine = argument;
	struct raw_pair *pair;

	pthread_mutex_lock(&engine->steering_lock);
	pair = raw_pair_find(&engine->raw, number);
	if (pair != NULL) {
		raw_flows_forget(engine, number, 0);
		pair_remove(engine, pair);
	}
	pthread_mutex_unlock(&engine->steering_lock);
}

const struct verbs_server_raw engine_raw_operations = {
	.attach = attach,
	.detach = detach,
	.flow_add = raw_flow_add,
	.flow_remove = raw_flow_remove,
	.packets = packets,
};

void raw_fini(struct engine *engine)
{
	while (engine->raw.pairs != NULL)
		detach(engine, engine->raw.pairs->number);
	for (uint16_t p = 0; p < engine->port_count; p++)
		raw_memory_fini(&engine->raw.pool_memory[p]);
	raw_lists_fini(engine);
	raw_memory_fini(&engine->raw.memory);
}
