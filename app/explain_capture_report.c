/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain_capture_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "explain_capture_words.h"

enum { WIDTH = 96, PARAGRAPH_BYTES = 1024 };
/* Shorter runs of one time stamp are chance. */
enum { BURST_MIN = 4 };
enum { SENDERS_SHOWN = 4 };

/* A paragraph: broken between words, each line behind `indent` spaces. */
static void paragraph(FILE *out, unsigned indent, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void paragraph(FILE *out, unsigned indent, const char *format, ...)
{
	char text[PARAGRAPH_BYTES], *rest = text;
	unsigned column = 0;
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		unsigned length = 0;

		for (const char *at = word; *at != '\0'; at++)
			length += (*at & 0xc0) != 0x80; /* not within a character */
		if (column != 0 && column + 1 + length > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		column += fprintf(out, "%*s%s", column == 0 ? (int)indent : 1, "", word) > 0
			? length + (column == 0 ? indent : 1)
			: 0;
	}
	fputc('\n', out);
}

static bool is_told(const struct judge_finding *finding, enum judge_kind kind)
{
	return finding->frames > 0 && (kind != JUDGE_KIND_burst || finding->longest >= BURST_MIN);
}

/* Those that sent most. */
static void senders_text(const struct judge_finding *finding, char *text, size_t size)
{
	uint64_t rest = finding->frames;
	char address[WORDS_ADDRESS_BYTES];
	size_t length = 0;

	text[0] = '\0';
	for (unsigned rank = 0; rank < SENDERS_SHOWN; rank++) {
		const struct judge_sender *most = words_sender(finding, rank);

		if (most == NULL || length >= size)
			break;
		length += (size_t)snprintf(text + length, size - length, "%s%s (%" PRIu64 ")",
			rank == 0 ? "" : ", ", words_address(most->version, most->address, address),
			most->frames);
		rest -= most->frames;
	}
	if (rest > 0 && length < size)
		snprintf(text + length, size - length, ", others (%" PRIu64 ")", rest);
}

static void print_range(FILE *out, const struct judge_finding *finding)
{
	char senders[PARAGRAPH_BYTES / 2];

	senders_text(finding, senders, sizeof(senders));
	if (finding->frames == 1)
		paragraph(out, 4, "frame %" PRIu64 ", from %s", finding->first, senders);
	else
		paragraph(out, 4, "first frame %" PRIu64 ", last %" PRIu64 "; from %s",
			finding->first, finding->last, senders);
}

static void print_example(FILE *out, const struct judge_example *shown, enum judge_kind kind)
{
	const struct judge_packet *packet = &shown->packet;
	char ends[2][WORDS_ADDRESS_BYTES], sizes[WORDS_SIZES_BYTES], protocol[WORDS_ADDRESS_BYTES];

	if (packet->version == 0) {
		paragraph(out, 4, "as frame %" PRIu64 ": %u bytes, no IP", shown->number,
			packet->frame_bytes);
		return;
	}
	paragraph(out, 4, "%s frame %" PRIu64 ": %s > %s %s, %u bytes (IP says %u), %s",
		1u << kind & JUDGE_TOO_LARGE ? "the largest is" : "as", shown->number,
		words_end(packet, 0, ends[0]), words_end(packet, 1, ends[1]),
		words_protocol(packet, protocol), packet->frame_bytes,
		packet->length == JUDGE_LENGTH_ZERO || packet->length == JUDGE_LENGTH_JUMBO
			? 0
			: packet->ip_says_bytes,
		words_sizes(shown, sizes));
}

/* What only frames that are too large have. */
static void print_evidence(FILE *out, const struct judge_finding *finding, enum judge_kind kind)
{
	if (finding->only_mss > 0)
		paragraph(out, 4,
			"%" PRIu64 " of them would fit the MTU, but not the MSS their receiver "
			"announced",
			finding->only_mss);
	if (finding->unfinished + finding->wrong > 0)
		paragraph(out, 4, "checksums: %" PRIu64 " unfinished, %" PRIu64 " wrong%s",
			finding->unfinished, finding->wrong,
			kind == JUDGE_KIND_gro && finding->unfinished > 0
				? " (Linux leaves those that it merges unfinished)"
				: "");
	for (unsigned i = 0; i < JUDGE_EVIDENCE_COUNT; i++)
		if (finding->evidence[i] > 0 &&
			!(i == JUDGE_EVIDENCE_none && finding->evidence[i] < finding->frames))
			paragraph(out, 4, "how it is known (%" PRIu64 "): %s", finding->evidence[i],
				judge_evidence_infos[i].text);
}

static void print_finding(FILE *out, const struct judge_finding *finding, enum judge_kind kind)
{
	const struct judge_kind_info *info = &judge_kind_infos[kind];
	char count[WORDS_ADDRESS_BYTES];

	fputc('\n', out);
	paragraph(out, 2, "%s %s", words_count(finding->frames, "frame", count), info->title);
	print_range(out, finding);
	print_example(out, &finding->example, kind);
	if (kind == JUDGE_KIND_burst)
		paragraph(out, 4, "the longest run has %" PRIu64 " frames", finding->longest);
	if (1u << kind & JUDGE_TOO_LARGE && kind != JUDGE_KIND_weir_gro &&
		kind != JUDGE_KIND_weir_tso && kind != JUDGE_KIND_too_large)
		print_evidence(out, finding, kind);
	paragraph(out, 4, "why: %s", info->why);
	if (info->remedy != NULL)
		paragraph(out, 4, "what to do: %s", info->remedy);
}

static void print_point(FILE *out, const struct judge_point *point, bool only)
{
	char mtu[WORDS_SIZES_BYTES], name[RECORD_NAME_BYTES + 16], count[WORDS_ADDRESS_BYTES];
	uint64_t larger = 0;
	bool none = true;

	for (unsigned kind = 0; 1u << kind & JUDGE_TOO_LARGE; kind++)
		larger += point->findings[kind].frames;
	fputc('\n', out);
	if (!only)
		fprintf(out, "at %s: %s, %" PRIu64 " larger than the wire carries\n",
			words_point(point, name), words_count(point->frames, "frame", count),
			larger);
	paragraph(out, only ? 0 : 2, "MTU %u, %s", point->mtu_bytes, words_mtu(point, mtu));
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++) {
		if (!is_told(&point->findings[kind], kind))
			continue;
		print_finding(out, &point->findings[kind], kind);
		none = false;
	}
	if (none)
		fprintf(out, "  nothing to remark\n");
}

static void print_skipped(FILE *out, const struct capture_counts *counts)
{
	for (unsigned reason = 0; reason < SKIP_REASON_COUNT; reason++)
		if (counts->skipped[reason] > 0)
			fprintf(out, "%" PRIu64 " not judged: %s\n", counts->skipped[reason],
				skip_reason_infos[reason].description);
}

/* "72 larger than the wire carries, ..." of all points, once for each kind of reason. */
static void reasons_text(const struct judge *judge, char *text, size_t size)
{
	static const struct {
		uint32_t kinds;
		const char *what;
	} reasons[] = {
		{JUDGE_TOO_LARGE, "larger than the wire carries"},
		{1u << JUDGE_KIND_length_zero, "with an IP length of 0"},
		{1u << JUDGE_KIND_length_claimed, "with a length that cannot be"},
		{1u << JUDGE_KIND_unfinished, "with unfinished checksums"},
		{1u << JUDGE_KIND_ip_sum_zero, "with an IP checksum of 0"},
	};
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		uint64_t frames = 0;

		for (unsigned p = 0; p < judge_point_count(judge); p++)
			for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
				if (reasons[i].kinds & 1u << kind)
					frames += judge_point(judge, p)->findings[kind].frames;
		if (frames > 0 && length < size)
			length += (size_t)snprintf(text + length, size - length, "%s%" PRIu64 " %s",
				length == 0 ? "" : ", ", frames, reasons[i].what);
	}
}

void explain_capture_verdict(const struct judge *judge, char *text, size_t size)
{
	uint64_t frames = 0, impossible = 0, unpadded = 0;
	uint32_t mtu_bytes = 0;
	char reasons[256], padding[64] = "";

	for (unsigned i = 0; i < judge_point_count(judge); i++) {
		const struct judge_point *point = judge_point(judge, i);

		frames += point->frames;
		impossible += point->impossible;
		unpadded += point->findings[JUDGE_KIND_short].frames;
		if (point->mtu_bytes > mtu_bytes)
			mtu_bytes = point->mtu_bytes;
	}
	reasons_text(judge, reasons, sizeof(reasons));
	if (unpadded > 0)
		snprintf(padding, sizeof(padding), ", but for the padding that %" PRIu64 " lack",
			unpadded);
	if (frames == 0)
		snprintf(text, size, "The capture has no frame that can be judged.");
	else if (impossible == 0)
		snprintf(text, size, "Every frame can have been on a wire with MTU %u%s.",
			mtu_bytes, padding);
	else
		snprintf(text, size,
			"%" PRIu64 " of %" PRIu64
			" frames cannot have been on the wire as captured: %s.",
			impossible, frames, reasons);
}

void explain_capture_print(FILE *out, const struct explained_capture *capture)
{
	char span[UNITS_TEXT_MAX], verdict[512], count[WORDS_ADDRESS_BYTES];
	unsigned points = judge_point_count(capture->judge);
	double span_ns = capture->last_ns > capture->first_ns
		? (double)(capture->last_ns - capture->first_ns)
		: 0;

	fprintf(out, "%s: %s; %s in %s\n", capture->name, capture->format,
		words_count(capture->counts->frames, "frame", count),
		units_format_time(span, sizeof(span), span_ns));
	print_skipped(out, capture->counts);
	for (unsigned i = 0; i < points; i++) {
		const struct judge_point *point = judge_point(capture->judge, i);

		print_point(out, point, points == 1 && point->name[0] == '\0');
	}
	explain_capture_verdict(capture->judge, verdict, sizeof(verdict));
	fputc('\n', out);
	paragraph(out, 0, "%s", verdict);
}

void explain_capture_print_frame(FILE *out, const struct judge_point *point,
	const struct judge_example *shown, uint32_t found)
{
	char ends[2][WORDS_ADDRESS_BYTES], sizes[WORDS_SIZES_BYTES], name[RECORD_NAME_BYTES + 16];

	fprintf(out, "frame %" PRIu64, shown->number);
	if (point->name[0] != '\0')
		fprintf(out, " at %s", words_point(point, name));
	if (shown->packet.version != 0)
		fprintf(out, ": %s > %s", words_end(&shown->packet, 0, ends[0]),
			words_end(&shown->packet, 1, ends[1]));
	fprintf(out, ": %u bytes, %s:", shown->packet.frame_bytes, words_sizes(shown, sizes));
	for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
		if (found & 1u << kind && judge_kind_infos[kind].impossible)
			fprintf(out, " %s", judge_kind_infos[kind].name);
	fputc('\n', out);
}
