/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum over vectors. AVX2 and AVX-512: each 64-bit lane keeps two running sums:
 * `all` of the lanes as they are (modulo 2^64) and `high` of their upper 32 bits. The sum of the
 * lower halves is then all - high * 2^32, exact because it is below 2^64 itself: three instructions
 * a vector, and no masking. Fewer than 2^32 bytes are fewer than 2^27 vectors, so a lane's halves
 * stay below 2^59 and those of all lanes together below 2^63: nothing overflows on the way out.
 */
#include "packet/checksum_simd.h"

#include <immintrin.h>
#include <string.h>

#define TARGET_AVX2 __attribute__((target("avx2")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw")))
#define TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

TARGET_AVX2 static inline uint64_t reduce_avx2(__m256i all, __m256i high)
{
	__m256i lanes = _mm256_sub_epi64(_mm256_add_epi64(all, high), _mm256_slli_epi64(high, 32));
	__m128i pair =
		_mm_add_epi64(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));

	return (uint64_t)_mm_cvtsi128_si64(pair) + (uint64_t)_mm_extract_epi64(pair, 1);
}

TARGET_AVX2 uint32_t checksum_partial_avx2(const void *bytes, uint32_t length, uint32_t sum)
{
	const uint8_t *at = bytes;
	__m256i all[4], high[4];

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
	all[0] = _mm256_add_epi64(
		_mm256_add_epi64(all[0], all[1]), _mm256_add_epi64(all[2], all[3]));
	high[0] = _mm256_add_epi64(
		_mm256_add_epi64(high[0], high[1]), _mm256_add_epi64(high[2], high[3]));
	return checksum_narrow(reduce_avx2(all[0], high[0]) + checksum_tail(at, length) + sum);
}

TARGET_AVX512 static inline void add_avx512(__m512i *all, __m512i *high, __m512i v)
{
	/* Kept in a register: gcc would rather load it twice, and loads are what is scarce. */
	__asm__("" : "+v"(v));
	*all = _mm512_add_epi64(*all, v);
	*high = _mm512_add_epi64(*high, _mm512_srli_epi64(v, 32));
}

/* Bits `from` up to, not including, `to` (from < 64, from < to). */
static inline uint64_t byte_mask(uint64_t from, uint64_t to)
{
	uint64_t mask = UINT64_MAX << from;

	return to < 64 ? mask & ~(UINT64_MAX << to) : mask;
}

/*
 * All loads are aligned, because one that crosses a cache line costs two: the first starts at the
 * line's beginning and masks what lies before the bytes. That moves each byte up by its address
 * modulo 4 within its 32-bit word, and a sum modulo 2^32 - 1 is moved back by a rotation.
 */
TARGET_AVX512 uint32_t checksum_partial_avx512(const void *bytes, uint32_t length, uint32_t sum)
{
	uint64_t offset = (uintptr_t)bytes & 63, end = offset + length, at = 64;
	const char *base = (const char *)bytes - offset;
	__m512i all[2], high[2], lanes;
	uint32_t total, turn = (uint32_t)(offset & 3) * 8;

	if (length == 0)
		return sum;
	all[0] = all[1] = high[0] = high[1] = _mm512_setzero_si512();
	add_avx512(&all[0], &high[0], _mm512_maskz_loadu_epi8(byte_mask(offset, end), base));
	for (; at + 128 <= end; at += 128) {
		add_avx512(&all[0], &high[0], _mm512_load_si512(base + at));
		add_avx512(&all[1], &high[1], _mm512_load_si512(base + at + 64));
	}
	if (at + 64 <= end) {
		add_avx512(&all[1], &high[1], _mm512_load_si512(base + at));
		at += 64;
	}
	if (at < end)
		add_avx512(&all[0], &high[0],
			_mm512_maskz_loadu_epi8(byte_mask(0, end - at), base + at));
	all[0] = _mm512_add_epi64(all[0], all[1]);
	high[0] = _mm512_add_epi64(high[0], high[1]);
	lanes = _mm512_sub_epi64(_mm512_add_epi64(all[0], high[0]), _mm512_slli_epi64(high[0], 32));
	total = checksum_narrow((uint64_t)_mm512_reduce_add_epi64(lanes));
	total = total >> turn | total << (-turn & 31);
	sum += total;
	return sum + (sum < total);
}

TARGET_VNNI static inline __m512i add_vnni(__m512i sum, __m512i v)
{
	const __m512i ones = _mm512_set1_epi16(1), sign = _mm512_set1_epi16(INT16_MIN);

	return _mm512_dpwssd_epi32(sum, _mm512_xor_si512(v, sign), ones);
}

/* Up to here the sum, 2^16 words at most, is below 2^32; on the way there it may wrap around. */
enum { VNNI_LENGTH_MAX = (1 << 17) - 128 };

/*
 * With VNNI one instruction adds pairs of signed 16-bit words up. Words become signed when 2^15 is
 * taken from each, which flipping their highest bit does; it is given back for all words seen, the
 * masked ones included: two instructions a vector, on different ports of the CPU.
 */
TARGET_VNNI uint32_t checksum_partial_vnni(const void *bytes, uint32_t length, uint32_t sum)
{
	uint64_t offset = (uintptr_t)bytes & 63, end = offset + length, at = 64;
	const char *base = (const char *)bytes - offset;
	uint32_t total, turn = (uint32_t)(offset & 1) * 8;
	__m512i sums[4];

	if (length == 0 || length > VNNI_LENGTH_MAX)
		return checksum_partial_avx512(bytes, length, sum);
	sums[1] = sums[2] = sums[3] = _mm512_setzero_si512();
	sums[0] = add_vnni(sums[1], _mm512_maskz_loadu_epi8(byte_mask(offset, end), base));
	for (; at + 256 <= end; at += 256)
		for (int i = 0; i < 4; i++)
			sums[i] = add_vnni(sums[i], _mm512_load_si512(base + at + (size_t)i * 64));
	if (at + 128 <= end) {
		sums[0] = add_vnni(sums[0], _mm512_load_si512(base + at));
		sums[1] = add_vnni(sums[1], _mm512_load_si512(base + at + 64));
		at += 128;
	}
	if (at + 64 <= end) {
		sums[2] = add_vnni(sums[2], _mm512_load_si512(base + at));
		at += 64;
	}
	if (at < end) {
		sums[3] = add_vnni(
			sums[3], _mm512_maskz_loadu_epi8(byte_mask(0, end - at), base + at));
		at += 64;
	}
	sums[0] = _mm512_add_epi32(
		_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
	total = (uint32_t)_mm512_reduce_add_epi32(sums[0]) + ((uint32_t)at / 2 << 15);
	total = total >> turn | total << (-turn & 31);
	sum += total;
	return sum + (sum < total);
}
