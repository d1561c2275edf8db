/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 5tswap: sender and receiver change places on layers 2, 3 and 4. Every checksum stays right as it
 * is: a sum does not care for the order of what it adds.
 *
 * What is not there in the first segment is left alone, layer by layer. Ports are swapped for TCP
 * and UDP only, as in testpmd: SCTP's CRC does care. Of a fragmented datagram only the first
 * fragment carries ports; the others have payload in that place.
 *
 * Ordinary packets are recognised and swapped here in fewer cycles than it takes to parse them, so
 * the stage does not ask the engine for parsed headers; others go to parse_headers().
 */
#include <netinet/in.h>
#include <rte_ip.h>

#include "engine/stages/ethernet.h"
#include "engine/stages/stages.h"
#include "packet/bytes.h"
#include "packet/parse.h"

enum { PORTS_BYTES = 4, IPV6_FRAGMENT_BYTES = 8 };

/* The end of an IPv4 header without options, and the ports behind it: 16 bytes from its 8th on. */
enum { IPV4_TAIL_OFFSET = 8, IPV4_TAIL_END = 24 };

static inline uint32_t load32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline void swap_ports(uint8_t *l4)
{
	uint32_t ports = load32(l4);

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

/* The tests below compare several header fields at once, as they lie in memory: little-endian. */

/* TCP or UDP over IPv4 without options, whole. `ip` follows its type, `room` bytes are readable. */
static inline bool is_plain_ipv4(const uint8_t *ip, uint32_t room)
{
	const uint32_t type_version = 0x00450008, type_version_mask = 0x00ffffff;
	const uint32_t fragment_mask = 0x0000ff3f; /* more fragments, and the place of this one */
	uint32_t fragment_protocol;

	if (room < IPV4_TAIL_END || (load32(ip - 2) & type_version_mask) != type_version)
		return false;
	fragment_protocol = load32(ip + 6);
	return (fragment_protocol & fragment_mask) == 0 &&
		protocol_has_ports((uint8_t)(fragment_protocol >> 24)) &&
		load_be16(ip + 2) >= IPV4_TAIL_END;
}

static inline bool is_plain_ipv6(const uint8_t *ip, uint32_t room)
{
	const uint32_t type_version = 0x0060dd86, type_version_mask = 0x00f0ffff;

	return room >= sizeof(struct rte_ipv6_hdr) + PORTS_BYTES &&
		(load32(ip - 2) & type_version_mask) == type_version && protocol_has_ports(ip[6]) &&
		load_be16(ip + 4) >= PORTS_BYTES;
}

/* All layers of an ordinary packet, with one VLAN tag or none. false: it is none. */
static inline bool swap_plain(uint8_t *frame, uint32_t length)
{
	uint32_t l2_bytes = sizeof(struct rte_ether_hdr);
	uint8_t *ip;

	if (unlikely(length < sizeof(struct rte_ether_hdr) + IPV4_TAIL_END))
		return false;
	if (load_be16(frame + 12) == RTE_ETHER_TYPE_VLAN)
		l2_bytes += sizeof(struct rte_vlan_hdr);
	ip = frame + l2_bytes;
	if (likely(is_plain_ipv4(ip, length - l2_bytes))) {
		swap_ipv4_tail(ip);
	} else if (is_plain_ipv6(ip, length - l2_bytes)) {
		swap_ipv6_addresses(ip);
		swap_ports(ip + sizeof(struct rte_ipv6_hdr));
	} else {
		return false;
	}
	ethernet_swap16(frame);
	return true;
}

/* Whether layer 4 begins in this packet, and not in an earlier fragment of it. */
static bool is_first(const uint8_t *ip, const struct headers *headers)
{
	const uint8_t *fragment = ip + headers->l3_length - IPV6_FRAGMENT_BYTES;

	if (!headers->fragment)
		return true;
	if (headers->ether_type == RTE_ETHER_TYPE_IPV4)
		return (load_be16(ip + 6) & RTE_IPV4_HDR_OFFSET_MASK) == 0;
	return (load_be16(fragment + 2) & RTE_IPV6_EHDR_FO_MASK) == 0;
}

/* Bytes of the IP packet by its header, which says 0 when it is too long to say. */
static uint32_t ip_bytes(const uint8_t *ip, bool ipv6)
{
	uint32_t bytes = load_be16(ip + (ipv6 ? 4 : 2));

	if (bytes == 0)
		return UINT32_MAX;
	return ipv6 ? bytes + (uint32_t)sizeof(struct rte_ipv6_hdr) : bytes;
}

/* Any packet; a header counts as there when all of it is in the first segment. */
static __attribute__((noinline)) void swap_any(struct rte_mbuf *packet)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet, uint8_t *);
	struct headers headers;
	uint32_t ports_end;
	bool ipv6;
	uint8_t *ip;

	parse_headers(frame, packet->data_len, &headers);
	ethernet_swap(packet);
	if (headers.l3_length == 0)
		return;
	ip = frame + headers.l3_offset;
	ipv6 = headers.ether_type == RTE_ETHER_TYPE_IPV6;
	if (ipv6)
		swap_ipv6_addresses(ip);
	else
		swap_ipv4_addresses(ip);
	ports_end = (uint32_t)headers.l3_length + PORTS_BYTES;
	if (protocol_has_ports(headers.ip_protocol) && is_first(ip, &headers) &&
		headers.l3_offset + ports_end <= packet->data_len &&
		ports_end <= ip_bytes(ip, ipv6))
		swap_ports(ip + headers.l3_length);
}

static void fivetuple_swap_process(struct stage *stage, struct burst *burst)
{
	(void)stage;
	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		burst_prefetch(burst, i);
		if (unlikely(!swap_plain(rte_pktmbuf_mtod(packet, uint8_t *), packet->data_len)))
			swap_any(packet);
	}
}

const struct stage_ops fivetuple_swap_stage = {
	.name = "5tswap",
	.help = "swap source and destination: Ethernet, IP, TCP and UDP",
	.flags = STAGE_WRITES,
	.process = fivetuple_swap_process,
};
