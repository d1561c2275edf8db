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

void gro_shape_make(
	struct gro_shapes *shapes, struct gro_shape *slot, const union gro_layout *layout)
{
	uint8_t *l4 = slot->mask + layout->l4;

	slot->key = layout->key;
	memset(slot->mask, 0xff, sizeof(slot->mask));
	open_ip(slot->mask + layout->ip, layout->kind & GRO_KIND_IPV6);
	if (layout->kind & GRO_KIND_TCP) {
		memset(l4 + 4, 0, 4); /* sequence number */
		l4[13] = (uint8_t) ~(GRO_TCP_LAST | (shapes->cwr_apart ? GRO_TCP_CWR : 0));
		memset(l4 + 16, 0, 2);
	} else {
		memset(l4 + 4, 0, 4); /* length and checksum */
	}
	if (layout->kind & GRO_KIND_TUNNEL)
		open_ip(slot->mask + layout->outer_ip, layout->kind & GRO_KIND_OUTER_IPV6);
	if (layout->outer_udp != 0)
		memset(slot->mask + layout->outer_udp + 4, 0, 4);
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
