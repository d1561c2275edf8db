/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large receive offload: TCP that merges whatever its sizes, for a receiver that wants bytes and
 * not packets. What is newest of acknowledgement, window and timestamps goes into the headers that
 * are held, and with them into the merged packet.
 */
#include "segmentation/gro_join.h"

enum { STAMPS_HEADER_BYTES = 32, STAMPS_BYTES = 8, SEGMENTS_MAX = 65535 };

/* Two paddings and RFC 7323's option, as everybody sends it; they are covered by the mask. */
static bool has_stamps(const uint8_t *l4)
{
	return memcmp(l4 + 20, (uint8_t[4]){1, 1, 8, 10}, 4) == 0;
}

void gro_lro_open(struct gro_shape *shape)
{
	const union gro_layout *layout = &shape->layout;
	uint8_t *l4 = shape->mask + layout->l4;

	memset(l4 + 8, 0, 4); /* acknowledgement */
	memset(l4 + 14, 0, 2); /* window */
	if (layout->header_bytes - layout->l4 == STAMPS_HEADER_BYTES)
		memset(l4 + 24, 0, STAMPS_BYTES);
}

int gro_lro_match(const struct gro *gro, const struct gro_flow *flow, const struct rte_mbuf *packet,
	const struct gro_shape *shape)
{
	const union gro_layout *layout = &shape->layout;
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const uint8_t *l4 = frame + layout->l4, *held = flow->headers + layout->l4;
	const uint32_t payload_bytes = packet->data_len - (uint32_t)layout->header_bytes;
	/* An outer UDP length cannot say more. */
	const uint32_t limit =
		layout->kind & GRO_KIND_TUNNEL ? GRO_IP_MAX_BYTES : gro->settings.lro_bytes;

	if (flow->layout.key != layout->key ||
		!gro_headers_equal(flow->headers, frame, shape->mask, layout->header_bytes) ||
		!gro_tags_alike(flow, packet) || !gro_outer_checksum_alike(flow, frame) ||
		(l4[13] & gro->rules.refused_flags) ||
		(int32_t)(load_be32(l4 + 8) - load_be32(held + 8)) < 0 ||
		(layout->header_bytes - layout->l4 == STAMPS_HEADER_BYTES && !has_stamps(l4)))
		return GRO_FLUSH_header;
	if (load_be32(l4 + 4) != flow->next_sequence)
		return GRO_FLUSH_sequence;
	if (flow->ip_bytes + payload_bytes > limit || flow->segments == SEGMENTS_MAX)
		return GRO_FLUSH_size;
	return GRO_MATCHES;
}

void gro_lro_join(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape)
{
	const union gro_layout *layout = &shape->layout;
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(packet, const uint8_t *, layout->l4);
	const uint32_t payload_bytes = packet->data_len - (uint32_t)layout->header_bytes;
	const uint8_t last = l4[13] & GRO_TCP_LAST;
	uint8_t *held = flow->headers + layout->l4;

	memcpy(held + 8, l4 + 8, 4);
	memcpy(held + 14, l4 + 14, 2);
	if (layout->header_bytes - layout->l4 == STAMPS_HEADER_BYTES)
		memcpy(held + 24, l4 + 24, STAMPS_BYTES);
	flow->state |= GRO_STATE_LRO;
	flow->segment_bytes = RTE_MAX(flow->segment_bytes, (uint16_t)payload_bytes);
	gro_append(gro, flow, packet, layout->header_bytes, payload_bytes);
	flow->tcp_flags |= last;
	if (last & GRO_TCP_FIN)
		gro_let_go(gro, flow, GRO_FLUSH_push);
	else
		gro_joined(gro, flow);
}
