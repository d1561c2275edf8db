/* SPDX-License-Identifier: BSD-3-Clause */
#include "steering/toeplitz.h"

#include <string.h>

#include "steering/toeplitz_variants.h"

const uint8_t toeplitz_key_microsoft[TOEPLITZ_KEY_BYTES] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b,
	0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae,
	0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b,
	0xbe, 0xac, 0x01, 0xfa};

const uint8_t toeplitz_key_symmetric[TOEPLITZ_KEY_BYTES] = {0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d,
	0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a};

const struct toeplitz_variant *const toeplitz_variants[TOEPLITZ_VARIANT_COUNT] = {
	&toeplitz_variant_avx512,
	&toeplitz_variant_avx2,
	&toeplitz_variant_clmul,
	&toeplitz_variant_tables,
	&toeplitz_variant_reference,
};

static unsigned key_bit(const uint8_t *key, unsigned index)
{
	return index < 8 * TOEPLITZ_KEY_BYTES ? key[index / 8] >> (7 - index % 8) & 1u : 0;
}

/* The 32 key bits from `index` on, which an input bit at `index` adds to the hash. */
static uint32_t key_bits_32(const uint8_t *key, unsigned index)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 32; i++)
		bits = bits << 1 | key_bit(key, index + i);
	return bits;
}

static uint64_t key_window(const uint8_t *key, unsigned word)
{
	uint64_t window = 0;

	for (unsigned i = 0; i < 63; i++)
		window |= (uint64_t)key_bit(key, 32 * word + i) << (i + 1);
	return window;
}

static uint32_t nibble_hash(const uint8_t *key, unsigned position, unsigned nibble)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < 4; i++)
		if (nibble & 8u >> i)
			hash ^= key_bits_32(key, 4 * position + i);
	return hash;
}

static const struct toeplitz_variant *fastest_variant(void)
{
	for (unsigned i = 0; i < TOEPLITZ_VARIANT_COUNT; i++)
		if (toeplitz_variants[i]->supported())
			return toeplitz_variants[i];
	return &toeplitz_variant_reference;
}

void toeplitz_key_init(struct toeplitz_key *key, const uint8_t bytes[TOEPLITZ_KEY_BYTES],
	const struct toeplitz_variant *variant)
{
	memset(key, 0, sizeof(*key));
	key->variant = variant != NULL ? variant : fastest_variant();
	memcpy(key->bytes, bytes, TOEPLITZ_KEY_BYTES);
	for (unsigned word = 0; word < TOEPLITZ_INPUT_MAX / 4; word++)
		key->windows[word] = key_window(bytes, word);
	for (unsigned position = 0; position < 2 * TOEPLITZ_INPUT_MAX; position++)
		for (unsigned nibble = 0; nibble < 16; nibble++)
			key->nibbles[position][nibble] = nibble_hash(bytes, position, nibble);
}

uint32_t toeplitz_hash_reference(
	const uint8_t key[TOEPLITZ_KEY_BYTES], const uint8_t *input, unsigned length)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < 8 * length; i++)
		if (input[i / 8] & 0x80u >> i % 8)
			hash ^= key_bits_32(key, i);
	return hash;
}

uint32_t toeplitz_hash(const struct toeplitz_key *key, const uint8_t *input, unsigned length)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < length; i++)
		hash ^= key->nibbles[2 * i][input[i] >> 4] ^ key->nibbles[2 * i + 1][input[i] & 15];
	return hash;
}

static bool always(void)
{
	return true;
}

static void tables_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	for (unsigned i = 0; i < count; i++)
		hashes[i] = toeplitz_hash(key, inputs[i], TOEPLITZ_IPV4_BYTES);
}

static void tables_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	for (unsigned i = 0; i < count; i++)
		hashes[i] = toeplitz_hash(key, inputs[i], TOEPLITZ_IPV6_BYTES);
}

static void reference_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	for (unsigned i = 0; i < count; i++)
		hashes[i] = toeplitz_hash_reference(key->bytes, inputs[i], TOEPLITZ_IPV4_BYTES);
}

static void reference_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	for (unsigned i = 0; i < count; i++)
		hashes[i] = toeplitz_hash_reference(key->bytes, inputs[i], TOEPLITZ_IPV6_BYTES);
}

const struct toeplitz_variant toeplitz_variant_tables = {
	.name = "tables",
	.supported = always,
	.ipv4 = tables_ipv4,
	.ipv6 = tables_ipv6,
};

const struct toeplitz_variant toeplitz_variant_reference = {
	.name = "reference",
	.supported = always,
	.ipv4 = reference_ipv4,
	.ipv6 = reference_ipv6,
};
