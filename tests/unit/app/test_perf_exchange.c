/* SPDX-License-Identifier: BSD-3-Clause */
/* The two sides agree, or say why they can not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "perf_exchange.h"

static int ends[2];

static int set_up(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int tear_down(void **state)
{
	(void)state;
	close(ends[0]);
	return ends[1] >= 0 ? close(ends[1]) : 0;
}

static void same_version(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(
		perf_exchange_send(ends[1], PERF_HELLO, WEIR_VERSION, strlen(WEIR_VERSION), NULL),
		0);
	assert_int_equal(perf_exchange_hello(ends[0], &error), 0);
}

static void other_version(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(perf_exchange_send(ends[1], PERF_HELLO, "9.9.9", 5, NULL), 0);
	assert_int_equal(perf_exchange_hello(ends[0], &error), -EPROTO);
	assert_non_null(strstr(error.message, "9.9.9"));
	assert_non_null(strstr(error.message, WEIR_VERSION));
}

static void somebody_else(void **state)
{
	struct error error = {0};

	(void)state;
	assert_int_equal(write(ends[1], "HTTP/1.1 400 Bad\r\n", 18), 18);
	assert_int_equal(perf_exchange_hello(ends[0], &error), -EPROTO);
	assert_non_null(strstr(error.message, "no `weir perf`"));
}

static void left(void **state)
{
	struct error error = {0};
	uint64_t number;

	(void)state;
	close(ends[1]);
	ends[1] = -1;
	assert_true(perf_exchange_waits(ends[0]));
	assert_true(perf_exchange_receive(ends[0], PERF_SENT, &number, sizeof(number), &error) < 0);
	assert_non_null(strstr(error.message, "left"));
}

static void of_another_size(void **state)
{
	struct error error = {0};
	uint64_t number = 0;

	(void)state;
	assert_false(perf_exchange_waits(ends[0]));
	perf_exchange_send(ends[1], PERF_SENT, "abc", 3, NULL);
	assert_true(perf_exchange_waits(ends[0]));
	assert_int_equal(perf_exchange_receive(ends[0], PERF_SENT, &number, sizeof(number), &error),
		-EPROTO);
	assert_int_equal(number, 0);
}

/* After a run what belonged to it is forgotten, however it ended. */
static void over(void **state)
{
	struct error error = {.code = EIO, .message = "it broke"};
	uint64_t number = 5;

	(void)state;
	perf_exchange_send(ends[1], PERF_SENT, &number, sizeof(number), NULL);
	perf_exchange_fail(ends[1], &error);
	perf_exchange_send(ends[1], PERF_OVER, NULL, 0, NULL);
	perf_exchange_send(ends[1], PERF_END, NULL, 0, NULL);
	assert_int_equal(perf_exchange_over(ends[0], &error), 0);
	assert_int_equal(perf_exchange_receive(ends[0], PERF_END, NULL, 0, &error), 0);
}

/* What the other side said is not told to it again. */
static void no_echo(void **state)
{
	struct error error = {.code = EREMOTEIO, .message = "the other side: it broke"};

	(void)state;
	perf_exchange_fail(ends[0], &error);
	assert_false(perf_exchange_waits(ends[1]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_version),
		TEST(other_version),
		TEST(somebody_else),
		TEST(left),
		TEST(of_another_size),
		TEST(over),
		TEST(no_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
