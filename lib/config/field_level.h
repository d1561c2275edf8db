/* SPDX-License-Identifier: BSD-3-Clause */
/* Which fields the members of a JSON object are, on the way from the root of a configuration down;
 * so that members may go by their other names there. */
#ifndef WEIR_CONFIG_FIELD_LEVEL_H
#define WEIR_CONFIG_FIELD_LEVEL_H

#include "config/field.h"

struct field_level {
	const struct field *fields; /* of the members; NULL: they are no fields */
	bool ports; /* they are ports, by their names */
	const struct field *field; /* whose value the object is; NULL: of none */
};

/* Of a whole configuration. */
struct field_level field_level_root(void);

/* Of the value of a member. *key, where it is an alias, becomes the field's name. */
struct field_level field_level_below(struct field_level level, const char **key);

/* Gives all members of `value`, at `level` and below, the names of their fields. One that is there
 * under both names stays so, for the reader to refuse. 0 or -ENOMEM. */
int field_level_rename(struct field_level level, json_t *value);

#endif
