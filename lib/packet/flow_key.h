/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tells a flow from others, to measure by (steering has its own words: steering/tuple.h). A
 * flow is what RSS keeps together: addresses and ports of whole TCP, UDP and SCTP packets, of other
 * IP and of fragments the addresses, of all else the addresses of Ethernet. Pure: any bytes are
 * safe.
 */
#ifndef WEIR_PACKET_FLOW_KEY_H
#define WEIR_PACKET_FLOW_KEY_H

#include <stdint.h>

struct flow_key {
	uint8_t addresses[32]; /* source, destination; IPv4 in the first 8, Ethernet in the first 12
				  (destination, source) */
	uint8_t ports[4]; /* source, destination, network order; 0: none */
	uint32_t kind; /* RTE_PTYPE_L3_* found, and RTE_PTYPE_L4_* where there are ports */
};

/* Of a frame whose first `length` bytes are readable: PARSE_MAX_BYTES, or all there is. */
void flow_key_read(const uint8_t *bytes, uint32_t length, struct flow_key *ret_key);

/* 64 bits, every one of them from all of the key: so that two of a million flows have the same with
 * a probability of 3e-8. Never 0. */
uint64_t flow_key_hash(const struct flow_key *key);

#endif
