/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

static int memfd(size_t bytes, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	if (seals != 0)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int map(int fd, uint64_t offset, uint64_t bytes, bool writable)
{
	struct verbs_mapping mapping;
	struct error error = {0};
	int rc = verbs_map(&mapping, fd, offset, bytes, writable, &error);

	if (rc < 0) {
		assert_null(mapping.base);
		assert_int_equal(error.code, -rc);
		assert_true(error.message[0] != '\0');
	} else {
		assert_int_equal(mapping.bytes, bytes);
	}
	verbs_unmap(&mapping);
	assert_null(mapping.map);
	return rc;
}

static void test_sealed_memory_is_mapped_where_it_was_asked_for(void **state)
{
	int fd = memfd(20000, F_SEAL_SHRINK);
	struct verbs_mapping mapping;
	struct error error;

	(void)state;
	assert_int_equal(pwrite(fd, "weir", 4, 5001), 4);
	assert_int_equal(verbs_map(&mapping, fd, 5001, 100, true, &error), 0);
	assert_memory_equal(mapping.base, "weir", 4);
	mapping.base[0] = 'W';
	verbs_unmap(&mapping);
	verbs_unmap(&mapping);
	assert_int_equal(map(fd, 0, 20000, true), 0);
	assert_int_equal(map(fd, 19999, 1, false), 0);
	close(fd);
}

static void test_what_can_be_taken_away_is_not(void **state)
{
	int open_memory = memfd(8192, 0), grows = memfd(8192, F_SEAL_GROW), pipes[2];

	(void)state;
	assert_int_equal(map(open_memory, 0, 4096, true), -EPERM);
	assert_int_equal(map(grows, 0, 4096, true), -EPERM);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(map(pipes[0], 0, 4096, true), -EINVAL);
	assert_int_equal(map(-1, 0, 4096, true), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(open_memory);
	close(grows);
}

static void test_ranges_are_checked(void **state)
{
	int fd = memfd(8192, F_SEAL_SHRINK);

	(void)state;
	assert_int_equal(map(fd, 0, 8193, true), -EINVAL);
	assert_int_equal(map(fd, 1, 8192, true), -EINVAL);
	assert_int_equal(map(fd, 8192, 1, true), -EINVAL);
	assert_int_equal(map(fd, UINT64_MAX, 2, true), -EINVAL);
	assert_int_equal(map(fd, UINT64_MAX - 4095, 8192, true), -EINVAL);
	assert_int_equal(map(fd, 4096, UINT64_MAX, true), -EINVAL);
	assert_int_equal(map(fd, 0, 0, true), -EINVAL);
	close(fd);
}

static void test_a_seal_against_writing_is_said(void **state)
{
	int fd = memfd(8192, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);

	(void)state;
	assert_int_equal(map(fd, 0, 8192, true), -EPERM);
	assert_int_equal(map(fd, 0, 8192, false), 0);
	close(fd);
}

static void test_made_memory_is_sealed(void **state)
{
	struct verbs_mapping mapping;
	struct error error;
	int fd = verbs_memory_create("made", 5000, false, &mapping, &error);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(mapping.bytes, 8192);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(map(fd, 0, 8192, true), 0);
	assert_false(verbs_file_is_huge(fd));
	verbs_unmap(&mapping);
	close(fd);
	assert_int_equal(verbs_memory_create("none", 0, false, &mapping, &error), -EINVAL);
	assert_true(verbs_memory_create("much", SIZE_MAX, false, &mapping, &error) < 0);
}

static void test_huge_pages(void **state)
{
	struct verbs_mapping mapping, part;
	struct error error;
	int fd = verbs_memory_create("huge", 3 << 20, true, &mapping, &error);

	(void)state;
	if (fd < 0)
		skip(); /* none are free here */
	assert_true(verbs_file_is_huge(fd));
	assert_int_equal(mapping.bytes % (2 << 20), 0);
	memcpy(mapping.base + (2 << 20) + 12345, "weir", 4);
	assert_int_equal(verbs_map(&part, fd, (2 << 20) + 12345, 100, true, &error), 0);
	assert_memory_equal(part.base, "weir", 4);
	verbs_unmap(&part);
	verbs_unmap(&mapping);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_memory_is_mapped_where_it_was_asked_for),
		cmocka_unit_test(test_what_can_be_taken_away_is_not),
		cmocka_unit_test(test_ranges_are_checked),
		cmocka_unit_test(test_a_seal_against_writing_is_said),
		cmocka_unit_test(test_made_memory_is_sealed),
		cmocka_unit_test(test_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
