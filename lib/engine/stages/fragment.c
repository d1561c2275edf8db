/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment: cuts IP packets longer than the MTU into fragments with DPDK's rte_ip_frag, which
 * copies no payload. It knows nothing of Ethernet, of checksums, and of IPv6's extension headers
 * and ids: that is added here.
 *
 * What cannot be cut is dropped as too_big: IPv4 with DF, and IPv6 that has been cut already or has
 * headers that each fragment would need. Super-packets pass: they are gso's. So do packets that are
 * not all there.
 */
#include <errno.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_ip_frag.h>
#include <rte_random.h>

#include "engine/stages/stages.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/parse.h"
#include "segmentation/fragment.h"
#include "segmentation/packet_checksum.h"
#include "segmentation/super_packet.h"
#include "steering/receive.h"

/* 65535 bytes in pieces of 8. */
enum { FRAGMENTS_MAX = 8192 };
enum { IPV6_BYTES = sizeof(struct rte_ipv6_hdr), PPP_PROTOCOL_BYTES = 2 };

/* What a device said of a packet, and what is as true of its fragments. */
#define FLAGS_KEPT                                                                                 \
	(RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED |               \
		RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED | RTE_MBUF_F_TX_VLAN)

struct fragment_state {
	uint32_t mtu;
	struct rte_mbuf *fragments[FRAGMENTS_MAX]; /* of the packet in work */
};

static int fragment_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct fragment_state *state = stage_state(stage, sizeof(*state), numa_node, error);

	if (state == NULL)
		return -ENOMEM;
	state->mtu = config->mtu != 0 ? config->mtu : stage->tx_mtu;
	return 0;
}

static inline bool maybe_too_long(const struct fragment_state *state, const struct rte_mbuf *packet)
{
	return packet->pkt_len > state->mtu + packet->l2_len &&
		(packet->packet_type & RTE_PTYPE_L3_MASK) != 0;
}

/* The length of the IP packet, without padding; 0: not known, or not all there. */
static uint32_t ip_length(const struct rte_mbuf *packet)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(packet, const uint8_t *, packet->l2_len);
	uint32_t length;

	if (packet->data_len < (uint32_t)packet->l2_len + packet->l3_len)
		return 0;
	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type)) {
		length = load_be16(ip + offsetof(struct rte_ipv4_hdr, total_length));
	} else {
		length = load_be16(ip + offsetof(struct rte_ipv6_hdr, payload_len));
		length += length != 0 ? IPV6_BYTES : 0;
	}
	return length <= packet->pkt_len - packet->l2_len ? length : 0;
}

/* Headers that each fragment would need, or a fragment header. */
static bool ipv6_refuses(const uint8_t *ip, uint32_t headers_bytes)
{
	uint8_t protocol = ip[offsetof(struct rte_ipv6_hdr, proto)];
	uint32_t at = IPV6_BYTES;

	while (at < headers_bytes) {
		if (protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
			protocol == IPPROTO_FRAGMENT)
			return true;
		uint32_t bytes =
			protocol == IPPROTO_AH ? (ip[at + 1] + 2u) * 4 : (ip[at + 1] + 1u) * 8;
		protocol = ip[at];
		at += bytes;
	}
	return false;
}

static bool is_ipv4(const struct rte_mbuf *packet)
{
	return RTE_ETH_IS_IPV4_HDR(packet->packet_type);
}

/* Puts the Ethernet header and what else is missing in front of a fragment. */
static void fragment_complete(
	struct rte_mbuf *fragment, const struct rte_mbuf *packet, const uint8_t *l2, uint32_t id)
{
	uint8_t *ip = rte_pktmbuf_mtod(fragment, uint8_t *);
	uint32_t ip_bytes = fragment->pkt_len, l2_bytes = packet->l2_len;
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(fragment, (uint16_t)l2_bytes);

	memcpy(frame, l2, l2_bytes);
	if ((packet->packet_type & RTE_PTYPE_L2_MASK) == RTE_PTYPE_L2_ETHER_PPPOE) {
		rte_be16_t length = rte_cpu_to_be_16((uint16_t)(ip_bytes + PPP_PROTOCOL_BYTES));

		memcpy(ip - PPP_PROTOCOL_BYTES - sizeof(length), &length, sizeof(length));
	}
	if (is_ipv4(packet)) {
		uint16_t checksum = checksum_ipv4_header(ip, (ip[0] & 0xfu) * 4);

		memcpy(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum), &checksum,
			sizeof(checksum));
	} else {
		memcpy(ip + IPV6_BYTES + offsetof(struct rte_ipv6_fragment_ext, id), &id,
			sizeof(id));
	}
	fragment->port = packet->port;
	fragment->vlan_tci = packet->vlan_tci;
	fragment->vlan_tci_outer = packet->vlan_tci_outer;
	fragment->hash = packet->hash;
	fragment->ol_flags = (fragment->ol_flags & ~RTE_MBUF_F_TX_OFFLOAD_MASK) |
		(packet->ol_flags & FLAGS_KEPT);
}

/* A device that was asked for the checksum of layer 4 would make one a fragment. */
static void checksums_finish(struct rte_mbuf *packet)
{
	bool asked = (packet->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0;

	packet->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_IPV4 |
		RTE_MBUF_F_TX_IPV6);
	if (asked)
		packet_checksum_fill(&packet, 1, 0);
}

/* Cuts it into state->fragments; returns how many, or -errno. The packet stays. */
static int packet_cut(struct stage *stage, struct rte_mbuf *packet, uint32_t ip_bytes)
{
	struct fragment_state *state = stage->state;
	uint8_t l2[PARSE_L2_MAX_BYTES];
	uint32_t id = (uint32_t)rte_rand();
	int count;

	if (!is_ipv4(packet) &&
		ipv6_refuses(rte_pktmbuf_mtod_offset(packet, const uint8_t *, packet->l2_len),
			packet->l3_len))
		return -ENOTSUP;
	checksums_finish(packet);
	fragment_trim(packet, packet->l2_len + ip_bytes);
	memcpy(l2, rte_pktmbuf_mtod(packet, const uint8_t *), packet->l2_len);
	rte_pktmbuf_adj(packet, (uint16_t)packet->l2_len);
	count = (is_ipv4(packet) ? rte_ipv4_fragment_packet : rte_ipv6_fragment_packet)(packet,
		state->fragments, FRAGMENTS_MAX, (uint16_t)state->mtu, stage->pool, stage->pool);
	for (int i = 0; i < count; i++)
		fragment_complete(state->fragments[i], packet, l2, id);
	if (count < 0)
		rte_pktmbuf_prepend(packet, (uint16_t)packet->l2_len);
	return count;
}

/* One packet of the burst, as it is or in fragments. */
static void packet_pass(struct stage *stage, struct rte_mbuf *packet, struct burst *out)
{
	struct fragment_state *state = stage->state;
	uint32_t ip_bytes =
		maybe_too_long(state, packet) && !super_packet_is(packet) ? ip_length(packet) : 0;
	int count;

	if (ip_bytes <= state->mtu) {
		stage_append(stage, out, packet);
		return;
	}
	count = packet_cut(stage, packet, ip_bytes);
	if (count < 0) {
		stage_drop(stage, packet, count == -ENOMEM ? DROP_no_mbuf : DROP_too_big);
		return;
	}
	rte_pktmbuf_free(packet);
	receive_parse(state->fragments, (unsigned)count);
	stage->counters->made += (unsigned)count - 1;
	for (int i = 0; i < count; i++)
		stage_append(stage, out, state->fragments[i]);
}

static void fragment_process(struct stage *stage, struct burst *burst)
{
	const struct fragment_state *state = stage->state;
	struct burst out = {.rx_tsc = burst->rx_tsc};
	bool any = false;

	if (state->mtu >= UINT16_MAX) /* there is none */
		return;
	for (unsigned i = 0; i < burst->count; i++)
		any |= maybe_too_long(state, burst->packets[i]);
	if (likely(!any))
		return;
	for (unsigned i = 0; i < burst->count; i++)
		packet_pass(stage, burst->packets[i], &out);
	*burst = out;
}

const struct stage_ops fragment_stage = {
	.name = "fragment",
	.help = "cut IP packets longer than the MTU into fragments",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = fragment_create,
	.process = fragment_process,
	.destroy = stage_state_free,
};
