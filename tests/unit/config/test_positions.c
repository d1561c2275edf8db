/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/positions.h"

static void check(const struct positions *positions, const char *pointer, bool exact, unsigned line,
	unsigned column)
{
	bool found_exact = !exact;
	const struct position *position = positions_find(positions, pointer, &found_exact);

	assert_non_null(position);
	if (position->line != line || position->column != column || found_exact != exact)
		fail_msg("%s: %u:%u, exact %d", pointer, position->line, position->column,
			found_exact);
}

static void test_values(void **state)
{
	static const char text[] =
		" {\n"
		"\t\"a\" : [1, \"x,]}\\\"\", {\"b\":null}],\r\n"
		"  \"m/n~\": -1.5e3, \"\": true,\n"
		"  \"gr\xc3\xb6\xc3\x9f\x65\": \"\xe2\x82\xac\", \"u\\u0041\": {}\n"
		"}";
	struct positions positions;

	(void)state;
	assert_int_equal(positions_init(&positions, text, strlen(text)), 0);
	check(&positions, "", true, 1, 2);
	check(&positions, "/a", true, 2, 8);
	check(&positions, "/a/0", true, 2, 9);
	check(&positions, "/a/1", true, 2, 12);
	check(&positions, "/a/2", true, 2, 22);
	check(&positions, "/a/2/b", true, 2, 27);
	check(&positions, "/m~1n~0", true, 3, 11);
	check(&positions, "/", true, 3, 23);
	check(&positions, "/gr\xc3\xb6\xc3\x9f\x65", true, 4, 12); /* characters, not bytes */
	check(&positions, "/uA", true, 4, 28);
	/* What is not there is near what is around it. */
	check(&positions, "/a/3", false, 2, 8);
	check(&positions, "/a/2/c/d", false, 2, 22);
	check(&positions, "/a/x", false, 2, 8);
	check(&positions, "/zzz", false, 1, 2);
	assert_int_equal(positions_find(&positions, "/a/2/b", NULL)->key_line, 2);
	assert_int_equal(positions_find(&positions, "/a/2/b", NULL)->key_column, 23);
	assert_int_equal(positions.duplicate_count, 0);
	positions_fini(&positions);
}

static void test_duplicates(void **state)
{
	static const char text[] = "{\"a\": 1, \"b\": {\"c\": 1,\n \"\\u0063\": 2}, \"a\": 3}";
	struct positions positions;

	(void)state;
	assert_int_equal(positions_init(&positions, text, strlen(text)), 0);
	assert_int_equal(positions.duplicate_count, 2);
	assert_string_equal(positions.duplicates[0].pointer, "/b/c");
	assert_int_equal(positions.duplicates[0].first.key_column, 16);
	assert_int_equal(positions.duplicates[0].again.key_line, 2);
	assert_int_equal(positions.duplicates[0].again.key_column, 2);
	assert_string_equal(positions.duplicates[1].pointer, "/a");
	check(&positions, "/a", true, 2, 21); /* the last one counts, as for jansson */
	positions_fini(&positions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_duplicates),
	};

	return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}
