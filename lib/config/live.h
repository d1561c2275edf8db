/* SPDX-License-Identifier: BSD-3-Clause */
/* Goes through the fields of two configurations side by side, by the field table. */
#ifndef WEIR_CONFIG_LIVE_H
#define WEIR_CONFIG_LIVE_H

#include "config/field.h"

enum { LIVE_PATH_MAX = 256 };

/* A field of both: `path` with dots, `one` and `other` its places. Not 0: the walk ends with it. */
typedef int live_visit(
	void *argument, const char *path, const struct field *field, void *one, const void *other);

/* Visits all fields that hold a value, live or not. Pipelines are one value; so are the ports where
 * the two do not have the same ones. */
int live_walk(struct config *one, const struct config *other, live_visit *visit, void *argument);

/* A walk that only reads takes what it may not write. */
static inline struct config *live_unwritten(const struct config *config)
{
	return (struct config *)(uintptr_t)config;
}

/* 1: the two differ; 0; -ENOMEM. Their JSON: new references, NULL where not given. */
int live_differ(const struct field *field, const void *one, const void *other, json_t **ret_one,
	json_t **ret_other);

#endif
