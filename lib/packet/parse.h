/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the headers of an Ethernet frame: VLAN and QinQ, MPLS and PPPoE recognised, IPv4 with
 * options, IPv6 with extension headers, TCP, UDP, SCTP, ICMP, IGMP, fragments; tunnels (VXLAN,
 * GENEVE, GRE, NVGRE, IPIP, 6in4, GTP, ESP) recognised by their outer headers. Pure: bytes in,
 * offsets out; any bytes are safe.
 *
 * Packet types are DPDK's RTE_PTYPE_* (rte_mbuf_ptype.h), so that what the software found and what
 * a NIC reports look alike.
 *
 * A header counts as found only when all of it lies inside the frame and inside the IP packet:
 * Ethernet padding is never taken for layer 4. A malformed IP header (wrong version, IHL < 5, a
 * total length smaller than the header) leaves layer 3 unknown; a malformed or cut layer 4 header
 * leaves layer 4 unknown. IP packets longer than the frame (snapped, or made by TSO) are fine.
 *
 * Sources: IEEE 802.1Q, RFC 791, 8200 (extension headers), 2675 (jumbograms), 2516 (PPPoE),
 * 3032 (MPLS), 7348 (VXLAN), 7637 (NVGRE), 8926 (GENEVE), 3GPP TS 29.281 (GTP-U).
 */
#ifndef WEIR_PACKET_PARSE_H
#define WEIR_PACKET_PARSE_H

#include <stdint.h>

/* Beyond these lengths, which are those that an mbuf can hold, nothing further is looked for. */
enum { PARSE_L2_MAX_BYTES = 127, PARSE_L3_MAX_BYTES = 511, PARSE_L4_MAX_BYTES = 60 };
/* The headers of any frame end within its first so many bytes. */
enum { PARSE_MAX_BYTES = PARSE_L2_MAX_BYTES + PARSE_L3_MAX_BYTES + PARSE_L4_MAX_BYTES };

/* UDP destination ports that mean a tunnel. */
enum {
	PARSE_PORT_GTPC = 2123,
	PARSE_PORT_GTPU = 2152,
	PARSE_PORT_VXLAN = 4789,
	PARSE_PORT_VXLAN_GPE = 4790,
	PARSE_PORT_GENEVE = 6081,
};

struct headers {
	uint32_t packet_type; /* RTE_PTYPE_L2_* | L3_* | L4_* | TUNNEL_*; 0 where unknown */
	uint16_t l3_offset; /* = length of all layer 2 headers; 0: no Ethernet header either */
	uint16_t l3_length; /* with options and extension headers; 0: neither IPv4 nor IPv6 */
	uint16_t l4_offset; /* 0: no layer 4 header in this packet (fragment, unknown, cut) */
	uint16_t l4_length; /* bytes; TCP with its options */
	uint16_t
		ether_type; /* of layer 3, host order; 0x0800 and 0x86dd below MPLS and PPPoE too */
	uint8_t ip_protocol; /* the last next-header value found */
	uint8_t fragment; /* 1: an IP fragment (first or later): only layer 3 may be hashed */
	uint8_t authenticated; /* 1: an AH stands before anything of layer 4 */
	uint16_t spi_offset; /* of the AH's SPI, or else ESP's; 0: neither */
	uint16_t vlan; /* id in the outermost tag; 0: none */
};

/* `length` bytes are readable at `bytes`: PARSE_MAX_BYTES of a packet, or all there is. */
void parse_headers(const uint8_t *bytes, uint32_t length, struct headers *ret_headers);

/* From layer 3 on: headers->l3_offset and ->ether_type say where and what it is, all else is 0. */
void parse_ip(const uint8_t *bytes, uint32_t length, struct headers *headers);

/* Where the IP packet that was found ends, at most at `length`. */
uint32_t parse_ip_end(const uint8_t *bytes, uint32_t length, const struct headers *headers);

#endif
