/* SPDX-License-Identifier: BSD-3-Clause */
#include "generate/build.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "packet/checksum.h"

enum { ETHERNET_BYTES = 14, VLAN_BYTES = 4, ADDRESS_BYTES = 6 };
enum { HOP_LIMIT = 64, PATTERN_FIRST = ' ', PATTERN_PERIOD = '~' - ' ' + 1 };

int builder_init(struct builder *builder, uint16_t vlan, uint32_t payload_max)
{
	uint32_t sum = 0;

	*builder = (struct builder){.vlan = vlan, .payload_max = payload_max};
	builder->buffer = calloc(1, BUILD_HEADROOM + payload_max);
	builder->pattern_sums = calloc(payload_max + 1, sizeof(*builder->pattern_sums));
	if (builder->buffer == NULL || builder->pattern_sums == NULL) {
		builder_fini(builder);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < payload_max; i++) {
		uint8_t *byte = builder->buffer + BUILD_HEADROOM + i;

		*byte = (uint8_t)(PATTERN_FIRST + i % PATTERN_PERIOD);
		sum = checksum_fold(checksum_append(sum, checksum_partial(byte, 1, 0), i));
		builder->pattern_sums[i + 1] = (uint16_t)sum;
	}
	return 0;
}

void builder_fini(struct builder *builder)
{
	free(builder->buffer);
	free(builder->pattern_sums);
	*builder = (struct builder){0};
}

static uint32_t layer3_overhead(uint16_t vlan, bool ipv6)
{
	return ETHERNET_BYTES + (vlan != 0 ? VLAN_BYTES : 0) +
		(uint32_t)(ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));
}

uint32_t build_udp_overhead(uint16_t vlan, bool ipv6)
{
	return layer3_overhead(vlan, ipv6) + (uint32_t)sizeof(struct udphdr);
}

uint32_t build_tcp_overhead(uint16_t vlan, bool ipv6, uint32_t option_bytes)
{
	return layer3_overhead(vlan, ipv6) + (uint32_t)sizeof(struct tcphdr) + option_bytes;
}

/* Each of these writes a header that ends at `end` and returns where it begins. */

static uint8_t *put_ethernet(
	const struct builder *builder, bool ipv6, enum flow_side from, uint8_t *end)
{
	/* Locally administered: nobody's. */
	static const uint8_t mac[2][ADDRESS_BYTES] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
	uint16_t type = htons(ipv6 ? 0x86dd : 0x0800);

	memcpy(end -= 2, &type, 2);
	if (builder->vlan != 0) {
		uint16_t tag[2] = {htons(0x8100), htons(builder->vlan)};

		memcpy(end -= sizeof(tag), tag, sizeof(tag));
	}
	memcpy(end -= ADDRESS_BYTES, mac[from], ADDRESS_BYTES);
	memcpy(end -= ADDRESS_BYTES, mac[!from], ADDRESS_BYTES);
	return end;
}

static uint8_t *put_ipv4(const struct flow_ends *ends, enum flow_side from, uint16_t ip_id,
	uint32_t l4_bytes, uint8_t *end)
{
	struct iphdr header = {
		.version = 4,
		.ihl = sizeof(header) / 4,
		.tot_len = htons((uint16_t)(sizeof(header) + l4_bytes)),
		.id = htons(ip_id),
		.frag_off = htons(IP_DF),
		.ttl = HOP_LIMIT,
		.protocol = ends->protocol,
	};

	memcpy(&header.saddr, ends->address[from], 4);
	memcpy(&header.daddr, ends->address[!from], 4);
	header.check = checksum_ipv4_header(&header, sizeof(header));
	return memcpy(end - sizeof(header), &header, sizeof(header));
}

static uint8_t *put_ipv6(
	const struct flow_ends *ends, enum flow_side from, uint32_t l4_bytes, uint8_t *end)
{
	struct ip6_hdr header = {
		.ip6_flow = htonl(6u << 28 | (ends->hash & 0xfffff)),
		.ip6_plen = htons((uint16_t)l4_bytes),
		.ip6_nxt = ends->protocol,
		.ip6_hlim = HOP_LIMIT,
	};

	memcpy(&header.ip6_src, ends->address[from], 16);
	memcpy(&header.ip6_dst, ends->address[!from], 16);
	return memcpy(end - sizeof(header), &header, sizeof(header));
}

/* Puts layers 3 and 2 in front of the layer 4 header, and its checksum into it. */
static struct built finish(const struct builder *builder, const struct flow_ends *ends,
	enum flow_side from, uint16_t ip_id, uint8_t *l4, uint32_t payload_bytes, uint32_t field)
{
	uint8_t *payload = builder->buffer + BUILD_HEADROOM, *l3, *start;
	uint32_t header_bytes = (uint32_t)(payload - l4), sum;
	uint32_t l4_bytes = header_bytes + payload_bytes;
	uint16_t checksum;

	if (ends->ipv6) {
		l3 = put_ipv6(ends, from, l4_bytes, l4);
		sum = checksum_pseudo_ipv6(l3, ends->protocol, l4_bytes);
	} else {
		l3 = put_ipv4(ends, from, ip_id, l4_bytes, l4);
		sum = checksum_pseudo_ipv4(l3, ends->protocol, l4_bytes);
	}
	sum = checksum_partial(l4, header_bytes, sum);
	sum = checksum_add(sum, builder->pattern_sums[payload_bytes]);
	checksum = ends->protocol == IPPROTO_UDP ? checksum_finish_udp(sum) : checksum_finish(sum);
	memcpy(l4 + field, &checksum, 2);
	start = put_ethernet(builder, ends->ipv6, from, l3);
	return (struct built){start, (uint32_t)(payload - start) + payload_bytes};
}

struct built build_udp(struct builder *builder, const struct flow_ends *ends, uint16_t ip_id,
	uint32_t payload_bytes)
{
	struct udphdr header = {
		.source = ends->port[FLOW_CLIENT],
		.dest = ends->port[FLOW_SERVER],
		.len = htons((uint16_t)(sizeof(header) + payload_bytes)),
	};
	uint8_t *l4 = builder->buffer + BUILD_HEADROOM - sizeof(header);

	memcpy(l4, &header, sizeof(header));
	return finish(builder, ends, FLOW_CLIENT, ip_id, l4, payload_bytes,
		offsetof(struct udphdr, check));
}

struct built build_tcp(struct builder *builder, const struct flow_ends *ends, uint16_t ip_id,
	const struct tcp_segment *segment)
{
	struct tcphdr header = {
		.th_sport = ends->port[segment->from],
		.th_dport = ends->port[!segment->from],
		.th_seq = htonl(segment->sequence),
		.th_ack = htonl(segment->acknowledgement),
		.th_off = (sizeof(header) + segment->option_bytes) / 4 & 15,
		.th_flags = segment->flags,
		.th_win = htons(segment->window),
	};
	uint8_t *options = builder->buffer + BUILD_HEADROOM - segment->option_bytes;
	uint8_t *l4 = options - sizeof(header);

	memcpy(options, segment->options, segment->option_bytes);
	memcpy(l4, &header, sizeof(header));
	return finish(builder, ends, segment->from, ip_id, l4, segment->payload_bytes,
		offsetof(struct tcphdr, th_sum));
}
