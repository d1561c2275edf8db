/* SPDX-License-Identifier: BSD-3-Clause */
/* The object "verbs": off where it is absent or says so, on where there is one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/field.h"

static int verbs_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct config_verbs *verbs = target;

	if (json_is_string(value) && strcmp(json_string_value(value), field->names[0]) == 0)
		value = NULL;
	else if (!json_is_object(value))
		return -EINVAL;
	verbs->on = value != NULL;
	fields_parse(report, field->fields, FIELD_VARIANTS_ALL, value, target);
	return 0;
}

static int verbs_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config_verbs *verbs = target;

	if (verbs->on)
		return fields_write(field->fields, FIELD_VARIANTS_ALL, target, ret_value);
	*ret_value = json_string(field->names[0]);
	return *ret_value == NULL ? -ENOMEM : 0;
}

static void verbs_release(const struct field *field, void *target)
{
	fields_release(field->fields, target);
}

static json_t *verbs_schema(const struct field *field)
{
	json_t *object = fields_schema(field->fields, FIELD_VARIANTS_ALL);

	return object == NULL
		? NULL
		: json_pack("{s:[{s:s},o]}", "anyOf", "const", field->names[0], object);
}

static void verbs_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "an object, or \"%s\"", field->names[0]);
}

const struct field_kind field_verbs = {
	.parse = verbs_parse,
	.write = verbs_write,
	.release = verbs_release,
	.schema = verbs_schema,
	.describe = verbs_describe,
};
