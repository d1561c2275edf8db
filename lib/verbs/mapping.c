/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Bytes of a page of the file: 0: it cannot be told. */
static uint64_t file_page_bytes(int fd)
{
	struct statfs system;

	if (fstatfs(fd, &system) < 0)
		return 0;
	if ((unsigned long)system.f_type == HUGETLBFS_MAGIC)
		return (uint64_t)system.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

bool verbs_file_is_huge(int fd)
{
	struct statfs system;

	return fstatfs(fd, &system) == 0 && (unsigned long)system.f_type == HUGETLBFS_MAGIC;
}

/* 0 when nobody can take the file's bytes away from under a mapping. */
static int seals_check(int fd, bool writable, struct error *error)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return error_set(error, EINVAL,
			"shared memory has to be a memfd: this descriptor is of something else");
	if ((seals & F_SEAL_SHRINK) == 0)
		return error_set(error, EPERM,
			"the memfd can be made shorter while it is in use: "
			"seal it with fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)");
	if (writable && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0)
		return error_set(error, EPERM, "the memfd is sealed against being written");
	return 0;
}

static int range_check(int fd, uint64_t offset, uint64_t bytes, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set(error, errno, "fstat: %s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(error, EINVAL, "shared memory has to be a memfd");
	if (bytes == 0)
		return error_set(error, EINVAL, "an empty range cannot be shared");
	if (offset > (uint64_t)status.st_size || bytes > (uint64_t)status.st_size - offset)
		return error_set(error, EINVAL,
			"%llu bytes from %llu on reach over the end of the memfd, which has %llu",
			(unsigned long long)bytes, (unsigned long long)offset,
			(unsigned long long)status.st_size);
	return 0;
}

int verbs_map(struct verbs_mapping *mapping, int fd, uint64_t offset, uint64_t bytes, bool writable,
	struct error *error)
{
	int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	uint64_t page_bytes, skipped;
	int rc;

	*mapping = (struct verbs_mapping){0};
	rc = seals_check(fd, writable, error);
	if (rc == 0)
		/* After the seals: what is long enough now stays so. */
		rc = range_check(fd, offset, bytes, error);
	if (rc < 0)
		return rc;
	page_bytes = file_page_bytes(fd);
	if (page_bytes == 0)
		return error_set(error, EINVAL, "fstatfs: %s", strerror(errno));
	skipped = offset & (page_bytes - 1);
	/* No overflow: both are bounded by a file's size, which is signed. */
	mapping->map_bytes = (skipped + bytes + page_bytes - 1) & ~(page_bytes - 1);
	mapping->map = mmap(
		NULL, mapping->map_bytes, protection, MAP_SHARED, fd, (off_t)(offset - skipped));
	if (mapping->map == MAP_FAILED) {
		rc = errno;
		*mapping = (struct verbs_mapping){0};
		return error_set(error, rc == EAGAIN ? ENOMEM : rc,
			"cannot map %llu bytes of a memfd: %s", (unsigned long long)bytes,
			strerror(rc));
	}
	mapping->base = (uint8_t *)mapping->map + skipped;
	mapping->bytes = bytes;
	return 0;
}

void verbs_unmap(struct verbs_mapping *mapping)
{
	if (mapping->map != NULL)
		munmap(mapping->map, mapping->map_bytes);
	*mapping = (struct verbs_mapping){0};
}

int verbs_memory_create(const char *name, size_t bytes, bool huge, struct verbs_mapping *mapping,
	struct error *error)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB : 0));
	uint64_t page_bytes;
	int rc;

	*mapping = (struct verbs_mapping){0};
	if (fd < 0)
		return error_set(error, errno, "memfd_create: %s", strerror(errno));
	page_bytes = file_page_bytes(fd);
	if (bytes == 0 || page_bytes == 0 || bytes > INT64_MAX - page_bytes) {
		rc = error_set(error, EINVAL, "no memory of %zu bytes can be made", bytes);
		goto close_fd;
	}
	bytes = (bytes + page_bytes - 1) & ~(page_bytes - 1);
	if (ftruncate(fd, (off_t)bytes) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		rc = error_set(error, errno, "cannot make %zu bytes of shared memory: %s", bytes,
			strerror(errno));
		goto close_fd;
	}
	rc = verbs_map(mapping, fd, 0, bytes, true, error);
	if (rc == 0)
		return fd;
close_fd:
	close(fd);
	return rc;
}
