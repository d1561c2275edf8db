/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gso.h"

#include <errno.h>
#include <netinet/in.h>

#include <rte_ethdev.h>

#include "segmentation/gso_parts.h"

enum { IP_PACKET_MAX_BYTES = 65535, SEGMENTS_MAX = 65535 };

/* What a device said of checksums is no longer about these. */
static const uint64_t kept_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED |
	RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED | RTE_MBUF_F_RX_RSS_HASH |
	RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_QINQ;

static void fields_begin(
	struct gso_fields *fields, const struct rte_mbuf *packet, const struct gso_layers *layers)
{
	fields->ol_flags = packet->ol_flags & kept_flags;
	fields->dynamic_flags = packet->ol_flags & gso_dynamic_flags & ~super_note_flag;
	fields->packet_type = packet->packet_type;
	fields->port = packet->port;
	fields->vlan_tci = packet->vlan_tci;
	fields->vlan_tci_outer = packet->vlan_tci_outer;
	fields->timesync = packet->timesync;
	memcpy(&fields->hash, &packet->hash, sizeof(fields->hash));
	memcpy(fields->dynamic, packet->dynfield1, sizeof(fields->dynamic));
	fields->tx_offload = rte_mbuf_tx_offload(
		layers->l2_bytes, layers->l3_bytes, layers->l4_bytes, 0, 0, 0, 0);
}

/* Who makes the checksum of layer 4. What a note says costs nothing, so it does not go to the
 * device. */
static void checksum_begin(const struct gso *gso, struct gso_cut *cut,
	const struct gso_layers *layers, const uint8_t *bytes)
{
	uint64_t offload = cut->tcp ? RTE_ETH_TX_OFFLOAD_TCP_CKSUM : RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

	cut->l4_checked = gso_has_checksum(cut->packet, layers, bytes);
	if (layers->tunnel == GSO_TUNNEL_NONE && cut->way != GSO_FRAGMENT && cut->l4_checked &&
		!cut->sums_noted && (gso->tx_offloads & offload) != 0) {
		cut->l4_checked = false;
		cut->l4_device = true;
		cut->fields.ol_flags |= (layers->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
			(cut->tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	}
}

/* How many segments of what size. UFO that fits is one datagram. */
static int sizes_begin(const struct gso *gso, struct gso_cut *cut, const struct gso_layers *layers)
{
	const struct rte_mbuf *packet = cut->packet;
	uint32_t above_bytes = layers->header_bytes - layers->l2_bytes, bytes, count;
	bool ufo = !cut->tcp && packet->tso_segsz == 0;

	cut->payload_bytes = layers->payload_bytes;
	cut->buffer_offset = cut->header_bytes = layers->header_bytes;
	if (ufo && (gso->mtu == 0 || layers->tunnel != GSO_TUNNEL_NONE))
		return -EINVAL;
	if (ufo && above_bytes + cut->payload_bytes > gso->mtu) {
		cut->way = GSO_FRAGMENT;
		return 0;
	}
	bytes = ufo ? RTE_MAX(cut->payload_bytes, 1u) : packet->tso_segsz;
	if (bytes == 0 || above_bytes + RTE_MIN(bytes, cut->payload_bytes) > IP_PACKET_MAX_BYTES)
		return -EINVAL;
	count = cut->payload_bytes == 0 ? 1 : (cut->payload_bytes + bytes - 1) / bytes;
	if (count > SEGMENTS_MAX)
		return -EINVAL;
	cut->segment_bytes = (uint16_t)bytes;
	cut->count = (uint16_t)count;
	return 0;
}

static void way_begin(struct gso_cut *cut, const struct gso_layers *layers)
{
	bool sole = false,
	     segments = gso_is_chain_of_segments(
		     cut->packet, layers, cut->segment_bytes, layers->header_bytes, &sole);

	cut->way = segments && sole && !layers->jumbo ? GSO_UNCHAIN : GSO_REFER;
	cut->sums_noted = segments && gso_sums_noted(cut->packet);
}

static int prepare(struct gso *gso, struct gso_cut *cut)
{
	const struct rte_mbuf *packet = cut->packet;
	uint64_t kind = packet->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);
	uint8_t scratch[PARSE_INNER_MAX_BYTES];
	struct gso_layers layers;
	const uint8_t *bytes;

	cut->tcp = kind == RTE_MBUF_F_TX_TCP_SEG;
	if (!cut->tcp && kind != RTE_MBUF_F_TX_UDP_SEG)
		return -EINVAL;
	if (gso_layers_find(
		    packet, cut->tcp ? IPPROTO_TCP : IPPROTO_UDP, scratch, &bytes, &layers) != 0 ||
		sizes_begin(gso, cut, &layers) != 0)
		return -EINVAL;
	fields_begin(&cut->fields, packet, &layers);
	if (cut->way != GSO_FRAGMENT)
		way_begin(cut, &layers);
	checksum_begin(gso, cut, &layers, bytes);
	gso_headers_begin(cut, &layers, bytes);
	if (cut->way == GSO_FRAGMENT)
		return gso_fragments_begin(cut, &layers, gso->mtu);
	gso_headers_fit(cut, gso_payload_bytes(cut));
	cut->needs_payload_sum = cut->l4_checked || cut->tunnel_adds_payload;
	return 0;
}

int gso_begin(struct gso *gso, struct rte_mbuf *packet, struct gso_cut *cut)
{
	memset(cut, 0, offsetof(struct gso_cut, headers));
	cut->packet = cut->buffer = packet;
	if (prepare(gso, cut) == 0 &&
		(cut->way == GSO_UNCHAIN ||
			cut->header_bytes <= rte_pktmbuf_data_room_size(gso->pool))) {
		gso->counters.super_packets++;
		return cut->count;
	}
	cut->packet = NULL;
	gso->counters.failed++;
	return -EINVAL;
}

int gso_next(struct gso *gso, struct gso_cut *cut, struct rte_mbuf *ret_segments[], unsigned room)
{
	unsigned made;

	if (cut->packet == NULL || room == 0)
		return 0;
	if (cut->way == GSO_UNCHAIN) {
		made = gso_unchain(cut, ret_segments, room);
		gso->counters.unchained += made;
	} else {
		made = gso_refer(gso, cut, ret_segments, room);
		if (made == 0) {
			gso->counters.failed++;
			return -ENOMEM;
		}
	}
	gso->counters.segments += made;
	return (int)made;
}

void gso_abandon(struct gso *gso, struct gso_cut *cut)
{
	(void)gso;
	rte_pktmbuf_free(cut->packet);
	cut->packet = NULL;
}
