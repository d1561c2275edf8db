/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A text table: columns as wide as their widest cell, two spaces apart, at most width_max columns
 * in all: a last column of text is cut to fit, numbers never are. Text is aligned to the left,
 * numbers to the right.
 */
#ifndef WEIR_STATS_TABLE_H
#define WEIR_STATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TABLE_WIDTH_MAX = 100, TABLE_COLUMNS_MAX = 16 };

struct table {
	const char *const
		*titles; /* NULL-terminated; a leading '<' aligns the column to the left */
	unsigned columns;
	unsigned width_max; /* TABLE_WIDTH_MAX, unless changed after table_init() */
	unsigned cell_count, cell_room;
	char **cells; /* row by row */
};

void table_init(struct table *table, const char *const *titles);
/* Appends one cell; cells fill rows. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_count(struct table *table, uint64_t value); /* "1,234,567" */
void table_rate(struct table *table, double value); /* "1.23 M" */
/* Prints titles (bold if asked to) and rows, and frees all. Prints nothing without rows. */
void table_print(struct table *table, FILE *out, bool bold);

/* Prints `text`, '?' for each control character: names come from files and over a socket, and no
 * escape sequence of theirs is to reach a terminal. */
void text_print(FILE *out, const char *text, size_t length);

/* "1,234,567" */
char *count_text(char buffer[static 32], uint64_t value);

#endif
