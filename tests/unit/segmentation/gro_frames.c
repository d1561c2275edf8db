/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames made by hand, and super-packets taken apart. */
#include <netinet/in.h>
#include <string.h>

#include "gro_fixture.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/parse.h"
#include "packet/parse_inner.h"

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void put32(uint8_t *bytes, uint32_t value)
{
	put16(bytes, value >> 16);
	put16(bytes + 2, value & 0xffff);
}

static void put_raw16(uint8_t *bytes, uint16_t raw)
{
	memcpy(bytes, &raw, 2);
}

static unsigned put_ethernet(
	const struct packet *packet, uint8_t *at, unsigned tags, unsigned ether_type)
{
	unsigned offset = 12;

	memcpy(at, (uint8_t[12]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	at[9] = packet->mac;
	for (unsigned i = tags; i > 0; i--, offset += 4) {
		put16(at + offset, i == 2 ? 0x88a8 : 0x8100);
		put16(at + offset + 2, packet->vlan + i);
	}
	put16(at + offset, ether_type);
	return offset + 2;
}

/* `bytes`: of what follows. Addresses 10.0.0.1 > 10.0.1.1 and alike. */
static unsigned put_ipv4(const struct packet *packet, uint8_t *at, unsigned protocol, unsigned id,
	unsigned network, unsigned bytes, unsigned options)
{
	const unsigned header = 20 + options;

	memset(at, 0, header);
	at[0] = (uint8_t)(0x40 + header / 4);
	at[1] = packet->tos;
	put16(at + 2, header + bytes);
	put16(at + 4, id);
	put16(at + 6, packet->fragment | (packet->no_df ? 0 : 0x4000));
	at[8] = packet->ttl != 0 ? packet->ttl : 64;
	at[9] = (uint8_t)protocol;
	put32(at + 12, 0x0a000001 + (network << 16) + packet->address);
	put32(at + 16, 0x0a000101 + (network << 16));
	memset(at + 20, 1, options);
	put_raw16(at + 10, checksum_ipv4_header(at, header));
	return header;
}

static unsigned put_ipv6(const struct packet *packet, uint8_t *at, unsigned protocol,
	unsigned network, unsigned bytes, unsigned extension)
{
	memset(at, 0, 40 + extension);
	put32(at, 0x60000000 | (uint32_t)packet->tos << 20 | packet->label);
	put16(at + 4, extension + bytes);
	at[6] = (uint8_t)(extension != 0 ? IPPROTO_DSTOPTS : protocol);
	at[7] = packet->ttl != 0 ? packet->ttl : 64;
	at[8] = at[24] = 0xfd;
	at[22] = (uint8_t)network;
	put32(at + 20, packet->address);
	at[23] = 1;
	at[39] = 2;
	if (extension != 0) {
		at[40] = (uint8_t)protocol;
		at[41] = (uint8_t)(extension / 8 - 1);
		at[42] = 1;
		at[43] = (uint8_t)(extension - 4);
	}
	return 40 + extension;
}

static unsigned put_ip(const struct packet *packet, uint8_t *at, bool ipv6, unsigned protocol,
	unsigned id, unsigned network, unsigned bytes, unsigned extra)
{
	return ipv6 ? put_ipv6(packet, at, protocol, network, bytes, extra)
		    : put_ipv4(packet, at, protocol, id, network, bytes, extra);
}

static unsigned put_tcp(const struct packet *packet, uint8_t *at)
{
	const unsigned header = packet->no_stamps ? 20 : 32;

	memset(at, 0, header);
	put16(at, 1000 + packet->source);
	put16(at + 2, 80);
	put32(at + 4, packet->sequence);
	put32(at + 8, 77 + packet->ack);
	at[12] = (uint8_t)(header / 4 << 4);
	at[13] = packet->flags != 0 ? packet->flags : ACK;
	put16(at + 14, 5000 + packet->window);
	put16(at + 18, packet->urgent);
	if (!packet->no_stamps) {
		memcpy(at + 20, (uint8_t[4]){1, 1, 8, 10}, 4);
		put32(at + 24, 4711 + packet->stamp);
		put32(at + 28, 815);
	}
	return header;
}

static unsigned put_udp(uint8_t *at, unsigned source, unsigned destination, unsigned payload)
{
	put16(at, source);
	put16(at + 2, destination);
	put16(at + 4, 8 + payload);
	put16(at + 6, 0);
	return 8;
}

static void finish_l4(const uint8_t *ip, bool ipv6, unsigned protocol, uint8_t *l4, unsigned bytes)
{
	put_raw16(l4 + (protocol == IPPROTO_TCP ? 16 : 6),
		ipv6 ? checksum_l4_ipv6(ip, (uint8_t)protocol, l4, bytes)
		     : checksum_l4_ipv4(ip, (uint8_t)protocol, l4, bytes));
}

/* An IP packet, at `at`. */
static unsigned put_packet(const struct packet *packet, uint8_t *at, unsigned network)
{
	const unsigned usual = packet->udp ? IPPROTO_UDP : IPPROTO_TCP;
	const unsigned protocol = packet->protocol != 0 ? packet->protocol : usual;
	uint8_t l4[64];
	const unsigned l4_header = packet->udp
		? put_udp(l4, 1000 + packet->source, 80, packet->payload)
		: put_tcp(packet, l4);
	const unsigned ip_header = put_ip(packet, at, packet->ipv6, protocol, packet->id, network,
		l4_header + packet->payload, packet->ipv6 ? packet->extension : packet->options);

	memcpy(at + ip_header, l4, l4_header);
	for (unsigned i = 0; i < packet->payload; i++)
		at[ip_header + l4_header + i] = (uint8_t)(packet->fill + packet->sequence + i * 7);
	if (!packet->no_checksum)
		finish_l4(at, packet->ipv6, usual, at + ip_header, l4_header + packet->payload);
	if (packet->bad)
		at[ip_header + l4_header + packet->payload - 1] ^= 0x55;
	if (packet->bad_ip)
		at[10] ^= 1;
	return ip_header + l4_header + packet->payload;
}

static unsigned put_tunnel(const struct packet *packet, uint8_t *at)
{
	uint8_t inside[FRAME_MAX], header[16] = {0};
	unsigned bytes = 0, header_bytes = 0, protocol = IPPROTO_GRE, outer;

	if (packet->tunnel == VXLAN)
		bytes = put_ethernet(packet, inside, 0, packet->ipv6 ? 0x86dd : 0x0800);
	bytes += put_packet(packet, inside + bytes, 7);
	switch (packet->tunnel) {
	case VXLAN:
		protocol = IPPROTO_UDP;
		header_bytes = put_udp(header, 5555, 4789, 8 + bytes) + 8;
		header[8] = 8;
		put32(header + 12, packet->key << 8);
		break;
	case GRE_SEQUENCE:
	case GRE_KEY:
		put16(header, packet->tunnel == GRE_KEY ? 0x2000 : 0x1000);
		put32(header + 4, packet->key);
		header_bytes = 4; /* fallthrough */
	case GRE:
		put16(header + 2, packet->ipv6 ? 0x86dd : 0x0800);
		header_bytes += 4;
		break;
	default: protocol = packet->ipv6 ? IPPROTO_IPV6 : IPPROTO_IPIP; break;
	}
	outer = put_ip(packet, at, packet->outer_ipv6, protocol, packet->outer_id, 0,
		header_bytes + bytes, 0);
	memcpy(at + outer, header, header_bytes);
	memcpy(at + outer + header_bytes, inside, bytes);
	if (packet->outer_checksum)
		finish_l4(at, packet->outer_ipv6, protocol, at + outer, header_bytes + bytes);
	return outer + header_bytes + bytes;
}

unsigned gro_frame(const struct packet *packet, uint8_t frame[FRAME_MAX])
{
	const bool ipv6 = packet->tunnel != PLAIN ? packet->outer_ipv6 : packet->ipv6;
	unsigned bytes = put_ethernet(packet, frame, packet->tags, ipv6 ? 0x86dd : 0x0800);

	bytes += packet->tunnel != PLAIN ? put_tunnel(packet, frame + bytes)
					 : put_packet(packet, frame + bytes, 0);
	memset(frame + bytes, 0, packet->padding);
	return bytes + packet->padding;
}

/* Of one IP header and all behind it, up to `end`. */
static void cut_ip(uint8_t *ip, bool ipv6, unsigned bytes, unsigned index, bool fixed)
{
	if (ipv6) {
		put16(ip + 4, bytes - 40);
		return;
	}
	put16(ip + 2, bytes);
	put16(ip + 4, load_be16(ip + 4) + (fixed ? 0 : index));
	put16(ip + 10, 0);
	put_raw16(ip + 10, checksum_ipv4_header(ip, 20));
}

static void cut_l4(uint8_t *ip, const struct headers *headers, uint8_t *l4, unsigned bytes,
	uint16_t payload_sum)
{
	const bool ipv6 = headers->ether_type == 0x86dd;
	const uint8_t protocol = (headers->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP
		? IPPROTO_TCP
		: IPPROTO_UDP;
	uint32_t sum = ipv6 ? checksum_pseudo_ipv6(ip, protocol, bytes)
			    : checksum_pseudo_ipv4(ip, protocol, bytes);
	uint8_t *field = l4 + (protocol == IPPROTO_TCP ? 16 : 6);

	if (protocol == IPPROTO_UDP)
		put16(l4 + 4, bytes);
	put16(field, 0);
	sum = checksum_add(checksum_partial(l4, headers->l4_length, sum), payload_sum);
	put_raw16(field, protocol == IPPROTO_TCP ? checksum_finish(sum) : checksum_finish_udp(sum));
}

static void cut_tcp(uint8_t *tcp, const struct rte_mbuf *packet, unsigned index, unsigned count)
{
	put32(tcp + 4, load_be32(tcp + 4) + index * packet->tso_segsz);
	if (index + 1 < count)
		tcp[13] &= (uint8_t) ~(PSH | FIN);
	if (index > 0 && !(super_note(packet)->flags & SUPER_CWR_EACH))
		tcp[13] &= (uint8_t)~CWR;
}

unsigned gro_cut(const struct rte_mbuf *packet, unsigned index, uint8_t frame[FRAME_MAX])
{
	const uint8_t *bytes = rte_pktmbuf_mtod(packet, const uint8_t *);
	const unsigned count = super_packet_segments(packet);
	const struct rte_mbuf *buffer = packet;
	struct headers outer, inner;
	unsigned start, header, payload, end, skip;

	if (!super_packet_is(packet)) {
		memcpy(frame, bytes, packet->data_len);
		return packet->data_len;
	}
	parse_headers(bytes, packet->data_len, &outer);
	start = parse_inner(bytes, packet->data_len, &outer, &inner);
	if (start == 0)
		inner = outer;
	header = start + inner.l4_offset + inner.l4_length;
	for (unsigned i = 0; i < index; i++)
		buffer = buffer->next;
	skip = index == 0 ? header : 0;
	payload = buffer->data_len - skip;
	end = header + payload;
	memcpy(frame, bytes, header);
	memcpy(frame + header, rte_pktmbuf_mtod_offset(buffer, uint8_t *, skip), payload);
	cut_ip(frame + start + inner.l3_offset, inner.ether_type == 0x86dd,
		end - start - inner.l3_offset, index, super_note(packet)->flags & SUPER_ID_FIXED);
	if ((inner.packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP)
		cut_tcp(frame + start + inner.l4_offset, packet, index, count);
	cut_l4(frame + start + inner.l3_offset, &inner, frame + start + inner.l4_offset,
		end - start - inner.l4_offset, super_note(buffer)->payload_sum);
	if (start == 0)
		return end;
	cut_ip(frame + outer.l3_offset, outer.ether_type == 0x86dd, end - outer.l3_offset, index,
		super_note(packet)->flags & SUPER_OUTER_ID_FIXED);
	if (outer.l4_offset != 0) {
		put16(frame + outer.l4_offset + 4, end - outer.l4_offset);
		if (load_be16(frame + outer.l4_offset + 6) != 0) {
			put16(frame + outer.l4_offset + 6, 0);
			finish_l4(frame + outer.l3_offset, outer.ether_type == 0x86dd, IPPROTO_UDP,
				frame + outer.l4_offset, end - outer.l4_offset);
		}
	}
	return end;
}
