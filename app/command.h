/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of weir. Each is one file with one `struct command`; main.c lists them. A command's
 * table of options parses the command line and makes its help text and its part of weir(1).
 */
#ifndef WEIR_APP_COMMAND_H
#define WEIR_APP_COMMAND_H

#include <stddef.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum option_kind {
	OPTION_FLAG, /* int *: incremented */
	OPTION_STRING, /* const char **: the argument, as it stands in argv */
	OPTION_LIST, /* struct option_list *: may be given several times */
};

struct option_list {
	int count;
	const char *values[64];
};

struct option {
	const char *name; /* long name without "--"; NULL ends the table */
	char letter; /* 0: none */
	enum option_kind kind;
	void *target; /* static storage of the command's file */
	const char *argument; /* what the argument is called, for the help */
	const char *help; /* one sentence, no full stop */
};

struct command {
	const char *name;
	const char *arguments; /* "FILE…" */
	const char *summary; /* one line */
	const char *description; /* paragraphs for the manual; may be NULL */
	const char *examples; /* lines "command  # what it does", may be NULL */
	const struct option *options;
	int (*run)(int argc, char **argv); /* the positional arguments; returns an exit code */
};

extern const struct command command_run, command_replay, command_generate, command_check,
	command_init, command_config, command_explain, command_capture, command_trace,
	command_explain_capture, command_show, command_features, command_set, command_perf,
	command_verbs, command_help_command;

/* All commands, NULL-terminated, in the order of the help. */
extern const struct command *const commands[];

/* Parses options anywhere among the arguments ("--" ends them), leaves the positional ones in
 * argv[0..*argc). 0, or EXIT_USAGE after saying what is wrong and how it is used. `--help` prints
 * the help and exits. */
int command_parse(const struct command *command, int *argc, char **argv);

void command_help(const struct command *command, FILE *out);
/* "weir COMMAND: message" on stderr. Returns EXIT_USAGE. */
int command_usage_error(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
