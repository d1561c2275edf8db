/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UFO: a UDP datagram is finished, then cut into IP fragments. Not with rte_ip_frag: that wants the
 * packet without its Ethernet header, all fragments at once, and IPv6 without extension headers;
 * what it shares with GSO, headers in front of references to the payload, is here already.
 *
 * The model of the headers holds those of each fragment, up to IPv6's fragment header, and behind
 * them what only the first one has: further extension headers and UDP's.
 *
 * Sources: RFC 791 (fragmentation, options), RFC 8200 section 4.5, RFC 7112.
 */
#include <errno.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_random.h>

#include "segmentation/gso_parts.h"

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, FRAGMENT_BYTES = 8, UDP_BYTES = 8, UDP_CHECKSUM = 6 };
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80 };
enum { IPV6_MORE = 1, OFFSET_UNIT_BYTES = 8 };

/* Of the headers that every node on the way may have to read: up to the routing header, or else the
 * hop-by-hop options. Leaves in ret_next where that says what follows. */
static uint32_t unfragmentable_bytes(uint8_t *ip, uint32_t header_bytes, uint8_t **ret_next)
{
	uint32_t offset = IPV6_BYTES, bytes = IPV6_BYTES;
	uint8_t *next = ip + 6;

	*ret_next = next;
	while (offset < header_bytes) {
		uint8_t protocol = *next;

		next = ip + offset;
		offset += (ip[offset + 1] + 1u) * 8;
		if (protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING) {
			*ret_next = next;
			bytes = offset;
		}
	}
	return bytes;
}

/* Makes room for the fragment header: what is before it moves up. */
static void fragment_header_insert(struct gso_cut *cut)
{
	uint8_t *headers = gso_headers(cut), *ip = headers + cut->ip.offset, *next;
	uint32_t bytes = unfragmentable_bytes(ip, (uint32_t)cut->l4_offset - cut->ip.offset, &next);
	struct rte_ipv6_fragment_ext fragment = {
		.next_header = *next, .id = (rte_be32_t)rte_rand()};

	*next = IPPROTO_FRAGMENT;
	bytes += cut->ip.offset;
	memmove(headers - FRAGMENT_BYTES, headers, bytes);
	memcpy(headers + bytes - FRAGMENT_BYTES, &fragment, sizeof(fragment));
	cut->header_bytes += FRAGMENT_BYTES;
	cut->l4_offset += FRAGMENT_BYTES;
	cut->fragment_offset = (uint16_t)bytes;
}

static void datagram_finish(struct gso_cut *cut)
{
	uint8_t *udp = gso_headers(cut) + cut->l4_offset;
	uint32_t sum, length = UDP_BYTES + cut->payload_bytes;

	store_16(udp + 4, rte_cpu_to_be_16((uint16_t)length));
	if (!cut->l4_checked)
		return;
	sum = checksum_add(cut->pseudo_sum, rte_cpu_to_be_32(length));
	sum = checksum_partial(udp, UDP_BYTES, sum);
	sum = checksum_add(sum, gso_chain_sum(cut->buffer, cut->buffer_offset, cut->payload_bytes));
	store_16(udp + UDP_CHECKSUM, checksum_finish_udp(sum));
}

int gso_fragments_begin(struct gso_cut *cut, const struct gso_layers *layers, uint32_t mtu)
{
	uint32_t bytes, above_bytes, first_bytes = UDP_BYTES, count;
	uint8_t *ip;

	if (layers->jumbo ||
		(uint32_t)cut->header_bytes - layers->l2_bytes + cut->payload_bytes > UINT16_MAX)
		return -EINVAL;
	datagram_finish(cut);
	if (layers->ipv6) {
		fragment_header_insert(cut);
		first_bytes = cut->header_bytes - cut->fragment_offset - FRAGMENT_BYTES;
	}
	above_bytes = cut->header_bytes - first_bytes - layers->l2_bytes;
	if (mtu < above_bytes + OFFSET_UNIT_BYTES)
		return -EINVAL;
	mtu = RTE_MIN(mtu, (uint32_t)UINT16_MAX);
	bytes = (mtu - above_bytes) / OFFSET_UNIT_BYTES * OFFSET_UNIT_BYTES;
	if (bytes < first_bytes)
		return -EINVAL; /* all headers belong into the first fragment */
	count = (first_bytes + cut->payload_bytes + bytes - 1) / bytes;
	cut->first_bytes = (uint16_t)first_bytes;
	cut->segment_bytes = (uint16_t)bytes;
	cut->count = (uint16_t)count;
	ip = gso_headers(cut) + cut->ip.offset;
	if (!layers->ipv6) {
		store_16(ip + 4, rte_cpu_to_be_16(cut->ip.id));
		store_16(ip + 6, rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG));
	}
	gso_headers_describe(cut);
	return 0;
}

/* Options that say so are in each fragment; of all others, the first one has them alone. */
static void options_blank(uint8_t *option, uint32_t bytes)
{
	uint32_t length;

	while (bytes > 0 && option[0] != OPTION_END) {
		length = option[0] == OPTION_NOP || bytes < 2 ? 1 : option[1];
		if (length == 0 || length > bytes)
			return;
		if ((option[0] & OPTION_COPIED) == 0)
			memset(option, OPTION_NOP, length);
		option += length;
		bytes -= length;
	}
}

static void ipv4_write(const struct gso_cut *cut, uint8_t *ip, uint32_t offset, bool more)
{
	uint32_t header_bytes = (ip[0] & 15) * 4u;

	store_16(ip + 6,
		rte_cpu_to_be_16((
			uint16_t)(offset / OFFSET_UNIT_BYTES | (more ? RTE_IPV4_HDR_MF_FLAG : 0))));
	if (cut->index > 0)
		options_blank(ip + IPV4_BYTES, header_bytes - IPV4_BYTES);
	store_16(ip + 10, checksum_ipv4_header(ip, header_bytes));
}

void gso_fragment_write(const struct gso_cut *cut, uint8_t *payload, uint32_t payload_bytes)
{
	const uint8_t *model = cut->headers + GSO_HEADERS_BYTES - cut->header_bytes;
	uint32_t header_bytes = cut->header_bytes - (cut->index > 0 ? cut->first_bytes : 0u);
	uint32_t offset = (uint32_t)cut->index * cut->segment_bytes;
	bool more = (unsigned)cut->index + 1 < cut->count;
	uint8_t *headers = payload - header_bytes, *ip = headers + cut->ip.offset;

	memcpy(headers, model, header_bytes);
	gso_headers_set_ip_length(ip, cut->ip.ipv6, header_bytes - cut->ip.offset + payload_bytes);
	if (cut->ip.ipv6)
		store_16(headers + cut->fragment_offset + 2,
			rte_cpu_to_be_16((uint16_t)(offset | (more ? IPV6_MORE : 0))));
	else
		ipv4_write(cut, ip, offset, more);
}
