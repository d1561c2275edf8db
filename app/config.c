/* SPDX-License-Identifier: BSD-3-Clause */
/* weir config: what a configuration may hold, and what one of them means with all its defaults. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "config/config.h"
#include "config/nearest.h"

static const struct option options[] = {{.name = NULL}};

static int print_text(char *text)
{
	int ret = text == NULL || puts(text) < 0 ? EXIT_FAILED : EXIT_OK;

	if (text == NULL)
		fprintf(stderr, "weir config: out of memory\n");
	free(text);
	return ret;
}

static int show(const char *path)
{
	struct config_problems problems;
	struct config *config;
	int ret = config_load_file(path, &config, &problems);

	config_problems_print(&problems, path, stderr);
	config_problems_fini(&problems);
	if (ret == -EINVAL)
		return EXIT_USAGE;
	if (ret == -ENOMEM)
		return print_text(NULL);
	if (ret < 0)
		return EXIT_FAILED;
	ret = print_text(config_to_json(config));
	config_destroy(config);
	return ret;
}

static int run(int argc, char **argv)
{
	static const char *const words[] = {"schema", "reference", "show", NULL};
	const char *near;

	if (argc == 1 && strcmp(argv[0], "schema") == 0)
		return print_text(config_schema());
	if (argc == 1 && strcmp(argv[0], "reference") == 0) {
		config_reference(stdout);
		return EXIT_OK;
	}
	if (argc == 2 && strcmp(argv[0], "show") == 0)
		return show(argv[1]);
	near = argc > 0 ? config_nearest(argv[0], words) : NULL;
	if (near != NULL && strcmp(near, argv[0]) != 0)
		return command_usage_error(
			&command_config, "\"%s\"; did you mean \"%s\"?", argv[0], near);
	return command_usage_error(
		&command_config, "expected \"schema\", \"reference\" or \"show FILE\"");
}

const struct command command_config = {
	.name = "config",
	.arguments = "schema | reference | show FILE",
	.summary = "Says what a configuration may hold, or what one means",
	.description = "\"schema\" prints the JSON Schema (draft 2020-12) of configurations, for "
		       "editors and "
		       "validators. \"reference\" prints every field with its values, default and "
		       "meaning, as "
		       "the body of a manual page for scdoc(1). \"show\" checks a file and prints "
		       "it with all "
		       "its defaults filled in.",
	.examples = "  weir config schema >weir.schema.json  # completion and checks in an editor\n"
		    "  weir config show appliance.json  # with every default\n",
	.options = options,
	.run = run,
};
