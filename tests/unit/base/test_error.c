/* SPDX-License-Identifier: BSD-3-Clause */
/* What struct error promises: the code comes back negated, messages never overflow, NULL is fine.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void set_fills_code_and_message(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(error_set(&error, ENOENT, "port %s: %d queues", "wan", 4), -ENOENT);
	assert_int_equal(error.code, ENOENT);
	assert_string_equal(error.message, "port wan: 4 queues");
}

static void null_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, EINVAL, "nobody listens"), -EINVAL);
	assert_true(error_prefix(NULL, "still nobody") < 0);
}

static void prefix_goes_in_front_and_keeps_the_code(void **state)
{
	struct error error = {0};

	(void)state;
	error_set(&error, EBUSY, "device is in use");
	assert_int_equal(error_prefix(&error, "port %s", "lan"), -EBUSY);
	assert_int_equal(error_prefix(&error, "engine"), -EBUSY);
	assert_int_equal(error.code, EBUSY);
	assert_string_equal(error.message, "engine: port lan: device is in use");
}

/* Whatever the lengths, the message stays inside its array and ends with a NUL. */
static void long_messages_are_cut(void **state)
{
	struct {
		struct error error;
		unsigned char guard[64];
	} box;
	char text[3000];

	(void)state;
	for (size_t length = 0; length < sizeof(text); length += 37) {
		memset(&box, 0xa5, sizeof(box));
		memset(text, 'x', sizeof(text));
		text[length] = '\0';
		error_set(&box.error, E2BIG, "%s", text);
		assert_non_null(memchr(box.error.message, 0, sizeof(box.error.message)));
		assert_int_equal(error_prefix(&box.error, "%s", text), -E2BIG);
		assert_non_null(memchr(box.error.message, 0, sizeof(box.error.message)));
		for (size_t i = 0; i < sizeof(box.guard); i++)
			assert_int_equal(box.guard[i], 0xa5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_fills_code_and_message),
		cmocka_unit_test(null_is_allowed),
		cmocka_unit_test(prefix_goes_in_front_and_keeps_the_code),
		cmocka_unit_test(long_messages_are_cut),
	};

	return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
