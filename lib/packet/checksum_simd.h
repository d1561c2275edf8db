/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vector variants of checksum_partial(), for checksum.c alone. The caller makes sure of the CPU.
 */
#ifndef WEIR_PACKET_CHECKSUM_SIMD_H
#define WEIR_PACKET_CHECKSUM_SIMD_H

#include <stdint.h>

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

#endif
