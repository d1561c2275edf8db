/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/nearest.h"

static const char *const names[] = {
	"queues", "rss", "features", "rx_descriptors", "tx_descriptors", "mtu", NULL};

static void test_slips(void **state)
{
	(void)state;
	assert_string_equal(config_nearest("quues", names), "queues"); /* left out */
	assert_string_equal(config_nearest("queuess", names), "queues"); /* one more */
	assert_string_equal(config_nearest("queuse", names), "queues"); /* swapped */
	assert_string_equal(config_nearest("MTU", names), "mtu"); /* case */
	assert_string_equal(config_nearest("mtv", names), "mtu"); /* another */
	assert_string_equal(config_nearest("tx_descriptor", names), "tx_descriptors");
	assert_string_equal(config_nearest("rx-descriptors", names), "rx_descriptors");
}

static void test_strangers(void **state)
{
	static const char *const none[] = {NULL};
	char word[4096];

	(void)state;
	assert_null(config_nearest("bananas", names));
	assert_null(config_nearest("", names));
	assert_null(config_nearest("queues", none));
	for (unsigned i = 0; i + 1 < sizeof(word); i++)
		word[i] = 'q';
	word[sizeof(word) - 1] = '\0';
	assert_null(config_nearest(word, names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
