/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each allocation of opening, reading and merging fails once: always an error that can be told,
 * never a crash or a leak (sanitizer builds see those). The linker turns the calls here: --wrap.
 */
#include <errno.h>

#include "capture/merge.h"
#include "capture/writer.h"
#include "scratch.h"

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);

/* Allocations until one fails; below 0: none does. */
static int countdown = -1;

static bool fails_now(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

/* Each returns 0, or the -errno of what failed. */

static int merge_files(const void *argument)
{
	const char *const *paths = argument;
	struct error error = {0};
	struct capture_merge *merge = capture_merge_open(paths, &error);
	struct frame frame;
	int result;

	if (merge == NULL)
		return -error.code;
	do {
		result = capture_merge_next(merge, &frame, &error);
	} while (result == 1);
	/* What failed stays failed. */
	assert_int_equal(capture_merge_next(merge, &frame, &error), result);
	capture_merge_close(merge);
	return result;
}

static int read_memory(const void *argument)
{
	const struct craft *craft = argument;
	struct error error = {0};
	struct capture_reader *reader =
		capture_reader_open_memory(craft->bytes, craft->length, &error);
	struct frame frame;
	int result = -error.code;

	if (reader == NULL)
		return result;
	do {
		result = capture_reader_next(reader, &frame, &error);
	} while (result == 1);
	craft_balanced(capture_reader_counts(reader));
	capture_reader_close(reader);
	return result;
}

static int write_file(const void *argument)
{
	const char *path = argument;
	struct error error = {0};
	struct capture_writer *writer = capture_writer_open(path, &error);
	char text[] = "an Ethernet frame";
	struct iovec piece = {text, sizeof(text)};

	if (writer == NULL)
		return -error.code;
	capture_writer_write(writer, 1, &piece, 1);
	return capture_writer_close(writer, &error);
}

static void craft_interfaces(struct craft *craft)
{
	craft_section(craft);
	for (unsigned i = 0; i < 20; i++) {
		craft_interface(craft, 1, 0, -1, 0);
		craft_enhanced(craft, i, i, 14, 14);
	}
}

/* Runs with the first allocation failing, then the second, until none is left to fail. Returns how
 * many there are. */
static int fail_each(int (*run)(const void *), const void *argument)
{
	for (int at = 0;; at++) {
		bool failed;
		int result;

		countdown = at;
		result = run(argument);
		failed = countdown < 0;
		countdown = -1;
		assert_int_equal(result, failed ? -ENOMEM : 0);
		if (!failed)
			return at;
	}
}

static void each_failure_is_told(void **state)
{
	struct scratch scratch;
	struct craft craft = {0};
	char paths[2][128];

	(void)state;
	scratch_begin(&scratch);
	craft_interfaces(&craft);
	strcpy(paths[0], scratch_write(&scratch, "in.pcapng", &craft));
	strcpy(paths[1], scratch_path(&scratch, "out.pcap"));
	/* A reader's own three, its window, and the interfaces growing to 4, 8, 16 and 32. */
	assert_int_equal(fail_each(read_memory, &craft), 3 + 4);
	assert_int_equal(fail_each(merge_files, (const char *const[]){paths[0], paths[0], NULL}),
		3 + 2 * (3 + 1 + 4));
	assert_int_equal(fail_each(write_file, paths[1]), 3);
	craft_end(&craft);
	scratch_end(&scratch, (const char *const[]){"in.pcapng", "out.pcap", NULL});
}

/* A file with more interfaces than anybody has takes little memory, and ends. */
static void interfaces_are_bounded(void **state)
{
	struct craft craft = {0};
	struct capture_reader *reader;
	struct frame frame;

	(void)state;
	craft_section(&craft);
	for (unsigned i = 0; i < 65537; i++) {
		size_t start = craft_block(&craft, 1);

		craft_32(&craft, 1);
		craft_32(&craft, 0);
		craft_block_end(&craft, start);
		if (i == 65535)
			craft_enhanced(&craft, 65535, 1, 14, 14);
	}
	craft_enhanced(&craft, 0, 1, 14, 14);
	reader = craft_open(&craft);
	assert_int_equal(capture_reader_next(reader, &frame, NULL), 1);
	assert_int_equal(craft_at_end(reader).skipped[SKIP_damaged], 1);
	capture_reader_close(reader);
	craft_end(&craft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_is_told),
		cmocka_unit_test(interfaces_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
