/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each allocation of loading, writing and describing a configuration fails once. Every time the
 * call has to say so and free all the rest (LeakSanitizer tells, in a build with it).
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "load_text.h"

enum { SCHEMA_STEP = 31 };

static long allocations_left = -1; /* the one after so many fails; -1: none does */
static bool failed;

static bool fails(void)
{
	if (allocations_left < 0)
		return false;
	if (allocations_left-- > 0)
		return false;
	failed = true; /* from here on allocations succeed again: what follows has to notice */
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_asprintf(char **ret_text, const char *format, ...);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	char *copy = __wrap_malloc(strlen(text) + 1);

	return copy == NULL ? NULL : strcpy(copy, text);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments)
{
	return fails() ? -1 : __real_vasprintf(ret_text, format, arguments);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int ret;

	va_start(arguments, format);
	ret = __wrap_vasprintf(ret_text, format, arguments);
	va_end(arguments);
	return ret;
}

static const char good[] =
	"{\"ports\": {\"s\": {\"replay\": {\"files\": [\"a\", \"b\"]}}, \"g\": {\"generate\": "
	"{\"size\": "
	"\"64-100\"}}, \"d\": {\"device\": \"net_null0\"}, \"f\": {\"file\": \"x\"}},"
	"\"pipelines\": [{\"from\": \"s\", \"to\": \"d\", \"stages\": [\"mac\", {\"type\": "
	"\"drop\"}]},"
	"{\"from\": \"g\", \"to\": \"f\"}], \"memory\": {\"eal_args\": [\"-v\"]},"
	"\"stats\": {\"json_lines\": \"y\"}, \"control\": {\"socket\": \"z\"}}";
static const char bad[] =
	"{\"ports\": {\"a\": {\"device\": \"x\", \"quues\": 1, \"mtu\": 1, \"mtu\": 2}, \"b\": 5},"
	"\"pipelines\": [{\"from\": \"c\", \"to\": \"b\"}, {\"stages\": [\"mca\"]}], \"stats\": 7}";

/* jansson's parser takes a string it has no memory for as a wrong token, and says so. */
static bool is_syntax_error(const struct config_problems *problems)
{
	return problems->count == 1 && strstr(problems->list[0].message, "not valid JSON") != NULL;
}

/* One try; returns whether an allocation failed in it. */
static bool load_once(const char *text, int expected, long countdown)
{
	struct config_problems problems;
	struct config *config;
	int ret;

	failed = false;
	allocations_left = countdown;
	ret = config_load_text(text, strlen(text), &config, &problems);
	allocations_left = -1;
	if (ret != (failed ? -ENOMEM : expected) && !(failed && is_syntax_error(&problems)))
		fail_msg("allocation %ld: result %d", countdown, ret);
	assert_int_equal(config != NULL, ret == 0);
	config_destroy(config);
	config_problems_fini(&problems);
	return failed;
}

static void check_load(const char *text, int expected)
{
	long count = 0;

	while (load_once(text, expected, count))
		count++;
	print_message("%ld allocations\n", count);
	assert_true(count > 20);
}

static void test_load_good(void **state)
{
	(void)state;
	check_load(good, 0);
}

static void test_load_bad(void **state)
{
	(void)state;
	check_load(bad, -EINVAL);
}

static void test_to_json(void **state)
{
	struct config *config = load_good(good);
	long count = -1;
	char *text;

	(void)state;
	do {
		failed = false;
		allocations_left = ++count;
		text = config_to_json(config);
		allocations_left = -1;
		if ((text == NULL) != failed)
			fail_msg("allocation %ld: text %p", count, (void *)text);
		free(text);
	} while (failed);
	assert_true(count > 20);
	config_destroy(config);
}

/*
 * A schema is a few shapes thousands of times over: every so many allocations, from a random one
 * on, is each shape often enough; each one would take the square of their number.
 */
static void test_schema(void **state)
{
	const char *given = getenv("WEIR_SEED");
	unsigned long seed = given != NULL ? strtoul(given, NULL, 0) : (unsigned long)time(NULL);
	long count = (long)(seed % SCHEMA_STEP), tries = 0;
	char *text;

	(void)state;
	print_message("WEIR_SEED=%lu\n", seed);
	do {
		failed = false;
		allocations_left = count;
		text = config_schema();
		allocations_left = -1;
		if ((text == NULL) != failed)
			fail_msg("allocation %ld: text %p", count, (void *)text);
		free(text);
		count += SCHEMA_STEP;
		tries++;
	} while (failed);
	assert_true(tries > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load_good),
		cmocka_unit_test(test_load_bad),
		cmocka_unit_test(test_to_json),
		cmocka_unit_test(test_schema),
	};

	json_set_alloc_funcs(__wrap_malloc, free);
	return cmocka_run_group_tests_name("out of memory", tests, NULL, NULL);
}
