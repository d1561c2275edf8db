/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro.h"

#include <errno.h>

#include <rte_malloc.h>

#include "segmentation/gro_burst.h"
#include "segmentation/gro_complete.h"
#include "segmentation/gro_describe.h"
#include "segmentation/gro_parts.h"

const struct gro_flush_info gro_flush_infos[GRO_FLUSH_COUNT] = {
#define X(flush_name, flush_description) {#flush_name, flush_description},
	GRO_FLUSHES(X)
#undef X
};

static int check_settings(const struct gro_settings *settings, struct error *error)
{
	if (settings->flows < 1 || settings->flows > GRO_FLOWS_MAX)
		return error_set(error, EINVAL, "gro: %u flows; it holds 1 to %u", settings->flows,
			GRO_FLOWS_MAX);
	if (settings->buffers < 1)
		return error_set(error, EINVAL, "gro: 0 buffers; it has to hold one at least");
	if (settings->lro && settings->lro_bytes < UINT16_MAX)
		return error_set(error, EINVAL,
			"gro: lro makes packets of %u bytes or more, not %u", UINT16_MAX,
			settings->lro_bytes);
	if (super_note_offset < 0)
		return error_set(error, EINVAL, "gro: super_note_register() comes first");
	return 0;
}

struct gro *gro_create(const struct gro_settings *settings, int socket, struct error *error)
{
	uint32_t ready;
	struct gro *gro;

	if (check_settings(settings, error) != 0)
		return NULL;
	gro = rte_zmalloc_socket("gro", sizeof(*gro), RTE_CACHE_LINE_SIZE, socket);
	if (gro == NULL)
		goto no_memory;
	ready = rte_align32pow2(settings->flows + GRO_BURST);
	gro->ready = rte_zmalloc_socket("gro", ready * sizeof(*gro->ready), 0, socket);
	gro->ready_mask = ready - 1;
	gro->settings = *settings;
	gro->rules.tcp = settings->tcp;
	gro->rules.udp = settings->udp;
	gro->rules.tunnels = settings->tunnels;
	gro->rules.verify = settings->verify;
	gro->rules.lro = settings->lro;
	gro->rules.classic = settings->rules == GRO_RULES_CLASSIC;
	gro->rules.refused_flags = gro->rules.classic ? GRO_TCP_CWR : 0;
	gro->rules.recent = gro->rules.shapes;
	if (gro->ready != NULL && gro_table_init(&gro->table, settings->flows, socket) == 0)
		return gro;
	rte_free(gro->ready);
	rte_free(gro);
no_memory:
	error_set(error, ENOMEM, "gro: no memory for %u flows", settings->flows);
	return NULL;
}

void gro_leave(struct gro *gro, struct rte_mbuf *packet)
{
	if (likely(gro->ready_count == 0 && gro->out_count < gro->out_room)) {
		gro->out[gro->out_count++] = packet;
		return;
	}
	gro->ready[(gro->ready_first + gro->ready_count++) & gro->ready_mask] = packet;
	gro->ready_packets += super_packet_segments(packet);
}

static void leave_ready(struct gro *gro)
{
	while (gro->ready_count > 0 && gro->out_count < gro->out_room) {
		struct rte_mbuf *packet = gro->ready[gro->ready_first & gro->ready_mask];

		gro->ready_first++;
		gro->ready_count--;
		gro->ready_packets -= super_packet_segments(packet);
		gro->out[gro->out_count++] = packet;
	}
}

void gro_let_go(struct gro *gro, struct gro_flow *flow, enum gro_flush why)
{
	struct rte_mbuf *head = flow->head;

	gro->counters.flushes[why]++;
	gro->held -= flow->segments;
	if (flow->segments > 1) {
		gro_complete(flow);
		gro->counters.super_packets++;
	}
	gro_leave(gro, head);
	while (unlikely(flow->state & GRO_STATE_PENDING))
		gro_leave(gro, gro_wait_first(gro, flow));
	gro_table_remove(&gro->table, flow);
}

static void begin_call(struct gro *gro, uint64_t now_tsc, struct rte_mbuf *out[], uint32_t room)
{
	gro->now_tsc = now_tsc;
	gro->out = out;
	gro->out_count = 0;
	gro->out_room = room;
	leave_ready(gro);
}

/* What the next flows to leave need is set on its way into the cache, a step each: the flow, its
 * first buffer, the headers in it. */
static void prefetch_leaving(const struct gro *gro)
{
	const struct gro_flow *flows = gro->table.flows;
	uint32_t index = flows[gro->table.oldest].newer;

	if (index == GRO_NONE)
		return;
	rte_prefetch0(rte_pktmbuf_mtod(flows[index].head, void *));
	index = flows[index].newer;
	if (index == GRO_NONE)
		return;
	rte_prefetch0(flows[index].head);
	rte_prefetch0(&flows[index].head->tx_offload);
	index = flows[index].newer;
	if (index == GRO_NONE)
		return;
	for (unsigned i = 0; i < sizeof(flows[0]); i += RTE_CACHE_LINE_SIZE)
		rte_prefetch0((const char *)&flows[index] + i);
}

static void let_oldest_go(struct gro *gro, enum gro_flush why)
{
	prefetch_leaving(gro);
	gro_let_go(gro, gro_oldest(gro), why);
}

unsigned gro_receive(struct gro *gro, struct rte_mbuf *const packets[], unsigned count,
	uint64_t now_tsc, struct rte_mbuf *ret_packets[])
{
	count = RTE_MIN(count, (unsigned)GRO_BURST);
	begin_call(gro, now_tsc, ret_packets,
		gro->settings.timeout_tsc != 0 ? GRO_OUT_FACTOR * count : count);
	gro->counters.packets += count;
	gro_burst(gro, packets, count);
	if (gro->settings.timeout_tsc == 0)
		while (gro_oldest(gro) != NULL)
			let_oldest_go(gro, GRO_FLUSH_end_of_burst);
	leave_ready(gro);
	return gro->out_count;
}

unsigned gro_flush(
	struct gro *gro, uint64_t now_tsc, bool all, struct rte_mbuf *ret_packets[], unsigned room)
{
	begin_call(gro, now_tsc, ret_packets, room);
	while (gro->out_count < room && gro_oldest(gro) != NULL &&
		(all || gro_due_tsc(gro) <= now_tsc))
		let_oldest_go(gro, all ? GRO_FLUSH_asked : GRO_FLUSH_timeout);
	return gro->out_count;
}

uint32_t gro_held(const struct gro *gro)
{
	return gro->held + gro->ready_packets;
}

uint64_t gro_due_tsc(const struct gro *gro)
{
	const struct gro_flow *flow = gro_oldest(gro);

	if (gro->ready_count > 0)
		return 0;
	return flow != NULL ? flow->held_tsc + gro->settings.timeout_tsc : UINT64_MAX;
}

const struct gro_counters *gro_counters(const struct gro *gro)
{
	return &gro->counters;
}

struct gro *gro_destroy(struct gro *gro)
{
	if (gro != NULL) {
		gro_table_fini(&gro->table);
		rte_free(gro->ready);
		rte_free(gro);
	}
	return NULL;
}
