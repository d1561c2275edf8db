/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of ports whose packets one application has for itself. */
#include <errno.h>
#include <stdio.h>

#include "engine/engine_internal.h"
#include "engine/raw.h"
#include "port/shared_pool.h"

struct rte_mempool *raw_pool(struct engine *engine, uint16_t port, struct error *error)
{
	const struct config_port *config = &engine->config->ports[port];
	uint32_t packets = plan_application_pool(engine->config, &engine->plan, port);
	char name[RTE_MEMPOOL_NAMESIZE];

	if (packets == 0)
		return NULL;
	snprintf(name, sizeof(name), "packets-port%u", port);
	engine->raw.pools[port] = shared_pool_create(
		name, packets, engine->config->memory.packet_data_bytes, SOCKET_ID_ANY, error);
	if (engine->raw.pools[port] != NULL)
		return engine->raw.pools[port]->mempool;
	error_prefix(error, "port %s: application_pool", config->name);
	return NULL;
}

int raw_pools_end(struct engine *engine)
{
	int result = 0;

	for (uint16_t p = 0; p < engine->port_count; p++) {
		struct shared_pool *pool = engine->raw.pools[p];
		uint32_t free_now;

		if (pool == NULL)
			continue;
		free_now = rte_mempool_avail_count(pool->mempool);
		if (free_now != pool->packets && !engine->ports[p].keeps_buffers) {
			engine_say(engine, true, "port %s: %u packet buffers did not come back",
				engine->config->ports[p].name, pool->packets - free_now);
			result = -EIO;
		}
		engine->raw.pools[p] = shared_pool_destroy(pool);
	}
	return result;
}
