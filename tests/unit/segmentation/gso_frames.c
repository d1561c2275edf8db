/* SPDX-License-Identifier: BSD-3-Clause */
#include "gso_frames.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

enum { OUTER_PORT = 50000, VXLAN_PORT = 4789, GENEVE_PORT = 6081, TEB = 0x6558 };

/* What of a super-packet a frame shows. */
struct part {
	const struct shape *shape;
	uint32_t offset, bytes; /* of the payload */
	unsigned index;
	bool first, last;
	bool pseudo; /* checksums of layer 4 are sums of the pseudo header */
	uint8_t *frame;
	uint32_t at; /* bytes written */
};

uint8_t shape_payload(uint32_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 13);
}

unsigned shape_segments(const struct shape *shape)
{
	uint32_t segment = shape->segment_bytes;

	return shape->payload_bytes == 0 ? 1 : (shape->payload_bytes + segment - 1) / segment;
}

static void put_16(struct part *part, uint16_t value)
{
	part->frame[part->at++] = (uint8_t)(value >> 8);
	part->frame[part->at++] = (uint8_t)value;
}

static void put_32(struct part *part, uint32_t value)
{
	put_16(part, (uint16_t)(value >> 16));
	put_16(part, (uint16_t)value);
}

static void put_bytes(struct part *part, uint8_t value, unsigned count)
{
	memset(part->frame + part->at, value, count);
	part->at += count;
}

static void set_16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_ethernet(struct part *part, unsigned tags, uint16_t type)
{
	put_bytes(part, 0x02, 6);
	put_bytes(part, 0x04, 6);
	for (unsigned i = 0; i < tags; i++) {
		put_16(part, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		put_16(part, (uint16_t)(100 + i));
	}
	put_16(part, type);
}

static uint16_t put_id(const struct part *part, uint16_t id, bool fixed)
{
	return (uint16_t)(id + (fixed ? 0 : part->index));
}

/* Lengths and checksums are set when all is there. */
static void put_ip(struct part *part, bool ipv6, bool extension, uint8_t protocol, uint16_t id)
{
	if (ipv6) {
		put_32(part, 0x6ab12345);
		put_16(part, 0);
		part->frame[part->at++] = extension ? IPPROTO_DSTOPTS : protocol;
		part->frame[part->at++] = 61;
		put_bytes(part, 0x20, 16);
		put_bytes(part, 0x31, 15);
		put_bytes(part, 0xfe, 1);
		if (extension) {
			put_16(part, (uint16_t)(protocol << 8));
			put_16(part, 0x0104);
			put_32(part, 0);
		}
		return;
	}
	put_16(part, extension ? 0x4702 : 0x4502);
	put_16(part, 0);
	put_16(part, id);
	put_16(part, 0x4000);
	put_16(part, (uint16_t)(63 << 8 | protocol));
	put_16(part, 0);
	put_32(part, 0xc0a80102);
	put_32(part, 0xc0a8fe03);
	if (extension)
		put_32(part, 0x94040000), put_32(part, 0x01010100); /* router alert, padding */
}

static uint32_t ip_header_bytes(bool ipv6, bool extension)
{
	return (ipv6 ? 40 : 20) + (extension ? 8 : 0);
}

static uint16_t l4_checksum(const uint8_t *ip, bool ipv6, uint8_t protocol, const uint8_t *l4,
	uint32_t l4_bytes, bool pseudo)
{
	uint8_t words[44] = {0};
	uint32_t length = ipv6 ? 32 : 8, sum;

	memcpy(words, ip + (ipv6 ? 8 : 12), length);
	set_16(words + length, (uint16_t)(l4_bytes >> 16));
	set_16(words + length + 2, (uint16_t)l4_bytes);
	words[length + 5] = protocol;
	sum = rte_raw_cksum(words, length + 6);
	if (pseudo)
		return (uint16_t)sum;
	/* In pieces of an even length that rte_raw_cksum() can sum up without overflow. */
	for (uint32_t at = 0; at < l4_bytes; at += 1024)
		sum += rte_raw_cksum(l4 + at, RTE_MIN(l4_bytes - at, 1024u));
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void set_ip(struct part *part, uint32_t at, bool ipv6)
{
	uint8_t *ip = part->frame + at;
	uint32_t bytes = part->at - at;
	uint16_t sum;

	if (ipv6) {
		set_16(ip + 4, bytes - 40 > 65535 ? 0 : (uint16_t)(bytes - 40));
		return;
	}
	set_16(ip + 2, bytes > 65535 ? 0 : (uint16_t)bytes);
	sum = (uint16_t)~rte_raw_cksum(ip, (ip[0] & 15u) * 4);
	memcpy(ip + 10, &sum, 2);
}

static void set_l4(struct part *part, uint32_t ip_at, bool ipv6, uint32_t at, uint8_t protocol)
{
	uint8_t *l4 = part->frame + at;
	uint32_t bytes = part->at - at;
	uint16_t sum;

	if (protocol == IPPROTO_UDP)
		set_16(l4 + 4, (uint16_t)bytes);
	sum = l4_checksum(part->frame + ip_at, ipv6, protocol, l4, bytes, part->pseudo);
	if (protocol == IPPROTO_UDP && sum == 0)
		sum = 0xffff;
	memcpy(l4 + (protocol == IPPROTO_UDP ? 6 : 16), &sum, 2);
}

static void put_tcp(struct part *part)
{
	const struct shape *shape = part->shape;
	uint8_t flags = shape->tcp_flags;

	if (!part->last)
		flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (!part->first && !shape->cwr_each)
		flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	put_32(part, 40000u << 16 | 443);
	put_32(part, shape->sequence + part->offset);
	put_32(part, 0xfedcba98);
	put_16(part, (uint16_t)((20 + shape->tcp_options) / 4 << 12 | flags));
	put_16(part, 0x1234);
	put_32(part, 0);
	for (unsigned i = 0; i < shape->tcp_options; i++)
		part->frame[part->at++] = (uint8_t)(i + 1);
}

static void put_udp(struct part *part, uint16_t source, uint16_t destination)
{
	put_16(part, source);
	put_16(part, destination);
	put_32(part, 0);
}

/* The packet whose layer 4 is cut. */
static void put_packet(struct part *part)
{
	const struct shape *shape = part->shape;
	uint8_t protocol = shape->udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint32_t ip_at = part->at, l4_at;

	put_ip(part, shape->ipv6, shape->extension, protocol,
		put_id(part, shape->id, shape->id_fixed));
	l4_at = part->at;
	if (shape->udp)
		put_udp(part, 1234, 5678);
	else
		put_tcp(part);
	for (uint32_t i = 0; i < part->bytes; i++)
		part->frame[part->at++] = shape_payload(part->offset + i);
	set_ip(part, ip_at, shape->ipv6);
	set_l4(part, ip_at, shape->ipv6, l4_at, protocol);
	if (shape->no_sum)
		set_16(part->frame + l4_at + 6, 0);
}

static void put_tunnel_header(struct part *part)
{
	const struct shape *shape = part->shape;
	uint16_t type = shape->ipv6 ? 0x86dd : 0x0800;

	switch (shape->tunnel) {
	case VXLAN:
	case VXLAN_SUM:
		put_udp(part, OUTER_PORT, VXLAN_PORT);
		put_32(part, 0x08000000);
		put_32(part, 0x12345600);
		break;
	case GENEVE_SUM:
		put_udp(part, OUTER_PORT, GENEVE_PORT);
		put_16(part, 0x0100);
		put_16(part, TEB);
		put_32(part, 0x65432100);
		put_32(part, 0x01020304);
		break;
	case GRE: put_32(part, type); break;
	case GRE_KEY:
		put_32(part, 0x20000000u | type);
		put_32(part, 77);
		break;
	case GRE_SUM:
		put_32(part, 0x80000000u | type);
		put_32(part, 0);
		break;
	case NVGRE:
		put_32(part, 0x20000000u | TEB);
		put_32(part, 0xabcd00);
		break;
	default: break;
	}
}

static uint8_t tunnel_protocol(const struct shape *shape)
{
	switch (shape->tunnel) {
	case VXLAN:
	case VXLAN_SUM:
	case GENEVE_SUM: return IPPROTO_UDP;
	case IP_IN_IP: return shape->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	default: return IPPROTO_GRE;
	}
}

static void put_tunneled(struct part *part)
{
	const struct shape *shape = part->shape;
	bool ethernet = tunnel_protocol(shape) == IPPROTO_UDP || shape->tunnel == NVGRE;
	uint32_t ip_at = part->at, at = ip_at + ip_header_bytes(shape->outer_ipv6, false);
	uint16_t sum;

	put_ip(part, shape->outer_ipv6, false, tunnel_protocol(shape),
		put_id(part, shape->outer_id, shape->outer_id_fixed));
	put_tunnel_header(part);
	if (ethernet)
		put_ethernet(part, shape->inner_tags, shape->ipv6 ? 0x86dd : 0x0800);
	put_packet(part);
	set_ip(part, ip_at, shape->outer_ipv6);
	if (tunnel_protocol(shape) == IPPROTO_UDP) {
		set_l4(part, ip_at, shape->outer_ipv6, at, IPPROTO_UDP);
		if (shape->tunnel == VXLAN)
			set_16(part->frame + at + 6, 0);
	}
	if (shape->tunnel == GRE_SUM && !part->pseudo) {
		sum = 0;
		for (uint32_t i = at; i < part->at; i += 1024) {
			uint32_t more =
				sum + rte_raw_cksum(part->frame + i, RTE_MIN(part->at - i, 1024u));

			sum = (uint16_t)(more + (more >> 16));
		}
		sum = (uint16_t)~sum;
		memcpy(part->frame + at + 4, &sum, 2);
	}
}

static uint32_t put_frame(struct part *part)
{
	const struct shape *shape = part->shape;
	bool ipv6 = shape->tunnel == PLAIN ? shape->ipv6 : shape->outer_ipv6;

	put_ethernet(part, shape->tags, ipv6 ? 0x86dd : 0x0800);
	if (shape->tunnel == PLAIN)
		put_packet(part);
	else
		put_tunneled(part);
	return part->at;
}

uint32_t shape_segment(const struct shape *shape, unsigned index, uint8_t *frame)
{
	uint32_t offset = index * shape->segment_bytes;
	struct part part = {.shape = shape,
		.index = index,
		.offset = offset,
		.bytes = RTE_MIN(shape->segment_bytes, shape->payload_bytes - offset),
		.first = index == 0,
		.last = index + 1 == shape_segments(shape),
		.frame = frame};

	return put_frame(&part);
}

static uint32_t put_all(const struct shape *shape, uint8_t *frame, bool pseudo)
{
	struct part part = {.shape = shape,
		.bytes = shape->payload_bytes,
		.first = true,
		.last = true,
		.pseudo = pseudo,
		.frame = frame};

	return put_frame(&part);
}

uint32_t shape_super(const struct shape *shape, uint8_t *frame, uint32_t *ret_header_bytes)
{
	uint32_t bytes = put_all(shape, frame, true);

	*ret_header_bytes = bytes - shape->payload_bytes;
	return bytes;
}

uint32_t shape_whole(const struct shape *shape, uint8_t *frame)
{
	return put_all(shape, frame, false);
}
