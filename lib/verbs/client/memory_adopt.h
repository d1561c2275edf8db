/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adopted memory: private memory of the process that was moved into shared memory, at its address.
 *
 * One file has it all, as sparse as the address space and as long: what is at address A of the
 * process is at offset A of the file. So any range of addresses is one range of the file, however
 * its registrations overlap or meet; one descriptor is enough; and the kernel's list of mappings
 * is the page map: a page is adopted if it is a mapping of that file at its own offset, whatever
 * the program unmapped and mapped since. (A second file has what is in huge pages.)
 *
 * The price: whoever is given a region on the direct path is given the file, and with it every
 * page that was ever adopted. That path is for processes that trust each other. Memory from
 * weir_alloc() has files of its own.
 *
 * mremap(2) of adopted memory to a larger size would run into the offsets of its neighbours; it is
 * made to fail (see growth_forbid()), and realloc(3) then copies, as it always may.
 */
#ifndef WEIR_VERBS_CLIENT_MEMORY_ADOPT_H
#define WEIR_VERBS_CLIENT_MEMORY_ADOPT_H

#include <pthread.h>

#include "verbs/client/memory_maps.h"

enum { MEMORY_HUGE_BYTES = 2 << 20 };
#define MEMORY_FILE_BYTES (UINT64_C(1) << 47) /* the address space of a program */

struct memory_file {
	int fd; /* -1: not made. Kept for the life of the process: what is adopted stays */
	dev_t device;
	ino_t inode;
	uint64_t moved_bytes; /* since what is not mapped any more was given back */
};

struct memory_adopted {
	pthread_mutex_t lock; /* a leaf: held while pages move, and over fork(2) */
	bool fork_watched;
	struct memory_file small, huge; /* by size of page */
};

extern struct memory_adopted memory_adopted; /* of the process */

/* The file whose adopted page this is, at its own address or not; NULL: of none. */
const struct memory_file *memory_adopted_file(const struct memory_piece *piece);

bool memory_is_of(const struct memory_piece *piece, const struct memory_file *file);

/* Gives back what of the file is not mapped any more, if it is worth it. Lock held. */
void memory_trim(struct memory_file *file);

/* Adopts what of [address, address + length) is not yet; or finds the file behind it, if it is
 * shared memory. ret_owned: the caller closes the descriptor. Takes the lock. 0 or -errno. */
int memory_adopt(uintptr_t address, size_t length, bool writes, int *ret_fd, uint64_t *ret_offset,
	bool *ret_owned, struct error *error);

/* memory_fork.c: a child of fork(2) gets copies. Once. 0 or -errno. */
int memory_fork_watch(void);

#endif
