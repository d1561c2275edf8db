/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_icmp.h>
#include <rte_tcp.h>

#include "packet/parse.h"
#include "segmentation/layer4.h"
#include "segmentation/packet_checksum.h"
#include "segmentation/super_packet.h"

/* A few packets ahead: about the time of a miss in L2. */
enum { PREFETCH_AHEAD = 6 };

enum { SCTP_FIELD_BYTES = 4 };

static inline uint64_t judge(bool good)
{
	return good ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

static inline uint64_t judge_sum(const struct layer4 *layer4, uint32_t pseudo)
{
	return judge(checksum_finish(layer4_sum(layer4, pseudo)) == 0);
}

/* RFC 8200 wants a checksum of every UDP over IPv6; a tunnel may go without (RFC 6935). */
static uint64_t judge_udp_none(const struct layer4 *layer4)
{
	return layer4->ipv6 && (layer4->packet->packet_type & RTE_PTYPE_TUNNEL_MASK) == 0
		? RTE_MBUF_F_RX_L4_CKSUM_BAD
		: 0;
}

static inline uint64_t judge_udp(struct layer4 *layer4)
{
	if (unlikely(!layer4_holds(layer4, sizeof(struct rte_udp_hdr))))
		return 0;
	if (load_be16(layer4->header + offsetof(struct rte_udp_hdr, dgram_cksum)) == 0)
		return judge_udp_none(layer4);
	if (unlikely(!layer4_limit_udp(layer4)))
		return 0;
	return judge_sum(layer4, layer4_pseudo(layer4, IPPROTO_UDP));
}

static uint64_t judge_sctp(const struct layer4 *layer4)
{
	uint32_t crc;

	if (!layer4_holds(layer4, sizeof(struct rte_sctp_hdr)))
		return 0;
	crc = layer4_crc32c(layer4);
	return judge(memcmp(layer4->header + offsetof(struct rte_sctp_hdr, cksum), &crc,
			     SCTP_FIELD_BYTES) == 0);
}

/* 0: not to be judged. */
static inline uint64_t judge_layer4(struct layer4 *layer4)
{
	switch (layer4->packet->packet_type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP:
		if (unlikely(!layer4_holds(layer4, sizeof(struct rte_tcp_hdr))))
			return 0;
		return judge_sum(layer4, layer4_pseudo(layer4, IPPROTO_TCP));
	case RTE_PTYPE_L4_UDP: return judge_udp(layer4);
	case RTE_PTYPE_L4_SCTP: return judge_sctp(layer4);
	case RTE_PTYPE_L4_ICMP:
		if (!layer4_holds(layer4, offsetof(struct rte_icmp_hdr, icmp_ident)))
			return 0;
		return judge_sum(layer4, layer4_icmp_pseudo(layer4));
	default: return 0;
	}
}

static inline uint64_t judge_ipv4(
	struct rte_mbuf *packet, const struct header_bytes *headers, uint64_t known)
{
	uint32_t header_bytes = layer4_ipv4_header_bytes(headers);
	struct layer4 layer4;
	uint64_t flags = 0;

	if (unlikely(header_bytes == 0))
		return 0;
	if ((known & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN) {
		uint32_t sum = layer4_ipv4_header_sum(headers->ip, header_bytes);

		flags = checksum_finish(sum) == 0 ? RTE_MBUF_F_RX_IP_CKSUM_GOOD
						  : RTE_MBUF_F_RX_IP_CKSUM_BAD;
	}
	/* What a broken header says of layer 4 is worth nothing. */
	if (((known | flags) & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return flags;
	if ((known & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN &&
		layer4_of_ipv4(packet, headers, header_bytes, &layer4))
		flags |= judge_layer4(&layer4);
	return flags;
}

static inline uint64_t judge_ip(
	struct rte_mbuf *packet, const struct header_bytes *headers, uint64_t known)
{
	struct layer4 layer4;

	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type))
		return judge_ipv4(packet, headers, known);
	if ((known & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN &&
		layer4_of_ipv6(packet, headers, &layer4))
		return judge_layer4(&layer4);
	return 0;
}

/* Headers that lie in several segments. */
static __attribute__((noinline)) uint64_t judge_copy(struct rte_mbuf *packet, uint64_t known)
{
	uint8_t copy[PARSE_MAX_BYTES];
	uint32_t length = RTE_MIN(packet->pkt_len, (uint32_t)sizeof(copy));
	const uint8_t *bytes = rte_pktmbuf_read(packet, 0, length, copy);
	struct header_bytes headers = {
		.available = length - packet->l2_len, .present = packet->pkt_len - packet->l2_len};

	if (bytes == NULL)
		return 0;
	if (bytes != copy)
		memcpy(copy, bytes, length);
	headers.ip = copy + packet->l2_len;
	return judge_ip(packet, &headers, known);
}

static inline uint64_t judge_packet(struct rte_mbuf *packet)
{
	uint32_t l2_bytes = packet->l2_len;
	const struct header_bytes headers = {
		.ip = rte_pktmbuf_mtod_offset(packet, uint8_t *, l2_bytes),
		.available = packet->data_len - l2_bytes,
		.present = packet->pkt_len - l2_bytes};

	if ((packet->packet_type & RTE_PTYPE_L3_MASK) == 0 || l2_bytes >= packet->pkt_len ||
		unlikely(super_packet_is(packet)))
		return 0;
	if (unlikely(packet->nb_segs > 1 && packet->data_len < PARSE_MAX_BYTES))
		return judge_copy(packet, packet->ol_flags);
	return judge_ip(packet, &headers, packet->ol_flags);
}

static inline bool is_bad(uint64_t flags)
{
	return (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD ||
		(flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
}

unsigned packet_checksum_verify(struct rte_mbuf *const packets[], unsigned count)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < count; i++) {
		if (likely(i + PREFETCH_AHEAD < count))
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + PREFETCH_AHEAD], const void *));
		packets[i]->ol_flags |= judge_packet(packets[i]);
		bad += is_bad(packets[i]->ol_flags);
	}
	return bad;
}
