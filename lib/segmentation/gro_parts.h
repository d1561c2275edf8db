/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of GRO share: the instance, and how packets leave it. */
#ifndef WEIR_SEGMENTATION_GRO_PARTS_H
#define WEIR_SEGMENTATION_GRO_PARTS_H

#include "segmentation/gro.h"
#include "segmentation/gro_flow.h"
#include "segmentation/gro_shape.h"
#include "segmentation/super_packet.h"

enum { GRO_BURST = 64 };

struct gro {
	struct gro_settings settings;
	struct gro_counters counters;
	struct gro_table table;
	uint32_t held; /* packets, each of one buffer, in flows */
	uint64_t now_tsc;
	/* Of the call under way. */
	struct rte_mbuf **out;
	uint32_t out_count, out_room;
	/* What has to leave when there is no room: a ring. All that leaves later goes behind it. */
	struct rte_mbuf **ready;
	uint32_t ready_mask, ready_first, ready_count;
	uint32_t ready_packets; /* as they came */
	struct gro_rulebook rules;
};

static inline struct gro_flow *gro_oldest(const struct gro *gro)
{
	return gro->table.oldest != GRO_NONE ? &gro->table.flows[gro->table.oldest] : NULL;
}

void gro_leave(struct gro *gro, struct rte_mbuf *packet);
/* All that a flow holds leaves. */
void gro_let_go(struct gro *gro, struct gro_flow *flow, enum gro_flush why);

/* gro_match() or gro_lro_match(), and what merges what they let: which, the settings say. */
int gro_verdict(const struct gro *gro, struct gro_flow *flow, const struct rte_mbuf *packet,
	const struct gro_shape *shape);
void gro_merge(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape);

int gro_lro_match(const struct gro *gro, const struct gro_flow *flow, const struct rte_mbuf *packet,
	const struct gro_shape *shape);
void gro_lro_join(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape);

/* Lets a segment that comes too early wait for those before it. false: it cannot. */
bool gro_wait(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_shape *shape);
/* Takes the first one that waits out. */
struct rte_mbuf *gro_wait_first(struct gro *gro, struct gro_flow *flow);
/* Merges those whose turn it is. The flow may leave. */
void gro_join_waiting(struct gro *gro, struct gro_flow *flow);

/* Any packet, the long way. */
void gro_receive_apart(struct gro *gro, struct rte_mbuf *packet);

#endif
