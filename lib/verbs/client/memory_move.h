/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exchanging the pages under an address while the program goes on using it: the caller may stand
 * on the very stack that is moved, and other threads may write meanwhile.
 *
 * Between the copy and the exchange the caller must not write anything that is copied. The two
 * system calls are therefore made back to back in assembly, from registers, with signals blocked.
 *
 * Other threads are held back while it lasts: by userfaultfd's write protection where there is one
 * (anonymous memory; complete with the right to it, root or vm.unprivileged_userfaultfd; without
 * that right a system call of theirs that writes there just then fails with EFAULT), else by
 * mprotect(2) and a SIGSEGV handler in which they wait (the same holds for system calls; a thread
 * that blocks SIGSEGV is killed). Not at all while the process has only one thread.
 */
#ifndef WEIR_VERBS_CLIENT_MEMORY_MOVE_H
#define WEIR_VERBS_CLIENT_MEMORY_MOVE_H

#include <stdint.h>

#include "base/error.h"
#include "verbs/client/memory_maps.h"

/* Puts what is at [start, end), a part of `piece`, into the file at `offset`, and maps that there
 * instead. Whole pages (huge ones if it is `huge`). 0 or -errno; then some of it may have moved,
 * which nobody notices. */
int memory_move_in(const struct memory_piece *piece, uintptr_t start, uintptr_t end, bool huge,
	int fd, uint64_t offset, struct error *error);

/* The opposite: what the file has becomes private memory of this process. snapshot: as it was
 * then; NULL: not wanted. 0 or -errno. */
int memory_move_out(const struct memory_piece *piece, uintptr_t start, uintptr_t end, bool huge,
	int fd, uint64_t offset, uint8_t *snapshot);

/* After moving out: maps the file there again. What the program changed since `snapshot` was taken
 * goes into it, through `file`, its mapping elsewhere; what others changed stays. */
int memory_move_back(const struct memory_piece *piece, uintptr_t start, uintptr_t end,
	uint8_t *file, const uint8_t *snapshot, int fd, uint64_t offset);

#endif
