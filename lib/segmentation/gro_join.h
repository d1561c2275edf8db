/* SPDX-License-Identifier: BSD-3-Clause */
/* Merging itself. */
#ifndef WEIR_SEGMENTATION_GRO_JOIN_H
#define WEIR_SEGMENTATION_GRO_JOIN_H

#include "segmentation/gro_checksum.h"
#include "segmentation/gro_describe.h"
#include "segmentation/gro_match.h"
#include "segmentation/gro_parts.h"

static inline void gro_join_second(
	struct gro_flow *flow, const uint8_t *frame, const union gro_layout *layout)
{
	flow->base_sum = gro_base_sum(frame, layout);
	if ((layout->kind & GRO_KIND_TCP) && (frame[layout->l4 + 13] & GRO_TCP_CWR))
		flow->state |= GRO_STATE_CWR_EACH;
}

/* Its headers stay in front of its payload, in the headroom. */
static inline void gro_append(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const union gro_layout *layout, uint32_t payload_bytes)
{
	packet->data_off += layout->header_bytes;
	packet->data_len = (uint16_t)payload_bytes;
	packet->pkt_len = payload_bytes;
	flow->tail->next = packet;
	flow->tail = packet;
	flow->segments++;
	flow->next_sequence += payload_bytes;
	flow->ip_bytes += payload_bytes;
	gro->held++;
	gro->counters.candidates++;
	gro->counters.merged++;
}

/* After a merge that did not end the flow. */
static inline void gro_joined(struct gro *gro, struct gro_flow *flow)
{
	if (unlikely(flow->state & GRO_STATE_PENDING))
		gro_join_waiting(gro, flow);
	if (unlikely(gro->held > gro->settings.buffers))
		gro_let_go(gro, gro_oldest(gro), GRO_FLUSH_full);
}

/* A packet that matches becomes the next one of its flow. */
static inline __attribute__((always_inline)) void gro_join(struct gro *gro, struct gro_flow *flow,
	struct rte_mbuf *packet, const struct gro_shape *shape)
{
	const union gro_layout *layout = &shape->layout;
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const uint32_t payload_bytes = packet->data_len - (uint32_t)layout->header_bytes;
	const bool tcp = layout->kind & GRO_KIND_TCP;
	const uint8_t last = tcp ? frame[layout->l4 + 13] & GRO_TCP_LAST : 0;

	if (unlikely(flow->segments == 1))
		gro_join_second(flow, frame, layout);
	super_note(packet)->payload_sum =
		gro_payload_sum(frame, layout, flow->base_sum, payload_bytes);
	gro_append(gro, flow, packet, layout, payload_bytes);
	flow->tcp_flags |= last;
	if (unlikely(last))
		gro_let_go(gro, flow, GRO_FLUSH_push);
	else if (unlikely(payload_bytes < flow->segment_bytes))
		gro_let_go(gro, flow, GRO_FLUSH_short_segment);
	else if (unlikely(!tcp && flow->segments == GRO_UDP_SEGMENTS))
		gro_let_go(gro, flow, GRO_FLUSH_size);
	else
		gro_joined(gro, flow);
}

#endif
