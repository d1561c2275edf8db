/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by VPCLMULQDQ on 512 bits: what toeplitz_clmul.c does for one input is done for four at
 * once, and sixteen hashes leave together. All CPUs that have VPCLMULQDQ on 512 bits have GFNI,
 * whose affine transform reverses the bits of each byte.
 */
#include <immintrin.h>

#include "steering/toeplitz_variants.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,vpclmulqdq,gfni")))
#define INLINE static inline TARGET __attribute__((always_inline))

enum { STEP = 16 };

static bool avx512_supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("gfni");
}

INLINE __m128i load(const void *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

INLINE __m512i load_windows(const struct toeplitz_key *key, unsigned word)
{
	return _mm512_broadcast_i64x2(load(&key->windows[word]));
}

/* 16 bytes at `offset` of inputs 0, 4, 8 and 12: so the hashes come out in order, see store(). */
INLINE __m512i gather(const uint8_t *const inputs[], int offset)
{
	__m512i bytes = _mm512_castsi128_si512(load(inputs[0] + offset));

	bytes = _mm512_inserti64x2(bytes, load(inputs[4] + offset), 1);
	bytes = _mm512_inserti64x2(bytes, load(inputs[8] + offset), 2);
	return _mm512_inserti64x2(bytes, load(inputs[12] + offset), 3);
}

/* Bytes `at` .. `at`+3 and `at`+4 .. `at`+7 as two 64-bit integers, from network order. */
INLINE __m512i two_words(__m512i bytes, int at)
{
	const char i = (char)at;

	return _mm512_shuffle_epi8(bytes,
		_mm512_broadcast_i32x4(_mm_setr_epi8((char)(i + 3), (char)(i + 2), (char)(i + 1), i,
			-1, -1, -1, -1, (char)(i + 7), (char)(i + 6), (char)(i + 5), (char)(i + 4),
			-1, -1, -1, -1)));
}

INLINE __m512i last_word(__m512i bytes)
{
	return _mm512_shuffle_epi8(bytes,
		_mm512_broadcast_i32x4(_mm_setr_epi8(
			15, 14, 13, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
}

/* sum ^ both products */
INLINE __m512i add_products(__m512i sum, __m512i words, __m512i windows)
{
	return _mm512_ternarylogic_epi64(sum, _mm512_clmulepi64_epi128(words, windows, 0x00),
		_mm512_clmulepi64_epi128(words, windows, 0x11), 0x96);
}

INLINE __m512i sum_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[])
{
	__m512i bytes = gather(inputs, -4);
	__m512i sum = _mm512_clmulepi64_epi128(last_word(bytes), load_windows(key, 2), 0x00);

	return add_products(sum, two_words(bytes, 4), load_windows(key, 0));
}

INLINE __m512i sum_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[])
{
	__m512i source = gather(inputs, 0), destination = gather(inputs, 16);
	__m512i ports = gather(inputs, 20);
	__m512i sum = _mm512_clmulepi64_epi128(last_word(ports), load_windows(key, 8), 0x00);

	sum = add_products(sum, two_words(source, 0), load_windows(key, 0));
	sum = add_products(sum, two_words(source, 8), load_windows(key, 2));
	sum = add_products(sum, two_words(destination, 0), load_windows(key, 4));
	return add_products(sum, two_words(destination, 8), load_windows(key, 6));
}

INLINE __m512i reverse_bits(__m512i value)
{
	const __m512i mirror = _mm512_set1_epi64((long long)0x8040201008040201ull);
	const __m512i order = _mm512_broadcast_i32x4(
		_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));

	return _mm512_shuffle_epi8(_mm512_gf2p8affine_epi64_epi8(value, mirror, 0), order);
}

/* sums[g] holds in its 128-bit lane l the products of input 4l + g, of which bits 32..63 count. */
INLINE void store(const __m512i sums[4], uint32_t *hashes, unsigned count)
{
	__m512i first = _mm512_unpacklo_epi32(sums[0], sums[1]);
	__m512i second = _mm512_unpacklo_epi32(sums[2], sums[3]);
	__m512i hash = reverse_bits(_mm512_unpackhi_epi64(first, second));

	_mm512_mask_storeu_epi32(hashes, (__mmask16)((1u << count) - 1), hash);
}

/* `ipv6` is a constant in each caller, so this becomes two loops without a question in them. */
INLINE void burst(const struct toeplitz_key *key, const uint8_t *const inputs[], unsigned count,
	uint32_t hashes[], bool ipv6)
{
	const uint8_t *padded[STEP];
	__m512i sums[4];

	for (unsigned done = 0; done < count; done += STEP) {
		const uint8_t *const *from = inputs + done;
		unsigned step = count - done < STEP ? count - done : STEP;

		if (step < STEP) {
			for (unsigned i = 0; i < STEP; i++)
				padded[i] = from[i < step ? i : 0];
			from = padded;
		}
		for (unsigned i = 0; i < 4; i++)
			sums[i] = ipv6 ? sum_ipv6(key, from + i) : sum_ipv4(key, from + i);
		store(sums, hashes + done, step);
	}
}

static TARGET void avx512_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, false);
}

static TARGET void avx512_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, true);
}

const struct toeplitz_variant toeplitz_variant_avx512 = {
	.name = "vpclmul-avx512",
	.supported = avx512_supported,
	.ipv4 = avx512_ipv4,
	.ipv6 = avx512_ipv6,
};
