/* SPDX-License-Identifier: BSD-3-Clause */
/* "captures": what is read, what is written again, and mistakes. */
#include "load_text.h"

static const char good[] = "{" TWO_PORTS ", " A_TO_B
			   ", \"captures\": [{\"at\": [\"rx\", \"tx\"], \"file\": \"f.pcapng\"},"
			   "{\"at\": \"drop\", \"file\": \"d\", \"filter\": \"tcp port 21\", "
			   "\"snap\": 96, \"packets\": 7,"
			   " \"file_size\": \"64MiB\", \"files\": 3}]}";

static void check_first(const struct config_capture *capture)
{
	assert_string_equal(capture->at[0], "rx");
	assert_string_equal(capture->at[1], "tx");
	assert_null(capture->at[2]);
	assert_string_equal(capture->file, "f.pcapng");
	assert_null(capture->filter);
	assert_int_equal(capture->snap_bytes, 0);
	assert_int_equal(capture->packets, 0);
	assert_int_equal(capture->file_bytes, 0);
	assert_int_equal(capture->files, 0);
}

static void check_second(const struct config_capture *capture)
{
	assert_string_equal(capture->at[0], "drop");
	assert_null(capture->at[1]);
	assert_string_equal(capture->filter, "tcp port 21");
	assert_int_equal(capture->snap_bytes, 96);
	assert_int_equal(capture->packets, 7);
	assert_int_equal(capture->file_bytes, 64 << 20);
	assert_int_equal(capture->files, 3);
}

static void check_both(const struct config *config)
{
	assert_int_equal(config->capture_count, 2);
	check_first(&config->captures[0]);
	check_second(&config->captures[1]);
}

static void test_read_and_written(void **state)
{
	struct config *config = load_good(good), *again;
	char *text;

	(void)state;
	check_both(config);
	text = config_to_json(config);
	again = load_good(text);
	check_both(again);
	free(text);
	config_destroy(again);
	config_destroy(config);
}

static void test_none(void **state)
{
	struct config *config = load_good("{" TWO_PORTS ", " A_TO_B "}");

	(void)state;
	assert_int_equal(config->capture_count, 0);
	config_destroy(config);
}

static void expect_problem(const char *text, const char *part)
{
	char *printed = load_text(text, NULL);

	if (strstr(printed, part) == NULL)
		fail_msg("expected %s in: %s", part, printed);
	free(printed);
}

static void test_mistakes(void **state)
{
	(void)state;
	expect_problem("{" TWO_PORTS ", " A_TO_B ", \"captures\": [{\"file\": \"f\"}]}", "\"at\"");
	expect_problem("{" TWO_PORTS ", " A_TO_B ", \"captures\": [{\"at\": [], \"file\": \"f\"}]}",
		"/captures/0/at");
	expect_problem("{" TWO_PORTS ", " A_TO_B ", \"captures\": {\"at\": \"rx\"}}", "/captures");
	expect_problem("{" TWO_PORTS ", " A_TO_B
		       ", \"captures\": [{\"at\": \"rx\", \"file\": \"f\", \"snap\": 3}]}",
		"/captures/0/snap");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_and_written),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
