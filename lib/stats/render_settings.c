/* SPDX-License-Identifier: BSD-3-Clause */
/* What may be set, and what a change did. */
#include <stdlib.h>
#include <string.h>

#include "stats/json_read.h"
#include "stats/render.h"
#include "stats/table.h"

enum { SETTING_TEXT_MAX = 512, HELP_COLUMNS = 76 };

static void print_safe(FILE *out, const char *text)
{
	text_print(out, text, strlen(text));
}

/* As it is typed: strings without their quotes. */
static const char *setting_text(const json_t *value, char buffer[SETTING_TEXT_MAX])
{
	char *text;

	if (json_is_string(value)) {
		snprintf(buffer, SETTING_TEXT_MAX, "%s", json_string_value(value));
		return buffer;
	}
	text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
	snprintf(buffer, SETTING_TEXT_MAX, "%s", text != NULL ? text : "");
	free(text);
	return buffer;
}

/* Indented lines of whole words. */
static void print_wrapped(FILE *out, const char *text)
{
	unsigned column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > HELP_COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		fputs(column == 0 ? "    " : " ", out);
		text_print(out, text, length);
		column += (unsigned)length + 1;
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

void render_settings(FILE *out, const json_t *settings, unsigned flags)
{
	const char *bold = flags & RENDER_BOLD ? "\033[1m" : "";
	const char *plain = flags & RENDER_BOLD ? "\033[0m" : "";
	char text[SETTING_TEXT_MAX], line[2048];
	const json_t *setting;
	size_t i;

	json_array_foreach (settings, i, setting) {
		fputs(bold, out);
		print_safe(out, read_text(setting, "path"));
		fprintf(out, "%s  ", plain);
		print_safe(out, setting_text(json_object_get(setting, "value"), text));
		snprintf(line, sizeof(line), "%s Takes %s.", read_text(setting, "help"),
			read_text(setting, "expected"));
		fputc('\n', out);
		print_wrapped(out, line);
	}
}

void render_changes(FILE *out, const json_t *object)
{
	const json_t *changes = json_object_get(object, "changes");
	const json_t *warnings = json_object_get(object, "warnings"), *warning;
	char from[SETTING_TEXT_MAX], to[SETTING_TEXT_MAX];
	const json_t *change;
	size_t i;

	if (json_is_array(changes) && json_array_size(changes) == 0)
		fprintf(out, "nothing to change: it is so already\n");
	json_array_foreach (changes, i, change) {
		print_safe(out, read_text(change, "path"));
		fputs(": ", out);
		print_safe(out, setting_text(json_object_get(change, "from"), from));
		fputs(" -> ", out);
		print_safe(out, setting_text(json_object_get(change, "to"), to));
		fputc('\n', out);
	}
	json_array_foreach (warnings, i, warning) {
		fputs("warning: ", out);
		print_safe(out, json_is_string(warning) ? json_string_value(warning) : "");
		fputc('\n', out);
	}
}
