/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings of files: tcpdump's names, whole blocks, the beginning in each file, failures told. */
#include <errno.h>
#include <sys/stat.h>

#include "capture/file_ring.h"
#include "scratch.h"

static struct file_ring *open_ring(const char *path, uint64_t file_bytes, uint32_t files)
{
	struct error error = {0};
	struct file_ring *ring = file_ring_open(path, file_bytes, files, &error);

	if (ring == NULL)
		fail_msg("%s", error.message);
	assert_int_equal(file_ring_begin(ring, "HE", 2), 0);
	assert_int_equal(file_ring_begin(ring, "AD", 2), 0);
	return ring;
}

static void write_blocks(struct file_ring *ring, const char *letters)
{
	for (; *letters != '\0'; letters++)
		assert_int_equal(
			file_ring_write(ring, (char[]){*letters, *letters, *letters}, 3), 0);
}

static void check(struct scratch *scratch, const char *name, const char *wanted)
{
	FILE *file = fopen(scratch_path(scratch, name), "rb");
	char found[256] = "";

	if (wanted == NULL) {
		assert_null(file);
		return;
	}
	assert_non_null(file);
	found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(found, wanted);
	unlink(scratch->path);
}

static void test_one_file(void **state)
{
	struct scratch scratch;
	struct file_ring *ring;

	(void)state;
	scratch_begin(&scratch);
	ring = open_ring(scratch_path(&scratch, "f"), 0, 0);
	write_blocks(ring, "abcdefgh");
	assert_int_equal(file_ring_close(ring, NULL), 0);
	check(&scratch, "f", "HEADaaabbbcccdddeeefffggghhh");
	check(&scratch, "f1", NULL);
	rmdir(scratch.directory);
}

static void test_many_files(void **state)
{
	struct scratch scratch;
	struct file_ring *ring;

	(void)state;
	scratch_begin(&scratch);
	ring = open_ring(scratch_path(&scratch, "f"), 10, 0);
	write_blocks(ring, "abcde");
	assert_int_equal(file_ring_close(ring, NULL), 0);
	check(&scratch, "f", "HEADaaabbb");
	check(&scratch, "f1", "HEADcccddd");
	check(&scratch, "f2", "HEADeee");
	rmdir(scratch.directory);
}

static void test_oldest_goes(void **state)
{
	struct scratch scratch;
	struct file_ring *ring;

	(void)state;
	scratch_begin(&scratch);
	ring = open_ring(scratch_path(&scratch, "f"), 7, 11);
	write_blocks(ring, "abcdefghijklm");
	assert_int_equal(file_ring_close(ring, NULL), 0);
	check(&scratch, "f", NULL);
	check(&scratch, "f00", "HEADlll");
	check(&scratch, "f01", "HEADmmm");
	check(&scratch, "f02", "HEADccc");
	check(&scratch, "f10", "HEADkkk");
	for (unsigned i = 3; i < 10; i++) {
		char name[8];

		snprintf(name, sizeof(name), "f%02u", i);
		unlink(scratch_path(&scratch, name));
	}
	assert_int_equal(rmdir(scratch.directory), 0);
}

/* A block longer than a file has one of its own. */
static void test_long_block(void **state)
{
	struct scratch scratch;
	struct file_ring *ring;

	(void)state;
	scratch_begin(&scratch);
	ring = open_ring(scratch_path(&scratch, "f"), 5, 0);
	write_blocks(ring, "ab");
	assert_int_equal(file_ring_close(ring, NULL), 0);
	check(&scratch, "f", "HEADaaa");
	check(&scratch, "f1", "HEADbbb");
	rmdir(scratch.directory);
}

static void test_full_disk(void **state)
{
	struct file_ring *ring = open_ring("/dev/full", 0, 0);
	struct error error = {0};

	(void)state;
	write_blocks(ring, "a");
	assert_int_equal(file_ring_flush(ring), -ENOSPC);
	assert_int_equal(file_ring_write(ring, "bbb", 3), -ENOSPC);
	assert_int_equal(file_ring_close(ring, &error), -ENOSPC);
	assert_non_null(strstr(error.message, "/dev/full"));
}

static void test_no_folder(void **state)
{
	struct error error = {0};

	(void)state;
	assert_null(file_ring_open("/nonexistent/f", 0, 0, &error));
	assert_int_equal(error.code, ENOENT);
	assert_int_equal(file_ring_close(NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_many_files),
		cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_long_block),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
