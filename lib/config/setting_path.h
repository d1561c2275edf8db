/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in a configuration's JSON a setting's path leads. */
#ifndef WEIR_CONFIG_SETTING_PATH_H
#define WEIR_CONFIG_SETTING_PATH_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config/field_level.h"

enum { SETTING_KEY_MAX = 128 };

struct setting_place {
	json_t *parent; /* borrowed; an object or an array */
	char key[SETTING_KEY_MAX]; /* of the object; may be missing there */
	size_t index; /* of the array */
	struct field_level level; /* of the value there */
};

/* 0, or -ENOENT when the path leaves the document before its last step. A port's name may hold dots
 * itself: the longest name that fits is meant. A field's other name is as good as its own. */
int setting_path_find(json_t *root, const char *path, struct setting_place *ret_place);

/* What stands there, borrowed; NULL: nothing. */
json_t *setting_get(const struct setting_place *place);

/* Puts `value` there, whose reference it takes. 0 or -ENOMEM. */
int setting_put(const struct setting_place *place, json_t *value);

#endif
