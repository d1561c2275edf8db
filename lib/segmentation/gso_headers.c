/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of a segment's headers: made once for a packet, and again for its last segment if that
 * is shorter. It has everything but what counts (sequence numbers, ids), flags, and the checksums
 * over these; their sums without them are kept beside it.
 */
#include <netinet/in.h>

#include <rte_ip.h>

#include "segmentation/gso_parts.h"

enum { IPV6_BYTES = 40, UDP_LENGTH = 4, UDP_CHECKSUM = 6, GRE_CHECKSUM = 4, JUMBO_BYTES = 8 };
enum { TCP_SEQUENCE = 4, TCP_FLAGS = 12, TCP_CHECKSUM = 16, GRE_HAS_CHECKSUM = 0x80 };
enum { IPV4_LENGTH = 2, IPV4_ID = 4, IPV4_CHECKSUM = 10, IPV6_LENGTH = 4, IPV6_NEXT = 6 };

static uint16_t take_16(uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	memset(at, 0, sizeof(value));
	return value;
}

static uint32_t take_32(uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	memset(at, 0, sizeof(value));
	return value;
}

static void ip_begin(struct gso_ip *ip, uint8_t *headers, uint16_t offset, bool ipv6, bool fixed)
{
	ip->offset = offset;
	ip->ipv6 = ipv6;
	if (ipv6)
		return;
	ip->id = rte_be_to_cpu_16(take_16(headers + offset + IPV4_ID));
	ip->id_step = fixed ? 0 : 1;
	store_16(headers + offset + IPV4_CHECKSUM, 0);
}

static void l4_begin(struct gso_cut *cut, uint8_t *headers)
{
	uint8_t *l4 = headers + cut->l4_offset;

	if (cut->tcp) {
		cut->sequence = rte_be_to_cpu_32(take_32(l4 + TCP_SEQUENCE));
		cut->tcp_flags = take_16(l4 + TCP_FLAGS);
		store_16(l4 + TCP_CHECKSUM, 0);
	} else {
		store_16(l4 + UDP_LENGTH, 0);
		store_16(l4 + UDP_CHECKSUM, 0);
	}
	cut->l4_fixed_sum = checksum_partial(l4, cut->header_bytes - cut->l4_offset, 0);
}

static void tunnel_begin(
	struct gso_cut *cut, const struct gso_layers *layers, uint8_t *headers, bool id_fixed)
{
	uint8_t *header = headers + layers->tunnel_offset;
	bool has_checksum = false;

	cut->tunnel = true;
	cut->tunnel_offset = layers->tunnel_offset;
	cut->tunnel_udp = layers->tunnel == GSO_TUNNEL_UDP;
	ip_begin(&cut->outer, headers, layers->outer_offset, layers->outer_ipv6, id_fixed);
	if (layers->tunnel == GSO_TUNNEL_UDP)
		has_checksum = take_16(header + UDP_CHECKSUM) != 0;
	else if (layers->tunnel == GSO_TUNNEL_GRE && (header[0] & GRE_HAS_CHECKSUM) != 0)
		has_checksum = (take_16(header + GRE_CHECKSUM), true);
	if (!has_checksum)
		return;
	cut->tunnel_checksum_offset =
		(uint16_t)(layers->tunnel_offset + (cut->tunnel_udp ? UDP_CHECKSUM : GRE_CHECKSUM));
	cut->tunnel_adds_payload = !cut->l4_checked;
}

/* When headers come or go. */
void gso_headers_describe(struct gso_cut *cut)
{
	struct headers found;

	parse_headers(gso_headers(cut), cut->header_bytes, &found);
	cut->fields.packet_type = found.packet_type;
	cut->fields.tx_offload =
		rte_mbuf_tx_offload(found.l3_offset, found.l3_length, found.l4_length, 0, 0, 0, 0);
}

/* Segments are no jumbograms: the header that says so goes, the ones before it move up. */
static void jumbo_remove(struct gso_cut *cut, const struct gso_layers *layers)
{
	uint8_t *headers = gso_headers(cut);
	uint8_t *ip = headers + layers->ip_offset;

	ip[IPV6_NEXT] = ip[IPV6_BYTES];
	memmove(headers + JUMBO_BYTES, headers, layers->ip_offset + (size_t)IPV6_BYTES);
	cut->header_bytes -= JUMBO_BYTES;
	cut->l4_offset -= JUMBO_BYTES;
	gso_headers_describe(cut);
}

void gso_headers_begin(struct gso_cut *cut, const struct gso_layers *layers, const uint8_t *bytes)
{
	const struct rte_mbuf *packet = cut->packet;
	uint8_t flags = (packet->ol_flags & super_note_flag) != 0 ? super_note(packet)->flags : 0;
	uint8_t *headers;

	cut->header_bytes = layers->header_bytes;
	cut->l4_offset = layers->l4_offset;
	cut->cwr_each = (flags & SUPER_CWR_EACH) != 0;
	cut->pseudo_sum = gso_pseudo_sum(layers, bytes);
	memcpy(gso_headers(cut), bytes, cut->header_bytes);
	if (layers->jumbo)
		jumbo_remove(cut, layers);
	headers = gso_headers(cut);
	ip_begin(&cut->ip, headers, layers->ip_offset, layers->ipv6, (flags & SUPER_ID_FIXED) != 0);
	l4_begin(cut, headers);
	if (layers->tunnel != GSO_TUNNEL_NONE)
		tunnel_begin(cut, layers, headers, (flags & SUPER_OUTER_ID_FIXED) != 0);
}

/* `ip_bytes`: header and payload, at most 65535. */
void gso_headers_set_ip_length(uint8_t *ip, bool ipv6, uint32_t ip_bytes)
{
	if (ipv6)
		store_16(ip + IPV6_LENGTH, rte_cpu_to_be_16((uint16_t)(ip_bytes - IPV6_BYTES)));
	else
		store_16(ip + IPV4_LENGTH, rte_cpu_to_be_16((uint16_t)ip_bytes));
}

/* `ip_bytes`: header and payload. */
static void ip_fit(struct gso_ip *ip, uint8_t *headers, uint32_t ip_bytes)
{
	uint8_t *header = headers + ip->offset;

	gso_headers_set_ip_length(header, ip->ipv6, ip_bytes);
	if (!ip->ipv6)
		ip->sum = checksum_partial(header, (header[0] & 15) * 4u, 0);
}

static void l4_fit(struct gso_cut *cut, uint8_t *headers, uint32_t l4_bytes)
{
	uint8_t *l4 = headers + cut->l4_offset;
	uint32_t pseudo = checksum_add(cut->pseudo_sum, rte_cpu_to_be_32(l4_bytes));
	uint16_t length = rte_cpu_to_be_16((uint16_t)l4_bytes);

	cut->l4_sum = checksum_add(pseudo, cut->l4_fixed_sum);
	if (!cut->tcp) {
		store_16(l4 + UDP_LENGTH, length);
		cut->l4_sum = checksum_add(cut->l4_sum, length);
	}
	if (cut->l4_device)
		store_16(l4 + (cut->tcp ? TCP_CHECKSUM : UDP_CHECKSUM), checksum_fold(pseudo));
}

/*
 * The sum that an outer checksum covers. What is inside need not be summed up: a right checksum
 * makes an IPv4 header 0 and layer 4 the negative of its pseudo header, which only its length
 * changes (Linux's local checksum offload). Inside without a checksum, the payload counts.
 */
static void tunnel_fit(struct gso_cut *cut, uint8_t *headers, uint32_t bytes)
{
	const uint8_t *inner = headers + cut->ip.offset, *ip = headers + cut->outer.offset;
	uint32_t tunnel_bytes = bytes - cut->tunnel_offset, l4_bytes = bytes - cut->l4_offset;
	uint8_t *header = headers + cut->tunnel_offset;
	uint32_t sum = 0;

	if (cut->tunnel_udp)
		store_16(header + UDP_LENGTH, rte_cpu_to_be_16((uint16_t)tunnel_bytes));
	if (cut->tunnel_checksum_offset == 0)
		return;
	store_16(headers + cut->tunnel_checksum_offset, 0);
	if (cut->tunnel_udp)
		sum = cut->outer.ipv6 ? checksum_pseudo_ipv6(ip, IPPROTO_UDP, tunnel_bytes)
				      : checksum_pseudo_ipv4(ip, IPPROTO_UDP, tunnel_bytes);
	sum = checksum_partial(header, (uint32_t)cut->ip.offset - cut->tunnel_offset, sum);
	if (cut->ip.ipv6)
		sum = checksum_partial(inner, (uint32_t)cut->l4_offset - cut->ip.offset, sum);
	if (cut->tunnel_adds_payload) {
		sum = checksum_partial(
			headers + cut->l4_offset, cut->header_bytes - cut->l4_offset, sum);
	} else {
		sum = checksum_add(sum, ~checksum_add(cut->pseudo_sum, rte_cpu_to_be_32(l4_bytes)));
		store_16(headers + cut->tunnel_checksum_offset,
			cut->tunnel_udp ? checksum_finish_udp(sum) : checksum_finish(sum));
	}
	cut->tunnel_sum = sum;
}

void gso_headers_fit(struct gso_cut *cut, uint32_t payload_bytes)
{
	uint8_t *headers = gso_headers(cut);
	uint32_t bytes = cut->header_bytes + payload_bytes;

	l4_fit(cut, headers, bytes - cut->l4_offset);
	ip_fit(&cut->ip, headers, bytes - cut->ip.offset);
	if (!cut->tunnel)
		return;
	ip_fit(&cut->outer, headers, bytes - cut->outer.offset);
	tunnel_fit(cut, headers, bytes);
}
