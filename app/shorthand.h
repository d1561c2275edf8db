/* SPDX-License-Identifier: BSD-3-Clause */
/* Command-line options that stand for parts of a configuration. */
#ifndef WEIR_APP_SHORTHAND_H
#define WEIR_APP_SHORTHAND_H

#include <stdbool.h>

#include <jansson.h>

/* config[section], made if it is not there. Borrowed. */
json_t *shorthand_object(json_t *config, const char *section);

/* "8" as a number; anything else as a string, for the configuration's own checks to refuse. */
json_t *shorthand_number(const char *text);

/* config[section][member] = value, unless value is NULL. */
void shorthand_set(
	json_t *config, const char *section, const char *member, const char *value, bool number);

#endif
