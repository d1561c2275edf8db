/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A file with its next frame, which stays valid as long as the file is not read on. */
struct merge_source {
	struct capture_reader *reader;
	struct frame frame;
};

struct capture_merge {
	struct merge_source *sources; /* in the order named */
	unsigned count;
	unsigned *heap; /* indexes of sources that have a frame; the oldest frame first */
	unsigned heap_count;
	unsigned asked; /* sources that were asked for their first frame */
	char format_text[32];
};

static bool goes_before(const struct capture_merge *merge, unsigned a, unsigned b)
{
	uint64_t time_a = merge->sources[a].frame.time_ns;
	uint64_t time_b = merge->sources[b].frame.time_ns;

	return time_a < time_b || (time_a == time_b && a < b);
}

/* Restores the heap below `place`, when both its children are heaps. */
static void heap_sift(struct capture_merge *merge, unsigned place)
{
	unsigned *heap = merge->heap;

	for (;;) {
		unsigned first = place, child = 2 * place + 1, moved;

		if (child < merge->heap_count && goes_before(merge, heap[child], heap[first]))
			first = child;
		if (child + 1 < merge->heap_count &&
			goes_before(merge, heap[child + 1], heap[first]))
			first = child + 1;
		if (first == place)
			return;
		moved = heap[place];
		heap[place] = heap[first];
		heap[first] = moved;
		place = first;
	}
}

/* Reads the first frame of each file. 0 or -errno: then it can be called again, to go on. */
static int merge_start(struct capture_merge *merge, struct error *error)
{
	for (; merge->asked < merge->count; merge->asked++) {
		struct merge_source *source = &merge->sources[merge->asked];
		int result = capture_reader_next(source->reader, &source->frame, error);

		if (result < 0)
			return result;
		if (result > 0)
			merge->heap[merge->heap_count++] = merge->asked;
	}
	for (unsigned place = merge->heap_count / 2; place-- > 0;)
		heap_sift(merge, place);
	return 0;
}

/* The frame given last is the heap's first: its file is read on only now, so that the frame stayed
 * valid between the calls. 0 or -errno: then it can be called again. */
static int merge_step(struct capture_merge *merge, struct error *error)
{
	struct merge_source *source;
	int result;

	if (merge->heap_count == 0)
		return 0;
	source = &merge->sources[merge->heap[0]];
	result = capture_reader_next(source->reader, &source->frame, error);
	if (result < 0)
		return result;
	if (result == 0)
		merge->heap[0] = merge->heap[--merge->heap_count];
	heap_sift(merge, 0);
	return 0;
}

int capture_merge_next(struct capture_merge *merge, struct frame *ret_frame, struct error *error)
{
	int result =
		merge->asked < merge->count ? merge_start(merge, error) : merge_step(merge, error);

	if (result < 0)
		return result;
	if (merge->heap_count == 0)
		return 0;
	*ret_frame = merge->sources[merge->heap[0]].frame;
	return 1;
}

struct capture_merge *capture_merge_open(const char *const *paths, struct error *error)
{
	struct capture_merge *merge = calloc(1, sizeof(*merge));
	unsigned count = 0;

	while (paths[count] != NULL)
		count++;
	if (merge == NULL)
		goto no_memory;
	merge->sources = calloc(count + 1, sizeof(*merge->sources));
	merge->heap = calloc(count + 1, sizeof(*merge->heap));
	if (merge->sources == NULL || merge->heap == NULL)
		goto no_memory;
	for (unsigned i = 0; i < count; i++) {
		merge->sources[i].reader = capture_reader_open(paths[i], error);
		if (merge->sources[i].reader == NULL)
			return capture_merge_close(merge);
		merge->count++;
	}
	return merge;
no_memory:
	error_set(error, ENOMEM, "no memory to read %u capture files", count);
	return capture_merge_close(merge);
}

struct capture_merge *capture_merge_close(struct capture_merge *merge)
{
	if (merge == NULL)
		return NULL;
	for (unsigned i = 0; i < merge->count; i++)
		capture_reader_close(merge->sources[i].reader);
	free(merge->sources);
	free(merge->heap);
	free(merge);
	return NULL;
}

int capture_merge_rewind(struct capture_merge *merge, struct error *error)
{
	merge->heap_count = 0;
	merge->asked = 0;
	for (unsigned i = 0; i < merge->count; i++) {
		int result = capture_reader_rewind(merge->sources[i].reader, error);

		if (result < 0)
			return result;
	}
	return 0;
}

void capture_merge_counts(const struct capture_merge *merge, struct capture_counts *ret_counts)
{
	struct capture_counts *sum = ret_counts;

	*sum = (struct capture_counts){0};
	for (unsigned i = 0; i < merge->count; i++) {
		const struct capture_counts *part = capture_reader_counts(merge->sources[i].reader);

		sum->read += part->read;
		sum->frames += part->frames;
		sum->bytes += part->bytes;
		sum->snapped += part->snapped;
		sum->time_backwards += part->time_backwards;
		for (unsigned reason = 0; reason < SKIP_REASON_COUNT; reason++)
			sum->skipped[reason] += part->skipped[reason];
	}
	/* All in the heap but its first are read ahead; before the first is given, that is too. */
	for (unsigned place = merge->asked == merge->count; place < merge->heap_count; place++) {
		const struct frame *ahead = &merge->sources[merge->heap[place]].frame;

		sum->read--;
		sum->frames--;
		sum->bytes -= ahead->length;
		sum->snapped -= ahead->original_length > ahead->length;
	}
}

const char *capture_merge_format(struct capture_merge *merge)
{
	if (merge->count == 1)
		return capture_reader_format(merge->sources[0].reader);
	snprintf(merge->format_text, sizeof(merge->format_text), "%u files", merge->count);
	return merge->format_text;
}
