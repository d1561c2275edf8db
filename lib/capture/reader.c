/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One reader for both formats, and not libpcap: libpcap refuses valid pcapng (sections or
 * interfaces that differ in link type or snap length), copies each packet out of a FILE, and its
 * two formats would still need a second reader beside them. What it alone could read (patched pcap,
 * versions before 2.4) costs ten lines here. The tests hold libpcap as the judge instead.
 */
#include "capture/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/link.h"
#include "capture/pcap_format.h"
#include "capture/pcapng_format.h"
#include "capture/window.h"

const struct skip_reason_info skip_reason_infos[SKIP_REASON_COUNT] = {
#define X(name, description) [SKIP_##name] = {#name, description},
	SKIP_REASONS(X)
#undef X
};

struct capture_reader {
	struct window window;
	bool is_pcapng;
	bool ended;
	int failure; /* a positive errno that ended it */
	struct pcap_format pcap;
	struct pcapng_format pcapng;
	uint64_t time_ns; /* of the last record that had one */
	struct record record; /* the last one read */
	struct capture_counts counts;
	uint8_t *scratch; /* frames that were not Ethernet are built here */
	char *name;
	char format_text[96];
};

/* People hand over what their capture tool wrote: say how to unpack it. */
static int refuse_unknown(const uint8_t *magic, struct error *error)
{
	static const struct {
		uint8_t magic[4];
		uint8_t bytes;
		const char *command;
	} packings[] = {
		{{0x1f, 0x8b}, 2, "zcat"},
		{{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstdcat"},
		{{0xfd, '7', 'z', 'X'}, 4, "xzcat"},
		{{'B', 'Z', 'h'}, 3, "bzcat"},
		{{0x04, 0x22, 0x4d, 0x18}, 4, "lz4cat"},
	};

	for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++) {
		if (memcmp(magic, packings[i].magic, packings[i].bytes) == 0)
			return error_set(error, EINVAL,
				"compressed; unpack it on the way: %s FILE | weir replay -",
				packings[i].command);
	}
	return error_set(error, EINVAL,
		"no capture file: it starts with %02x %02x %02x %02x; pcap and pcapng are read",
		magic[0], magic[1], magic[2], magic[3]);
}

static int format_begin(struct capture_reader *reader, struct error *error)
{
	const uint8_t *magic = window_need(&reader->window, 4);

	if (magic == NULL && reader->window.failure != 0)
		return error_set(
			error, reader->window.failure, "%s", strerror(reader->window.failure));
	if (magic == NULL)
		return error_set(error, EINVAL, "no capture file: it %s",
			window_left(&reader->window) == 0 ? "is empty" : "ends after a few bytes");
	reader->is_pcapng = pcapng_format_matches(magic);
	if (reader->is_pcapng)
		return pcapng_format_begin(&reader->pcapng, &reader->window, error);
	if (pcap_format_matches(magic))
		return pcap_format_begin(&reader->pcap, &reader->window, error);
	return refuse_unknown(magic, error);
}

static struct capture_reader *reader_create(const char *name, struct error *error)
{
	struct capture_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL) {
		error_set(error, ENOMEM, "%s: no memory to read it", name);
		return NULL;
	}
	reader->window.fd = -1;
	reader->name = strdup(name);
	reader->scratch = malloc(LINK_SCRATCH_BYTES);
	if (reader->name == NULL || reader->scratch == NULL) {
		error_set(error, ENOMEM, "%s: no memory to read it", name);
		return capture_reader_close(reader);
	}
	return reader;
}

static struct capture_reader *reader_begin(struct capture_reader *reader, struct error *error)
{
	if (format_begin(reader, error) < 0) {
		error_prefix(error, "%s", reader->name);
		return capture_reader_close(reader);
	}
	return reader;
}

struct capture_reader *capture_reader_open(const char *path, struct error *error)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct capture_reader *reader = reader_create(name, error);

	if (reader == NULL)
		return NULL;
	if (window_open(&reader->window, path, error) < 0)
		return capture_reader_close(reader);
	return reader_begin(reader, error);
}

struct capture_reader *capture_reader_open_memory(
	const void *bytes, uint64_t length, struct error *error)
{
	struct capture_reader *reader = reader_create("memory", error);

	if (reader == NULL)
		return NULL;
	window_open_memory(&reader->window, bytes, length);
	return reader_begin(reader, error);
}

struct capture_reader *capture_reader_close(struct capture_reader *reader)
{
	if (reader == NULL)
		return NULL;
	window_close(&reader->window);
	pcapng_format_end(&reader->pcapng);
	free(reader->scratch);
	free(reader->name);
	free(reader);
	return NULL;
}

static enum record_result record_next(struct capture_reader *reader, struct record *ret_record)
{
	if (reader->is_pcapng)
		return pcapng_format_next(&reader->pcapng, &reader->window, ret_record);
	return pcap_format_next(&reader->pcap, &reader->window, ret_record);
}

/* A packet without a time keeps its place: it gets that of the packet before it. */
static void time_follow(struct capture_reader *reader, struct record *record)
{
	if (!record->timed)
		record->time_ns = reader->time_ns;
	else if (record->time_ns < reader->time_ns)
		reader->counts.time_backwards++;
	reader->time_ns = record->time_ns;
}

static int reading_failed(struct capture_reader *reader, int code, struct error *error)
{
	if (code != EINTR) {
		reader->ended = true;
		reader->failure = code;
	}
	return error_set(error, code, "%s: reading it failed after %" PRIu64 " records: %s",
		reader->name, reader->counts.read, strerror(code));
}

/* True: *ret_frame is filled. False: counted as skipped. */
static bool record_accept(
	struct capture_reader *reader, struct record *record, struct frame *ret_frame)
{
	int skipped;

	time_follow(reader, record);
	skipped = link_to_ethernet(record, reader->scratch, ret_frame);
	if (__builtin_expect(skipped >= 0, 0)) {
		reader->counts.skipped[skipped]++;
		return false;
	}
	ret_frame->time_ns = record->time_ns;
	reader->counts.frames++;
	reader->counts.bytes += ret_frame->length;
	reader->counts.snapped += ret_frame->original_length > ret_frame->length;
	return true;
}

int capture_reader_next(struct capture_reader *reader, struct frame *ret_frame, struct error *error)
{
	while (!reader->ended) {
		enum record_result result = record_next(reader, &reader->record);

		if (result == RECORD_END)
			break;
		if (result == RECORD_FAILED)
			return reading_failed(reader,
				reader->window.failure != 0 ? reader->window.failure : ENOMEM,
				error);
		reader->counts.read++;
		switch (result) {
		case RECORD_GIVEN:
			if (record_accept(reader, &reader->record, ret_frame))
				return 1;
			break;
		case RECORD_TOO_LONG: reader->counts.skipped[SKIP_too_long]++; break;
		default:
			reader->counts.skipped[SKIP_damaged]++;
			reader->ended = result == RECORD_CUT;
			break;
		}
	}
	reader->ended = true;
	return reader->failure == 0 ? 0 : reading_failed(reader, reader->failure, error);
}

struct capture_origin capture_reader_origin(const struct capture_reader *reader)
{
	const struct record *record = &reader->record;

	return (struct capture_origin){
		.number = reader->counts.read,
		.interface = record->interface,
		.interface_name = record->interface_name,
		.link_type = record->link_type,
		.direction = record->direction != RECORD_DIRECTION_UNKNOWN ? record->direction
									   : link_direction(record),
		.timed = record->timed,
	};
}

int capture_reader_rewind(struct capture_reader *reader, struct error *error)
{
	int result;

	if (window_rewind(&reader->window) < 0)
		return error_set(error, ESPIPE,
			"%s: is a pipe, which can be read once only: save it to a file to read it "
			"again",
			reader->name);
	reader->failure = 0;
	reader->time_ns = 0;
	reader->counts = (struct capture_counts){0};
	result = format_begin(reader, error);
	/* Failing, it has changed since it was opened. */
	reader->ended = result < 0;
	if (result < 0)
		error_prefix(error, "%s", reader->name);
	return result;
}

const struct capture_counts *capture_reader_counts(const struct capture_reader *reader)
{
	return &reader->counts;
}

const char *capture_reader_format(struct capture_reader *reader)
{
	const struct pcapng_format *pcapng = &reader->pcapng;
	const struct pcap_format *pcap = &reader->pcap;
	/* `swapped` is relative to this machine, which is little-endian (x86-64). */
	if (reader->is_pcapng)
		snprintf(reader->format_text, sizeof(reader->format_text),
			"pcapng, %" PRIu64 " section%s, %" PRIu64 " interface%s so far",
			pcapng->sections_seen, pcapng->sections_seen == 1 ? "" : "s",
			pcapng->interfaces_seen, pcapng->interfaces_seen == 1 ? "" : "s");
	else
		snprintf(reader->format_text, sizeof(reader->format_text), "pcap, %s, %s-endian%s",
			pcap->ns_per_fraction == 1 ? "nanoseconds" : "microseconds",
			pcap->swapped ? "big" : "little",
			pcap->modified ? ", modified record headers" : "");
	return reader->format_text;
}
