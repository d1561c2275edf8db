/* SPDX-License-Identifier: BSD-3-Clause */
/* The field table as the body of a manual page, in scdoc(5). */
#include <stdio.h>
#include <string.h>

#include "config/field.h"

/* scdoc gives these characters a meaning; a backslash takes it away. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\*_~<>[]#|`.-+", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void print_variants(FILE *out, const struct field *field, const char *const *names)
{
	unsigned count = 0;

	if (names == NULL || field->variants == 0)
		return;
	fprintf(out, " Only with ");
	for (unsigned i = 0; names[i] != NULL; i++) {
		if ((field->variants & 1u << i) == 0)
			continue;
		fprintf(out, "%s", count++ > 0 ? ", " : "");
		print_escaped(out, names[i]);
	}
	fprintf(out, ".");
}

static void print_field(
	FILE *out, const struct field *field, const char *pointer, const char *const *variants)
{
	char expected[FIELD_TEXT_MAX];

	field_describe(field, expected, sizeof(expected));
	fprintf(out, "*");
	print_escaped(out, pointer);
	if (field->alias != NULL) {
		fprintf(out, "*, *");
		print_escaped(out, field->alias);
	}
	fprintf(out, "*\n\t");
	print_escaped(out, field->help);
	fprintf(out, "\n\n\tValue: ");
	print_escaped(out, expected);
	fprintf(out, ".");
	if (field->unit != NULL)
		fprintf(out, " Unit: %s.", field->unit);
	if (field->required)
		fprintf(out, " Required.");
	else if (field->fallback != NULL) {
		fprintf(out, " Default: ");
		print_escaped(out, field->fallback);
		fprintf(out, ".");
	}
	print_variants(out, field, variants);
	if (field->live)
		fprintf(out, " May be set while weir runs.");
	fprintf(out, "\n\n");
}

static void print_fields(
	FILE *out, const struct field *fields, const char *prefix, const char *const *variants);

static void print_nested(FILE *out, const struct field *field, const char *pointer)
{
	char inner[FIELD_TEXT_MAX];

	if (field->kind == &field_object) {
		print_fields(out, field->fields, pointer, NULL);
	} else if (field->kind == &field_ports) {
		snprintf(inner, sizeof(inner), "%.400s/NAME", pointer);
		print_fields(out, port_fields, inner, port_kind_names);
	} else if (field->kind == &field_pipelines) {
		snprintf(inner, sizeof(inner), "%.400s/N", pointer);
		print_fields(out, pipeline_fields, inner, NULL);
	} else if (field->kind == &field_captures) {
		snprintf(inner, sizeof(inner), "%.400s/N", pointer);
		print_fields(out, capture_fields, inner, NULL);
	} else if (field->kind == &field_stages) {
		snprintf(inner, sizeof(inner), "%.400s/N", pointer);
		print_fields(out, stage_fields, inner, stage_types);
	}
}

static void print_fields(
	FILE *out, const struct field *fields, const char *prefix, const char *const *variants)
{
	for (const struct field *field = fields; field->name != NULL; field++) {
		char pointer[FIELD_TEXT_MAX];

		snprintf(pointer, sizeof(pointer), "%s/%s", prefix, field->name);
		if (field->kind == &field_ignored)
			continue;
		if (prefix[0] == '\0')
			fprintf(out, "## %s\n\n", field->name);
		print_field(out, field, pointer, variants);
		print_nested(out, field, pointer);
	}
}

void config_reference(FILE *out)
{
	print_fields(out, config_fields, "", NULL);
}
