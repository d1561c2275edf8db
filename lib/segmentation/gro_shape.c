/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro_shape.h"

#include "segmentation/gro_checksum.h"
#include "segmentation/gro_describe.h"

static void open_ip(uint8_t *ip, bool ipv6)
{
	if (ipv6) {
		memset(ip + 4, 0, 2);
		return;
	}
	memset(ip + 2, 0, 4); /* total length and id */
	memset(ip + 10, 0, 2);
}

static void make_mask(const struct gro_rulebook *rules, struct gro_shape *shape)
{
	const union gro_layout *layout = &shape->layout;
	uint8_t *l4 = shape->mask + layout->l4;

	memset(shape->mask, 0xff, sizeof(shape->mask));
	open_ip(shape->mask + layout->ip, layout->kind & GRO_KIND_IPV6);
	if (layout->kind & GRO_KIND_TCP) {
		memset(l4 + 4, 0, 4); /* sequence number */
		l4[13] = (uint8_t) ~(GRO_TCP_LAST | (rules->classic ? GRO_TCP_CWR : 0));
		memset(l4 + 16, 0, 2);
	} else {
		memset(l4 + 4, 0, 4); /* length and checksum */
	}
	if (rules->lro && (layout->kind & GRO_KIND_TCP))
		gro_lro_open(shape);
	if (layout->kind & GRO_KIND_TUNNEL)
		open_ip(shape->mask + layout->outer_ip, layout->kind & GRO_KIND_OUTER_IPV6);
	if (layout->outer_udp != 0)
		memset(shape->mask + layout->outer_udp + 4, 0, 4);
}

/* Right behind each other: at most two tags, IP without options or extension headers, TCP or UDP.
 * Nothing else is plain. */
static union gro_layout plain_layout(uint64_t key)
{
	const uint32_t type = (uint32_t)(key >> GRO_KEY_LENGTHS_BITS);
	const struct rte_mbuf lengths = {.tx_offload = key & GRO_KEY_LENGTHS};
	const uint32_t l4 = (uint32_t)lengths.l2_len + lengths.l3_len;
	union gro_layout layout = {.ip = lengths.l2_len, .l4 = (uint8_t)l4};

	switch (type & RTE_PTYPE_L2_MASK) {
	case RTE_PTYPE_L2_ETHER:
	case RTE_PTYPE_L2_ETHER_VLAN:
	case RTE_PTYPE_L2_ETHER_QINQ: break;
	default: return (union gro_layout){0};
	}
	switch (type & ~(uint32_t)RTE_PTYPE_L2_MASK) {
	case RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP: layout.kind = GRO_KIND_TCP; break;
	case RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_TCP:
		layout.kind = GRO_KIND_TCP | GRO_KIND_IPV6;
		break;
	case RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP: break;
	case RTE_PTYPE_L3_IPV6 | RTE_PTYPE_L4_UDP: layout.kind = GRO_KIND_IPV6; break;
	default: return (union gro_layout){0};
	}
	if (lengths.l2_len < GRO_ETHER_BYTES || l4 + lengths.l4_len > GRO_HEADER_MAX)
		return (union gro_layout){0};
	layout.header_bytes = (uint8_t)(l4 + lengths.l4_len);
	return layout;
}

void gro_shape_make(struct gro_rulebook *rules, struct gro_shape *slot, uint64_t key)
{
	slot->key = key;
	if (key & GRO_KEY_LAYOUT)
		slot->layout.key = key & ~GRO_KEY_LAYOUT;
	else
		slot->layout = plain_layout(key);
	make_mask(rules, slot);
}

static bool ipv4_right(const uint8_t *ip)
{
	return checksum_ipv4_header(ip, GRO_IPV4_BYTES) == 0;
}

bool gro_checksums_right(const struct rte_mbuf *packet, const union gro_layout *layout)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const bool tunnel = layout->kind & GRO_KIND_TUNNEL;
	const uint64_t flags = tunnel ? 0 : packet->ol_flags;
	const uint32_t l4_bytes = packet->data_len - layout->l4;

	if ((flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
		!(layout->kind & GRO_KIND_IPV6) && !ipv4_right(frame + layout->ip))
		return false;
	if ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD &&
		checksum_finish(checksum_partial(frame + layout->l4, l4_bytes,
			gro_pseudo_sum(frame, layout, l4_bytes))) != 0)
		return false;
	if (!tunnel)
		return true;
	if (!(layout->kind & GRO_KIND_OUTER_IPV6) && !ipv4_right(frame + layout->outer_ip))
		return false;
	if (layout->outer_udp == 0 || gro_load16(frame + layout->outer_udp + 6) == 0)
		return true;
	if (layout->kind & GRO_KIND_OUTER_IPV6)
		return checksum_l4_ipv6_valid(frame + layout->outer_ip, IPPROTO_UDP,
			frame + layout->outer_udp, packet->data_len - layout->outer_udp);
	return checksum_l4_ipv4_valid(frame + layout->outer_ip, IPPROTO_UDP,
		frame + layout->outer_udp, packet->data_len - layout->outer_udp);
}
