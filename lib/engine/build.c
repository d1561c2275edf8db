/* SPDX-License-Identifier: BSD-3-Clause */
/* From a plan to ports with queues, workers with rings, and a pipeline instance for each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "engine/steering_internal.h"
#include "port/application.h"

enum { MEMPOOL_CACHE_PACKETS = 256 };
/* A worker that has not drained after so long may hold packets in a stage: it is asked to let go.
 */
enum { FLUSH_AFTER_NS = 500000 };

int engine_socket(const struct engine *engine, int numa_node)
{
	return engine->memory_mode == MEMORY_NO_HUGE ? SOCKET_ID_ANY : numa_node;
}

struct rte_mempool *engine_pool(const struct engine *engine, int numa_node)
{
	struct rte_mempool *any = NULL;

	for (unsigned i = 0; i < engine->topology.node_count; i++) {
		if (engine->pools[i].mempool == NULL)
			continue;
		if (engine->pools[i].numa_node == numa_node)
			return engine->pools[i].mempool;
		any = engine->pools[i].mempool;
	}
	return any;
}

int engine_build_pools(struct engine *engine, struct error *error)
{
	const struct config_memory *memory = &engine->config->memory;

	for (unsigned i = 0; i < engine->topology.node_count; i++) {
		struct engine_pool *pool = &engine->pools[i];

		pool->numa_node = engine->topology.nodes[i].node;
		pool->packets = engine->plan.packets[i];
		if (pool->packets == 0)
			continue;
		snprintf(pool->name, sizeof(pool->name), "packets-node%d", pool->numa_node);
		pool->mempool =
			rte_pktmbuf_pool_create(pool->name, pool->packets, MEMPOOL_CACHE_PACKETS, 0,
				(uint16_t)(memory->packet_data_bytes + RTE_PKTMBUF_HEADROOM),
				engine_socket(engine, pool->numa_node));
		if (pool->mempool == NULL)
			return error_set(error, rte_errno,
				"no memory for %u packet buffers (%llu MiB) on node %d: %s. `weir "
				"check` tells "
				"what is needed and free; fewer descriptors or a smaller backlog "
				"need less",
				pool->packets,
				(unsigned long long)(plan_pool_bytes(pool->packets,
							     memory->packet_data_bytes) >>
					20),
				pool->numa_node, rte_strerror(rte_errno));
		pool->free_at_start = rte_mempool_avail_count(pool->mempool);
	}
	return 0;
}

/* ---- ports ---- */

/* A list for a queue that is not there says nothing to anybody. */
static void warn_of_queues(const struct engine *engine, const struct port *port, const char *name,
	const struct queue_masks *masks, uint16_t queues)
{
	if (!masks->all && masks->count > queues)
		engine_say(engine, true,
			"port %s: %s has lists for %u queues, and the port has %u: the rest is "
			"left "
			"out",
			port->config->name, name, masks->count, queues);
}

static void warn_of_steering(const struct engine *engine, const struct port *port)
{
	const struct config_port *config = port->config;
	uint16_t emulated = engine->plan.emulated_queues[port->index];

	warn_of_queues(engine, port, "xps_cpus", &config->xps_cpus, port->tx_queue_count);
	warn_of_queues(engine, port, "rps_cpus", &config->rps_cpus,
		emulated > 0 ? emulated : port->rx_queue_count);
	if (engine->config->steering.balance && port->rss == PORT_RSS_HARDWARE && emulated == 0)
		engine_say(engine, true,
			"port %s: steering.balance moves nothing here: its RSS is the device's, "
			"and "
			"only that of software is balanced (rss.mode \"software\")",
			config->name);
}

static int build_port(struct engine *engine, struct port *port, struct error *error)
{
	const struct plan *plan = &engine->plan;
	struct rte_mempool *pools[CONFIG_RSS_QUEUES_MAX] = {NULL}, *own = NULL;
	uint16_t p = port->index;
	uint16_t rx_queues = port->rx_queues_max ? plan->rx_queues[p] : 0;
	uint16_t tx_queues = port->tx_queues_max ? plan->tx_queues[p] : 0;
	int node = 0, result;

	if (rx_queues > 0)
		own = raw_pool(engine, p, error);
	if (own == NULL && error->code != 0)
		return -error->code;
	for (uint16_t q = 0; q < rx_queues; q++) {
		node = plan->workers[plan->rx_worker[p][q]].memory_node;
		pools[q] = own != NULL ? own : engine_pool(engine, node);
	}
	if (port->config->mirror != NULL && tx_queues > 0)
		tx_queues = 1; /* one worker writes the mirror file */
	if (port->patient) {
		engine->replay_plans[p].port = p;
		port->replay = replay_create(&engine->replay_plans[p], engine_pool(engine, node),
			engine_socket(engine, node), engine->tsc_hz, error);
		if (port->replay == NULL)
			return -error->code;
	}
	if (plan->emulated_queues[p] > 0)
		port->rss = PORT_RSS_SOFTWARE;
	engine->plan.tx_queues[p] = tx_queues;
	port->super_packets_come = engine_super_packets_come(engine->config, p);
	result = port_configure(port, rx_queues, tx_queues, pools, error);
	if (result != 0)
		return result;
	if (port->application != NULL)
		application_set_consumers(port->application, &engine->consumers);
	warn_of_steering(engine, port);
	return port_start(port, error);
}

int engine_build_ports(struct engine *engine, struct error *error)
{
	for (uint16_t i = 0; i < engine->port_count; i++) {
		int result = build_port(engine, &engine->ports[i], error);

		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- workers ---- */

void *worker_memory(const struct worker *worker, size_t bytes)
{
	return rte_zmalloc_socket(
		NULL, bytes ? bytes : 1, 64, engine_socket(worker->engine, worker->numa_node));
}

int no_worker_memory(const struct worker *worker, struct error *error)
{
	return error_set(error, ENOMEM,
		"no memory on node %d for worker %u; give more (/memory/size)", worker->numa_node,
		worker->index);
}

static void build_transmit(struct worker *worker, uint16_t p)
{
	struct port *port = &worker->engine->ports[p];
	struct transmit *transmit = &worker->transmits[p];

	if (port->tx_queue_count == 0)
		return;
	transmit->port = port;
	transmit->length_max = port->tx_length_max;
	transmit->segments_max = port->tx_segments_max;
	transmit->checked =
		port->tx_length_max != UINT32_MAX || port->tx_segments_max != UINT16_MAX;
}

void engine_set_tx_retry(struct engine *engine, uint16_t p)
{
	const struct config_port *config = engine->ports[p].config;
	/* A file takes all there is in the end, however slow its worker is. */
	uint64_t cycles = config->kind == PORT_FILE
		? UINT64_MAX
		: ns_to_tsc(config->tx_retry_ns, engine->tsc_hz);

	for (uint16_t w = 0; w < engine->worker_count; w++)
		__atomic_store_n(
			&engine->workers[w]->transmits[p].retry_cycles, cycles, __ATOMIC_RELAXED);
}

static int build_tx_queues(struct engine *engine, struct error *error)
{
	for (uint16_t p = 0; p < engine->port_count; p++) {
		uint16_t count = engine->ports[p].tx_queue_count;

		engine->tx_queues[p] = rte_zmalloc(NULL, (count + 1u) * sizeof(struct tx_queue), 0);
		engine->tx_counters[p] =
			rte_zmalloc(NULL, (count + 1u) * sizeof(struct queue_counters), 64);
		if (engine->tx_queues[p] == NULL || engine->tx_counters[p] == NULL)
			return error_set(error, ENOMEM, "no memory for tx queues");
		for (uint16_t q = 0; q < count; q++)
			engine->tx_queues[p][q] = port_tx_queue(&engine->ports[p], q);
	}
	return 0;
}

static int build_stage(struct pipeline *pipeline, uint16_t position,
	const struct config_pipeline *config, struct error *error)
{
	const struct config_stage *wanted = &config->stages[position];
	struct worker *worker = pipeline->worker;
	struct engine *engine = worker->engine;
	struct stage *stage = &pipeline->stages[SLOT_STAGES + position];
	int result;

	stage->ops = stage_find(wanted->type);
	if (stage->ops == NULL)
		return error_set(error, ENOENT, "pipeline %s: there is no stage \"%s\"",
			config->name, wanted->type);
	if (stage->ops->create != NULL) {
		result = stage->ops->create(
			stage, wanted, engine_socket(engine, worker->numa_node), error);
		if (result != 0)
			return error_prefix(error, "pipeline %s, stage %s, worker %u", config->name,
				wanted->type, worker->index);
	}
	pipeline->on[SLOT_STAGES + position] = true;
	return 0;
}

static int build_pipeline(struct worker *worker, uint16_t index, struct error *error)
{
	const struct config_pipeline *config = &worker->engine->config->pipelines[index];
	struct pipeline *pipeline = &worker->pipelines[index];
	int result;

	pipeline->worker = worker;
	pipeline->index = index;
	if (config->to_port != UINT16_MAX)
		pipeline->transmit = &worker->transmits[config->to_port];
	chain_init(pipeline);
	for (uint16_t i = 0; i < config->stage_count; i++) {
		result = build_stage(pipeline, i, config, error);
		if (result != 0)
			return result;
	}
	return 0;
}

static int build_restore(struct worker *worker, struct rx_poll *poll, struct error *error)
{
	poll->restore = worker_memory(worker, restore_bytes());
	if (poll->restore == NULL)
		return no_worker_memory(worker, error);
	restore_init(poll->restore, poll->pipeline, (uint16_t)(poll - worker->polls),
		worker->worker_count);
	worker->restores = true;
	return 0;
}

/* Where there is something to choose from, steering is made, even if nothing asks for it yet. */
static int build_steering(struct worker *worker, struct rx_poll *poll, struct error *error)
{
	struct engine *engine = worker->engine;

	if (engine->config->pipelines[poll->pipeline->index].order == ORDER_RESTORE &&
		worker->worker_count > 1)
		return build_restore(worker, poll, error);
	/* Hardware hashed with the same key: its hash is good. Another's may not be. */
	poll->keep_nic_hash = poll->port->rss == PORT_RSS_HARDWARE;
	if (worker->worker_count > 1 || engine->plan.emulated_queues[poll->port->index] > 0)
		return steering_create(engine, poll, error);
	return 0;
}

static bool port_pauses(const struct config_port *port)
{
	return port->kind == PORT_REPLAY ? port->replay.pause : port->generate.pause;
}

static struct pipeline *pipeline_from(struct worker *worker, uint16_t port)
{
	const struct config *config = worker->engine->config;

	for (uint16_t i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].from_port == port)
			return &worker->pipelines[i];
	return NULL;
}

static int build_polls(struct worker *worker, struct error *error)
{
	struct engine *engine = worker->engine;

	for (uint16_t p = 0; p < engine->port_count; p++) {
		struct pipeline *pipeline = pipeline_from(worker, p);

		if (pipeline == NULL)
			continue;
		for (uint16_t q = 0; q < engine->ports[p].rx_queue_count; q++) {
			struct rx_poll *poll = &worker->polls[worker->poll_count];

			if (engine->plan.rx_worker[p][q] != worker->index)
				continue;
			poll->port = &engine->ports[p];
			poll->queue_index = q;
			poll->queue = port_rx_queue(poll->port, q);
			poll->pipeline = pipeline;
			poll->worker = worker->index;
			poll->pauses = poll->port->patient && port_pauses(poll->port->config);
			worker->poll_count++;
			if (build_steering(worker, poll, error) != 0)
				return -error->code;
		}
	}
	return 0;
}

static struct worker *build_worker(struct engine *engine, uint16_t index, struct error *error)
{
	const struct plan_worker *plan = &engine->plan.workers[index];
	const struct config *config = engine->config;
	int socket = engine_socket(engine, plan->memory_node);
	struct worker *worker = rte_zmalloc_socket(NULL, sizeof(*worker), 64, socket);

	if (worker == NULL) {
		error_set(error, ENOMEM, "no memory on node %u for worker %u", plan->node, index);
		return NULL;
	}
	worker->engine = engine;
	worker->index = index;
	worker->cpu = plan->cpu;
	worker->numa_node = plan->memory_node;
	worker->worker_count = engine->worker_count;
	worker->workers = engine->workers;
	worker->acknowledged = PHASE_EXIT;
	worker->wake_fd = -1;
	worker->adaptive = config->workers.idle == IDLE_ADAPTIVE;
	worker->latency_on = config->stats.latency;
	worker->inbox_count = (uint16_t)(engine->worker_count - 1);
	worker->flush_after_cycles = ns_to_tsc(FLUSH_AFTER_NS, engine->tsc_hz);
	worker->polls = worker_memory(
		worker, sizeof(*worker->polls) * CONFIG_RSS_QUEUES_MAX * engine->port_count);
	worker->pipelines =
		worker_memory(worker, sizeof(*worker->pipelines) * config->pipeline_count);
	worker->transmits = worker_memory(worker, sizeof(*worker->transmits) * engine->port_count);
	worker->outboxes = worker_memory(worker, sizeof(*worker->outboxes) * engine->worker_count);
	worker->inboxes = worker_memory(worker, sizeof(*worker->inboxes) * engine->worker_count);
	worker->lanes = worker_memory(worker, sizeof(*worker->lanes) * engine->worker_count);
	worker->backlogs = worker_memory(worker, sizeof(*worker->backlogs) * engine->worker_count);
	worker->returns = worker_memory(worker, sizeof(*worker->returns) * engine->worker_count);
	worker->returned = worker_memory(worker, sizeof(*worker->returned) * engine->worker_count);
	worker->mark = worker_memory(worker, sizeof(*worker->mark));
	if (!worker->backlogs || !worker->returns || !worker->returned || !worker->mark ||
		!worker->polls || !worker->pipelines || !worker->transmits || !worker->outboxes ||
		!worker->inboxes || !worker->lanes)
		no_worker_memory(worker, error);
	else
		worker->backlogs[index].drained_now = &worker->own_drained;
	return worker;
}

int engine_build_workers(struct engine *engine, struct error *error)
{
	engine->worker_count = engine->plan.worker_count;
	for (uint16_t i = 0; i < engine->worker_count; i++) {
		engine->workers[i] = build_worker(engine, i, error);
		if (engine->workers[i] == NULL || error->code != 0)
			return -error->code;
	}
	if (engine_build_rings(engine, engine->config->steering.netdev_max_backlog, error) != 0 ||
		engine_build_return_rings(engine, error) != 0 ||
		engine_build_limits(engine, error) != 0 || build_tx_queues(engine, error) != 0 ||
		steering_consumers_make(engine->config, &engine->consumers, error) != 0)
		return -error->code;
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t p = 0; p < engine->port_count; p++)
			build_transmit(engine->workers[w], p);
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		struct worker *worker = engine->workers[w];

		for (uint16_t i = 0; i < engine->config->pipeline_count; i++)
			if (build_pipeline(worker, i, error) != 0)
				return -error->code;
		if (build_polls(worker, error) != 0)
			return -error->code;
	}
	for (uint16_t p = 0; p < engine->port_count; p++) {
		engine_choose_tx_queues(engine, engine->config, p);
		engine_set_tx_retry(engine, p);
	}
	return engine_link(engine, engine->config, error);
}
