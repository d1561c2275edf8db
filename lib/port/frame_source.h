/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a replay's frames come from: capture files merged by time, or the generator. One pass at a
 * time; rewind for the next.
 */
#ifndef WEIR_PORT_FRAME_SOURCE_H
#define WEIR_PORT_FRAME_SOURCE_H

#include "base/error.h"
#include "capture/reader.h"
#include "config/config.h"
#include "packet/frame.h"

struct frame_source;

struct frame_source *frame_source_open(const struct config_port *config, struct error *error);
struct frame_source *frame_source_close(struct frame_source *source);

/* 1: the next frame; 0: the end; -errno. Snapped frames are skipped here when that is asked for. */
int frame_source_next(struct frame_source *source, struct frame *ret_frame, struct error *error);
int frame_source_rewind(struct frame_source *source, struct error *error);
/* Of this pass so far. */
void frame_source_counts(const struct frame_source *source, struct capture_counts *ret_counts);

#endif
