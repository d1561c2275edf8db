/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro_describe.h"

#include <rte_ether.h>

#include "packet/parse.h"
#include "packet/parse_inner.h"
#include "segmentation/super_packet.h"

enum { VXLAN_BYTES = 8, GRE_BYTES = 4, GRE_KEY_BYTES = 4, GRE_HAS_KEY = 0x2000 };

/* A packet with its headers in one piece. */
struct view {
	const struct rte_mbuf *packet;
	const uint8_t *bytes;
	uint32_t length; /* readable; candidates have to have all there */
	struct headers outer, inner;
	uint32_t start; /* of what is in the tunnel; 0: none */
	union gro_layout layout; /* as far as it is known */
};

static const uint8_t *first_bytes(
	const struct rte_mbuf *packet, uint8_t buffer[PARSE_INNER_MAX_BYTES], uint32_t *ret_length)
{
	*ret_length = packet->data_len;
	if (packet->nb_segs == 1 || packet->data_len >= PARSE_INNER_MAX_BYTES)
		return rte_pktmbuf_mtod(packet, const uint8_t *);
	*ret_length = RTE_MIN(packet->pkt_len, (uint32_t)PARSE_INNER_MAX_BYTES);
	return rte_pktmbuf_read(packet, 0, *ret_length, buffer);
}

static bool l2_is_plain(uint32_t packet_type)
{
	switch (packet_type & RTE_PTYPE_L2_MASK) {
	case RTE_PTYPE_L2_ETHER:
	case RTE_PTYPE_L2_ETHER_VLAN:
	case RTE_PTYPE_L2_ETHER_QINQ: return true;
	default: return false;
	}
}

static bool is_ipv6(const struct headers *headers)
{
	return headers->ether_type == RTE_ETHER_TYPE_IPV6;
}

/* What Linux looks through. A routing header with segments left would need another destination in
 * the pseudo header; AH covers what merging changes. */
static bool extensions_are_plain(const uint8_t *ip, const struct headers *headers)
{
	uint32_t offset = GRO_IPV6_BYTES;
	uint8_t protocol = ip[6];

	while (offset < headers->l3_length) {
		const uint8_t *extension = ip + offset;

		if (protocol != IPPROTO_HOPOPTS && protocol != IPPROTO_DSTOPTS &&
			!(protocol == IPPROTO_ROUTING && extension[3] == 0))
			return false;
		protocol = extension[0];
		offset += (extension[1] + 1u) * 8;
	}
	return true;
}

/* IP headers of either version, at `ip`, that may be merged, `room` bytes before the frame ends. */
static bool ip_is_plain(const uint8_t *ip, const struct headers *headers, uint32_t room)
{
	const bool ipv6 = is_ipv6(headers);

	if (headers->fragment || !gro_ip_fixed_part_keeps_rules(ip, ipv6) ||
		!gro_ip_masked_part_keeps_rules(ip, ipv6, room))
		return false;
	return !ipv6 || extensions_are_plain(ip, headers);
}

static bool has_ports(const struct headers *headers)
{
	const uint32_t l4 = headers->packet_type & RTE_PTYPE_L4_MASK;

	return headers->l4_offset != 0 &&
		(l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP || l4 == RTE_PTYPE_L4_SCTP);
}

/* Of two layers, `bytes` being where the Ethernet or IP header starts. */
static uint32_t hash_headers(uint32_t hash, const uint8_t *bytes, const struct headers *headers)
{
	hash = gro_hash_addresses(hash, bytes + headers->l3_offset, is_ipv6(headers));
	if (headers->l4_offset != 0)
		hash = gro_hash_ports(hash, bytes + headers->l4_offset, headers->ip_protocol);
	if (headers->l3_offset >= GRO_ETHER_BYTES)
		hash = gro_hash_ethernet(hash, bytes, headers->l3_offset);
	return hash;
}

/* Tags that the device took out of the frame belong to its Ethernet header. */
static uint32_t hash_outer(const struct view *view)
{
	const struct rte_mbuf *packet = view->packet;
	const uint32_t hash = hash_headers(packet->port, view->bytes, &view->outer);

	return gro_has_tags(packet) ? gro_hash_mix(hash, ~(uint64_t)gro_tags(packet)) : hash;
}

/* The innermost headers, `offset` from the start of the frame: whether they keep the rules. */
static bool describe_l4(const struct gro_rulebook *rules, struct view *view,
	const struct headers *headers, uint32_t offset)
{
	const bool tcp = (headers->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP;
	const uint32_t l4 = offset + headers->l4_offset, header_bytes = l4 + headers->l4_length;
	const uint32_t ip = offset + headers->l3_offset;

	if (view->packet->nb_segs != 1 || header_bytes > GRO_HEADER_MAX ||
		(headers->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_SCTP)
		return false;
	if (!(tcp ? rules->tcp : rules->udp) || view->length <= header_bytes)
		return false;
	view->layout.header_bytes = (uint8_t)header_bytes;
	view->layout.ip = (uint8_t)ip;
	view->layout.l4 = (uint8_t)l4;
	view->layout.kind = (uint8_t)(view->layout.kind | (is_ipv6(headers) ? GRO_KIND_IPV6 : 0) |
		(tcp ? GRO_KIND_TCP : 0));
	return ip_is_plain(view->bytes + ip, headers, view->length - ip) &&
		(!tcp || gro_tcp_fixed_part_keeps_rules(view->bytes + l4)) &&
		gro_l4_masked_part_keeps_rules(view->bytes + l4, tcp, view->length - l4);
}

/* The tunnel's own header: what of it tells tunnels apart, and whether merging may hide it in one.
 * A GRE checksum covers the payload, and a sequence number each packet. */
static bool tunnel_key(const struct view *view, uint32_t *ret_key)
{
	const struct headers *outer = &view->outer;
	const uint8_t *gre = view->bytes + outer->l3_offset + outer->l3_length;

	*ret_key = 0;
	switch (outer->packet_type & RTE_PTYPE_TUNNEL_MASK) {
	case RTE_PTYPE_TUNNEL_VXLAN:
		*ret_key = gro_load32(view->bytes + outer->l4_offset + GRO_UDP_BYTES + 4);
		return true;
	case RTE_PTYPE_TUNNEL_GRE:
	case RTE_PTYPE_TUNNEL_NVGRE:
		if (load_be16(gre) & GRE_HAS_KEY)
			*ret_key = gro_load32(gre + GRE_BYTES);
		return (load_be16(gre) & ~GRE_HAS_KEY) == 0;
	case RTE_PTYPE_TUNNEL_IP: return true;
	default: return false;
	}
}

static bool outer_is_plain(const struct view *view)
{
	const struct headers *outer = &view->outer;
	const uint8_t *ip = view->bytes + outer->l3_offset;
	const uint32_t udp_bytes = view->length - outer->l4_offset;

	if (outer->l3_length != (is_ipv6(outer) ? GRO_IPV6_BYTES : GRO_IPV4_BYTES) ||
		!ip_is_plain(ip, outer, view->length - outer->l3_offset))
		return false;
	return outer->l4_offset == 0 || load_be16(view->bytes + outer->l4_offset + 4) == udp_bytes;
}

static void describe_tunnel(
	const struct gro_rulebook *rules, struct view *view, struct gro_packet *ret)
{
	const struct headers *outer = &view->outer, *inner = &view->inner;
	bool candidate;
	uint32_t key;

	if (!rules->tunnels || !has_ports(inner))
		return; /* may be of any flow between the tunnel's ends */
	candidate = tunnel_key(view, &key);
	ret->flow =
		hash_headers(gro_hash_mix(hash_outer(view), key), view->bytes + view->start, inner);
	ret->class = GRO_CLASS_UNMERGEABLE;
	view->layout = (union gro_layout){
		.kind = (uint8_t)(GRO_KIND_TUNNEL | (is_ipv6(outer) ? GRO_KIND_OUTER_IPV6 : 0)),
		.outer_ip = (uint8_t)outer->l3_offset,
		.outer_udp = (uint8_t)outer->l4_offset};
	if (candidate && outer_is_plain(view) &&
		(inner->l3_offset == 0 || l2_is_plain(inner->packet_type)) &&
		describe_l4(rules, view, inner, view->start))
		ret->class = GRO_CLASS_CANDIDATE;
}

static void describe_ip(const struct gro_rulebook *rules, struct view *view, struct gro_packet *ret)
{
	struct headers *outer = &view->outer;

	ret->class = GRO_CLASS_PORTLESS;
	ret->addresses = gro_hash_addresses(
		view->packet->port, view->bytes + outer->l3_offset, is_ipv6(outer));
	if (outer->packet_type & RTE_PTYPE_TUNNEL_MASK) {
		view->start = parse_inner(view->bytes, view->length, outer, &view->inner);
		if (view->start != 0)
			describe_tunnel(rules, view, ret);
		return;
	}
	if (!has_ports(outer))
		return;
	ret->flow = hash_outer(view);
	ret->class =
		describe_l4(rules, view, outer, 0) ? GRO_CLASS_CANDIDATE : GRO_CLASS_UNMERGEABLE;
}

static enum gro_class classify_plain(const struct gro_rulebook *rules,
	const struct rte_mbuf *packet, const union gro_layout *layout)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const bool ipv6 = layout->kind & GRO_KIND_IPV6, tcp = layout->kind & GRO_KIND_TCP;

	if (!(tcp ? rules->tcp : rules->udp) || gro_checksum_is_partial(packet) ||
		!gro_ip_fixed_part_keeps_rules(frame + layout->ip, ipv6) ||
		(tcp && !gro_tcp_fixed_part_keeps_rules(frame + layout->l4)) ||
		!gro_masked_part_keeps_rules(frame, packet->data_len, layout))
		return GRO_CLASS_UNMERGEABLE;
	return GRO_CLASS_CANDIDATE;
}

static void describe_any(
	struct gro_rulebook *rules, const struct rte_mbuf *packet, struct gro_packet *ret)
{
	uint8_t buffer[PARSE_INNER_MAX_BYTES];
	struct view view = {.packet = packet};

	view.bytes = first_bytes(packet, buffer, &view.length);
	parse_headers(view.bytes, view.length, &view.outer);
	if (view.outer.l3_length == 0)
		return;
	describe_ip(rules, &view, ret);
	if (!l2_is_plain(view.outer.packet_type) || gro_checksum_is_partial(packet) ||
		super_packet_is(packet))
		ret->class = RTE_MIN(ret->class, GRO_CLASS_UNMERGEABLE);
	if (ret->class == GRO_CLASS_CANDIDATE)
		ret->shape = gro_shape_find(rules, view.layout.key | GRO_KEY_LAYOUT);
}

void gro_describe(
	struct gro_rulebook *rules, const struct rte_mbuf *packet, struct gro_packet *ret_packet)
{
	const struct gro_shape *shape = gro_shape_of(rules, packet);
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);

	*ret_packet = (struct gro_packet){.class = GRO_CLASS_ALIEN};
	if (gro_is_plain(packet, &shape->layout)) {
		ret_packet->shape = shape;
		ret_packet->addresses = gro_plain_addresses(packet, frame, shape->layout);
		ret_packet->flow = gro_plain_flow(ret_packet->addresses, frame, shape->layout);
		ret_packet->class = classify_plain(rules, packet, &shape->layout);
	} else {
		describe_any(rules, packet, ret_packet);
	}
	if (ret_packet->class == GRO_CLASS_CANDIDATE && rules->verify &&
		!gro_checksums_right(packet, &ret_packet->shape->layout))
		ret_packet->class = GRO_CLASS_BAD;
}
