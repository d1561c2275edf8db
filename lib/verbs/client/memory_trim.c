/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program unmaps stays in the file of adopted memory, and would for ever: now and then
 * what is mapped nowhere is given back.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "verbs/client/memory_adopt.h"

enum { ELSEWHERE_MAX = 64 };

/* Offsets of the file that are mapped elsewhere than at their own address. */
struct elsewhere {
	uint64_t start[ELSEWHERE_MAX], end[ELSEWHERE_MAX];
	unsigned count;
};

static void range_drop(const struct memory_file *file, const struct elsewhere *elsewhere,
	uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < elsewhere->count && from < to; i++) {
		if (elsewhere->start[i] >= to || elsewhere->end[i] <= from)
			continue;
		if (elsewhere->start[i] > from)
			range_drop(file, elsewhere, from, elsewhere->start[i]);
		from = elsewhere->end[i];
	}
	if (from < to)
		fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
			(off_t)(to - from));
}

static void unmapped_drop(
	const struct memory_file *file, const struct elsewhere *elsewhere, struct memory_maps *maps)
{
	struct memory_piece piece;
	uint64_t reached = 0;

	memory_maps_rewind(maps);
	while (memory_maps_next(maps, &piece)) {
		if (!memory_is_of(&piece, file) || piece.offset != piece.start)
			continue;
		if (piece.start > reached)
			range_drop(file, elsewhere, reached, piece.start);
		reached = piece.end;
	}
	range_drop(file, elsewhere, reached, MEMORY_FILE_BYTES);
}

void memory_trim(struct memory_file *file)
{
	struct elsewhere elsewhere = {.count = 0};
	struct memory_maps maps;
	struct memory_piece piece;
	struct stat status;

	/* So often that it costs a part of what moving did. */
	if (fstat(file->fd, &status) < 0 ||
		file->moved_bytes < (uint64_t)status.st_blocks * 512 / 2 ||
		memory_maps_read(&maps, NULL) < 0)
		return;
	while (memory_maps_next(&maps, &piece)) {
		if (!memory_is_of(&piece, file) || piece.offset == piece.start)
			continue;
		if (elsewhere.count == ELSEWHERE_MAX)
			goto out;
		elsewhere.start[elsewhere.count] = piece.offset;
		elsewhere.end[elsewhere.count++] = piece.offset + (piece.end - piece.start);
	}
	unmapped_drop(file, &elsewhere, &maps);
	file->moved_bytes = 0;
out:
	memory_maps_free(&maps);
}
