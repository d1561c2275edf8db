/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"ip", 0},
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"sctp", IPPROTO_SCTP},
	{"icmp", IPPROTO_ICMP},
	{"icmp6", IPPROTO_ICMPV6},
	{"igmp", IPPROTO_IGMP},
	{"gre", IPPROTO_GRE},
	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},
};
enum { PROTOCOL_COUNT = sizeof(protocols) / sizeof(protocols[0]) };

/* A decimal number of digits only, up to `limit`. */
static bool read_number(const char *text, unsigned limit, unsigned *ret_value)
{
	unsigned value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > limit)
			return false;
	}
	*ret_value = value;
	return true;
}

static int parse_port(const char *text, const char *port, bool *ret_has_port, uint16_t *ret_port,
	struct error *error)
{
	unsigned value;

	if (!read_number(port, UINT16_MAX, &value))
		return error_set(error, EINVAL,
			"\"%.80s\": \"%.20s\" is not a port: expected 0..65535", text, port);
	*ret_has_port = true;
	*ret_port = (uint16_t)value;
	return 0;
}

/* One end: "10.0.0.1", "10.0.0.1:80", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:80". */
static int parse_end(const char *text, bool *ret_ipv6, uint8_t address[16], bool *ret_has_port,
	uint16_t *ret_port, struct error *error)
{
	const char *start = text, *end = text + strlen(text), *port = NULL;
	char copy[INET6_ADDRSTRLEN];
	bool bracket = text[0] == '[';

	if (bracket) {
		start = text + 1;
		end = strchr(start, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return error_set(error, EINVAL,
				"\"%.80s\" is not an address: expected [IPv6] or [IPv6]:port",
				text);
		if (end[1] == ':')
			port = end + 2;
	} else if (strchr(text, ':') != NULL && strchr(text, ':') == strrchr(text, ':')) {
		end = strchr(text, ':');
		port = end + 1;
	}
	*ret_ipv6 = bracket || memchr(start, ':', (size_t)(end - start)) != NULL;
	copy[0] = '\0';
	if ((size_t)(end - start) < sizeof(copy)) {
		memcpy(copy, start, (size_t)(end - start));
		copy[end - start] = '\0';
	}
	memset(address, 0, 16);
	if (inet_pton(*ret_ipv6 ? AF_INET6 : AF_INET, copy, address) != 1)
		return error_set(error, EINVAL,
			"\"%.80s\" is not an address: expected IPv4, IPv4:port, IPv6 or "
			"[IPv6]:port",
			text);
	*ret_has_port = false;
	*ret_port = 0;
	return port == NULL ? 0 : parse_port(text, port, ret_has_port, ret_port, error);
}

static int parse_protocol(const char *text, uint8_t *ret_protocol, struct error *error)
{
	unsigned value;

	for (unsigned i = 0; i < PROTOCOL_COUNT; i++) {
		if (strcmp(text, protocols[i].name) == 0) {
			*ret_protocol = protocols[i].number;
			return 0;
		}
	}
	if (!read_number(text, UINT8_MAX, &value))
		return error_set(error, EINVAL,
			"\"%.40s\" is not a protocol: expected tcp, udp, sctp, icmp, icmp6, igmp, "
			"gre, esp, ah, ip or a number 0..255",
			text);
	*ret_protocol = (uint8_t)value;
	return 0;
}

int tuple_parse(const char *source, const char *destination, const char *protocol,
	struct tuple *ret_tuple, struct error *error)
{
	struct tuple tuple = {0};
	bool destination_ipv6 = false, destination_has_port = false;
	int result;

	result = parse_end(
		source, &tuple.ipv6, tuple.source, &tuple.has_ports, &tuple.source_port, error);
	if (result == 0)
		result = parse_end(destination, &destination_ipv6, tuple.destination,
			&destination_has_port, &tuple.destination_port, error);
	if (result == 0 && protocol != NULL)
		result = parse_protocol(protocol, &tuple.protocol, error);
	if (result != 0)
		return result;
	if (tuple.ipv6 != destination_ipv6)
		return error_set(error, EINVAL,
			"\"%.80s\" and \"%.80s\" are of different IP versions", source,
			destination);
	if (tuple.has_ports != destination_has_port)
		return error_set(error, EINVAL,
			"\"%.80s\" has no port but \"%.80s\" has: give both or none",
			tuple.has_ports ? destination : source,
			tuple.has_ports ? source : destination);
	if (tuple.has_ports && protocol == NULL)
		return error_set(error, EINVAL, "ports of which protocol: tcp, udp or sctp?");
	*ret_tuple = tuple;
	return 0;
}

static const char *format_end(const struct tuple *tuple, const uint8_t *address, uint16_t port,
	char text[TUPLE_TEXT_BYTES])
{
	char name[INET6_ADDRSTRLEN];

	inet_ntop(tuple->ipv6 ? AF_INET6 : AF_INET, address, name, sizeof(name));
	if (!tuple->has_ports)
		snprintf(text, TUPLE_TEXT_BYTES, "%s", name);
	else
		snprintf(text, TUPLE_TEXT_BYTES, tuple->ipv6 ? "[%s]:%u" : "%s:%u", name,
			(unsigned)port);
	return text;
}

const char *tuple_format_source(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES])
{
	return format_end(tuple, tuple->source, tuple->source_port, text);
}

const char *tuple_format_destination(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES])
{
	return format_end(tuple, tuple->destination, tuple->destination_port, text);
}

const char *tuple_format_protocol(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES])
{
	for (unsigned i = 0; i < PROTOCOL_COUNT; i++)
		if (protocols[i].number == tuple->protocol)
			return protocols[i].name;
	snprintf(text, TUPLE_TEXT_BYTES, "%u", (unsigned)tuple->protocol);
	return text;
}

const char *tuple_format(const struct tuple *tuple, char text[TUPLE_TEXT_BYTES])
{
	char source[TUPLE_TEXT_BYTES], destination[TUPLE_TEXT_BYTES], protocol[TUPLE_TEXT_BYTES];

	/* Two bracketed IPv6 addresses, two ports and a protocol are at most 2 x 54 + 6 long. */
	snprintf(text, TUPLE_TEXT_BYTES, "%.54s %.54s %.8s", tuple_format_source(tuple, source),
		tuple_format_destination(tuple, destination),
		tuple_format_protocol(tuple, protocol));
	return text;
}

bool tuple_hashes_ports(const struct tuple *tuple)
{
	return tuple->has_ports &&
		(tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
			tuple->protocol == IPPROTO_SCTP);
}

unsigned tuple_hash_input(const struct tuple *tuple, uint8_t ret_input[TOEPLITZ_INPUT_MAX])
{
	unsigned address_bytes = tuple->ipv6 ? 16 : 4;
	uint16_t ports[2] = {htons(tuple->source_port), htons(tuple->destination_port)};

	memcpy(ret_input, tuple->source, address_bytes);
	memcpy(ret_input + address_bytes, tuple->destination, address_bytes);
	if (!tuple_hashes_ports(tuple))
		return 2 * address_bytes;
	memcpy(ret_input + 2 * address_bytes, ports, sizeof(ports));
	return 2 * address_bytes + (unsigned)sizeof(ports);
}

/* Of IPv4. */
static enum rss_type type_of_protocol(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP: return RSS_TYPE_TCP4;
	case IPPROTO_UDP: return RSS_TYPE_UDP4;
	case IPPROTO_SCTP: return RSS_TYPE_SCTP4;
	case IPPROTO_AH: return RSS_TYPE_AH4;
	case IPPROTO_ESP: return RSS_TYPE_ESP4;
	default: return RSS_TYPE_IP4;
	}
}

enum rss_type tuple_rss_type(const struct tuple *tuple)
{
	enum rss_type type = type_of_protocol(tuple->protocol);

	if (type <= RSS_TYPE_SCTP4 && !tuple->has_ports)
		type = RSS_TYPE_IP4;
	return tuple->ipv6 ? type + (RSS_TYPE_TCP6 - RSS_TYPE_TCP4) : type;
}

unsigned tuple_rss_input(const struct tuple *tuple, const struct rss_rules *rules,
	uint8_t ret_input[TOEPLITZ_INPUT_MAX])
{
	uint8_t input[TOEPLITZ_INPUT_MAX];
	unsigned bytes = tuple_hash_input(tuple, input);
	struct rss_packet packet = {
		.type = tuple_rss_type(tuple),
		.addresses = input,
		.l4 = tuple_hashes_ports(tuple) ? input + bytes - 4 : NULL,
		.protocol = tuple->protocol,
	};

	return rss_compose(rules, &packet, ret_input);
}

uint32_t tuple_rss_hash(const struct tuple *tuple, const struct rss_hash *hash)
{
	uint8_t input[TOEPLITZ_INPUT_MAX];
	unsigned bytes = tuple_rss_input(tuple, &hash->rules, input);

	return toeplitz_hash(&hash->key, input, bytes);
}
