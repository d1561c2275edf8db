/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the layer 4 checksum of a packet covers, and sums over it. For packet_checksum_fill.c and
 * packet_checksum_verify.c, which it is inlined into.
 */
#ifndef WEIR_SEGMENTATION_LAYER4_H
#define WEIR_SEGMENTATION_LAYER4_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_sctp.h>
#include <rte_udp.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/crc32c.h"

/* The headers of a packet in one piece. */
struct header_bytes {
	uint8_t *ip;
	uint32_t available; /* bytes from the IP header on, in one piece */
	uint32_t present; /* bytes from the IP header on, in all segments */
};

struct layer4 {
	struct rte_mbuf *packet;
	uint8_t *header; /* `available` bytes of it, in one piece */
	uint32_t available;
	uint32_t offset; /* of the header in the packet */
	uint32_t bytes; /* header and payload, without what follows the IP packet */
	const uint8_t *ip;
	bool ipv6;
};

/* Bytes of IPv4's header; 0: it is not all there. */
static inline uint32_t layer4_ipv4_header_bytes(const struct header_bytes *headers)
{
	uint32_t bytes;

	if (unlikely(headers->available < sizeof(struct rte_ipv4_hdr)))
		return 0;
	bytes = (headers->ip[0] & 0xfu) * 4;
	if (unlikely(bytes < sizeof(struct rte_ipv4_hdr) || bytes > headers->available))
		return 0;
	return bytes;
}

/* Sum over IPv4's header. */
static inline uint32_t layer4_ipv4_header_sum(const uint8_t *ip, uint32_t header_bytes)
{
	uint32_t sum = checksum_ipv4_fixed(ip);

	if (unlikely(header_bytes > sizeof(struct rte_ipv4_hdr)))
		sum = checksum_partial(ip + sizeof(struct rte_ipv4_hdr),
			header_bytes - (uint32_t)sizeof(struct rte_ipv4_hdr), sum);
	return sum;
}

/* Whether an option of IPv4 or an extension header of IPv6 says that the destination is another. */
bool layer4_ipv4_source_routed(const uint8_t *ip, uint32_t header_bytes);
bool layer4_ipv6_source_routed(const uint8_t *ip, uint32_t headers_bytes);

/* `header_bytes`: layer4_ipv4_header_bytes(). false: what is covered is not there, or unknown. */
static inline bool layer4_of_ipv4(struct rte_mbuf *packet, const struct header_bytes *headers,
	uint32_t header_bytes, struct layer4 *ret_layer4)
{
	uint32_t total = load_be16(headers->ip + offsetof(struct rte_ipv4_hdr, total_length));

	if (unlikely(total == 0))
		total = headers->present;
	if (unlikely(total > headers->present || total <= header_bytes || total > UINT16_MAX))
		return false;
	if (unlikely(header_bytes > sizeof(struct rte_ipv4_hdr)) &&
		layer4_ipv4_source_routed(headers->ip, header_bytes))
		return false;
	*ret_layer4 = (struct layer4){.packet = packet,
		.header = headers->ip + header_bytes,
		.available = headers->available - header_bytes,
		.offset = packet->l2_len + header_bytes,
		.bytes = total - header_bytes,
		.ip = headers->ip,
		.ipv6 = false};
	return true;
}

static inline bool layer4_of_ipv6(
	struct rte_mbuf *packet, const struct header_bytes *headers, struct layer4 *ret_layer4)
{
	uint32_t headers_bytes = packet->l3_len, total;

	if (unlikely(headers_bytes < sizeof(struct rte_ipv6_hdr) ||
		    headers_bytes > headers->available))
		return false;
	if (unlikely(headers_bytes > sizeof(struct rte_ipv6_hdr)) &&
		layer4_ipv6_source_routed(headers->ip, headers_bytes))
		return false;
	total = load_be16(headers->ip + offsetof(struct rte_ipv6_hdr, payload_len));
	total = total == 0 ? headers->present : total + (uint32_t)sizeof(struct rte_ipv6_hdr);
	if (unlikely(total > headers->present || total <= headers_bytes))
		return false;
	*ret_layer4 = (struct layer4){.packet = packet,
		.header = headers->ip + headers_bytes,
		.available = headers->available - headers_bytes,
		.offset = packet->l2_len + headers_bytes,
		.bytes = total - headers_bytes,
		.ip = headers->ip,
		.ipv6 = true};
	return true;
}

static inline bool layer4_holds(const struct layer4 *layer4, uint32_t header_bytes)
{
	return layer4->bytes >= header_bytes && layer4->available >= header_bytes;
}

/* UDP has its own length, 0 in a jumbogram. false: it contradicts IP's. */
static inline bool layer4_limit_udp(struct layer4 *layer4)
{
	uint32_t length = load_be16(layer4->header + offsetof(struct rte_udp_hdr, dgram_len));

	if (unlikely(
		    length > layer4->bytes || (length != 0 && length < sizeof(struct rte_udp_hdr))))
		return false;
	if (length != 0)
		layer4->bytes = length;
	return true;
}

static inline uint32_t layer4_pseudo(const struct layer4 *layer4, uint8_t protocol)
{
	return layer4->ipv6 ? checksum_pseudo_ipv6(layer4->ip, protocol, layer4->bytes)
			    : checksum_pseudo_ipv4(layer4->ip, protocol, layer4->bytes);
}

/* ICMP has no pseudo header, ICMPv6 has. */
static inline uint32_t layer4_icmp_pseudo(const struct layer4 *layer4)
{
	return layer4->ipv6 ? layer4_pseudo(layer4, IPPROTO_ICMPV6) : 0;
}

/* Over several segments. */
uint32_t layer4_segments_sum(const struct layer4 *layer4, uint32_t pseudo);

/* Everything covered, what stands in the checksum's field included. */
static inline uint32_t layer4_sum(const struct layer4 *layer4, uint32_t pseudo)
{
	if (likely(layer4->offset + layer4->bytes <= layer4->packet->data_len))
		return checksum_partial(layer4->header, layer4->bytes, pseudo);
	return layer4_segments_sum(layer4, pseudo);
}

/* SCTP's, as if its field held 0. As it stands in the field. */
uint32_t layer4_crc32c(const struct layer4 *layer4);

#endif
