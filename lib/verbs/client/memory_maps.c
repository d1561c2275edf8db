/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/client/memory_maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MAPS_BYTES_FIRST = 256 * 1024 };

static int text_grow(struct memory_maps *maps)
{
	size_t capacity = maps->capacity == 0 ? MAPS_BYTES_FIRST : 2 * maps->capacity;
	void *text;

	if (maps->capacity == 0)
		text = mmap(
			NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		text = mremap(maps->text, maps->capacity, capacity, MREMAP_MAYMOVE);
	if (text == MAP_FAILED)
		return -ENOMEM;
	maps->text = text;
	maps->capacity = capacity;
	return 0;
}

static void stack_find(struct memory_maps *maps)
{
	/* The kernel's label goes with the page the stack began at, once that is adopted. */
	static _Atomic uintptr_t seen;
	struct memory_piece piece;
	const char *label = strstr(maps->text, "[stack]");

	maps->stack_end = seen;
	if (maps->stack_end != 0 || label == NULL)
		return;
	while (label > maps->text && label[-1] != '\n')
		label--;
	maps->next = (size_t)(label - maps->text);
	if (memory_maps_next(maps, &piece))
		seen = maps->stack_end = piece.end;
	memory_maps_rewind(maps);
}

int memory_maps_read(struct memory_maps *maps, struct error *error)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;

	*maps = (struct memory_maps){0};
	if (fd < 0)
		return error_set(error, errno, "/proc/self/maps: %s", strerror(errno));
	while (got > 0) {
		if (maps->capacity - maps->bytes < 2 && text_grow(maps) < 0) {
			got = -1;
			errno = ENOMEM;
			break;
		}
		got = read(fd, maps->text + maps->bytes, maps->capacity - maps->bytes - 1);
		if (got > 0)
			maps->bytes += (size_t)got;
	}
	if (got < 0) {
		int code = errno;

		close(fd);
		memory_maps_free(maps);
		return error_set(error, code, "/proc/self/maps: %s", strerror(code));
	}
	close(fd);
	maps->text[maps->bytes] = '\0';
	stack_find(maps);
	return 0;
}

void memory_maps_free(struct memory_maps *maps)
{
	if (maps->text != NULL)
		munmap(maps->text, maps->capacity);
	*maps = (struct memory_maps){0};
}

void memory_maps_rewind(struct memory_maps *maps)
{
	maps->next = 0;
}

/* "start-end rwxp offset major:minor inode   path" */
bool memory_maps_next(struct memory_maps *maps, struct memory_piece *ret_piece)
{
	char *at = maps->text + maps->next, *line_end;
	unsigned major_number, minor_number;

	if (maps->next >= maps->bytes)
		return false;
	line_end = strchrnul(at, '\n');
	maps->next = (size_t)(line_end - maps->text) + 1;
	*ret_piece = (struct memory_piece){0};
	ret_piece->start = strtoull(at, &at, 16);
	ret_piece->end = strtoull(at + 1, &at, 16);
	at++;
	ret_piece->protection = (at[0] == 'r' ? PROT_READ : 0) | (at[1] == 'w' ? PROT_WRITE : 0) |
		(at[2] == 'x' ? PROT_EXEC : 0);
	ret_piece->shared = at[3] == 's';
	ret_piece->offset = strtoull(at + 4, &at, 16);
	major_number = (unsigned)strtoul(at, &at, 16);
	minor_number = (unsigned)strtoul(at + 1, &at, 16);
	ret_piece->device = makedev(major_number, minor_number);
	ret_piece->inode = strtoull(at, &at, 10);
	while (at < line_end && *at == ' ')
		at++;
	ret_piece->huge = strncmp(at, "/anon_hugepage", strlen("/anon_hugepage")) == 0;
	return true;
}

/* A copy of descriptor `number` if it is of that file and can be written. */
static int descriptor_of(int number, const struct memory_piece *piece)
{
	struct stat status;

	if (fstat(number, &status) < 0 || status.st_dev != piece->device ||
		status.st_ino != piece->inode || !S_ISREG(status.st_mode))
		return -1;
	if ((fcntl(number, F_GETFL) & O_ACCMODE) != O_RDWR)
		return -1;
	return fcntl(number, F_DUPFD_CLOEXEC, 0);
}

int memory_file_find(const struct memory_piece *piece, struct error *error)
{
	DIR *directory = opendir("/proc/self/fd");
	const struct dirent *entry;
	char path[64];
	int fd = -1;

	while (directory != NULL && fd < 0 && (entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] != '.')
			fd = descriptor_of(atoi(entry->d_name), piece);
	}
	if (directory != NULL)
		closedir(directory);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)piece->start,
		(unsigned long)piece->end);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return error_set(error, EPERM,
		"the memory at 0x%lx is shared already, and of a file that is not open for reading "
		"and writing in this process: keep its descriptor open, or use weir_alloc()",
		(unsigned long)piece->start);
}
