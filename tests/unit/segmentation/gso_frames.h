/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle of the tests of GSO: writes the packets that a sender would have sent itself, each on
 * its own, and the super-packet that they make together. Knows nothing of the code under test.
 */
#ifndef TEST_GSO_FRAMES_H
#define TEST_GSO_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

enum { FRAME_MAX_BYTES = 70000, HEADERS_MAX_BYTES = 512 };

enum tunnel_shape {
	PLAIN,
	VXLAN, /* no outer checksum */
	VXLAN_SUM,
	GENEVE_SUM, /* with an option */
	GRE,
	GRE_KEY,
	GRE_SUM,
	NVGRE,
	IP_IN_IP,
	TUNNEL_SHAPES
};

struct shape {
	enum tunnel_shape tunnel;
	unsigned tags, inner_tags; /* VLAN */
	bool outer_ipv6, ipv6;
	bool extension; /* 8 bytes of IPv4 options or IPv6 destination options */
	bool udp, no_sum; /* UDP without checksum */
	unsigned tcp_options; /* bytes */
	uint8_t tcp_flags; /* of all segments together */
	bool cwr_each, id_fixed, outer_id_fixed;
	uint32_t segment_bytes, payload_bytes;
	uint16_t id, outer_id;
	uint32_t sequence;
};

/* How many segments it makes. */
unsigned shape_segments(const struct shape *shape);
/* Writes segment `index` as it is on the wire, returns its length; and the super-packet. */
uint32_t shape_segment(const struct shape *shape, unsigned index, uint8_t *frame);
uint32_t shape_super(const struct shape *shape, uint8_t *frame, uint32_t *ret_header_bytes);
/* All of it in one packet as it would be on the wire, were the MTU long enough. */
uint32_t shape_whole(const struct shape *shape, uint8_t *frame);

uint8_t shape_payload(uint32_t offset);

#endif
