/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says is mapped where: /proc/self/maps, read at once. It is the only page map
 * there is, so none of ours can be out of date when the program unmapped or moved something.
 */
#ifndef WEIR_VERBS_CLIENT_MEMORY_MAPS_H
#define WEIR_VERBS_CLIENT_MEMORY_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct memory_piece { /* one mapping */
	uintptr_t start, end;
	uint64_t offset; /* in its file */
	dev_t device;
	ino_t inode; /* 0: anonymous */
	int protection; /* PROT_ of mmap(2) */
	bool shared;
	bool huge; /* anonymous memory of huge pages */
};

struct memory_maps {
	char *text; /* in a mapping of its own: reading must not change the heap it reports */
	size_t bytes, capacity;
	size_t next; /* offset of the next line */
	uintptr_t stack_end; /* of the first thread's stack; 0: not seen */
};

/* 0 or -errno. */
int memory_maps_read(struct memory_maps *maps, struct error *error);
void memory_maps_free(struct memory_maps *maps);
/* From the lowest address up; memory_maps_rewind() begins again. */
bool memory_maps_next(struct memory_maps *maps, struct memory_piece *ret_piece);
void memory_maps_rewind(struct memory_maps *maps);

/* A descriptor, the caller's, of the file that is mapped there: one that the process has open, or
 * else, with the right to, through /proc/self/map_files. -EPERM: there is none. */
int memory_file_find(const struct memory_piece *piece, struct error *error);

#endif
