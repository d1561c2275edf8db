/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC32c, SCTP's checksum, by the CPU's own instruction (SSE4.2, which DPDK on x86 asks for
 * anyway). Source: RFC 9260 appendix A.
 *
 *     crc = CRC32C_START; crc = crc32c_partial(bytes, length, crc); ...; field = ~crc;
 *
 * On a little-endian machine the inverted value goes into the header as it lies in memory.
 */
#ifndef WEIR_ENGINE_STAGES_CRC32C_H
#define WEIR_ENGINE_STAGES_CRC32C_H

#include <stdint.h>
#include <string.h>

#include <nmmintrin.h>

#define CRC32C_START 0xffffffffu

static inline uint32_t crc32c_partial(const uint8_t *bytes, uint32_t length, uint32_t crc)
{
	uint64_t wide = crc, word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	while (length-- > 0)
		crc = _mm_crc32_u8(crc, *bytes++);
	return crc;
}

#endif
