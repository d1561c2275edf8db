/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot path of parse.h, inline: Ethernet, at most one VLAN tag, IPv4 without options or IPv6
 * without extension headers, whole, then TCP or UDP (no tunnel). Where it says yes it says exactly
 * what parse_headers() says; about anything else it says nothing. Both facts are tested.
 */
#ifndef WEIR_PACKET_PARSE_FAST_H
#define WEIR_PACKET_PARSE_FAST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"
#include "packet/parse.h"

struct fast_headers {
	uint32_t packet_type;
	uint32_t l2_length, l3_length, l4_length; /* bytes */
};

/* What the bytes of `value` in network order are worth on this (little-endian) machine. */
#define NETWORK_16(value) ((uint16_t)((value) >> 8 | ((value)&0xff) << 8))

static inline uint16_t load_raw16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline bool parse_fast_is_tunnel_port(uint16_t raw_port)
{
	return raw_port == NETWORK_16(PARSE_PORT_VXLAN) ||
		raw_port == NETWORK_16(PARSE_PORT_VXLAN_GPE) ||
		raw_port == NETWORK_16(PARSE_PORT_GENEVE) ||
		raw_port == NETWORK_16(PARSE_PORT_GTPU) || raw_port == NETWORK_16(PARSE_PORT_GTPC);
}

/* `room` bytes of the IP packet from `l4` on are readable. */
static inline bool parse_fast_l4(
	const uint8_t *l4, uint32_t room, uint8_t protocol, struct fast_headers *ret_headers)
{
	if (protocol == IPPROTO_TCP) {
		if (room < 20)
			return false;
		ret_headers->packet_type |= RTE_PTYPE_L4_TCP;
		ret_headers->l4_length = (l4[12] >> 4) * 4u;
		return ret_headers->l4_length >= 20 && ret_headers->l4_length <= room;
	}
	if (protocol != IPPROTO_UDP || room < 8)
		return false;
	ret_headers->packet_type |= RTE_PTYPE_L4_UDP;
	ret_headers->l4_length = 8;
	return !parse_fast_is_tunnel_port(load_raw16(l4 + 2));
}

/* `length` bytes are readable. false: ask parse_headers(); ret_headers is then undefined. */
static inline bool parse_fast(
	const uint8_t *bytes, uint32_t length, struct fast_headers *ret_headers)
{
	const uint8_t *ip;
	uint32_t l2_length = 14, room, payload;
	uint16_t raw_type;

	/* No packet this path knows is shorter: 42 bytes for UDP over IPv4 without a tag. */
	if (length < 14 + 20 + 8)
		return false;
	raw_type = load_raw16(bytes + 12);
	ret_headers->packet_type = RTE_PTYPE_L2_ETHER;
	if (raw_type == NETWORK_16(RTE_ETHER_TYPE_VLAN)) {
		raw_type = load_raw16(bytes + 16);
		l2_length = 18;
		ret_headers->packet_type = RTE_PTYPE_L2_ETHER_VLAN;
	}
	ret_headers->l2_length = l2_length;
	ip = bytes + l2_length;
	room = length - l2_length;
	if (raw_type == NETWORK_16(RTE_ETHER_TYPE_IPV4)) {
		/* IHL 5; neither fragment offset nor "more fragments". A total length of 0 (BIG
		 * TCP) is below 20 too. */
		if (ip[0] != 0x45 || (load_raw16(ip + 6) & NETWORK_16(0x3fff)) != 0)
			return false;
		payload = load_be16(ip + 2);
		if (payload < room)
			room = payload;
		if (room < 20)
			return false;
		ret_headers->packet_type |= RTE_PTYPE_L3_IPV4;
		ret_headers->l3_length = 20;
		return parse_fast_l4(ip + 20, room - 20, ip[9], ret_headers);
	}
	if (raw_type != NETWORK_16(RTE_ETHER_TYPE_IPV6) || ip[0] >> 4 != 6 || room < 40)
		return false;
	room -= 40;
	payload = load_be16(ip + 4);
	if (payload < room)
		room = payload;
	ret_headers->packet_type |= RTE_PTYPE_L3_IPV6;
	ret_headers->l3_length = 40;
	return parse_fast_l4(ip + 40, room, ip[6], ret_headers);
}

#endif
