/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * csum: makes the checksums of IPv4, TCP, UDP and SCTP right, in software or, where the sending
 * port does it, by asking for it in the mbuf. The Ethernet addresses are set as by the mac stage.
 *
 * A checksum is written only when all it covers is there: not for fragments (IPv4's header apart),
 * not for snapped packets, and not where UDP says that it has none.
 */
#include <errno.h>
#include <netinet/in.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "engine/stages/crc32c.h"
#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"
#include "packet/bytes.h"
#include "packet/checksum.h"

struct csum_state {
	struct ethernet_addresses addresses;
	bool hardware_ipv4, hardware_tcp, hardware_udp, hardware_sctp;
};

/* What a layer 4 checksum covers. */
struct layer4 {
	struct rte_mbuf *packet;
	uint8_t *header; /* in the first segment */
	uint32_t offset; /* of the header in the packet */
	uint32_t bytes; /* header and payload, without Ethernet's padding */
	const uint8_t *ip;
	uint64_t ip_flag; /* RTE_MBUF_F_TX_IPV4 or _IPV6 */
};

static int csum_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct csum_state *state = stage_state(stage, sizeof(*state), numa_node, error);

	if (state == NULL)
		return -ENOMEM;
	ethernet_addresses_init(&state->addresses, stage, config);
	state->hardware_ipv4 = stage->tx_offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	state->hardware_tcp = stage->tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	state->hardware_udp = stage->tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	state->hardware_sctp = stage->tx_offloads & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM;
	return 0;
}

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

/* Sum of `bytes` bytes from `offset` on, over as many segments as they take. */
static uint32_t segments_sum(const struct rte_mbuf *segment, uint32_t offset, uint32_t bytes)
{
	uint32_t sum = 0, done = 0;

	for (; done < bytes && segment != NULL; segment = segment->next, offset = 0) {
		uint32_t part = RTE_MIN((uint32_t)segment->data_len - offset, bytes - done);
		const uint8_t *data = rte_pktmbuf_mtod_offset(segment, const uint8_t *, offset);

		sum = checksum_append(sum, checksum_partial(data, part, 0), done);
		done += part;
	}
	return sum;
}

static inline uint32_t layer4_sum(const struct layer4 *layer4, uint32_t pseudo)
{
	if (likely(layer4->offset + layer4->bytes <= layer4->packet->data_len))
		return checksum_partial(layer4->header, layer4->bytes, pseudo);
	return checksum_add(pseudo, segments_sum(layer4->packet, layer4->offset, layer4->bytes));
}

static inline uint32_t layer4_pseudo(const struct layer4 *layer4, uint8_t protocol)
{
	if (layer4->ip_flag == RTE_MBUF_F_TX_IPV4)
		return checksum_pseudo_ipv4(layer4->ip, protocol, layer4->bytes);
	return checksum_pseudo_ipv6(layer4->ip, protocol, layer4->bytes);
}

/* Asks the port for a checksum. What stands in the field meanwhile depends on the protocol. */
static inline void layer4_offload(const struct layer4 *layer4, uint64_t flag)
{
	uint64_t others = layer4->packet->ol_flags & ~RTE_MBUF_F_TX_L4_MASK;

	layer4->packet->ol_flags = others | layer4->ip_flag | flag;
	layer4->packet->l3_len = layer4->offset - layer4->packet->l2_len;
}

static inline bool layer4_holds(const struct layer4 *layer4, uint32_t header_bytes)
{
	return layer4->bytes >= header_bytes &&
		layer4->offset + header_bytes <= layer4->packet->data_len;
}

static inline void csum_tcp(const struct csum_state *state, const struct layer4 *layer4)
{
	uint8_t *field = layer4->header + offsetof(struct rte_tcp_hdr, cksum);
	uint32_t pseudo;

	if (unlikely(!layer4_holds(layer4, sizeof(struct rte_tcp_hdr))))
		return;
	pseudo = layer4_pseudo(layer4, IPPROTO_TCP);
	if (state->hardware_tcp) {
		field16_set(field, checksum_fold(pseudo));
		layer4_offload(layer4, RTE_MBUF_F_TX_TCP_CKSUM);
		return;
	}
	field16_set(field, checksum_finish(sum_without_field(layer4_sum(layer4, pseudo), field)));
}

static inline void csum_udp(const struct csum_state *state, struct layer4 *layer4)
{
	uint8_t *field = layer4->header + offsetof(struct rte_udp_hdr, dgram_cksum);
	uint16_t length;
	uint32_t pseudo;

	if (unlikely(!layer4_holds(layer4, sizeof(struct rte_udp_hdr))) || load_be16(field) == 0)
		return;
	/* UDP has its own length, and IP may carry more than it says (RFC 9868); 0 in a jumbogram.
	 */
	length = load_be16(layer4->header + offsetof(struct rte_udp_hdr, dgram_len));
	if (unlikely(length != 0 && length < sizeof(struct rte_udp_hdr)))
		return;
	if (unlikely(length > layer4->bytes))
		return;
	if (length != 0)
		layer4->bytes = length;
	pseudo = layer4_pseudo(layer4, IPPROTO_UDP);
	if (state->hardware_udp) {
		field16_set(field, checksum_fold(pseudo));
		layer4_offload(layer4, RTE_MBUF_F_TX_UDP_CKSUM);
		return;
	}
	field16_set(
		field, checksum_finish_udp(sum_without_field(layer4_sum(layer4, pseudo), field)));
}

static void csum_sctp(const struct csum_state *state, const struct layer4 *layer4)
{
	uint8_t *field = layer4->header + offsetof(struct rte_sctp_hdr, cksum);
	const struct rte_mbuf *segment = layer4->packet;
	uint32_t crc = CRC32C_START, offset = layer4->offset, done = 0;

	if (!layer4_holds(layer4, sizeof(struct rte_sctp_hdr)))
		return;
	memset(field, 0, sizeof(crc));
	if (state->hardware_sctp) {
		layer4_offload(layer4, RTE_MBUF_F_TX_SCTP_CKSUM);
		return;
	}
	for (; done < layer4->bytes && segment != NULL; segment = segment->next, offset = 0) {
		uint32_t part = RTE_MIN((uint32_t)segment->data_len - offset, layer4->bytes - done);

		crc = crc32c_partial(
			rte_pktmbuf_mtod_offset(segment, const uint8_t *, offset), part, crc);
		done += part;
	}
	crc = ~crc;
	memcpy(field, &crc, sizeof(crc));
}

static inline void csum_layer4(const struct csum_state *state, struct layer4 *layer4)
{
	switch (layer4->packet->packet_type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP: csum_tcp(state, layer4); break;
	case RTE_PTYPE_L4_UDP: csum_udp(state, layer4); break;
	case RTE_PTYPE_L4_SCTP: csum_sctp(state, layer4); break;
	default: break; /* fragments, and what has no checksum that depends on IP */
	}
}

/* `present`: bytes of the packet from the IP header on; `available`: those of the first segment. */
static inline void csum_ipv4(const struct csum_state *state, struct rte_mbuf *packet, uint8_t *ip,
	uint32_t present, uint32_t available)
{
	uint32_t header_bytes = (ip[0] & 0xfu) * 4;
	uint8_t *field = ip + offsetof(struct rte_ipv4_hdr, hdr_checksum);
	uint32_t total;

	if (unlikely(available < sizeof(struct rte_ipv4_hdr) ||
		    header_bytes < sizeof(struct rte_ipv4_hdr) || header_bytes > available))
		return;
	if (state->hardware_ipv4) {
		field16_set(field, 0);
		packet->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		packet->l3_len = header_bytes;
	} else {
		uint32_t sum = checksum_ipv4_fixed(ip);

		if (unlikely(header_bytes > sizeof(struct rte_ipv4_hdr)))
			sum = checksum_partial(ip + sizeof(struct rte_ipv4_hdr),
				header_bytes - sizeof(struct rte_ipv4_hdr), sum);
		field16_set(field, checksum_finish(sum_without_field(sum, field)));
	}
	/* A super-packet captured before it was cut may say 0: all there is. More than 65535 bytes
	 * have no checksum, as IPv4's pseudo header cannot say so many. */
	total = load_be16(ip + offsetof(struct rte_ipv4_hdr, total_length));
	if (total == 0)
		total = present;
	if (unlikely(total > present || total <= header_bytes || total > UINT16_MAX))
		return;
	struct layer4 layer4 = {.packet = packet,
		.header = ip + header_bytes,
		.offset = packet->l2_len + header_bytes,
		.bytes = total - header_bytes,
		.ip = ip,
		.ip_flag = RTE_MBUF_F_TX_IPV4};

	csum_layer4(state, &layer4);
}

/* With segments left, the pseudo header's destination is not the header's (RFC 8200, 8.1). */
static bool ipv6_is_source_routed(const uint8_t *ip, uint32_t headers_bytes)
{
	uint8_t protocol = ip[offsetof(struct rte_ipv6_hdr, proto)];
	uint32_t offset = sizeof(struct rte_ipv6_hdr);

	while (offset + 8 <= headers_bytes) {
		if (protocol == IPPROTO_ROUTING && ip[offset + 3] != 0)
			return true;
		uint32_t offset_next = offset +
			(protocol == IPPROTO_AH ? (ip[offset + 1] + 2u) * 4
						: (ip[offset + 1] + 1u) * 8);
		protocol = ip[offset];
		offset = offset_next;
	}
	return false;
}

static inline void csum_ipv6(const struct csum_state *state, struct rte_mbuf *packet, uint8_t *ip,
	uint32_t present, uint32_t available)
{
	uint32_t headers_bytes = packet->l3_len;
	uint32_t total;

	if (unlikely(headers_bytes < sizeof(struct rte_ipv6_hdr) || headers_bytes > available))
		return;
	if (unlikely(headers_bytes > sizeof(struct rte_ipv6_hdr) &&
		    ipv6_is_source_routed(ip, headers_bytes)))
		return;
	total = load_be16(ip + offsetof(struct rte_ipv6_hdr, payload_len));
	total = total == 0 ? present : total + (uint32_t)sizeof(struct rte_ipv6_hdr);
	if (unlikely(total > present || total <= headers_bytes))
		return;
	struct layer4 layer4 = {.packet = packet,
		.header = ip + headers_bytes,
		.offset = packet->l2_len + headers_bytes,
		.bytes = total - headers_bytes,
		.ip = ip,
		.ip_flag = RTE_MBUF_F_TX_IPV6};

	csum_layer4(state, &layer4);
}

static void csum_process(struct stage *stage, struct burst *burst)
{
	const struct csum_state state = *(const struct csum_state *)stage->state;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];
		uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);
		uint32_t l2_bytes = packet->l2_len;

		burst_prefetch(burst, i);
		if (unlikely(packet->data_len < sizeof(struct rte_ether_hdr)))
			continue;
		ethernet_write(frame, &state.addresses);
		if (unlikely(l2_bytes >= packet->data_len))
			continue;
		if (RTE_ETH_IS_IPV4_HDR(packet->packet_type))
			csum_ipv4(&state, packet, frame + l2_bytes, packet->pkt_len - l2_bytes,
				packet->data_len - l2_bytes);
		else if (RTE_ETH_IS_IPV6_HDR(packet->packet_type))
			csum_ipv6(&state, packet, frame + l2_bytes, packet->pkt_len - l2_bytes,
				packet->data_len - l2_bytes);
	}
}

const struct stage_ops csum_stage = {
	.name = "csum",
	.help = "make IPv4, TCP, UDP and SCTP checksums right; set Ethernet addresses as mac does",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = csum_create,
	.process = csum_process,
	.destroy = stage_state_free,
};
