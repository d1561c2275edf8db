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

/* A port by its device, or by "interface=NAME". */
json_t *shorthand_port(const char *text);

/* config[section][member] = value, unless value is NULL. */
void shorthand_set(
	json_t *config, const char *section, const char *member, const char *value, bool number);

/* port["features"] of a list such as "gro,tso=off": those that the port, which only receives or
 * only sends perhaps, has. Not given: NULL. What is wrong with it the configuration's checks say.
 */
void shorthand_features(json_t *port, const char *list, bool receives, bool sends);

/* Adds a capture of --capture, --capture-at and --capture-filter to the configuration; the latter
 * two may be NULL. */
void shorthand_capture(json_t *config, const char *file, const char *at, const char *filter);

#endif
