/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/parse.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"

enum { ETHER_BYTES = 14, VLAN_BYTES = 4, MPLS_BYTES = 4, PPPOE_BYTES = 8 };
enum { VLAN_ID_MASK = 0xfff, SPI_ROOM = 8 }; /* AH and ESP: 8 bytes hold the SPI */
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, FRAGMENT_BYTES = 8, TCP_BYTES = 20, GRE_BYTES = 4 };
enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057 };
enum { IPV6_OPTION_PAD1 = 0, IPV6_OPTION_JUMBO = 0xc2 };

static bool is_vlan(uint16_t ether_type)
{
	return ether_type == RTE_ETHER_TYPE_VLAN || ether_type == RTE_ETHER_TYPE_QINQ ||
		ether_type == RTE_ETHER_TYPE_QINQ1;
}

/* `bytes` more at `offset` are there, and layer 2 stays within what an mbuf can say. */
static bool l2_has(uint32_t length, uint32_t offset, uint32_t bytes)
{
	return offset + bytes <= length && offset + bytes <= PARSE_L2_MAX_BYTES;
}

/* Below the bottom of a label stack nothing says what follows: look, as routers do, for an IP
 * version. Anything else (a pseudowire) stays MPLS. */
static void parse_mpls(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	uint32_t offset = headers->l3_offset;
	bool bottom = false;

	headers->packet_type = RTE_PTYPE_L2_ETHER_MPLS;
	while (!bottom) {
		if (!l2_has(length, offset, MPLS_BYTES))
			return;
		bottom = bytes[offset + 2] & 1;
		offset += MPLS_BYTES;
	}
	headers->l3_offset = (uint16_t)offset;
	if (offset >= length)
		return;
	if (bytes[offset] >> 4 == 4)
		headers->ether_type = RTE_ETHER_TYPE_IPV4;
	else if (bytes[offset] >> 4 == 6)
		headers->ether_type = RTE_ETHER_TYPE_IPV6;
}

static void parse_pppoe(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	uint32_t offset = headers->l3_offset;
	uint16_t protocol;

	if (!l2_has(length, offset, PPPOE_BYTES))
		return;
	headers->packet_type = RTE_PTYPE_L2_ETHER_PPPOE;
	if (bytes[offset] != 0x11 || bytes[offset + 1] != 0)
		return; /* not version 1, type 1, session data */
	protocol = load_be16(bytes + offset + 6);
	headers->l3_offset = (uint16_t)(offset + PPPOE_BYTES);
	if (protocol == PPP_IPV4)
		headers->ether_type = RTE_ETHER_TYPE_IPV4;
	else if (protocol == PPP_IPV6)
		headers->ether_type = RTE_ETHER_TYPE_IPV6;
}

static void parse_l2(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	uint32_t offset = ETHER_BYTES;
	uint16_t type = load_be16(bytes + offset - 2);

	headers->packet_type = RTE_PTYPE_L2_ETHER;
	if (is_vlan(type) && l2_has(length, offset, VLAN_BYTES))
		headers->vlan = load_be16(bytes + offset) & VLAN_ID_MASK;
	while (is_vlan(type) && l2_has(length, offset, VLAN_BYTES)) {
		headers->packet_type = offset == ETHER_BYTES && type == RTE_ETHER_TYPE_VLAN
			? RTE_PTYPE_L2_ETHER_VLAN
			: RTE_PTYPE_L2_ETHER_QINQ;
		type = load_be16(bytes + offset + 2);
		offset += VLAN_BYTES;
	}
	headers->l3_offset = (uint16_t)offset;
	headers->ether_type = type;
	switch (type) {
	case RTE_ETHER_TYPE_MPLS:
	case RTE_ETHER_TYPE_MPLSM: parse_mpls(bytes, length, headers); break;
	case RTE_ETHER_TYPE_PPPOE_SESSION: parse_pppoe(bytes, length, headers); break;
	case RTE_ETHER_TYPE_ARP: headers->packet_type = RTE_PTYPE_L2_ETHER_ARP; break;
	case RTE_ETHER_TYPE_LLDP: headers->packet_type = RTE_PTYPE_L2_ETHER_LLDP; break;
	case RTE_ETHER_TYPE_1588: headers->packet_type = RTE_PTYPE_L2_ETHER_TIMESYNC; break;
	default: break;
	}
}

static uint32_t udp_tunnel_type(uint16_t destination_port)
{
	switch (destination_port) {
	case PARSE_PORT_VXLAN: return RTE_PTYPE_TUNNEL_VXLAN;
	case PARSE_PORT_VXLAN_GPE: return RTE_PTYPE_TUNNEL_VXLAN_GPE;
	case PARSE_PORT_GENEVE: return RTE_PTYPE_TUNNEL_GENEVE;
	case PARSE_PORT_GTPU: return RTE_PTYPE_TUNNEL_GTPU;
	case PARSE_PORT_GTPC: return RTE_PTYPE_TUNNEL_GTPC;
	default: return 0;
	}
}

/* NVGRE is GRE that carries Ethernet and has a key and nothing else (RFC 7637, 3.2). */
static uint32_t gre_tunnel_type(const uint8_t *gre)
{
	bool nvgre = load_be16(gre) == 0x2000 && load_be16(gre + 2) == RTE_ETHER_TYPE_TEB;

	return nvgre ? RTE_PTYPE_TUNNEL_NVGRE : RTE_PTYPE_TUNNEL_GRE;
}

/* Tunnels that are an IP protocol of their own have no layer 4: what follows is inside. */
static uint32_t ip_tunnel_type(const uint8_t *bytes, uint32_t room, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_GRE: return room >= GRE_BYTES ? gre_tunnel_type(bytes) : 0;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6: return RTE_PTYPE_TUNNEL_IP;
	case IPPROTO_ESP: return RTE_PTYPE_TUNNEL_ESP;
	default: return 0;
	}
}

/* The length of a layer 4 header at `bytes`, `room` bytes before the packet's end; 0: none that
 * is known, whole and well-formed. */
static uint32_t l4_header_bytes(
	const uint8_t *bytes, uint32_t room, bool ipv6, uint8_t protocol, uint32_t *ret_type)
{
	uint32_t header_bytes = 0;

	switch (protocol) {
	case IPPROTO_TCP:
		*ret_type = RTE_PTYPE_L4_TCP;
		if (room >= TCP_BYTES && bytes[12] >> 4 >= TCP_BYTES / 4)
			header_bytes = (bytes[12] >> 4) * 4u;
		break;
	case IPPROTO_UDP:
		*ret_type = RTE_PTYPE_L4_UDP;
		header_bytes = 8;
		break;
	case IPPROTO_SCTP:
		*ret_type = RTE_PTYPE_L4_SCTP;
		header_bytes = 12;
		break;
	case IPPROTO_ICMP:
		*ret_type = RTE_PTYPE_L4_ICMP;
		header_bytes = ipv6 ? 0 : 8;
		break;
	case IPPROTO_ICMPV6:
		*ret_type = RTE_PTYPE_L4_ICMP;
		header_bytes = ipv6 ? 4 : 0;
		break;
	case IPPROTO_IGMP:
		*ret_type = RTE_PTYPE_L4_IGMP;
		header_bytes = ipv6 ? 0 : 8;
		break;
	default: break;
	}
	return header_bytes <= room ? header_bytes : 0;
}

static void parse_ah(struct headers *headers, uint32_t offset)
{
	if (headers->authenticated)
		return;
	headers->authenticated = 1;
	headers->spi_offset = (uint16_t)(offset + 4);
}

static void parse_spi(uint32_t offset, uint32_t end, struct headers *headers)
{
	if (end - offset < SPI_ROOM)
		return;
	if (headers->ip_protocol == IPPROTO_AH)
		parse_ah(headers, offset);
	else if (headers->ip_protocol == IPPROTO_ESP && !headers->authenticated)
		headers->spi_offset = (uint16_t)offset;
}

/* The IP packet ends at `end`; its payload starts at `offset` <= end. */
static void parse_l4(const uint8_t *bytes, uint32_t offset, uint32_t end, struct headers *headers)
{
	const bool ipv6 = headers->ether_type == RTE_ETHER_TYPE_IPV6;
	uint32_t type = 0;
	uint32_t header_bytes =
		l4_header_bytes(bytes + offset, end - offset, ipv6, headers->ip_protocol, &type);

	if (header_bytes == 0) {
		headers->packet_type |=
			ip_tunnel_type(bytes + offset, end - offset, headers->ip_protocol);
		parse_spi(offset, end, headers);
		return;
	}
	headers->packet_type |= type;
	headers->l4_offset = (uint16_t)offset;
	headers->l4_length = (uint16_t)header_bytes;
	if (type == RTE_PTYPE_L4_UDP)
		headers->packet_type |= udp_tunnel_type(load_be16(bytes + offset + 2));
}

static void parse_fragment(struct headers *headers)
{
	headers->fragment = 1;
	headers->packet_type |= RTE_PTYPE_L4_FRAG;
}

/* Where the IP packet ends, at most at `length`. */
static uint32_t ipv4_end(const uint8_t *bytes, uint32_t length, uint32_t l3_offset)
{
	uint32_t total_bytes = load_be16(bytes + l3_offset + 2);

	/* 0: BIG TCP, or captured before TSO: as long as the frame */
	return total_bytes != 0 && total_bytes < length - l3_offset ? l3_offset + total_bytes
								    : length;
}

static void parse_ipv4(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	const uint32_t l3_offset = headers->l3_offset;
	const uint8_t *ip = bytes + l3_offset;
	uint32_t header_bytes, total_bytes;

	if (l3_offset + IPV4_BYTES > length || ip[0] >> 4 != 4)
		return;
	header_bytes = (ip[0] & 15) * 4u;
	total_bytes = load_be16(ip + 2);
	if (header_bytes < IPV4_BYTES || (total_bytes != 0 && total_bytes < header_bytes) ||
		l3_offset + header_bytes > length)
		return;
	headers->packet_type |=
		header_bytes > IPV4_BYTES ? RTE_PTYPE_L3_IPV4_EXT : RTE_PTYPE_L3_IPV4;
	headers->l3_length = (uint16_t)header_bytes;
	headers->ip_protocol = ip[9];
	if ((load_be16(ip + 6) & 0x3fff) != 0)
		parse_fragment(headers);
	else
		parse_l4(bytes, l3_offset + header_bytes, ipv4_end(bytes, length, l3_offset),
			headers);
}

/* The jumbo payload option of a hop-by-hop header of `bytes` long; 0: none, or not a valid one. */
static uint32_t jumbo_payload_bytes(const uint8_t *header, uint32_t bytes)
{
	uint32_t offset = 2, payload;

	while (offset < bytes) {
		if (header[offset] == IPV6_OPTION_PAD1) {
			offset++;
			continue;
		}
		if (offset + 2 > bytes)
			return 0;
		if (header[offset] == IPV6_OPTION_JUMBO) {
			if (header[offset + 1] != 4 || offset + 6 > bytes)
				return 0;
			payload = load_be32(header + offset + 2);
			return payload > UINT16_MAX ? payload : 0;
		}
		offset += 2u + header[offset + 1];
	}
	return 0;
}

/* The length of the extension header at `header`; 0: `protocol` is not one. */
static uint32_t extension_bytes(const uint8_t *header, uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS: return (header[1] + 1u) * 8;
	case IPPROTO_AH: return (header[1] + 2u) * 4;
	case IPPROTO_FRAGMENT: return FRAGMENT_BYTES;
	default: return 0;
	}
}

static bool is_extension(uint8_t protocol)
{
	return extension_bytes((const uint8_t[2]){0, 0}, protocol) != 0;
}

/* Where the IP packet ends, at most at `length`. */
static uint32_t ipv6_end(const uint8_t *bytes, uint32_t length, uint32_t l3_offset)
{
	const uint8_t *ip = bytes + l3_offset, *option = ip + IPV6_BYTES;
	uint32_t start = l3_offset + IPV6_BYTES, payload = load_be16(ip + 4), option_bytes;

	/* A jumbogram says 0 here and its length in the hop-by-hop header that must follow. */
	if (payload == 0 && ip[6] == IPPROTO_HOPOPTS && start + 8 <= length) {
		option_bytes = extension_bytes(option, IPPROTO_HOPOPTS);
		if (option_bytes <= length - start)
			payload = jumbo_payload_bytes(option, option_bytes);
	}
	return payload < length - start ? start + payload : length;
}

static void parse_ipv6(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	const uint32_t l3_offset = headers->l3_offset;
	uint32_t offset = l3_offset + IPV6_BYTES, end, extension;

	if (offset > length || bytes[l3_offset] >> 4 != 6)
		return;
	end = ipv6_end(bytes, length, l3_offset);
	headers->l3_length = IPV6_BYTES;
	headers->ip_protocol = bytes[l3_offset + 6];
	headers->packet_type |=
		is_extension(headers->ip_protocol) ? RTE_PTYPE_L3_IPV6_EXT : RTE_PTYPE_L3_IPV6;
	while (is_extension(headers->ip_protocol)) {
		if (offset + 8 > end)
			return;
		extension = extension_bytes(bytes + offset, headers->ip_protocol);
		if (extension > end - offset || headers->l3_length + extension > PARSE_L3_MAX_BYTES)
			return;
		headers->l3_length = (uint16_t)(headers->l3_length + extension);
		if (headers->ip_protocol == IPPROTO_FRAGMENT)
			parse_fragment(headers);
		else if (headers->ip_protocol == IPPROTO_AH)
			parse_ah(headers, offset);
		headers->ip_protocol = bytes[offset];
		offset += extension;
		if (headers->fragment)
			return;
	}
	parse_l4(bytes, offset, end, headers);
}

void parse_ip(const uint8_t *bytes, uint32_t length, struct headers *headers)
{
	if (headers->ether_type == RTE_ETHER_TYPE_IPV4)
		parse_ipv4(bytes, length, headers);
	else if (headers->ether_type == RTE_ETHER_TYPE_IPV6)
		parse_ipv6(bytes, length, headers);
}

uint32_t parse_ip_end(const uint8_t *bytes, uint32_t length, const struct headers *headers)
{
	return headers->ether_type == RTE_ETHER_TYPE_IPV4
		? ipv4_end(bytes, length, headers->l3_offset)
		: ipv6_end(bytes, length, headers->l3_offset);
}

void parse_headers(const uint8_t *bytes, uint32_t length, struct headers *ret_headers)
{
	memset(ret_headers, 0, sizeof(*ret_headers));
	if (length < ETHER_BYTES)
		return;
	parse_l2(bytes, length, ret_headers);
	parse_ip(bytes, length, ret_headers);
}
