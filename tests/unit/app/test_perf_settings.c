/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client of `weir perf` may ask a server for: nothing that does not fit its arrays. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "perf_pair.h"

static const struct perf_settings good = {.measure = PERF_BANDWIDTH,
	.bytes = 64,
	.iterations = 5000,
	.qps = 1,
	.tx_depth = 128,
	.rx_depth = 512,
	.post_list = 1,
	.cq_mod = 100};

static void usual(void **state)
{
	struct error error = {0};
	struct perf_settings most = good;

	(void)state;
	assert_int_equal(perf_settings_check(&good, &error), 0);
	most.tx_depth = most.rx_depth = most.cq_mod = 16384;
	most.post_list = most.qps = 1024;
	assert_int_equal(perf_settings_check(&most, &error), 0);
}

/* Each value out of its range is refused, by its name. */
static void too_much(void **state)
{
	static const struct {
		const char *name;
		size_t offset;
		uint32_t value;
	} cases[] = {
		{"measure", offsetof(struct perf_settings, measure), 2},
		{"verb", offsetof(struct perf_settings, verb), PERF_RAW},
		{"transport", offsetof(struct perf_settings, transport), PERF_TRANSPORTS},
		{"connection", offsetof(struct perf_settings, connection), PERF_CONNECTIONS},
		{"qps", offsetof(struct perf_settings, qps), 0},
		{"qps", offsetof(struct perf_settings, qps), 1025},
		{"tx_depth", offsetof(struct perf_settings, tx_depth), 0},
		{"tx_depth", offsetof(struct perf_settings, tx_depth), 16385},
		{"rx_depth", offsetof(struct perf_settings, rx_depth), 0},
		{"rx_depth", offsetof(struct perf_settings, rx_depth), UINT32_MAX},
		{"post_list", offsetof(struct perf_settings, post_list), 0},
		{"post_list", offsetof(struct perf_settings, post_list), 129},
		{"post_list", offsetof(struct perf_settings, post_list), UINT32_MAX},
		{"cq_mod", offsetof(struct perf_settings, cq_mod), 0},
		{"cq_mod", offsetof(struct perf_settings, cq_mod), 129},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct perf_settings settings = good;
		struct error error = {0};

		memcpy((char *)&settings + cases[i].offset, &cases[i].value, sizeof(uint32_t));
		assert_int_equal(perf_settings_check(&settings, &error), -EPROTO);
		assert_non_null(strstr(error.message, cases[i].name));
	}
}

/* A list is an array of 1024, however deep the queue is. */
static void longest_list(void **state)
{
	struct perf_settings settings = good;
	struct error error = {0};

	(void)state;
	settings.tx_depth = 16384;
	settings.post_list = 1025;
	assert_int_equal(perf_settings_check(&settings, &error), -EPROTO);
	assert_non_null(strstr(error.message, "post_list of 1025"));
}

static void not_there(void **state)
{
	struct perf_settings settings = good;
	struct error error = {0};

	(void)state;
	settings.transport = PERF_TCP;
	settings.bytes = 0;
	assert_int_equal(perf_settings_check(&settings, &error), -EPROTO);
	assert_non_null(strstr(error.message, "empty"));
	settings.bytes = PERF_BYTES_MAX + 1;
	assert_int_equal(perf_settings_check(&settings, &error), -EPROTO);
	assert_non_null(strstr(error.message, "bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual),
		cmocka_unit_test(too_much),
		cmocka_unit_test(longest_list),
		cmocka_unit_test(not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
