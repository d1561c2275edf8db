/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "packet/parse.h"

enum { ETHER_IPV4 = 0x0800, ETHER_IPV6 = 0x86dd, ETHER_ARP = 0x0806 };
enum { IP_TCP = 6, IP_UDP = 17, IP_SCTP = 132, IP_ICMP = 1, IP_ICMP6 = 58 };

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IP_TCP: return "tcp";
	case IP_UDP: return "udp";
	case IP_SCTP: return "sctp";
	case IP_ICMP: return "icmp";
	case IP_ICMP6: return "icmp6";
	default: return NULL;
	}
}

static bool has_ports(const struct headers *headers)
{
	return headers->l4_offset != 0 &&
		(headers->ip_protocol == IP_TCP || headers->ip_protocol == IP_UDP ||
			headers->ip_protocol == IP_SCTP);
}

static unsigned port_at(const uint8_t *bytes, uint32_t offset)
{
	return (unsigned)bytes[offset] << 8 | bytes[offset + 1];
}

/* The source, or (second) the destination; with its port where there are ports. */
static void end_text(const uint8_t *bytes, const struct headers *headers, bool second, char *text)
{
	bool v6 = headers->ether_type == ETHER_IPV6;
	const uint8_t *ip = bytes + headers->l3_offset;
	const uint8_t *address = v6 ? ip + (second ? 24 : 8) : ip + (second ? 16 : 12);
	char name[INET6_ADDRSTRLEN];

	inet_ntop(v6 ? AF_INET6 : AF_INET, address, name, sizeof(name));
	if (!has_ports(headers))
		snprintf(text, PACKET_WORD_MAX, "%s", name);
	else
		snprintf(text, PACKET_WORD_MAX, v6 ? "[%s]:%u" : "%s:%u", name,
			port_at(bytes, headers->l4_offset + (second ? 2u : 0u)));
}

static bool read_ends(
	const uint8_t *bytes, uint32_t length, struct headers *headers, struct packet_words *words)
{
	uint32_t looked = length < PARSE_MAX_BYTES ? length : PARSE_MAX_BYTES;

	parse_headers(bytes, looked, headers);
	if (headers->l3_length == 0)
		return false;
	end_text(bytes, headers, false, words->source);
	end_text(bytes, headers, true, words->destination);
	return true;
}

int packet_words(const uint8_t *bytes, uint32_t length, struct packet_words *ret_words)
{
	struct headers headers;
	const char *name;

	if (!read_ends(bytes, length, &headers, ret_words))
		return -ENOENT;
	name = has_ports(&headers) ? protocol_name(headers.ip_protocol) : NULL;
	snprintf(ret_words->protocol, sizeof(ret_words->protocol), "%s", name ? name : "ip");
	return 0;
}

static void tcp_flags(uint8_t flags, char *text)
{
	static const char letters[] = "FSRP.UEW";

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1u << i)
			*text++ = letters[i];
	*text = '\0';
}

static void print_layer4(const uint8_t *bytes, uint32_t original_length,
	const struct headers *headers, char *text, size_t size)
{
	const char *name = protocol_name(headers->ip_protocol);
	uint32_t start = headers->l4_offset != 0
		? (uint32_t)headers->l4_offset + headers->l4_length
		: (uint32_t)headers->l3_offset + headers->l3_length;
	char flags[10] = "", number[16];

	if (headers->ip_protocol == IP_TCP && headers->l4_offset != 0)
		tcp_flags(bytes[headers->l4_offset + 13], flags);
	snprintf(number, sizeof(number), "proto %u", headers->ip_protocol);
	snprintf(text, size, "%s%s%s%s, %u bytes", name ? name : number, flags[0] ? " " : "", flags,
		headers->fragment ? " fragment" : "",
		original_length > start ? original_length - start : 0);
}

void packet_line(
	const uint8_t *bytes, uint32_t length, uint32_t original_length, char *text, size_t size)
{
	struct packet_words words;
	struct headers headers;
	char rest[96];

	if (!read_ends(bytes, length, &headers, &words)) {
		snprintf(text, size, "%s 0x%04x, %u bytes",
			headers.ether_type == ETHER_ARP ? "arp" : "ethernet", headers.ether_type,
			original_length);
		return;
	}
	print_layer4(bytes, original_length, &headers, rest, sizeof(rest));
	snprintf(text, size, "%s > %s %s", words.source, words.destination, rest);
}
