/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child of fork(2) has copies of adopted memory, as it would have of the private memory that it
 * was; what was shared before, and memory of weir_alloc(), stays shared.
 *
 * The child copies, while the parent waits in fork(2). What other threads and peers write
 * meanwhile the child may see. Both sides would run on one stack until the copy is done, if that
 * is adopted: around the stack pointer and in the thread's control block, the forking thread gets
 * private pages before, and shares them again after, with what it changed.
 *
 * MADV_DONTFORK instead, as ibv_fork_init(3) does, would take away the stack and heap of a child
 * whose pages were registered. vfork(2), posix_spawn(3), and clone(2) called directly run no
 * handlers; the first two need none.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verbs/client/memory_adopt.h"
#include "verbs/client/memory_move.h"

enum {
	STACK_BYTES_BELOW = 256 * 1024, /* what handlers of others and the C library may use */
	STACK_BYTES_ABOVE = 16 * 1024, /* frames of fork(2) itself */
	CONTROL_BYTES = 4096, /* of the thread's control block, to either side */
	TAKEN_MAX = 16,
};

/* Pages of the forking thread that are private during the fork. */
struct taken {
	struct memory_piece piece;
	uintptr_t start, end;
	uint8_t *file, *snapshot;
};

static struct {
	int wait[2]; /* a pipe: its end of file is the end of the child's copying */
	unsigned taken_count;
	struct taken taken[TAKEN_MAX];
} forking;

static void take(const struct memory_piece *piece, uintptr_t from, uintptr_t to)
{
	struct taken *taken = &forking.taken[forking.taken_count];
	int fd = memory_adopted.small.fd;
	size_t bytes;
	off_t offset;

	taken->piece = *piece;
	taken->start = piece->start > from ? piece->start : from;
	taken->end = piece->end < to ? piece->end : to;
	if (taken->start >= taken->end || forking.taken_count == TAKEN_MAX)
		return;
	bytes = taken->end - taken->start;
	offset = (off_t)(piece->offset + (taken->start - piece->start));
	taken->file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	taken->snapshot =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (taken->file != MAP_FAILED && taken->snapshot != MAP_FAILED &&
		memory_move_out(piece, taken->start, taken->end, false, fd, (uint64_t)offset,
			taken->snapshot) == 0) {
		forking.taken_count++;
		return;
	}
	if (taken->file != MAP_FAILED)
		munmap(taken->file, bytes);
	if (taken->snapshot != MAP_FAILED)
		munmap(taken->snapshot, bytes);
}

static void before_fork(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t stack = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);
	uintptr_t control = (uintptr_t)__builtin_thread_pointer() & ~(page - 1);
	uintptr_t low = stack - STACK_BYTES_BELOW, high = stack + STACK_BYTES_ABOVE;
	uintptr_t control_low = control - CONTROL_BYTES, control_high = control + 2 * CONTROL_BYTES;
	struct memory_maps maps;
	struct memory_piece piece;

	pthread_mutex_lock(&memory_adopted.lock);
	forking.taken_count = 0;
	if (pipe2(forking.wait, O_CLOEXEC) < 0)
		forking.wait[0] = forking.wait[1] = -1;
	if (memory_maps_read(&maps, NULL) < 0)
		return;
	while (memory_maps_next(&maps, &piece)) {
		if (memory_adopted_file(&piece) != &memory_adopted.small || !piece.shared)
			continue;
		take(&piece, low, high);
		/* A page is taken once: the block may be at the end of the stack. */
		if (control_low < low)
			take(&piece, control_low, control_high < low ? control_high : low);
		if (control_high > high)
			take(&piece, control_low > high ? control_low : high, control_high);
	}
	memory_maps_free(&maps);
}

static void taken_forget(const struct taken *taken)
{
	munmap(taken->file, taken->end - taken->start);
	munmap(taken->snapshot, taken->end - taken->start);
}

static void after_fork_parent(void)
{
	char byte;

	if (forking.wait[0] >= 0) {
		close(forking.wait[1]);
		while (read(forking.wait[0], &byte, 1) < 0 && errno == EINTR)
			;
		close(forking.wait[0]);
	}
	for (unsigned i = 0; i < forking.taken_count; i++) {
		const struct taken *taken = &forking.taken[i];

		memory_move_back(&taken->piece, taken->start, taken->end, taken->file,
			taken->snapshot, memory_adopted.small.fd,
			taken->piece.offset + (taken->start - taken->piece.start));
		taken_forget(taken);
	}
	pthread_mutex_unlock(&memory_adopted.lock);
}

/* What cannot be copied, for want of memory, must not be shared either: it is taken away. */
static void copy(const struct memory_piece *piece, const struct memory_file *file)
{
	bool huge = file == &memory_adopted.huge;

	if (memory_move_out(piece, piece->start, piece->end, huge, file->fd, piece->offset, NULL) <
		0)
		(void)mmap((void *)piece->start, piece->end - piece->start, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void after_fork_child(void)
{
	struct memory_maps maps;
	struct memory_piece piece;

	for (unsigned i = 0; i < forking.taken_count; i++)
		taken_forget(&forking.taken[i]);
	if (memory_maps_read(&maps, NULL) == 0) {
		while (memory_maps_next(&maps, &piece))
			if (piece.shared && memory_adopted_file(&piece) != NULL)
				copy(&piece, memory_adopted_file(&piece));
		memory_maps_free(&maps);
	}
	/* The files are the parent's. */
	if (memory_adopted.small.fd >= 0)
		close(memory_adopted.small.fd);
	if (memory_adopted.huge.fd >= 0)
		close(memory_adopted.huge.fd);
	memory_adopted.small = memory_adopted.huge = (struct memory_file){.fd = -1};
	pthread_mutex_init(&memory_adopted.lock, NULL);
	if (forking.wait[0] >= 0) {
		close(forking.wait[0]);
		close(forking.wait[1]);
	}
}

int memory_fork_watch(void)
{
	int rc = 0;

	if (!memory_adopted.fork_watched)
		rc = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	memory_adopted.fork_watched = rc == 0;
	return -rc;
}
