/* SPDX-License-Identifier: BSD-3-Clause */
/* Super-packets that stay whole, and packets that become one. */
#include <netinet/in.h>

#include "packet/bytes.h"
#include "segmentation/gso_parts.h"

enum { UDP_CHECKSUM = 6, TCP_CHECKSUM = 16, GRE_CHECKSUM = 4, GRE_HAS_CHECKSUM = 0x80 };

static const uint64_t asked_flags = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG |
	RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 |
	RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_UDP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4 |
	RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TUNNEL_MASK;

static uint32_t pseudo_sum(const uint8_t *ip, bool ipv6, uint32_t l4_bytes)
{
	uint32_t sum = ipv6 ? checksum_pseudo_ipv6(ip, IPPROTO_UDP, 0)
			    : checksum_pseudo_ipv4(ip, IPPROTO_UDP, 0);

	return checksum_add(sum, rte_cpu_to_be_32(l4_bytes));
}

/* Of the payload, by what the note says if it does. */
static uint32_t payload_sum(const struct rte_mbuf *packet, const struct gso_layers *layers)
{
	uint32_t offset = layers->header_bytes, done = 0, sum = 0;
	bool sole;

	if (!gso_sums_noted(packet) ||
		!gso_is_chain_of_segments(packet, layers, packet->tso_segsz, 0, &sole))
		return gso_chain_sum(packet, offset, layers->payload_bytes);
	for (const struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		sum = checksum_append(sum, super_note(buffer)->payload_sum, done);
		done += buffer->data_len - offset;
		offset = 0;
	}
	return sum;
}

static void ipv4_finish(uint8_t *ip)
{
	store_16(ip + 10, 0);
	store_16(ip + 10, checksum_ipv4_header(ip, (ip[0] & 15) * 4u));
}

/* `l4_bytes`: header and payload. */
static void l4_finish(
	const struct gso_layers *layers, uint8_t *headers, uint32_t l4_bytes, uint32_t sum)
{
	bool tcp = layers->protocol == IPPROTO_TCP;
	uint8_t *l4 = headers + layers->l4_offset;
	uint32_t header_bytes = (uint32_t)layers->header_bytes - layers->l4_offset;

	sum = checksum_add(sum, gso_pseudo_sum(layers, headers));
	sum = checksum_add(sum, rte_cpu_to_be_32(l4_bytes));
	store_16(l4 + (tcp ? TCP_CHECKSUM : UDP_CHECKSUM), 0);
	sum = checksum_partial(l4, header_bytes, sum);
	if (tcp)
		store_16(l4 + TCP_CHECKSUM, checksum_finish(sum));
	else
		store_16(l4 + UDP_CHECKSUM, checksum_finish_udp(sum));
}

/* The checksum of a tunnel, if it has one. The packet in it is finished. */
static void tunnel_finish(const struct gso_layers *layers, uint8_t *headers, uint32_t sum)
{
	uint8_t *header = headers + layers->tunnel_offset, *field = NULL;
	uint32_t header_bytes = (uint32_t)layers->header_bytes - layers->tunnel_offset;

	if (layers->tunnel == GSO_TUNNEL_UDP && load_be16(header + UDP_CHECKSUM) != 0) {
		field = header + UDP_CHECKSUM;
		sum = checksum_add(sum,
			pseudo_sum(headers + layers->outer_offset, layers->outer_ipv6,
				header_bytes + layers->payload_bytes));
	} else if (layers->tunnel == GSO_TUNNEL_GRE && (header[0] & GRE_HAS_CHECKSUM) != 0) {
		field = header + GRE_CHECKSUM;
	}
	if (field != NULL) {
		store_16(field, 0);
		sum = checksum_partial(header, header_bytes, sum);
		store_16(field,
			layers->tunnel == GSO_TUNNEL_UDP ? checksum_finish_udp(sum)
							 : checksum_finish(sum));
	}
	if (layers->tunnel != GSO_TUNNEL_NONE && !layers->outer_ipv6)
		ipv4_finish(headers + layers->outer_offset);
}

static void headers_finish(
	const struct rte_mbuf *packet, const struct gso_layers *layers, uint8_t *headers)
{
	uint32_t l4_bytes = layers->header_bytes - layers->l4_offset + layers->payload_bytes, sum;

	sum = payload_sum(packet, layers);
	if (!layers->ipv6)
		ipv4_finish(headers + layers->ip_offset);
	if (gso_has_checksum(packet, layers, headers))
		l4_finish(layers, headers, l4_bytes, sum);
	tunnel_finish(layers, headers, sum);
}

/* Into the first `length` bytes of a packet, in as many buffers as they are in. */
static void write_back(struct rte_mbuf *buffer, const uint8_t *bytes, uint32_t length)
{
	uint32_t piece;

	for (; length > 0; buffer = buffer->next, bytes += piece, length -= piece) {
		piece = RTE_MIN((uint32_t)buffer->data_len, length);
		memcpy(rte_pktmbuf_mtod(buffer, uint8_t *), bytes, piece);
	}
}

void gso_finish_whole(struct rte_mbuf *packet)
{
	bool tcp = (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ||
		(packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;
	uint8_t scratch[PARSE_INNER_MAX_BYTES];
	struct gso_layers layers;
	const uint8_t *bytes;

	if ((super_packet_is(packet) || (packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0) &&
		gso_layers_find(
			packet, tcp ? IPPROTO_TCP : IPPROTO_UDP, scratch, &bytes, &layers) == 0) {
		if (bytes != scratch)
			memcpy(scratch, bytes, layers.header_bytes);
		headers_finish(packet, &layers, scratch);
		write_back(packet, scratch, layers.header_bytes);
	}
	packet->ol_flags &= ~(asked_flags | super_note_flag);
	packet->tso_segsz = 0;
}

/* Sums of pseudo headers, as super_packet.h has them. */
static void adopt_checksums(const struct gso_layers *layers, uint8_t *bytes)
{
	uint32_t l4_bytes = layers->header_bytes - layers->l4_offset + layers->payload_bytes;
	uint8_t *udp = bytes + layers->tunnel_offset;
	uint32_t sum = checksum_add(gso_pseudo_sum(layers, bytes), rte_cpu_to_be_32(l4_bytes));

	store_16(bytes + layers->l4_offset + TCP_CHECKSUM, checksum_fold(sum));
	if (layers->tunnel != GSO_TUNNEL_UDP || load_be16(udp + UDP_CHECKSUM) == 0)
		return;
	l4_bytes = layers->header_bytes - layers->tunnel_offset + layers->payload_bytes;
	sum = pseudo_sum(bytes + layers->outer_offset, layers->outer_ipv6, l4_bytes);
	store_16(udp + UDP_CHECKSUM, checksum_fold(sum));
}

bool gso_adopt(struct rte_mbuf *packet, uint32_t mtu)
{
	uint8_t scratch[PARSE_INNER_MAX_BYTES];
	struct gso_layers layers;
	const uint8_t *bytes;
	uint32_t above_bytes, segment_bytes;

	if (super_packet_is(packet) || !gso_is_sole(packet) ||
		gso_layers_find(packet, IPPROTO_TCP, scratch, &bytes, &layers) != 0 ||
		layers.routed || layers.header_bytes > packet->data_len)
		return false;
	above_bytes = (uint32_t)layers.header_bytes - layers.l2_bytes;
	if (above_bytes + layers.payload_bytes <= mtu || above_bytes >= mtu)
		return false;
	segment_bytes = RTE_MIN(mtu, (uint32_t)UINT16_MAX) - above_bytes;
	if (layers.payload_bytes > segment_bytes * UINT16_MAX)
		return false;
	adopt_checksums(&layers, rte_pktmbuf_mtod(packet, uint8_t *));
	packet->tso_segsz = (uint16_t)segment_bytes;
	packet->ol_flags = (packet->ol_flags & ~(asked_flags | super_note_flag)) |
		RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM |
		(layers.ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	if (super_note_offset < 0)
		return true;
	packet->ol_flags |= super_note_flag;
	*super_note(packet) = (struct super_note){
		.segments = (uint16_t)((layers.payload_bytes + segment_bytes - 1) / segment_bytes)};
	return true;
}
