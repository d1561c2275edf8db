/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/flow_key.h"

#include <string.h>

#include <rte_mbuf_ptype.h>

#include "packet/parse.h"

enum { WORDS = sizeof(struct flow_key) / sizeof(uint64_t) };

_Static_assert(sizeof(struct flow_key) == WORDS * sizeof(uint64_t), "hashed as whole words");

void flow_key_read(const uint8_t *bytes, uint32_t length, struct flow_key *key)
{
	struct headers headers;
	uint32_t l4;

	memset(key, 0, sizeof(*key));
	parse_headers(bytes, length, &headers);
	key->kind = headers.packet_type & RTE_PTYPE_L3_MASK;
	if (RTE_ETH_IS_IPV4_HDR(headers.packet_type) && headers.l3_offset + 20u <= length)
		memcpy(key->addresses, bytes + headers.l3_offset + 12, 8);
	else if (RTE_ETH_IS_IPV6_HDR(headers.packet_type) && headers.l3_offset + 40u <= length)
		memcpy(key->addresses, bytes + headers.l3_offset + 8, 32);
	else
		memcpy(key->addresses, bytes, length < 12 ? length : 12);
	l4 = headers.packet_type & RTE_PTYPE_L4_MASK;
	if (!headers.fragment && headers.l4_offset != 0 && headers.l4_offset + 4u <= length &&
		(l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP || l4 == RTE_PTYPE_L4_SCTP)) {
		memcpy(key->ports, bytes + headers.l4_offset, 4);
		key->kind |= l4;
	}
}

/* Multiplied and folded, as a CRC would be too regular for it (it is linear: a bit of an address
 * could cancel one of a port). */
uint64_t flow_key_hash(const struct flow_key *key)
{
	uint64_t words[WORDS], hash = 0x9e3779b97f4a7c15ull;

	memcpy(words, key, sizeof(words));
	for (unsigned i = 0; i < WORDS; i++) {
		unsigned __int128 product =
			(unsigned __int128)(hash ^ words[i]) * 0xd6e8feb86659fd93ull;

		hash = (uint64_t)product ^ (uint64_t)(product >> 64) ^ i;
	}
	return hash != 0 ? hash : 1;
}
