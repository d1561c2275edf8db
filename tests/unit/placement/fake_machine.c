/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_machine.h"

#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "placement/sysfs.h"

void fake_file(const char *root, const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	size_t length = (size_t)snprintf(path, sizeof(path), "%s/", root);
	va_list arguments;
	FILE *file;

	va_start(arguments, format);
	vsnprintf(path + length, sizeof(path) - length, format, arguments);
	va_end(arguments);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	if (file == NULL || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static unsigned number_of(
	const struct fake_machine *machine, unsigned node, unsigned core, unsigned thread)
{
	unsigned step = machine->cpu_step > 0 ? machine->cpu_step : 1;
	unsigned nodes = machine->nodes > 0 ? machine->nodes : 1;

	return step * (thread * nodes * machine->cores + node * machine->cores + core);
}

static void set_file(const char *root, const cpu_set_t *set, const char *path)
{
	char text[4096];

	fake_file(root, list_format(set, text, sizeof(text)), "%s", path);
}

static void write_cpu(const char *root, const struct fake_machine *machine, unsigned node,
	unsigned core, const cpu_set_t *online, cpu_set_t *package)
{
	char path[128], text[64];
	cpu_set_t siblings;

	CPU_ZERO(&siblings);
	for (unsigned thread = 0; thread < machine->threads; thread++)
		CPU_SET(number_of(machine, node, core, thread), &siblings);
	CPU_AND(&siblings, &siblings, online);
	CPU_OR(package, package, &siblings);
	for (unsigned thread = 0; thread < machine->threads; thread++) {
		unsigned cpu = number_of(machine, node, core, thread);

		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology", cpu);
		if (!CPU_ISSET(cpu, online))
			continue; /* offline CPUs have no topology folder */
		snprintf(text, sizeof(text), "%u", core);
		fake_file(root, text, "%s/core_id", path);
		snprintf(text, sizeof(text), "%u", node);
		fake_file(root, text, "%s/physical_package_id", path);
		snprintf(path, sizeof(path),
			"sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
		set_file(root, &siblings, path);
		snprintf(
			path, sizeof(path), "sys/devices/system/cpu/cpu%u/cache/index0/level", cpu);
		fake_file(root, "1", "%s", path);
		snprintf(path, sizeof(path),
			"sys/devices/system/cpu/cpu%u/cache/index0/shared_cpu_list", cpu);
		set_file(root, &siblings, path);
	}
}

/* The package shares a cache of level 3. */
static void write_llc(const char *root, const cpu_set_t *package)
{
	char path[128];

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, package))
			continue;
		fake_file(root, "3", "sys/devices/system/cpu/cpu%u/cache/index1/level", cpu);
		snprintf(path, sizeof(path),
			"sys/devices/system/cpu/cpu%u/cache/index1/shared_cpu_list", cpu);
		set_file(root, package, path);
	}
}

static void write_memory(const char *root, const struct fake_machine *machine, unsigned node)
{
	unsigned mib = machine->memory_mib > 0 ? machine->memory_mib : 4096;
	char text[256], number[32], folder[64];

	if (machine->memoryless_node > 0 && node == (unsigned)machine->memoryless_node)
		mib = 0;
	if (machine->nodes == 0) {
		snprintf(text, sizeof(text), "MemTotal: %u kB\nMemFree: %u kB", mib * 1024,
			mib * 512);
		fake_file(root, text, "proc/meminfo");
		snprintf(folder, sizeof(folder), "sys/kernel/mm");
	} else {
		snprintf(text, sizeof(text), "Node %u MemTotal: %u kB\nNode %u MemFree: %u kB",
			node, mib * 1024, node, mib * 512);
		snprintf(folder, sizeof(folder), "sys/devices/system/node/node%u", node);
		fake_file(root, text, "%s/meminfo", folder);
	}
	snprintf(number, sizeof(number), "%u", machine->hugepages);
	fake_file(root, number, "%s/hugepages/hugepages-2048kB/nr_hugepages", folder);
	snprintf(number, sizeof(number), "%u", machine->hugepages_free);
	fake_file(root, number, "%s/hugepages/hugepages-2048kB/free_hugepages", folder);
}

char *fake_machine_create(const struct fake_machine *machine)
{
	const char *folder = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
	unsigned nodes = machine->nodes > 0 ? machine->nodes : 1;
	cpu_set_t online, offline, node_set;
	char path[PATH_MAX], *root;

	snprintf(path, sizeof(path), "%s/weir-machine-XXXXXX", folder);
	root = strdup(path);
	if (root == NULL || mkdtemp(root) == NULL) {
		perror(path);
		exit(1);
	}
	CPU_ZERO(&online);
	CPU_ZERO(&node_set);
	list_parse(machine->offline != NULL ? machine->offline : "", &offline);
	for (unsigned cpu = 0; cpu < nodes * machine->cores * machine->threads; cpu++) {
		unsigned number = cpu * (machine->cpu_step > 0 ? machine->cpu_step : 1);

		if (!CPU_ISSET(number, &offline))
			CPU_SET(number, &online);
	}
	set_file(root, &online, "sys/devices/system/cpu/online");
	fake_file(root, machine->isolated != NULL ? machine->isolated : "",
		"sys/devices/system/cpu/isolated");
	for (unsigned node = 0; node < nodes; node++) {
		cpu_set_t package;

		CPU_ZERO(&package);
		CPU_SET(node, &node_set);
		for (unsigned core = 0; core < machine->cores; core++)
			write_cpu(root, machine, node, core, &online, &package);
		write_llc(root, &package);
		write_memory(root, machine, node);
		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", node);
		if (machine->nodes > 0)
			set_file(root, &package, path);
	}
	if (machine->nodes > 0)
		set_file(root, &node_set, "sys/devices/system/node/online");
	return root;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void fake_machine_destroy(char *root)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(root);
}
