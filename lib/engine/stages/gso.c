/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gso: cuts super-packets (segmentation/gso.h) for a port that does not take them whole, and
 * finishes the checksums of those that it takes. As a stage, it cuts all there are; by the port's
 * feature, what the port cannot carry. A packet that is no super-packet, but longer than the MTU,
 * is made one if it is TCP: such as come from a capture that was taken above TSO.
 */
#include <errno.h>

#include "engine/stages/stages.h"
#include "port/port.h"
#include "segmentation/gso.h"
#include "segmentation/super_packet.h"

struct gso_state {
	struct gso gso;
	uint32_t mtu;
	uint32_t whole; /* PORT_WHOLE_* */
	uint32_t whole_bytes_max;
	uint16_t whole_segments_max;
	bool cuts;
};

static int gso_stage_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct gso_state *state;

	if (super_note_register(error) != 0)
		return -error->code;
	state = stage_state(stage, sizeof(*state), numa_node, error);
	if (state == NULL)
		return -ENOMEM;
	state->gso.pool = stage->pool;
	state->gso.tx_offloads = stage->tx_offloads;
	state->mtu = config->mtu ? config->mtu : stage->tx_mtu;
	state->gso.mtu = state->mtu;
	state->cuts = !config->uncut;
	state->whole = stage->tx_whole;
	state->whole_bytes_max = stage->tx_whole_bytes_max;
	state->whole_segments_max = stage->tx_segments_max;
	return 0;
}

/* What cuts it behind the port counts IPv4 ids, and has CWR in the first segment only. */
static bool cut_elsewhere_differs(const struct gso_state *state, const struct rte_mbuf *packet)
{
	const uint8_t own = SUPER_ID_FIXED | SUPER_OUTER_ID_FIXED | SUPER_CWR_EACH;

	return (state->whole & PORT_WHOLE_MARKED) != 0 &&
		(packet->ol_flags & super_note_flag) != 0 && (super_note(packet)->flags & own) != 0;
}

static bool goes_whole(const struct gso_state *state, const struct rte_mbuf *packet)
{
	uint32_t needed = (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? PORT_WHOLE_TCP
		: packet->tso_segsz > 0					  ? PORT_WHOLE_UDP
									  : PORT_WHOLE_UFO;

	if ((packet->packet_type & RTE_PTYPE_TUNNEL_MASK) != 0)
		needed |= PORT_WHOLE_TUNNEL;
	return (state->whole & needed) == needed && packet->pkt_len <= state->whole_bytes_max &&
		packet->nb_segs <= state->whole_segments_max &&
		!cut_elsewhere_differs(state, packet);
}

/* Cuts it into `out`, which is sent on whenever it is full. */
static void cut(struct stage *stage, struct rte_mbuf *packet, struct burst *out)
{
	struct gso_state *state = stage->state;
	struct gso_cut cut;
	unsigned made = 0;
	int count = gso_begin(&state->gso, packet, &cut);

	if (count < 0) {
		stage_drop(stage, packet, DROP_segmentation);
		return;
	}
	for (;;) {
		if (out->count == BURST_SIZE)
			stage_emit(stage, out);
		count = gso_next(&state->gso, &cut, &out->packets[out->count],
			(unsigned)(BURST_SIZE - out->count));
		if (count <= 0)
			break;
		for (int i = 0; i < count; i++)
			out->bytes += out->packets[out->count + i]->pkt_len;
		out->count += (uint16_t)count;
		made += (unsigned)count;
	}
	if (count < 0) {
		/* What is left of it counts as one packet, the segments as made. */
		stage->drops[DROP_no_mbuf]++;
		drop_tell(stage->watch, &cut.packet, cut.packet != NULL, DROP_no_mbuf);
		gso_abandon(&state->gso, &cut);
		stage->counters->made += made;
	} else {
		stage->counters->made += made - 1;
	}
}

/* The port knows the marks, or nobody cuts it and it must be right. */
static void take_whole(const struct gso_state *state, struct rte_mbuf *packet)
{
	if ((state->whole & PORT_WHOLE_MARKED) == 0)
		gso_finish_whole(packet);
}

/* Without an MTU nothing is, BIG TCP's packets included. */
static bool is_long(const struct gso_state *state, const struct rte_mbuf *packet)
{
	return packet->pkt_len > state->mtu + packet->l2_len && state->mtu < UINT16_MAX &&
		state->cuts;
}

static void one_packet(struct stage *stage, struct rte_mbuf *packet, struct burst *out)
{
	struct gso_state *state = stage->state;

	if (!super_packet_is(packet) &&
		!(is_long(state, packet) && gso_adopt(packet, state->mtu))) {
		stage_append(stage, out, packet);
	} else if (!state->cuts || goes_whole(state, packet)) {
		take_whole(state, packet);
		stage_append(stage, out, packet);
	} else {
		cut(stage, packet, out);
	}
}

static void gso_process(struct stage *stage, struct burst *burst)
{
	const struct gso_state *state = stage->state;
	struct burst in;
	unsigned first = 0;

	while (first < burst->count && !super_packet_is(burst->packets[first]) &&
		!is_long(state, burst->packets[first]))
		first++;
	if (likely(first == burst->count))
		return;
	in = *burst;
	burst->count = 0;
	burst->bytes = 0;
	for (unsigned i = 0; i < in.count; i++)
		one_packet(stage, in.packets[i], burst);
}

const struct stage_ops gso_stage = {
	.name = "gso",
	.help = "cut super-packets into packets for the wire",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = gso_stage_create,
	.process = gso_process,
	.destroy = stage_state_free,
};
