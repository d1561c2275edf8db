/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "stats/explanation.h"
#include "stats/json_read.h"
#include "stats/table.h"

enum { TEXT_COLUMN = 26, TEXT_COLUMNS = 74 };

static void print_safe(FILE *out, const char *text)
{
	text_print(out, text, strlen(text));
}

/* Whole words, each line but the first after TEXT_COLUMN blanks. */
static void print_wrapped(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > TEXT_COLUMNS) {
			fprintf(out, "\n%*s", TEXT_COLUMN, "");
			column = 0;
		} else if (column > 0) {
			fputc(' ', out);
			column++;
		}
		text_print(out, text, length);
		column += length;
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

void explanation_print(FILE *out, const json_t *explanation)
{
	const json_t *step;
	size_t i;

	print_safe(out, read_text(explanation, "source"));
	fputs(" -> ", out);
	print_safe(out, read_text(explanation, "destination"));
	fputs(", ", out);
	print_safe(out, read_text(explanation, "protocol"));
	if (read_text(explanation, "port")[0] != '\0') {
		fputs(", received at port ", out);
		print_safe(out, read_text(explanation, "port"));
	}
	fprintf(out, "; RSS: %s\n\n", read_text(explanation, "rss"));
	json_array_foreach (json_object_get(explanation, "steps"), i, step) {
		const char *place = read_text(step, "linux");

		fprintf(out, "%-11s %-13s ", read_text(step, "name"), read_text(step, "value"));
		print_wrapped(out, read_text(step, "text"));
		if (place[0] != '\0')
			fprintf(out, "%*sLinux: %s\n", TEXT_COLUMN, "", place);
	}
}
