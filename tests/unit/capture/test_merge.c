/* SPDX-License-Identifier: BSD-3-Clause */
/* Several files as one: by time, stable, with exact counts wherever it stops. */
#include <errno.h>

#include "capture/merge.h"
#include "scratch.h"

/* The file and the place in it stand in the frame's first bytes. */
static void craft_stamped(struct craft *craft, uint32_t seconds, uint8_t file, uint8_t place)
{
	uint8_t bytes[20] = {file, place};

	craft_pcap_record(craft, seconds, 0, sizeof(bytes), sizeof(bytes) + place % 2);
	craft_raw(craft, bytes, sizeof(bytes));
}

static struct capture_merge *open_merge(const char *const *paths)
{
	struct error error = {0};
	struct capture_merge *merge = capture_merge_open(paths, &error);

	if (merge == NULL)
		fail_msg("%s", error.message);
	return merge;
}

static struct capture_counts counts_of(const struct capture_merge *merge)
{
	struct capture_counts counts;

	capture_merge_counts(merge, &counts);
	craft_balanced(&counts);
	return counts;
}

/* Times of three files; 0 ends. The first goes back once: its order is kept all the same. */
static const uint32_t times[3][6] = {{1, 5, 2, 9}, {5, 5, 6}, {1, 1, 9, 10}};
static const uint8_t expected[][2] = {
	{0, 0}, {2, 0}, {2, 1}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {2, 2}, {2, 3}};
enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };

static void orders_by_time_and_then_by_file(void **state)
{
	struct scratch scratch;
	char paths[3][128];
	const char *names[] = {"a", "b", "c", NULL};
	struct capture_merge *merge;
	struct error error = {0};
	struct frame frame;

	(void)state;
	scratch_begin(&scratch);
	for (unsigned file = 0; file < 3; file++) {
		struct craft craft = {.big_endian = file == 1};

		craft_pcap(&craft, 0xa1b2c3d4, 1);
		for (uint8_t i = 0; times[file][i] != 0; i++)
			craft_stamped(&craft, times[file][i], (uint8_t)file, i);
		craft_raw(&craft, "cut", file); /* the second and the third */
		strcpy(paths[file], scratch_write(&scratch, names[file], &craft));
		craft_end(&craft);
	}
	merge = open_merge((const char *const[]){paths[0], paths[1], paths[2], NULL});
	assert_string_equal(capture_merge_format(merge), "3 files");
	for (int round = 0; round < 2; round++) {
		assert_int_equal(counts_of(merge).read, 0);
		uint64_t snapped = 0;

		for (unsigned i = 0; i < EXPECTED; i++) {
			assert_int_equal(capture_merge_next(merge, &frame, &error), 1);
			assert_int_equal(frame.bytes[0], expected[i][0]);
			assert_int_equal(frame.bytes[1], expected[i][1]);
			snapped += frame.original_length > frame.length;
			assert_int_equal(counts_of(merge).snapped, snapped);
			assert_int_equal(counts_of(merge).frames, i + 1);
			assert_int_equal(counts_of(merge).bytes, (i + 1) * 20);
		}
		assert_int_equal(capture_merge_next(merge, &frame, &error), 0);
		assert_int_equal(capture_merge_next(merge, &frame, &error), 0);
		assert_int_equal(counts_of(merge).read, EXPECTED + 2);
		assert_int_equal(counts_of(merge).skipped[SKIP_damaged], 2);
		assert_int_equal(counts_of(merge).snapped, 5);
		assert_int_equal(counts_of(merge).time_backwards, 1);
		assert_int_equal(capture_merge_rewind(merge, &error), 0);
	}
	capture_merge_close(merge);
	scratch_end(&scratch, names);
}

/* Against the plain way: of all files' next frames, the first of the oldest. */
static void agrees_with_a_plain_search(void **state)
{
	enum { FILES = 13, RECORDS = 60 };
	uint64_t seed = seed_choose();
	struct scratch scratch;
	static uint32_t when[FILES][RECORDS];
	static char paths[FILES][128], names[FILES][8];
	const char *path_list[FILES + 1] = {NULL}, *name_list[FILES + 1] = {NULL};
	unsigned lengths[FILES], taken[FILES] = {0};
	struct capture_merge *merge;
	struct frame frame;

	(void)state;
	scratch_begin(&scratch);
	for (unsigned file = 0; file < FILES; file++) {
		struct craft craft = {0};

		craft_pcap(&craft, 0xa1b2c3d4, 1);
		lengths[file] = seed_draw(&seed, RECORDS); /* some are empty */
		for (unsigned i = 0; i < lengths[file]; i++) {
			when[file][i] = 10 + i / 2 + seed_draw(&seed, 3);
			craft_stamped(&craft, when[file][i], (uint8_t)file, (uint8_t)i);
		}
		snprintf(names[file], sizeof(names[file]), "%u", file);
		strcpy(paths[file], scratch_write(&scratch, names[file], &craft));
		path_list[file] = paths[file];
		name_list[file] = names[file];
		craft_end(&craft);
	}
	merge = open_merge(path_list);
	while (capture_merge_next(merge, &frame, NULL) == 1) {
		unsigned oldest = FILES;

		for (unsigned file = 0; file < FILES; file++) {
			if (taken[file] < lengths[file] &&
				(oldest == FILES ||
					when[file][taken[file]] < when[oldest][taken[oldest]]))
				oldest = file;
		}
		if (oldest == FILES) {
			fail_msg("more frames than the files have");
			break; /* not reached: for who does not know fail_msg() */
		}
		assert_int_equal(frame.bytes[0], oldest);
		assert_int_equal(frame.bytes[1], taken[oldest]);
		taken[oldest]++;
	}
	assert_memory_equal(taken, lengths, sizeof(lengths));
	capture_merge_close(merge);
	scratch_end(&scratch, name_list);
}

static void names_the_file_that_is_at_fault(void **state)
{
	struct scratch scratch;
	struct craft craft = {0};
	struct error error = {0};
	const char *path;

	(void)state;
	scratch_begin(&scratch);
	craft_pcap(&craft, 0xa1b2c3d4, 1);
	path = scratch_write(&scratch, "good", &craft);
	assert_null(capture_merge_open((const char *const[]){path, "/nowhere", NULL}, &error));
	assert_int_equal(error.code, ENOENT);
	assert_non_null(strstr(error.message, "/nowhere"));
	assert_null(capture_merge_close(NULL));
	craft_end(&craft);
	scratch_end(&scratch, (const char *const[]){"good", NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_by_time_and_then_by_file),
		cmocka_unit_test(agrees_with_a_plain_search),
		cmocka_unit_test(names_the_file_that_is_at_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
