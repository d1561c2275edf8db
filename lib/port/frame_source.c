/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/frame_source.h"

#include <errno.h>
#include <stdlib.h>

#include "capture/merge.h"
#include "generate/generate.h"

struct frame_source {
	struct capture_merge *files; /* either */
	struct generator *generator; /* or */
	bool skip_snapped;
	struct capture_counts counts; /* generator; and what is skipped here */
};

struct frame_source *frame_source_open(const struct config_port *config, struct error *error)
{
	struct frame_source *source = calloc(1, sizeof(*source));

	if (source == NULL) {
		error_set(error, ENOMEM, "no memory to read the frames of port %s", config->name);
		return NULL;
	}
	if (config->kind == PORT_GENERATE) {
		source->generator = generator_create(&config->generate, error);
	} else {
		source->files =
			capture_merge_open((const char *const *)config->replay.files, error);
		source->skip_snapped = config->replay.snapped == REPLAY_SNAPPED_SKIP;
	}
	if (source->generator == NULL && source->files == NULL) {
		free(source);
		return NULL;
	}
	return source;
}

struct frame_source *frame_source_close(struct frame_source *source)
{
	if (source == NULL)
		return NULL;
	if (source->generator != NULL)
		generator_destroy(source->generator);
	if (source->files != NULL)
		capture_merge_close(source->files);
	free(source);
	return NULL;
}

int frame_source_next(struct frame_source *source, struct frame *ret_frame, struct error *error)
{
	int result;

	if (source->generator != NULL) {
		result = generator_next(source->generator, ret_frame);
		if (result == 1) {
			source->counts.read++;
			source->counts.frames++;
			source->counts.bytes += ret_frame->length;
		}
		return result;
	}
	for (;;) {
		result = capture_merge_next(source->files, ret_frame, error);
		if (result != 1 || !source->skip_snapped ||
			ret_frame->length >= ret_frame->original_length)
			return result;
		source->counts.skipped[SKIP_snapped]++;
		source->counts.bytes += ret_frame->length;
	}
}

int frame_source_rewind(struct frame_source *source, struct error *error)
{
	source->counts = (struct capture_counts){0};
	if (source->generator != NULL) {
		generator_rewind(source->generator);
		return 0;
	}
	return capture_merge_rewind(source->files, error);
}

void frame_source_counts(const struct frame_source *source, struct capture_counts *ret_counts)
{
	const struct capture_counts *here = &source->counts;

	if (source->generator != NULL) {
		*ret_counts = *here;
		return;
	}
	capture_merge_counts(source->files, ret_counts);
	ret_counts->skipped[SKIP_snapped] += here->skipped[SKIP_snapped];
	ret_counts->frames -= here->skipped[SKIP_snapped];
	ret_counts->snapped -= here->skipped[SKIP_snapped];
	ret_counts->bytes -= here->bytes;
}
