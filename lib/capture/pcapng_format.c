/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/pcapng_format.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/pcapng_interface.h"

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete since 2004, and still written by some */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
};

enum {
	BLOCK_START_BYTES = 8, /* type, length */
	BLOCK_FRAME_BYTES = 12, /* ... and the length again behind the body */
	SECTION_START_BYTES = 16, /* ... byte-order magic, version */
	SECTION_MIN_BYTES = 28,
	PACKET_START_BYTES =
		20, /* of Packet and Enhanced Packet Blocks: what precedes the packet */
	SIMPLE_START_BYTES = 4,
};

enum { OPTION_END = 0, OPTION_FLAGS = 2 };

/* Leaves 256 KiB to the options of the longest packet. Other long blocks are only passed over. */
enum { BLOCK_MAX_BYTES = 2 * RECORD_MAX_BYTES };
/* No capture has that many; it bounds what a hostile one makes us allocate (6 MiB). */
enum { INTERFACES_MAX = 65536 };

struct block {
	uint32_t type;
	uint32_t body_bytes;
	const uint8_t *body;
};

bool pcapng_format_matches(const uint8_t magic[4])
{
	return load_u32(magic, false) == PCAPNG_SECTION_HEADER;
}

void pcapng_format_end(struct pcapng_format *format)
{
	free(format->interfaces);
	*format = (struct pcapng_format){0};
}

/* A section's byte order stands inside it, and is needed to read its length. */
static bool section_byte_order(struct pcapng_format *format, struct window *window)
{
	const uint8_t *start = window_need(window, SECTION_START_BYTES);

	if (start == NULL)
		return false;
	if (load_u32(start + 8, false) == BYTE_ORDER_MAGIC)
		format->swapped = false;
	else if (load_u32(start + 8, true) == BYTE_ORDER_MAGIC)
		format->swapped = true;
	else
		return false;
	return true;
}

static enum record_result why_missing(const struct window *window)
{
	return window->failure != 0 ? RECORD_FAILED : RECORD_CUT;
}

/* Without its second length being looked at: were it wrong, the next block would be too. */
static enum record_result long_block_skip(struct window *window, uint32_t type, uint32_t total)
{
	if (type == PCAPNG_SECTION_HEADER || type == BLOCK_INTERFACE)
		return RECORD_CUT;
	return window_skip(window, total) ? RECORD_TOO_LONG : why_missing(window);
}

/* Takes one block. RECORD_GIVEN: *ret_block holds it. RECORD_TOO_LONG: passed over, its type told.
 */
static enum record_result block_next(
	struct pcapng_format *format, struct window *window, struct block *ret_block)
{
	const uint8_t *start = window_need(window, BLOCK_FRAME_BYTES);
	uint32_t total;

	if (__builtin_expect(start == NULL, 0)) {
		if (window->failure == 0 && window_left(window) == 0)
			return RECORD_END;
		return why_missing(window);
	}
	ret_block->type = load_u32(start, format->swapped);
	if (__builtin_expect(ret_block->type == PCAPNG_SECTION_HEADER, 0) &&
		!section_byte_order(format, window))
		return why_missing(window);
	start = window->bytes + window->position;
	total = load_u32(start + 4, format->swapped);
	if (total < BLOCK_FRAME_BYTES || total % 4 != 0)
		return RECORD_CUT;
	if (__builtin_expect(total > BLOCK_MAX_BYTES, 0))
		return long_block_skip(window, ret_block->type, total);
	start = window_need(window, total);
	if (start == NULL)
		return why_missing(window);
	/* The length stands at both ends: when they differ, neither leads to the next block. */
	if (load_u32(start + total - 4, format->swapped) != total)
		return RECORD_CUT;
	ret_block->body = start + BLOCK_START_BYTES;
	ret_block->body_bytes = total - BLOCK_FRAME_BYTES;
	window_take(window, total);
	return RECORD_GIVEN;
}

/* False: a version whose blocks we cannot know. Libpcap takes 1.0, and 1.2 which some wrote. */
static bool section_start(struct pcapng_format *format, const struct block *block)
{
	format->interface_count = 0;
	format->sections_seen++;
	return block->body_bytes >= SECTION_MIN_BYTES - BLOCK_FRAME_BYTES &&
		load_u16(block->body + 4, format->swapped) == 1;
}

static enum record_result interface_add(struct pcapng_format *format, const struct block *block)
{
	struct pcapng_interface interface;

	if (format->interface_count == INTERFACES_MAX ||
		!pcapng_interface_read(&interface, block->body, block->body_bytes, format->swapped))
		return RECORD_CUT;
	if (format->interface_count == format->interface_capacity) {
		uint32_t capacity =
			format->interface_capacity == 0 ? 4 : format->interface_capacity * 2;
		struct pcapng_interface *larger =
			realloc(format->interfaces, capacity * sizeof(*larger));

		if (larger == NULL)
			return RECORD_FAILED;
		format->interfaces = larger;
		format->interface_capacity = capacity;
	}
	format->interfaces[format->interface_count++] = interface;
	format->interfaces_seen++;
	return RECORD_GIVEN;
}

/* The body must hold `start_bytes` and the record's length. */
static enum record_result packet_check(const struct pcapng_format *format,
	const struct block *block, uint32_t interface_index, uint32_t start_bytes,
	struct record *ret_record)
{
	if (ret_record->length > block->body_bytes - start_bytes ||
		interface_index >= format->interface_count)
		return RECORD_BROKEN;
	if (ret_record->length > RECORD_MAX_BYTES)
		return RECORD_TOO_LONG;
	if (ret_record->original_length < ret_record->length)
		ret_record->original_length = ret_record->length;
	ret_record->bytes = block->body + start_bytes;
	ret_record->link_type = format->interfaces[interface_index].link_type;
	ret_record->fcs_bytes = format->interfaces[interface_index].fcs_bytes;
	ret_record->interface =
		(uint32_t)(format->interfaces_seen - format->interface_count) + interface_index;
	ret_record->interface_name = format->interfaces[interface_index].name;
	ret_record->direction = RECORD_DIRECTION_UNKNOWN;
	return RECORD_GIVEN;
}

/* From the options behind the packet: epb_flags, and pack_flags of the obsolete block. */
static enum record_direction direction_read(
	const struct pcapng_format *format, const struct block *block, uint32_t position)
{
	while (position <= block->body_bytes && block->body_bytes - position >= 8) {
		unsigned code = load_u16(block->body + position, format->swapped);
		uint32_t bytes = load_u16(block->body + position + 2, format->swapped);

		if (code == OPTION_END)
			break;
		if (code == OPTION_FLAGS && bytes == 4) {
			switch (load_u32(block->body + position + 4, format->swapped) & 3) {
			case 1: return RECORD_RECEIVED;
			case 2: return RECORD_SENT;
			default: return RECORD_DIRECTION_UNKNOWN;
			}
		}
		position += 4 + ((bytes + 3) & ~3u);
	}
	return RECORD_DIRECTION_UNKNOWN;
}

/* The two differ only in the first word: interface, or interface and drops in 16 bits each. */
static enum record_result packet_read(
	const struct pcapng_format *format, const struct block *block, struct record *ret_record)
{
	const uint8_t *body = block->body;
	uint32_t interface_index;
	enum record_result result;

	if (block->body_bytes < PACKET_START_BYTES)
		return RECORD_BROKEN;
	interface_index = block->type == BLOCK_PACKET ? load_u16(body, format->swapped)
						      : load_u32(body, format->swapped);
	ret_record->length = load_u32(body + 12, format->swapped);
	ret_record->original_length = load_u32(body + 16, format->swapped);
	result = packet_check(format, block, interface_index, PACKET_START_BYTES, ret_record);
	if (result != RECORD_GIVEN)
		return result;
	ret_record->timed = true;
	ret_record->time_ns = pcapng_interface_time_ns(&format->interfaces[interface_index],
		(uint64_t)load_u32(body + 4, format->swapped) << 32 |
			load_u32(body + 8, format->swapped));
	ret_record->direction = direction_read(
		format, block, PACKET_START_BYTES + ((ret_record->length + 3) & ~3u));
	return RECORD_GIVEN;
}

/* Of the first interface, whose snap length says how much of the packet is there. */
static enum record_result simple_packet_read(
	const struct pcapng_format *format, const struct block *block, struct record *ret_record)
{
	uint32_t snap_length;

	if (block->body_bytes < SIMPLE_START_BYTES || format->interface_count == 0)
		return RECORD_BROKEN;
	snap_length = format->interfaces[0].snap_length;
	ret_record->original_length = load_u32(block->body, format->swapped);
	ret_record->length = ret_record->original_length;
	if (snap_length != 0 && ret_record->length > snap_length)
		ret_record->length = snap_length;
	ret_record->timed = false;
	return packet_check(format, block, 0, SIMPLE_START_BYTES, ret_record);
}

static bool is_packet(uint32_t type)
{
	return type == BLOCK_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_ENHANCED_PACKET;
}

int pcapng_format_begin(struct pcapng_format *format, struct window *window, struct error *error)
{
	struct block block;
	enum record_result result;

	format->interface_count = 0;
	format->sections_seen = 0;
	format->interfaces_seen = 0;
	result = block_next(format, window, &block);
	if (result == RECORD_FAILED)
		return error_set(error, window->failure, "%s", strerror(window->failure));
	if (result != RECORD_GIVEN)
		return error_set(error, EINVAL,
			"a pcapng file, but cut or damaged within its first section header");
	if (!section_start(format, &block))
		return error_set(error, EINVAL, "a pcapng file of a version other than 1.x");
	return 0;
}

enum record_result pcapng_format_next(
	struct pcapng_format *format, struct window *window, struct record *ret_record)
{
	for (;;) {
		struct block block;
		enum record_result result = block_next(format, window, &block);

		if (result == RECORD_TOO_LONG && !is_packet(block.type))
			continue;
		if (result != RECORD_GIVEN)
			return result;
		switch (block.type) {
		case BLOCK_ENHANCED_PACKET:
		case BLOCK_PACKET: return packet_read(format, &block, ret_record);
		case BLOCK_SIMPLE_PACKET: return simple_packet_read(format, &block, ret_record);
		case PCAPNG_SECTION_HEADER:
			if (!section_start(format, &block))
				return RECORD_CUT;
			break;
		case BLOCK_INTERFACE:
			result = interface_add(format, &block);
			if (result != RECORD_GIVEN)
				return result;
			break;
		default: break;
		}
	}
}
