/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/client/memory_adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/client/memory_move.h"

struct memory_adopted memory_adopted = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.small.fd = -1,
	.huge.fd = -1,
};

bool memory_is_of(const struct memory_piece *piece, const struct memory_file *file)
{
	return file->fd >= 0 && piece->inode == file->inode && piece->device == file->device;
}

const struct memory_file *memory_adopted_file(const struct memory_piece *piece)
{
	if (memory_is_of(piece, &memory_adopted.small))
		return &memory_adopted.small;
	return memory_is_of(piece, &memory_adopted.huge) ? &memory_adopted.huge : NULL;
}

static int file_make(struct memory_file *file, unsigned flags, struct error *error)
{
	struct stat status;
	int fd, rc;

	if (file->fd >= 0)
		return 0;
	fd = memfd_create("weir-adopted", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (fd < 0)
		return error_set(error, errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(fd, (off_t)MEMORY_FILE_BYTES) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
		fstat(fd, &status) < 0) {
		rc = error_set(error, errno, "a sparse memfd of 128 TiB: %s", strerror(errno));
		close(fd);
		return rc;
	}
	*file = (struct memory_file){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
	return 0;
}

/* ---- what is there ---- */

struct range {
	uintptr_t start, end; /* what was asked for */
	unsigned pieces, foreign, huge, adopted;
	struct memory_piece first; /* the mapping at `start` */
	bool one_file; /* all of it is one range of the file that is mapped at `start` */
};

static bool is_huge(const struct memory_piece *piece)
{
	return piece->huge || memory_is_of(piece, &memory_adopted.huge);
}

static bool is_adopted(const struct memory_piece *piece)
{
	return memory_adopted_file(piece) != NULL && piece->shared && piece->offset == piece->start;
}

static int piece_check(const struct memory_piece *piece, bool writes, struct error *error)
{
	if ((piece->protection & PROT_READ) == 0)
		return error_set(error, EFAULT,
			"the memory at 0x%lx may not be read (a guard page?)",
			(unsigned long)piece->start);
	if (writes && (piece->protection & PROT_WRITE) == 0)
		return error_set(error, EFAULT, "the memory at 0x%lx may not be written",
			(unsigned long)piece->start);
	return 0;
}

static int range_look(
	struct range *range, struct memory_maps *maps, bool writes, struct error *error)
{
	uintptr_t reached = range->start;
	struct memory_piece piece;
	int rc;

	range->one_file = true;
	memory_maps_rewind(maps);
	while (reached < range->end && memory_maps_next(maps, &piece)) {
		if (piece.end <= reached)
			continue;
		if (piece.start > reached)
			break;
		rc = piece_check(&piece, writes, error);
		if (rc < 0)
			return rc;
		if (range->pieces++ == 0)
			range->first = piece;
		if (piece.inode != range->first.inode || piece.device != range->first.device ||
			piece.offset - piece.start != range->first.offset - range->first.start)
			range->one_file = false;
		range->foreign += piece.shared && memory_adopted_file(&piece) == NULL;
		range->adopted += is_adopted(&piece);
		range->huge += is_huge(&piece);
		reached = piece.end;
	}
	if (reached < range->end)
		return error_set(
			error, EFAULT, "nothing is mapped at 0x%lx", (unsigned long)reached);
	if (range->foreign > 0 && (range->foreign < range->pieces || !range->one_file))
		return error_set(error, EINVAL,
			"the memory from 0x%lx to 0x%lx is of several files: register them one by "
			"one",
			(unsigned long)range->start, (unsigned long)range->end);
	if (range->huge > 0 && range->huge < range->pieces)
		return error_set(error, EINVAL,
			"the memory from 0x%lx to 0x%lx has huge and other pages: register them "
			"one by "
			"one",
			(unsigned long)range->start, (unsigned long)range->end);
	return 0;
}

/* ---- memory that is shared already ---- */

static int foreign_take(const struct range *range, int *ret_fd, struct error *error)
{
	int fd = memory_file_find(&range->first, error), seals, rc;

	if (fd < 0)
		return fd;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals >= 0 &&
		((seals & F_SEAL_SHRINK) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0)) {
		*ret_fd = fd;
		return 0;
	}
	rc = error_set(error, EPERM,
		"the memory at 0x%lx is shared already, and its file %s: peers could be hurt by "
		"its "
		"being made shorter. Use a memfd with MFD_ALLOW_SEALING, or weir_alloc()",
		(unsigned long)range->start,
		seals < 0 ? "is not a memfd" : "cannot be sealed against that");
	close(fd);
	return rc;
}

/* ---- moving ---- */

/* A stack grows only where its lowest page is still the kernel's: make it one page longer first. */
static void stack_keep(const struct memory_maps *maps, const struct memory_piece *piece)
{
	struct rlimit limit;
	/* The kernel keeps other mappings at least 128 MiB away from the stack's end. */
	uintptr_t reach = 64 << 20;

	if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < reach)
		reach = limit.rlim_cur;
	if (piece->inode != 0 || piece->end > maps->stack_end ||
		piece->start < maps->stack_end - reach + MEMORY_HUGE_BYTES)
		return;
	(void)*(volatile char *)(piece->start - 1);
}

/* mremap(2) grows one mapping, not two: the first page of several is made a mapping of its own by a
 * flag that means nothing for memory. */
static void growth_forbid(uintptr_t start, uintptr_t end, size_t page_bytes)
{
	if (end - start > page_bytes)
		madvise((void *)start, page_bytes, MADV_RANDOM);
}

/* Locked memory stays locked. VmLck is 0 nearly always, and the list of flags slow. */
static bool memory_is_locked(void)
{
	char text[4096];
	const char *found;
	ssize_t bytes;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[bytes < 0 ? 0 : bytes] = '\0';
	found = strstr(text, "VmLck:");
	if (found == NULL)
		return false;
	found += strlen("VmLck:");
	found += strspn(found, " \t");
	return *found != '0';
}

/* The file must have nothing at these offsets that is mapped somewhere else. What is, was taken
 * away from its address by mremap(2), or is our own mapping of a region of the past, as a peer of
 * ourselves: it gets a copy of its own. */
static int offsets_clear(struct memory_maps *maps, const struct memory_file *file, uintptr_t start,
	uintptr_t end, struct error *error)
{
	size_t next = maps->next;
	struct memory_piece piece;
	int rc = 0;

	memory_maps_rewind(maps);
	while (rc == 0 && memory_maps_next(maps, &piece)) {
		if (!memory_is_of(&piece, file) || piece.offset == piece.start || !piece.shared ||
			piece.offset >= end || piece.offset + (piece.end - piece.start) <= start)
			continue;
		rc = memory_move_out(&piece, piece.start, piece.end, file == &memory_adopted.huge,
			file->fd, piece.offset, NULL);
	}
	maps->next = next;
	if (rc < 0)
		return error_set(error, -rc, "no memory to copy what was registered before: %s",
			strerror(-rc));
	return 0;
}

static int pieces_move(const struct range *range, struct memory_maps *maps,
	struct memory_file *file, size_t page_bytes, struct error *error)
{
	uintptr_t first = range->start & ~(page_bytes - 1);
	uintptr_t last = (range->end + page_bytes - 1) & ~(page_bytes - 1);
	bool locked = memory_is_locked();
	struct memory_piece piece;
	int rc = 0;

	memory_maps_rewind(maps);
	while (rc == 0 && memory_maps_next(maps, &piece)) {
		uintptr_t start = piece.start > first ? piece.start : first;
		uintptr_t end = piece.end < last ? piece.end : last;

		if (start >= end || is_adopted(&piece))
			continue;
		if (start == piece.start && maps->stack_end != 0)
			stack_keep(maps, &piece);
		rc = offsets_clear(maps, file, start, end, error);
		if (rc < 0)
			break;
		rc = memory_move_in(&piece, start, end, page_bytes == MEMORY_HUGE_BYTES, file->fd,
			start, error);
		if (rc < 0)
			break;
		growth_forbid(start, end, page_bytes);
		if (locked)
			mlock((void *)start, end - start);
		file->moved_bytes += end - start;
	}
	return rc;
}

static int range_move(const struct range *range, struct memory_maps *maps, struct error *error)
{
	bool huge = range->huge > 0;
	struct memory_file *file = huge ? &memory_adopted.huge : &memory_adopted.small;
	int rc = file_make(file, huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0, error);

	if (rc < 0)
		return rc;
	if (huge && range->first.device != file->device)
		return error_set(error, ENOTSUP,
			"the memory at 0x%lx has huge pages of another size than 2 MiB",
			(unsigned long)range->start);
	rc = memory_fork_watch();
	if (rc < 0)
		return error_set(error, -rc, "pthread_atfork: %s", strerror(-rc));
	rc = pieces_move(
		range, maps, file, huge ? MEMORY_HUGE_BYTES : (size_t)sysconf(_SC_PAGESIZE), error);
	memory_trim(file);
	return rc;
}

static int adopt_locked(struct range *range, struct memory_maps *maps, bool writes, int *ret_fd,
	uint64_t *ret_offset, bool *ret_owned, struct error *error)
{
	int rc = range_look(range, maps, writes, error);

	if (rc < 0)
		return rc;
	*ret_owned = range->foreign > 0;
	*ret_offset = range->start;
	if (range->foreign > 0) {
		*ret_offset = range->first.offset + (range->start - range->first.start);
		return foreign_take(range, ret_fd, error);
	}
	if (range->adopted < range->pieces)
		rc = range_move(range, maps, error);
	*ret_fd = range->huge > 0 ? memory_adopted.huge.fd : memory_adopted.small.fd;
	return rc;
}

int memory_adopt(uintptr_t address, size_t length, bool writes, int *ret_fd, uint64_t *ret_offset,
	bool *ret_owned, struct error *error)
{
	struct range range = {.start = address, .end = address + length};
	struct memory_maps maps;
	int rc;

	if (length == 0)
		return error_set(error, EINVAL, "a region of 0 bytes");
	if (address >= MEMORY_FILE_BYTES || length > MEMORY_FILE_BYTES - address)
		return error_set(error, EFAULT,
			"%zu bytes from 0x%lx on reach over the end of memory", length,
			(unsigned long)address);
	pthread_mutex_lock(&memory_adopted.lock);
	rc = memory_maps_read(&maps, error);
	if (rc == 0) {
		rc = adopt_locked(&range, &maps, writes, ret_fd, ret_offset, ret_owned, error);
		memory_maps_free(&maps);
	}
	pthread_mutex_unlock(&memory_adopted.lock);
	return rc;
}
