/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the headers of an Ethernet frame: VLAN and QinQ, MPLS and PPPoE recognised, IPv4 with
 * options, IPv6 with extension headers, TCP, UDP, SCTP, ICMP, fragments; tunnels (VXLAN, GRE,
 * IPIP, SIT, GTP-U) recognised by their outer header. Pure: bytes in, offsets out; any bytes are safe.
 *
 * Packet types are DPDK's RTE_PTYPE_* (rte_mbuf_ptype.h), so that what the software found and what
 * a NIC reports look alike.
 */
#ifndef WEIR_PACKET_PARSE_H
#define WEIR_PACKET_PARSE_H

#include <stdint.h>

struct headers {
	uint32_t packet_type; /* RTE_PTYPE_L2_* | L3_* | L4_* | TUNNEL_*; 0 where unknown */
	uint16_t l3_offset;   /* = length of all layer 2 headers */
	uint16_t l4_offset;   /* 0: no layer 4 header in this packet (fragment, unknown, cut) */
	uint16_t l4_length;   /* bytes; TCP with its options */
	uint16_t ether_type;  /* of layer 3, host order */
	uint8_t ip_protocol;  /* the last next-header value found */
	uint8_t fragment;     /* 1: an IP fragment (first or later): only layer 3 may be hashed */
};

/* `length` bytes are readable at `bytes` (at least the headers of a packet, or all there is). */
void parse_headers(const uint8_t *bytes, uint32_t length, struct headers *ret_headers);

#endif
