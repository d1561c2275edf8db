/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/rss_hash.h"

#include <string.h>

enum { ADDRESSES_PORTS = RSS_FIELDS_ADDRESSES | RSS_FIELDS_PORTS };
enum { L2_BYTES = 10 }; /* m v t */

const char *const rss_type_names[] = {"tcp4", "udp4", "sctp4", "ah4", "esp4", "ip4", "tcp6", "udp6",
	"sctp6", "ah6", "esp6", "ip6", "ether", NULL};

const uint8_t rss_fields_default[RSS_TYPE_COUNT] = {
	[RSS_TYPE_TCP4] = ADDRESSES_PORTS,
	[RSS_TYPE_UDP4] = ADDRESSES_PORTS,
	[RSS_TYPE_SCTP4] = ADDRESSES_PORTS,
	[RSS_TYPE_AH4] = RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_ESP4] = RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_IP4] = RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_TCP6] = ADDRESSES_PORTS,
	[RSS_TYPE_UDP6] = ADDRESSES_PORTS,
	[RSS_TYPE_SCTP6] = ADDRESSES_PORTS,
	[RSS_TYPE_AH6] = RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_ESP6] = RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_IP6] = RSS_FIELDS_ADDRESSES,
};

const uint8_t rss_fields_possible[RSS_TYPE_COUNT] = {
	[RSS_TYPE_TCP4] = RSS_FIELDS_ALL,
	[RSS_TYPE_UDP4] = RSS_FIELDS_ALL,
	[RSS_TYPE_SCTP4] = RSS_FIELDS_ALL,
	[RSS_TYPE_AH4] = RSS_FIELDS_ALL,
	[RSS_TYPE_ESP4] = RSS_FIELDS_ALL,
	[RSS_TYPE_IP4] = RSS_FIELDS_L2 | RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_TCP6] = RSS_FIELDS_ALL,
	[RSS_TYPE_UDP6] = RSS_FIELDS_ALL,
	[RSS_TYPE_SCTP6] = RSS_FIELDS_ALL,
	[RSS_TYPE_AH6] = RSS_FIELDS_ALL,
	[RSS_TYPE_ESP6] = RSS_FIELDS_ALL,
	[RSS_TYPE_IP6] = RSS_FIELDS_L2 | RSS_FIELDS_ADDRESSES,
	[RSS_TYPE_ETHER] = RSS_FIELDS_L2,
};

void rss_rules_init(
	struct rss_rules *rules, const uint8_t fields[], enum rss_transform transform, bool inner)
{
	const uint8_t *given = fields != NULL ? fields : rss_fields_default;
	struct rss_rules made = {.transform = (uint8_t)transform, .inner = inner};

	for (unsigned type = 0; type < RSS_TYPE_COUNT; type++)
		made.fields[type] = given[type] & rss_fields_possible[type];
	made.ordinary = transform == RSS_TRANSFORM_NONE &&
		made.fields[RSS_TYPE_TCP4] == ADDRESSES_PORTS &&
		made.fields[RSS_TYPE_UDP4] == ADDRESSES_PORTS &&
		made.fields[RSS_TYPE_TCP6] == ADDRESSES_PORTS &&
		made.fields[RSS_TYPE_UDP6] == ADDRESSES_PORTS;
	*rules = made; /* `fields` may be its own */
}

void rss_hash_init(struct rss_hash *hash, const uint8_t key[TOEPLITZ_KEY_BYTES],
	const uint8_t fields[], enum rss_transform transform, bool inner)
{
	toeplitz_key_init(&hash->key, key, NULL);
	rss_rules_init(&hash->rules, fields, transform, inner);
}

bool rss_rules_are_default(const struct rss_rules *rules)
{
	return rules->transform == RSS_TRANSFORM_NONE && !rules->inner &&
		memcmp(rules->fields, rss_fields_default, sizeof(rules->fields)) == 0;
}

/* `bytes` of each of the two; in place. */
static void transform_pair(enum rss_transform transform, uint8_t *pair, unsigned bytes)
{
	uint8_t first[16];

	if (transform == RSS_TRANSFORM_SYMMETRIC_XOR) {
		for (unsigned i = 0; i < bytes; i++)
			pair[i] = pair[bytes + i] = pair[i] ^ pair[bytes + i];
	} else if (memcmp(pair, pair + bytes, bytes) > 0) {
		memcpy(first, pair, bytes);
		memcpy(pair, pair + bytes, bytes);
		memcpy(pair + bytes, first, bytes);
	}
}

/* Copies those halves of a pair that are wanted. */
static void copy_pair(uint8_t *to, const uint8_t *from, unsigned bytes, bool first, bool second)
{
	if (first)
		memcpy(to, from, bytes);
	if (second)
		memcpy(to + bytes, from + bytes, bytes);
}

static bool has_spi(enum rss_type type)
{
	return type == RSS_TYPE_AH4 || type == RSS_TYPE_ESP4 || type == RSS_TYPE_AH6 ||
		type == RSS_TYPE_ESP6;
}

static void compose_tuple(const struct rss_rules *rules, const struct rss_packet *packet,
	uint8_t fields, uint8_t *input)
{
	const unsigned address_bytes = rss_type_is_ipv6(packet->type) ? 16 : 4;
	uint8_t *ports = input + (size_t)2 * address_bytes;

	copy_pair(input, packet->addresses, address_bytes, fields & RSS_FIELD_SOURCE,
		fields & RSS_FIELD_DESTINATION);
	if (packet->l4 != NULL)
		copy_pair(ports, packet->l4, 2, fields & RSS_FIELD_L4_FIRST,
			fields & RSS_FIELD_L4_SECOND);
	if (rules->transform == RSS_TRANSFORM_NONE)
		return;
	transform_pair((enum rss_transform)rules->transform, input, address_bytes);
	if (!has_spi(packet->type))
		transform_pair((enum rss_transform)rules->transform, ports, 2);
}

static void compose_l2(const struct rss_packet *packet, uint8_t fields, uint8_t *input)
{
	const unsigned at = rss_type_is_ipv6(packet->type) ? 0 : TOEPLITZ_IPV4_BYTES;
	uint8_t l2[L2_BYTES] = {0};

	if ((fields & RSS_FIELD_MAC) && packet->mac != NULL)
		memcpy(l2, packet->mac, 6);
	if (fields & RSS_FIELD_VLAN) {
		l2[6] = (uint8_t)(packet->vlan >> 8);
		l2[7] = (uint8_t)packet->vlan;
	}
	if (fields & RSS_FIELD_PROTOCOL) {
		l2[8] = (uint8_t)(packet->protocol >> 8);
		l2[9] = (uint8_t)packet->protocol;
	}
	for (unsigned i = 0; i < L2_BYTES; i++)
		input[at + i] ^= l2[i];
}

unsigned rss_compose(const struct rss_rules *rules, const struct rss_packet *packet,
	uint8_t ret_input[TOEPLITZ_INPUT_MAX])
{
	uint8_t fields = rules->fields[packet->type];

	if (packet->fragment)
		fields &= (uint8_t)~RSS_FIELDS_PORTS;
	if (fields == 0)
		return 0;
	memset(ret_input, 0, TOEPLITZ_INPUT_MAX);
	if (packet->type != RSS_TYPE_ETHER)
		compose_tuple(rules, packet, fields, ret_input);
	if (fields & RSS_FIELDS_L2)
		compose_l2(packet, fields, ret_input);
	else if (!rss_type_is_ipv6(packet->type))
		return TOEPLITZ_IPV4_BYTES;
	return TOEPLITZ_INPUT_MAX;
}

static const char letters[] = "mvtsdfn"; /* letter i is bit i of RSS_FIELD_* */

const char *rss_fields_parse(const char *text, uint8_t possible, uint8_t *ret_fields)
{
	uint8_t fields = 0;

	for (; *text != '\0'; text++) {
		const char *letter = strchr(letters, *text);
		uint8_t field = letter != NULL ? (uint8_t)(1u << (letter - letters)) : 0;

		if (field == 0 || !(possible & field) || (fields & field))
			return text;
		fields |= field;
	}
	*ret_fields = fields;
	return NULL;
}

char *rss_fields_format(uint8_t fields, char text[RSS_FIELDS_TEXT_BYTES])
{
	unsigned length = 0;

	for (unsigned i = 0; letters[i] != '\0'; i++)
		if (fields & 1u << i)
			text[length++] = letters[i];
	text[length] = '\0';
	return text;
}

bool rss_fields_are_symmetric(uint8_t fields)
{
	const uint8_t addresses = fields & RSS_FIELDS_ADDRESSES, ports = fields & RSS_FIELDS_PORTS;

	return (addresses == 0 || addresses == RSS_FIELDS_ADDRESSES) &&
		(ports == 0 || ports == RSS_FIELDS_PORTS) && !(fields & RSS_FIELD_MAC);
}
