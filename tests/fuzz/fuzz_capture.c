/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a capture: each frame lies wholly in readable memory and keeps the reader's
 * promises, no record is lost, and a second reading gives the same; judged, every frame is counted.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "capture/judge.h"
#include "capture/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(int condition)
{
	if (!condition)
		abort();
}

static uint64_t read_all(struct capture_reader *reader)
{
	const struct capture_counts *counts = capture_reader_counts(reader);
	uint64_t digest = 0, skipped = 0, frames = 0;
	struct frame frame;

	while (capture_reader_next(reader, &frame, NULL) == 1) {
		must(frame.length >= 14 && frame.length <= 262144 + 14);
		must(frame.original_length >= frame.length);
		must(frame.time_ns <= INT64_MAX);
		for (uint32_t i = 0; i < frame.length; i++)
			digest = digest * 31 + frame.bytes[i];
		digest = digest * 31 + frame.time_ns;
		frames++;
	}
	for (unsigned reason = 0; reason < SKIP_REASON_COUNT; reason++)
		skipped += counts->skipped[reason];
	must(counts->frames == frames && counts->read == frames + skipped);
	must(capture_reader_format(reader)[0] == 'p');
	return digest;
}

static void judge_all(struct capture_reader *reader)
{
	struct judge *judge = judge_create(0, NULL);
	struct judge_example shown;
	struct frame frame;
	uint64_t frames = 0;

	must(judge != NULL);
	for (int pass = 0; pass < 2; pass++) {
		must(capture_reader_rewind(reader, NULL) == 0);
		while (capture_reader_next(reader, &frame, NULL) == 1) {
			struct capture_origin origin = capture_reader_origin(reader);

			if (pass == 0)
				judge_learn(judge, &frame, &origin);
			else
				judge_frame(judge, &frame, &origin, &shown);
		}
	}
	for (unsigned i = 0; i < judge_point_count(judge); i++) {
		const struct judge_point *point = judge_point(judge, i);

		must(point->impossible <= point->frames && point->mtu_bytes >= 1500);
		for (unsigned kind = 0; kind < JUDGE_KIND_COUNT; kind++)
			must(point->findings[kind].frames <= point->frames);
		frames += point->frames;
	}
	must(frames == capture_reader_counts(reader)->frames);
	judge_destroy(judge);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct error error = {0};
	struct capture_reader *reader = capture_reader_open_memory(bytes, length, &error);
	uint64_t first;

	if (reader == NULL) {
		must(error.code > 0 && error.message[0] != '\0');
		return 0;
	}
	first = read_all(reader);
	must(capture_reader_rewind(reader, &error) == 0);
	must(read_all(reader) == first);
	judge_all(reader);
	capture_reader_close(reader);
	return 0;
}
