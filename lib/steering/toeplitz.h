/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Toeplitz hash of RSS over a burst of inputs.
 *
 * Input bytes are in network order, as RSS concatenates them: source address, destination address,
 * source port, destination port. That is how they stand in a packet, so packets are hashed where
 * they lie. An input of addresses only is one with zero ports: zero bits add nothing to the hash.
 *
 * How it is fast. Bit p of the hash (p = 0: the most significant) is the XOR over all input bits j
 * of input[j] & key[j + p]. With 32 input bits as an integer W (bit j of them worth 2^(31-j)) and
 * 63 bits of the key the other way round (bit m worth 2^(m+1)), the carry-less product W x K has at
 * 2^(32+p) all pairs with m - j = p: its bits 32..63 are the bits of the hash, last first. So a
 * hash is the XOR of one carry-less product for each 32 bits of input (3 for IPv4, 9 for IPv6),
 * then one reversal of 32 bits.
 *
 * Sources: Microsoft, "RSS hashing functions"; Intel 82599 datasheet, 7.1.2.8.
 * Threads: an initialised key is read-only, so that any number of threads may share it. No EAL.
 */
#ifndef WEIR_STEERING_TOEPLITZ_H
#define WEIR_STEERING_TOEPLITZ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { TOEPLITZ_KEY_BYTES = 40 };
enum { TOEPLITZ_IPV4_BYTES = 12, TOEPLITZ_IPV6_BYTES = 36 };
enum { TOEPLITZ_INPUT_MAX = TOEPLITZ_IPV6_BYTES };

/* Microsoft's key, and the repeated 0x6d5a that hashes both directions of a flow alike. */
extern const uint8_t toeplitz_key_microsoft[TOEPLITZ_KEY_BYTES];
extern const uint8_t toeplitz_key_symmetric[TOEPLITZ_KEY_BYTES];

struct toeplitz_key {
	const struct toeplitz_variant *variant;
	uint8_t bytes[TOEPLITZ_KEY_BYTES];
	/* [w]: key bits 32w..32w+62, the first worth 2, each next one twice as much */
	uint64_t windows[TOEPLITZ_INPUT_MAX / 4 + 1]; /* one more, zero: read in pairs */
	uint32_t nibbles[2 * TOEPLITZ_INPUT_MAX][16]; /* what each half byte adds to the hash */
};

/*
 * hashes[i] = hash of the 12 or 36 bytes at inputs[i], for i < count.
 * The 4 bytes before a 12-byte input must be readable too (in a packet they are: the IPv4 header
 * starts 12 bytes earlier); nothing else is read.
 */
typedef void toeplitz_burst(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[]);

struct toeplitz_variant {
	const char *name;
	bool (*supported)(void); /* does this CPU have the instructions? */
	toeplitz_burst *ipv4, *ipv6;
};

/* From the fastest to the slowest, which is the oracle and always supported. */
enum { TOEPLITZ_VARIANT_COUNT = 5 };
extern const struct toeplitz_variant *const toeplitz_variants[TOEPLITZ_VARIANT_COUNT];

/* Prepares a key for hashing with `variant`, or, when that is NULL, the fastest for this CPU. */
void toeplitz_key_init(struct toeplitz_key *key, const uint8_t bytes[TOEPLITZ_KEY_BYTES],
	const struct toeplitz_variant *variant);

/* "microsoft", "symmetric", or the key in hex, with or without ':' between its bytes, as
 * `ethtool -x` prints it. A longer key (52 bytes) is cut: RSS reads no more than 40. 0 or -EINVAL.
 */
int toeplitz_key_parse(
	const char *text, uint8_t ret_bytes[TOEPLITZ_KEY_BYTES], struct error *error);

/* Bit by bit, straight from the definition. `length` <= TOEPLITZ_INPUT_MAX, here and below. */
uint32_t toeplitz_hash_reference(
	const uint8_t key[TOEPLITZ_KEY_BYTES], const uint8_t *input, unsigned length);

/* One input, by tables: for when there is no burst. */
uint32_t toeplitz_hash(const struct toeplitz_key *key, const uint8_t *input, unsigned length);

static inline void toeplitz_hash_ipv4(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	key->variant->ipv4(key, inputs, count, hashes);
}

static inline void toeplitz_hash_ipv6(const struct toeplitz_key *key, const uint8_t *const inputs[],
	unsigned count, uint32_t hashes[])
{
	key->variant->ipv6(key, inputs, count, hashes);
}

#endif
