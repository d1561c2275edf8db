/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several capture files as one, ordered by time. Packets of one file keep their order even where
 * their times go back; equal times go in the order in which the files were named.
 *
 * Threads: one at a time a merge. No EAL. Each file takes a descriptor and 1.3 MiB.
 */
#ifndef WEIR_CAPTURE_MERGE_H
#define WEIR_CAPTURE_MERGE_H

#include "capture/reader.h"

struct capture_merge;

/* `paths` ends with NULL and names at least one file; "-" is standard input. NULL with `error` when
 * one of them cannot be opened or is no capture file. */
struct capture_merge *capture_merge_open(const char *const *paths, struct error *error);
struct capture_merge *capture_merge_close(struct capture_merge *merge);

/* As capture_reader_next(). */
int capture_merge_next(struct capture_merge *merge, struct frame *ret_frame, struct error *error);

/* As capture_reader_rewind(); after an error the merge can only be rewound again or closed. */
int capture_merge_rewind(struct capture_merge *merge, struct error *error);

/* The sums of the files' counts. A frame read ahead to be compared counts when it is given out;
 * records skipped on the way to it count at once. */
void capture_merge_counts(const struct capture_merge *merge, struct capture_counts *ret_counts);

/* The format of the only file, or "3 files". */
const char *capture_merge_format(struct capture_merge *merge);

#endif
