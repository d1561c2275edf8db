/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

void table_init(struct table *table, const char *const *titles)
{
	*table = (struct table){.titles = titles, .width_max = TABLE_WIDTH_MAX};
	while (titles[table->columns] != NULL && table->columns < TABLE_COLUMNS_MAX)
		table->columns++;
}

void table_cell(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (table->cell_count == table->cell_room) {
		unsigned room = table->cell_room * 2 + 64;
		char **cells = realloc(table->cells, room * sizeof(*cells));

		if (cells == NULL)
			return;
		table->cells = cells;
		table->cell_room = room;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table->cells[table->cell_count++] = text;
}

char *count_text(char buffer[static 32], uint64_t value)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%lu", (unsigned long)value);
	char *out = buffer;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buffer;
}

void table_count(struct table *table, uint64_t value)
{
	char text[32];

	table_cell(table, "%s", count_text(text, value));
}

void table_rate(struct table *table, double value)
{
	char text[UNITS_TEXT_MAX];
	size_t length;

	units_format_rate(text, sizeof(text), value, "");
	length = strlen(text);
	if (length > 0 && text[length - 1] == ' ')
		text[length - 1] = '\0';
	table_cell(table, "%s", text);
}

/* Columns on the screen: one a code point. Names rarely hold wider ones. */
static unsigned text_width(const char *text)
{
	unsigned width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *cell_text(const struct table *table, unsigned index)
{
	return index < table->cell_count && table->cells[index] != NULL ? table->cells[index] : "";
}

void text_print(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		putc(c < 0x20 || c == 0x7f ? '?' : c, out);
	}
}

static void cell_print(FILE *out, const char *text, unsigned width, bool left, bool last)
{
	unsigned used = text_width(text);
	const char *end = text;

	if (used > width) { /* cut, and mark the cut */
		for (unsigned i = 0; i + 1 < width; i++) {
			end++;
			while (((unsigned char)*end & 0xc0) == 0x80)
				end++;
		}
		text_print(out, text, (size_t)(end - text));
		putc('~', out);
		return;
	}
	if (!left && !(last && used == 0))
		fprintf(out, "%*s", (int)(width - used), "");
	text_print(out, text, strlen(text));
	if (left && !last)
		fprintf(out, "%*s", (int)(width - used), "");
}

static void table_widths(const struct table *table, unsigned widths[])
{
	unsigned total = 0;

	for (unsigned column = 0; column < table->columns; column++) {
		const char *title = table->titles[column];

		widths[column] = text_width(title + (title[0] == '<'));
		for (unsigned i = column; i < table->cell_count; i += table->columns) {
			unsigned width = text_width(cell_text(table, i));

			if (width > widths[column])
				widths[column] = width;
		}
		total += widths[column] + (column > 0 ? 2 : 0);
	}
	if (total > table->width_max && table->titles[table->columns - 1][0] == '<') {
		unsigned *last = &widths[table->columns - 1], excess = total - table->width_max;

		*last = *last > excess + 8 ? *last - excess : 8;
	}
}

void table_print(struct table *table, FILE *out, bool bold)
{
	unsigned widths[TABLE_COLUMNS_MAX];

	table_widths(table, widths);
	for (unsigned i = 0; i < table->columns && table->cell_count > 0; i++) {
		const char *title = table->titles[i];
		bool left = title[0] == '<';

		fputs(i > 0 ? "  " : bold ? "\033[1m" : "", out);
		cell_print(out, title + left, widths[i], left, i + 1 == table->columns);
	}
	if (table->cell_count > 0)
		fputs(bold ? "\033[0m\n" : "\n", out);
	for (unsigned i = 0; i < table->cell_count; i++) {
		unsigned column = i % table->columns;
		bool last = column + 1 == table->columns;

		if (column > 0)
			fputs("  ", out);
		cell_print(out, cell_text(table, i), widths[column],
			table->titles[column][0] == '<', last);
		if (last)
			fputc('\n', out);
		free(table->cells[i]);
	}
	free(table->cells);
	table->cells = NULL;
	table->cell_count = table->cell_room = 0;
}
