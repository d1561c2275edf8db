/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/vnet_header.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet/checksum.h"
#include "packet/parse.h"
#include "packet/parse_inner.h"
#include "segmentation/super_packet.h"

enum {
	TCP_CHECKSUM_AT = offsetof(struct rte_tcp_hdr, cksum),
	UDP_CHECKSUM_AT = offsetof(struct rte_udp_hdr, dgram_cksum),
	TCP_FLAGS_AT = offsetof(struct rte_tcp_hdr, tcp_flags),
	UDP_HEADER_BYTES = sizeof(struct rte_udp_hdr),
	FRAGMENT_UNIT_BYTES = 8,
	GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4 of Linux 6.2's header */
};

/* Where a super-packet's segments are described: the innermost headers. */
struct transport {
	uint32_t offset; /* of layer 4 in the frame */
	uint32_t header_bytes; /* of layer 4 */
	bool tcp, ipv6;
};

/* ---- from the kernel ---- */

/* The sum of all bytes from `offset` to the end. */
static uint32_t sum_from(const struct rte_mbuf *packet, uint32_t offset)
{
	uint32_t sum = 0, done = 0;

	for (const struct rte_mbuf *m = packet; m != NULL; m = m->next) {
		if (offset >= m->data_len) {
			offset -= m->data_len;
			continue;
		}
		sum = checksum_append(sum,
			checksum_partial(rte_pktmbuf_mtod_offset(m, const void *, offset),
				m->data_len - offset, 0),
			done);
		done += m->data_len - offset;
		offset = 0;
	}
	return sum;
}

/* Writes a byte pair that may lie in two buffers. */
static void store_pair(struct rte_mbuf *packet, uint32_t offset, uint16_t value)
{
	uint8_t bytes[sizeof(value)];

	memcpy(bytes, &value, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		struct rte_mbuf *m = packet;
		uint32_t at = offset + i;

		for (; at >= m->data_len; m = m->next)
			at -= m->data_len;
		*rte_pktmbuf_mtod_offset(m, uint8_t *, at) = bytes[i];
	}
}

/* The field holds the pseudo header's sum, so that what it has to hold is what all of it sums to.
 * Only UDP may not say 0. */
static bool finish_checksum(struct rte_mbuf *packet, uint32_t start, uint32_t field)
{
	uint32_t sum;

	if (start + field + sizeof(uint16_t) > packet->pkt_len)
		return false;
	sum = sum_from(packet, start);
	store_pair(packet, start + field,
		field == UDP_CHECKSUM_AT ? checksum_finish_udp(sum) : checksum_finish(sum));
	packet->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return true;
}

static struct transport transport_of(const struct headers *headers, uint32_t start)
{
	return (struct transport){
		.offset = headers->l4_offset != 0 ? start + headers->l4_offset : 0,
		.header_bytes = headers->l4_length,
		.tcp = (headers->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP,
		.ipv6 = headers->ether_type == RTE_ETHER_TYPE_IPV6,
	};
}

/* Finds the headers, those inside of a tunnel if it is them whose checksum is left open. */
static struct transport parse(struct rte_mbuf *packet, uint32_t csum_start)
{
	uint8_t buffer[PARSE_INNER_MAX_BYTES];
	uint32_t length = RTE_MIN(packet->pkt_len, (uint32_t)PARSE_INNER_MAX_BYTES), inside;
	const uint8_t *bytes = rte_pktmbuf_read(packet, 0, length, buffer);
	struct headers outer, inner;

	parse_headers(bytes, length, &outer);
	packet->packet_type = outer.packet_type;
	packet->l2_len = outer.l3_offset;
	packet->l3_len = outer.l3_length;
	packet->l4_len = outer.l4_length;
	if (csum_start == outer.l4_offset || !(outer.packet_type & RTE_PTYPE_TUNNEL_MASK))
		return transport_of(&outer, 0);
	inside = parse_inner(bytes, length, &outer, &inner);
	return inside != 0 ? transport_of(&inner, inside) : (struct transport){0};
}

static bool is_of_kind(const struct transport *transport, uint8_t gso_type)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4: return transport->tcp && !transport->ipv6;
	case VIRTIO_NET_HDR_GSO_TCPV6: return transport->tcp && transport->ipv6;
	case VIRTIO_NET_HDR_GSO_UDP:
	case GSO_UDP_L4: return !transport->tcp && transport->header_bytes == UDP_HEADER_BYTES;
	default: return false;
	}
}

static uint64_t marks_of(const struct transport *transport)
{
	return (transport->tcp ? RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
			       : RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM) |
		(transport->ipv6 ? RTE_MBUF_F_TX_IPV6
				 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM) |
		RTE_MBUF_F_RX_L4_CKSUM_GOOD | super_note_flag;
}

static bool read_super(struct rte_mbuf *packet, const struct virtio_net_hdr *header, uint32_t shift)
{
	const uint8_t gso_type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	const bool ufo = gso_type == VIRTIO_NET_HDR_GSO_UDP;
	const uint32_t csum_start = header->csum_start + shift;
	const uint32_t field = header->csum_offset;
	struct transport transport = parse(packet, csum_start);
	uint32_t payload, segments;

	if (header->gso_size == 0 || transport.offset == 0 || csum_start != transport.offset ||
		!is_of_kind(&transport, gso_type) ||
		field != (transport.tcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT) ||
		transport.offset + transport.header_bytes > packet->pkt_len)
		return false;
	payload = packet->pkt_len - transport.offset - (ufo ? 0 : transport.header_bytes);
	segments = (payload + header->gso_size - 1) / header->gso_size;
	if (segments <= 1)
		return finish_checksum(packet, csum_start, field);
	if (segments > UINT16_MAX)
		return false;
	packet->ol_flags |= marks_of(&transport);
	packet->tso_segsz = ufo ? 0 : header->gso_size;
	*super_note(packet) = (struct super_note){.segments = (uint16_t)segments};
	return true;
}

bool vnet_header_read(struct rte_mbuf *packet, const struct virtio_net_hdr *header, uint32_t shift)
{
	if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		packet->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		/* Without a partial checksum, that of the whole says nothing of its segments. */
		if ((header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
			read_super(packet, header, shift))
			return true;
		packet->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		return false;
	}
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return finish_checksum(packet, header->csum_start + shift, header->csum_offset);
	return true;
}

/* ---- to the kernel ---- */

static uint8_t tcp_flags(const struct rte_mbuf *packet, uint32_t offset)
{
	uint8_t buffer;
	const uint8_t *flags = rte_pktmbuf_read(packet, offset + TCP_FLAGS_AT, 1, &buffer);

	return flags != NULL ? *flags : 0;
}

bool vnet_header_write(
	const struct rte_mbuf *packet, uint32_t mtu, struct virtio_net_hdr *ret_header)
{
	const uint32_t l4 = packet->l2_len + packet->l3_len;
	const bool tcp = (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
	const bool ipv6 = (packet->ol_flags & RTE_MBUF_F_TX_IPV6) != 0;
	struct virtio_net_hdr header = {0};

	if (likely(!super_packet_is(packet))) {
		*ret_header = header;
		return true;
	}
	if ((packet->packet_type & RTE_PTYPE_TUNNEL_MASK) != 0 || packet->l3_len == 0 ||
		packet->l4_len == 0 || l4 + packet->l4_len > packet->pkt_len)
		return false;
	header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header.hdr_len = (uint16_t)(l4 + packet->l4_len);
	header.csum_start = (uint16_t)l4;
	header.csum_offset = tcp ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
	header.gso_size = packet->tso_segsz;
	if (tcp) {
		header.gso_type = ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		if (tcp_flags(packet, l4) & RTE_TCP_CWR_FLAG)
			header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	} else if (packet->tso_segsz > 0) {
		header.gso_type = GSO_UDP_L4;
	} else {
		header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
		header.gso_size = (uint16_t)((mtu - packet->l3_len) / FRAGMENT_UNIT_BYTES *
			FRAGMENT_UNIT_BYTES);
	}
	if (header.gso_size == 0)
		return false;
	*ret_header = header;
	return true;
}
