/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by PCLMULQDQ, four inputs at a time: see toeplitz.h for the arithmetic. Each input's
 * products are summed up in 128 bits, of which bits 32..63 are the reversed hash; four of these
 * make one vector of hashes, whose bits are reversed together.
 */
#include <string.h>
#include <x86intrin.h>

#include "steering/toeplitz_variants.h"

#define TARGET __attribute__((target("pclmul,sse4.1,ssse3")))
#define INLINE static inline TARGET __attribute__((always_inline))

static bool clmul_supported(void)
{
	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

/* Bytes `at` .. `at`+3 and `at`+4 .. `at`+7 as two 64-bit integers, from network order. */
INLINE __m128i two_words(__m128i bytes, int at)
{
	const char i = (char)at;

	return _mm_shuffle_epi8(bytes,
		_mm_setr_epi8((char)(i + 3), (char)(i + 2), (char)(i + 1), i, -1, -1, -1, -1,
			(char)(i + 7), (char)(i + 6), (char)(i + 5), (char)(i + 4), -1, -1, -1,
			-1));
}

INLINE __m128i last_word(__m128i bytes)
{
	return _mm_shuffle_epi8(bytes,
		_mm_setr_epi8(15, 14, 13, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
}

INLINE __m128i load(const void *bytes)
{
	return _mm_loadu_si128((const __m128i *)bytes);
}

INLINE __m128i products(__m128i words, __m128i windows)
{
	return _mm_xor_si128(_mm_clmulepi64_si128(words, windows, 0x00),
		_mm_clmulepi64_si128(words, windows, 0x11));
}

/* Reads bytes -4..11. */
INLINE __m128i sum_ipv4(const struct toeplitz_key *key, const uint8_t *input)
{
	__m128i bytes = load(input - 4);

	return _mm_xor_si128(products(two_words(bytes, 4), load(&key->windows[0])),
		_mm_clmulepi64_si128(last_word(bytes), load(&key->windows[2]), 0x00));
}

INLINE __m128i sum_ipv6(const struct toeplitz_key *key, const uint8_t *input)
{
	__m128i source = load(input), destination = load(input + 16), ports = load(input + 20);
	__m128i sum = _mm_clmulepi64_si128(last_word(ports), load(&key->windows[8]), 0x00);

	sum = _mm_xor_si128(sum, products(two_words(source, 0), load(&key->windows[0])));
	sum = _mm_xor_si128(sum, products(two_words(source, 8), load(&key->windows[2])));
	sum = _mm_xor_si128(sum, products(two_words(destination, 0), load(&key->windows[4])));
	return _mm_xor_si128(sum, products(two_words(destination, 8), load(&key->windows[6])));
}

/* Reverses the 32 bits of each element: the halves of each byte by table, then the order. */
INLINE __m128i reverse_bits(__m128i value)
{
	const __m128i low_half = _mm_set1_epi8(0x0f);
	const __m128i reversed =
		_mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
	const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
	__m128i low = _mm_shuffle_epi8(reversed, _mm_and_si128(value, low_half));
	__m128i high =
		_mm_shuffle_epi8(reversed, _mm_and_si128(_mm_srli_epi16(value, 4), low_half));

	return _mm_shuffle_epi8(_mm_or_si128(_mm_slli_epi16(low, 4), high), order);
}

/* Bits 32..63 of each sum, reversed. */
INLINE __m128i four_hashes(const __m128i sums[4])
{
	__m128i first = _mm_unpacklo_epi32(sums[0], sums[1]);
	__m128i second = _mm_unpacklo_epi32(sums[2], sums[3]);

	return reverse_bits(_mm_unpackhi_epi64(first, second));
}

/* `ipv6` is a constant in each caller, so this becomes two loops without a question in them. */
INLINE void burst(const struct toeplitz_key *key, const uint8_t *const inputs[], unsigned count,
	uint32_t hashes[], bool ipv6)
{
	uint32_t last[4];
	unsigned done;

	for (done = 0; done < count; done += 4) {
		unsigned step = count - done < 4 ? count - done : 4;
		__m128i sums[4];

		/* A short last step hashes its last input again: less work than a second loop. */
		for (unsigned i = 0; i < 4; i++) {
			const uint8_t *input = inputs[done + (i < step ? i : step - 1)];

			sums[i] = ipv6 ? sum_ipv6(key, input) : sum_ipv4(key, input);
		}
		if (step == 4) {
			_mm_storeu_si128((__m128i *)&hashes[done], four_hashes(sums));
		} else {
			_mm_storeu_si128((__m128i *)last, four_hashes(sums));
			memcpy(&hashes[done], last, step * sizeof(*last));
		}
	}
}

static TARGET void clmul_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, false);
}

static TARGET void clmul_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	burst(key, inputs, count, hashes, true);
}

const struct toeplitz_variant toeplitz_variant_clmul = {
	.name = "pclmul",
	.supported = clmul_supported,
	.ipv4 = clmul_ipv4,
	.ipv6 = clmul_ipv6,
};
