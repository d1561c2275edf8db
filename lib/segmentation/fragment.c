/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/fragment.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "steering/receive.h"

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, FRAGMENT_BYTES = 8, ETHER_BYTES = 14, VLAN_BYTES = 4 };
enum { IPV4_TOTAL = 2, IPV4_ID = 4, IPV4_FLAGS = 6, IPV4_PROTOCOL = 9, IPV4_CHECKSUM = 10 };
enum { IPV4_MORE = 0x2000, IPV4_OFFSET = 0x1fff, IPV6_MORE = 1, OFFSET_UNIT_BYTES = 8 };
enum { ECN_CE = 3, VLAN_ID_MASK = 0xfff };

static void put_be16(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* The same addresses and ids in two VLANs are two datagrams. */
static void read_vlans(const struct rte_mbuf *packet, const uint8_t *frame, uint16_t vlans[3])
{
	uint32_t at = ETHER_BYTES - 2;

	if (packet->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vlans[0] = (packet->vlan_tci & VLAN_ID_MASK) + 1;
	for (unsigned i = 1; i < 3 && at + VLAN_BYTES + 2 <= packet->l2_len;
		i++, at += VLAN_BYTES) {
		uint16_t type = load_be16(frame + at);

		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ &&
			type != RTE_ETHER_TYPE_QINQ1)
			return;
		vlans[i] = (load_be16(frame + at + 2) & VLAN_ID_MASK) + 1;
	}
}

static enum fragment_kind read_ipv4(
	const uint8_t *ip, uint32_t l3_bytes, uint32_t present, struct fragment *fragment)
{
	uint32_t total = load_be16(ip + IPV4_TOTAL), flags = load_be16(ip + IPV4_FLAGS);

	if (total > present || total <= l3_bytes)
		return FRAGMENT_MALFORMED;
	memcpy(fragment->key.source, ip + 12, 4);
	memcpy(fragment->key.destination, ip + 16, 4);
	fragment->key.id = load_be16(ip + IPV4_ID);
	fragment->key.protocol = ip[IPV4_PROTOCOL];
	fragment->key.version = 4;
	fragment->offset = (flags & IPV4_OFFSET) * OFFSET_UNIT_BYTES;
	fragment->bytes = total - l3_bytes;
	fragment->more = (flags & IPV4_MORE) != 0;
	fragment->ecn = (uint8_t)(1 << (ip[1] & 3));
	return FRAGMENT_FINE;
}

/* The fragment header is the last of those that were found. */
static enum fragment_kind read_ipv6(
	const uint8_t *ip, uint32_t l3_bytes, uint32_t present, struct fragment *fragment)
{
	const uint8_t *header = ip + l3_bytes - FRAGMENT_BYTES;
	uint32_t total = IPV6_BYTES + load_be16(ip + 4), place = load_be16(header + 2);

	if (total > present || total <= l3_bytes)
		return FRAGMENT_MALFORMED;
	memcpy(fragment->key.source, ip + 8, 16);
	memcpy(fragment->key.destination, ip + 24, 16);
	fragment->key.id = load_be32(header + 4);
	fragment->key.version = 6;
	fragment->offset = place & ~7u;
	fragment->bytes = total - l3_bytes;
	fragment->more = (place & IPV6_MORE) != 0;
	fragment->ecn = (uint8_t)(1 << (ip[1] >> 4 & 3));
	return FRAGMENT_FINE;
}

enum fragment_kind fragment_read(const struct rte_mbuf *packet, struct fragment *ret_fragment)
{
	const bool ipv4 = RTE_ETH_IS_IPV4_HDR(packet->packet_type);
	const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
	const uint32_t header_bytes = (uint32_t)packet->l2_len + packet->l3_len;
	const uint32_t present = packet->pkt_len - packet->l2_len;
	enum fragment_kind kind;

	if ((packet->packet_type & RTE_PTYPE_L4_MASK) != RTE_PTYPE_L4_FRAG ||
		packet->data_len < header_bytes || packet->l2_len < ETHER_BYTES ||
		packet->l3_len < (ipv4 ? IPV4_BYTES : IPV6_BYTES + FRAGMENT_BYTES))
		return FRAGMENT_NONE;
	memset(ret_fragment, 0, sizeof(*ret_fragment));
	ret_fragment->header_bytes = (uint16_t)header_bytes;
	kind = ipv4 ? read_ipv4(frame + packet->l2_len, packet->l3_len, present, ret_fragment)
		    : read_ipv6(frame + packet->l2_len, packet->l3_len, present, ret_fragment);
	if (kind == FRAGMENT_MALFORMED ||
		(ret_fragment->more && ret_fragment->bytes % OFFSET_UNIT_BYTES != 0))
		return FRAGMENT_MALFORMED;
	read_vlans(packet, frame, ret_fragment->key.vlans);
	return FRAGMENT_FINE;
}

void fragment_trim(struct rte_mbuf *packet, uint32_t length)
{
	struct rte_mbuf *last = packet, *rest;
	uint32_t before = 0; /* bytes in front of `last` */

	while (last->next != NULL && before + last->data_len < length) {
		before += last->data_len;
		last = last->next;
	}
	rest = last->next;
	last->next = NULL;
	last->data_len = (uint16_t)(length - before);
	packet->pkt_len = length;
	for (; rest != NULL; packet->nb_segs--) {
		struct rte_mbuf *next = rest->next;

		rte_pktmbuf_free_seg(rest);
		rest = next;
	}
}

struct rte_mbuf *fragment_payload(struct rte_mbuf *packet, uint16_t header_bytes)
{
	struct rte_mbuf *next = packet->next;

	rte_pktmbuf_adj(packet, header_bytes);
	if (packet->data_len > 0 || next == NULL)
		return packet;
	next->pkt_len = packet->pkt_len;
	next->nb_segs = packet->nb_segs - 1;
	rte_pktmbuf_free_seg(packet);
	return next;
}

static void finish_ipv4(uint8_t *ip, uint32_t total, bool congested)
{
	uint16_t before[3], after[3], checksum;
	uint32_t change = 0;

	memcpy(&before[0], ip, 2);
	memcpy(&before[1], ip + IPV4_TOTAL, 2);
	memcpy(&before[2], ip + IPV4_FLAGS, 2);
	if (congested)
		ip[1] |= ECN_CE;
	put_be16(ip + IPV4_TOTAL, total);
	put_be16(
		ip + IPV4_FLAGS, load_be16(ip + IPV4_FLAGS) & ~(unsigned)(IPV4_MORE | IPV4_OFFSET));
	memcpy(&after[0], ip, 2);
	memcpy(&after[1], ip + IPV4_TOTAL, 2);
	memcpy(&after[2], ip + IPV4_FLAGS, 2);
	for (unsigned i = 0; i < 3; i++)
		change = checksum_add(change, checksum_change16(before[i], after[i]));
	memcpy(&checksum, ip + IPV4_CHECKSUM, 2);
	checksum = checksum_update(checksum, change);
	memcpy(ip + IPV4_CHECKSUM, &checksum, 2);
}

/* Where the header in front of the fragment header says that it follows. */
static uint8_t *next_header_field(uint8_t *ip, uint32_t fragment_at)
{
	uint8_t *field = ip + 6;
	uint32_t at = IPV6_BYTES;

	while (at < fragment_at) {
		uint8_t protocol = *field;

		field = ip + at;
		at += protocol == IPPROTO_AH ? (ip[at + 1] + 2u) * 4 : (ip[at + 1] + 1u) * 8;
	}
	return field;
}

/* Takes the fragment header out: what is before it moves up. */
static void finish_ipv6(struct rte_mbuf *packet, uint32_t header_bytes, bool congested)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *), *ip = frame + packet->l2_len;
	uint32_t kept = header_bytes - FRAGMENT_BYTES;

	*next_header_field(ip, kept - packet->l2_len) = frame[kept];
	if (congested)
		ip[1] |= ECN_CE << 4;
	put_be16(ip + 4, packet->pkt_len - packet->l2_len - FRAGMENT_BYTES - IPV6_BYTES);
	memmove(frame + FRAGMENT_BYTES, frame, kept);
	rte_pktmbuf_adj(packet, FRAGMENT_BYTES);
}

bool fragment_finish(struct rte_mbuf *packet, uint16_t header_bytes, uint8_t ecns)
{
	const bool ipv4 = RTE_ETH_IS_IPV4_HDR(packet->packet_type);
	const bool pppoe = (packet->packet_type & RTE_PTYPE_L2_MASK) == RTE_PTYPE_L2_ETHER_PPPOE;
	uint32_t total = packet->pkt_len - packet->l2_len - (ipv4 ? 0 : FRAGMENT_BYTES);
	uint32_t limit = UINT16_MAX + (pppoe ? -2 : ipv4 ? 0 : IPV6_BYTES);

	if (total > limit)
		return false;
	if (ipv4)
		finish_ipv4(rte_pktmbuf_mtod_offset(packet, uint8_t *, packet->l2_len), total,
			(ecns & 1 << ECN_CE) != 0);
	else
		finish_ipv6(packet, header_bytes, (ecns & 1 << ECN_CE) != 0);
	if (pppoe) /* its length, in front of PPP's protocol */
		put_be16(rte_pktmbuf_mtod_offset(packet, uint8_t *, packet->l2_len) - 4, total + 2);
	/* What a device said of the first fragment's payload is not said of the whole. */
	packet->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK;
	receive_parse(&packet, 1);
	return true;
}
