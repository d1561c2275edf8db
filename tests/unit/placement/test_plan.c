/* SPDX-License-Identifier: BSD-3-Clause */
/* Machines and configurations whose right plan is plain to see. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_machine.h"
#include "placement/plan.h"
#include "placement/sysfs.h"

static struct topology topology;
static struct config config;
static struct plan_port ports[CONFIG_PORTS_MAX];
static struct plan plan;
static struct error error;

static const struct fake_machine one_cpu = {.nodes = 1, .cores = 1, .threads = 1};
static const struct fake_machine two_cpus = {.nodes = 1, .cores = 2, .threads = 1};
static const struct fake_machine server = {
	.nodes = 2, .cores = 4, .threads = 2, .memory_mib = 16384};

/* A configuration of `count` ports as the defaults make them, each read by one pipeline. */
static void start(const struct fake_machine *machine, unsigned count, int numa_node)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	char *root = fake_machine_create(machine);

	assert_int_equal(topology_read(root, &topology, &error), 0);
	fake_machine_destroy(root);
	memset(&config, 0, sizeof(config));
	config.memory.packet_data_bytes = 2048;
	config.steering.netdev_max_backlog = 1000;
	config.workers.idle = IDLE_ADAPTIVE;
	config.port_count = (uint16_t)count;
	config.pipeline_count = (uint16_t)count;
	for (unsigned port = 0; port < count; port++) {
		config.ports[port].name = names[port];
		config.ports[port].rx_descriptors = 1024;
		config.ports[port].tx_descriptors = 1024;
		config.pipelines[port].from_port = (uint16_t)port;
		config.pipelines[port].to_port = (uint16_t)((port + 1) % count);
		ports[port] = (struct plan_port){numa_node, 1, 1, false};
	}
}

static void set_list(struct cpu_list *list, const char *text)
{
	cpu_set_t set;

	list->count = 0;
	assert_int_equal(list_parse(text, &set), 0);
	for (uint16_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			list->cpus[list->count++] = cpu;
	}
}

static void make(void)
{
	if (plan_make(&config, &topology, ports, &plan, &error) != 0)
		fail_msg("%s", error.message);
}

/* The workers' CPUs in order, then main's: "1,2 main 0". */
static void check_cpus(const char *expected)
{
	char text[512] = "";
	size_t used = 0;

	for (unsigned worker = 0; worker < plan.worker_count; worker++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
			worker > 0 ? "," : "", plan.workers[worker].cpu);
	snprintf(text + used, sizeof(text) - used, " main %u", plan.main_cpu);
	assert_string_equal(text, expected);
}

static void check_only_warning(const char *part)
{
	assert_int_equal(plan.warning_count, part != NULL ? 1 : 0);
	if (part != NULL && strstr(plan.warnings[0], part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, plan.warnings[0]);
}

static void test_one_cpu(void **state)
{
	(void)state;
	start(&one_cpu, 1, -1);
	make();
	check_cpus("0 main 0");
	assert_true(plan.workers[0].shared);
	check_only_warning("only CPU 0 may be used");
	config.workers.idle = IDLE_POLL;
	make();
	check_only_warning("only CPU 0 may be used");
	config.workers.count = 3;
	make();
	check_cpus("0,0,0 main 0");
	check_only_warning("3 workers share 1 CPU, with main and stats too");
}

static void test_two_cpus(void **state)
{
	(void)state;
	start(&two_cpus, 2, -1);
	make();
	check_cpus("1 main 0");
	assert_false(plan.workers[0].shared);
	check_only_warning(NULL);
	config.workers.count = 2;
	make();
	check_cpus("1,0 main 0");
	assert_false(plan.workers[0].shared);
	assert_true(plan.workers[1].shared);
	check_only_warning(NULL);
	config.workers.idle = IDLE_POLL;
	make();
	check_only_warning("main and stats share CPU 0 with a worker that never sleeps");
	config.workers.count = 4;
	make();
	check_cpus("1,0,1,0 main 0");
	check_only_warning("4 workers share 2 CPUs, with main and stats too");
}

static void test_two_threads_of_one_core(void **state)
{
	(void)state;
	start(&(struct fake_machine){.nodes = 1, .cores = 1, .threads = 2}, 1, -1);
	make();
	check_cpus("1 main 0");
	check_only_warning(NULL);
}

static void test_listed_cpus(void **state)
{
	(void)state;
	start(&server, 1, 0);
	set_list(&config.workers.cpus, "2,6,9");
	make();
	check_cpus("2,6,9 main 4"); /* the lowest core without a worker, off the port's node */
	assert_int_equal(plan.workers[1].node, 1);
	config.workers.count = 2;
	make();
	check_cpus("2,6 main 4");
	config.workers.count = 0;
	set_list(&config.workers.cpus, "3,16");
	assert_int_equal(plan_make(&config, &topology, ports, &plan, &error), -EINVAL);
	assert_non_null(strstr(error.message, "workers.cpus: CPU 16"));
	assert_non_null(strstr(error.message, "0-15"));
}

static void test_auto_on_the_ports_node(void **state)
{
	(void)state;
	start(&server, 2, 1);
	make();
	check_cpus("4,5,6,7 main 0"); /* one thread a core, main on the other node */
	check_only_warning(NULL);
}

static void test_auto_without_a_ports_node(void **state)
{
	(void)state;
	start(&server, 2, -1);
	make();
	check_cpus("0,1,2,3 main 4");
}

static void test_auto_on_one_node(void **state)
{
	(void)state;
	start(&(struct fake_machine){.nodes = 1, .cores = 4, .threads = 2}, 1, 0);
	make();
	check_cpus("1,2,3 main 0"); /* CPU 4, beside main, is left alone */
	config.workers.count = 4;
	make();
	check_cpus("1,2,3,4 main 0"); /* better beside main than beside a worker */
	config.workers.count = 7;
	make();
	check_cpus("1,2,3,4,5,6,7 main 0");
	check_only_warning(NULL);
}

static void test_both_nodes_when_asked(void **state)
{
	(void)state;
	start(&server, 1, 0);
	set_list(&config.workers.nodes, "0-1");
	config.workers.count = 4;
	make();
	check_cpus("1,4,2,5 main 0");
	assert_true(plan.packets[0] > 0 && plan.packets[1] > 0);
	set_list(&config.workers.nodes, "2");
	assert_int_equal(plan_make(&config, &topology, ports, &plan, &error), -EINVAL);
	assert_non_null(strstr(error.message, "workers.nodes: no CPU of node 2"));
	assert_non_null(strstr(error.message, "0-1"));
}

static void test_count_beyond_the_ports_node(void **state)
{
	(void)state;
	start(&server, 1, 0);
	config.workers.count = 9;
	make();
	check_cpus("0,1,2,3,8,9,10,11,5 main 4"); /* node 0 first, then node 1, not beside main */
	check_only_warning(NULL);
	set_list(&config.workers.nodes, "0"); /* now no other node may serve */
	make();
	check_cpus("0,1,2,3,8,9,10,11,0 main 4");
	check_only_warning("9 workers share 8 CPUs:");
}

static void test_isolated(void **state)
{
	struct fake_machine machine = {.nodes = 1, .cores = 4, .threads = 1, .isolated = "1-2"};

	(void)state;
	start(&machine, 1, -1);
	make();
	check_cpus("1,2 main 0"); /* CPU 3 is left to the rest of the machine */
	config.workers.count = 3;
	make();
	check_cpus("1,2,3 main 0");
	machine.isolated = "0-2";
	start(&machine, 1, -1);
	make();
	check_cpus("0,1,2 main 3");
}

static void test_sparse(void **state)
{
	(void)state;
	start(
		&(struct fake_machine){
			.nodes = 2, .cores = 2, .threads = 2, .cpu_step = 3, .offline = "0,12"},
		1, 0);
	make();
	check_cpus("3 main 6");
}

static void test_queues(void **state)
{
	(void)state;
	start(&two_cpus, 2, -1);
	config.workers.count = 2;
	ports[0] = (struct plan_port){-1, UINT16_MAX, UINT16_MAX, false};
	ports[1] = (struct plan_port){-1, 0, 1, false}; /* takes packets only */
	make();
	assert_int_equal(plan.rx_queues[0], 2);
	assert_int_equal(plan.rx_worker[0][0], 0);
	assert_int_equal(plan.rx_worker[0][1], 1);
	assert_int_equal(plan.tx_queues[0], 2);
	assert_int_equal(plan.emulated_queues[0], 0); /* hardware queues enough */
	assert_int_equal(plan.rx_queues[1], 0);
	assert_int_equal(plan.tx_queues[1], 1);
	assert_int_equal(plan.emulated_queues[1], 0);

	config.ports[0].rss.mode = RSS_SOFTWARE;
	make();
	assert_int_equal(plan.rx_queues[0], 1);
	assert_int_equal(plan.emulated_queues[0], 2);

	config.ports[0].rss.queues = 8;
	make();
	assert_int_equal(plan.emulated_queues[0], 8);
	assert_int_equal(plan.emulated_worker[0][5], 1);

	config.ports[0].rss.mode = RSS_OFF;
	make();
	assert_int_equal(plan.emulated_queues[0], 0);
	check_only_warning("1 of 2 workers have no queue");

	ports[0].rx_queues_max = 4;
	config.ports[0].queues = 5;
	assert_int_equal(plan_make(&config, &topology, ports, &plan, &error), -EINVAL);
	assert_non_null(strstr(error.message, "port a: 5 queues"));
	assert_non_null(strstr(error.message, "at most 4"));
}

static void test_single_queue_port_is_spread_in_software(void **state)
{
	(void)state;
	start(&two_cpus, 2, -1);
	config.workers.count = 2;
	make();
	assert_int_equal(plan.rx_queues[0], 1);
	assert_int_equal(plan.emulated_queues[0], 2);
	assert_int_equal(plan.rx_worker[0][0], 0); /* the ports' queues are shared out */
	assert_int_equal(plan.rx_worker[1][0], 1);
	config.workers.count = 1;
	make();
	assert_int_equal(plan.emulated_queues[0], 0);
	config.ports[0].rss.queues =
		4; /* asked for: seen in the counters though one worker has all */
	make();
	assert_int_equal(plan.emulated_queues[0], 4);
	assert_int_equal(plan.emulated_worker[0][3], 0);
}

static void test_ports_that_are_read_go_first(void **state)
{
	(void)state;
	start(&two_cpus, 3, -1);
	config.workers.count = 2;
	config.pipeline_count = 2;
	config.pipelines[0].from_port = 1;
	config.pipelines[1].from_port = 2;
	make();
	assert_int_equal(plan.rx_worker[1][0], 0);
	assert_int_equal(plan.rx_worker[2][0], 1);
}

static void test_queues_stay_on_the_ports_node(void **state)
{
	(void)state;
	start(&server, 2, 0);
	ports[0] = (struct plan_port){0, 4, 4, false};
	ports[1] = (struct plan_port){1, 4, 4, false};
	config.workers.count = 4;
	make();
	for (unsigned queue = 0; queue < 4; queue++) {
		assert_int_equal(plan.workers[plan.rx_worker[0][queue]].node, 0);
		assert_int_equal(plan.workers[plan.rx_worker[1][queue]].node, 1);
	}
	assert_int_not_equal(plan.rx_worker[0][0], plan.rx_worker[0][1]);
	set_list(&config.workers.cpus, "1,2");
	config.workers.count = 0;
	make();
	check_only_warning("port b is on node 1, but no worker is");
}

static void test_memory(void **state)
{
	(void)state;
	start(&two_cpus, 1, -1);
	make();
	/* 1024 + 1024 descriptors, 64 + 512 a worker, an eighth more: 2952, rounded up */
	assert_int_equal(plan.packets[0], 4095);
	assert_true(plan.memory_bytes[0] > plan_pool_bytes(4095, 2048));
	assert_int_equal(plan.memory_bytes[0] % (2 << 20), 0);
	/* 64 + 128 + 128 + 2048 bytes: 37 cache lines */
	assert_int_equal(plan_pool_bytes(1023, 2048), 1023 * 37 * 64 + 1024 * 8);
	/* 38 lines would hit the memory channels unevenly: 39 */
	assert_int_equal(plan_pool_bytes(1023, 2112), 1023 * 39 * 64 + 1024 * 8);
	/* a buffer a page; two where they fit */
	assert_int_equal(plan_pool_bytes_small_pages(1023, 2048), 1023 * 4096 + 1024 * 8);
	assert_int_equal(plan_pool_bytes_small_pages(1023, 1600), 512 * 4096 + 1024 * 8);
	assert_int_equal(plan_pool_bytes_small_pages(1023, 9000), 1023 * 3 * 4096 + 1024 * 8);
	assert_int_equal(plan_memory_total(&plan, MEMORY_HUGE), plan.memory_bytes[0]);
	assert_int_equal(plan_memory_total(&plan, MEMORY_NO_HUGE), plan.small_page_bytes[0]);
	assert_true(plan.small_page_bytes[0] > 4095 * 4096);
	config.memory.packets = 1000;
	make();
	assert_int_equal(plan.packets[0], 1000);
	check_only_warning("memory.packets: 1000 buffers on node 0");
	config.memory.packets = 0;
	config.memory.size_bytes = 4 << 20;
	make();
	check_only_warning("memory.size: 4 MiB, but the plan needs");
	config.memory.size_bytes = 0;
	config.pipelines[0].stage_count = 1;
	config.pipelines[0].stages[0] =
		(struct config_stage){.type = "noisy", .buffer_packets = 80000};
	make();
	assert_true(plan.packets[0] >= 80000 + 2952 && plan.packets[0] < 200000);
}

static void test_memory_mode(void **state)
{
	char command[256];
	uint64_t pages;

	(void)state;
	start(&server, 1, 1);
	make();
	pages = plan.memory_bytes[1] >> 21;
	assert_int_equal(plan.memory_bytes[0], 0);
	assert_int_equal(plan_memory_mode(&config, &topology, &plan), MEMORY_NO_HUGE);
	topology.nodes[1].hugepages_2m = 10;
	topology.nodes[1].hugepages_2m_free = pages - 1;
	assert_int_equal(plan_memory_mode(&config, &topology, &plan), MEMORY_NO_HUGE);
	assert_int_equal(plan_hugepages_missing(&topology, &plan, 1, command, sizeof(command)), 1);
	assert_string_equal(command,
		"echo 11 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
	topology.nodes[1].hugepages_2m_free = pages;
	assert_int_equal(plan_memory_mode(&config, &topology, &plan), MEMORY_IN_MEMORY);
	assert_int_equal(plan_hugepages_missing(&topology, &plan, 1, command, sizeof(command)), 0);
	assert_string_equal(command, "");
	config.memory.mode = MEMORY_HUGE;
	topology.nodes[1].hugepages_2m_free = 0;
	assert_int_equal(plan_memory_mode(&config, &topology, &plan), MEMORY_HUGE);
	topology.nodes[1].hugepages_1g_free = 1;
	assert_int_equal(plan_hugepages_missing(&topology, &plan, 1, command, sizeof(command)), 0);
}

static void test_memoryless_node(void **state)
{
	(void)state;
	start(&(struct fake_machine){.nodes = 2, .cores = 2, .threads = 1, .memoryless_node = 1}, 1,
		1);
	config.workers.count = 2;
	ports[0].rx_queues_max = 2;
	make();
	check_cpus("2,3 main 0");
	assert_int_equal(plan.workers[0].memory_node, 0);
	assert_true(plan.packets[0] > 0);
	assert_int_equal(plan.packets[1], 0);
	check_only_warning("node 1 has no memory");
}

static void test_too_many_workers(void **state)
{
	(void)state;
	start(&server, 1, -1);
	config.workers.count = CONFIG_WORKERS_MAX + 1;
	assert_int_equal(plan_make(&config, &topology, ports, &plan, &error), -EINVAL);
	start(&(struct fake_machine){.nodes = 1, .cores = 100, .threads = 1}, 1, -1);
	make();
	assert_int_equal(plan.worker_count, CONFIG_WORKERS_MAX);
	set_list(&config.workers.cpus, "0-99");
	assert_int_equal(plan_make(&config, &topology, ports, &plan, &error), -EINVAL);
}

/* A device that cannot hash as asked gets one queue, and software spreads what comes. */
static void test_device_that_cannot_hash_so(void **state)
{
	(void)state;
	start(&server, 2, 0);
	config.workers.count = 4;
	ports[0] = (struct plan_port){0, 4, 4, false};
	make();
	assert_int_equal(plan.rx_queues[0], 4);
	assert_int_equal(plan.emulated_queues[0], 0);
	ports[0].rss_unable = true;
	make();
	assert_int_equal(plan.rx_queues[0], 1);
	assert_int_equal(plan.emulated_queues[0], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_two_threads_of_one_core),
		cmocka_unit_test(test_listed_cpus),
		cmocka_unit_test(test_auto_on_the_ports_node),
		cmocka_unit_test(test_auto_without_a_ports_node),
		cmocka_unit_test(test_auto_on_one_node),
		cmocka_unit_test(test_both_nodes_when_asked),
		cmocka_unit_test(test_count_beyond_the_ports_node),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_single_queue_port_is_spread_in_software),
		cmocka_unit_test(test_ports_that_are_read_go_first),
		cmocka_unit_test(test_queues_stay_on_the_ports_node),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_memory_mode),
		cmocka_unit_test(test_memoryless_node),
		cmocka_unit_test(test_too_many_workers),
		cmocka_unit_test(test_device_that_cannot_hash_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
