/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a candidate merges into what is held of its flow: the comparison under the mask, and the
 * rules of the fields that the mask leaves out.
 */
#ifndef WEIR_SEGMENTATION_GRO_MATCH_H
#define WEIR_SEGMENTATION_GRO_MATCH_H

#include "segmentation/gro_describe.h"
#include "segmentation/gro_flow.h"

enum { GRO_IP_MAX_BYTES = 65535, GRO_UDP_SEGMENTS = 64 };
enum { GRO_MATCHES = -1 };
enum { GRO_COMPARE_BYTES = 16 }; /* at a time; headers have 42 at least */

static inline __m128i gro_load128(const uint8_t *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

/* The last step overlaps the one before: nothing behind the headers is read. */
static inline bool gro_headers_equal(
	const uint8_t *held, const uint8_t *frame, const uint8_t *mask, uint32_t bytes)
{
	const uint32_t last = bytes - GRO_COMPARE_BYTES;
	__m128i differ =
		_mm_and_si128(_mm_xor_si128(gro_load128(held + last), gro_load128(frame + last)),
			gro_load128(mask + last));

	for (uint32_t i = 0; i < last; i += GRO_COMPARE_BYTES)
		differ = _mm_or_si128(differ,
			_mm_and_si128(_mm_xor_si128(gro_load128(held + i), gro_load128(frame + i)),
				gro_load128(mask + i)));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

static inline void gro_headers_copy(uint8_t *held, const uint8_t *frame, uint32_t bytes)
{
	const uint32_t last = bytes - GRO_COMPARE_BYTES;

	for (uint32_t i = 0; i < last; i += GRO_COMPARE_BYTES)
		_mm_storeu_si128((__m128i *)(held + i), gro_load128(frame + i));
	_mm_storeu_si128((__m128i *)(held + last), gro_load128(frame + last));
}

/* IPv4 ids: each packet has one more than the last, or, where that is allowed, all have the same.
 * The second packet decides; `state_bit` keeps that they are the same. */
static inline bool gro_id_follows(
	struct gro_flow *flow, const uint8_t *ip, uint16_t *next, bool classic, uint8_t state_bit)
{
	const uint16_t id = load_be16(ip + 4);

	if (likely(id == *next)) {
		*next = (uint16_t)(id + (flow->state & state_bit ? 0 : 1));
		return true;
	}
	if (flow->segments > 1 || (uint16_t)(id + 1) != *next || (classic && !(ip[6] & 0x40)))
		return false; /* no DF */
	flow->state |= state_bit;
	*next = id;
	return true;
}

/* An outer UDP checksum is in all packets or in none. */
static inline bool gro_outer_checksum_alike(const struct gro_flow *flow, const uint8_t *frame)
{
	const uint32_t offset = flow->layout.outer_udp + 6u;

	if (likely(flow->layout.outer_udp == 0))
		return true;
	return (gro_load16(flow->headers + offset) == 0) == (gro_load16(frame + offset) == 0);
}

static inline bool gro_tags_alike(const struct gro_flow *flow, const struct rte_mbuf *packet)
{
	if (likely(!(flow->state & GRO_STATE_TAGS) && !gro_has_tags(packet)))
		return true;
	return (flow->state & GRO_STATE_TAGS) && gro_has_tags(packet) &&
		flow->tags == gro_tags(packet);
}

/* A packet taken apart once, in registers: what is stored into flows could otherwise have changed
 * it, for all the compiler knows. */
struct gro_view {
	const uint8_t *frame, *ip, *l4;
	uint32_t header_bytes, payload_bytes;
	bool ipv6, tcp;
	uint8_t tcp_flags; /* UDP: 0 */
};

static inline __attribute__((always_inline)) struct gro_view gro_view(
	const struct rte_mbuf *packet, const union gro_layout layout)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const bool tcp = layout.kind & GRO_KIND_TCP;

	return (struct gro_view){.frame = frame,
		.ip = frame + layout.ip,
		.l4 = frame + layout.l4,
		.header_bytes = layout.header_bytes,
		.payload_bytes = packet->data_len - (uint32_t)layout.header_bytes,
		.ipv6 = layout.kind & GRO_KIND_IPV6,
		.tcp = tcp,
		.tcp_flags = tcp ? frame[layout.l4 + 13] : 0};
}

/* What plain packets need not be asked. */
static inline bool gro_match_apart(
	struct gro_flow *flow, const struct rte_mbuf *packet, const uint8_t *frame, bool classic)
{
	if (!gro_tags_alike(flow, packet) || !gro_outer_checksum_alike(flow, frame))
		return false;
	return (flow->layout.kind & (GRO_KIND_TUNNEL | GRO_KIND_OUTER_IPV6)) != GRO_KIND_TUNNEL ||
		gro_id_follows(flow, frame + flow->layout.outer_ip, &flow->next_outer_id, classic,
			GRO_STATE_OUTER_ID_FIXED);
}

/* Whether a candidate follows what is held: GRO_MATCHES, then it has to be merged; or the enum
 * gro_flush that says why not, then what is held has to go. */
static inline __attribute__((always_inline)) int gro_match(struct gro_flow *flow,
	const struct rte_mbuf *packet, const struct gro_rulebook *rules,
	const union gro_layout layout, const uint8_t mask[GRO_HEADER_MAX],
	const struct gro_view *view, bool plain)
{
	if (unlikely(flow->layout.key != layout.key || (plain && (flow->state & GRO_STATE_TAGS)) ||
		    !gro_headers_equal(flow->headers, view->frame, mask, view->header_bytes) ||
		    (view->tcp_flags & rules->refused_flags)))
		return GRO_FLUSH_header;
	if (unlikely(view->tcp && load_be32(view->l4 + 4) != flow->next_sequence))
		return GRO_FLUSH_sequence;
	if (unlikely(view->payload_bytes > flow->segment_bytes ||
		    flow->ip_bytes + view->payload_bytes > GRO_IP_MAX_BYTES))
		return GRO_FLUSH_size;
	if (unlikely(!view->ipv6 &&
		    !gro_id_follows(
			    flow, view->ip, &flow->next_id, rules->classic, GRO_STATE_ID_FIXED)))
		return GRO_FLUSH_header;
	if (!plain && !gro_match_apart(flow, packet, view->frame, rules->classic))
		return GRO_FLUSH_header;
	return GRO_MATCHES;
}

#endif
