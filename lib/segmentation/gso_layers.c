/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the headers of a super-packet are, and whether they agree with it. */
#include <errno.h>
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"
#include "segmentation/gso_parts.h"

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, JUMBO_BYTES = 8, UDP_BYTES = 8 };
enum { GRE_CHECKSUM = 0x8000, GRE_SEQUENCE = 0x1000 };

/* The hop-by-hop header that Linux puts in front of packets longer than 65535 bytes. */
static bool is_jumbo_header(const uint8_t *header)
{
	return header[1] == 0 && load_be16(header + 2) == 0xc204;
}

/* Of the IP packet of which `room` bytes are there; 0: it says other things. The headers that
 * parse.h found are readable. */
static uint32_t ip_packet_bytes(
	const uint8_t *ip, const struct headers *found, uint32_t room, bool *ret_jumbo)
{
	bool ipv6 = found->ether_type == RTE_ETHER_TYPE_IPV6;
	uint32_t bytes = load_be16(ip + (ipv6 ? 4 : 2));

	*ret_jumbo = false;
	if (!ipv6)
		return bytes == 0 ? room : bytes <= room ? bytes : 0;
	if (bytes != 0)
		return bytes + IPV6_BYTES <= room ? bytes + IPV6_BYTES : 0;
	if (ip[6] != IPPROTO_HOPOPTS)
		return room;
	if (!is_jumbo_header(ip + IPV6_BYTES))
		return 0;
	*ret_jumbo = true;
	bytes = load_be32(ip + IPV6_BYTES + 4);
	return bytes <= room - IPV6_BYTES ? bytes + IPV6_BYTES : 0;
}

/* IPv6: whether a routing header still has segments left. */
static bool is_routed(const uint8_t *ip, uint32_t header_bytes)
{
	uint32_t offset = IPV6_BYTES;
	uint8_t protocol = ip[6];

	while (offset + 8 <= header_bytes) {
		if (protocol == IPPROTO_ROUTING && ip[offset + 3] != 0)
			return true;
		protocol = ip[offset];
		offset += (ip[offset + 1] + 1u) * 8;
	}
	return false;
}

/* PPPoE has a length of its own, and AH's sum covers what a cut changes. */
static bool can_be_cut(const struct headers *found)
{
	return !found->fragment && !found->authenticated &&
		(found->packet_type & RTE_PTYPE_L2_MASK) != RTE_PTYPE_L2_ETHER_PPPOE;
}

/* The layer that is cut, in a packet whose IP packet starts at `start` + l3_offset. */
static int find_l4(const uint8_t *bytes, uint32_t packet_bytes, uint32_t start,
	const struct headers *found, uint8_t protocol, struct gso_layers *layers)
{
	uint32_t ip_offset = start + found->l3_offset, ip_bytes, header_bytes;
	const uint8_t *ip = bytes + ip_offset;

	if (found->l4_offset == 0 || found->ip_protocol != protocol || !can_be_cut(found))
		return -EINVAL;
	ip_bytes = ip_packet_bytes(ip, found, packet_bytes - ip_offset, &layers->jumbo);
	header_bytes = start + found->l4_offset + found->l4_length;
	if (ip_bytes < header_bytes - ip_offset)
		return -EINVAL;
	layers->protocol = protocol;
	layers->ipv6 = found->ether_type == RTE_ETHER_TYPE_IPV6;
	layers->routed =
		layers->ipv6 ? is_routed(ip, found->l3_length) : found->l3_length > IPV4_BYTES;
	layers->ip_offset = (uint16_t)ip_offset;
	layers->l4_offset = (uint16_t)(start + found->l4_offset);
	layers->header_bytes = (uint16_t)header_bytes;
	layers->payload_bytes = ip_bytes - (header_bytes - ip_offset);
	return 0;
}

/* What kind it is; NONE: not one that can be cut. */
static enum gso_tunnel tunnel_of(const uint8_t *bytes, const struct headers *outer)
{
	switch (outer->packet_type & RTE_PTYPE_TUNNEL_MASK) {
	case RTE_PTYPE_TUNNEL_VXLAN:
	case RTE_PTYPE_TUNNEL_VXLAN_GPE:
	case RTE_PTYPE_TUNNEL_GENEVE: return GSO_TUNNEL_UDP;
	case RTE_PTYPE_TUNNEL_GRE:
	case RTE_PTYPE_TUNNEL_NVGRE:
		/* Its sequence number would count packets. */
		return load_be16(bytes + outer->l3_offset + outer->l3_length) & GRE_SEQUENCE
			? GSO_TUNNEL_NONE
			: GSO_TUNNEL_GRE;
	case RTE_PTYPE_TUNNEL_IP: return GSO_TUNNEL_IP;
	default: return GSO_TUNNEL_NONE;
	}
}

/* A tunnel, if the packet in it ends where the outer one does: of datagrams that were merged as
 * they are, whatever is in them, the first one's inner length contradicts the whole. */
static int find_tunneled(const uint8_t *bytes, uint32_t length, uint32_t packet_bytes,
	const struct headers *outer, uint8_t protocol, struct gso_layers *layers)
{
	const uint8_t *ip = bytes + outer->l3_offset;
	struct headers inner;
	uint32_t start, end;
	bool jumbo;

	layers->tunnel = tunnel_of(bytes, outer);
	if (layers->tunnel == GSO_TUNNEL_NONE || !can_be_cut(outer))
		return -EINVAL;
	start = parse_inner(bytes, length, outer, &inner);
	end = ip_packet_bytes(ip, outer, packet_bytes - outer->l3_offset, &jumbo);
	if (start == 0 || end == 0 || jumbo)
		return -EINVAL;
	end += outer->l3_offset;
	if (find_l4(bytes, end, start, &inner, protocol, layers) != 0 || layers->jumbo ||
		layers->header_bytes + layers->payload_bytes != end)
		return -EINVAL;
	layers->outer_ipv6 = outer->ether_type == RTE_ETHER_TYPE_IPV6;
	layers->outer_offset = outer->l3_offset;
	layers->tunnel_offset = (uint16_t)(outer->l3_offset + outer->l3_length);
	return 0;
}

/* A payload length of 0 without a jumbo option is no payload to parse.h, but all there is for us.
 */
static void parse_long_ipv6(const uint8_t *bytes, uint32_t length, struct headers *found)
{
	uint8_t copy[PARSE_MAX_BYTES];
	uint32_t ip_offset = found->l3_offset;

	if (found->ether_type != RTE_ETHER_TYPE_IPV6 || found->l3_length == 0 ||
		found->l4_offset != 0 || load_be16(bytes + ip_offset + 4) != 0)
		return;
	length = RTE_MIN(length, (uint32_t)PARSE_MAX_BYTES);
	memcpy(copy, bytes, length);
	store_16(copy + ip_offset + 4, UINT16_MAX);
	parse_headers(copy, length, found);
}

static int find(const uint8_t *bytes, uint32_t length, uint32_t packet_bytes, uint8_t protocol,
	struct gso_layers *layers)
{
	struct headers outer;

	memset(layers, 0, sizeof(*layers));
	parse_headers(bytes, length, &outer);
	parse_long_ipv6(bytes, length, &outer);
	layers->packet_type = outer.packet_type;
	layers->l2_bytes = outer.l3_offset;
	layers->l3_bytes = outer.l3_length;
	layers->l4_bytes = outer.l4_length;
	if (outer.l3_length == 0)
		return -EINVAL;
	if ((outer.packet_type & RTE_PTYPE_TUNNEL_MASK) != 0 &&
		find_tunneled(bytes, length, packet_bytes, &outer, protocol, layers) == 0)
		return 0;
	layers->tunnel = GSO_TUNNEL_NONE;
	return find_l4(bytes, packet_bytes, 0, &outer, protocol, layers);
}

/* Nothing of DPDK looks whether the buffers hold as much as the first one says. */
static bool is_chain_whole(const struct rte_mbuf *packet)
{
	uint64_t bytes = 0;

	for (const struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next)
		bytes += buffer->data_len;
	return bytes == packet->pkt_len;
}

int gso_layers_find(const struct rte_mbuf *packet, uint8_t protocol,
	uint8_t scratch[PARSE_INNER_MAX_BYTES], const uint8_t **ret_bytes,
	struct gso_layers *ret_layers)
{
	uint32_t length = RTE_MIN(packet->data_len, (uint32_t)PARSE_INNER_MAX_BYTES);
	int result;

	if (!is_chain_whole(packet))
		return -EINVAL;
	*ret_bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	result = find(*ret_bytes, length, packet->pkt_len, protocol, ret_layers);
	if (packet->next == NULL || length == PARSE_INNER_MAX_BYTES)
		return result;
	/* What is in a tunnel may lie in the next buffer. */
	if (result == 0 &&
		(ret_layers->tunnel != GSO_TUNNEL_NONE ||
			(ret_layers->packet_type & RTE_PTYPE_TUNNEL_MASK) == 0))
		return 0;
	length = RTE_MIN(packet->pkt_len, (uint32_t)PARSE_INNER_MAX_BYTES);
	*ret_bytes = rte_pktmbuf_read(packet, 0, length, scratch);
	return *ret_bytes == NULL ? -EINVAL
				  : find(*ret_bytes, length, packet->pkt_len, protocol, ret_layers);
}

/* Where the packet is routed by its source, the sum is of its last destination: the one that is in
 * the field already. With options, IPv4 may be. */
uint32_t gso_pseudo_sum(const struct gso_layers *layers, const uint8_t *bytes)
{
	const uint8_t *ip = bytes + layers->ip_offset;
	uint32_t l4_bytes = layers->header_bytes - layers->l4_offset + layers->payload_bytes;
	uint16_t field;

	if (layers->routed) {
		memcpy(&field,
			bytes + layers->l4_offset + (layers->protocol == IPPROTO_TCP ? 16 : 6),
			sizeof(field));
		return checksum_add(field, ~rte_cpu_to_be_32(l4_bytes));
	}
	return layers->ipv6 ? checksum_pseudo_ipv6(ip, layers->protocol, 0)
			    : checksum_pseudo_ipv4(ip, layers->protocol, 0);
}

uint32_t gso_chain_sum(const struct rte_mbuf *buffer, uint32_t offset, uint32_t bytes)
{
	uint32_t sum = 0, done = 0, piece;

	while (done < bytes) {
		piece = 0;
		if (offset < buffer->data_len) {
			piece = RTE_MIN(buffer->data_len - offset, bytes - done);
			sum = checksum_append(sum,
				checksum_partial(
					rte_pktmbuf_mtod_offset(buffer, const uint8_t *, offset),
					piece, 0),
				done);
		}
		done += piece;
		offset = offset + piece - buffer->data_len;
		buffer = buffer->next;
	}
	return sum;
}

bool gso_has_checksum(
	const struct rte_mbuf *packet, const struct gso_layers *layers, const uint8_t *bytes)
{
	uint16_t field;

	memcpy(&field, bytes + layers->l4_offset + 6, sizeof(field));
	return layers->protocol == IPPROTO_TCP || field != 0 ||
		(packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM;
}

bool gso_is_sole(const struct rte_mbuf *buffer)
{
	if (rte_mbuf_refcnt_read(buffer) != 1 || RTE_MBUF_CLONED(buffer))
		return false;
	return !RTE_MBUF_HAS_EXTBUF(buffer) || rte_mbuf_ext_refcnt_read(buffer->shinfo) == 1;
}

bool gso_is_chain_of_segments(const struct rte_mbuf *packet, const struct gso_layers *layers,
	uint32_t segment_bytes, uint32_t headroom_bytes, bool *ret_sole)
{
	uint32_t offset = layers->header_bytes, left = layers->payload_bytes, bytes;

	*ret_sole = true;
	for (const struct rte_mbuf *buffer = packet; buffer != NULL; buffer = buffer->next) {
		bytes = RTE_MIN(left, segment_bytes);
		if (buffer->data_len != offset + bytes || (bytes == 0 && buffer != packet))
			return false;
		*ret_sole &= gso_is_sole(buffer) && buffer->data_off + offset >= headroom_bytes;
		left -= bytes;
		offset = 0;
	}
	return left == 0;
}
