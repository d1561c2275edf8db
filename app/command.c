/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"

int command_usage_error(const struct command *command, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "weir %s: ", command->name);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\nSee `weir %s --help`.\n", command->name);
	return EXIT_USAGE;
}

static const char *option_near(const struct command *command, const char *word)
{
	const char *names[64];
	unsigned count = 0;

	for (const struct option *o = command->options; o && o->name && count < 63; o++)
		names[count++] = o->name;
	names[count] = NULL;
	return config_nearest(word, names);
}

static int unknown_option(const struct command *command, const char *word)
{
	const char *near = strncmp(word, "--", 2) == 0 ? option_near(command, word + 2) : NULL;

	return command_usage_error(command, "there is no option %s%s%s%s", word,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static const struct option *option_find(
	const struct command *command, const char *name, size_t length)
{
	for (const struct option *o = command->options; o && o->name; o++)
		if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
			return o;
	return NULL;
}

static const struct option *option_find_letter(const struct command *command, char letter)
{
	for (const struct option *o = command->options; o && o->name; o++)
		if (o->letter == letter && letter != 0)
			return o;
	return NULL;
}

/* Stores an option's value. An OPTION_FLAG has none. */
static int option_store(
	const struct command *command, const struct option *option, const char *value)
{
	struct option_list *list;

	switch (option->kind) {
	case OPTION_FLAG: (*(int *)option->target)++; return 0;
	case OPTION_STRING: *(const char **)option->target = value; return 0;
	case OPTION_LIST:
		list = option->target;
		if (list->count == (int)(sizeof(list->values) / sizeof(list->values[0])))
			return command_usage_error(
				command, "--%s is given too often", option->name);
		list->values[list->count++] = value;
		return 0;
	}
	return EXIT_USAGE;
}

/* One argument that starts with '-'. Advances *index over a value that stands apart. */
static int option_parse(const struct command *command, int argc, char **argv, int *index)
{
	const char *word = argv[*index];
	const struct option *option;
	const char *value = NULL;

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		command_help(command, stdout);
		exit(EXIT_OK);
	}
	if (word[1] == '-') {
		const char *equals = strchr(word, '=');

		option = option_find(
			command, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
		value = equals ? equals + 1 : NULL;
	} else {
		option = option_find_letter(command, word[1]);
		if (option != NULL && word[2] != '\0')
			value = word + 2;
	}
	if (option == NULL)
		return unknown_option(command, word);
	if (option->kind == OPTION_FLAG && value != NULL)
		return command_usage_error(command, "--%s takes no value", option->name);
	if (option->kind != OPTION_FLAG && value == NULL) {
		if (*index + 1 >= argc)
			return command_usage_error(
				command, "--%s needs a value (%s)", option->name, option->argument);
		value = argv[++*index];
	}
	return option_store(command, option, value);
}

int command_parse(const struct command *command, int *argc, char **argv)
{
	bool only_positional = false;
	int positional = 0;

	for (int i = 0; i < *argc; i++) {
		int result;

		if (!only_positional && strcmp(argv[i], "--") == 0) {
			only_positional = true;
		} else if (only_positional || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[positional++] = argv[i];
		} else {
			result = option_parse(command, *argc, argv, &i);
			if (result != 0)
				return result;
		}
	}
	*argc = positional;
	return 0;
}

/* ---- help ---- */

static void option_title(const struct option *option, char *title, size_t size)
{
	char letter[8] = "    ";

	if (option->letter != 0)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(title, size, "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
		option->argument ? option->argument : "");
}

void command_help(const struct command *command, FILE *out)
{
	char title[80];

	fprintf(out, "weir %s: %s\n\nUsage: weir %s %s%s\n", command->name, command->summary,
		command->name, command->options ? "[options] " : "",
		command->arguments ? command->arguments : "");
	if (command->options != NULL && command->options->name != NULL)
		fprintf(out, "\nOptions:\n");
	for (const struct option *o = command->options; o && o->name; o++) {
		option_title(o, title, sizeof(title));
		if (strlen(title) > 26)
			fprintf(out, "  %s\n  %-26s %s\n", title, "", o->help);
		else
			fprintf(out, "  %-26s %s\n", title, o->help);
	}
	if (command->description != NULL)
		fprintf(out, "\n%s\n", command->description);
	if (command->examples != NULL)
		fprintf(out, "\nExamples:\n%s", command->examples);
}
