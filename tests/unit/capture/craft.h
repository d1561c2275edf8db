/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures made byte by byte, so that a test can have any feature and any damage. Bytes that do not
 * fit are a mistake of the test.
 */
#ifndef WEIR_TESTS_CAPTURE_CRAFT_H
#define WEIR_TESTS_CAPTURE_CRAFT_H

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reader.h"

struct craft {
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	bool big_endian;
};

static inline void craft_end(struct craft *craft)
{
	free(craft->bytes);
	*craft = (struct craft){0};
}

static inline void craft_raw(struct craft *craft, const void *bytes, size_t length)
{
	if (craft->length + length > craft->capacity) {
		craft->capacity = (craft->length + length) * 2;
		craft->bytes = realloc(craft->bytes, craft->capacity);
		assert(craft->bytes != NULL);
	}
	if (length > 0)
		memcpy(craft->bytes + craft->length, bytes, length);
	craft->length += length;
}

/* `length` bytes that differ from their neighbours. */
static inline void craft_filler(struct craft *craft, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = (uint8_t)(i * 7 + 3);

		craft_raw(craft, &byte, 1);
	}
}

static inline void craft_number(struct craft *craft, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		unsigned place = craft->big_endian ? bytes - 1 - i : i;
		uint8_t byte = (uint8_t)(value >> (8 * place));

		craft_raw(craft, &byte, 1);
	}
}

static inline void craft_16(struct craft *craft, uint16_t value)
{
	craft_number(craft, value, 2);
}

static inline void craft_32(struct craft *craft, uint32_t value)
{
	craft_number(craft, value, 4);
}

static inline void craft_64(struct craft *craft, uint64_t value)
{
	craft_number(craft, value, 8);
}

static inline void craft_pad(struct craft *craft)
{
	while (craft->length % 4 != 0)
		craft_raw(craft, "", 1);
}

/* pcap */

static inline void craft_pcap(struct craft *craft, uint32_t magic, uint32_t link_type)
{
	craft_32(craft, magic);
	craft_16(craft, 2);
	craft_16(craft, 4);
	craft_64(craft, 0);
	craft_32(craft, 65535);
	craft_32(craft, link_type);
}

static inline void craft_pcap_record(struct craft *craft, uint32_t seconds, uint32_t fraction,
	uint32_t length, uint32_t original_length)
{
	craft_32(craft, seconds);
	craft_32(craft, fraction);
	craft_32(craft, length);
	craft_32(craft, original_length);
}

/* pcapng: a block is begun, filled, and ended. */

static inline size_t craft_block(struct craft *craft, uint32_t type)
{
	size_t start = craft->length;

	craft_32(craft, type);
	craft_32(craft, 0);
	return start;
}

static inline void craft_block_end(struct craft *craft, size_t start)
{
	size_t length;

	craft_pad(craft);
	craft_32(craft, (uint32_t)(craft->length + 4 - start));
	length = craft->length;
	memcpy(craft->bytes + start + 4, craft->bytes + length - 4, 4);
}

static inline void craft_option(
	struct craft *craft, uint16_t code, const void *value, uint16_t length)
{
	craft_16(craft, code);
	craft_16(craft, length);
	craft_raw(craft, value, length);
	craft_pad(craft);
}

static inline void craft_section(struct craft *craft)
{
	size_t start = craft_block(craft, 0x0a0d0d0a);

	craft_32(craft, 0x1a2b3c4d);
	craft_16(craft, 1);
	craft_16(craft, 0);
	craft_64(craft, UINT64_MAX);
	craft_block_end(craft, start);
}

/* resolution < 0: none is written, which means microseconds. */
static inline void craft_interface(struct craft *craft, uint16_t link_type, uint32_t snap_length,
	int resolution, int64_t offset_seconds)
{
	size_t start = craft_block(craft, 1);

	craft_16(craft, link_type);
	craft_16(craft, 0);
	craft_32(craft, snap_length);
	craft_option(craft, 2, "veth7", 5);
	if (resolution >= 0)
		craft_option(craft, 9, &(uint8_t){(uint8_t)resolution}, 1);
	if (offset_seconds != 0) {
		craft_16(craft, 14);
		craft_16(craft, 8);
		craft_64(craft, (uint64_t)offset_seconds);
	}
	craft_option(craft, 0, NULL, 0);
	craft_block_end(craft, start);
}

static inline void craft_enhanced(struct craft *craft, uint32_t interface_index, uint64_t time,
	uint32_t length, uint32_t original_length)
{
	size_t start = craft_block(craft, 6);

	craft_32(craft, interface_index);
	craft_32(craft, (uint32_t)(time >> 32));
	craft_32(craft, (uint32_t)time);
	craft_32(craft, length);
	craft_32(craft, original_length);
	craft_filler(craft, length);
	craft_block_end(craft, start);
}

/* Reading what was made. */

static inline struct capture_reader *craft_open(const struct craft *craft)
{
	struct error error = {0};
	struct capture_reader *reader =
		capture_reader_open_memory(craft->bytes, craft->length, &error);

	if (reader == NULL)
		fail_msg("%s", error.message);
	return reader;
}

/* Asserts that the capture is refused, for a reason that has `word` in it. */
static inline void craft_refused(const struct craft *craft, const char *word)
{
	struct error error = {0};

	assert_null(capture_reader_open_memory(craft->bytes, craft->length, &error));
	assert_true(error.code > 0);
	if (strstr(error.message, word) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.message, word);
}

static inline struct frame craft_next(struct capture_reader *reader)
{
	struct error error = {0};
	struct frame frame;
	int result = capture_reader_next(reader, &frame, &error);

	if (result != 1)
		fail_msg("no frame: %d %s", result, error.message);
	return frame;
}

/* Nothing is lost: each record is either given or skipped for one reason. */
static inline void craft_balanced(const struct capture_counts *counts)
{
	uint64_t sum = counts->frames;

	for (unsigned reason = 0; reason < SKIP_REASON_COUNT; reason++)
		sum += counts->skipped[reason];
	assert_int_equal(counts->read, sum);
}

/* Asserts the end, and stays there. Returns the counts. */
static inline struct capture_counts craft_at_end(struct capture_reader *reader)
{
	struct error error = {0};
	struct frame frame;

	assert_int_equal(capture_reader_next(reader, &frame, &error), 0);
	assert_int_equal(capture_reader_next(reader, &frame, &error), 0);
	craft_balanced(capture_reader_counts(reader));
	return *capture_reader_counts(reader);
}

#endif
