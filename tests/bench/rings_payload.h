/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an application does with a message, for the comparison of message rates: the sender makes
 * each anew, the receiver reads all of it. The same for weir's rings and for memif.
 */
#ifndef WEIR_BENCH_RINGS_PAYLOAD_H
#define WEIR_BENCH_RINGS_PAYLOAD_H

#include <stdint.h>
#include <string.h>

enum { PAYLOAD_BURST = 32 }; /* messages that are made, posted and received at a time */

static inline __attribute__((always_inline)) void payload_write_words(
	void *message, uint32_t bytes, uint64_t number)
{
	uint8_t *at = message;

	for (uint32_t i = 0; i < bytes; i += 8) {
		uint64_t word = number + i;

		memcpy(at + i, &word, sizeof(word));
	}
}

static inline __attribute__((always_inline)) uint64_t payload_sum_words(
	const void *message, uint32_t bytes)
{
	const uint8_t *at = message;
	uint64_t sum = 0, word;

	for (uint32_t i = 0; i < bytes; i += 8) {
		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* `bytes`: a multiple of 8. What is measured is 64: as an application that knows its message. */
static inline void payload_write(void *message, uint32_t bytes, uint64_t number)
{
	if (bytes == 64)
		payload_write_words(message, 64, number);
	else
		payload_write_words(message, bytes, number);
}

static inline uint64_t payload_sum(const void *message, uint32_t bytes)
{
	return bytes == 64 ? payload_sum_words(message, 64) : payload_sum_words(message, bytes);
}

/* What payload_sum() gives for message `number`. */
static inline uint64_t payload_expected(uint32_t bytes, uint64_t number)
{
	uint64_t words = bytes / 8;

	return words * number + 8 * (words * (words - 1) / 2);
}

#endif
