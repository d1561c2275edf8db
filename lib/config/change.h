/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of a configuration may be changed while weir runs: the fields marked `live` in the field
 * table, and nothing else. A setting is named by its path in the configuration, with dots
 * ("ports.wan.rss.key") or as a JSON pointer ("/ports/wan/rss/key").
 *
 * Threads: any; the configurations given must not change meanwhile.
 */
#ifndef WEIR_CONFIG_CHANGE_H
#define WEIR_CONFIG_CHANGE_H

#include <jansson.h>

#include "base/error.h"
#include "config/config.h"

/*
 * The configuration that `present` becomes when all of `settings` hold: an object of values by
 * path. A value that is a string is read as people write it: as JSON where it is some, and else as
 * it is; on and off are true and false. A value that is an object changes its members only.
 *
 * All checks and messages are those of a file. 0 with *ret_wanted (config_destroy() it); -EINVAL:
 * `error` says what is wrong, or which fields need a restart; -ENOMEM.
 */
int config_change_all(const struct config *present, const json_t *settings,
	struct config **ret_wanted, struct error *error);

/* One of them. */
int config_change(const struct config *present, const char *path, const char *value,
	struct config **ret_wanted, struct error *error);

/* Copies all live fields. `from` came from config_change() of `to`. Cannot fail: live fields are
 * plain data. */
void config_copy_live(struct config *to, const struct config *from);

/* What may be set: a list of {"path", "value", "expected", "help"}, in the order of the tables. */
json_t *config_settings(const struct config *config); /* a new reference; NULL: out of memory */

/* The live fields that differ: a list of {"path", "from", "to"}. As above. */
json_t *config_changes(const struct config *before, const struct config *after);

#endif
