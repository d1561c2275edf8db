/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * icmpecho: answers ARP requests and ICMP echo requests over IPv4, whoever they ask for, and drops
 * all else. A request is turned into its answer in place.
 *
 * It reads the headers itself, because ARP has no packet type of its own behind a VLAN tag.
 */
#include <netinet/in.h>
#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"
#include "packet/bytes.h"
#include "packet/checksum.h"

enum { VLAN_TAGS_MAX = 2, VLAN_TAG_BYTES = 4 };

/* Bytes before layer 3, whose type goes to *ret_type; 0: not within `length`. */
static unsigned l2_find(const uint8_t *frame, unsigned length, uint16_t *ret_type)
{
	unsigned offset = sizeof(struct rte_ether_hdr);

	for (int tags = 0; offset <= length; tags++, offset += VLAN_TAG_BYTES) {
		*ret_type = load_be16(frame + offset - 2);
		if (*ret_type != RTE_ETHER_TYPE_VLAN && *ret_type != RTE_ETHER_TYPE_QINQ)
			return offset;
		if (tags == VLAN_TAGS_MAX)
			break;
	}
	return 0;
}

/* To the one who asked, from the address that was asked; a group address cannot be a source. */
static void answer_ethernet(uint8_t *frame, const struct rte_ether_addr *own)
{
	ethernet_swap12(frame);
	if ((frame[RTE_ETHER_ADDR_LEN] & RTE_ETHER_GROUP_ADDR) != 0)
		memcpy(frame + RTE_ETHER_ADDR_LEN, own, RTE_ETHER_ADDR_LEN);
}

static bool answer_arp(
	uint8_t *frame, uint8_t *l3, unsigned available, const struct rte_ether_addr *own)
{
	struct rte_arp_hdr arp;
	uint32_t asked;

	if (available < sizeof(arp))
		return false;
	memcpy(&arp, l3, sizeof(arp));
	if (arp.arp_hardware != htons(RTE_ARP_HRD_ETHER) ||
		arp.arp_protocol != htons(RTE_ETHER_TYPE_IPV4) ||
		arp.arp_hlen != RTE_ETHER_ADDR_LEN || arp.arp_plen != sizeof(asked) ||
		arp.arp_opcode != htons(RTE_ARP_OP_REQUEST))
		return false;
	arp.arp_opcode = htons(RTE_ARP_OP_REPLY);
	arp.arp_data.arp_tha = arp.arp_data.arp_sha;
	arp.arp_data.arp_sha = *own;
	asked = arp.arp_data.arp_tip;
	arp.arp_data.arp_tip = arp.arp_data.arp_sip;
	arp.arp_data.arp_sip = asked;
	memcpy(l3, &arp, sizeof(arp));
	ethernet_swap12(frame);
	memcpy(frame + RTE_ETHER_ADDR_LEN, own, RTE_ETHER_ADDR_LEN);
	return true;
}

/* The answer to a multicast request needs a source: testpmd's choice, a neighbour of the asker. */
static uint32_t neighbour(uint32_t address)
{
	return (address & ~3u) | ((address & 3) == 1 ? 2 : 1);
}

static void answer_ipv4(struct rte_ipv4_hdr *ip)
{
	uint32_t asker = ip->src_addr, asked = ip->dst_addr;

	ip->dst_addr = asker;
	ip->src_addr = asked;
	if (IN_MULTICAST(ntohl(asked))) {
		ip->src_addr = htonl(neighbour(ntohl(asker)));
		ip->hdr_checksum =
			checksum_update(ip->hdr_checksum, checksum_change32(asked, ip->src_addr));
	}
}

static bool answer_echo(
	uint8_t *frame, uint8_t *l3, unsigned available, const struct rte_ether_addr *own)
{
	struct rte_ipv4_hdr ip;
	struct rte_icmp_hdr icmp;
	unsigned header_bytes;

	if (available < sizeof(ip))
		return false;
	memcpy(&ip, l3, sizeof(ip));
	header_bytes = rte_ipv4_hdr_len(&ip);
	if (ip.version_ihl >> 4 != IPVERSION || header_bytes < sizeof(ip) ||
		ip.next_proto_id != IPPROTO_ICMP ||
		(ip.fragment_offset & htons(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) != 0)
		return false;
	if (ntohs(ip.total_length) < header_bytes + sizeof(icmp) ||
		available < header_bytes + sizeof(icmp))
		return false;
	memcpy(&icmp, l3 + header_bytes, sizeof(icmp));
	if (icmp.icmp_type != RTE_IP_ICMP_ECHO_REQUEST || icmp.icmp_code != 0)
		return false;
	icmp.icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	/* As wrong as it came, if it came wrong: the asker shall see it. */
	icmp.icmp_cksum = checksum_update(icmp.icmp_cksum,
		checksum_change16(
			htons(RTE_IP_ICMP_ECHO_REQUEST << 8), htons(RTE_IP_ICMP_ECHO_REPLY << 8)));
	answer_ipv4(&ip);
	memcpy(l3, &ip, sizeof(ip));
	memcpy(l3 + header_bytes, &icmp, sizeof(icmp));
	answer_ethernet(frame, own);
	return true;
}

static bool answer(struct rte_mbuf *packet, const struct rte_ether_addr *own)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);
	uint16_t type;
	unsigned l2_bytes = l2_find(frame, packet->data_len, &type);
	unsigned available = packet->data_len - l2_bytes;

	if (l2_bytes == 0)
		return false;
	if (type == RTE_ETHER_TYPE_ARP)
		return answer_arp(frame, frame + l2_bytes, available, own);
	if (type == RTE_ETHER_TYPE_IPV4)
		return answer_echo(frame, frame + l2_bytes, available, own);
	return false;
}

static void icmpecho_process(struct stage *stage, struct burst *burst)
{
	unsigned answered = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		burst_prefetch(burst, i);
		if (answer(packet, &stage->tx_address)) {
			burst->packets[answered++] = packet;
			continue;
		}
		burst->bytes -= packet->pkt_len;
		stage_drop(stage, packet, DROP_not_echo);
	}
	burst->count = (uint16_t)answered;
}

const struct stage_ops icmpecho_stage = {
	.name = "icmpecho",
	.help = "answer ARP requests and ICMP echo requests, drop all else",
	.flags = STAGE_WRITES,
	.process = icmpecho_process,
};
