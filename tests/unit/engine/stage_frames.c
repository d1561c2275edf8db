/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_frames.h"

#include <netinet/in.h>
#include <string.h>

#include "stage_fixture.h"

uint64_t frame_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static unsigned l4_header_bytes(const struct frame_spec *spec)
{
	switch (spec->protocol) {
	case IPPROTO_TCP: return 20 + spec->tcp_options;
	case IPPROTO_SCTP: return 12;
	default: return 8;
	}
}

/* ICMP over IPv6 is another protocol. */
static unsigned ip_protocol(const struct frame_spec *spec)
{
	return spec->ip == 6 && spec->protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : spec->protocol;
}

static uint32_t l4_type(const struct frame_spec *spec)
{
	if (spec->fragment || spec->fragment_place != 0)
		return RTE_PTYPE_L4_FRAG;
	switch (spec->protocol) {
	case IPPROTO_TCP: return RTE_PTYPE_L4_TCP;
	case IPPROTO_UDP: return RTE_PTYPE_L4_UDP;
	case IPPROTO_SCTP: return RTE_PTYPE_L4_SCTP;
	case IPPROTO_ICMP: return RTE_PTYPE_L4_ICMP;
	default: return 0;
	}
}

static void ipv4_write(struct built_frame *frame, uint8_t *ip, unsigned l4_bytes)
{
	const struct frame_spec *spec = &frame->spec;

	frame->l3 = 20 + spec->options;
	frame->packet_type |= spec->options ? RTE_PTYPE_L3_IPV4_EXT : RTE_PTYPE_L3_IPV4;
	ip[0] = (uint8_t)(0x40 | frame->l3 / 4);
	put16(ip + 2, frame->l3 + l4_bytes);
	put16(ip + 6, (spec->fragment ? 0x2000u : 0x4000u) | spec->fragment_place);
	ip[9] = (uint8_t)spec->protocol;
	memset(ip + 20, 1, spec->options); /* no-operation */
}

static void ipv6_write(struct built_frame *frame, uint8_t *ip, unsigned l4_bytes)
{
	const struct frame_spec *spec = &frame->spec;
	uint8_t *extension = ip + 40;

	frame->l3 = 40 + spec->options;
	frame->packet_type |= spec->options ? RTE_PTYPE_L3_IPV6_EXT : RTE_PTYPE_L3_IPV6;
	ip[0] = 0x60;
	put16(ip + 4, spec->options + l4_bytes);
	ip[6] = (uint8_t)ip_protocol(spec);
	if (spec->options == 0)
		return;
	memset(extension, 0, spec->options); /* destination options: Pad1 */
	extension[0] = (uint8_t)ip_protocol(spec);
	if (l4_type(spec) == RTE_PTYPE_L4_FRAG) {
		ip[6] = IPPROTO_FRAGMENT;
		put16(extension + 2, spec->fragment_place << 3 | 1);
	} else {
		ip[6] = IPPROTO_DSTOPTS;
		extension[1] = (uint8_t)(spec->options / 8 - 1);
	}
}

void frame_build(struct built_frame *frame, const struct frame_spec *spec, uint64_t *seed)
{
	unsigned l4_bytes = l4_header_bytes(spec) + spec->payload;
	uint8_t *ip, *l4;

	*frame = (struct built_frame){.spec = *spec, .l2 = 14 + 4 * spec->vlan_tags};
	for (unsigned i = 0; i < sizeof(frame->bytes); i++)
		frame->bytes[i] = (uint8_t)frame_random(seed);
	for (unsigned i = 0; i < spec->vlan_tags; i++)
		put16(frame->bytes + 12 + 4 * i, 0x8100);
	frame->packet_type = spec->vlan_tags ? RTE_PTYPE_L2_ETHER_VLAN : RTE_PTYPE_L2_ETHER;
	ip = frame->bytes + frame->l2;
	put16(ip - 2, spec->ip == 4 ? 0x0800 : spec->ip == 6 ? 0x86dd : 0x88b5);
	if (spec->ip == 4)
		ipv4_write(frame, ip, l4_bytes);
	else if (spec->ip == 6)
		ipv6_write(frame, ip, l4_bytes);
	frame->length = frame->l2 + frame->l3 + l4_bytes + spec->padding;
	if (spec->ip == 0)
		return;
	frame->packet_type |= l4_type(spec);
	l4 = ip + frame->l3;
	if (l4_type(spec) == RTE_PTYPE_L4_FRAG)
		return;
	frame->l4 = l4_header_bytes(spec);
	if (spec->protocol == IPPROTO_TCP)
		l4[12] = (uint8_t)(frame->l4 / 4 << 4);
	if (spec->protocol == IPPROTO_UDP) {
		put16(l4 + 4, l4_bytes);
		put16(l4 + 6, spec->udp_none ? 0 : 0xdead);
	}
}

void frame_spec_random(struct frame_spec *spec, uint64_t *seed)
{
	static const unsigned protocols[] = {
		IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	static const unsigned ips[] = {4, 4, 4, 6, 6, 0};
	uint64_t dice = frame_random(seed);

	*spec = (struct frame_spec){0};
	spec->vlan_tags = dice % 8 == 0 ? 2 : dice % 8 == 1;
	spec->ip = ips[frame_random(seed) % 6];
	spec->protocol = protocols[frame_random(seed) % 6];
	if (frame_random(seed) % 4 == 0)
		spec->options = 8 * (1 + (unsigned)(frame_random(seed) % 3));
	spec->tcp_options = 4 * (unsigned)(frame_random(seed) % 4);
	spec->payload = (unsigned)(frame_random(seed) % (frame_random(seed) % 2 ? 20 : 1460));
	spec->padding = frame_random(seed) % 3 ? 0 : (unsigned)(frame_random(seed) % 7);
	spec->udp_none = frame_random(seed) % 5 == 0;
	if (frame_random(seed) % 8 == 0 && spec->ip != 0) {
		spec->fragment = true;
		spec->fragment_place = frame_random(seed) % 2 ? 185 : 0;
		if (spec->ip == 6)
			spec->options = 8;
	}
	if (frame_random(seed) % 3 == 0) {
		spec->first = 14 + (unsigned)(frame_random(seed) % 150);
		spec->rest = 1 + (unsigned)(frame_random(seed) % 700);
		if (spec->payload / spec->rest > 10) /* the pool is small */
			spec->rest += 200;
	}
}

uint16_t naive_sum(const uint8_t *bytes, uint32_t length, uint32_t start)
{
	uint32_t sum = start;

	for (uint32_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static uint32_t naive_crc32c(const uint8_t *bytes, uint32_t length)
{
	uint32_t crc = 0xffffffff;

	for (uint32_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static uint32_t naive_pseudo(const struct built_frame *frame, const uint8_t *ip, uint32_t l4_bytes)
{
	uint8_t rest[4];
	uint32_t sum = frame->spec.ip == 4 ? naive_sum(ip + 12, 8, 0) : naive_sum(ip + 8, 32, 0);

	put16(rest, l4_bytes);
	put16(rest + 2, ip_protocol(&frame->spec));
	return naive_sum(rest, 4, sum);
}

void frame_checksums(const struct built_frame *frame, uint8_t *bytes)
{
	const struct frame_spec *spec = &frame->spec;
	uint8_t *ip = bytes + frame->l2, *l4 = ip + frame->l3;
	uint32_t l4_bytes = l4_header_bytes(spec) + spec->payload;
	bool icmp = spec->protocol == IPPROTO_ICMP;
	unsigned field = spec->protocol == IPPROTO_TCP ? 16 : icmp ? 2 : 6;
	uint32_t sum;

	if (spec->ip == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, ~(unsigned)naive_sum(ip, frame->l3, 0));
	}
	if (spec->ip == 0 || frame->l4 == 0)
		return;
	if (spec->protocol == IPPROTO_UDP && spec->udp_none)
		return;
	if (spec->protocol == IPPROTO_SCTP) {
		memset(l4 + 8, 0, 4);
		sum = naive_crc32c(l4, l4_bytes);
		memcpy(l4 + 8, &sum, 4);
		return;
	}
	put16(l4 + field, 0);
	sum = icmp && spec->ip == 4 ? 0 : naive_pseudo(frame, ip, l4_bytes);
	sum = naive_sum(l4, l4_bytes, sum);
	if (spec->protocol == IPPROTO_UDP && sum == 0xffff)
		sum = 0; /* goes out as 0xffff */
	put16(l4 + field, ~sum);
}

struct rte_mbuf *frame_packet(const struct built_frame *frame)
{
	struct rte_mbuf *packet =
		packet_of(frame->bytes, frame->length, frame->spec.first, frame->spec.rest);

	packet->packet_type = frame->packet_type;
	packet->l2_len = frame->l2;
	packet->l3_len = frame->l3;
	packet->l4_len = frame->l4;
	return packet;
}
