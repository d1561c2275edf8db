/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers and main to CPUs; the rules stand in plan.h. CPUs are chosen one at a time: each time the
 * candidate with the least cost, the cost being a list of reasons against it, gravest first.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "placement/plan_parts.h"
#include "placement/sysfs.h"

enum { NO_CPU = UINT16_MAX };

/* What a core bears, in its `load`: main mostly sleeps, so its core is the better one to share. */
enum { LOAD_MAIN = 1, LOAD_WORKER = 2 };

/* State of the choice. Arrays are indexed by CPU number or node number, not by position. */
struct choice {
	const struct topology *topology;
	struct plan *plan;
	bool wanted_node[TOPOLOGY_CPUS_MAX];
	bool wanted_only; /* workers.nodes: no others may serve */
	uint16_t workers_on_cpu[TOPOLOGY_CPUS_MAX];
	uint16_t core_load[TOPOLOGY_CPUS_MAX]; /* by the core's first sibling */
	uint16_t node_load[TOPOLOGY_CPUS_MAX];
};

enum { COST_REASONS = 7 };

struct cost {
	unsigned reasons[COST_REASONS];
};

static bool cost_less(const struct cost *one, const struct cost *other)
{
	for (unsigned reason = 0; reason < COST_REASONS; reason++) {
		if (one->reasons[reason] != other->reasons[reason])
			return one->reasons[reason] < other->reasons[reason];
	}
	return false;
}

/* For a worker: see the order in plan.h. */
static struct cost worker_cost(const struct choice *choice, const struct topology_cpu *cpu)
{
	return (struct cost){{
		choice->workers_on_cpu[cpu->cpu],
		cpu->cpu == choice->plan->main_cpu,
		!choice->wanted_node[cpu->node],
		!cpu->isolated,
		choice->core_load[cpu->first_sibling],
		choice->node_load[cpu->node],
		cpu->cpu,
	}};
}

/* For main: least in the way of the workers. */
static struct cost main_cost(const struct choice *choice, const struct topology_cpu *cpu)
{
	return (struct cost){{
		choice->workers_on_cpu[cpu->cpu],
		cpu->isolated,
		choice->core_load[cpu->first_sibling],
		choice->wanted_node[cpu->node],
		cpu->cpu,
	}};
}

static const struct topology_cpu *cheapest(const struct choice *choice,
	struct cost (*cost_of)(const struct choice *, const struct topology_cpu *),
	bool wanted_only)
{
	const struct topology_cpu *best = NULL;
	struct cost best_cost = {{0}};

	for (unsigned index = 0; index < choice->topology->cpu_count; index++) {
		const struct topology_cpu *cpu = &choice->topology->cpus[index];
		struct cost cost = cost_of(choice, cpu);

		if (wanted_only && !choice->wanted_node[cpu->node])
			continue;
		if (best == NULL || cost_less(&cost, &best_cost)) {
			best = cpu;
			best_cost = cost;
		}
	}
	return best;
}

static void place_main(struct choice *choice)
{
	const struct topology_cpu *cpu = cheapest(choice, main_cost, false);

	choice->plan->main_cpu = cpu->cpu;
	choice->core_load[cpu->first_sibling] += LOAD_MAIN;
}

/* A CPU that main kept clear of at first may be the only free one in the end. */
static void move_main(struct choice *choice)
{
	unsigned cpu = choice->plan->main_cpu;

	if (choice->workers_on_cpu[cpu] == 0)
		return;
	choice->core_load[topology_cpu_find(choice->topology, cpu)->first_sibling] -= LOAD_MAIN;
	place_main(choice);
}

static void place_worker(struct choice *choice, const struct topology_cpu *cpu)
{
	struct plan *plan = choice->plan;

	plan->workers[plan->worker_count++] =
		(struct plan_worker){.cpu = cpu->cpu, .node = cpu->node};
	choice->workers_on_cpu[cpu->cpu]++;
	choice->core_load[cpu->first_sibling] += LOAD_WORKER;
	choice->node_load[cpu->node]++;
}

/* ---- which nodes are wanted ---- */

static int want_configured_nodes(
	struct choice *choice, const struct cpu_list *nodes, struct error *error)
{
	cpu_set_t with_cpus;
	char text[128];

	CPU_ZERO(&with_cpus);
	for (unsigned index = 0; index < choice->topology->cpu_count; index++)
		CPU_SET(choice->topology->cpus[index].node, &with_cpus);
	for (unsigned index = 0; index < nodes->count; index++) {
		uint16_t node = nodes->cpus[index];

		if (node >= TOPOLOGY_CPUS_MAX || !CPU_ISSET(node, &with_cpus))
			return error_set(error, EINVAL,
				"workers.nodes: no CPU of node %u may be used here (nodes with "
				"usable "
				"CPUs: %s)",
				node, list_format(&with_cpus, text, sizeof(text)));
		choice->wanted_node[node] = true;
	}
	choice->wanted_only = true;
	return 0;
}

static bool want_port_nodes(
	struct choice *choice, const struct plan_port ports[], unsigned port_count)
{
	bool any = false;

	for (unsigned index = 0; index < choice->topology->cpu_count; index++) {
		uint16_t node = choice->topology->cpus[index].node;

		for (unsigned port = 0; port < port_count; port++) {
			if (ports[port].numa_node != node)
				continue;
			choice->wanted_node[node] = true;
			any = true;
		}
	}
	return any;
}

static void want_largest_node(struct choice *choice)
{
	unsigned cpus[TOPOLOGY_CPUS_MAX] = {0}, best = choice->topology->cpus[0].node;

	for (unsigned index = 0; index < choice->topology->cpu_count; index++)
		cpus[choice->topology->cpus[index].node]++;
	for (unsigned node = 0; node < TOPOLOGY_CPUS_MAX; node++) {
		if (cpus[node] > cpus[best])
			best = node;
	}
	choice->wanted_node[best] = true;
}

/* ---- the three ways to say which workers ---- */

static int place_listed(
	struct choice *choice, const struct config_workers *workers, struct error *error)
{
	unsigned count = workers->count > 0 ? workers->count : workers->cpus.count;
	char allowed[128];

	if (count > CONFIG_WORKERS_MAX)
		return error_set(error, EINVAL, "workers.cpus: %u CPUs, at most %d workers can be",
			count, CONFIG_WORKERS_MAX);
	for (unsigned index = 0; index < count; index++) {
		unsigned number = workers->cpus.cpus[index % workers->cpus.count];
		const struct topology_cpu *cpu = topology_cpu_find(choice->topology, number);

		if (cpu == NULL)
			return error_set(error, EINVAL,
				"workers.cpus: CPU %u is not online or not for this process (its "
				"affinity mask and cpuset leave %s)",
				number,
				topology_cpus_text(choice->topology, allowed, sizeof(allowed)));
		place_worker(choice, cpu);
	}
	place_main(choice);
	return 0;
}

static void place_counted(struct choice *choice, unsigned count)
{
	place_main(choice);
	while (choice->plan->worker_count < count)
		place_worker(choice, cheapest(choice, worker_cost, choice->wanted_only));
}

/* As long as there is a free core of the same kind as the first worker's. */
static void place_all(struct choice *choice)
{
	bool first_isolated;

	place_main(choice);
	first_isolated = cheapest(choice, worker_cost, true)->isolated;
	while (choice->plan->worker_count < CONFIG_WORKERS_MAX) {
		const struct topology_cpu *cpu = cheapest(choice, worker_cost, true);
		bool free_core = choice->core_load[cpu->first_sibling] == 0;

		if (choice->plan->worker_count > 0 &&
			(!free_core || cpu->isolated != first_isolated))
			break;
		place_worker(choice, cpu);
	}
}

/* ---- what sharing there is ---- */

static unsigned count_used_cpus(const struct choice *choice)
{
	unsigned used = 0;

	for (unsigned cpu = 0; cpu < TOPOLOGY_CPUS_MAX; cpu++)
		used += choice->workers_on_cpu[cpu] > 0 ? 1 : 0;
	return used;
}

static void mark_sharing(const struct choice *choice, enum idle_policy idle)
{
	struct plan *plan = choice->plan;
	unsigned used = count_used_cpus(choice);
	bool main_shares = choice->workers_on_cpu[plan->main_cpu] > 0;

	for (unsigned index = 0; index < plan->worker_count; index++) {
		struct plan_worker *worker = &plan->workers[index];

		worker->shared =
			choice->workers_on_cpu[worker->cpu] > 1 || worker->cpu == plan->main_cpu;
	}
	if (used < plan->worker_count)
		plan_warn(plan,
			"%u workers share %u CPU%s%s: they take turns, and packets wait for as "
			"long "
			"as a turn; fewer workers or more CPUs would be faster",
			plan->worker_count, used, used == 1 ? "" : "s",
			main_shares ? ", with main and stats too" : "");
	else if (choice->topology->cpu_count == 1)
		plan_warn(plan,
			"only CPU %u may be used: worker, main and stats share it; packets wait "
			"while the others run",
			plan->main_cpu);
	else if (main_shares && idle == IDLE_POLL)
		plan_warn(plan,
			"main and stats share CPU %u with a worker that never sleeps: leave them a "
			"CPU, or let workers.idle be adaptive",
			plan->main_cpu);
}

static bool memory_usable(const struct topology *topology, unsigned node)
{
	int index = topology_node_index(topology, node);

	return index >= 0 && topology->nodes[index].memory_allowed;
}

static void choose_memory_nodes(const struct topology *topology, struct plan *plan)
{
	int fallback = -1;

	for (int index = topology->node_count - 1; index >= 0; index--) {
		if (topology->nodes[index].memory_allowed)
			fallback = topology->nodes[index].node;
	}
	for (unsigned index = 0; index < plan->worker_count; index++) {
		struct plan_worker *worker = &plan->workers[index];
		bool first = true;

		worker->memory_node = worker->node;
		if (fallback < 0 || memory_usable(topology, worker->node))
			continue;
		worker->memory_node = (uint16_t)fallback;
		for (unsigned earlier = 0; earlier < index; earlier++)
			first &= plan->workers[earlier].node != worker->node;
		if (first) /* once a node */
			plan_warn(plan,
				"node %u has no memory this process may use: its workers' packets "
				"are "
				"on node %d (see cpuset.mems of the cgroup, numactl -H)",
				worker->node, fallback);
	}
}

int plan_cpus(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], struct plan *plan, struct error *error)
{
	struct choice choice = {.topology = topology, .plan = plan};
	const struct config_workers *workers = &config->workers;
	int status = 0;

	plan->main_cpu = NO_CPU;
	if (topology->cpu_count == 0)
		return error_set(error, EINVAL, "the topology has no CPU this process may use");
	if (workers->nodes.count > 0)
		status = want_configured_nodes(&choice, &workers->nodes, error);
	else if (!want_port_nodes(&choice, ports, config->port_count))
		want_largest_node(&choice);
	if (status < 0)
		return status;
	if (workers->count > CONFIG_WORKERS_MAX)
		return error_set(error, EINVAL, "workers.count: %u, at most %d workers can be",
			workers->count, CONFIG_WORKERS_MAX);
	if (workers->cpus.count > 0)
		status = place_listed(&choice, workers, error);
	else if (workers->count > 0)
		place_counted(&choice, workers->count);
	else
		place_all(&choice);
	if (status < 0)
		return status;
	move_main(&choice);
	mark_sharing(&choice, workers->idle);
	choose_memory_nodes(topology, plan);
	return 0;
}
