/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mapping memory whose file came from somebody else. It is mapped only if it cannot be taken away:
 * the file is a memfd (or hugetlb memfd) sealed against shrinking and against further seals that
 * would hurt, and is as long as is said. Else a read would end in SIGBUS whenever the other one
 * pleases.
 */
#ifndef WEIR_VERBS_MAPPING_H
#define WEIR_VERBS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct verbs_mapping {
	uint8_t *base; /* of the byte that was asked for; NULL: nothing is mapped */
	size_t bytes;
	void *map; /* page-aligned, what munmap(2) gets */
	size_t map_bytes;
};

/* Maps `bytes` from `offset`, shared. Does not keep the fd. -EPERM: not sealed; -EINVAL: too short,
 * overflow, not a memfd; -ENOMEM. */
int verbs_map(struct verbs_mapping *mapping, int fd, uint64_t offset, uint64_t bytes, bool writable,
	struct error *error);
void verbs_unmap(struct verbs_mapping *mapping); /* of a zeroed one: nothing */
/* Made of huge pages: its owner can punch holes into it, and who then touches them while no huge
 * page is free dies of SIGBUS. No seal forbids that. Not for memory of somebody not trusted. */
bool verbs_file_is_huge(int fd);

/* A sealed memfd of `bytes` (rounded up to pages), mapped. Returns the fd or -errno. */
int verbs_memory_create(const char *name, size_t bytes, bool huge, struct verbs_mapping *mapping,
	struct error *error);

#endif
