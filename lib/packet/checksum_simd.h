/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vector variants of checksum_partial(), for checksum.c alone. The caller makes sure of the CPU.
 */
#ifndef WEIR_PACKET_CHECKSUM_SIMD_H
#define WEIR_PACKET_CHECKSUM_SIMD_H

#include <stdint.h>
#include <string.h>

uint32_t checksum_partial_avx2(const void *bytes, uint32_t length, uint32_t sum);
uint32_t checksum_partial_avx512(const void *bytes, uint32_t length, uint32_t sum);
uint32_t checksum_partial_vnni(const void *bytes, uint32_t length, uint32_t sum);

/* 64 bits of sum to 32, with end-around carry: 2^32 is 1 modulo 2^16 - 1. */
static inline uint32_t checksum_narrow(uint64_t wide)
{
	wide = (wide & 0xffffffff) + (wide >> 32);
	wide = (wide & 0xffffffff) + (wide >> 32);
	return (uint32_t)wide;
}

/* Sum of the last length % 32 bytes, at an even offset of what is summed, without copying them: a
 * load of what several stores have just written would wait for them. */
static inline uint64_t checksum_tail(const uint8_t *at, uint32_t length)
{
	uint64_t sum = 0;
	uint32_t words[4];
	uint16_t half;

	if (length & 16) {
		memcpy(words, at, 16);
		sum += (uint64_t)words[0] + words[1] + words[2] + words[3];
		at += 16;
	}
	if (length & 8) {
		memcpy(words, at, 8);
		sum += (uint64_t)words[0] + words[1];
		at += 8;
	}
	if (length & 4) {
		memcpy(words, at, 4);
		sum += words[0];
		at += 4;
	}
	if (length & 2) {
		memcpy(&half, at, 2);
		sum += half;
		at += 2;
	}
	return length & 1 ? sum + *at : sum;
}

#endif
