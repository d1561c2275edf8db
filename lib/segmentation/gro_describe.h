/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules that one packet has to keep by itself to be a candidate, and the short way to what a
 * packet is, for plain ones: those whose packet type and lengths say it, in one buffer.
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

/* The rules are in two parts. This one is of bytes that the mask covers: a packet whose headers are
 * equal to held ones keeps them too. No options, no fragment, no reserved bit. */
static inline bool gro_ip_fixed_part_keeps_rules(const uint8_t *ip, bool ipv6)
{
	return ipv6 || (ip[0] == 0x45 && (load_be16(ip + 6) & 0xbfff) == 0);
}

static inline bool gro_tcp_fixed_part_keeps_rules(const uint8_t *tcp)
{
	return !(tcp[13] & (GRO_TCP_SYN | GRO_TCP_RST | GRO_TCP_URG));
}

/* And this of those that it leaves out. The IP packet ends where the frame does, `room` bytes from
 * here: no padding. A right checksum of a header is never 0xffff: one that is would come back as
 * 0. */
static inline bool gro_ip_masked_part_keeps_rules(const uint8_t *ip, bool ipv6, uint32_t room)
{
	if (ipv6)
		return load_be16(ip + 4) + (uint32_t)GRO_IPV6_BYTES == room;
	return load_be16(ip + 2) == room && gro_load16(ip + 10) != 0xffff;
}

/* TCP as IP; UDP without a checksum would come back with one. */
static inline bool gro_l4_masked_part_keeps_rules(const uint8_t *l4, bool tcp, uint32_t room)
{
	if (tcp)
		return gro_load16(l4 + 16) != 0xffff;
	return load_be16(l4 + 4) == room && gro_load16(l4 + 6) != 0;
}

/* Of the innermost headers. `length`: of the frame. */
static inline __attribute__((always_inline)) bool gro_masked_part_keeps_rules(
	const uint8_t *frame, uint32_t length, const union gro_layout *layout)
{
	return length > layout->header_bytes &&
		gro_ip_masked_part_keeps_rules(
			frame + layout->ip, layout->kind & GRO_KIND_IPV6, length - layout->ip) &&
		gro_l4_masked_part_keeps_rules(
			frame + layout->l4, layout->kind & GRO_KIND_TCP, length - layout->l4);
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

/* A packet of a plain shape really is plain. */
static inline bool gro_is_plain(const struct rte_mbuf *packet, const union gro_layout *layout)
{
	return layout->key != 0 && packet->nb_segs == 1 && !(packet->ol_flags & GRO_FLAGS_RARE) &&
		packet->data_len > layout->header_bytes;
}

static inline uint32_t gro_plain_addresses(
	const struct rte_mbuf *packet, const uint8_t *frame, const union gro_layout layout)
{
	return gro_hash_addresses(packet->port, frame + layout.ip, layout.kind & GRO_KIND_IPV6);
}

static inline __attribute__((always_inline)) uint32_t gro_plain_flow(
	uint32_t addresses, const uint8_t *frame, const union gro_layout layout)
{
	const uint32_t protocol = layout.kind & GRO_KIND_TCP ? IPPROTO_TCP : IPPROTO_UDP;

	return gro_hash_ethernet(
		gro_hash_ports(addresses, frame + layout.l4, protocol), frame, layout.ip);
}

#endif
