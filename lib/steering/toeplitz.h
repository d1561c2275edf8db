/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Toeplitz hash of RSS over a burst of inputs. The key is prepared once; hashing then runs the
 * fastest variant the CPU has behind one pointer, the bit-by-bit scalar one being the oracle.
 *
 * Input bytes are in network order, as RSS concatenates them: source address, destination address,
 * source port, destination port. Source: Microsoft "RSS hashing functions"; 82599 datasheet 7.1.2.8.
 * Threads: a prepared key is read-only. No EAL.
 */
#ifndef WEIR_STEERING_TOEPLITZ_H
#define WEIR_STEERING_TOEPLITZ_H

#include <stdbool.h>
#include <stdint.h>

enum { TOEPLITZ_KEY_BYTES = 40, TOEPLITZ_INPUT_MAX = 36 };

/* Microsoft's key, and the repeated 0x6d5a that hashes both directions of a flow alike. */
extern const uint8_t toeplitz_key_microsoft[TOEPLITZ_KEY_BYTES];
extern const uint8_t toeplitz_key_symmetric[TOEPLITZ_KEY_BYTES];

struct toeplitz_key; /* defined below the functions' needs: see toeplitz.c */

/* Bit by bit, straight from the definition: the oracle of all variants. */
uint32_t toeplitz_hash_reference(const uint8_t key[TOEPLITZ_KEY_BYTES], const uint8_t *input,
	unsigned length);

#endif
