/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of a running engine: what the control socket, `weir show`, `weir set` and the
 * console understand. stats_command() runs them; this table makes their help and completion.
 */
#ifndef WEIR_STATS_COMMANDS_H
#define WEIR_STATS_COMMANDS_H

#include <jansson.h>

#include "base/error.h"

struct stats;

enum { COMMAND_PARAMETERS_MAX = 2 };

struct stats_command_info {
	const char *name;
	/* Members of the request, all strings, in the order in which words follow the name when a
	 * person types the command. All are required. */
	const char *parameters[COMMAND_PARAMETERS_MAX + 1];
	const char *arguments; /* for the help */
	const char *help;
	int (*run)(struct stats *stats, const char *const *values, json_t **ret_result,
		struct error *error);
};

/* A NULL name ends each. */
extern const struct stats_command_info stats_commands[];

struct stats_setting_info {
	const char *path; /* as in the configuration */
	const char *expected;
	const char *help;
	int (*set)(struct stats *stats, const char *value); /* 0 or -EINVAL; the lock held */
};

extern const struct stats_setting_info stats_settings[];

/* {"command": words[0], parameter: words[1], ...}, a new reference. -EINVAL with `error` when the
 * command is not known or has other parameters. */
int stats_request_make(
	const char *const *words, unsigned count, json_t **ret_request, struct error *error);

#endif
