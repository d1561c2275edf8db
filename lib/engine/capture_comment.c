/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir knows of a packet where it was captured, in words. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/capture_internal.h"

struct comment {
	char *text;
	size_t size, used;
};

static void say(struct comment *comment, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct comment *comment, const char *format, ...)
{
	size_t left = comment->size - comment->used;
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(comment->text + comment->used, left, format, list);
	va_end(list);
	if (length > 0)
		comment->used += (size_t)length < left ? (size_t)length : left - 1;
}

static void say_place(
	struct comment *comment, const struct config *config, const struct capture_record *record)
{
	say(comment, "worker %u", record->worker);
	if (record->port != CAPTURE_NOWHERE)
		say(comment, ", port %s", config->ports[record->port].name);
	if (record->queue != CAPTURE_NO_QUEUE)
		say(comment, ", queue %u", record->queue);
	if (record->pipeline != CAPTURE_NOWHERE)
		say(comment, ", pipeline %s", config->pipelines[record->pipeline].name);
}

static void say_parts(struct comment *comment, const struct capture_record *record)
{
	const uint64_t *numbers = (const uint64_t *)(record + 1);

	if (record->parts < 2)
		return;
	say(comment, ", of packets");
	for (unsigned i = 0; i < record->parts; i++)
		say(comment, " %" PRIu64, numbers[i]);
}

size_t capture_comment(
	const struct capture *capture, const struct capture_record *record, char *text, size_t size)
{
	struct comment comment = {.text = text, .size = size};

	say_place(&comment, capture->engine->config, record);
	if (record->hashed)
		say(&comment, ", hash 0x%08" PRIx32, record->hash);
	say(&comment, ", %u segment%s", record->segments, record->segments == 1 ? "" : "s");
	if (record->segment_bytes > 0)
		say(&comment, " of %u bytes", record->segment_bytes);
	if (record->buffers > 1)
		say(&comment, ", %u buffers", record->buffers);
	if (record->reason < DROP_REASON_COUNT)
		say(&comment, ", dropped: %s", drop_reason_infos[record->reason].name);
	say_parts(&comment, record);
	return comment.used;
}
