/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture in one file, or in several of a bounded size, of a bounded number: with a size, each
 * file begins as the first did (section and interfaces), and with a number the oldest is
 * overwritten. Names are tcpdump's (-C, -W): FILE, FILE1, FILE2, ...; with a number FILE0, FILE1,
 * ... with leading zeros.
 *
 * Threads: one a ring. No EAL.
 */
#ifndef WEIR_CAPTURE_FILE_RING_H
#define WEIR_CAPTURE_FILE_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct file_ring;

/* `path` "-": standard output, and one file. file_bytes 0: one file; files 0: as many as it takes.
 * The first file is there at once. NULL with `error`. */
struct file_ring *file_ring_open(
	const char *path, uint64_t file_bytes, uint32_t files, struct error *error);

/* Blocks that each file begins with. All of them before the first file_ring_write(). */
int file_ring_begin(struct file_ring *ring, const void *blocks, size_t length);

/* One block; it is never split between files. 0, or -errno of the first failure. */
int file_ring_write(struct file_ring *ring, const void *block, size_t length);
int file_ring_flush(struct file_ring *ring);

/* Frees it (takes NULL). 0, or the first failure, which `error` tells. */
int file_ring_close(struct file_ring *ring, struct error *error);

#endif
