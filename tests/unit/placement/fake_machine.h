/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the sysfs tree of a machine that does not exist, below a folder of its own in $TMPDIR.
 */
#ifndef WEIR_TESTS_FAKE_MACHINE_H
#define WEIR_TESTS_FAKE_MACHINE_H

#include <stdbool.h>

struct fake_machine {
	unsigned nodes; /* 0: a kernel without NUMA, no node folders */
	unsigned cores; /* of each node, which is a package of its own */
	unsigned threads; /* of each core; thread t of all cores come before thread t + 1 */
	unsigned cpu_step; /* CPU numbers are multiples of it; 0: 1 */
	const char *offline; /* lists, NULL: none */
	const char *isolated;
	unsigned memory_mib; /* of each node; 0: 4096 */
	unsigned hugepages, hugepages_free; /* 2 MiB ones of each node */
	int memoryless_node; /* 0: none; else this node has no memory */
};

/* The root folder, malloc'ed. Exits when it cannot be written. */
char *fake_machine_create(const struct fake_machine *machine);
/* Removes it. */
void fake_machine_destroy(char *root);

/* Writes one more file of the tree, folders included. */
void fake_file(const char *root, const char *text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
