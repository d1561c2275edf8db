/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/file_ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 4096 + 16, BUFFER_BYTES = 256 << 10 };

struct file_ring {
	char *path;
	uint64_t file_bytes;
	uint32_t files;
	uint64_t number; /* of the file that is open */
	uint64_t used; /* bytes of it */
	FILE *out;
	uint8_t *head;
	size_t head_bytes;
	int failure; /* the first errno */
};

static unsigned digits(uint32_t files)
{
	unsigned count = 1;

	for (uint32_t last = files - 1; last >= 10; last /= 10)
		count++;
	return count;
}

static void name_of(const struct file_ring *ring, char *name, size_t size)
{
	if (ring->file_bytes > 0 && ring->files > 0)
		snprintf(name, size, "%s%0*llu", ring->path, (int)digits(ring->files),
			(unsigned long long)(ring->number % ring->files));
	else if (ring->number > 0)
		snprintf(name, size, "%s%llu", ring->path, (unsigned long long)ring->number);
	else
		snprintf(name, size, "%s", ring->path);
}

static int file_open(struct file_ring *ring)
{
	char name[NAME_MAX_BYTES];

	name_of(ring, name, sizeof(name));
	if (strcmp(ring->path, "-") == 0) {
		int copy = dup(STDOUT_FILENO);

		ring->out = copy < 0 ? NULL : fdopen(copy, "w");
	} else {
		ring->out = fopen(name, "we");
	}
	if (ring->out == NULL)
		return -errno;
	setvbuf(ring->out, NULL, _IOFBF, BUFFER_BYTES);
	ring->used = 0;
	return 0;
}

struct file_ring *file_ring_open(
	const char *path, uint64_t file_bytes, uint32_t files, struct error *error)
{
	struct file_ring *ring = calloc(1, sizeof(*ring));
	int result = -ENOMEM;

	if (ring != NULL) {
		ring->path = strdup(path);
		ring->file_bytes = strcmp(path, "-") == 0 ? 0 : file_bytes;
		ring->files = files;
		if (ring->path != NULL)
			result = file_open(ring);
	}
	if (result == 0)
		return ring;
	error_set(error, -result, "%s: cannot be written: %s", path, strerror(-result));
	if (ring != NULL)
		free(ring->path);
	free(ring);
	return NULL;
}

static int fail(struct file_ring *ring, int code)
{
	if (ring->failure == 0)
		ring->failure = code != 0 ? code : EIO;
	return -ring->failure;
}

static int put(struct file_ring *ring, const void *bytes, size_t length)
{
	if (length > 0 && fwrite(bytes, length, 1, ring->out) != 1)
		return fail(ring, errno);
	ring->used += length;
	return 0;
}

int file_ring_begin(struct file_ring *ring, const void *blocks, size_t length)
{
	uint8_t *grown = realloc(ring->head, ring->head_bytes + length);

	if (grown == NULL)
		return fail(ring, ENOMEM);
	memcpy(grown + ring->head_bytes, blocks, length);
	ring->head = grown;
	ring->head_bytes += length;
	return put(ring, blocks, length);
}

static int file_close(struct file_ring *ring)
{
	FILE *out = ring->out;

	ring->out = NULL;
	return fclose(out) == 0 ? 0 : fail(ring, errno);
}

static int next_file(struct file_ring *ring)
{
	int result = file_close(ring);

	if (result != 0)
		return result;
	ring->number++;
	result = file_open(ring);
	return result == 0 ? put(ring, ring->head, ring->head_bytes) : fail(ring, -result);
}

int file_ring_write(struct file_ring *ring, const void *block, size_t length)
{
	if (ring->failure != 0)
		return -ring->failure;
	if (ring->file_bytes > 0 && ring->used > ring->head_bytes &&
		ring->used + length > ring->file_bytes && next_file(ring) != 0)
		return -ring->failure;
	return put(ring, block, length);
}

int file_ring_flush(struct file_ring *ring)
{
	if (ring->failure == 0 && fflush(ring->out) != 0)
		return fail(ring, errno);
	return -ring->failure;
}

int file_ring_close(struct file_ring *ring, struct error *error)
{
	int result = 0;

	if (ring == NULL)
		return 0;
	if (ring->out != NULL)
		file_close(ring);
	if (ring->failure != 0)
		result = error_set(error, ring->failure, "%s: not written whole: %s", ring->path,
			strerror(ring->failure));
	free(ring->head);
	free(ring->path);
	free(ring);
	return result;
}
