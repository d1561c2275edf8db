/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way through a burst, for plain packets that follow what is held of their flow. While
 * a flow is held, only its own lines and the new buffer are touched, and the last buffer's link:
 * headers and lengths of the merged packet are written once, when it leaves.
 *
 * With many flows held, no packet waits for memory: a first pass finds hashes and sets the buckets
 * on the way into the cache, a second the flows that the buckets name, a third merges.
 */
#include "segmentation/gro_burst.h"

#include "segmentation/gro_describe.h"
#include "segmentation/gro_join.h"
#include "segmentation/gro_match.h"
#include "segmentation/gro_parts.h"

enum { PREFETCH_AHEAD = 4, FLOWS_IN_CACHE = 96 };

/* Headers that equal those of a candidate keep its rules, so only the fields that the mask leaves
 * out are looked at. false: it is still to be received. */
static inline __attribute__((always_inline)) bool receive_next(
	struct gro *gro, struct rte_mbuf *packet, const struct gro_shape *shape, uint32_t hash)
{
	struct gro_flow *flow = gro_table_find(&gro->table, hash);

	if (unlikely(flow == NULL ||
		    !gro_masked_part_keeps_rules(rte_pktmbuf_mtod(packet, const uint8_t *),
			    packet->data_len, &shape->layout) ||
		    gro_checksum_is_partial(packet) ||
		    (gro->rules.verify && !gro_checksums_right(packet, &shape->layout)) ||
		    gro_match(flow, packet, &gro->rules, shape, true) != GRO_MATCHES))
		return false;
	gro_join(gro, flow, packet, shape);
	return true;
}

static inline __attribute__((always_inline)) bool hash_of(struct gro *gro,
	const struct rte_mbuf *packet, const struct gro_shape **ret_shape, uint32_t *ret_hash)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const struct gro_shape *shape = gro_shape_of(&gro->rules, packet);

	if (unlikely(!gro_is_plain(packet, &shape->layout)))
		return false;
	*ret_shape = shape;
	*ret_hash =
		gro_plain_flow(gro_plain_addresses(packet, frame, &shape->layout), frame, shape);
	return true;
}

static void burst_few(struct gro *gro, struct rte_mbuf *const packets[], unsigned count)
{
	const struct gro_shape *shape;
	uint32_t hash;

	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + PREFETCH_AHEAD], void *));
		if (unlikely(!hash_of(gro, packets[i], &shape, &hash) ||
			    !receive_next(gro, packets[i], shape, hash)))
			gro_receive_apart(gro, packets[i]);
	}
}

static void prefetch_flows(
	struct gro *gro, struct rte_mbuf *const packets[], unsigned count, uint32_t hashes[])
{
	const struct gro_shape *shape;

	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + PREFETCH_AHEAD], void *));
		if (likely(hash_of(gro, packets[i], &shape, &hashes[i])))
			rte_prefetch0(gro_table_bucket(&gro->table, hashes[i]));
		else
			hashes[i] = 0;
	}
	for (unsigned i = 0; i < count; i++)
		gro_table_prefetch(&gro->table, hashes[i]);
}

static void burst_many(struct gro *gro, struct rte_mbuf *const packets[], unsigned count)
{
	uint32_t hashes[GRO_BURST];

	prefetch_flows(gro, packets, count, hashes);
	for (unsigned i = 0; i < count; i++) {
		const struct gro_shape *shape = gro_shape_of(&gro->rules, packets[i]);

		if (unlikely(!gro_is_plain(packets[i], &shape->layout) ||
			    !receive_next(gro, packets[i], shape, hashes[i])))
			gro_receive_apart(gro, packets[i]);
	}
}

void gro_burst(struct gro *gro, struct rte_mbuf *const packets[], unsigned count)
{
	if (gro->table.used <= FLOWS_IN_CACHE)
		burst_few(gro, packets, count);
	else
		burst_many(gro, packets, count);
}
