/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/reassembly.h"

#include "segmentation/fragment.h"
#include "segmentation/reassembly_table.h"

enum { PAYLOAD_MAX_BYTES = 65535 };

enum place { PLACE_FREE, PLACE_DUPLICATE, PLACE_OVERLAP };

/* Finds the piece (0: none) after which the fragment belongs. They mostly come in order. */
static enum place place_find(const struct reassembly *reassembly, const struct datagram *datagram,
	const struct fragment *fragment, uint32_t *ret_before)
{
	const struct piece *pieces = reassembly->pieces, *piece = &pieces[datagram->last];
	uint32_t before = 0, after = datagram->first;

	if (datagram->last != 0 && piece->offset + piece->bytes <= fragment->offset) {
		before = datagram->last;
		after = 0;
	}
	while (after != 0 && pieces[after].offset < fragment->offset) {
		before = after;
		after = pieces[after].next;
	}
	*ret_before = before;
	if (after != 0 && pieces[after].offset == fragment->offset &&
		pieces[after].bytes == fragment->bytes)
		return PLACE_DUPLICATE;
	if (before != 0 && pieces[before].offset + pieces[before].bytes > fragment->offset)
		return PLACE_OVERLAP;
	if (after != 0 && fragment->offset + fragment->bytes > pieces[after].offset)
		return PLACE_OVERLAP;
	return PLACE_FREE;
}

/* Whether the fragment agrees with where the datagram ends, and may still fit. */
static bool end_agrees(const struct reassembly *reassembly, const struct datagram *datagram,
	const struct fragment *fragment)
{
	uint32_t end = fragment->offset + fragment->bytes;
	const struct piece *last = &reassembly->pieces[datagram->last];

	if (end > PAYLOAD_MAX_BYTES)
		return false;
	if (!fragment->more)
		return (datagram->end == 0 || datagram->end == end) &&
			(datagram->last == 0 || last->offset + last->bytes <= end);
	return datagram->end == 0 || end <= datagram->end;
}

/* Not both packets that say something of congestion and such that do not. */
static bool ecns_agree(uint8_t ecns)
{
	return (ecns & 1) == 0 || ecns == 1;
}

/* All of it goes, what still comes too: it stays in the table, without pieces. */
static struct rte_mbuf *datagram_reject(
	struct reassembly *reassembly, struct datagram *datagram, struct rte_mbuf *packet)
{
	if (!datagram->rejected)
		reassembly->counters.rejected++;
	datagram->rejected = true;
	pieces_drop(reassembly, datagram);
	reassembly->settings.drop(reassembly->settings.context, packet);
	return NULL;
}

/* All pieces are there: makes one packet of them. */
static struct rte_mbuf *datagram_join(struct reassembly *reassembly, struct datagram *datagram)
{
	const struct piece *piece = &reassembly->pieces[datagram->first];
	uint16_t header_bytes = piece->header_bytes;
	uint32_t parts = datagram->count;
	struct rte_mbuf *whole, *tail;

	fragment_trim(piece->packet, header_bytes + piece->bytes);
	whole = piece_take(reassembly, datagram);
	tail = rte_pktmbuf_lastseg(whole);
	while (datagram->first != 0) {
		struct rte_mbuf *packet;

		piece = &reassembly->pieces[datagram->first];
		fragment_trim(piece->packet, piece->header_bytes + piece->bytes);
		packet = fragment_payload(piece->packet, piece->header_bytes);
		piece_take(reassembly, datagram);
		tail->next = packet;
		tail = rte_pktmbuf_lastseg(packet);
		whole->nb_segs += packet->nb_segs;
		whole->pkt_len += packet->pkt_len;
	}
	if (!fragment_finish(whole, header_bytes, datagram->ecns)) {
		reassembly->counters.rejected++;
		reassembly->settings.drop(reassembly->settings.context, whole);
		whole = NULL;
	} else {
		reassembly->counters.whole++;
	}
	reassembly->counters.merged += parts - 1;
	datagram_remove(reassembly, datagram);
	return whole;
}

static struct rte_mbuf *fragment_insert(struct reassembly *reassembly,
	const struct fragment *fragment, struct rte_mbuf *packet, uint64_t now_tsc)
{
	uint32_t bucket = datagram_bucket(reassembly, &fragment->key), before;
	struct datagram *datagram = datagram_find(reassembly, &fragment->key, bucket);
	enum place place;

	if (datagram == NULL)
		datagram = datagram_add(reassembly, &fragment->key, bucket, now_tsc);
	place = place_find(reassembly, datagram, fragment, &before);
	if (place == PLACE_DUPLICATE) {
		reassembly->counters.duplicates++;
		reassembly->settings.drop(reassembly->settings.context, packet);
		return NULL;
	}
	if (datagram->rejected || place == PLACE_OVERLAP ||
		!end_agrees(reassembly, datagram, fragment) ||
		!ecns_agree(datagram->ecns | fragment->ecn) ||
		datagram->count == REASSEMBLY_FRAGMENTS_MAX ||
		!piece_make_room(reassembly, datagram))
		return datagram_reject(reassembly, datagram, packet);
	piece_add(reassembly, datagram, fragment, packet, before);
	return datagram->bytes == datagram->end ? datagram_join(reassembly, datagram) : NULL;
}

/* ---- the ways in and out ---- */

struct rte_mbuf *reassembly_receive(
	struct reassembly *reassembly, struct rte_mbuf *packet, uint64_t now_tsc)
{
	struct fragment fragment;
	enum fragment_kind kind = fragment_read(packet, &fragment);

	if (kind == FRAGMENT_NONE)
		return packet;
	reassembly->counters.fragments++;
	if (kind == FRAGMENT_MALFORMED) {
		reassembly->counters.malformed++;
		reassembly->settings.drop(reassembly->settings.context, packet);
		return NULL;
	}
	if (fragment.offset == 0 && !fragment.more) { /* only IPv6 has such */
		fragment_trim(packet, fragment.header_bytes + fragment.bytes);
		fragment_finish(packet, fragment.header_bytes, fragment.ecn);
		reassembly->counters.whole++;
		return packet;
	}
	return fragment_insert(reassembly, &fragment, packet, now_tsc);
}

void reassembly_expire(struct reassembly *reassembly, uint64_t now_tsc)
{
	while (reassembly->oldest != 0) {
		const struct datagram *oldest = &reassembly->datagrams[reassembly->oldest];

		/* As signed: `now_tsc` may have been read before the last fragment came. */
		if ((int64_t)(now_tsc - oldest->since_tsc) <
			(int64_t)reassembly->settings.timeout_tsc)
			return;
		reassembly->counters.timeouts += !oldest->rejected;
		datagram_drop_oldest(reassembly);
	}
}

unsigned reassembly_release(
	struct reassembly *reassembly, struct rte_mbuf *ret_packets[], unsigned room)
{
	unsigned count = 0;

	while (reassembly->oldest != 0 && count < room) {
		struct datagram *datagram = &reassembly->datagrams[reassembly->oldest];

		while (datagram->first != 0 && count < room)
			ret_packets[count++] = piece_take(reassembly, datagram);
		if (datagram->first == 0)
			datagram_remove(reassembly, datagram);
	}
	return count;
}

uint32_t reassembly_held(const struct reassembly *reassembly)
{
	return reassembly->held;
}

const struct reassembly_counters *reassembly_counters(const struct reassembly *reassembly)
{
	return &reassembly->counters;
}
