/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/topology.h"

#include <errno.h>
#include <numa.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement/sysfs.h"

#define CPU_PATH "sys/devices/system/cpu"
#define NODE_PATH "sys/devices/system/node"

_Static_assert((int)TOPOLOGY_CPUS_MAX == CPU_SETSIZE, "CPU sets hold all CPUs of a topology");

/* The kernel refuses a mask smaller than its own CPU limit (8192 on distributions' kernels). */
struct affinity {
	cpu_set_t sets[8];
};

static int affinity_get(struct affinity *ret_affinity)
{
	memset(ret_affinity, 0, sizeof(*ret_affinity));
	return sched_getaffinity(0, sizeof(ret_affinity->sets), ret_affinity->sets) < 0 ? -errno
											: 0;
}

/* The cpuset, asked by wanting every CPU for a moment: the kernel cuts the wish down to it. Works
 * for cgroup v1 and v2, and in containers that cannot see their own cgroup. */
static int cpuset_get(const struct affinity *mine, struct affinity *ret_cpuset)
{
	struct affinity all;
	int status;

	memset(&all, 0xff, sizeof(all));
	if (sched_setaffinity(0, sizeof(all.sets), all.sets) < 0)
		return -errno;
	status = affinity_get(ret_cpuset);
	if (sched_setaffinity(0, sizeof(mine->sets), mine->sets) < 0)
		return -errno;
	return status;
}

/* Cuts `set`, the online CPUs, down to those this process may run on; see topology_read(). */
static int keep_allowed(cpu_set_t *set, const cpu_set_t *isolated, struct error *error)
{
	struct affinity mine = {0}, cpuset = {0};
	cpu_set_t by_default;
	int status = affinity_get(&mine);

	if (status < 0)
		return error_set(
			error, -status, "cannot read the CPU affinity mask: %s", strerror(-status));
	if (CPU_COUNT(isolated) > 0 && cpuset_get(&mine, &cpuset) == 0) {
		CPU_AND(&by_default, &cpuset.sets[0], isolated);
		CPU_XOR(&by_default, &by_default, &cpuset.sets[0]);
		if (CPU_EQUAL(&by_default, &mine.sets[0]))
			mine = cpuset;
	}
	CPU_AND(set, set, &mine.sets[0]);
	return 0;
}

static uint16_t read_small(const char *root, unsigned cpu, const char *file, uint16_t missing)
{
	int64_t number;

	if (sysfs_read_number(root, &number, CPU_PATH "/cpu%u/topology/%s", cpu, file) < 0 ||
		number < 0 || number > UINT16_MAX) /* -1: the firmware does not say */
		return missing;
	return (uint16_t)number;
}

/* The lowest CPU that shares the cache of the highest level. */
static uint16_t read_llc(const char *root, unsigned cpu)
{
	int64_t level, highest = 0;
	uint16_t llc = (uint16_t)cpu;
	cpu_set_t sharing;

	for (unsigned index = 0; index < 16; index++) {
		if (sysfs_read_number(
			    root, &level, CPU_PATH "/cpu%u/cache/index%u/level", cpu, index) < 0)
			break;
		if (level <= highest ||
			sysfs_read_list(root, &sharing,
				CPU_PATH "/cpu%u/cache/index%u/shared_cpu_list", cpu, index) < 0)
			continue;
		highest = level;
		llc = list_first(&sharing) >= 0 ? (uint16_t)list_first(&sharing) : llc;
	}
	if (highest == 0 &&
		sysfs_read_list(
			root, &sharing, CPU_PATH "/cpu%u/topology/core_siblings_list", cpu) == 0 &&
		list_first(&sharing) >= 0)
		llc = (uint16_t)list_first(&sharing); /* no cache told of: one a package */
	return llc;
}

static void read_cpu(const char *root, unsigned cpu, struct topology_cpu *ret_cpu)
{
	cpu_set_t siblings;

	*ret_cpu = (struct topology_cpu){.cpu = (uint16_t)cpu, .first_sibling = (uint16_t)cpu};
	ret_cpu->package = read_small(root, cpu, "physical_package_id", 0);
	ret_cpu->core = read_small(root, cpu, "core_id", (uint16_t)cpu);
	ret_cpu->llc = read_llc(root, cpu);
	if (sysfs_read_list(root, &siblings, CPU_PATH "/cpu%u/topology/thread_siblings_list", cpu) <
			0 ||
		!CPU_ISSET(cpu, &siblings))
		return;
	ret_cpu->first_sibling = (uint16_t)list_first(&siblings);
	for (unsigned sibling = 0; sibling < cpu; sibling++)
		ret_cpu->thread += CPU_ISSET(sibling, &siblings) ? 1 : 0;
}

static int read_cpus(const char *root, struct topology *topology, struct error *error)
{
	cpu_set_t online, isolated;
	int status = sysfs_read_list(root, &online, CPU_PATH "/online");

	if (status < 0)
		return error_set(error, -status, "%s/" CPU_PATH "/online: %s", root,
			status == -EINVAL ? "not a list of CPUs" : strerror(-status));
	if (sysfs_read_list(root, &isolated, CPU_PATH "/isolated") < 0)
		CPU_ZERO(&isolated);
	if (root[0] == '\0') {
		status = keep_allowed(&online, &isolated, error);
		if (status < 0)
			return status;
	}
	for (unsigned cpu = 0; cpu < TOPOLOGY_CPUS_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &online))
			continue;
		read_cpu(root, cpu, &topology->cpus[topology->cpu_count]);
		topology->cpus[topology->cpu_count++].isolated = CPU_ISSET(cpu, &isolated);
	}
	if (topology->cpu_count == 0)
		return error_set(
			error, EINVAL, "%s/" CPU_PATH "/online: no CPU this process may use", root);
	return 0;
}

/* "Node 0 MemTotal:  16 kB" of a node, or "MemTotal:  16 kB" of the whole machine. */
static uint64_t meminfo_bytes(const char *meminfo, const char *field)
{
	const char *found = strstr(meminfo, field);

	return found != NULL ? strtoull(found + strlen(field), NULL, 10) * 1024 : 0;
}

static void read_hugepages(const char *root, const char *folder, struct topology_node *node)
{
	struct {
		const char *size;
		uint64_t *total, *free;
	} kinds[] = {
		{"2048kB", &node->hugepages_2m, &node->hugepages_2m_free},
		{"1048576kB", &node->hugepages_1g, &node->hugepages_1g_free},
	};

	for (unsigned kind = 0; kind < 2; kind++) {
		int64_t number;

		if (sysfs_read_number(root, &number, "%s/hugepages/hugepages-%s/nr_hugepages",
			    folder, kinds[kind].size) == 0)
			*kinds[kind].total = (uint64_t)number;
		if (sysfs_read_number(root, &number, "%s/hugepages/hugepages-%s/free_hugepages",
			    folder, kinds[kind].size) == 0)
			*kinds[kind].free = (uint64_t)number;
	}
}

static void read_memory(const char *root, const char *meminfo_path, const char *hugepages_folder,
	struct topology_node *node)
{
	char meminfo[4096];

	if (sysfs_read_text(root, meminfo, sizeof(meminfo), "%s", meminfo_path) > 0) {
		node->memory_bytes = meminfo_bytes(meminfo, "MemTotal:");
		node->memory_free_bytes = meminfo_bytes(meminfo, "MemFree:");
	}
	read_hugepages(root, hugepages_folder, node);
	node->memory_allowed = node->memory_bytes > 0;
	if (root[0] == '\0' && numa_available() >= 0) {
		struct bitmask *allowed = numa_get_mems_allowed();

		node->memory_allowed &= numa_bitmask_isbitset(allowed, node->node) != 0;
		numa_bitmask_free(allowed);
	}
}

static void read_node(const char *root, unsigned number, struct topology *topology)
{
	struct topology_node *node = &topology->nodes[topology->node_count++];
	char folder[64], meminfo_path[80];
	cpu_set_t cpus;

	node->node = (uint16_t)number;
	snprintf(folder, sizeof(folder), NODE_PATH "/node%u", number);
	snprintf(meminfo_path, sizeof(meminfo_path), "%s/meminfo", folder);
	read_memory(root, meminfo_path, folder, node);
	if (sysfs_read_list(root, &cpus, "%s/cpulist", folder) < 0)
		return;
	for (unsigned index = 0; index < topology->cpu_count; index++) {
		if (CPU_ISSET(topology->cpus[index].cpu, &cpus))
			topology->cpus[index].node = node->node;
	}
}

static int read_nodes(const char *root, struct topology *topology, struct error *error)
{
	cpu_set_t online;

	if (sysfs_read_list(root, &online, NODE_PATH "/online") < 0 || CPU_COUNT(&online) == 0) {
		topology->node_count = 1;
		read_memory(root, "proc/meminfo", "sys/kernel/mm", &topology->nodes[0]);
		return 0;
	}
	if (CPU_COUNT(&online) > TOPOLOGY_NODES_MAX)
		return error_set(error, ENOTSUP, "%d NUMA nodes: weir knows at most %d",
			CPU_COUNT(&online), TOPOLOGY_NODES_MAX);
	for (unsigned index = 0; index < topology->cpu_count; index++)
		topology->cpus[index].node = (uint16_t)list_first(&online);
	for (unsigned node = 0; node < CPU_SETSIZE; node++) {
		if (CPU_ISSET(node, &online))
			read_node(root, node, topology);
	}
	return 0;
}

int topology_read(const char *root, struct topology *ret_topology, struct error *error)
{
	int status;

	memset(ret_topology, 0, sizeof(*ret_topology));
	status = read_cpus(root, ret_topology, error);
	if (status < 0)
		return status;
	return read_nodes(root, ret_topology, error);
}

const struct topology_cpu *topology_cpu_find(const struct topology *topology, unsigned cpu)
{
	for (unsigned index = 0; index < topology->cpu_count; index++) {
		if (topology->cpus[index].cpu == cpu)
			return &topology->cpus[index];
	}
	return NULL;
}

int topology_node_index(const struct topology *topology, unsigned node)
{
	for (unsigned index = 0; index < topology->node_count; index++) {
		if (topology->nodes[index].node == node)
			return (int)index;
	}
	return -1;
}

const char *topology_cpus_text(const struct topology *topology, char *text, size_t size)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned index = 0; index < topology->cpu_count; index++)
		CPU_SET(topology->cpus[index].cpu, &set);
	return list_format(&set, text, size);
}
