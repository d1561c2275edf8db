/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine as others may see it: numbers of queues, workers and stages, and their counters. */
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "port/features.h"
#include "port/packet_socket.h"

uint16_t engine_worker_count(const struct engine *engine)
{
	return engine->worker_count;
}

void engine_worker_view(const struct engine *engine, uint16_t index, struct worker_view *ret_view)
{
	const struct worker *worker = engine->workers[index];

	*ret_view = (struct worker_view){
		.cpu = worker->cpu,
		.numa_node = worker->numa_node,
		.tid = worker->tid,
		.counters = &worker->counters,
	};
}

unsigned engine_rx_count(const struct engine *engine)
{
	unsigned count = 0;

	for (uint16_t w = 0; w < engine->worker_count; w++)
		count += engine->workers[w]->poll_count;
	return count;
}

static const struct rx_poll *poll_at(
	const struct engine *engine, unsigned index, uint16_t *ret_worker)
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		if (index < engine->workers[w]->poll_count) {
			*ret_worker = w;
			return &engine->workers[w]->polls[index];
		}
		index -= engine->workers[w]->poll_count;
	}
	return NULL;
}

void engine_rx_view(const struct engine *engine, unsigned index, struct rx_view *ret_view)
{
	uint16_t worker = 0;
	const struct rx_poll *poll = poll_at(engine, index, &worker);

	*ret_view = (struct rx_view){
		.port = poll->port->index,
		.queue = poll->queue_index,
		.worker = worker,
		.counters = &poll->counters,
	};
}

unsigned engine_emulated_queue_count(const struct engine *engine)
{
	unsigned count = 0;

	for (uint16_t p = 0; p < engine->port_count; p++)
		count += engine->plan.emulated_queues[p];
	return count;
}

void engine_emulated_queue_view(
	const struct engine *engine, unsigned index, struct emulated_queue_view *ret_view)
{
	uint16_t port = 0;

	while (index >= engine->plan.emulated_queues[port])
		index -= engine->plan.emulated_queues[port++];
	*ret_view = (struct emulated_queue_view){
		.port = port,
		.queue = (uint16_t)index,
		.worker = engine->plan.emulated_worker[port][index],
	};
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t i = 0; i < engine->workers[w]->poll_count; i++) {
			const struct rx_poll *poll = &engine->workers[w]->polls[i];

			if (poll->port->index != port || poll->steering == NULL)
				continue;
			for (unsigned c = 0;
				c < STEERING_COUNTERS && ret_view->writers < EMULATED_WRITERS_MAX;
				c++)
				ret_view->counters[ret_view->writers++] =
					&poll->steering->queues[c][index];
		}
}

unsigned engine_tx_count(const struct engine *engine)
{
	unsigned count = 0;

	for (uint16_t p = 0; p < engine->port_count; p++)
		count += engine->ports[p].tx_queue_count;
	return count;
}

void engine_tx_view(const struct engine *engine, unsigned index, struct tx_view *ret_view)
{
	uint16_t port = 0;

	while (index >= engine->ports[port].tx_queue_count)
		index -= engine->ports[port++].tx_queue_count;
	*ret_view = (struct tx_view){
		.port = port,
		.queue = (uint16_t)index,
		.counters = &engine->tx_counters[port][index],
	};
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		const struct transmit *transmit = &engine->workers[w]->transmits[port];

		if (transmit_is_own(transmit) && transmit->queue_index == index)
			ret_view->worker = w;
	}
}

static unsigned stages_a_worker(const struct engine *engine)
{
	unsigned count = 0;

	for (uint16_t i = 0; i < engine->config->pipeline_count; i++)
		count += SLOT_STAGES + engine->config->pipelines[i].stage_count + 1u;
	return count;
}

unsigned engine_stage_count(const struct engine *engine)
{
	return stages_a_worker(engine) * engine->worker_count;
}

void engine_stage_view(const struct engine *engine, unsigned index, struct stage_view *ret_view)
{
	unsigned each = stages_a_worker(engine);
	uint16_t worker = (uint16_t)(index / each);
	const struct pipeline *pipeline = engine->workers[worker]->pipelines;

	for (index %= each; index >= pipeline->stage_count; pipeline++)
		index -= pipeline->stage_count;
	*ret_view = (struct stage_view){
		.pipeline = pipeline->index,
		.worker = worker,
		.position = (uint16_t)index,
		.type = pipeline->stages[index].ops->name,
		.by_feature = index < SLOT_STAGES || index + 1u == pipeline->stage_count,
		.on = pipeline->on[index],
		.counters = &pipeline->counters[index],
	};
}

static const struct engine_pool *pool_at(const struct engine *engine, unsigned index)
{
	for (unsigned i = 0; i < engine->topology.node_count; i++)
		if (engine->pools[i].mempool != NULL && index-- == 0)
			return &engine->pools[i];
	return NULL;
}

unsigned engine_pool_count(const struct engine *engine)
{
	unsigned count = 0;

	while (pool_at(engine, count) != NULL)
		count++;
	return count;
}

void engine_pool_view(const struct engine *engine, unsigned index, struct pool_view *ret_view)
{
	const struct engine_pool *pool = pool_at(engine, index);

	*ret_view = (struct pool_view){
		.name = pool->name,
		.numa_node = pool->numa_node,
		.size = pool->packets,
		.free_at_start = pool->free_at_start,
		.free = rte_mempool_avail_count(pool->mempool),
		.buffer_bytes = rte_pktmbuf_data_room_size(pool->mempool),
	};
}

uint16_t engine_port_count(const struct engine *engine)
{
	return engine->port_count;
}

static void port_state_of_device(const struct port *port, struct port_state *state)
{
	struct rte_eth_dev_info info;
	struct rte_eth_stats stats;
	struct rte_eth_link link = {0};

	state->device = port->config->device;
	state->removed = __atomic_load_n(&port->removed, __ATOMIC_ACQUIRE) != 0;
	state->driver = "";
	if (state->removed)
		return;
	if (rte_eth_dev_info_get(port->ethdev, &info) == 0)
		state->driver = info.driver_name;
	if (rte_eth_link_get_nowait(port->ethdev, &link) == 0) {
		state->link_up = link.link_status == RTE_ETH_LINK_UP;
		state->link_mbps = link.link_speed;
	}
	if (rte_eth_stats_get(port->ethdev, &stats) == 0) {
		state->missed = stats.imissed;
		state->errors = stats.ierrors;
		state->no_mbuf = stats.rx_nombuf;
	}
}

static void port_state_of_interface(const struct port *port, struct port_state *state)
{
	struct packet_socket_state kernel;

	packet_socket_state(port->socket, &kernel);
	state->device = port->config->interface;
	state->removed = __atomic_load_n(&port->removed, __ATOMIC_ACQUIRE) != 0;
	state->link_up = kernel.link_up;
	state->link_mbps = kernel.link_mbps;
	state->missed = kernel.missed;
	state->errors = kernel.errors;
	state->no_mbuf = kernel.no_mbuf;
}

int engine_port_state(const struct engine *engine, uint16_t index, struct port_state *state)
{
	static const char *const kinds[] = {
		[PORT_REPLAY] = "replay",
		[PORT_GENERATE] = "generate",
		[PORT_FILE] = "file",
		[PORT_INTERFACE] = "packet socket",
		[PORT_APPLICATION] = "application",
	};
	static const char *const rss[] = {
		[PORT_RSS_OFF] = "off",
		[PORT_RSS_SOFTWARE] = "software",
		[PORT_RSS_HARDWARE] = "hardware",
	};
	const struct port *port;

	if (index >= engine->port_count)
		return -ENOENT;
	port = &engine->ports[index];
	*state = (struct port_state){
		.name = port->config->name,
		.numa_node = port->numa_node,
		.link_up = true,
		.mtu = port->mtu,
		.rx_queues = port->rx_queue_count,
		.tx_queues = port->tx_queue_count,
		.emulated_queues = engine->plan.emulated_queues[index],
		.rss = rss[port->rss],
	};
	if (port->config->kind == PORT_DEVICE) {
		port_state_of_device(port, state);
		return 0;
	}
	state->driver = kinds[port->config->kind];
	state->device = port->config->kind == PORT_FILE ? port->config->file
		: port->config->kind == PORT_REPLAY	? port->config->replay.files[0]
							: "";
	if (port->config->kind == PORT_APPLICATION)
		state->link_up = port_link_is_up(port);
	if (port->config->kind == PORT_INTERFACE)
		port_state_of_interface(port, state);
	return 0;
}

void engine_feature_abilities(
	const struct engine *engine, uint16_t port, struct feature_abilities *ret_abilities)
{
	port_feature_abilities(&engine->ports[port], ret_abilities);
}

const struct replay *engine_replay(const struct engine *engine, uint16_t port)
{
	return engine->ports[port].replay;
}

const struct plan *engine_plan(const struct engine *engine)
{
	return &engine->plan;
}

enum memory_mode engine_memory_mode(const struct engine *engine)
{
	return engine->memory_mode;
}

uint64_t engine_tsc_hz(const struct engine *engine)
{
	return engine->tsc_hz;
}

const struct config *engine_config(const struct engine *engine)
{
	return engine->config;
}

uint64_t engine_duration_ns(const struct engine *engine)
{
	if (engine->started_ns == 0)
		return 0;
	return (engine->stopped_ns > engine->started_ns ? engine->stopped_ns
							: clock_monotonic_ns()) -
		engine->started_ns;
}

static void account_worker(const struct worker *worker, struct engine_account *account)
{
	const struct engine *engine = worker->engine;

	for (uint16_t i = 0; i < worker->poll_count; i++) {
		account->in += worker->polls[i].counters.packets;
		account->bytes_in += worker->polls[i].counters.bytes;
	}
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++)
		for (uint16_t s = 0; s < worker->pipelines[i].stage_count; s++) {
			account->made += worker->pipelines[i].counters[s].made;
			account->merged += worker->pipelines[i].counters[s].merged;
			account->held += worker->pipelines[i].counters[s].held;
			account->out += worker->pipelines[i].counters[s].delivered;
			account->bytes_out += worker->pipelines[i].counters[s].delivered_bytes;
		}
	account->made += worker->counters.from_applications;
	for (uint16_t i = 0; i < worker->inbox_count; i++)
		account->held += batch_ring_waiting(worker->inboxes[i]);
	account->held += spread_parked(worker);
	for (uint16_t i = 0; i < worker->poll_count; i++)
		if (worker->polls[i].restore != NULL)
			account->held += restore_held(worker->polls[i].restore);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		account->drops[r] += worker->counters.drops[r];
}

void engine_account(const struct engine *engine, struct engine_account *account)
{
	memset(account, 0, sizeof(*account));
	for (uint16_t p = 0; p < engine->port_count; p++)
		for (uint16_t q = 0; q < engine->ports[p].tx_queue_count; q++) {
			account->out += engine->tx_counters[p][q].packets;
			account->bytes_out += engine->tx_counters[p][q].bytes;
		}
	for (uint16_t w = 0; w < engine->worker_count; w++)
		account_worker(engine->workers[w], account);
	account->unaccounted = (int64_t)(account->in + account->made - account->merged -
		account->out - account->held);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		account->unaccounted -= (int64_t)account->drops[r];
}
