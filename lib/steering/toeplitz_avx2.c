/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by VPCLMULQDQ on 256 bits: what toeplitz_clmul.c does for one input is done for two at
 * once, and eight hashes leave together. For CPUs without AVX-512 (Zen 3, Alder Lake), of which
 * some have no GFNI: bits are reversed by table, as there.
 */
#include <string.h>
#include <x86intrin.h>

#include "steering/toeplitz_variants.h"

#define TARGET __attribute__((target("avx2,vpclmulqdq,pclmul")))
#define INLINE static inline TARGET __attribute__((always_inline))

enum { STEP = 8 };

static bool avx2_supported(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
}

INLINE __m128i load(const void *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

INLINE __m256i both(__m128i half)
{
	return _mm256_broadcastsi128_si256(half);
}

INLINE __m256i load_windows(const struct toeplitz_key *key, unsigned word)
{
	return both(load(&key->windows[word]));
}

/* 16 bytes at `offset` of inputs 0 and 4: so the hashes come out in order, see hashes_of(). */
INLINE __m256i gather(const uint8_t *const inputs[], int offset)
{
	return _mm256_inserti128_si256(
		_mm256_castsi128_si256(load(inputs[0] + offset)), load(inputs[4] + offset), 1);
}

/* Bytes `at` .. `at`+3 and `at`+4 .. `at`+7 as two 64-bit integers, from network order. */
INLINE __m256i two_words(__m256i bytes, int at)
{
	const char i = (char)at;

	return _mm256_shuffle_epi8(bytes,
		both(_mm_setr_epi8((char)(i + 3), (char)(i + 2), (char)(i + 1), i, -1, -1, -1, -1,
			(char)(i + 7), (char)(i + 6), (char)(i + 5), (char)(i + 4), -1, -1, -1,
			-1)));
}

INLINE __m256i last_word(__m256i bytes)
{
	return _mm256_shuffle_epi8(bytes,
		both(_mm_setr_epi8(
			15, 14, 13, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1)));
}

/* sum ^ both products */
INLINE __m256i add_products(__m256i sum, __m256i words, __m256i windows)
{
	sum = _mm256_xor_si256(sum, _mm256_clmulepi64_epi128(words, windows, 0x00));
	return _mm256_xor_si256(sum, _mm256_clmulepi64_epi128(words, windows, 0x11));
}

INLINE __m256i sum_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[])
{
	__m256i bytes = gather(inputs, -4);
	__m256i sum = _mm256_clmulepi64_epi128(last_word(bytes), load_windows(key, 2), 0x00);

	return add_products(sum, two_words(bytes, 4), load_windows(key, 0));
}

INLINE __m256i sum_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[])
{
	__m256i source = gather(inputs, 0), destination = gather(inputs, 16);
	__m256i ports = gather(inputs, 20);
	__m256i sum = _mm256_clmulepi64_epi128(last_word(ports), load_windows(key, 8), 0x00);

	sum = add_products(sum, two_words(source, 0), load_windows(key, 0));
	sum = add_products(sum, two_words(source, 8), load_windows(key, 2));
	sum = add_products(sum, two_words(destination, 0), load_windows(key, 4));
	return add_products(sum, two_words(destination, 8), load_windows(key, 6));
}

/* Of each 32 bits. */
INLINE __m256i reverse_bits(__m256i value)
{
	const __m256i low_half = _mm256_set1_epi8(0x0f);
	const __m256i reversed =
		both(_mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15));
	const __m256i order =
		both(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
	__m256i low = _mm256_shuffle_epi8(reversed, _mm256_and_si256(value, low_half));
	__m256i high = _mm256_shuffle_epi8(
		reversed, _mm256_and_si256(_mm256_srli_epi16(value, 4), low_half));

	return _mm256_shuffle_epi8(_mm256_or_si256(_mm256_slli_epi16(low, 4), high), order);
}

/* sums[g] holds in its 128-bit lane l the products of input 4l + g, of which bits 32..63 count. */
INLINE __m256i hashes_of(const __m256i sums[4])
{
	__m256i first = _mm256_unpacklo_epi32(sums[0], sums[1]);
	__m256i second = _mm256_unpacklo_epi32(sums[2], sums[3]);

	return reverse_bits(_mm256_unpackhi_epi64(first, second));
}

/* `ipv6` is a constant in each caller, so this becomes two loops without a question in them. */
INLINE void burst(const struct toeplitz_key *key, const uint8_t *const inputs[], unsigned count,
	uint32_t hashes[], bool ipv6)
{
	const uint8_t *padded[STEP];
	uint32_t last[STEP];
	__m256i sums[4];

	for (unsigned done = 0; done < count; done += STEP) {
		const uint8_t *const *from = inputs + done;
		unsigned step = count - done < STEP ? count - done : STEP;

		/* A short last step hashes its first input again: less work than a second loop. */
		if (step < STEP) {
			for (unsigned i = 0; i < STEP; i++)
				padded[i] = from[i < step ? i : 0];
			from = padded;
		}
		for (unsigned i = 0; i < 4; i++)
			sums[i] = ipv6 ? sum_ipv6(key, from + i) : sum_ipv4(key, from + i);
		if (step == STEP) {
			_mm256_storeu_si256((__m256i *)&hashes[done], hashes_of(sums));
		} else {
			_mm256_storeu_si256((__m256i *)last, hashes_of(sums));
			memcpy(&hashes[done], last, step * sizeof(*last));
		}
	}
}

static TARGET void avx2_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, false);
}

static TARGET void avx2_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, true);
}

const struct toeplitz_variant toeplitz_variant_avx2 = {
	.name = "vpclmul-avx2",
	.supported = avx2_supported,
	.ipv4 = avx2_ipv4,
	.ipv6 = avx2_ipv6,
};
