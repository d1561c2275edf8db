/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: copies of the packets that pass named points of the path, in one pcapng with an
 * interface for each point.
 *
 *     rx ──> steered ──> gro ──> stage0 ──> stage1 ... ──> gso ──> tx        drop: with the reason
 *
 *     rx        as received, before anything looked at it
 *     steered   on the worker that processes it
 *     gro       after merging (of a feature, or of a configured stage gro)
 *     stageN    after the N-th configured stage, from 0; or the stage's type, if there is one of it
 *     gso       after all steps, cutting included
 *     tx        taken by the port
 *     drop      dropped, wherever that is
 *
 * A capture has a thread, "weir-capture", which writes what the workers copy. What it cannot keep
 * up with is lost to the capture, and counted; packets never wait.
 *
 * Threads: any may start and stop captures.
 */
#ifndef WEIR_ENGINE_CAPTURE_H
#define WEIR_ENGINE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct engine;
struct capture;

enum { CAPTURES_MAX = 8, CAPTURE_POINTS_MAX = 24, CAPTURE_POINT_NAME_MAX = 32 };

struct capture_settings {
	const char *const *at; /* names of points, NULL-terminated */
	const char *filter; /* in libpcap's syntax; NULL: all */
	uint32_t snap_bytes; /* of each packet at most; 0: all */
	uint64_t packets; /* it ends after so many; 0: never */
	/* Follow so many packets: those that match at rx first. Each gets a number, which is its
	 * epb_packetid at every point, and nothing else is captured. 0: not so. Needs rx. */
	uint64_t trace;
	/* A connected socket of whoever reads the pcapng; it is the capture's from the call on,
	 * also after an error. The capture ends by itself when that one ends its side. Or -1, and:
	 */
	int socket;
	const char *file;
	uint64_t file_bytes; /* a new file after so many; 0: one file */
	uint32_t files; /* so many at most; 0: as many as it takes */
};

/* packets = filtered + captured + lost; exact once it has ended. */
struct capture_point_counters {
	uint64_t packets; /* passed */
	uint64_t filtered; /* not wanted by the filter */
	uint64_t captured;
	uint64_t lost; /* there was no room for the copy */
};

/* *ret_capture (NULL allowed) is good until engine_capture_stop(). -EINVAL: a point that there is
 * not, or a filter that libpcap does not know, or -EBUSY: CAPTURES_MAX are on. */
int engine_capture_start(struct engine *engine, const struct capture_settings *settings,
	struct capture **ret_capture, struct error *error);

/* Whether it still takes packets: false after its limit, an error, or the end of its reader. */
bool engine_capture_running(const struct capture *capture);
unsigned engine_capture_point_count(const struct capture *capture);
const char *engine_capture_point_name(const struct capture *capture, unsigned point);
void engine_capture_counters(
	const struct capture *capture, unsigned point, struct capture_point_counters *ret_counters);

/* Ends it: all that was copied is written. 0, or what went wrong while it wrote. */
int engine_capture_stop(struct engine *engine, struct capture *capture, struct error *error);

#endif
