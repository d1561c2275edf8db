/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC32c (Castagnoli), SCTP's checksum. Source: RFC 9260 appendix A, RFC 3720 appendix B.4.
 *
 *     crc = CRC32C_START; crc = crc32c_partial(bytes, length, crc); ...; field = crc32c_field(crc);
 *
 * Pieces may be of any length, at any alignment. Pure; any thread.
 */
#ifndef WEIR_PACKET_CRC32C_H
#define WEIR_PACKET_CRC32C_H

#include <stdbool.h>
#include <stdint.h>

#define CRC32C_START 0xffffffffu

/* Continues `crc` with `length` bytes. Runs the fastest variant the CPU has. */
uint32_t crc32c_partial(const void *bytes, uint32_t length, uint32_t crc);

/* What SCTP's header holds: stored as it lies in a little-endian machine's memory. */
static inline uint32_t crc32c_field(uint32_t crc)
{
	return ~crc;
}

/* The variants, scalar (the oracle) first, for tests and benchmarks: alike in every bit. */
struct crc32c_variant {
	const char *name;
	uint32_t (*partial)(const void *bytes, uint32_t length, uint32_t crc);
	bool (*supported)(void); /* by this CPU */
};

enum { CRC32C_VARIANT_COUNT = 4 };

extern const struct crc32c_variant crc32c_variants[CRC32C_VARIANT_COUNT];

#endif
