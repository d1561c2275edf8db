/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes Ethernet frames to a pcap (nanoseconds) or pcapng file, chosen by the name's ending.
 * Buffered; an error (disk full) is remembered and told by every later call and by close.
 *
 * Threads: one a writer. No EAL.
 */
#ifndef WEIR_CAPTURE_WRITER_H
#define WEIR_CAPTURE_WRITER_H

#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"

struct capture_writer;

/* Creates or truncates `path` ("-": standard output, pcap). NULL with `error`. */
struct capture_writer *capture_writer_open(const char *path, struct error *error);

/* One frame in `count` pieces (count <= 1024). 0 or -errno. */
int capture_writer_write(
	struct capture_writer *writer, uint64_t time_ns, const struct iovec *pieces, int count);
int capture_writer_flush(struct capture_writer *writer);

/* Flushes and frees (takes NULL). 0, or the first error met: then `error` says what was lost. */
int capture_writer_close(struct capture_writer *writer, struct error *error);

#endif
