/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets on their way through GRO and GSO and back, and the laws that hold of each that comes out.
 * In the private room of its first mbuf each packet has what it was.
 */
#ifndef WEIR_SEGMENTS_ROUND_TRIP_H
#define WEIR_SEGMENTS_ROUND_TRIP_H

#include <stdint.h>

#include "segmentation/gro.h"
#include "segmentation/gso.h"
#include "segments_generator.h"
#include "segments_model.h"

struct round_trip_counts {
	uint64_t packets, merged, super_packets, cut_by_reference;
};

extern struct rte_mempool *round_trip_pool;
extern struct round_trip_counts round_trip_counts;

/* EAL without devices, the pool. */
void round_trip_init(unsigned packets, unsigned buffer_bytes);
void round_trip_fini(void);
/* All buffers are back. */
void round_trip_check_pool(const char *where);

/* What `packet` was as it was made. */
struct model_packet *round_trip_origin(const struct rte_mbuf *packet);
/* Of bytes that stay where they are, in so many buffers; parsed as at arrival. */
struct rte_mbuf *round_trip_packet(const uint8_t *bytes, uint32_t length, unsigned pieces);

/* Holds what came out of GRO against what went in, cuts it if it was merged, holds that against
 * what went in too, and frees it. `way`: how it is cut, by its lowest bits. Wrong: it prints why
 * and ends the program. */
void round_trip_check(struct gso *gso, struct rte_mbuf *packet, unsigned way);

/* Prints and ends the program; what was going on stands in round_trip_story. */
extern char round_trip_story[256];
void round_trip_fail(const struct model_packet *packet, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

#endif
