/* SPDX-License-Identifier: BSD-3-Clause */
/* Mbufs for the tests of GSO: pools that have to be full again after each test, super-packets in
 * buffers of many kinds, and the comparison of what comes out. */
#ifndef TEST_GSO_FIXTURE_H
#define TEST_GSO_FIXTURE_H

#include "gso_frames.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"

enum { POOL_BUFFERS = 4095, BUFFER_BYTES = 2500, LARGE_BUFFERS = 31, LARGE_BYTES = 30000 };
/* Of a buffer that GRO chained: its own headers were there. */
enum { HEADROOM_BYTES = RTE_PKTMBUF_HEADROOM + 200 };

enum layout {
	SEGMENTS, /* a buffer each */
	SEGMENTS_NOTED, /* with their sums */
	SEGMENTS_SHARED, /* somebody else has a reference to them */
	SEGMENTS_LOW, /* no room in front of them */
	LARGE, /* as few buffers as possible */
	CRUMBS, /* odd sizes, empty ones, headers in several */
	PADDED, /* as LARGE, and Ethernet padding behind */
	LAYOUTS
};

extern uint64_t stamp_flag; /* of a mark that each buffer of a super-packet has */
extern struct rte_mempool *packet_pool, *large_pool, *header_pool;

int gso_group_setup(void **state);
int gso_group_teardown(void **state);
int gso_test_teardown(void **state); /* nothing is missing */
void shared_free(void); /* the references of SEGMENTS_SHARED */

/* The super-packet of a shape, flags and note set as its maker would. */
struct rte_mbuf *make_super(const struct shape *shape, enum layout layout);
/* A packet of these bytes. */
struct rte_mbuf *make_packet(const uint8_t *bytes, uint32_t length, uint32_t header_bytes,
	uint32_t segment_bytes, enum layout layout);
/* Of a packet in any number of buffers; checks that lengths and counts agree. */
uint32_t copy_out(const struct rte_mbuf *packet, uint8_t *ret_bytes);

/* Cuts the super-packet of a shape, `room` at a time, and holds each segment against the oracle. */
void check_cut(struct gso *gso, const struct shape *shape, enum layout layout, unsigned room);
void check_frame(const struct rte_mbuf *packet, const uint8_t *bytes, uint32_t length);

/* A number on from the last, the same in each run. */
uint32_t next_random(void);

#endif
