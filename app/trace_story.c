/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace_story.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { EVENTS_FIRST = 256, ALIKE_MAX = 3 };

/* What a comment says of a packet that was merged of several. */
static const char parts_words[] = ", of packets";

int trace_add(struct trace *trace, const struct pcapng_packet *packet)
{
	struct trace_event *event;

	if (packet->id == 0 || packet->interface >= trace->point_count)
		return -EPROTO;
	if (trace->count == trace->room) {
		size_t room = trace->room ? 2 * trace->room : EVENTS_FIRST;
		struct trace_event *grown = realloc(trace->events, room * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		trace->events = grown;
		trace->room = room;
	}
	event = &trace->events[trace->count++];
	*event = (struct trace_event){
		.number = packet->id,
		.time_ns = packet->time_ns,
		.length = packet->original_length,
		.point = (uint8_t)packet->interface,
	};
	packet_line(packet->bytes, packet->length, packet->original_length, event->line,
		sizeof(event->line));
	if (packet_words(packet->bytes, packet->length, &event->words) != 0)
		event->words.source[0] = '\0';
	snprintf(event->comment, sizeof(event->comment), "%.*s", (int)packet->comment_length,
		packet->comment ? packet->comment : "");
	if (packet->id > trace->packets)
		trace->packets = packet->id;
	return 0;
}

void trace_free(struct trace *trace)
{
	free(trace->events);
	trace->events = NULL;
}

const struct trace_event *trace_received(const struct trace *trace, uint64_t number)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].number == number &&
			strcmp(trace->points[trace->events[i].point], "rx") == 0)
			return &trace->events[i];
	return NULL;
}

/* ---- merged packets ---- */

/* Whether the event is a packet made of `number` and others. */
static bool is_made_of(const struct trace_event *event, uint64_t number)
{
	char *part = strstr(event->comment, parts_words);

	if (part == NULL)
		return false;
	for (part += strlen(parts_words); *part == ' ';)
		if (strtoull(part, &part, 10) == number)
			return true;
	return false;
}

/* Where it ended up in another one's story; NULL: nowhere. */
static const struct trace_event *merged_into(const struct trace *trace, uint64_t number)
{
	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].number != number && is_made_of(&trace->events[i], number))
			return &trace->events[i];
	return NULL;
}

/* ---- lines ---- */

static void print_line(FILE *out, const struct trace *trace, const struct trace_event *event,
	uint64_t start_ns, const char *what)
{
	char since[UNITS_TEXT_MAX];
	double ns = event->time_ns > start_ns ? (double)(event->time_ns - start_ns) : 0;

	fprintf(out, "  +%-10s %-16s %s\n", units_format_time(since, sizeof(since), ns),
		trace->points[event->point], what);
}

static void print_event(
	FILE *out, const struct trace *trace, const struct trace_event *event, uint64_t start_ns)
{
	char what[PCAPNG_COMMENT_MAX + 32];

	snprintf(what, sizeof(what), "%u bytes, %s", event->length, event->comment);
	print_line(out, trace, event, start_ns, what);
}

/* Several of one number at one point: what a super-packet was cut into. */
static void print_cut(FILE *out, const struct trace *trace, const struct trace_event *first,
	uint64_t start_ns, unsigned count, uint64_t bytes)
{
	char what[128];

	snprintf(what, sizeof(what), "... %u packets in all, %" PRIu64 " bytes: cut", count, bytes);
	print_line(out, trace, first, start_ns, what);
}

struct seen {
	unsigned count;
	uint64_t bytes;
	const struct trace_event *last;
};

static void print_way(FILE *out, const struct trace *trace, uint64_t number,
	const struct trace_event *received, const char *decided)
{
	struct seen seen[TRACE_POINTS_MAX] = {0};
	uint64_t start_ns = received != NULL ? received->time_ns : 0;

	for (size_t i = 0; i < trace->count; i++) {
		const struct trace_event *event = &trace->events[i];
		struct seen *there = &seen[event->point];

		if (event->number != number)
			continue;
		if (start_ns == 0)
			start_ns = event->time_ns;
		if (++there->count <= ALIKE_MAX)
			print_event(out, trace, event, start_ns);
		there->bytes += event->length;
		there->last = event;
		if (event == received && decided != NULL)
			fprintf(out, "%s", decided);
	}
	for (unsigned p = 0; p < trace->point_count; p++)
		if (seen[p].count > ALIKE_MAX)
			print_cut(out, trace, seen[p].last, start_ns, seen[p].count, seen[p].bytes);
}

static bool has_left(const struct trace *trace, uint64_t number)
{
	for (size_t i = 0; i < trace->count; i++) {
		const char *point = trace->points[trace->events[i].point];

		if (trace->events[i].number == number &&
			(strcmp(point, "tx") == 0 || strcmp(point, "drop") == 0))
			return true;
	}
	return false;
}

static void print_end(FILE *out, const struct trace *trace, uint64_t number, uint64_t start_ns)
{
	const struct trace_event *other = merged_into(trace, number);
	char what[96];

	if (other != NULL) {
		snprintf(what, sizeof(what), "merged: goes on in packet %" PRIu64, other->number);
		print_line(out, trace, other, start_ns, what);
	} else if (!has_left(trace, number)) {
		fprintf(out, "  not seen any more: still held, or copies were lost\n");
	}
}

void trace_tell(FILE *out, const struct trace *trace, uint64_t number, const char *decided)
{
	const struct trace_event *received = trace_received(trace, number);

	fprintf(out, "packet %" PRIu64 ": %s\n", number,
		received != NULL ? received->line : "its copy at rx was lost");
	print_way(out, trace, number, received, decided);
	print_end(out, trace, number, received != NULL ? received->time_ns : 0);
	fputc('\n', out);
}
