/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 5tswap: sender and receiver change places on layers 2, 3 and 4. Every checksum stays right as it
 * is: a sum does not care for the order of what it adds.
 *
 * What is not there in the first segment is left alone, layer by layer. Ports are swapped for TCP
 * and UDP only, as in testpmd: SCTP's CRC does care. Of a fragmented datagram only the first
 * fragment carries ports; the others have payload in that place.
 */
#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_ip.h>
#include <smmintrin.h>

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"

enum { PORTS_BYTES = 4, IPV6_FRAGMENT_BYTES = 8 };

/* The end of an IPv4 header without options, and the ports behind it: 16 bytes from its 8th on. */
enum { IPV4_TAIL_OFFSET = 8, IPV4_TAIL_END = 24 };

static inline void swap_ports(uint8_t *l4)
{
	uint32_t ports;

	memcpy(&ports, l4, sizeof(ports));
	ports = ports << 16 | ports >> 16;
	memcpy(l4, &ports, sizeof(ports));
}

static inline void swap_ipv4_addresses(uint8_t *ip)
{
	uint64_t addresses;

	memcpy(&addresses, ip + 12, sizeof(addresses));
	addresses = addresses << 32 | addresses >> 32;
	memcpy(ip + 12, &addresses, sizeof(addresses));
}

/* Addresses and ports in one shuffle. */
static inline void swap_ipv4_tail(uint8_t *ip)
{
	const __m128i order = _mm_setr_epi8(0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 14, 15, 12, 13);
	uint8_t *tail = ip + IPV4_TAIL_OFFSET;
	__m128i bytes = _mm_loadu_si128((const __m128i *)tail);

	_mm_storeu_si128((__m128i *)tail, _mm_shuffle_epi8(bytes, order));
}

static inline void swap_ipv6_addresses(uint8_t *ip)
{
	__m128i source = _mm_loadu_si128((const __m128i *)(ip + 8));
	__m128i destination = _mm_loadu_si128((const __m128i *)(ip + 24));

	_mm_storeu_si128((__m128i *)(ip + 8), destination);
	_mm_storeu_si128((__m128i *)(ip + 24), source);
}

static inline bool protocol_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* Where the ports of a first fragment are, from the start of its IPv4 header; 0: there are none. */
static unsigned fragment_ports_ipv4(const uint8_t *ip)
{
	unsigned place = ((unsigned)ip[6] << 8 | ip[7]) & RTE_IPV4_HDR_OFFSET_MASK;
	unsigned header_bytes = (ip[0] & 0xfu) * 4;

	if (place != 0 || header_bytes < sizeof(struct rte_ipv4_hdr) || !protocol_has_ports(ip[9]))
		return 0;
	return header_bytes;
}

/* For IPv6 only where the fragment header comes first, which is how hosts send it. */
static unsigned fragment_ports_ipv6(const uint8_t *ip, unsigned available)
{
	const uint8_t *fragment = ip + sizeof(struct rte_ipv6_hdr);

	if (ip[6] != IPPROTO_FRAGMENT ||
		available < sizeof(struct rte_ipv6_hdr) + IPV6_FRAGMENT_BYTES)
		return 0;
	if ((fragment[2] | (fragment[3] & 0xf8)) != 0 || !protocol_has_ports(fragment[0]))
		return 0;
	return sizeof(struct rte_ipv6_hdr) + IPV6_FRAGMENT_BYTES;
}

/* Layer 4 of a packet that is neither plain TCP nor plain UDP: a fragment, or nothing to do. */
static void swap_fragment(const struct rte_mbuf *packet, uint8_t *ip, unsigned available)
{
	unsigned ports = 0;

	if ((packet->packet_type & RTE_PTYPE_L4_MASK) != RTE_PTYPE_L4_FRAG)
		return;
	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type))
		ports = fragment_ports_ipv4(ip);
	else
		ports = fragment_ports_ipv6(ip, available);
	if (ports != 0 && ports + PORTS_BYTES <= available)
		swap_ports(ip + ports);
}

/* `available`: bytes of the first segment from the IP header on. */
static inline void swap_ip(const struct rte_mbuf *packet, uint8_t *ip, unsigned available)
{
	uint32_t l4_type = packet->packet_type & RTE_PTYPE_L4_MASK;
	bool has_ports = l4_type == RTE_PTYPE_L4_TCP || l4_type == RTE_PTYPE_L4_UDP;
	unsigned l3_bytes = packet->l3_len;

	if (RTE_ETH_IS_IPV4_HDR(packet->packet_type)) {
		if (likely(has_ports && l3_bytes == sizeof(struct rte_ipv4_hdr) &&
			    available >= IPV4_TAIL_END)) {
			swap_ipv4_tail(ip);
			return;
		}
		if (available < sizeof(struct rte_ipv4_hdr))
			return;
		swap_ipv4_addresses(ip);
	} else if (RTE_ETH_IS_IPV6_HDR(packet->packet_type)) {
		if (available < sizeof(struct rte_ipv6_hdr))
			return;
		swap_ipv6_addresses(ip);
	} else {
		return;
	}
	if (unlikely(!has_ports))
		swap_fragment(packet, ip, available);
	else if (l3_bytes >= sizeof(struct rte_ipv4_hdr) && l3_bytes + PORTS_BYTES <= available)
		swap_ports(ip + l3_bytes);
}

static void fivetuple_swap_process(struct stage *stage, struct burst *burst)
{
	(void)stage;
	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];
		unsigned l2_bytes = packet->l2_len;

		burst_prefetch(burst, i);
		ethernet_swap(packet);
		if (likely(l2_bytes < packet->data_len))
			swap_ip(packet, rte_pktmbuf_mtod_offset(packet, uint8_t *, l2_bytes),
				packet->data_len - l2_bytes);
	}
}

const struct stage_ops fivetuple_swap_stage = {
	.name = "5tswap",
	.help = "swap source and destination: Ethernet, IP, TCP and UDP",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.process = fivetuple_swap_process,
};
