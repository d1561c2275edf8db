/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where each value of a JSON text stands: JSON pointer -> line and column. jansson gives values
 * without positions and forgets duplicate keys, so the text is read a second time for these two.
 * The text must be valid JSON: jansson has accepted it before.
 *
 * Lines and columns count from 1; a column is a character (UTF-8), not a byte. No threads.
 */
#ifndef WEIR_CONFIG_POSITIONS_H
#define WEIR_CONFIG_POSITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct position {
	unsigned line, column; /* of the value */
	unsigned key_line, key_column; /* of its key in the object around it; 0: has none */
	json_t *children; /* pointer token -> index in list[]; or a list; NULL: scalar */
};

/* A key that its object has already: the value of the last one counts, so `position` is its. */
struct position_duplicate {
	char *pointer;
	struct position first, again;
};

struct positions {
	struct position *list; /* [0] is the root */
	size_t count, capacity;
	struct position_duplicate *duplicates;
	size_t duplicate_count;
};

/* 0 or -ENOMEM. In both cases free the result with positions_fini(). */
int positions_init(struct positions *positions, const char *text, size_t length);
void positions_fini(struct positions *positions);

/* The position of what `pointer` (RFC 6901) names, or else of the nearest value around it.
 * *ret_exact tells which; it may be NULL. NULL only for an empty index. */
const struct position *positions_find(
	const struct positions *positions, const char *pointer, bool *ret_exact);

#endif
