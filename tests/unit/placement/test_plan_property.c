/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What holds for every plan, tried on random machines and configurations. The seed is printed and
 * taken from $WEIR_SEED, the number of trials from $WEIR_TRIALS.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "placement/plan.h"

static struct topology topology;
static struct config config;
static struct plan_port ports[CONFIG_PORTS_MAX];
static struct plan plan;
static uint64_t random_state, trial_seed;

/* splitmix64 */
static unsigned below(unsigned limit)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (unsigned)((z ^ (z >> 31)) % limit);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* A first sibling may itself be absent, as one outside the affinity mask would be. */
static void make_machine(void)
{
	unsigned nodes = 1 + below(4), cores = 1 + below(6), threads = 1 + below(2);
	unsigned step = 1 + below(3), absent = below(4), isolated = below(4);
	unsigned node_step = 1 + below(2);

	memset(&topology, 0, sizeof(topology));
	for (unsigned thread = 0; thread < threads; thread++) {
		for (unsigned core = 0; core < nodes * cores; core++) {
			struct topology_cpu *cpu = &topology.cpus[topology.cpu_count];

			if (absent > 0 && below(8) < absent)
				continue;
			*cpu = (struct topology_cpu){
				.cpu = (uint16_t)(step * (thread * nodes * cores + core)),
				.node = (uint16_t)(core / cores * node_step),
				.package = (uint16_t)(core / cores),
				.core = (uint16_t)(core % cores),
				.thread = (uint16_t)thread,
				.first_sibling = (uint16_t)(step * core),
				.isolated = isolated > 1 && below(8) < isolated,
			};
			topology.cpu_count++;
		}
	}
	if (topology.cpu_count == 0)
		topology.cpus[topology.cpu_count++] = (struct topology_cpu){.cpu = 0};
	topology.node_count = (uint16_t)nodes;
	for (unsigned node = 0; node < nodes; node++)
		topology.nodes[node] = (struct topology_node){
			.node = (uint16_t)(node * node_step), .memory_allowed = !one_in(6)};
}

static void make_config(void)
{
	static char name[] = "port";

	memset(&config, 0, sizeof(config));
	config.memory.packet_data_bytes = 2048;
	config.steering.netdev_max_backlog = 1 + below(2000);
	config.workers.idle = one_in(2) ? IDLE_POLL : IDLE_ADAPTIVE;
	if (one_in(3)) {
		for (unsigned index = 0; index < topology.cpu_count; index++) {
			if (one_in(3))
				config.workers.cpus.cpus[config.workers.cpus.count++] =
					topology.cpus[index].cpu;
		}
	}
	if (one_in(3))
		config.workers.count = (uint16_t)(1 + below(CONFIG_WORKERS_MAX));
	if (one_in(3)) {
		config.workers.nodes.count = 1;
		config.workers.nodes.cpus[0] = topology.cpus[below(topology.cpu_count)].node;
	}
	config.port_count = (uint16_t)(1 + below(4));
	config.pipeline_count = (uint16_t)(1 + below(config.port_count));
	for (unsigned port = 0; port < config.port_count; port++) {
		unsigned node = topology.nodes[below(topology.node_count)].node;

		config.ports[port].name = name;
		config.ports[port].rx_descriptors = (uint16_t)(64 + below(4000));
		config.ports[port].tx_descriptors = (uint16_t)(64 + below(4000));
		config.ports[port].rss.mode = (enum rss_mode)below(4);
		config.ports[port].rss.queues = (uint16_t)(one_in(2) ? 0 : 1 + below(128));
		config.pipelines[port].from_port = (uint16_t)below(config.port_count);
		ports[port].numa_node = one_in(2) ? -1 : (int)node;
		ports[port].rx_queues_max = (uint16_t)(one_in(4) ? UINT16_MAX : below(40));
		ports[port].tx_queues_max = (uint16_t)(one_in(4) ? UINT16_MAX : below(40));
		if (ports[port].rx_queues_max > 0 && one_in(3))
			config.ports[port].queues = (uint16_t)(1 +
				below(ports[port].rx_queues_max > 100 ? 100
								      : ports[port].rx_queues_max));
	}
}

static unsigned workers_on(unsigned cpu)
{
	unsigned count = 0;

	for (unsigned worker = 0; worker < plan.worker_count; worker++)
		count += plan.workers[worker].cpu == cpu;
	return count;
}

static unsigned usable_cpus(void)
{
	unsigned count = 0;

	if (config.workers.cpus.count > 0)
		return config.workers.cpus.count;
	for (unsigned index = 0; index < topology.cpu_count; index++)
		count += config.workers.nodes.count == 0 ||
			topology.cpus[index].node == config.workers.nodes.cpus[0];
	return count;
}

static void check_worker_cpus(void)
{
	unsigned most = 0, least = CONFIG_WORKERS_MAX;

	assert_true(plan.worker_count >= 1 && plan.worker_count <= CONFIG_WORKERS_MAX);
	assert_non_null(topology_cpu_find(&topology, plan.main_cpu));
	for (unsigned index = 0; index < plan.worker_count; index++) {
		const struct plan_worker *worker = &plan.workers[index];
		const struct topology_cpu *cpu = topology_cpu_find(&topology, worker->cpu);
		unsigned sharers = workers_on(worker->cpu);

		assert_non_null(cpu);
		assert_int_equal(worker->node, cpu->node);
		assert_int_equal(worker->shared, sharers > 1 || worker->cpu == plan.main_cpu);
		most = sharers > most ? sharers : most;
		least = sharers < least ? sharers : least;
		if (config.workers.cpus.count > 0)
			assert_int_equal(worker->cpu,
				config.workers.cpus.cpus[index % config.workers.cpus.count]);
		else if (config.workers.nodes.count > 0)
			assert_int_equal(worker->node, config.workers.nodes.cpus[0]);
	}
	assert_int_equal(most > 1, plan.worker_count > usable_cpus());
	assert_true(most - least <= 1);
	if (config.workers.count > 0)
		assert_int_equal(plan.worker_count, config.workers.count);
	else if (config.workers.cpus.count > 0)
		assert_int_equal(plan.worker_count, config.workers.cpus.count);
	/* main has a CPU of its own whenever one is left over */
	if (workers_on(plan.main_cpu) > 0) {
		for (unsigned index = 0; index < topology.cpu_count; index++)
			assert_true(workers_on(topology.cpus[index].cpu) > 0);
	}
}

static void check_auto(void)
{
	bool any_isolated = false;

	if (config.workers.cpus.count > 0 || config.workers.count > 0)
		return;
	for (unsigned one = 0; one < plan.worker_count; one++) {
		const struct topology_cpu *cpu =
			topology_cpu_find(&topology, plan.workers[one].cpu);
		const struct topology_cpu *main_cpu = topology_cpu_find(&topology, plan.main_cpu);

		any_isolated |= cpu->isolated;
		assert_int_equal(any_isolated, cpu->isolated);
		if (plan.worker_count > 1)
			assert_int_not_equal(cpu->first_sibling, main_cpu->first_sibling);
		for (unsigned other = 0; other < one; other++)
			assert_int_not_equal(cpu->first_sibling,
				topology_cpu_find(&topology, plan.workers[other].cpu)
					->first_sibling);
	}
}

static void check_queues(unsigned port)
{
	unsigned polled[CONFIG_WORKERS_MAX] = {0}, most = 0, least = UINT16_MAX, near = 0;
	unsigned limit = ports[port].rx_queues_max;

	assert_true(plan.rx_queues[port] <= limit);
	assert_int_equal(plan.rx_queues[port] == 0, limit == 0);
	if (config.ports[port].queues > 0)
		assert_int_equal(plan.rx_queues[port], config.ports[port].queues);
	assert_true(plan.tx_queues[port] <= ports[port].tx_queues_max);
	assert_true(plan.tx_queues[port] <= plan.worker_count);
	for (unsigned queue = 0; queue < plan.rx_queues[port]; queue++) {
		assert_true(plan.rx_worker[port][queue] < plan.worker_count);
		polled[plan.rx_worker[port][queue]]++;
	}
	for (unsigned worker = 0; worker < plan.worker_count; worker++)
		near += plan.workers[worker].node == ports[port].numa_node;
	for (unsigned worker = 0; worker < plan.worker_count; worker++) {
		if (near > 0 && plan.workers[worker].node != ports[port].numa_node) {
			assert_int_equal(polled[worker], 0);
			continue;
		}
		most = polled[worker] > most ? polled[worker] : most;
		least = polled[worker] < least ? polled[worker] : least;
	}
	assert_true(most - least <= 1);
	for (unsigned queue = 0; queue < plan.emulated_queues[port]; queue++)
		assert_int_equal(plan.emulated_worker[port][queue], queue % plan.worker_count);
	if (config.ports[port].rss.mode == RSS_OFF || config.ports[port].rss.mode == RSS_HARDWARE)
		assert_int_equal(plan.emulated_queues[port], 0);
}

static void check_memory(void)
{
	uint64_t needed = 0, planned = 0;

	for (unsigned port = 0; port < config.port_count; port++)
		needed += (uint64_t)plan.rx_queues[port] * config.ports[port].rx_descriptors +
			(uint64_t)plan.tx_queues[port] * config.ports[port].tx_descriptors;
	needed += (uint64_t)plan.worker_count * (64 + PLAN_MEMPOOL_CACHE);
	for (unsigned node = 0; node < topology.node_count; node++) {
		unsigned workers = 0;

		for (unsigned worker = 0; worker < plan.worker_count; worker++)
			workers += plan.workers[worker].memory_node == topology.nodes[node].node;
		assert_int_equal(workers > 0, plan.packets[node] > 0);
		assert_int_equal(workers > 0, plan.memory_bytes[node] > 0);
		planned += plan.packets[node];
		if (workers > 0)
			assert_true(plan.memory_bytes[node] >=
				plan_pool_bytes(plan.packets[node], 2048));
	}
	assert_true(planned >= needed);
}

static void test_random(void **state)
{
	const char *seed = getenv("WEIR_SEED"), *trials = getenv("WEIR_TRIALS");
	uint64_t first = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	unsigned count = trials != NULL ? (unsigned)strtoul(trials, NULL, 0) : 3000;
	struct error error = {0};

	(void)state;
	print_message("%u trials from WEIR_SEED=%" PRIu64 "\n", count, first);
	for (unsigned trial = 0; trial < count; trial++) {
		unsigned sharing = 0;

		random_state = trial_seed = first + trial;
		make_machine();
		make_config();
		if (plan_make(&config, &topology, ports, &plan, &error) != 0)
			fail_msg("%s", error.message);
		check_worker_cpus();
		check_auto();
		for (unsigned port = 0; port < config.port_count; port++)
			check_queues(port);
		check_memory();
		for (unsigned index = 0; index < plan.warning_count; index++)
			sharing += strstr(plan.warnings[index], "share") != NULL;
		assert_true(sharing <= 1);
	}
}

static int tell_last_trial(void **state)
{
	(void)state;
	print_message("last trial: WEIR_SEED=%" PRIu64 " WEIR_TRIALS=1\n", trial_seed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_random, tell_last_trial)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
