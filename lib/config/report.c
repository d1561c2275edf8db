/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int report_init(
	struct report *report, struct config_problems *problems, const struct positions *positions)
{
	*report = (struct report){.problems = problems, .positions = positions};
	return pointer_init(&report->pointer);
}

void report_fini(struct report *report)
{
	pointer_fini(&report->pointer);
}

static size_t entered(struct report *report, size_t mark)
{
	if (mark != POINTER_FAILED)
		return mark;
	report->out_of_memory = true;
	return report->pointer.length;
}

size_t report_enter_key(struct report *report, const char *key)
{
	return entered(report, pointer_enter_key(&report->pointer, key));
}

size_t report_enter_index(struct report *report, size_t index)
{
	return entered(report, pointer_enter_index(&report->pointer, index));
}

void report_leave(struct report *report, size_t mark)
{
	pointer_leave(&report->pointer, mark);
}

/* What stands in the file may hold anything; a terminal shall not act on it. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* Keeps the order of the file; problems of one place keep the order they were found in. */
static int insert(struct config_problems *problems, const struct config_problem *problem)
{
	struct config_problem *list =
		realloc(problems->list, (problems->count + 1) * sizeof(*problems->list));
	unsigned i = problems->count;

	if (list == NULL)
		return -ENOMEM;
	problems->list = list;
	for (; i > 0; i--) {
		const struct config_problem *before = &list[i - 1];

		if (before->line < problem->line ||
			(before->line == problem->line && before->column <= problem->column))
			break;
		list[i] = *before;
	}
	list[i] = *problem;
	problems->count++;
	return 0;
}

static void add(struct report *report, const char *pointer, unsigned line, unsigned column,
	const char *format, va_list arguments)
{
	struct config_problem problem = {.line = line, .column = column};

	if (report->problems->count == REPORT_PROBLEMS_MAX) {
		report->left_out++;
		return;
	}
	problem.pointer = strdup(pointer);
	if (vasprintf(&problem.message, format, arguments) < 0)
		problem.message = NULL;
	if (problem.pointer == NULL || problem.message == NULL)
		goto failed;
	make_printable(problem.pointer);
	make_printable(problem.message);
	if (insert(report->problems, &problem) == 0)
		return;
failed:
	report->out_of_memory = true;
	free(problem.pointer);
	free(problem.message);
}

void report_value(struct report *report, const char *format, ...)
{
	const struct position *position =
		positions_find(report->positions, report->pointer.text, NULL);
	va_list arguments;

	va_start(arguments, format);
	add(report, report->pointer.text, position != NULL ? position->line : 0,
		position != NULL ? position->column : 0, format, arguments);
	va_end(arguments);
}

void report_key(struct report *report, const char *format, ...)
{
	const struct position *position =
		positions_find(report->positions, report->pointer.text, NULL);
	va_list arguments;

	va_start(arguments, format);
	add(report, report->pointer.text, position != NULL ? position->key_line : 0,
		position != NULL ? position->key_column : 0, format, arguments);
	va_end(arguments);
}

void report_at(struct report *report, const char *pointer, const char *format, ...)
{
	const struct position *position = positions_find(report->positions, pointer, NULL);
	va_list arguments;

	va_start(arguments, format);
	add(report, pointer, position != NULL ? position->line : 0,
		position != NULL ? position->column : 0, format, arguments);
	va_end(arguments);
}

void report_place(struct report *report, const char *pointer, unsigned line, unsigned column,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(report, pointer, line, column, format, arguments);
	va_end(arguments);
}

bool report_has(const struct report *report, const char *pointer)
{
	bool exact = false;

	positions_find(report->positions, pointer, &exact);
	return exact;
}

int report_finish(struct report *report)
{
	unsigned left_out = report->left_out;

	if (left_out > 0 && report->problems->count > 0) {
		/* In the place of the last one, so that the list stays within its bound. */
		struct config_problem *last = &report->problems->list[--report->problems->count];
		unsigned line = last->line, column = last->column;

		free(last->pointer);
		free(last->message);
		report_place(
			report, "", line, column, "and %u more problems, not shown", left_out + 1);
	}
	if (report->out_of_memory)
		return -ENOMEM;
	return report->problems->count > 0 ? -EINVAL : 0;
}

void config_problems_fini(struct config_problems *problems)
{
	for (unsigned i = 0; i < problems->count; i++) {
		free(problems->list[i].pointer);
		free(problems->list[i].message);
	}
	free(problems->list);
	*problems = (struct config_problems){0};
}

void config_problems_print(const struct config_problems *problems, const char *path, FILE *out)
{
	for (unsigned i = 0; i < problems->count; i++) {
		const struct config_problem *problem = &problems->list[i];

		fprintf(out, "%s:", path);
		if (problem->line != 0)
			fprintf(out, "%u:%u:", problem->line, problem->column);
		if (problem->pointer[0] != '\0')
			fprintf(out, " %s:", problem->pointer);
		fprintf(out, " %s\n", problem->message);
	}
}
