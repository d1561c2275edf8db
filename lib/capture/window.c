/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int window_open(struct window *window, const char *path, struct error *error)
{
	struct stat status;

	*window = (struct window){.fd = STDIN_FILENO};
	if (strcmp(path, "-") != 0) {
		window->fd = open(path, O_RDONLY | O_CLOEXEC);
		window->closes_fd = true;
	}
	if (window->fd < 0)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	if (fstat(window->fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		window_close(window);
		return error_set(error, EISDIR, "%s: is a directory, not a capture file", path);
	}
	window->buffer = malloc(WINDOW_BYTES);
	if (window->buffer == NULL) {
		window_close(window);
		return error_set(error, ENOMEM, "%s: no memory to read it", path);
	}
	window->bytes = window->buffer;
	window->origin = lseek(window->fd, 0, SEEK_CUR);
	/* Advice only: a pipe refuses it and loses nothing. */
	(void)posix_fadvise(window->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void window_open_memory(struct window *window, const void *bytes, size_t length)
{
	*window = (struct window){.bytes = bytes, .end = length, .fd = -1, .at_end = true};
}

void window_close(struct window *window)
{
	if (window->closes_fd && window->fd >= 0)
		close(window->fd);
	free(window->buffer);
	*window = (struct window){.fd = -1, .at_end = true};
}

int window_rewind(struct window *window)
{
	if (window->fd >= 0 && window->moved) {
		if (window->origin < 0 || lseek(window->fd, window->origin, SEEK_SET) < 0)
			return -ESPIPE;
		window->end = 0;
		window->at_end = false;
		window->moved = false;
	}
	window->position = 0;
	window->failure = 0;
	return 0;
}

/* One read() into the free part behind `end`. False: the end, or failed. */
static bool window_read(struct window *window)
{
	ssize_t got;

	if (window->failure == EINTR)
		window->failure = 0;
	if (window->at_end || window->failure != 0)
		return false;
	got = read(window->fd, window->buffer + window->end, WINDOW_BYTES - window->end);
	if (got < 0) {
		window->failure = errno;
		return false;
	}
	window->at_end = got == 0;
	window->end += (size_t)got;
	return got > 0;
}

const uint8_t *window_need_more(struct window *window, size_t count)
{
	if (count > WINDOW_BYTES || window->at_end)
		return NULL;
	if (count > WINDOW_BYTES - window->position) {
		/* Less than one record is moved for each MiB read. */
		window->end -= window->position;
		memmove(window->buffer, window->bytes + window->position, window->end);
		window->position = 0;
		window->moved = true;
	}
	while (window->end - window->position < count) {
		if (!window_read(window))
			return NULL;
	}
	return window->bytes + window->position;
}

bool window_skip(struct window *window, uint64_t count)
{
	while (count > window_left(window)) {
		if (window->at_end)
			return false;
		count -= window_left(window);
		window->position = 0;
		window->end = 0;
		window->moved = true;
		while (!window_read(window)) {
			if (window->failure != EINTR)
				return false;
		}
	}
	window->position += count;
	return true;
}
