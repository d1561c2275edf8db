/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash that says which flow a packet is of: its port of arrival, Ethernet header with tags,
 * addresses, protocol and ports, and of a tunnel those of both its sides with its key. What may
 * vary within a flow, or has no fixed place, is left out. Always computed here: the hash that a
 * device put into an mbuf leaves out more, and not all packets of a flow need have one.
 *
 * CRC-32C, one instruction for 8 bytes. Who makes two flows collide only keeps them from merging.
 */
#ifndef WEIR_SEGMENTATION_GRO_HASH_H
#define WEIR_SEGMENTATION_GRO_HASH_H

#include <nmmintrin.h>
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

static inline uint32_t gro_hash_mix(uint32_t hash, uint64_t value)
{
	return (uint32_t)_mm_crc32_u64(hash, value);
}

/* Addresses, type and tags of `bytes` (at least 14) of layer 2 headers. Of more than two tags the
 * middle ones are left out. */
static inline uint32_t gro_hash_ethernet(uint32_t hash, const uint8_t *frame, uint32_t bytes)
{
	hash = gro_hash_mix(hash, gro_load64(frame));
	hash = gro_hash_mix(hash, gro_load64(frame + 6));
	return gro_hash_mix(hash, gro_load64(frame + bytes - 8));
}

/* Source and destination of an IP header. */
static inline uint32_t gro_hash_addresses(uint32_t hash, const uint8_t *ip, bool ipv6)
{
	if (!ipv6)
		return gro_hash_mix(hash, gro_load64(ip + 12));
	hash = gro_hash_mix(hash, gro_load64(ip + 8));
	hash = gro_hash_mix(hash, gro_load64(ip + 16));
	hash = gro_hash_mix(hash, gro_load64(ip + 24));
	return gro_hash_mix(hash, gro_load64(ip + 32));
}

/* Of layer 4, and its protocol. */
static inline uint32_t gro_hash_ports(uint32_t hash, const uint8_t *l4, uint32_t protocol)
{
	return gro_hash_mix(hash, (uint64_t)protocol << 32 | gro_load32(l4));
}

#endif
