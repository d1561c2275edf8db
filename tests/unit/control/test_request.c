/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/control.h"

static int calls;

/* "echo" answers with the request, "fail" with an error, "mute" fails without a word, "none"
 * succeeds without a result, "huge" answers with more than a reply may hold. */
static int answer(void *arg, const json_t *request, json_t **ret_result, struct error *error)
{
	const char *command = json_string_value(json_object_get(request, "command"));

	assert_ptr_equal(arg, &calls);
	calls++;
	if (strcmp(command, "fail") == 0)
		return error_set(error, EINVAL, "it failed:\n\"so\" it is");
	if (strcmp(command, "mute") == 0)
		return -ENOMEM;
	if (strcmp(command, "bytes") == 0)
		return error_set(error, EINVAL, "\xff\xfe");
	if (strcmp(command, "none") == 0)
		return 0;
	if (strcmp(command, "huge") == 0) {
		*ret_result = json_array();
		for (int i = 0; i < 3000000; i++)
			json_array_append_new(*ret_result, json_integer(100));
		return 0;
	}
	*ret_result = json_deep_copy(request);
	return 0;
}

static void expect_length(const char *text, size_t length, const char *reply)
{
	size_t reply_length = 0;
	char *line = control_handle(text, length, answer, &calls, &reply_length);

	assert_non_null(line);
	assert_int_equal(strlen(line), reply_length);
	assert_int_equal(line[reply_length - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + reply_length - 1);
	if (strncmp(line, reply, strlen(reply)) != 0)
		fail_msg("%.*s answered with %s", (int)(length > 80 ? 80 : length), text, line);
	free(line);
}

static void expect(const char *text, const char *reply)
{
	expect_length(text, strlen(text), reply);
}

static void answers(void **state)
{
	(void)state;
	calls = 0;
	expect("{\"command\":\"echo\", \"x\" : [1, 2.5]}",
		"{\"ok\":true,\"result\":{\"command\":\"echo\",\"x\":[1,2.5]}}\n");
	expect("{\"command\":\"none\"}\r", "{\"ok\":true,\"result\":null}\n");
	expect("{\"command\":\"fail\"}",
		"{\"ok\":false,\"error\":\"it failed:\\n\\\"so\\\" it is\"}\n");
	expect("{\"command\":\"mute\"}", "{\"ok\":false,\"error\":\"Cannot allocate memory\"}\n");
	expect("{\"command\":\"bytes\"}",
		"{\"ok\":false,\"error\":\"the request is not valid UTF-8\"}\n");
	expect("{\"command\":\"huge\"}", "{\"ok\":false,\"error\":\"the answer is too long");
	assert_int_equal(calls, 6);
}

static void refuses(void **state)
{
	static const char *const hostile[] = {"", " ", "x", "{", "{}", "[]", "null", "\"command\"",
		"{\"command\":1}", "{\"command\":null}", "{\"command\":[\"echo\"]}",
		"{\"command\":\"echo\",\"command\":\"echo\"}", "{\"command\":\"echo\"} {}",
		"{\"command\":\"\xff\"}", "{\"command\":\"a\\u0000b\"}", "{\"\xc3\x28\":1}",
		"{\"command\":\"echo\",\"n\":1e999}", "{\"command\":\"\\ud800\"}"};

	(void)state;
	calls = 0;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		expect(hostile[i], "{\"ok\":false,\"error\":\"");
	expect_length("{\"command\":\"echo\"}\0", 19, "{\"ok\":false");
	expect_length("\0\0\0", 3, "{\"ok\":false");
	assert_int_equal(calls, 0);
}

static void refuses_too_much(void **state)
{
	size_t length = CONTROL_REQUEST_MAX_BYTES + 1;
	char *text = malloc(length);

	(void)state;
	assert_non_null(text);
	memset(text, '[', length);
	calls = 0;
	expect_length(
		text, length, "{\"ok\":false,\"error\":\"the request is longer than 65536 bytes");
	expect_length(text, length - 1, "{\"ok\":false,\"error\":\"not a line of JSON");
	memset(text, ' ', length);
	memcpy(text, "{\"command\":\"none\"}", 18);
	expect_length(text, length - 1, "{\"ok\":true");
	assert_int_equal(calls, 1);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_too_much),
	};

	return cmocka_run_group_tests_name("control/request", tests, NULL, NULL);
}
