/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_machine.h"
#include "placement/sysfs.h"
#include "placement/topology.h"

static struct topology topology; /* large: not on the stack */

static void read_machine(const struct fake_machine *machine)
{
	char *root = fake_machine_create(machine);
	struct error error = {0};

	if (topology_read(root, &topology, &error) != 0)
		fail_msg("%s", error.message);
	fake_machine_destroy(root);
}

static const char *cpus_text(void)
{
	static char text[256];

	return topology_cpus_text(&topology, text, sizeof(text));
}

static void test_lists(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *again;
	} cases[] = {
		{"", 0, ""},
		{"0", 0, "0"},
		{"0-3,8", 0, "0-3,8"},
		{"7,0-2,3", 0, "0-3,7"},
		{"1022-5000", 0, "1022-1023"},
		{"3-1", -EINVAL, ""},
		{"1,", -EINVAL, ""},
		{"-1", -EINVAL, ""},
		{"1 2", -EINVAL, ""},
		{"a", -EINVAL, ""},
	};
	char text[64];
	cpu_set_t set;

	(void)state;
	for (size_t index = 0; index < sizeof(cases) / sizeof(cases[0]); index++) {
		assert_int_equal(list_parse(cases[index].text, &set), cases[index].result);
		if (cases[index].result == 0)
			assert_string_equal(
				list_format(&set, text, sizeof(text)), cases[index].again);
	}
	assert_int_equal(list_parse("0,2,4,6,8,10,12,14", &set), 0);
	assert_string_equal(list_format(&set, text, 12), "0,2,4,6...");
}

static void test_one_cpu(void **state)
{
	(void)state;
	read_machine(&(struct fake_machine){.nodes = 1, .cores = 1, .threads = 1});
	assert_string_equal(cpus_text(), "0");
	assert_int_equal(topology.node_count, 1);
	assert_int_equal(topology.nodes[0].memory_bytes, 4096ull << 20);
	assert_int_equal(topology.nodes[0].memory_free_bytes, 2048ull << 20);
}

static void test_two_nodes_with_hyper_threads(void **state)
{
	const struct topology_cpu *cpu;

	(void)state;
	read_machine(&(struct fake_machine){.nodes = 2,
		.cores = 4,
		.threads = 2,
		.isolated = "2-3",
		.hugepages = 100,
		.hugepages_free = 60});
	assert_string_equal(cpus_text(), "0-15");
	assert_int_equal(topology.node_count, 2);
	cpu = topology_cpu_find(&topology, 13); /* second thread of node 1's core 1 */
	assert_non_null(cpu);
	assert_int_equal(cpu->node, 1);
	assert_int_equal(cpu->package, 1);
	assert_int_equal(cpu->core, 1);
	assert_int_equal(cpu->thread, 1);
	assert_int_equal(cpu->first_sibling, 5);
	assert_int_equal(cpu->llc, 4);
	assert_false(cpu->isolated);
	assert_true(topology_cpu_find(&topology, 3)->isolated);
	assert_null(topology_cpu_find(&topology, 16));
	assert_int_equal(topology.nodes[1].hugepages_2m, 100);
	assert_int_equal(topology.nodes[1].hugepages_2m_free, 60);
	assert_int_equal(topology_node_index(&topology, 1), 1);
	assert_int_equal(topology_node_index(&topology, 2), -1);
}

static void test_sparse_and_offline(void **state)
{
	(void)state;
	read_machine(&(struct fake_machine){
		.nodes = 2, .cores = 2, .threads = 2, .cpu_step = 3, .offline = "0,12"});
	assert_string_equal(cpus_text(), "3,6,9,15,18,21");
	/* core 0 of node 0 was CPUs 0 and 12; core 1 is 3 and 15 */
	assert_int_equal(topology_cpu_find(&topology, 15)->first_sibling, 3);
	assert_int_equal(topology_cpu_find(&topology, 15)->thread, 1);
	assert_int_equal(topology_cpu_find(&topology, 18)->node, 1);
	assert_int_equal(topology_cpu_find(&topology, 3)->llc, 3);
}

static void test_no_numa(void **state)
{
	(void)state;
	read_machine(&(struct fake_machine){.cores = 2, .threads = 1, .hugepages = 7});
	assert_int_equal(topology.node_count, 1);
	assert_int_equal(topology.nodes[0].node, 0);
	assert_int_equal(topology.nodes[0].hugepages_2m, 7);
	assert_true(topology.nodes[0].memory_allowed);
	assert_int_equal(topology.cpus[1].node, 0);
}

static void test_memoryless_node(void **state)
{
	(void)state;
	read_machine(
		&(struct fake_machine){.nodes = 2, .cores = 1, .threads = 1, .memoryless_node = 1});
	assert_true(topology.nodes[0].memory_allowed);
	assert_false(topology.nodes[1].memory_allowed);
}

static void test_nonsense(void **state)
{
	char *root =
		fake_machine_create(&(struct fake_machine){.nodes = 1, .cores = 1, .threads = 1});
	struct error error = {0};

	(void)state;
	fake_file(root, "0-x", "sys/devices/system/cpu/online");
	assert_int_equal(topology_read(root, &topology, &error), -EINVAL);
	assert_non_null(strstr(error.message, "not a list of CPUs"));
	fake_file(root, "", "sys/devices/system/cpu/online");
	assert_int_equal(topology_read(root, &topology, &error), -EINVAL);
	fake_machine_destroy(root);
	assert_int_equal(topology_read("/nowhere", &topology, &error), -ENOENT);
	assert_non_null(strstr(error.message, "/nowhere/sys"));
}

/* On the machine the test runs on: what may be used is what the affinity mask says. */
static void test_here(void **state)
{
	struct error error = {0};
	cpu_set_t before, one, after;

	(void)state;
	assert_int_equal(topology_read("", &topology, &error), 0);
	assert_true(topology.cpu_count > 0 && topology.node_count > 0);
	assert_true(topology.nodes[0].memory_bytes > 0);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(list_first(&before), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(topology_read("", &topology, &error), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&one, &after));
	assert_int_equal(topology.cpu_count, 1);
	assert_int_equal(topology.cpus[0].cpu, list_first(&one));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_two_nodes_with_hyper_threads),
		cmocka_unit_test(test_sparse_and_offline),
		cmocka_unit_test(test_no_numa),
		cmocka_unit_test(test_memoryless_node),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
