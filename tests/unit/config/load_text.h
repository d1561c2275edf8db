/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a text and keeps what is said about it, for the tests of this folder. */
#ifndef WEIR_TESTS_UNIT_CONFIG_LOAD_TEXT_H
#define WEIR_TESTS_UNIT_CONFIG_LOAD_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

/* What surrounds the part a test is about. */
#define TWO_PORTS                                                                                  \
	"\"ports\": {\"a\": {\"device\": \"net_null0\"}, \"b\": {\"device\": \"net_null1\"}}"
#define A_TO_B "\"pipelines\": [{\"from\": \"a\", \"to\": \"b\"}]"

/* The problems as config_problems_print() prints them, of a file called "f"; "" when there are
 * none. malloc'ed. The configuration is freed unless ret_config is given. */
static inline char *load_text(const char *text, struct config **ret_config)
{
	struct config_problems problems;
	struct config *config;
	char *printed = NULL;
	size_t size = 0;
	int ret = config_load_text(text, strlen(text), &config, &problems);
	FILE *stream = open_memstream(&printed, &size);

	assert_non_null(stream);
	config_problems_print(&problems, "f", stream);
	fclose(stream);
	assert_int_equal(ret == 0, problems.count == 0);
	assert_int_equal(ret == 0, config != NULL);
	config_problems_fini(&problems);
	if (ret_config != NULL)
		*ret_config = config;
	else
		config_destroy(config);
	return printed;
}

/* A configuration without problems. */
static inline struct config *load_good(const char *text)
{
	struct config *config = NULL;
	char *printed = load_text(text, &config);

	if (printed[0] != '\0')
		fail_msg("%s", printed);
	free(printed);
	return config;
}

/* All of what is said about `text`, exactly. */
static inline void expect_problems(const char *text, const char *expected)
{
	char *printed = load_text(text, NULL);

	assert_string_equal(printed, expected);
	free(printed);
}

#endif
