/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_schema.py asks for: config_dump schema | reference | check FILE... | show FILE */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static int dump(char *text)
{
	if (text != NULL)
		puts(text);
	free(text);
	return text == NULL;
}

/* 0: valid */
static int load(const char *path, bool show)
{
	struct config_problems problems;
	struct config *config;
	int ret;

	config_load_file(path, &config, &problems);
	config_problems_print(&problems, path, stderr);
	config_problems_fini(&problems);
	ret = config == NULL;
	if (show && config != NULL)
		ret = dump(config_to_json(config));
	config_destroy(config);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "schema") == 0)
		return dump(config_schema());
	if (argc == 2 && strcmp(argv[1], "reference") == 0) {
		config_reference(stdout);
		return 0;
	}
	if (argc == 3)
		return load(argv[2], strcmp(argv[1], "show") == 0);
	return 2;
}
