/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst takes three passes, so that no packet waits for memory: what each packet is, with its
 * bucket on the way into the cache; then, when flows are many, the flow that its bucket names; then
 * merging in the order of arrival.
 *
 * While a flow is held, only its own lines and the new buffer are touched, and the last buffer's
 * link: headers and lengths of the merged packet are written once, when it leaves.
 */
#include "segmentation/gro.h"

#include <errno.h>

#include <rte_malloc.h>

#include "segmentation/gro_checksum.h"
#include "segmentation/gro_complete.h"
#include "segmentation/gro_describe.h"
#include "segmentation/gro_flow.h"
#include "segmentation/gro_match.h"
#include "segmentation/super_packet.h"

enum { BURST = 64, PREFETCH_AHEAD = 4, FLOWS_IN_CACHE = 64 };

struct gro {
	struct gro_settings settings;
	struct gro_rulebook rulebook;
	struct gro_counters counters;
	struct gro_table table;
	uint32_t held; /* packets, each of one buffer, in flows */
	uint32_t ready_packets; /* in the ring */
	uint64_t now_tsc;
	/* Of the call under way. */
	struct rte_mbuf **out;
	uint32_t out_count, out_room;
	/* What has to leave when there is no room: a ring. All that leaves later goes behind it. */
	struct rte_mbuf **ready;
	uint32_t ready_mask, ready_first, ready_count;
	struct gro_shapes shapes;
};

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
	if (settings->lro && settings->lro_bytes < GRO_IP_MAX_BYTES)
		return error_set(error, EINVAL,
			"gro: lro makes packets of %u bytes or more, not %u", GRO_IP_MAX_BYTES,
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
	ready = rte_align32pow2(settings->flows + BURST);
	gro->ready = rte_zmalloc_socket("gro", ready * sizeof(*gro->ready), 0, socket);
	gro->ready_mask = ready - 1;
	gro->settings = *settings;
	gro->rulebook = (struct gro_rulebook){
		settings->tcp, settings->udp, settings->tunnels, settings->verify};
	gro->shapes.cwr_apart = settings->rules == GRO_RULES_CLASSIC;
	if (gro->ready != NULL && gro_table_init(&gro->table, settings->flows, socket) == 0)
		return gro;
	rte_free(gro->ready);
	rte_free(gro);
no_memory:
	error_set(error, ENOMEM, "gro: no memory for %u flows", settings->flows);
	return NULL;
}

static inline void leave(struct gro *gro, struct rte_mbuf *packet)
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

static inline void flush(struct gro *gro, struct gro_flow *flow, enum gro_flush why)
{
	struct rte_mbuf *head = flow->head;

	gro->counters.flushes[why]++;
	gro->held -= flow->segments;
	if (flow->segments > 1) {
		gro_complete(flow);
		gro->counters.super_packets++;
	}
	gro_table_remove(&gro->table, flow);
	leave(gro, head);
}

static inline struct gro_flow *oldest(const struct gro *gro)
{
	return gro->table.oldest != GRO_NONE ? &gro->table.flows[gro->table.oldest] : NULL;
}

static void hold(struct gro *gro, struct rte_mbuf *packet, const struct gro_packet *description)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const union gro_layout *layout = &description->layout;
	const bool tunnel = layout->kind & GRO_KIND_TUNNEL;
	struct gro_flow *flow;

	while ((flow = gro_table_add(&gro->table, description->flow, description->addresses,
			gro->now_tsc)) == NULL)
		flush(gro, gro_table_crowded(&gro->table, description->flow), GRO_FLUSH_full);
	flow->head = flow->tail = packet;
	flow->layout = *layout;
	flow->state = 0;
	flow->tcp_flags = description->tcp_flags;
	flow->segments = 1;
	flow->segment_bytes = (uint16_t)description->payload_bytes;
	flow->ip_bytes = packet->data_len - (tunnel ? layout->outer_ip : layout->ip);
	if (layout->kind & GRO_KIND_TCP)
		flow->next_sequence =
			load_be32(frame + layout->l4 + 4) + description->payload_bytes;
	flow->id = load_be16(frame + layout->ip + 4);
	flow->outer_id = load_be16(frame + layout->outer_ip + 4);
	if (unlikely(gro_has_tags(packet))) {
		flow->state = GRO_STATE_TAGS;
		flow->tags = gro_tags(packet);
	}
	gro_headers_copy(flow->headers, frame, layout->header_bytes);
	gro->held++;
}

/* Its headers stay in front of its payload, in the headroom. */
static inline void join(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet,
	const struct gro_packet *description)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const uint32_t payload_bytes = description->payload_bytes;

	if (flow->segments == 1) {
		flow->base_sum = gro_base_sum(frame, &flow->layout);
		if (description->tcp_flags & GRO_TCP_CWR)
			flow->state |= GRO_STATE_CWR_EACH;
	}
	super_note(packet)->payload_sum =
		gro_payload_sum(frame, &flow->layout, flow->base_sum, payload_bytes);
	packet->data_off += flow->layout.header_bytes;
	packet->data_len = (uint16_t)payload_bytes;
	packet->pkt_len = payload_bytes;
	flow->tail->next = packet;
	flow->tail = packet;
	flow->segments++;
	flow->next_sequence += payload_bytes;
	flow->ip_bytes += payload_bytes;
	flow->tcp_flags |= description->tcp_flags & GRO_TCP_LAST;
	gro->counters.merged++;
	gro->held++;
}

/* Whether what was just merged is the last of its super-packet. */
static inline void end_where_due(
	struct gro *gro, struct gro_flow *flow, const struct gro_packet *description)
{
	if (unlikely(description->tcp_flags & GRO_TCP_LAST))
		flush(gro, flow, GRO_FLUSH_push);
	else if (unlikely(description->payload_bytes < flow->segment_bytes))
		flush(gro, flow, GRO_FLUSH_short_segment);
	else if (unlikely(
			 flow->segments == GRO_UDP_SEGMENTS && !(flow->layout.kind & GRO_KIND_TCP)))
		flush(gro, flow, GRO_FLUSH_size);
}

static inline void receive_candidate(
	struct gro *gro, struct rte_mbuf *packet, const struct gro_packet *description)
{
	struct gro_flow *flow = gro_table_find(&gro->table, description->flow);
	int verdict;

	gro->counters.candidates++;
	if (flow != NULL) {
		verdict = gro_match(flow, packet, description,
			gro_shape_find(&gro->shapes, &description->layout)->mask,
			gro->shapes.cwr_apart);
		if (likely(verdict == GRO_MATCHES)) {
			join(gro, flow, packet, description);
			end_where_due(gro, flow, description);
			goto bound;
		}
		flush(gro, flow, (enum gro_flush)verdict);
	}
	if (description->tcp_flags & GRO_TCP_LAST) {
		leave(gro, packet);
		return;
	}
	hold(gro, packet, description);
bound:
	if (unlikely(gro->held > gro->settings.buffers))
		flush(gro, oldest(gro), GRO_FLUSH_full);
}

/* Goes as it came, behind all that is held of its flow. */
static __attribute__((noinline)) void pass(
	struct gro *gro, struct rte_mbuf *packet, const struct gro_packet *description)
{
	struct gro_flow *flow = NULL;

	if (description->class == GRO_CLASS_PORTLESS)
		while ((flow = gro_table_find_addresses(&gro->table, description->addresses)) !=
			NULL)
			flush(gro, flow, GRO_FLUSH_not_mergeable);
	else if (description->class != GRO_CLASS_ALIEN)
		flow = gro_table_find(&gro->table, description->flow);
	if (description->class == GRO_CLASS_BAD)
		gro->counters.bad_checksums++;
	if (flow != NULL)
		flush(gro, flow,
			description->class == GRO_CLASS_BAD ? GRO_FLUSH_checksum
							    : GRO_FLUSH_not_mergeable);
	leave(gro, packet);
}

static void describe_burst(struct gro *gro, struct rte_mbuf *const packets[], unsigned count,
	struct gro_packet descriptions[])
{
	const struct gro_rulebook rulebook = gro->rulebook;

	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + PREFETCH_AHEAD], void *));
		if (!gro_describe_plain(&rulebook, packets[i], &descriptions[i]))
			gro_describe(&rulebook, packets[i], &descriptions[i]);
		rte_prefetch0(gro_table_bucket(&gro->table, descriptions[i].flow));
	}
	if (gro->table.used > FLOWS_IN_CACHE)
		for (unsigned i = 0; i < count; i++)
			gro_table_prefetch(&gro->table, descriptions[i].flow);
}

static void begin_call(struct gro *gro, uint64_t now_tsc, struct rte_mbuf *out[], uint32_t room)
{
	gro->now_tsc = now_tsc;
	gro->out = out;
	gro->out_count = 0;
	gro->out_room = room;
	leave_ready(gro);
}

unsigned gro_receive(struct gro *gro, struct rte_mbuf *const packets[], unsigned count,
	uint64_t now_tsc, struct rte_mbuf *ret_packets[])
{
	struct gro_packet descriptions[BURST];

	count = RTE_MIN(count, (unsigned)BURST);
	begin_call(gro, now_tsc, ret_packets,
		gro->settings.timeout_tsc != 0 ? GRO_OUT_FACTOR * count : count);
	gro->counters.packets += count;
	describe_burst(gro, packets, count, descriptions);
	for (unsigned i = 0; i < count; i++) {
		if (likely(descriptions[i].class == GRO_CLASS_CANDIDATE))
			receive_candidate(gro, packets[i], &descriptions[i]);
		else
			pass(gro, packets[i], &descriptions[i]);
	}
	if (gro->settings.timeout_tsc == 0)
		while (oldest(gro) != NULL)
			flush(gro, oldest(gro), GRO_FLUSH_end_of_burst);
	leave_ready(gro);
	return gro->out_count;
}

unsigned gro_flush(
	struct gro *gro, uint64_t now_tsc, bool all, struct rte_mbuf *ret_packets[], unsigned room)
{
	begin_call(gro, now_tsc, ret_packets, room);
	while (gro->out_count < room && oldest(gro) != NULL && (all || gro_due_tsc(gro) <= now_tsc))
		flush(gro, oldest(gro), all ? GRO_FLUSH_asked : GRO_FLUSH_timeout);
	return gro->out_count;
}

uint32_t gro_held(const struct gro *gro)
{
	return gro->held + gro->ready_packets;
}

uint64_t gro_due_tsc(const struct gro *gro)
{
	const struct gro_flow *flow = oldest(gro);

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
