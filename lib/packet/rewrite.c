/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/rewrite.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"

enum { IPV4_HEADER_BYTES = 20, IPV4_CHECKSUM = 10, IPV4_SOURCE = 12, IPV4_DESTINATION = 16 };
enum { IPV6_HEADER_BYTES = 40, IPV6_SOURCE = 8, IPV6_DESTINATION = 24 };
enum { PORT_MAPPED_FIRST = 32768 };
enum { ND_FIRST = 133, ND_LAST = 137 }; /* router solicitation to redirect, RFC 4861 */

/* What the loop number makes of addresses and ports. */
struct masks {
	uint32_t address; /* host order */
	uint16_t port; /* network order */
};

/* Where layer 4 begins, and how the addresses count in its checksum. */
struct layer4 {
	const uint8_t *end; /* of the IP packet or of the bytes, whichever comes first */
	uint8_t *start; /* NULL: not in this packet */
	uint8_t protocol;
	bool routed; /* the header's destination is not the one in the pseudo header */
};

static struct masks masks_of_loop(uint64_t loop)
{
	/* An odd factor: one-to-one in the lower 16, 24 and 32 bits. */
	uint32_t address = (uint32_t)loop * 0x9e3779b1;
	uint16_t port = (uint16_t)(1 + (address >> 8) % 0x7fff);

	return (struct masks){.address = address, .port = htons(port)};
}

/* The mask, in network order, for an IPv4 address in host order; 0: it stays. */
static uint32_t ipv4_mask(uint32_t address, uint32_t mask)
{
	switch (address >> 24) {
	case 0: return 0;
	case 169: return address >> 16 == 0xa9fe ? 0 : htonl(mask & 0xffff);
	case 100:
	case 172:
	case 192:
	case 198:
	case 203: return htonl(mask & 0xffff);
	default: return address >> 24 >= 224 ? 0 : htonl(mask & 0xffffff);
	}
}

static bool ipv6_stays(const uint8_t *address)
{
	return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) ||
		load_be32(address) == 0;
}

/* Combines the 32 bits at `at` (network order) with the mask. Returns the checksums' change. */
static uint32_t flip32(uint8_t *at, uint32_t mask)
{
	uint32_t before, after;

	if (mask == 0)
		return 0; /* not a change by minus zero, which would turn a checksum of ffff */
	memcpy(&before, at, 4);
	after = before ^ mask;
	memcpy(at, &after, 4);
	return checksum_change32(before, after);
}

static uint32_t map_ipv4(uint8_t *address, const struct masks *masks)
{
	return flip32(address, ipv4_mask(load_be32(address), masks->address));
}

static uint32_t map_ipv6(uint8_t *address, const struct masks *masks)
{
	return ipv6_stays(address) ? 0 : flip32(address + 4, htonl(masks->address));
}

static uint32_t map_port(uint8_t *at, const struct masks *masks)
{
	uint16_t before, after;

	if (load_be16(at) < PORT_MAPPED_FIRST)
		return 0;
	memcpy(&before, at, 2);
	after = before ^ masks->port;
	memcpy(at, &after, 2);
	return checksum_change16(before, after);
}

static void update_layer4(const struct layer4 *layer4, uint32_t change, const struct masks *masks)
{
	uint32_t available, field;
	bool udp = false, ports = true;
	uint16_t checksum;

	if (layer4->start == NULL)
		return;
	available = (uint32_t)(layer4->end - layer4->start);
	switch (layer4->protocol) {
	case IPPROTO_TCP: field = 16; break;
	case IPPROTO_UDP:
		field = 6;
		udp = true;
		break;
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP: field = 6; break;
	case IPPROTO_ICMPV6:
		field = 2;
		ports = false;
		break;
	default: return;
	}
	if (ports && available >= 4) {
		change = checksum_add(change, map_port(layer4->start, masks));
		change = checksum_add(change, map_port(layer4->start + 2, masks));
	}
	if (available < field + 2)
		return;
	memcpy(&checksum, layer4->start + field, 2);
	checksum = udp ? checksum_update_udp(checksum, change) : checksum_update(checksum, change);
	memcpy(layer4->start + field, &checksum, 2);
}

static struct layer4 ipv4_layer4(uint8_t *ip, uint32_t available)
{
	uint32_t header_bytes = (ip[0] & 15) * 4u, total_bytes = load_be16(ip + 2);
	struct layer4 layer4 = {.protocol = ip[9]};

	/* 0: made by segmentation offload, the frame's length counts. */
	if (total_bytes != 0 && total_bytes < available)
		available = total_bytes;
	layer4.end = ip + available;
	if ((load_be16(ip + 6) & 0x1fff) == 0 && header_bytes <= available)
		layer4.start = ip + header_bytes;
	return layer4;
}

static void rewrite_ipv4(uint8_t *ip, uint32_t available, const struct masks *masks)
{
	struct layer4 layer4;
	uint16_t checksum;
	uint32_t change;

	if (available < IPV4_HEADER_BYTES)
		return;
	layer4 = ipv4_layer4(ip, available);
	change = map_ipv4(ip + IPV4_SOURCE, masks);
	change = checksum_add(change, map_ipv4(ip + IPV4_DESTINATION, masks));
	memcpy(&checksum, ip + IPV4_CHECKSUM, 2);
	checksum = checksum_update(checksum, change);
	memcpy(ip + IPV4_CHECKSUM, &checksum, 2);
	/* ICMPv6 within IPv4 has no pseudo header worth the name. */
	if (layer4.protocol != IPPROTO_ICMPV6)
		update_layer4(&layer4, change, masks);
}

/* Follows the chain of extension headers (RFC 8200 section 4) as far as the bytes go. */
static struct layer4 ipv6_layer4(uint8_t *ip, uint32_t available)
{
	uint32_t payload_bytes = load_be16(ip + 4), at = IPV6_HEADER_BYTES, bytes;
	struct layer4 layer4 = {.protocol = ip[6]};

	/* 0: a jumbogram, or made by segmentation offload. */
	if (payload_bytes != 0 && payload_bytes + IPV6_HEADER_BYTES < available)
		available = payload_bytes + IPV6_HEADER_BYTES;
	layer4.end = ip + available;
	for (;; at += bytes) {
		const uint8_t *header;

		switch (layer4.protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_DSTOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH: break;
		default:
			if (at <= available)
				layer4.start = ip + at;
			return layer4;
		}
		if (available < 8 || at > available - 8)
			return layer4;
		header = ip + at;
		bytes = (header[1] + 1u) * 8;
		if (layer4.protocol == IPPROTO_ROUTING && header[3] != 0)
			layer4.routed = true;
		if (layer4.protocol == IPPROTO_AH)
			bytes = (header[1] + 2u) * 4;
		if (layer4.protocol == IPPROTO_FRAGMENT) {
			bytes = 8;
			if ((load_be16(header + 2) & 0xfff8) != 0)
				return layer4;
		}
		layer4.protocol = header[0];
	}
}

static bool is_neighbour_discovery(const struct layer4 *layer4)
{
	return layer4->protocol == IPPROTO_ICMPV6 && layer4->start != NULL &&
		layer4->start < layer4->end && *layer4->start >= ND_FIRST &&
		*layer4->start <= ND_LAST;
}

static void rewrite_ipv6(uint8_t *ip, uint32_t available, const struct masks *masks)
{
	uint32_t change, destination;
	struct layer4 layer4;

	if (available < IPV6_HEADER_BYTES)
		return;
	layer4 = ipv6_layer4(ip, available);
	if (is_neighbour_discovery(&layer4))
		return;
	change = map_ipv6(ip + IPV6_SOURCE, masks);
	destination = map_ipv6(ip + IPV6_DESTINATION, masks);
	if (!layer4.routed)
		change = checksum_add(change, destination);
	update_layer4(&layer4, change, masks);
}

void rewrite_flow(uint8_t *frame, uint32_t length, const struct headers *headers, uint64_t loop)
{
	struct masks masks;

	if (loop == 0 || headers->l3_length == 0 || headers->l3_offset >= length)
		return;
	masks = masks_of_loop(loop);
	if (headers->ether_type == ETHERTYPE_IP)
		rewrite_ipv4(frame + headers->l3_offset, length - headers->l3_offset, &masks);
	else if (headers->ether_type == ETHERTYPE_IPV6)
		rewrite_ipv6(frame + headers->l3_offset, length - headers->l3_offset, &masks);
}
