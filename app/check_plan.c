/* SPDX-License-Identifier: BSD-3-Clause */
#include "check_plan.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "placement/sysfs.h"

static const char *const mode_names[] = {
	[MEMORY_AUTO] = "auto",
	[MEMORY_HUGE] = "huge",
	[MEMORY_IN_MEMORY] = "in-memory",
	[MEMORY_NO_HUGE] = "no-huge",
};

/* ---- to JSON ---- */

/* The queues of each port that belong to a worker: `counts` and `owners` are rx_queues[] and
 * rx_worker[], or emulated_queues[] and emulated_worker[]. */
static json_t *queues_json(const struct config *config, unsigned worker, const uint16_t counts[],
	const uint16_t owners[][CONFIG_RSS_QUEUES_MAX])
{
	json_t *list = json_array();

	for (unsigned port = 0; port < config->port_count; port++) {
		json_t *queues = json_array();

		for (unsigned queue = 0; queue < counts[port]; queue++) {
			if (owners[port][queue] == worker)
				json_array_append_new(queues, json_integer(queue));
		}
		if (json_array_size(queues) > 0)
			json_array_append_new(list,
				json_pack("{s:s, s:O}", "port", config->ports[port].name, "queues",
					queues));
		json_decref(queues);
	}
	return list;
}

static json_t *cpu_json(const struct topology *topology, unsigned number, bool shared)
{
	const struct topology_cpu *cpu = topology_cpu_find(topology, number);

	return json_pack("{s:i, s:i, s:i, s:i, s:b, s:b}", "cpu", cpu->cpu, "node", cpu->node,
		"core", cpu->core, "thread", cpu->thread, "isolated", cpu->isolated, "shared",
		shared);
}

static json_t *workers_json(
	const struct config *config, const struct topology *topology, const struct plan *plan)
{
	json_t *list = json_array();

	for (unsigned index = 0; index < plan->worker_count; index++) {
		const struct plan_worker *worker = &plan->workers[index];
		json_t *object = cpu_json(topology, worker->cpu, worker->shared);

		json_object_set_new(object, "worker", json_integer(index));
		json_object_set_new(object, "memory_node", json_integer(worker->memory_node));
		json_object_set_new(object, "polls",
			queues_json(config, index, plan->rx_queues, plan->rx_worker));
		json_object_set_new(object, "owns",
			queues_json(config, index, plan->emulated_queues, plan->emulated_worker));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *main_json(const struct topology *topology, const struct plan *plan)
{
	bool shared = false;

	for (unsigned worker = 0; worker < plan->worker_count; worker++)
		shared |= plan->workers[worker].cpu == plan->main_cpu;
	return cpu_json(topology, plan->main_cpu, shared);
}

static json_t *ports_json(
	const struct config *config, const struct plan_port ports[], const struct plan *plan)
{
	json_t *list = json_array();

	for (unsigned port = 0; port < config->port_count; port++) {
		int node = ports[port].numa_node;

		json_array_append_new(list,
			json_pack("{s:s, s:o, s:i, s:i, s:i}", "port", config->ports[port].name,
				"node", node < 0 ? json_null() : json_integer(node), "rx_queues",
				plan->rx_queues[port], "tx_queues", plan->tx_queues[port],
				"emulated_queues", plan->emulated_queues[port]));
	}
	return list;
}

static json_t *memory_json(
	const struct config *config, const struct topology *topology, const struct plan *plan)
{
	enum memory_mode mode = plan_memory_mode(config, topology, plan);
	json_t *nodes = json_array();

	for (unsigned index = 0; index < topology->node_count; index++) {
		uint64_t needed = mode == MEMORY_NO_HUGE ? plan->small_page_bytes[index]
							 : plan->memory_bytes[index];
		const struct topology_node *node = &topology->nodes[index];
		uint64_t hugepages =
			(node->hugepages_2m_free << 21) + (node->hugepages_1g_free << 30);
		char command[256];
		uint64_t missing =
			plan_hugepages_missing(topology, plan, index, command, sizeof(command));

		json_array_append_new(nodes,
			json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:s}", "node", node->node,
				"packets", (json_int_t)plan->packets[index], "needed_bytes",
				(json_int_t)needed, "free_bytes",
				(json_int_t)node->memory_free_bytes, "hugepages_free_bytes",
				(json_int_t)hugepages, "hugepages_missing", (json_int_t)missing,
				"command", command));
	}
	return json_pack("{s:s, s:s, s:o}", "asked", mode_names[config->memory.mode], "mode",
		mode_names[mode], "nodes", nodes);
}

json_t *check_plan_json(const struct config *config, const struct topology *topology,
	const struct plan_port ports[], const struct plan *plan)
{
	json_t *warnings = json_array();

	for (unsigned index = 0; index < plan->warning_count; index++)
		json_array_append_new(warnings, json_string(plan->warnings[index]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "workers",
		workers_json(config, topology, plan), "main", main_json(topology, plan), "ports",
		ports_json(config, ports, plan), "memory", memory_json(config, topology, plan),
		"warnings", warnings);
}

/* ---- to tables ---- */

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* "wan 0-3, lan 0", or "-". */
static void format_queues(const json_t *list, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, json_array_size(list) == 0 ? "-" : "");

	for (size_t index = 0; index < json_array_size(list); index++) {
		const json_t *entry = json_array_get(list, index);
		const json_t *queues = json_object_get(entry, "queues");
		char ranges[256];
		cpu_set_t set;

		CPU_ZERO(&set);
		for (size_t queue = 0; queue < json_array_size(queues); queue++)
			CPU_SET(json_integer_value(json_array_get(queues, queue)), &set);
		list_format(&set, ranges, sizeof(ranges));
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s %s",
				index > 0 ? ", " : "", string(entry, "port"), ranges);
	}
}

static void print_thread(
	const json_t *object, const char *name, const char *polls, const char *owns, FILE *out)
{
	char core[32];

	snprintf(core, sizeof(core), "%" PRId64 ".%" PRId64, number(object, "core"),
		number(object, "thread"));
	fprintf(out, "%-10s %4" PRId64 " %5" PRId64 "  %-11s  %-20s  %s%s%s\n", name,
		number(object, "cpu"), number(object, "node"), core, polls, owns,
		json_is_true(json_object_get(object, "isolated")) ? "  (isolated)" : "",
		json_is_true(json_object_get(object, "shared")) ? "  (shares its CPU)" : "");
}

static void print_threads(const json_t *object, FILE *out)
{
	const json_t *workers = json_object_get(object, "workers");

	fprintf(out, "%-10s %4s %5s  %-11s  %-20s  %s\n", "thread", "cpu", "node", "core.thread",
		"polls queues", "owns emulated queues");
	for (size_t index = 0; index < json_array_size(workers); index++) {
		const json_t *worker = json_array_get(workers, index);
		char name[32], polls[512], owns[512];

		snprintf(name, sizeof(name), "worker %" PRId64, number(worker, "worker"));
		format_queues(json_object_get(worker, "polls"), polls, sizeof(polls));
		format_queues(json_object_get(worker, "owns"), owns, sizeof(owns));
		print_thread(worker, name, polls, owns, out);
	}
	print_thread(json_object_get(object, "main"), "main", "stats, control", "-", out);
}

static void print_ports(const json_t *ports, FILE *out)
{
	fprintf(out, "%-16s %5s %10s %10s %16s\n", "port", "node", "rx queues", "tx queues",
		"emulated queues");
	for (size_t index = 0; index < json_array_size(ports); index++) {
		const json_t *port = json_array_get(ports, index);
		const json_t *node = json_object_get(port, "node");
		char node_text[16] = "any";

		if (json_is_integer(node))
			snprintf(node_text, sizeof(node_text), "%d", (int)json_integer_value(node));
		fprintf(out, "%-16s %5s %10" PRId64 " %10" PRId64 " %16" PRId64 "\n",
			string(port, "port"), node_text, number(port, "rx_queues"),
			number(port, "tx_queues"), number(port, "emulated_queues"));
	}
}

static void print_mode(const json_t *memory, FILE *out)
{
	const char *asked = string(memory, "asked"), *mode = string(memory, "mode");

	fprintf(out, "memory mode: %s", mode);
	if (strcmp(asked, "auto") == 0)
		fprintf(out, " (auto: %s)",
			strcmp(mode, "no-huge") == 0 ? "not enough free hugepages"
						     : "enough free hugepages");
	fprintf(out, "\n");
}

static void print_memory(const json_t *memory, FILE *out)
{
	const json_t *nodes = json_object_get(memory, "nodes");
	bool wants_hugepages = strcmp(string(memory, "asked"), "no-huge") != 0;

	print_mode(memory, out);
	fprintf(out, "%-10s %15s %12s %18s %16s\n", "node", "packet buffers", "needs MiB",
		"hugepages free MiB", "memory free MiB");
	for (size_t index = 0; index < json_array_size(nodes); index++) {
		const json_t *node = json_array_get(nodes, index);

		fprintf(out,
			"%-10" PRId64 " %15" PRId64 " %12" PRId64 " %18" PRId64 " %16" PRId64 "\n",
			number(node, "node"), number(node, "packets"),
			number(node, "needed_bytes") >> 20,
			number(node, "hugepages_free_bytes") >> 20,
			number(node, "free_bytes") >> 20);
	}
	for (size_t index = 0; wants_hugepages && index < json_array_size(nodes); index++) {
		const json_t *node = json_array_get(nodes, index);

		if (number(node, "hugepages_missing") > 0)
			fprintf(out,
				"node %" PRId64 " is %" PRId64 " hugepages of 2 MiB short: %s\n",
				number(node, "node"), number(node, "hugepages_missing"),
				string(node, "command"));
	}
}

void check_plan_print(const json_t *object, FILE *out)
{
	const json_t *warnings = json_object_get(object, "warnings");

	print_threads(object, out);
	fprintf(out, "\n");
	print_ports(json_object_get(object, "ports"), out);
	fprintf(out, "\n");
	print_memory(json_object_get(object, "memory"), out);
	for (size_t index = 0; index < json_array_size(warnings); index++)
		fprintf(out, "%swarning: %s\n", index == 0 ? "\n" : "",
			json_string_value(json_array_get(warnings, index)));
}
