/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules that one packet has to keep by itself to be a candidate, and the short way to find a
 * candidate: TCP or UDP right behind IPv4 without options or IPv6 without extension headers, at
 * most two tags, one buffer. Says for those what gro_describe() says, and nothing otherwise.
 */
#ifndef WEIR_SEGMENTATION_GRO_DESCRIBE_H
#define WEIR_SEGMENTATION_GRO_DESCRIBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "segmentation/gro_hash.h"
#include "segmentation/gro_shape.h"

enum { GRO_TCP_FIN = 0x01, GRO_TCP_SYN = 0x02, GRO_TCP_RST = 0x04, GRO_TCP_PSH = 0x08 };
enum { GRO_TCP_URG = 0x20, GRO_TCP_CWR = 0x80 };
enum { GRO_TCP_LAST = GRO_TCP_PSH | GRO_TCP_FIN }; /* end a merge */
enum { GRO_IPV4_BYTES = 20, GRO_IPV6_BYTES = 40, GRO_UDP_BYTES = 8, GRO_ETHER_BYTES = 14 };

/* An IP header, without options, of a packet that ends where the frame does (`room` bytes from
 * here: no padding), is no fragment and has no reserved bit set. Over a header no right checksum is
 * 0xffff: one that is would come back as 0. */
static inline bool gro_ip_keeps_rules(const uint8_t *ip, bool ipv6, uint32_t room)
{
	if (ipv6)
		return load_be16(ip + 4) + (uint32_t)GRO_IPV6_BYTES == room;
	return ip[0] == 0x45 && load_be16(ip + 2) == room && (load_be16(ip + 6) & 0xbfff) == 0 &&
		gro_load16(ip + 10) != 0xffff;
}

static inline bool gro_tcp_keeps_rules(const uint8_t *tcp, uint32_t payload_bytes)
{
	return payload_bytes != 0 && !(tcp[13] & (GRO_TCP_SYN | GRO_TCP_RST | GRO_TCP_URG)) &&
		gro_load16(tcp + 16) != 0xffff; /* as above */
}

/* UDP without a checksum would come back with one. */
static inline bool gro_udp_keeps_rules(const uint8_t *udp, uint32_t payload_bytes)
{
	return payload_bytes != 0 && load_be16(udp + 4) == payload_bytes + GRO_UDP_BYTES &&
		gro_load16(udp + 6) != 0;
}

/* Of the device: the checksum is not there yet, or the tags are not, or it is merged already. */
#define GRO_FLAGS_RARE                                                                             \
	(RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_RX_VLAN_STRIPPED |             \
		RTE_MBUF_F_RX_QINQ_STRIPPED)

static inline bool gro_has_tags(const struct rte_mbuf *packet)
{
	return packet->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED);
}

/* The tags that the device took out of a frame that has them. */
static inline uint32_t gro_tags(const struct rte_mbuf *packet)
{
	return packet->vlan_tci |
		(packet->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED
				? (uint32_t)packet->vlan_tci_outer << 16
				: 0);
}

static inline bool gro_checksum_is_partial(const struct rte_mbuf *packet)
{
	return (packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE;
}

/* Whether all checksums of a candidate are right: the IPv4 headers', TCP's or UDP's, and that of
 * the UDP around. Those that the device has found good are taken for it, but not in tunnels, where
 * devices differ in which header they speak of. */
bool gro_checksums_right(const struct rte_mbuf *packet, const union gro_layout *layout);

/* A set of types that fit into a few bits. */
#define GRO_TYPE_BIT(type, shift) (UINT64_C(1) << ((type) >> (shift)))

static inline bool gro_is_plain(const struct rte_mbuf *packet)
{
	const uint64_t l2 = GRO_TYPE_BIT(RTE_PTYPE_L2_ETHER, 0) |
		GRO_TYPE_BIT(RTE_PTYPE_L2_ETHER_VLAN, 0) | GRO_TYPE_BIT(RTE_PTYPE_L2_ETHER_QINQ, 0);
	const uint64_t l3_and_l4 = GRO_TYPE_BIT(RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP, 4) |
		GRO_TYPE_BIT(RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_TCP, 4) |
		GRO_TYPE_BIT(RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP, 4) |
		GRO_TYPE_BIT(RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP, 4);
	const uint32_t type = packet->packet_type;

	return type < 64 << 4 && (l3_and_l4 >> (type >> 4) & 1) && (l2 >> (type & 15) & 1) &&
		packet->nb_segs == 1 && !(packet->ol_flags & GRO_FLAGS_RARE);
}

/* false: ask gro_describe(). */
static inline __attribute__((always_inline)) bool gro_describe_plain(
	const struct gro_rulebook *rules, const struct rte_mbuf *packet, struct gro_packet *ret)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const bool ipv6 = (packet->packet_type & RTE_PTYPE_L3_MASK) == RTE_PTYPE_L3_IPV6;
	const bool tcp = (packet->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;
	const uint32_t l2_bytes = packet->l2_len, l4 = l2_bytes + packet->l3_len;
	const uint32_t header_bytes = l4 + packet->l4_len, length = packet->data_len;
	const uint8_t *ip = frame + l2_bytes;
	bool candidate;

	if (unlikely(!gro_is_plain(packet) || header_bytes > GRO_HEADER_MAX ||
		    header_bytes > length))
		return false;
	ret->layout.key = header_bytes | l2_bytes << 8 | l4 << 16 |
		((ipv6 ? GRO_KIND_IPV6 : 0u) | (tcp ? GRO_KIND_TCP : 0u)) << 24;
	ret->payload_bytes = length - header_bytes;
	ret->addresses = gro_hash_addresses(packet->port, ip, ipv6);
	ret->flow = gro_hash_mix(ret->addresses,
		gro_load32(frame + l4) | (uint64_t)(tcp ? IPPROTO_TCP : IPPROTO_UDP) << 32);
	ret->flow = gro_hash_ethernet(ret->flow, frame, l2_bytes);
	candidate = gro_ip_keeps_rules(ip, ipv6, length - l2_bytes);
	if (tcp) {
		ret->tcp_flags = frame[l4 + 13];
		candidate &= rules->tcp & gro_tcp_keeps_rules(frame + l4, ret->payload_bytes);
	} else {
		ret->tcp_flags = 0;
		candidate &= rules->udp & gro_udp_keeps_rules(frame + l4, ret->payload_bytes);
	}
	candidate &= !gro_checksum_is_partial(packet);
	ret->class = candidate ? GRO_CLASS_CANDIDATE : GRO_CLASS_UNMERGEABLE;
	if (candidate && rules->verify && !gro_checksums_right(packet, &ret->layout))
		ret->class = GRO_CLASS_BAD;
	return true;
}

#endif
