/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks an engine and prints what it answered: for `weir show`, `weir set` and the console. */
#ifndef WEIR_APP_ANSWER_H
#define WEIR_APP_ANSWER_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"

struct answer_style {
	bool json; /* as it is, instead of tables */
	bool line; /* JSON in one line */
	bool all; /* what saw no packet too */
	bool raw; /* softnet as the kernel's softnet_stat */
};

void answer_print(FILE *out, const json_t *result, const struct answer_style *style);

/* Asks the engine at `socket_path` (NULL: where it is by default) and prints what it says, on
 * stderr for `weir COMMAND` what went wrong. Returns an exit code: what an engine refuses is the
 * user's mistake. */
int answer_ask(const char *command, const char *socket_path, const json_t *request,
	const struct answer_style *style);

/* Draws what `show steering` with flows answered into a file; "-": stdout. Says on stdout where it
 * went. 0 or -errno. */
int answer_draw(const json_t *result, const char *path, struct error *error);

/* The thing `show` may be asked for that is nearest to `word`, or NULL. */
const char *answer_nearest_section(const char *word);
bool answer_has_section(const char *word);

#endif
