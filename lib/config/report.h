/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Collects the problems of one file: knows where in the document the check is (pointer) and where
 * that stands in the text (positions), and keeps the list in the order of the file.
 */
#ifndef WEIR_CONFIG_REPORT_H
#define WEIR_CONFIG_REPORT_H

#include <stdbool.h>

#include "config/config.h"
#include "config/pointer.h"
#include "config/positions.h"

enum { REPORT_PROBLEMS_MAX = 100 };

struct report {
	struct config_problems *problems; /* the caller's */
	const struct positions *positions;
	struct pointer pointer; /* of the value being looked at */
	unsigned left_out; /* problems beyond REPORT_PROBLEMS_MAX */
	bool out_of_memory; /* then the list is not complete */
};

int report_init(
	struct report *report, struct config_problems *problems, const struct positions *positions);
void report_fini(struct report *report); /* the problems stay */

/* Walks into a member or element and back out: report_leave(report, report_enter_key(...)). */
size_t report_enter_key(struct report *report, const char *key);
size_t report_enter_index(struct report *report, size_t index);
void report_leave(struct report *report, size_t mark);

/* A problem with the value at the pointer, or with its key. */
void report_value(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_key(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A problem with the value at another pointer, which may be missing: then with what is around it.
 */
void report_at(struct report *report, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A problem at a place known already; 0, 0: with the file as a whole. */
void report_place(struct report *report, const char *pointer, unsigned line, unsigned column,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Is there anything in the text at `pointer`? */
bool report_has(const struct report *report, const char *pointer);

/* Says how many problems were left out, and returns 0, -EINVAL (problems) or -ENOMEM. */
int report_finish(struct report *report);

#endif
