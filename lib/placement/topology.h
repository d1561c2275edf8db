/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine looks like: CPUs, cores, last-level caches, NUMA nodes and their memory, as
 * sysfs tells, cut down to what this process may use (affinity mask, cpuset). Read once.
 * No EAL. `root` lets tests and `weir check` work on the picture of another machine.
 *
 * A machine without /sys/devices/system/node has one node 0 that owns everything.
 */
#ifndef WEIR_PLACEMENT_TOPOLOGY_H
#define WEIR_PLACEMENT_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { TOPOLOGY_CPUS_MAX = 1024, TOPOLOGY_NODES_MAX = 64 };

struct topology_cpu {
	uint16_t cpu;
	uint16_t node;
	uint16_t package;
	uint16_t core; /* the kernel's core_id, within the package */
	uint16_t thread; /* 0: the first hyper-thread of its core */
	uint16_t first_sibling; /* lowest online CPU of its core: the same for all its threads */
	uint16_t llc; /* id of the last-level cache: lowest CPU that shares it */
	bool isolated; /* isolcpus= */
};

struct topology_node {
	uint16_t node;
	bool memory_allowed; /* the cpuset lets this process take memory here, and there is some */
	uint64_t memory_bytes, memory_free_bytes;
	uint64_t hugepages_2m, hugepages_2m_free;
	uint64_t hugepages_1g, hugepages_1g_free;
};

struct topology {
	uint16_t cpu_count; /* those this process may run on, ascending */
	struct topology_cpu cpus[TOPOLOGY_CPUS_MAX];
	uint16_t node_count; /* online nodes, ascending */
	struct topology_node nodes[TOPOLOGY_NODES_MAX];
};

/*
 * `root`: "" for this machine (affinity and cpuset apply), or a folder that holds a copy of
 * sys/devices/system/{cpu,node} (all its online CPUs count as allowed).
 *
 * Isolated CPUs are outside every process's default affinity mask, yet kept free for programs like
 * this one: they count as allowed when the mask is the default one and the cpuset has them. A mask
 * that somebody narrowed (taskset, systemd's CPUAffinity=) is taken at its word.
 *
 * -ENOENT: `root` holds no topology; -EINVAL: it makes no sense; -ENOTSUP: more nodes than weir
 * can hold. CPUs numbered TOPOLOGY_CPUS_MAX and higher are left out.
 */
int topology_read(const char *root, struct topology *ret_topology, struct error *error);

/* NULL: not there or not allowed. */
const struct topology_cpu *topology_cpu_find(const struct topology *topology, unsigned cpu);

/* Index into nodes[], or -1: no such node. */
int topology_node_index(const struct topology *topology, unsigned node);

/* The allowed CPUs as a list ("0-3,8"), for messages. Returns `text`. */
const char *topology_cpus_text(const struct topology *topology, char *text, size_t size);

#endif
