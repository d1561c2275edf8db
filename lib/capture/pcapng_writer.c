/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/pcapng_writer.h"

#include <errno.h>
#include <string.h>

enum { LINK_ETHERNET = 1, BYTE_ORDER_MAGIC = 0x1a2b3c4d };
enum { BLOCK_MIN = 12, BLOCK_MAX = 1 << 20, OPTION_HEAD = 4 };

enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	INTERFACE_FILTER = 11,
	PACKET_FLAGS = 2,
	PACKET_ID = 5,
	PACKET_QUEUE = 6,
	STATISTICS_RECEIVED = 4,
	STATISTICS_ACCEPTED = 6,
	STATISTICS_LOST = 7,
	STATISTICS_DELIVERED = 8,
};

/* What stands behind type and length in each block. */
struct section_body {
	uint32_t byte_order;
	uint16_t version_major, version_minor;
	uint32_t section_bytes[2];
};

struct interface_body {
	uint16_t link_type, reserved;
	uint32_t snap_bytes;
};

struct packet_body {
	uint32_t interface, time_high, time_low, length, original_length;
};

struct statistics_body {
	uint32_t interface, time_high, time_low;
};

static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

/* ---- putting ---- */

/* A block that is being made. What does not fit is noted, and makes the block's length 0. */
struct making {
	uint8_t *bytes;
	size_t room, used;
	bool overflow;
};

static void put(struct making *making, const void *bytes, size_t length)
{
	size_t whole = padded(length);

	if (making->room - making->used < whole) {
		making->overflow = true;
		return;
	}
	if (length > 0)
		memcpy(making->bytes + making->used, bytes, length);
	memset(making->bytes + making->used + length, 0, whole - length);
	making->used += whole;
}

static struct making block_begin(uint8_t *to, size_t room, uint32_t type)
{
	struct making making = {.bytes = to, .room = room};
	uint32_t head[2] = {type, 0};

	put(&making, head, sizeof(head));
	return making;
}

static size_t block_end(struct making *making)
{
	uint32_t length = (uint32_t)(making->used + sizeof(length));

	put(making, &length, sizeof(length));
	if (making->overflow)
		return 0;
	memcpy(making->bytes + sizeof(uint32_t), &length, sizeof(length));
	return length;
}

static void put_option(struct making *making, uint16_t code, const void *value, size_t length)
{
	uint16_t head[2] = {code, (uint16_t)length};

	put(making, head, sizeof(head));
	put(making, value, length);
}

static void put_text(struct making *making, uint16_t code, const char *text)
{
	if (text != NULL)
		put_option(making, code, text, strlen(text));
}

static void put_end(struct making *making)
{
	put_option(making, OPTION_END, "", 0);
}

size_t pcapng_put_section(uint8_t *to, size_t room, const char *application)
{
	static const struct section_body body = {
		.byte_order = BYTE_ORDER_MAGIC,
		.version_major = 1,
		.section_bytes = {UINT32_MAX, UINT32_MAX}, /* unknown */
	};
	struct making making = block_begin(to, room, PCAPNG_SECTION);

	put(&making, &body, sizeof(body));
	put_text(&making, SECTION_APPLICATION, application);
	put_end(&making);
	return block_end(&making);
}

/* The first byte says that the filter is libpcap's text. */
static void put_filter(struct making *making, const char *filter)
{
	char text[4096] = {0};

	if (filter == NULL)
		return;
	strncpy(text + 1, filter, sizeof(text) - 2);
	put_option(making, INTERFACE_FILTER, text, strlen(text + 1) + 1);
}

size_t pcapng_put_interface(uint8_t *to, size_t room, const struct pcapng_interface_info *info)
{
	struct interface_body body = {.link_type = LINK_ETHERNET, .snap_bytes = info->snap_bytes};
	static const uint8_t nanoseconds = 9;
	struct making making = block_begin(to, room, PCAPNG_INTERFACE);

	put(&making, &body, sizeof(body));
	put_text(&making, INTERFACE_NAME, info->name);
	put_text(&making, INTERFACE_DESCRIPTION, info->description);
	put_option(&making, INTERFACE_RESOLUTION, &nanoseconds, sizeof(nanoseconds));
	put_filter(&making, info->filter);
	put_end(&making);
	return block_end(&making);
}

size_t pcapng_put_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet)
{
	struct packet_body body = {
		.interface = packet->interface,
		.time_high = (uint32_t)(packet->time_ns >> 32),
		.time_low = (uint32_t)packet->time_ns,
		.length = packet->length,
		.original_length = packet->original_length,
	};
	uint32_t flags = packet->direction;
	struct making making = block_begin(to, room, PCAPNG_PACKET);

	put(&making, &body, sizeof(body));
	put(&making, packet->bytes, packet->length);
	if (packet->comment != NULL)
		put_option(&making, OPTION_COMMENT, packet->comment,
			packet->comment_length < PCAPNG_COMMENT_MAX ? packet->comment_length
								    : PCAPNG_COMMENT_MAX);
	if (flags != PCAPNG_ANY_WAY)
		put_option(&making, PACKET_FLAGS, &flags, sizeof(flags));
	if (packet->id != 0)
		put_option(&making, PACKET_ID, &packet->id, sizeof(packet->id));
	if (packet->queue != PCAPNG_NO_QUEUE)
		put_option(&making, PACKET_QUEUE, &packet->queue, sizeof(packet->queue));
	put_end(&making);
	return block_end(&making);
}

static void put_count(struct making *making, uint16_t code, uint64_t count)
{
	put_option(making, code, &count, sizeof(count));
}

size_t pcapng_put_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics)
{
	struct statistics_body body = {
		.interface = statistics->interface,
		.time_high = (uint32_t)(statistics->time_ns >> 32),
		.time_low = (uint32_t)statistics->time_ns,
	};
	struct making making = block_begin(to, room, PCAPNG_STATISTICS);

	put(&making, &body, sizeof(body));
	put_count(&making, STATISTICS_RECEIVED, statistics->received);
	put_count(&making, STATISTICS_ACCEPTED, statistics->accepted);
	put_count(&making, STATISTICS_LOST, statistics->lost);
	put_count(&making, STATISTICS_DELIVERED, statistics->delivered);
	put_end(&making);
	return block_end(&making);
}

/* ---- getting ---- */

static uint32_t word_at(const uint8_t *bytes, size_t offset)
{
	uint32_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

int64_t pcapng_block_length(const uint8_t *bytes, size_t length)
{
	uint32_t whole;

	if (length < BLOCK_MIN)
		return 0;
	whole = word_at(bytes, sizeof(uint32_t));
	if (whole < BLOCK_MIN || whole > BLOCK_MAX || whole % 4 != 0)
		return -EPROTO;
	if (length < whole)
		return 0;
	return word_at(bytes, whole - sizeof(uint32_t)) == whole ? (int64_t)whole : -EPROTO;
}

uint32_t pcapng_block_type(const uint8_t *block)
{
	return word_at(block, 0);
}

/* What is left to read of a block's options. */
struct options {
	const uint8_t *next, *end;
};

static bool body_get(const uint8_t *block, uint32_t type, void *ret_body, size_t bytes,
	struct options *ret_options)
{
	uint32_t length = word_at(block, sizeof(uint32_t));

	if (word_at(block, 0) != type || length < BLOCK_MIN + bytes)
		return false;
	memcpy(ret_body, block + 2 * sizeof(uint32_t), bytes);
	ret_options->next = block + 2 * sizeof(uint32_t) + bytes;
	ret_options->end = block + length - sizeof(uint32_t);
	return true;
}

static bool option_next(struct options *options, uint16_t *ret_code, const uint8_t **ret_value,
	uint16_t *ret_length)
{
	uint16_t head[2];

	if ((size_t)(options->end - options->next) < OPTION_HEAD)
		return false;
	memcpy(head, options->next, sizeof(head));
	options->next += OPTION_HEAD;
	if (head[0] == OPTION_END || (size_t)(options->end - options->next) < padded(head[1]))
		return false;
	*ret_code = head[0];
	*ret_length = head[1];
	*ret_value = options->next;
	options->next += padded(head[1]);
	return true;
}

bool pcapng_get_interface(const uint8_t *block, struct pcapng_interface_info *ret_info)
{
	struct interface_body body;
	struct options options;
	const uint8_t *value;
	uint16_t code, length;

	if (!body_get(block, PCAPNG_INTERFACE, &body, sizeof(body), &options))
		return false;
	*ret_info = (struct pcapng_interface_info){.snap_bytes = body.snap_bytes};
	while (option_next(&options, &code, &value, &length))
		if (code == INTERFACE_NAME) {
			size_t kept = length < sizeof(ret_info->name) ? length
								      : sizeof(ret_info->name) - 1;

			memcpy(ret_info->name, value, kept);
			ret_info->name[kept] = '\0';
		}
	return true;
}

static void packet_option(
	struct pcapng_packet *packet, uint16_t code, const uint8_t *value, uint16_t length)
{
	if (code == OPTION_COMMENT) {
		packet->comment = (const char *)value;
		packet->comment_length = length;
	} else if (code == PACKET_ID && length == sizeof(packet->id)) {
		memcpy(&packet->id, value, sizeof(packet->id));
	} else if (code == PACKET_QUEUE && length == sizeof(packet->queue)) {
		packet->queue = word_at(value, 0);
	} else if (code == PACKET_FLAGS && length == sizeof(uint32_t)) {
		packet->direction = (enum pcapng_direction)(word_at(value, 0) & 3);
	}
}

bool pcapng_get_packet(const uint8_t *block, struct pcapng_packet *ret_packet)
{
	struct packet_body body;
	struct options options;
	const uint8_t *value;
	uint16_t code, length;

	if (!body_get(block, PCAPNG_PACKET, &body, sizeof(body), &options) ||
		body.length > PCAPNG_SNAP_MAX ||
		(size_t)(options.end - options.next) < padded(body.length))
		return false;
	*ret_packet = (struct pcapng_packet){
		.interface = body.interface,
		.time_ns = (uint64_t)body.time_high << 32 | body.time_low,
		.bytes = options.next,
		.length = body.length,
		.original_length = body.original_length,
		.queue = PCAPNG_NO_QUEUE,
	};
	options.next += padded(body.length);
	while (option_next(&options, &code, &value, &length))
		packet_option(ret_packet, code, value, length);
	return true;
}

bool pcapng_get_statistics(const uint8_t *block, struct pcapng_statistics *ret_statistics)
{
	struct statistics_body body;
	struct options options;
	const uint8_t *value;
	uint16_t code, length;

	if (!body_get(block, PCAPNG_STATISTICS, &body, sizeof(body), &options))
		return false;
	*ret_statistics = (struct pcapng_statistics){
		.interface = body.interface,
		.time_ns = (uint64_t)body.time_high << 32 | body.time_low,
	};
	while (option_next(&options, &code, &value, &length)) {
		uint64_t *count = code == STATISTICS_RECEIVED ? &ret_statistics->received
			: code == STATISTICS_ACCEPTED	      ? &ret_statistics->accepted
			: code == STATISTICS_LOST	      ? &ret_statistics->lost
			: code == STATISTICS_DELIVERED	      ? &ret_statistics->delivered
							      : NULL;

		if (count != NULL && length == sizeof(*count))
			memcpy(count, value, sizeof(*count));
	}
	return true;
}
