/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash that says which flow a packet is of: its port of arrival, Ethernet header with tags,
 * addresses, protocol and ports, and of a tunnel those of both its sides with its key. What may
 * vary within a flow, or has no fixed place, is left out. Always computed here: the hash that a
 * device put into an mbuf leaves out more, and not all packets of a flow need have one.
 *
 * Multiplied and folded (see packet/flow_key.c), with constants: replays repeat.
 */
#ifndef WEIR_SEGMENTATION_GRO_HASH_H
#define WEIR_SEGMENTATION_GRO_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t gro_load64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t gro_load32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint16_t gro_load16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t gro_hash_mix(uint64_t first, uint64_t second)
{
	unsigned __int128 product = (unsigned __int128)(first ^ 0x9e3779b97f4a7c15ull) *
		(second ^ 0xd6e8feb86659fd93ull);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Addresses, tags and type of `bytes` (at least 14) of layer 2 headers: those of two tags overlap
 * in no byte, further ones are left out. */
static inline uint64_t gro_hash_ethernet(const uint8_t *frame, uint32_t bytes)
{
	return gro_hash_mix(gro_load64(frame) + ((uint64_t)gro_load32(frame + 8) << 32),
		gro_load64(frame + bytes - 8));
}

/* Source and destination of an IP header. */
static inline uint64_t gro_hash_addresses(const uint8_t *ip, bool ipv6)
{
	if (!ipv6)
		return gro_hash_mix(gro_load64(ip + 12), 4);
	return gro_hash_mix(gro_load64(ip + 8), gro_load64(ip + 16)) +
		gro_hash_mix(~gro_load64(ip + 24), gro_load64(ip + 32));
}

/* Puts together what was hashed; `ports` of all 32 bits, or another key. */
static inline uint64_t gro_hash_flow(
	uint64_t addresses, uint64_t around, uint32_t ports, uint32_t protocol)
{
	return gro_hash_mix(addresses ^ around, (uint64_t)protocol << 32 | ports);
}

static inline uint32_t gro_hash_narrow(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

#endif
