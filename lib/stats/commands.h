/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of a running engine: what the control socket, `weir show`, `weir set`, `weir
 * explain` and the console understand. stats_command() runs them; this table makes their help and
 * completion.
 */
#ifndef WEIR_STATS_COMMANDS_H
#define WEIR_STATS_COMMANDS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "config/config.h"

struct stats;

enum { COMMAND_PARAMETERS_MAX = 4 };
/* Of `show flows` and `show steering`: how many flows, unless told. */
enum { COMMAND_TOP = 10, COMMAND_TOP_MAX = 256 };

struct stats_command_info {
	const char *name;
	/* Members of the request, strings but for pairs, in the order in which words follow the
	 * name when a person types the command. */
	const char *parameters[COMMAND_PARAMETERS_MAX + 1];
	unsigned optional; /* so many of the last may be left out */
	/* The last parameter is an object, typed as its names and values in turn. */
	bool pairs;
	const char *arguments; /* for the help */
	const char *help;
	/* `request` has all parameters that are required, of the right type, and no others. */
	int (*run)(struct stats *stats, const json_t *request, json_t **ret_result,
		struct error *error);
};

/* A NULL name ends them. */
extern const struct stats_command_info stats_commands[];

/* Makes all of `settings` hold, or none: values by path, as config_change_all() reads them. The
 * answer tells what changed; for NULL, or an empty object, it lists what may be set. */
int stats_set(
	struct stats *stats, const json_t *settings, json_t **ret_result, struct error *error);

/* The same, with settings_lock held: what changed, and warnings appended to a list. */
int stats_change(struct stats *stats, const json_t *settings, json_t **ret_changes,
	json_t *warnings, struct error *error);

/* The features command: of all ports, of one, or switched: an object of "on" and "off" by name. */
int stats_features(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error);

/* -EINVAL, with the nearest name, when there is no such port. */
int stats_port_find(
	const struct config *config, const char *name, uint16_t *ret_port, struct error *error);

/* The explain command: the words of a tuple, and a port's name. Gives {"explanation": ...}. */
int stats_explain(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error);

/* The capture command: an object with to, at, filter, snap, packets, trace; all strings. */
int stats_capture(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error);

/* The settings, as config_settings() lists them. A new reference; NULL: out of memory. */
json_t *stats_settings(struct stats *stats);

/* {"command": words[0], parameter: words[1], ...}, a new reference. -EINVAL with `error` when the
 * command is not known or has other parameters. */
int stats_request_make(
	const char *const *words, unsigned count, json_t **ret_request, struct error *error);

#endif
