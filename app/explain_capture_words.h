/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of what was found in a capture: addresses, sizes, MTUs. */
#ifndef WEIR_APP_EXPLAIN_CAPTURE_WORDS_H
#define WEIR_APP_EXPLAIN_CAPTURE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "capture/judge.h"

enum { WORDS_ADDRESS_BYTES = 64, WORDS_SIZES_BYTES = 160 };

/* "10.0.0.1"; "not IP" */
const char *words_address(
	uint8_t version, const uint8_t address[16], char text[WORDS_ADDRESS_BYTES]);
/* `end` 0: source, 1: destination. "10.0.0.1:80", "[2001:db8::1]:80", without port where there is
 * none. */
const char *words_end(const struct judge_packet *packet, int end, char text[WORDS_ADDRESS_BYTES]);
/* "tcp", "udp", "icmp", or a number. */
const char *words_protocol(const struct judge_packet *packet, char text[WORDS_ADDRESS_BYTES]);

/* How many segments a packet that is too large stands for; 0: not known, or one. */
uint32_t words_segments(const struct judge_example *shown);
/* "2920 = 2 x 1460", "65160 = 45 x 1448", "4000 = 2 x 1448 + 1104" of payload. */
const char *words_sizes(const struct judge_example *shown, char text[WORDS_SIZES_BYTES]);

/* The sender of that rank by frames, 0: the most. NULL: there is none, or it was not kept. */
const struct judge_sender *words_sender(const struct judge_finding *finding, unsigned rank);

/* "2 interfaces" */
const char *words_count(uint64_t count, const char *noun, char text[WORDS_ADDRESS_BYTES]);

/* Why a point's MTU is taken to be what it is. */
const char *words_mtu(const struct judge_point *point, char text[WORDS_SIZES_BYTES]);
/* The name of an interface, or of the file's only one. */
const char *words_point(const struct judge_point *point, char text[RECORD_NAME_BYTES + 16]);

#endif
