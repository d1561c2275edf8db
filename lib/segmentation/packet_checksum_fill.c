/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>
#include <rte_icmp.h>
#include <rte_tcp.h>

#include "segmentation/layer4.h"
#include "segmentation/packet_checksum.h"
#include "segmentation/super_packet.h"

static inline void field16_set(uint8_t *field, uint16_t value)
{
	memcpy(field, &value, sizeof(value));
}

/* Takes what stands in the field out of a sum that covers it. Setting the field to 0 before summing
 * would be simpler, and three times slower: the CPU cannot forward a small store to a wide load. */
static inline uint32_t sum_without_field(uint32_t sum, const uint8_t *field)
{
	uint16_t value;

	memcpy(&value, field, sizeof(value));
	return checksum_add(sum, (uint16_t)~value);
}

/* Asks the device for a checksum. What stands in the field meanwhile depends on the protocol. */
static inline void layer4_offload(const struct layer4 *layer4, uint64_t flag)
{
	uint64_t others = layer4->packet->ol_flags & ~RTE_MBUF_F_TX_L4_MASK;

	layer4->packet->ol_flags =
		others | (layer4->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) | flag;
	layer4->packet->l3_len = layer4->offset - layer4->packet->l2_len;
}

static inline void fill_tcp(const struct layer4 *layer4, uint64_t tx_offloads)
{
	uint8_t *field = layer4->header + offsetof(struct rte_tcp_hdr, cksum);
	uint32_t pseudo;

	if (unlikely(!layer4_holds(layer4, sizeof(struct rte_tcp_hdr))))
		return;
	pseudo = layer4_pseudo(layer4, IPPROTO_TCP);
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) {
		field16_set(field, checksum_fold(pseudo));
		layer4_offload(layer4, RTE_MBUF_F_TX_TCP_CKSUM);
		return;
	}
	field16_set(field, checksum_finish(sum_without_field(layer4_sum(layer4, pseudo), field)));
}

static inline void fill_udp(struct layer4 *layer4, uint64_t tx_offloads)
{
	uint8_t *field = layer4->header + offsetof(struct rte_udp_hdr, dgram_cksum);
	uint32_t pseudo;

	if (unlikely(!layer4_holds(layer4, sizeof(struct rte_udp_hdr))) || load_be16(field) == 0)
		return;
	if (unlikely(!layer4_limit_udp(layer4)))
		return;
	pseudo = layer4_pseudo(layer4, IPPROTO_UDP);
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) {
		field16_set(field, checksum_fold(pseudo));
		layer4_offload(layer4, RTE_MBUF_F_TX_UDP_CKSUM);
		return;
	}
	field16_set(
		field, checksum_finish_udp(sum_without_field(layer4_sum(layer4, pseudo), field)));
}

static void fill_sctp(const struct layer4 *layer4, uint64_t tx_offloads)
{
	uint8_t *field = layer4->header + offsetof(struct rte_sctp_hdr, cksum);
	uint32_t crc = 0;

	if (!layer4_holds(layer4, sizeof(struct rte_sctp_hdr)))
		return;
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM)
		layer4_offload(layer4, RTE_MBUF_F_TX_SCTP_CKSUM);
	else
		crc = layer4_crc32c(layer4);
	memcpy(field, &crc, sizeof(crc));
}

static void fill_icmp(const struct layer4 *layer4)
{
	uint8_t *field = layer4->header + offsetof(struct rte_icmp_hdr, icmp_cksum);

	if (!layer4_holds(layer4, offsetof(struct rte_icmp_hdr, icmp_ident)))
		return;
	field16_set(field,
		checksum_finish(
			sum_without_field(layer4_sum(layer4, layer4_icmp_pseudo(layer4)), field)));
}

static inline void fill_layer4(struct layer4 *layer4, uint64_t tx_offloads)
{
	switch (layer4->packet->packet_type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP: fill_tcp(layer4, tx_offloads); break;
	case RTE_PTYPE_L4_UDP: fill_udp(layer4, tx_offloads); break;
	case RTE_PTYPE_L4_SCTP: fill_sctp(layer4, tx_offloads); break;
	case RTE_PTYPE_L4_ICMP: fill_icmp(layer4); break;
	default: break; /* fragments, and what has no checksum that we know */
	}
}

static inline void fill_ipv4(
	struct rte_mbuf *packet, const struct header_bytes *headers, uint64_t tx_offloads)
{
	uint32_t header_bytes = layer4_ipv4_header_bytes(headers);
	uint8_t *field = headers->ip + offsetof(struct rte_ipv4_hdr, hdr_checksum);
	struct layer4 layer4;

	if (unlikely(header_bytes == 0))
		return;
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) {
		field16_set(field, 0);
		packet->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		packet->l3_len = header_bytes;
	} else {
		uint32_t sum = layer4_ipv4_header_sum(headers->ip, header_bytes);

		field16_set(field, checksum_finish(sum_without_field(sum, field)));
	}
	if (layer4_of_ipv4(packet, headers, header_bytes, &layer4))
		fill_layer4(&layer4, tx_offloads);
}

static inline void fill_packet(struct rte_mbuf *packet, uint64_t tx_offloads)
{
	uint32_t l2_bytes = packet->l2_len;
	const struct header_bytes headers = {
		.ip = rte_pktmbuf_mtod_offset(packet, uint8_t *, l2_bytes),
		.available = packet->data_len - l2_bytes,
		.present = packet->pkt_len - l2_bytes};
	struct layer4 layer4;

	if (unlikely(l2_bytes >= packet->data_len || super_packet_is(packet)))
		return;
	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type))
		fill_ipv4(packet, &headers, tx_offloads);
	else if (RTE_ETH_IS_IPV6_HDR(packet->packet_type) &&
		layer4_of_ipv6(packet, &headers, &layer4))
		fill_layer4(&layer4, tx_offloads);
}

void packet_checksum_fill(struct rte_mbuf *const packets[], unsigned count, uint64_t tx_offloads)
{
	for (unsigned i = 0; i < count; i++)
		fill_packet(packets[i], tx_offloads);
}
