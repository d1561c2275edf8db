/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One record of a capture file as the file formats hand it to the reader: what was captured, still
 * with the link-layer header it was captured with. And the reading of numbers in either byte order.
 */
#ifndef WEIR_CAPTURE_RECORD_H
#define WEIR_CAPTURE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The longest record taken: libpcap's and Wireshark's limit for packets. */
enum { RECORD_MAX_BYTES = 262144 };

/* Times end here (the year 2262), so that the difference of any two fits an int64_t. */
#define RECORD_TIME_MAX_NS ((uint64_t)INT64_MAX)

enum record_result {
	RECORD_GIVEN, /* *ret_record is filled; its bytes are valid until the next call */
	RECORD_END, /* no record is left */
	RECORD_TOO_LONG, /* passed over: longer than RECORD_MAX_BYTES */
	RECORD_BROKEN, /* passed over: contradicts itself; the next record can be found */
	RECORD_CUT, /* the file is cut or damaged here: nothing more can be read */
	RECORD_FAILED, /* out of memory, or reading failed (window->failure) */
};

/* Which way a packet went at the machine that captured it, where the capture says so. */
enum record_direction { RECORD_DIRECTION_UNKNOWN, RECORD_RECEIVED, RECORD_SENT };

/* An interface's name, cut to fit, with its ending 0. */
enum { RECORD_NAME_BYTES = 64 };

struct record {
	uint64_t time_ns;
	bool timed; /* false: the record carries no time (a Simple Packet Block) */
	uint8_t fcs_bytes; /* at the end of the original packet */
	uint32_t link_type; /* LINKTYPE_ of tcpdump.org/linktypes.html */
	uint32_t length; /* bytes captured, <= RECORD_MAX_BYTES */
	uint32_t original_length; /* >= length */
	const uint8_t *bytes;
	enum record_direction direction;
	uint32_t interface; /* counted from 0 over all sections of the file */
	const char *interface_name; /* "" where the file names none; valid as the bytes are */
};

/* Unaligned loads; `swapped`: written in the other byte order than this machine's. */
static inline uint16_t load_u16(const uint8_t *bytes, bool swapped)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t load_u32(const uint8_t *bytes, bool swapped)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t load_u64(const uint8_t *bytes, bool swapped)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return swapped ? __builtin_bswap64(value) : value;
}

#endif
