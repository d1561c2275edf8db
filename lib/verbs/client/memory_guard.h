/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Holds other threads back that write to a range. See memory_move.h.
 *
 * A guard is three things: what is prepared before, the system call that begins it, and the one
 * that ends it, so that the mover can make those between its own without touching its stack.
 */
#ifndef WEIR_VERBS_CLIENT_MEMORY_GUARD_H
#define WEIR_VERBS_CLIENT_MEMORY_GUARD_H

#include <limits.h>
#include <linux/userfaultfd.h>

#include "verbs/client/memory_maps.h"

/* Of a call that may give anything. */
#define MEMORY_CALL_ANY LONG_MIN

/* A system call, to be made from registers. */
struct memory_call {
	long number;
	long argument[6];
	long expected; /* anything else: it failed */
};

struct memory_guard {
	bool wanted; /* there is somebody to hold back */
	int userfault; /* -1: none */
	struct uffdio_writeprotect closed, opened;
	struct memory_call begin, undo; /* if wanted. undo: if what comes between fails */
};

/* Nobody is held back yet. Never fails: what is there is used. */
void memory_guard_prepare(struct memory_guard *guard, const struct memory_piece *piece,
	uintptr_t start, uintptr_t end);
/* After the exchange, or after undo: those who wait go on. */
void memory_guard_end(struct memory_guard *guard);

#endif
