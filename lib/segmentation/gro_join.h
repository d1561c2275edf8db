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
static inline __attribute__((always_inline)) void gro_append(struct gro *gro, struct gro_flow *flow,
	struct rte_mbuf *packet, uint32_t header_bytes, uint32_t payload_bytes)
{
	packet->data_off = (uint16_t)(packet->data_off + header_bytes);
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
	struct rte_mbuf *packet, const union gro_layout *layout, const struct gro_view *view)
{
	const uint8_t last = view->tcp_flags & GRO_TCP_LAST;
	const bool full = view->payload_bytes >= flow->segment_bytes;

	if (unlikely(flow->segments == 1))
		gro_join_second(flow, view->frame, layout);
	super_note(packet)->payload_sum = gro_payload_sum(view->l4, view->tcp,
		view->header_bytes - layout->l4, flow->base_sum, view->payload_bytes);
	gro_append(gro, flow, packet, view->header_bytes, view->payload_bytes);
	if (unlikely(last)) {
		flow->tcp_flags |= last;
		gro_let_go(gro, flow, GRO_FLUSH_push);
	} else if (unlikely(!full)) {
		gro_let_go(gro, flow, GRO_FLUSH_short_segment);
	} else if (unlikely(!view->tcp && flow->segments == GRO_UDP_SEGMENTS)) {
		gro_let_go(gro, flow, GRO_FLUSH_size);
	} else {
		gro_joined(gro, flow);
	}
}

#endif
