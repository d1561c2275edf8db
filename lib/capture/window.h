/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a capture in order, seen through a window: a file, a pipe or memory, all read the
 * same way. A window holds WINDOW_BYTES, so a file or a stream of any size takes 1 MiB of memory.
 *
 * Why read() and not mmap(): a file that another process shortens while it is replayed is a short
 * read here and a SIGBUS there; pipes need no second way; and one large read() is as fast as the
 * page faults of a mapping. Records are used where they lie in the window, not copied out.
 *
 * Threads: one at a time a window.
 */
#ifndef WEIR_CAPTURE_WINDOW_H
#define WEIR_CAPTURE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum { WINDOW_BYTES = 1 << 20 };

struct window {
	const uint8_t *bytes; /* what is in sight; `buffer`, or the caller's memory */
	size_t position; /* the next byte to be taken */
	size_t end; /* bytes in sight */
	uint8_t *buffer; /* owned; NULL over memory */
	int fd; /* -1 over memory */
	bool closes_fd;
	bool at_end; /* nothing comes after `end` */
	bool moved; /* the first byte is no longer in sight */
	int failure; /* a positive errno: reading failed, for good unless it is EINTR */
	off_t origin; /* where the file was when opened; -1: cannot seek (a pipe) */
};

/* "-" is standard input. 0 or -errno with `error`. */
int window_open(struct window *window, const char *path, struct error *error);
void window_open_memory(struct window *window, const void *bytes, size_t length);
void window_close(struct window *window);

/* Back to the first byte. -ESPIPE when that byte came through a pipe and is gone. */
int window_rewind(struct window *window);

/* Use window_need(). */
const uint8_t *window_need_more(struct window *window, size_t count);

/* The next `count` bytes in one piece (count <= WINDOW_BYTES), not taken yet; valid until the next
 * window_need() or window_skip(). NULL: fewer are left, or reading failed (window->failure); after
 * EINTR, a signal that came while waiting at a pipe, the call may be repeated. */
static inline const uint8_t *window_need(struct window *window, size_t count)
{
	if (__builtin_expect(window->end - window->position >= count, 1))
		return window->bytes + window->position;
	return window_need_more(window, count);
}

/* Takes `count` bytes that window_need() has shown. */
static inline void window_take(struct window *window, size_t count)
{
	window->position += count;
}

/* Takes `count` bytes, however many, without looking; no signal interrupts that. False: fewer were
 * left, or reading failed. */
bool window_skip(struct window *window, uint64_t count);

/* How many bytes are left in sight after a window_need() that gave NULL. */
static inline size_t window_left(const struct window *window)
{
	return window->end - window->position;
}

#endif
