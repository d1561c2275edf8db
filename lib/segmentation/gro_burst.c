/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way through a burst, for plain packets that follow what is held of their flow. While
 * a flow is held, only its own lines and the new buffer are touched, and the last buffer's link:
 * headers and lengths of the merged packet are written once, when it leaves.
 *
 * In three passes, since each is a chain of waits that those of other packets can fill: the first
 * finds hashes and sets the buckets on the way into the cache; the second finds the flows that the
 * buckets name, and sets those on the way; the third merges.
 */
#include "segmentation/gro_burst.h"

#include "segmentation/gro_describe.h"
#include "segmentation/gro_join.h"
#include "segmentation/gro_match.h"
#include "segmentation/gro_parts.h"

enum { PREFETCH_AHEAD = 4 };

struct burst {
	struct rte_mbuf *const *packets;
	unsigned count;
	uint32_t hashes[GRO_BURST]; /* 0: not plain, or of no use */
	struct gro_flow *flows[GRO_BURST]; /* held when the burst came; NULL: none */
};

/* What bulk traffic looks like: Ethernet, IP, TCP with timestamps. Known offsets save a third. */
static const union gro_layout tcp4_stamps = {
	.header_bytes = 66, .ip = 14, .l4 = 34, .kind = GRO_KIND_TCP};
static const union gro_layout tcp6_stamps = {
	.header_bytes = 86, .ip = 14, .l4 = 54, .kind = GRO_KIND_TCP | GRO_KIND_IPV6};

static inline __attribute__((always_inline)) uint32_t hash_as(
	const struct rte_mbuf *packet, const union gro_layout layout)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);

	return gro_plain_flow(gro_plain_addresses(packet, frame, layout), frame, layout);
}

static inline uint32_t hash_of(struct gro *gro, const struct rte_mbuf *packet)
{
	const union gro_layout layout = gro_shape_of(&gro->rules, packet)->layout;

	if (unlikely(!gro_is_plain(packet, &layout)))
		return 0;
	return likely(layout.key == tcp4_stamps.key) ? hash_as(packet, tcp4_stamps)
						     : hash_as(packet, layout);
}

static void find_hashes(struct gro *gro, struct burst *burst)
{
	for (unsigned i = 0; i < burst->count; i++) {
		if (i + PREFETCH_AHEAD < burst->count)
			rte_prefetch0(rte_pktmbuf_mtod(burst->packets[i + PREFETCH_AHEAD], void *));
		burst->hashes[i] = hash_of(gro, burst->packets[i]);
		rte_prefetch0(gro_table_bucket(&gro->table, burst->hashes[i]));
	}
}

/* Packets of a flow often come in a row: then it is known already. */
static void find_flows(struct gro *gro, struct burst *burst)
{
	struct gro_flow *flow = NULL;
	uint32_t last = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		const uint32_t hash = burst->hashes[i];

		if (hash != last) {
			last = hash;
			flow = hash != 0 ? gro_table_find(&gro->table, hash) : NULL;
			if (likely(flow != NULL)) {
				rte_prefetch0(flow);
				rte_prefetch0((char *)flow + RTE_CACHE_LINE_SIZE);
			}
		}
		burst->flows[i] = flow;
	}
}

/* Headers that equal those of a candidate keep its rules, so only the fields that the mask leaves
 * out are looked at. false: it is still to be received. */
static inline __attribute__((always_inline)) bool receive_as(struct gro *gro, struct gro_flow *flow,
	struct rte_mbuf *packet, const struct gro_shape *shape, const union gro_layout layout)
{
	const struct gro_view view = gro_view(packet, layout);
	const uint32_t length = packet->data_len;

	if (unlikely(!gro_ip_masked_part_keeps_rules(view.ip, view.ipv6, length - layout.ip) ||
		    !gro_l4_masked_part_keeps_rules(view.l4, view.tcp, length - layout.l4) ||
		    gro_checksum_is_partial(packet) ||
		    (gro->rules.verify && !gro_checksums_right(packet, &shape->layout)) ||
		    gro_match(flow, packet, &gro->rules, layout, shape->mask, &view, true) !=
			    GRO_MATCHES))
		return false;
	gro_join(gro, flow, packet, &layout, &view);
	return true;
}

static inline bool receive_next(struct gro *gro, struct gro_flow *flow, struct rte_mbuf *packet)
{
	const struct gro_shape *shape = gro_shape_of(&gro->rules, packet);

	if (likely(shape->layout.key == tcp4_stamps.key))
		return receive_as(gro, flow, packet, shape, tcp4_stamps);
	if (shape->layout.key == tcp6_stamps.key)
		return receive_as(gro, flow, packet, shape, tcp6_stamps);
	return receive_as(gro, flow, packet, shape, shape->layout);
}

void gro_burst(struct gro *gro, struct rte_mbuf *const packets[], unsigned count)
{
	struct burst burst = {.packets = packets, .count = count};

	if (unlikely(gro->settings.lro)) { /* has rules of its own */
		for (unsigned i = 0; i < count; i++)
			gro_receive_apart(gro, packets[i]);
		return;
	}
	find_hashes(gro, &burst);
	find_flows(gro, &burst);
	for (unsigned i = 0; i < count; i++) {
		struct gro_flow *flow = burst.flows[i];

		if (i + PREFETCH_AHEAD < count && burst.flows[i + PREFETCH_AHEAD] != NULL)
			rte_prefetch0(&burst.flows[i + PREFETCH_AHEAD]->tail->next);
		/* It may have come, gone or become another one within the burst. */
		if ((flow == NULL || flow->hash != burst.hashes[i]) && burst.hashes[i] != 0)
			flow = gro_table_find(&gro->table, burst.hashes[i]);
		if (unlikely(flow == NULL || !receive_next(gro, flow, packets[i])))
			gro_receive_apart(gro, packets[i]);
	}
}
