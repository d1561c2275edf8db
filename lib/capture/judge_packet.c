/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/judge_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf_ptype.h>

#include "packet/bytes.h"
#include "packet/checksum.h"

enum { ETHERNET_MIN_BYTES = 60, IPV6_BYTES = 40, TCP_BYTES = 20 };
enum { JUMBO_OPTION = 0xc2 };
enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };
enum { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2 };

/* One IP packet in the frame: the outer one, or what is in a tunnel. */
struct layer {
	const uint8_t *bytes; /* where its headers count from */
	uint32_t length; /* readable */
	uint32_t original_length; /* there were */
	const struct headers *headers;
};

static bool is_ipv4(const struct headers *headers)
{
	return RTE_ETH_IS_IPV4_HDR(headers->packet_type);
}

/* The IP length field, with the header; 0: the field is 0. */
static uint32_t length_field(const struct layer *layer)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;
	uint32_t payload;

	if (is_ipv4(layer->headers))
		return load_be16(ip + 2);
	payload = load_be16(ip + 4);
	return payload == 0 ? 0 : IPV6_BYTES + payload;
}

/* The jumbo payload option as every stack writes it: first in the hop-by-hop header, at 4n + 2
 * (RFC 2675, 2). */
static bool has_jumbo_option(const struct layer *layer)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;

	return layer->headers->l3_length >= IPV6_BYTES + 8 && ip[6] == IPPROTO_HOPOPTS &&
		ip[IPV6_BYTES + 2] == JUMBO_OPTION && ip[IPV6_BYTES + 3] == 4;
}

/* An IPv6 packet may well have no payload. One that has TCP or UDP behind it has. */
static bool is_empty(const struct layer *layer)
{
	return !is_ipv4(layer->headers) && length_field(layer) == 0 && !has_jumbo_option(layer) &&
		layer->headers->l4_offset == 0;
}

/* By its own header, or to the frame's end where that says nothing. More than there is: as much as
 * it says, or just more. */
static uint32_t says_bytes(const struct layer *layer)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;
	uint32_t field = length_field(layer), jumbo;
	uint32_t room = layer->original_length - layer->headers->l3_offset;

	if (field != 0)
		return field;
	if (is_empty(layer))
		return IPV6_BYTES;
	if (is_ipv4(layer->headers) || !has_jumbo_option(layer))
		return room;
	jumbo = load_be32(ip + IPV6_BYTES + 4);
	if (jumbo <= UINT16_MAX)
		return room; /* not a valid one */
	return jumbo > room - IPV6_BYTES ? room + 1 : IPV6_BYTES + jumbo;
}

static enum judge_sum worse(enum judge_sum one, enum judge_sum other)
{
	return one > other ? one : other;
}

static void ip_sum_read(const struct layer *layer, struct judge_packet *packet)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;
	enum judge_sum sum = JUDGE_SUM_RIGHT;

	if (!is_ipv4(layer->headers))
		return;
	if (checksum_ipv4_header(ip, layer->headers->l3_length) != 0) {
		sum = JUDGE_SUM_WRONG;
		packet->ip_sum_zero = packet->ip_sum_zero || load_be16(ip + 10) == 0;
	}
	packet->ip_sum = worse(packet->ip_sum, sum);
}

static bool sums_equal(uint16_t one, uint16_t other)
{
	return one % 0xffff == other % 0xffff; /* 0 and 0xffff are the same number */
}

static bool is_unfinished(
	const struct layer *layer, uint16_t field, uint8_t protocol, uint32_t l4_length)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;
	uint32_t lengths[] = {l4_length, 0};

	for (unsigned i = 0; i < 2; i++) {
		uint32_t sum = is_ipv4(layer->headers)
			? checksum_pseudo_ipv4(ip, protocol, lengths[i])
			: checksum_pseudo_ipv6(ip, protocol, lengths[i]);

		/* BIG TCP over IPv4: Linux adds all of a length that RFC 9293 has 16 bits for. */
		if (is_ipv4(layer->headers))
			sum = checksum_add(sum, htons((uint16_t)(lengths[i] >> 16)));
		if (sums_equal(field, checksum_fold(sum)))
			return true;
	}
	return protocol == IPPROTO_TCP && field == 0; /* left empty for the NIC */
}

/* Offset of the checksum in the header of layer 4; 0: none that is looked at. */
static unsigned sum_offset(const struct headers *headers)
{
	switch (headers->packet_type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP: return 16;
	case RTE_PTYPE_L4_UDP: return 6;
	case RTE_PTYPE_L4_ICMP: return 2;
	default: return 0;
	}
}

/* Of one layer's TCP, UDP or ICMP. */
static enum judge_sum l4_sum_of(const struct layer *layer)
{
	const struct headers *headers = layer->headers;
	const uint8_t *ip = layer->bytes + headers->l3_offset;
	const uint8_t *l4 = layer->bytes + headers->l4_offset;
	const unsigned offset = sum_offset(headers);
	uint32_t end = headers->l3_offset + says_bytes(layer), l4_length;
	bool unfinished;
	uint16_t field;

	if (offset == 0 || headers->l4_offset == 0)
		return headers->fragment ? JUDGE_SUM_UNKNOWN : JUDGE_SUM_NONE;
	memcpy(&field, l4 + offset, sizeof(field));
	if (headers->ip_protocol == IPPROTO_UDP && field == 0)
		return JUDGE_SUM_NONE;
	l4_length = end - headers->l4_offset;
	/* Needs nothing of the payload. ICMP over IPv4 has no pseudo header. */
	unfinished = headers->ip_protocol != IPPROTO_ICMP &&
		is_unfinished(layer, field, headers->ip_protocol, l4_length);
	if (end > layer->length)
		return unfinished ? JUDGE_SUM_UNFINISHED : JUDGE_SUM_UNKNOWN;
	if (is_ipv4(headers) ? checksum_l4_ipv4_valid(ip, headers->ip_protocol, l4, l4_length)
			     : checksum_l4_ipv6_valid(ip, headers->ip_protocol, l4, l4_length))
		return JUDGE_SUM_RIGHT;
	if (unfinished)
		return JUDGE_SUM_UNFINISHED;
	/* A routing header may have exchanged the destination of the pseudo header. */
	return !is_ipv4(headers) && headers->l3_length > IPV6_BYTES ? JUDGE_SUM_UNKNOWN
								    : JUDGE_SUM_WRONG;
}

static uint16_t mss_option(const uint8_t *tcp, uint32_t header_bytes)
{
	uint32_t at = TCP_BYTES;

	while (at < header_bytes && tcp[at] != TCP_OPTION_END) {
		if (tcp[at] == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > header_bytes || tcp[at + 1] < 2)
			break;
		if (tcp[at] == TCP_OPTION_MSS && tcp[at + 1] == 4 && at + 4 <= header_bytes)
			return load_be16(tcp + at + 2);
		at += tcp[at + 1];
	}
	return 0;
}

static void addresses_read(const struct layer *layer, struct judge_packet *packet)
{
	const uint8_t *ip = layer->bytes + layer->headers->l3_offset;
	const bool ipv4 = is_ipv4(layer->headers);
	const unsigned bytes = ipv4 ? 4 : 16;

	packet->version = ipv4 ? 4 : 6;
	packet->protocol = layer->headers->ip_protocol;
	memcpy(packet->addresses[0], ip + (ipv4 ? 12 : 8), bytes);
	memcpy(packet->addresses[1], ip + (ipv4 ? 16 : 24), bytes);
}

/* Sizes, ports and options of TCP or UDP. `before`: from the outer IP header to this layer's. */
static void transport_read(const struct layer *layer, uint32_t before, struct judge_packet *packet)
{
	const struct headers *headers = layer->headers;
	const uint8_t *l4 = layer->bytes + headers->l4_offset;
	uint32_t room = layer->original_length - headers->l3_offset;
	uint32_t ip_bytes = says_bytes(layer), header_bytes;
	bool tcp = headers->ip_protocol == IPPROTO_TCP;

	if (headers->l4_offset == 0 || (!tcp && headers->ip_protocol != IPPROTO_UDP))
		return;
	if (ip_bytes > room)
		ip_bytes = room;
	header_bytes = headers->l4_offset - headers->l3_offset + headers->l4_length;
	packet->has_l4 = true;
	packet->ports[0] = load_be16(l4);
	packet->ports[1] = load_be16(l4 + 2);
	packet->overhead_bytes = (uint16_t)(before + header_bytes);
	packet->payload_bytes = ip_bytes > header_bytes ? ip_bytes - header_bytes : 0;
	if (!tcp)
		return;
	packet->option_bytes = headers->l4_length - TCP_BYTES;
	packet->syn = (l4[13] & TCP_SYN) != 0;
	packet->ack = (l4[13] & TCP_ACK) != 0;
	if (packet->syn)
		packet->mss = mss_option(l4, headers->l4_length);
}

static void length_read(const struct layer *layer, struct judge_packet *packet)
{
	uint32_t field = length_field(layer);

	packet->ip_says_bytes = says_bytes(layer);
	packet->ip_bytes = packet->ip_says_bytes < packet->link_bytes ? packet->ip_says_bytes
								      : packet->link_bytes;
	if (field == 0 && has_jumbo_option(layer))
		packet->length = JUDGE_LENGTH_JUMBO;
	else if (field == 0 && !is_empty(layer))
		packet->length = JUDGE_LENGTH_ZERO;
	else if (packet->ip_says_bytes > packet->link_bytes)
		packet->length = JUDGE_LENGTH_BEYOND;
	else if (packet->ip_says_bytes < packet->link_bytes &&
		packet->frame_bytes > ETHERNET_MIN_BYTES + layer->headers->l3_offset - 14u)
		packet->length = JUDGE_LENGTH_TRAILED;
}

void judge_packet_read(const struct frame *frame, struct judge_packet *packet)
{
	struct layer layer = {frame->bytes, frame->length, frame->original_length, &packet->outer};
	uint32_t inner_at, before = 0;

	memset(packet, 0, sizeof(*packet));
	parse_headers(frame->bytes, frame->length, &packet->outer);
	packet->frame_bytes = frame->original_length;
	packet->link_bytes = frame->original_length - packet->outer.l3_offset;
	packet->snapped = frame->length < frame->original_length;
	if (packet->outer.l3_length == 0)
		return;
	packet->hop_limit =
		frame->bytes[packet->outer.l3_offset + (is_ipv4(&packet->outer) ? 8 : 7)];
	length_read(&layer, packet);
	ip_sum_read(&layer, packet);
	packet->l4_sum = l4_sum_of(&layer);
	inner_at = parse_inner(frame->bytes, frame->length, &packet->outer, &packet->inner);
	if (inner_at == 0 || packet->inner.l3_length == 0) {
		packet->inner.l3_length = 0;
	} else {
		before = inner_at + packet->inner.l3_offset - packet->outer.l3_offset;
		layer = (struct layer){frame->bytes + inner_at, frame->length - inner_at,
			frame->original_length - inner_at, &packet->inner};
		ip_sum_read(&layer, packet);
		packet->l4_sum = worse(packet->l4_sum, l4_sum_of(&layer));
	}
	addresses_read(&layer, packet);
	transport_read(&layer, before, packet);
}

const char *judge_tunnel_name(const struct judge_packet *packet)
{
	if (packet->inner.l3_length == 0)
		return NULL;
	switch (packet->outer.packet_type & RTE_PTYPE_TUNNEL_MASK) {
	case RTE_PTYPE_TUNNEL_VXLAN:
	case RTE_PTYPE_TUNNEL_VXLAN_GPE: return "VXLAN";
	case RTE_PTYPE_TUNNEL_GENEVE: return "GENEVE";
	case RTE_PTYPE_TUNNEL_GRE: return "GRE";
	case RTE_PTYPE_TUNNEL_NVGRE: return "NVGRE";
	case RTE_PTYPE_TUNNEL_GTPU: return "GTP-U";
	default: return "IP in IP";
	}
}
