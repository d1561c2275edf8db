/* SPDX-License-Identifier: BSD-3-Clause */
/* From configuration, plan and topology to the tables that a receiving worker steers by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/steering_internal.h"
#include "placement/memory.h"

static uint16_t queue_count(const struct engine *engine, const struct rx_poll *poll)
{
	uint16_t emulated = engine->plan.emulated_queues[poll->port->index];

	return emulated > 0 ? emulated : 1;
}

/* The RPS mask of a queue: an emulated one, or the hardware queue that is polled. */
static const struct cpu_mask *rps_mask(const struct engine *engine, const struct config *config,
	const struct rx_poll *poll, unsigned queue)
{
	uint16_t port = poll->port->index;
	bool emulated = engine->plan.emulated_queues[port] > 0;

	return queue_mask(&config->ports[port].rps_cpus, emulated ? queue : poll->queue_index);
}

/* Workers whose CPUs are in the mask, in the order of their CPUs, as the kernel's map is. */
static void fill_map(
	const struct engine *engine, const struct cpu_mask *mask, struct rps_map *ret_map)
{
	ret_map->count = 0;
	for (unsigned cpu = 0; cpu < CONFIG_CPUS_MAX; cpu++)
		for (uint16_t w = 0; cpu_mask_has(mask, cpu) && w < engine->worker_count; w++)
			if (engine->plan.workers[w].cpu == cpu)
				ret_map->workers[ret_map->count++] = (uint8_t)w;
}

static int fill_maps(const struct engine *engine, const struct config *config,
	const struct rx_poll *poll, struct steer_table *table, struct error *error)
{
	for (unsigned queue = 0; queue < table->reta.queue_count; queue++) {
		const struct cpu_mask *mask = rps_mask(engine, config, poll, queue);
		static const struct cpu_mask none;

		if (mask == NULL || memcmp(mask, &none, sizeof(none)) == 0)
			continue;
		fill_map(engine, mask, &table->rps[queue]);
		if (table->rps[queue].count == 0)
			return error_set(error, EINVAL,
				"port %s: rps_cpus of queue %u names no CPU that a worker runs on; "
				"`weir show workers` and `weir check` tell which do",
				poll->port->config->name, queue);
		table->has_rps = true;
	}
	return 0;
}

/* The smaller, the nearer; 0: no nearness at all. */
static unsigned nearness(const struct topology_cpu *one, const struct topology_cpu *other)
{
	if (one->cpu == other->cpu)
		return 4;
	if (one->first_sibling == other->first_sibling)
		return 3;
	if (one->llc == other->llc)
		return 2;
	return one->node == other->node ? 1 : 0;
}

/* Among workers that are equally near, CPUs take turns. */
static uint8_t nearest_worker(const struct engine *engine, unsigned cpu)
{
	const struct topology_cpu *consumer = topology_cpu_find(&engine->topology, cpu);
	unsigned best = 0, count = 0;
	uint8_t workers[CONFIG_WORKERS_MAX];

	for (uint16_t w = 0; consumer != NULL && w < engine->worker_count; w++) {
		const struct topology_cpu *at =
			topology_cpu_find(&engine->topology, engine->plan.workers[w].cpu);
		unsigned near = at != NULL ? nearness(consumer, at) : 0;

		if (near == 0 || near < best)
			continue;
		if (near > best)
			count = 0;
		best = near;
		workers[count++] = (uint8_t)w;
	}
	return count > 0 ? workers[cpu % count] : (uint8_t)STEER_NONE;
}

static int fill_reta(const struct engine *engine, const struct config *config,
	const struct rx_poll *poll, struct steer_table *table, struct error *error)
{
	const struct config_port *port = &config->ports[poll->port->index];
	uint16_t queues = queue_count(engine, poll);

	/* With one queue there are no shares to give. */
	if (reta_fill(&table->reta, port->rss.reta_size, queues, queues > 1 ? port->rss.equal : 0,
		    port->rss.weights.weights, queues > 1 ? port->rss.weights.count : 0,
		    error) != 0)
		return error_prefix(error, "port %s", port->name);
	for (unsigned queue = 0; queue < queues; queue++)
		table->queue_worker[queue] = engine->plan.emulated_queues[port - config->ports] > 0
			? (uint8_t)engine->plan.emulated_worker[port - config->ports][queue]
			: (uint8_t)poll->worker;
	return 0;
}

static uint32_t flow_entries(
	const struct engine *engine, const struct config *config, const struct rx_poll *poll)
{
	uint64_t wanted =
		(uint64_t)config->ports[poll->port->index].rps_flow_cnt * queue_count(engine, poll);

	if (config->steering.rps_sock_flow_entries == 0 || wanted == 0)
		return 0;
	return rfs_entries(wanted > 1u << 26 ? 1u << 26 : (uint32_t)wanted);
}

int steering_tables_make(const struct engine *engine, const struct config *config,
	const struct rx_poll *poll, const struct rfs_consumers *consumers,
	struct steering_tables **ret_tables, struct error *error)
{
	const struct config_port *port = &config->ports[poll->port->index];
	uint32_t entries = flow_entries(engine, config, poll);
	size_t flows_bytes = entries > 0 ? rfs_flows_bytes(entries) : 0;
	int node = engine->workers[poll->worker]->numa_node;
	struct steering_tables *tables = node_memory_take(sizeof(*tables), node);
	struct steer_table *table;
	int result = 0;

	*ret_tables = NULL;
	if (tables == NULL)
		return error_set(error, ENOMEM, "no memory for steering tables");
	tables->flows_bytes = flows_bytes;
	tables->backlog_limit = config->steering.netdev_max_backlog;
	rss_hash_init(
		&tables->hash, port->rss.key, port->rss.fields, port->rss.xfrm, port->rss.inner);
	table = &tables->table;
	table->worker_count = engine->worker_count;
	table->balanced = config->steering.balance;
	for (unsigned cpu = 0; cpu < STEERING_CPUS_MAX; cpu++)
		table->cpu_worker[cpu] = nearest_worker(engine, cpu);
	if (flows_bytes > 0) {
		table->flows = node_memory_take(flows_bytes, node);
		table->consumers = consumers;
		if (table->flows != NULL)
			rfs_flows_init(table->flows, entries);
		else
			result = error_set(error, ENOMEM,
				"port %s: no memory for %u flows (rps_flow_cnt)", port->name,
				entries);
	}
	if (result == 0)
		result = fill_reta(engine, config, poll, table, error);
	if (result == 0)
		result = fill_maps(engine, config, poll, table, error);
	if (result != 0) {
		steering_tables_free(tables);
		return result;
	}
	tables->active = engine->plan.emulated_queues[poll->port->index] > 0 || table->has_rps ||
		table->flows != NULL;
	*ret_tables = tables;
	return 0;
}

void steering_tables_free(struct steering_tables *tables)
{
	if (tables == NULL)
		return;
	node_memory_give(tables->table.flows, tables->flows_bytes);
	node_memory_give(tables, sizeof(*tables));
}

/* ---- a steering ---- */

static uint32_t park_slots(const struct config *config)
{
	return config->steering.netdev_max_backlog < STEERING_PARK_MIN
		? STEERING_PARK_MIN
		: config->steering.netdev_max_backlog;
}

int steering_create(struct engine *engine, struct rx_poll *poll, struct error *error)
{
	struct worker *worker = engine->workers[poll->worker];
	uint32_t slot_count = park_slots(engine->config);
	struct steering *steering = node_memory_take(sizeof(*steering), worker->numa_node);
	struct steer_slot *slots;

	if (steering == NULL)
		return error_set(error, ENOMEM, "no memory for steering");
	poll->steering = steering;
	steering->slots_bytes = slot_count * sizeof(*slots);
	slots = node_memory_take(steering->slots_bytes, worker->numa_node);
	steering->hitters_memory = node_memory_take(heavy_hitters_bytes(), worker->numa_node);
	if (slots != NULL)
		steering->steer.slots = slots; /* freed by steering_destroy() from here on */
	if (slots == NULL || steering->hitters_memory == NULL)
		return error_set(error, ENOMEM, "no memory for steering");
	steering->hitters = heavy_hitters_init(steering->hitters_memory, STEERING_HITTERS_EVERY);
	steering->hitters_random = (uint32_t)(poll->port->index * 64u + poll->worker + 1);
	if (steering_tables_make(
		    engine, engine->config, poll, engine->consumers, &steering->tables, error) != 0)
		return -error->code;
	steering->next = steering->tables;
	steer_init(&steering->steer, &steering->tables->table, worker->backlogs, slots, slot_count);
	poll->steers = steering->tables->active;
	return 0;
}

void steering_destroy(struct steering *steering)
{
	if (steering == NULL)
		return;
	if (steering->next != steering->tables)
		steering_tables_free(steering->next);
	steering_tables_free(steering->tables);
	node_memory_give(steering->steer.slots, steering->slots_bytes);
	node_memory_give(steering->hitters_memory, heavy_hitters_bytes());
	node_memory_give(steering, sizeof(*steering));
}

/* ---- what all share ---- */

int steering_consumers_make(
	const struct config *config, struct rfs_consumers **ret_consumers, struct error *error)
{
	uint32_t entries = config->steering.rps_sock_flow_entries;

	*ret_consumers = NULL;
	if (entries == 0)
		return 0;
	entries = rfs_entries(entries);
	*ret_consumers = node_memory_take(rfs_consumers_bytes(entries), -1);
	if (*ret_consumers == NULL)
		return error_set(error, ENOMEM,
			"no memory for %u flows (steering.rps_sock_flow_entries)", entries);
	rfs_consumers_init(*ret_consumers, entries);
	return 0;
}

void steering_consumers_free(struct rfs_consumers *consumers)
{
	if (consumers != NULL)
		node_memory_give(consumers, rfs_consumers_bytes(consumers->mask + 1));
}

/* The flow limits in front of the backlogs from one worker, as its own CPU list says. */
int steering_limits_make(const struct engine *engine, const struct config *config,
	const struct worker *worker, struct flow_limit *ret_limits[], struct error *error)
{
	uint32_t buckets = rfs_entries(config->steering.flow_limit_table_len);

	for (uint16_t i = 0; i < engine->worker_count; i++) {
		ret_limits[i] = NULL;
		if (i == worker->index ||
			!cpu_mask_has(
				&config->steering.flow_limit_cpus, engine->plan.workers[i].cpu))
			continue;
		ret_limits[i] = node_memory_take(flow_limit_bytes(buckets), worker->numa_node);
		if (ret_limits[i] == NULL)
			return error_set(error, ENOMEM, "no memory for flow limits");
		flow_limit_init(ret_limits[i], buckets);
	}
	return 0;
}

void steering_limit_free(struct flow_limit *limit)
{
	if (limit != NULL)
		node_memory_give(limit, flow_limit_bytes(limit->mask + 1));
}
