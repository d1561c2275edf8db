/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/parse_inner.h"

#include <stdbool.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"

enum { UDP_BYTES = 8, VXLAN_BYTES = 8, GENEVE_BYTES = 8, GRE_BYTES = 4, GTP_BYTES = 8 };
enum { GPE_IPV4 = 1, GPE_IPV6 = 2, GPE_ETHERNET = 3 };
enum { GTP_GPDU = 255, GTP_OPTIONAL_BYTES = 4 };

/* A tunnel's header: its length, and the EtherType of what follows (TEB: Ethernet). */
struct tunnel {
	uint32_t bytes; /* 0: malformed, cut, or what follows is not known */
	uint16_t ether_type;
};

/* What follows says by its first 4 bits which IP it is. */
static struct tunnel ip_by_version(const uint8_t *header, uint32_t room, uint32_t bytes)
{
	if (bytes >= room)
		return (struct tunnel){0};
	switch (header[bytes] >> 4) {
	case 4: return (struct tunnel){bytes, RTE_ETHER_TYPE_IPV4};
	case 6: return (struct tunnel){bytes, RTE_ETHER_TYPE_IPV6};
	default: return (struct tunnel){0};
	}
}

static struct tunnel vxlan(const uint8_t *header, uint32_t room)
{
	/* The I flag says that there is a network id; without it, it is not VXLAN. */
	if (room < VXLAN_BYTES || !(header[0] & 0x08))
		return (struct tunnel){0};
	return (struct tunnel){VXLAN_BYTES, RTE_ETHER_TYPE_TEB};
}

static struct tunnel vxlan_gpe(const uint8_t *header, uint32_t room)
{
	if (room < VXLAN_BYTES || !(header[0] & 0x08) || header[0] >> 4 != 0)
		return (struct tunnel){0};
	if (!(header[0] & 0x04)) /* the P flag: there is a next protocol */
		return (struct tunnel){VXLAN_BYTES, RTE_ETHER_TYPE_TEB};
	switch (header[3]) {
	case GPE_IPV4: return (struct tunnel){VXLAN_BYTES, RTE_ETHER_TYPE_IPV4};
	case GPE_IPV6: return (struct tunnel){VXLAN_BYTES, RTE_ETHER_TYPE_IPV6};
	case GPE_ETHERNET: return (struct tunnel){VXLAN_BYTES, RTE_ETHER_TYPE_TEB};
	default: return (struct tunnel){0};
	}
}

static struct tunnel geneve(const uint8_t *header, uint32_t room)
{
	if (room < GENEVE_BYTES || header[0] >> 6 != 0)
		return (struct tunnel){0};
	return (struct tunnel){GENEVE_BYTES + (header[0] & 63) * 4u, load_be16(header + 2)};
}

/* With checksum, key and sequence number where the flags say so; version 0, no routing. */
static struct tunnel gre(const uint8_t *header, uint32_t room)
{
	uint16_t flags;
	uint32_t bytes = GRE_BYTES;

	if (room < GRE_BYTES)
		return (struct tunnel){0};
	flags = load_be16(header);
	if (flags & 0x4fff) /* routing, strict source route, recursion, reserved, version */
		return (struct tunnel){0};
	bytes += flags & 0x8000 ? 4 : 0;
	bytes += flags & 0x2000 ? 4 : 0;
	bytes += flags & 0x1000 ? 4 : 0;
	return (struct tunnel){bytes, load_be16(header + 2)};
}

static struct tunnel gtpu(const uint8_t *header, uint32_t room)
{
	uint32_t bytes = GTP_BYTES, extension;

	/* Version 1, GTP not GTP', a user's packet. */
	if (room < GTP_BYTES || header[0] >> 4 != 3 || header[1] != GTP_GPDU)
		return (struct tunnel){0};
	if (!(header[0] & 7))
		return ip_by_version(header, room, bytes);
	bytes += GTP_OPTIONAL_BYTES;
	/* Extensions, when the E flag says so: length in 4 bytes first, next type last. */
	while ((header[0] & 4) && bytes < room && header[bytes - 1] != 0) {
		extension = header[bytes] * 4u;
		bytes += extension;
		if (extension == 0 || bytes > room || bytes > PARSE_TUNNEL_MAX_BYTES)
			return (struct tunnel){0};
	}
	return ip_by_version(header, room, bytes);
}

/* `room` bytes of the outer packet from `header` on are readable. */
static struct tunnel find_tunnel(uint32_t packet_type, const uint8_t *header, uint32_t room)
{
	switch (packet_type & RTE_PTYPE_TUNNEL_MASK) {
	case RTE_PTYPE_TUNNEL_VXLAN: return vxlan(header, room);
	case RTE_PTYPE_TUNNEL_VXLAN_GPE: return vxlan_gpe(header, room);
	case RTE_PTYPE_TUNNEL_GENEVE: return geneve(header, room);
	case RTE_PTYPE_TUNNEL_GRE:
	case RTE_PTYPE_TUNNEL_NVGRE: return gre(header, room);
	case RTE_PTYPE_TUNNEL_IP: return ip_by_version(header, room, 0);
	case RTE_PTYPE_TUNNEL_GTPU: return gtpu(header, room);
	default: return (struct tunnel){0};
	}
}

uint32_t parse_inner(const uint8_t *bytes, uint32_t length, const struct headers *outer,
	struct headers *ret_inner)
{
	uint32_t start, end, inner;
	struct tunnel tunnel;

	memset(ret_inner, 0, sizeof(*ret_inner));
	if (!(outer->packet_type & RTE_PTYPE_TUNNEL_MASK))
		return 0;
	end = parse_ip_end(bytes, length, outer);
	start = outer->l4_offset != 0 ? (uint32_t)outer->l4_offset + UDP_BYTES
				      : (uint32_t)outer->l3_offset + outer->l3_length;
	if (start >= end)
		return 0;
	tunnel = find_tunnel(outer->packet_type, bytes + start, end - start);
	inner = start + tunnel.bytes;
	if (tunnel.ether_type == 0 || tunnel.bytes > PARSE_TUNNEL_MAX_BYTES || inner >= end)
		return 0;
	if (tunnel.ether_type == RTE_ETHER_TYPE_TEB) {
		parse_headers(bytes + inner, end - inner, ret_inner);
		return ret_inner->packet_type != 0 ? inner : 0;
	}
	ret_inner->ether_type = tunnel.ether_type;
	parse_ip(bytes + inner, end - inner, ret_inner);
	return ret_inner->l3_length != 0 ? inner : 0;
}
