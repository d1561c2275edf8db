/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro_complete.h"

#include <netinet/in.h>

#include "packet/bytes.h"
#include "segmentation/gro_checksum.h"
#include "segmentation/gro_describe.h"
#include "segmentation/super_packet.h"

static void store16(uint8_t *bytes, uint16_t raw)
{
	memcpy(bytes, &raw, sizeof(raw));
}

/* `headers` are those of the first packet as it came. Beyond 65535 bytes, of LRO, the length is 0
 * as Linux has it in BIG TCP. A checksum that was wrong stays wrong. */
static void complete_ip(
	uint8_t *frame, const uint8_t *headers, uint32_t offset, bool ipv6, uint32_t ip_bytes)
{
	const uint8_t *before = headers + offset;
	const uint32_t bytes = ipv6 ? ip_bytes - GRO_IPV6_BYTES : ip_bytes;
	const uint16_t length = htons((uint16_t)(bytes <= UINT16_MAX ? bytes : 0));
	uint8_t *ip = frame + offset;

	if (ipv6) {
		store16(ip + 4, length);
		return;
	}
	store16(ip + 2, length);
	store16(ip + 10,
		checksum_update(gro_load16(before + 10),
			checksum_change16(gro_load16(before + 2), length)));
}

static void complete_l4(uint8_t *frame, const struct gro_flow *flow, uint32_t l4_bytes)
{
	const union gro_layout *layout = &flow->layout;
	uint8_t *l4 = frame + layout->l4;
	const uint16_t sum = checksum_fold(gro_pseudo_sum(flow->headers, layout, l4_bytes));

	if (layout->kind & GRO_KIND_TCP) {
		if (flow->state & GRO_STATE_LRO) /* the newest, behind what does not change */
			memcpy(l4 + 8, flow->headers + layout->l4 + 8,
				layout->header_bytes - layout->l4 - 8u);
		l4[13] = flow->tcp_flags;
		store16(l4 + 16, sum);
		return;
	}
	store16(l4 + 4, htons((uint16_t)l4_bytes));
	store16(l4 + 6, sum);
}

static void complete_outer(uint8_t *frame, const struct gro_flow *flow)
{
	const union gro_layout *layout = &flow->layout;
	const bool ipv6 = layout->kind & GRO_KIND_OUTER_IPV6;
	const uint8_t *ip = flow->headers + layout->outer_ip;
	const uint32_t udp_bytes = flow->ip_bytes - (layout->outer_udp - layout->outer_ip);
	uint8_t *udp = frame + layout->outer_udp;

	complete_ip(frame, flow->headers, layout->outer_ip, ipv6, flow->ip_bytes);
	if (layout->outer_udp == 0)
		return;
	store16(udp + 4, htons((uint16_t)udp_bytes));
	if (gro_load16(flow->headers + layout->outer_udp + 6) != 0)
		store16(udp + 6,
			checksum_fold(ipv6 ? checksum_pseudo_ipv6(ip, IPPROTO_UDP, udp_bytes)
					   : checksum_pseudo_ipv4(ip, IPPROTO_UDP, udp_bytes)));
}

static uint64_t flags_of(const union gro_layout *layout)
{
	uint64_t flags = super_note_flag;

	flags |= layout->kind & GRO_KIND_TCP ? RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TCP_CKSUM
					     : RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM;
	flags |= layout->kind & GRO_KIND_IPV6 ? RTE_MBUF_F_TX_IPV6
					      : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	return flags;
}

static uint8_t note_flags(const struct gro_flow *flow)
{
	if (flow->state & GRO_STATE_LRO)
		return 0; /* its buffers are no segments */
	return (uint8_t)(SUPER_SUMS | (flow->state & GRO_STATE_ID_FIXED ? SUPER_ID_FIXED : 0) |
		(flow->state & GRO_STATE_OUTER_ID_FIXED ? SUPER_OUTER_ID_FIXED : 0) |
		(flow->state & GRO_STATE_CWR_EACH ? SUPER_CWR_EACH : 0));
}

void gro_complete(struct gro_flow *flow)
{
	const union gro_layout *layout = &flow->layout;
	const uint32_t outermost = layout->kind & GRO_KIND_TUNNEL ? layout->outer_ip : layout->ip;
	const uint32_t frame_bytes = outermost + flow->ip_bytes;
	struct rte_mbuf *head = flow->head;
	uint8_t *frame = rte_pktmbuf_mtod(head, uint8_t *);

	complete_ip(frame, flow->headers, layout->ip, layout->kind & GRO_KIND_IPV6,
		frame_bytes - layout->ip);
	complete_l4(frame, flow, frame_bytes - layout->l4);
	if (layout->kind & GRO_KIND_TUNNEL)
		complete_outer(frame, flow);
	flow->tail->next = NULL;
	head->nb_segs = flow->segments;
	head->pkt_len = frame_bytes;
	head->tso_segsz = flow->segment_bytes;
	head->ol_flags = (head->ol_flags & ~RTE_MBUF_F_TX_L4_MASK) | flags_of(layout);
	*super_note(head) = (struct super_note){.segments = flow->segments,
		.flags = note_flags(flow),
		.payload_sum = gro_payload_sum(flow->headers + layout->l4,
			layout->kind & GRO_KIND_TCP, layout->header_bytes - layout->l4,
			flow->base_sum, flow->segment_bytes)};
}
