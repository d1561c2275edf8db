/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame in a few words: who to whom, protocol, what is special. For people; tshark knows more. */
#ifndef WEIR_APP_PACKET_LINE_H
#define WEIR_APP_PACKET_LINE_H

#include <stddef.h>
#include <stdint.h>

enum { PACKET_LINE_MAX = 256 };

/* "10.0.0.1:80 > 10.0.0.2:4711 TCP S., 1460 bytes": the bytes are those of the payload. `length`
 * are there, of `original_length`. */
void packet_line(
	const uint8_t *bytes, uint32_t length, uint32_t original_length, char *text, size_t size);

/* Addresses and ports of an IP packet, and its protocol's name, as `weir explain` takes them: texts
 * of PACKET_WORD_MAX. Returns 0, or -ENOENT: it has none. */
enum { PACKET_WORD_MAX = 64 };
struct packet_words {
	char source[PACKET_WORD_MAX], destination[PACKET_WORD_MAX], protocol[16];
};
int packet_words(const uint8_t *bytes, uint32_t length, struct packet_words *ret_words);

#endif
