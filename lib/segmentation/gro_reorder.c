/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments that came before those that they follow. Each waits in a flow of the table that is in
 * none of its orders, linked to the flow it belongs to by sequence number; so all that is held
 * stays within the table. What makes a flow leave makes them leave, behind it.
 */
#include "segmentation/gro_join.h"

enum { WINDOW_BYTES = 65536, WAITING_MAX = 16 };

static uint32_t index_of(const struct gro *gro, const struct gro_flow *flow)
{
	return (uint32_t)(flow - gro->table.flows);
}

/* Where in the list a segment belongs: the link to the first one behind it. NULL: it overlaps one
 * that waits, or enough do. */
static uint32_t *place_of(
	struct gro *gro, struct gro_flow *flow, uint32_t sequence, uint32_t payload_bytes)
{
	uint32_t *link = &flow->pending;
	unsigned waiting = 0;

	while (*link != GRO_NONE) {
		struct gro_flow *other = &gro->table.flows[*link];
		const int32_t distance = (int32_t)(other->next_sequence - sequence);

		if (++waiting >= WAITING_MAX)
			return NULL;
		if (distance >= (int32_t)payload_bytes)
			break;
		if (-distance < (int32_t)other->segment_bytes)
			return NULL;
		link = &other->newer;
	}
	return link;
}

bool gro_wait(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(packet, const uint8_t *, shape->layout.l4);
	const uint32_t sequence = load_be32(l4 + 4), ahead = sequence - flow->next_sequence;
	const uint32_t payload_bytes = packet->data_len - (uint32_t)shape->layout.header_bytes;
	struct gro_flow *waiting;
	uint32_t *link;

	if (ahead == 0 || ahead > WINDOW_BYTES)
		return false;
	link = place_of(gro, flow, sequence, payload_bytes);
	waiting = link != NULL ? gro_table_take(&gro->table) : NULL;
	if (waiting == NULL)
		return false;
	waiting->head = packet;
	waiting->layout = shape->layout;
	waiting->next_sequence = sequence;
	waiting->segment_bytes = (uint16_t)payload_bytes;
	waiting->newer = *link;
	*link = index_of(gro, waiting);
	flow->state |= GRO_STATE_PENDING;
	gro->counters.candidates++;
	if (++gro->held > gro->settings.buffers)
		gro_let_go(gro, gro_oldest(gro), GRO_FLUSH_full);
	return true;
}

struct rte_mbuf *gro_wait_first(struct gro *gro, struct gro_flow *flow)
{
	struct gro_flow *first = &gro->table.flows[flow->pending];
	struct rte_mbuf *packet = first->head;

	flow->pending = first->newer;
	if (flow->pending == GRO_NONE)
		flow->state &= (uint8_t)~GRO_STATE_PENDING;
	gro_table_give(&gro->table, first);
	gro->held--;
	return packet;
}

void gro_join_waiting(struct gro *gro, struct gro_flow *flow)
{
	const struct gro_flow *first = &gro->table.flows[flow->pending];
	const struct gro_shape *shape;
	struct rte_mbuf *packet;

	if ((int32_t)(first->next_sequence - flow->next_sequence) > 0)
		return;
	shape = gro_shape_find(&gro->rules, first->layout.key | GRO_KEY_LAYOUT);
	if (gro_verdict(gro, flow, first->head, shape) != GRO_MATCHES) {
		gro_let_go(gro, flow, GRO_FLUSH_sequence);
		return;
	}
	packet = gro_wait_first(gro, flow);
	gro->counters.reordered++;
	gro->counters.candidates--;
	gro_merge(gro, flow, packet, shape);
}
