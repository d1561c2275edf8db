/* SPDX-License-Identifier: BSD-3-Clause */
#include "generate/flow.h"

#include <arpa/inet.h>
#include <string.h>

#include "generate/random.h"

enum { PORT_DISCARD = 9, PORT_CHARGEN = 19 };

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, 4);
}

/* Multiplying by an odd number and adding is one-to-one modulo 2^24: each flow has an address. */
static void ipv4_addresses(uint64_t seed, uint32_t index, uint64_t hash, struct flow_ends *ends)
{
	uint32_t scattered = index * 0x9e3779b1 + (uint32_t)random_mix(seed);

	put32(ends->address[FLOW_CLIENT], 0x0a000000 | (scattered & 0xffffff));
	put32(ends->address[FLOW_SERVER], 0xc6120000 | (hash & 0x1ffff));
}

static void ipv6_addresses(uint64_t seed, uint32_t index, uint64_t hash, struct flow_ends *ends)
{
	static const uint8_t client[8] = {0x20, 0x01, 0, 2, 0, 0, 0, 1};
	static const uint8_t server[8] = {0x20, 0x01, 0, 2, 0, 0, 0, 2};
	uint64_t interface = random_mix(seed + index);

	memcpy(ends->address[FLOW_CLIENT], client, 8);
	memcpy(ends->address[FLOW_CLIENT] + 8, &interface, 8);
	memcpy(ends->address[FLOW_SERVER], server, 8);
	memset(ends->address[FLOW_SERVER] + 8, 0, 4);
	put32(ends->address[FLOW_SERVER] + 12, (uint32_t)hash);
}

void flow_ends_make(const struct config_generate *config, uint32_t index, uint32_t connection,
	struct flow_ends *ret_ends)
{
	uint64_t hash = random_mix(random_mix(config->seed) + index * 0x9e3779b97f4a7c15);
	uint32_t port = ((uint32_t)(hash >> 40) + connection) % FLOW_CLIENT_PORTS;
	bool tcp = config->protocol == GENERATE_TCP;

	ret_ends->ipv6 = flow_is_ipv6(config, index);
	ret_ends->protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	ret_ends->hash = (uint32_t)(hash >> 8);
	ret_ends->port[FLOW_CLIENT] = htons((uint16_t)(FLOW_CLIENT_PORT_FIRST + port));
	ret_ends->port[FLOW_SERVER] = htons(tcp ? PORT_CHARGEN : PORT_DISCARD);
	if (ret_ends->ipv6)
		ipv6_addresses(config->seed, index, hash, ret_ends);
	else
		ipv4_addresses(config->seed, index, hash, ret_ends);
}
