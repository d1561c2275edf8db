/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of captures; its target is the whole struct config, as that of pipelines is. */
#include <errno.h>
#include <stdio.h>

#include "config/field.h"

static int captures_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	static const struct field capture = {.kind = &field_object, .fields = capture_fields};
	struct config *config = target;
	json_t *entry;
	size_t i;

	if (!json_is_array(value) || (int64_t)json_array_size(value) > field->max)
		return -EINVAL;
	json_array_foreach (value, i, entry) {
		size_t mark = report_enter_index(report, i);

		field_parse(report, &capture, entry, &config->captures[config->capture_count++]);
		report_leave(report, mark);
	}
	return 0;
}

static int captures_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config *config = target;

	(void)field;
	return fields_write_list(capture_fields, config->captures, sizeof(config->captures[0]),
		config->capture_count, ret_value);
}

static void captures_release(const struct field *field, void *target)
{
	struct config *config = target;

	(void)field;
	for (unsigned i = 0; i < config->capture_count; i++)
		fields_release(capture_fields, &config->captures[i]);
}

static json_t *captures_schema(const struct field *field)
{
	json_t *capture = fields_schema(capture_fields, FIELD_VARIANTS_ALL);

	return capture == NULL ? NULL
			       : json_pack("{s:s,s:I,s:o}", "type", "array", "maxItems",
					 (json_int_t)field->max, "items", capture);
}

static void captures_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a list of at most %lld captures", (long long)field->max);
}

const struct field_kind field_captures = {
	.parse = captures_parse,
	.write = captures_write,
	.release = captures_release,
	.schema = captures_schema,
	.describe = captures_describe,
};
