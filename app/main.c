/* SPDX-License-Identifier: BSD-3-Clause */
/* weir: one program, a command a file. */
#include <string.h>

#include "command.h"
#include "config/nearest.h"

const struct command *const commands[] = {
	&command_run,
	&command_replay,
	&command_generate,
	&command_check,
	&command_init,
	&command_config,
	&command_explain,
	&command_explain_capture,
	&command_show,
	&command_set,
	&command_features,
	&command_capture,
	&command_trace,
	&command_perf,
	&command_verbs,
	&command_help_command,
	NULL,
};

static const struct command *command_find(const char *name)
{
	for (unsigned i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void print_overview(FILE *out)
{
	fprintf(out,
		"weir: a userspace packet engine\n\nUsage: weir COMMAND [options] [arguments]\n\n");
	for (unsigned i = 0; commands[i] != NULL; i++)
		fprintf(out, "  %-15s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(out, "\n`weir COMMAND --help` tells more.\n");
}

static int unknown_command(const char *word)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	unsigned count = 0;
	const char *near;

	for (; commands[count] != NULL; count++)
		names[count] = commands[count]->name;
	names[count] = NULL;
	near = config_nearest(word, names);
	fprintf(stderr, "weir: there is no command \"%s\"%s%s%s See `weir help`.\n", word,
		near ? "; did you mean \"" : ".", near ? near : "", near ? "\"?" : "");
	return EXIT_USAGE;
}

/* ---- weir help ---- */

static int as_manual;

static const struct option help_options[] = {
	{"man", 0, OPTION_FLAG, &as_manual, NULL,
		"All commands as sections of a manual page, in scdoc's format"},
	{.name = NULL},
};

/* scdoc reads _, * and \ as marks, and # at the start of a line as a heading. */
static void print_escaped(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("_*\\<>~", *text) != NULL)
			putchar('\\');
		putchar(*text);
	}
}

static void print_manual_option(const struct option *option)
{
	putchar('*');
	if (option->letter != 0)
		printf("-%c*, *", option->letter);
	printf("--%s*", option->name);
	if (option->argument != NULL) {
		printf(" _");
		print_escaped(option->argument);
		putchar('_');
	}
	printf("\n\t");
	print_escaped(option->help);
	printf(".\n\n");
}

static void print_manual(const struct command *command)
{
	printf("## weir %s%s ", command->name, command->options ? " [options]" : "");
	print_escaped(command->arguments ? command->arguments : "");
	printf("\n\n");
	print_escaped(command->summary);
	printf(".\n\n");
	if (command->description != NULL) {
		print_escaped(command->description);
		printf("\n\n");
	}
	for (const struct option *o = command->options; o && o->name; o++)
		print_manual_option(o);
	if (command->examples != NULL)
		printf("```\n%s```\n\n", command->examples);
}

static int help_run(int argc, char **argv)
{
	const struct command *command;

	if (as_manual) {
		for (unsigned i = 0; commands[i] != NULL; i++)
			print_manual(commands[i]);
		return EXIT_OK;
	}
	if (argc == 0) {
		print_overview(stdout);
		return EXIT_OK;
	}
	command = command_find(argv[0]);
	if (command == NULL)
		return unknown_command(argv[0]);
	command_help(command, stdout);
	return EXIT_OK;
}

const struct command command_help_command = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "What weir can do, or what a command does",
	.options = help_options,
	.run = help_run,
};

int main(int argc, char **argv)
{
	const struct command *command;
	int result;

	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_overview(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("weir %s\n", WEIR_VERSION);
		return EXIT_OK;
	}
	command = command_find(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	argc -= 2;
	result = command_parse(command, &argc, argv + 2);
	return result != 0 ? result : command->run(argc, argv + 2);
}
