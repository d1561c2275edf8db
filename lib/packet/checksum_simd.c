/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum over vectors of 64-bit lanes. Each lane keeps two running sums: `all` of
 * the lanes as they are (modulo 2^64) and `high` of their upper 32 bits (which cannot overflow
 * below 2^32 vectors). The sum of the lower halves is then all - high * 2^32, exact because it is
 * below 2^64 itself: three instructions a vector, and no masking.
 */
#include "packet/checksum_simd.h"

#include <immintrin.h>
#include <string.h>

#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw")))

/* The lanes' two sums to one of 32 bits: halves are summed apart so that nothing overflows. */
static inline uint64_t lanes_total(const uint64_t *all, const uint64_t *high, int count)
{
	uint64_t total = 0;

	for (int i = 0; i < count; i++) {
		uint64_t low = all[i] - (high[i] << 32);

		total += checksum_narrow(low);
		total += checksum_narrow(high[i]);
	}
	return total;
}

TARGET_AVX2 static uint64_t reduce_avx2(__m256i all, __m256i high)
{
	uint64_t all_lanes[4], high_lanes[4];

	_mm256_storeu_si256((__m256i *)all_lanes, all);
	_mm256_storeu_si256((__m256i *)high_lanes, high);
	return lanes_total(all_lanes, high_lanes, 4);
}

TARGET_AVX2 uint32_t checksum_partial_avx2(const void *bytes, uint32_t length, uint32_t sum)
{
	const uint8_t *at = bytes;
	__m256i all[4], high[4];
	uint64_t tail[4] = {0};

	for (int i = 0; i < 4; i++)
		all[i] = high[i] = _mm256_setzero_si256();
	for (; length >= 128; length -= 128, at += 128) {
		for (int i = 0; i < 4; i++) {
			__m256i v = _mm256_loadu_si256((const __m256i *)(at + i * 32));

			all[i] = _mm256_add_epi64(all[i], v);
			high[i] = _mm256_add_epi64(high[i], _mm256_srli_epi64(v, 32));
		}
	}
	for (; length >= 32; length -= 32, at += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)at);

		all[0] = _mm256_add_epi64(all[0], v);
		high[0] = _mm256_add_epi64(high[0], _mm256_srli_epi64(v, 32));
	}
	if (length != 0) {
		__m256i v;

		memcpy(tail, at, length);
		v = _mm256_loadu_si256((const __m256i *)tail);
		all[1] = _mm256_add_epi64(all[1], v);
		high[1] = _mm256_add_epi64(high[1], _mm256_srli_epi64(v, 32));
	}
	all[0] = _mm256_add_epi64(
		_mm256_add_epi64(all[0], all[1]), _mm256_add_epi64(all[2], all[3]));
	high[0] = _mm256_add_epi64(
		_mm256_add_epi64(high[0], high[1]), _mm256_add_epi64(high[2], high[3]));
	return checksum_narrow(reduce_avx2(all[0], high[0]) + sum);
}

TARGET_AVX512 uint32_t checksum_partial_avx512(const void *bytes, uint32_t length, uint32_t sum)
{
	const uint8_t *at = bytes;
	__m512i all[2], high[2], low;
	uint64_t total;

	all[0] = all[1] = high[0] = high[1] = _mm512_setzero_si512();
	for (; length >= 128; length -= 128, at += 128) {
		__m512i v = _mm512_loadu_si512(at), w = _mm512_loadu_si512(at + 64);

		all[0] = _mm512_add_epi64(all[0], v);
		high[0] = _mm512_add_epi64(high[0], _mm512_srli_epi64(v, 32));
		all[1] = _mm512_add_epi64(all[1], w);
		high[1] = _mm512_add_epi64(high[1], _mm512_srli_epi64(w, 32));
	}
	while (length != 0) {
		uint32_t part = length < 64 ? length : 64;
		__m512i v = _mm512_maskz_loadu_epi8(UINT64_MAX >> (64 - part), at);

		all[0] = _mm512_add_epi64(all[0], v);
		high[0] = _mm512_add_epi64(high[0], _mm512_srli_epi64(v, 32));
		length -= part;
		at += part;
	}
	all[0] = _mm512_add_epi64(all[0], all[1]);
	high[0] = _mm512_add_epi64(high[0], high[1]);
	/* Both sums of a lane fit 63 bits together only after narrowing: fold each to 33 bits
	 * first. */
	low = _mm512_sub_epi64(all[0], _mm512_slli_epi64(high[0], 32));
	low = _mm512_add_epi64(_mm512_maskz_mov_epi32(0x5555, low), _mm512_srli_epi64(low, 32));
	high[0] = _mm512_add_epi64(
		_mm512_maskz_mov_epi32(0x5555, high[0]), _mm512_srli_epi64(high[0], 32));
	total = (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(low, high[0]));
	return checksum_narrow(total + sum);
}
