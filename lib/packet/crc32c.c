/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPU's crc32 instruction takes 8 bytes, and 3 cycles before the next one can begin. Folding is
 * faster for all but short inputs: the message is a polynomial over GF(2), and what stands D bytes
 * before another part can be multiplied by x^(8D) modulo the CRC's polynomial and added to that
 * part: the remainder stays the same. A carry-less multiplication does 64 bits by 32, so 16 bytes
 * are folded by two of them, several parts side by side; what is left, 16 bytes, goes through the
 * crc32 instruction. (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction", Intel 2009.)
 */
#include "packet/crc32c.h"

#include <immintrin.h>
#include <string.h>

#define TARGET_SSE42 __attribute__((target("sse4.2")))
#define TARGET_PCLMUL __attribute__((target("sse4.2,pclmul")))
#define TARGET_VPCLMUL __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

/* x^(8D + 31) and x^(8D - 33) modulo the polynomial, bits reversed: what moves the lower and the
 * upper half of 16 bytes on by D bytes. */
#define FOLD_16 0xf20c0dfe, 0x493c7d27
#define FOLD_32 0x3da6d0cb, 0xba4fc28e
#define FOLD_48 0x1c291d04, 0xddc0152b
#define FOLD_64 0x740eef02, 0x9e4addf8
#define FOLD_256 0xdcb17aa4, 0xb9e02b86

static uint32_t partial_scalar(const void *bytes, uint32_t length, uint32_t crc)
{
	/* [n]: n through four steps of the shift register. */
	static const uint32_t nibbles[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6,
		0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
	const uint8_t *at = bytes;

	for (; length > 0; length--) {
		crc ^= *at++;
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return crc;
}

TARGET_SSE42 static inline uint32_t by_instruction(const uint8_t *at, uint32_t length, uint32_t crc)
{
	uint64_t wide = crc, word;

	for (; length >= 8; length -= 8, at += 8) {
		memcpy(&word, at, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	crc = (uint32_t)wide;
	if (length & 4) {
		uint32_t half;

		memcpy(&half, at, 4);
		crc = _mm_crc32_u32(crc, half);
		at += 4;
	}
	for (length &= 3; length > 0; length--)
		crc = _mm_crc32_u8(crc, *at++);
	return crc;
}

TARGET_SSE42 static uint32_t partial_sse42(const void *bytes, uint32_t length, uint32_t crc)
{
	return by_instruction(bytes, length, crc);
}

/* The remainder of 16 bytes into which all before was folded. */
TARGET_SSE42 static inline uint32_t remainder_of(__m128i folded)
{
	uint64_t crc = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(folded));

	return (uint32_t)_mm_crc32_u64(crc, (uint64_t)_mm_extract_epi64(folded, 1));
}

TARGET_PCLMUL static inline __m128i constants(uint64_t low, uint64_t high)
{
	return _mm_set_epi64x((long long)high, (long long)low);
}

TARGET_PCLMUL static inline __m128i fold(__m128i part, __m128i by, __m128i onto)
{
	__m128i low = _mm_clmulepi64_si128(part, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(part, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

TARGET_PCLMUL static inline __m128i load16(const uint8_t *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

TARGET_PCLMUL static uint32_t partial_pclmul(const void *bytes, uint32_t length, uint32_t crc)
{
	const __m128i by64 = constants(FOLD_64), by16 = constants(FOLD_16);
	const uint8_t *at = bytes;
	__m128i parts[4];

	if (length < 128)
		return by_instruction(at, length, crc);
	for (int i = 0; i < 4; i++)
		parts[i] = load16(at + (size_t)i * 16);
	parts[0] = _mm_xor_si128(parts[0], _mm_cvtsi32_si128((int)crc));
	for (at += 64, length -= 64; length >= 64; at += 64, length -= 64)
		for (int i = 0; i < 4; i++)
			parts[i] = fold(parts[i], by64, load16(at + (size_t)i * 16));
	for (int i = 1; i < 4; i++)
		parts[0] = fold(parts[0], by16, parts[i]);
	for (; length >= 16; at += 16, length -= 16)
		parts[0] = fold(parts[0], by16, load16(at));
	return by_instruction(at, length, remainder_of(parts[0]));
}

TARGET_VPCLMUL static inline __m512i fold_wide(__m512i part, __m512i by, __m512i onto)
{
	__m512i low = _mm512_clmulepi64_epi128(part, by, 0x00);
	__m512i high = _mm512_clmulepi64_epi128(part, by, 0x11);

	return _mm512_ternarylogic_epi64(low, high, onto, 0x96); /* xor of the three */
}

/* 64 bytes to 16: each 16 move on to where the last ones are. */
TARGET_VPCLMUL static inline __m128i narrow(__m512i part)
{
	__m128i sum = fold(_mm512_castsi512_si128(part), constants(FOLD_48),
		_mm512_extracti32x4_epi32(part, 3));

	sum = fold(_mm512_extracti32x4_epi32(part, 1), constants(FOLD_32), sum);
	return fold(_mm512_extracti32x4_epi32(part, 2), constants(FOLD_16), sum);
}

TARGET_VPCLMUL static uint32_t partial_vpclmul(const void *bytes, uint32_t length, uint32_t crc)
{
	const __m512i by256 = _mm512_broadcast_i32x4(constants(FOLD_256));
	const __m512i by64 = _mm512_broadcast_i32x4(constants(FOLD_64));
	const uint8_t *at = bytes;
	__m512i parts[4];
	__m128i folded;

	if (length < 256)
		return partial_pclmul(bytes, length, crc);
	for (int i = 0; i < 4; i++)
		parts[i] = _mm512_loadu_si512(at + (size_t)i * 64);
	parts[0] = _mm512_xor_si512(parts[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
	for (at += 256, length -= 256; length >= 256; at += 256, length -= 256)
		for (int i = 0; i < 4; i++)
			parts[i] =
				fold_wide(parts[i], by256, _mm512_loadu_si512(at + (size_t)i * 64));
	for (int i = 1; i < 4; i++)
		parts[0] = fold_wide(parts[0], by64, parts[i]);
	for (; length >= 64; at += 64, length -= 64)
		parts[0] = fold_wide(parts[0], by64, _mm512_loadu_si512(at));
	folded = narrow(parts[0]);
	for (; length >= 16; at += 16, length -= 16)
		folded = fold(folded, constants(FOLD_16), load16(at));
	return by_instruction(at, length, remainder_of(folded));
}

static bool always(void)
{
	return true;
}

static bool has_sse42(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
}

static bool has_pclmul(void)
{
	return has_sse42() && __builtin_cpu_supports("pclmul");
}

static bool has_vpclmul(void)
{
	return has_pclmul() && __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
}

const struct crc32c_variant crc32c_variants[CRC32C_VARIANT_COUNT] = {
	{"scalar", partial_scalar, always},
	{"sse4.2", partial_sse42, has_sse42},
	{"pclmul", partial_pclmul, has_pclmul},
	{"avx512-vpclmul", partial_vpclmul, has_vpclmul},
};

static uint32_t partial_choose(const void *bytes, uint32_t length, uint32_t crc);

/* Written once by whichever thread comes first; all of them write the same, so relaxed will do. */
static uint32_t (*partial_best)(const void *bytes, uint32_t length, uint32_t crc) = partial_choose;

static uint32_t partial_choose(const void *bytes, uint32_t length, uint32_t crc)
{
	int i = CRC32C_VARIANT_COUNT - 1;

	while (!crc32c_variants[i].supported())
		i--;
	__atomic_store_n(&partial_best, crc32c_variants[i].partial, __ATOMIC_RELAXED);
	return crc32c_variants[i].partial(bytes, length, crc);
}

uint32_t crc32c_partial(const void *bytes, uint32_t length, uint32_t crc)
{
	return __atomic_load_n(&partial_best, __ATOMIC_RELAXED)(bytes, length, crc);
}
