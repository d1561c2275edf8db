/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The biggest flows of a stream of packets, in bounded memory: Space-Saving (Metwally et al., 2005)
 * over sampled packets. A flow with more than 1/HEAVY_HITTERS_MAX of the packets is always among
 * them; `error` says by how much a count may be too high.
 * Threads: written by one worker; heavy_hitters_top() may run on another thread meanwhile and gives
 * entries that are whole (each has a sequence number of its own). No EAL.
 */
#ifndef WEIR_STEERING_HEAVY_HITTERS_H
#define WEIR_STEERING_HEAVY_HITTERS_H

#include <stddef.h>
#include <stdint.h>

#include "steering/tuple.h"

enum { HEAVY_HITTERS_MAX = 256 };

struct heavy_hitter {
	uint32_t hash; /* the RSS hash: what tells flows apart here */
	struct tuple tuple; /* of the packet that brought it in */
	uint64_t packets, bytes; /* sampled ones times the sampling interval */
	uint64_t error; /* packets counted that may have been another flow's */
};

struct heavy_hitters; /* opaque */

size_t heavy_hitters_bytes(void);
/* `memory`: 64-aligned, heavy_hitters_bytes(). Each packet noted stands for `interval` packets. */
struct heavy_hitters *heavy_hitters_init(void *memory, unsigned interval);

/* A sampled packet: its frame (up to `length` bytes readable) is looked at only when the flow is
 * new here. */
void heavy_hitters_note(struct heavy_hitters *hitters, uint32_t hash, uint32_t packet_bytes,
	const uint8_t *frame, uint32_t length);

/* The biggest first; returns how many. */
unsigned heavy_hitters_top(
	const struct heavy_hitters *hitters, struct heavy_hitter ret_top[], unsigned max);

#endif
