/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The long way, for any packet: those that begin a flow, end one without merging, are in tunnels,
 * or merge with nothing.
 */
#include "segmentation/gro_join.h"

static void hold(struct gro *gro, struct rte_mbuf *packet, const struct gro_packet *description)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const union gro_layout *layout = &description->shape->layout;
	const bool tunnel = layout->kind & GRO_KIND_TUNNEL;
	struct gro_flow *flow;

	while ((flow = gro_table_add(&gro->table, description->flow, description->addresses,
			gro->now_tsc)) == NULL)
		gro_let_go(gro, gro_table_crowded(&gro->table, description->flow), GRO_FLUSH_full);
	flow->head = flow->tail = packet;
	flow->layout = *layout;
	flow->state = gro_has_tags(packet) ? GRO_STATE_TAGS : 0;
	flow->tags = gro_tags(packet);
	flow->tcp_flags = frame[layout->l4 + 13];
	flow->segments = 1;
	flow->segment_bytes = (uint16_t)(packet->data_len - layout->header_bytes);
	flow->ip_bytes = packet->data_len - (tunnel ? layout->outer_ip : layout->ip);
	flow->next_sequence = load_be32(frame + layout->l4 + 4) + flow->segment_bytes;
	flow->next_id = (uint16_t)(load_be16(frame + layout->ip + 4) + 1);
	flow->next_outer_id = (uint16_t)(load_be16(frame + layout->outer_ip + 4) + 1);
	gro_headers_copy(flow->headers, frame, layout->header_bytes);
	if (++gro->held > gro->settings.buffers)
		gro_let_go(gro, gro_oldest(gro), GRO_FLUSH_full);
}

static bool is_lro(const struct gro *gro, const struct gro_shape *shape)
{
	return gro->settings.lro && (shape->layout.kind & GRO_KIND_TCP);
}

int gro_verdict(const struct gro *gro, struct gro_flow *flow, const struct rte_mbuf *packet,
	const struct gro_shape *shape)
{
	const struct gro_view view = gro_view(packet, shape->layout);

	return is_lro(gro, shape)
		? gro_lro_match(gro, flow, packet, shape)
		: gro_match(flow, packet, &gro->rules, shape->layout, shape->mask, &view, false);
}

void gro_merge(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape)
{
	const struct gro_view view = gro_view(packet, shape->layout);

	if (is_lro(gro, shape))
		gro_lro_join(gro, flow, packet, shape);
	else
		gro_join(gro, flow, packet, &shape->layout, &view);
}

/* A candidate that ends what it is merged into has nothing to wait for. */
static bool may_be_held(
	const struct gro *gro, const struct rte_mbuf *packet, const struct gro_shape *shape)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(packet, const uint8_t *, shape->layout.l4);

	if (!(shape->layout.kind & GRO_KIND_TCP))
		return true;
	return !(l4[13] & (gro->settings.lro ? GRO_TCP_FIN : GRO_TCP_LAST));
}

/* `flow`: its own, NULL where none is held. */
static void receive_candidate(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_packet *description)
{
	const struct gro_shape *shape = description->shape;
	int verdict;

	if (flow != NULL) {
		verdict = gro_verdict(gro, flow, packet, shape);
		if (verdict == GRO_MATCHES) {
			gro_merge(gro, flow, packet, shape);
			return;
		}
		if (verdict == GRO_FLUSH_sequence && gro->settings.reorder &&
			gro_wait(gro, flow, packet, shape))
			return;
		gro_let_go(gro, flow, (enum gro_flush)verdict);
	}
	gro->counters.candidates++;
	if (may_be_held(gro, packet, shape))
		hold(gro, packet, description);
	else
		gro_leave(gro, packet);
}

/* Goes as it came, behind all that is held of its flow. */
static void pass(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_packet *description)
{
	const bool bad = description->class == GRO_CLASS_BAD;

	gro->counters.bad_checksums += bad;
	if (description->class == GRO_CLASS_PORTLESS)
		while ((flow = gro_table_find_addresses(&gro->table, description->addresses)) !=
			NULL)
			gro_let_go(gro, flow, GRO_FLUSH_not_mergeable);
	else if (description->class != GRO_CLASS_ALIEN && flow != NULL)
		gro_let_go(gro, flow, bad ? GRO_FLUSH_checksum : GRO_FLUSH_not_mergeable);
	gro_leave(gro, packet);
}

void gro_receive_apart(struct gro *gro, struct rte_mbuf *packet)
{
	struct gro_packet description;
	struct gro_flow *flow;

	gro_describe(&gro->rules, packet, &description);
	flow = gro_table_find(&gro->table, description.flow);
	if (description.class == GRO_CLASS_CANDIDATE)
		receive_candidate(gro, flow, packet, &description);
	else
		pass(gro, flow, packet, &description);
}
