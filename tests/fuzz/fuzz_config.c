/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a configuration: either problems with places, or a configuration whose written form
 * is read back and written the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static struct config *load(const char *text, size_t size)
{
	struct config_problems problems;
	struct config *config;
	int ret = config_load_text(text, size, &config, &problems);

	require((ret == 0) == (config != NULL), "a configuration exactly on success");
	require((ret == 0) == (problems.count == 0), "problems exactly on failure");
	for (unsigned i = 0; i < problems.count; i++)
		require(problems.list[i].line > 0 && problems.list[i].column > 0 &&
				problems.list[i].message[0] != '\0',
			"every problem has a place and a message");
	config_problems_fini(&problems);
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = load((const char *)data, size), *again;
	char *first, *second;

	if (config == NULL)
		return 0;
	first = config_to_json(config);
	require(first != NULL, "it can be written");
	again = load(first, strlen(first));
	require(again != NULL, "what was written can be read");
	second = config_to_json(again);
	require(second != NULL && strcmp(first, second) == 0, "it is written the same again");
	free(first);
	free(second);
	config_destroy(config);
	config_destroy(again);
	return 0;
}
