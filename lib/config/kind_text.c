/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of fields that hold text: strings, lists of them, words of a fixed set. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/field.h"

static int copy_string(const struct field *field, const json_t *value, char **ret_text)
{
	if (!json_is_string(value) || (int64_t)json_string_length(value) < field->min ||
		(int64_t)json_string_length(value) > field->max)
		return -EINVAL;
	*ret_text = strdup(json_string_value(value));
	return *ret_text == NULL ? -ENOMEM : 0;
}

static int string_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	(void)report;
	return copy_string(field, value, target);
}

static int string_write(const struct field *field, const void *target, json_t **ret_value)
{
	const char *text = *(char *const *)target;

	(void)field;
	*ret_value = text == NULL ? NULL : json_string(text);
	return text != NULL && *ret_value == NULL ? -ENOMEM : 0;
}

static void string_release(const struct field *field, void *target)
{
	(void)field;
	free(*(char **)target);
	*(char **)target = NULL;
}

static json_t *string_schema(const struct field *field)
{
	return json_pack("{s:s,s:I,s:I}", "type", "string", "minLength", (json_int_t)field->min,
		"maxLength", (json_int_t)field->max);
}

static void string_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a string of %lld to %lld characters", (long long)field->min,
		(long long)field->max);
}

const struct field_kind field_string = {
	.parse = string_parse,
	.write = string_write,
	.release = string_release,
	.schema = string_schema,
	.describe = string_describe,
};

static void strings_release(const struct field *field, void *target)
{
	char ***list = target;

	(void)field;
	for (char **text = *list; text != NULL && *text != NULL; text++)
		free(*text);
	free(*list);
	*list = NULL;
}

/* One string stands for a list of one. */
static int strings_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	static const struct field element = {.min = 1, .max = 4095};
	char ***list = target;
	size_t count = json_is_string(value) ? 1 : json_array_size(value);

	(void)report;
	if ((!json_is_string(value) && !json_is_array(value)) || (int64_t)count < field->min ||
		(int64_t)count > field->max)
		return -EINVAL;
	*list = calloc(count + 1, sizeof(**list));
	if (*list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *text = json_is_string(value) ? value : json_array_get(value, i);
		int ret = copy_string(&element, text, &(*list)[i]);

		if (ret < 0) {
			strings_release(field, target);
			return ret;
		}
	}
	return 0;
}

static int strings_write(const struct field *field, const void *target, json_t **ret_value)
{
	char *const *list = *(char **const *)target;
	json_t *array;

	(void)field;
	*ret_value = NULL;
	if (list == NULL)
		return 0;
	array = json_array();
	for (; array != NULL && *list != NULL; list++) {
		if (json_array_append_new(array, json_string(*list)) < 0) {
			json_decref(array);
			return -ENOMEM;
		}
	}
	*ret_value = array;
	return array == NULL ? -ENOMEM : 0;
}

static json_t *strings_schema(const struct field *field)
{
	return json_pack("{s:[{s:s,s:i},{s:s,s:I,s:I,s:{s:s,s:i}}]}", "anyOf", "type", "string",
		"minLength", 1, "type", "array", "minItems", (json_int_t)field->min, "maxItems",
		(json_int_t)field->max, "items", "type", "string", "minLength", 1);
}

static void strings_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a string, or a list of %lld to %lld non-empty strings",
		(long long)field->min, (long long)field->max);
}

const struct field_kind field_strings = {
	.parse = strings_parse,
	.write = strings_write,
	.release = strings_release,
	.schema = strings_schema,
	.describe = strings_describe,
};

static int name_index(const struct field *field, const json_t *value)
{
	if (!json_is_string(value))
		return -EINVAL;
	for (int i = 0; field->names[i] != NULL; i++)
		if (strcmp(field->names[i], json_string_value(value)) == 0)
			return i;
	return -EINVAL;
}

static int enum_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	int index = name_index(field, value);

	(void)report;
	if (index >= 0)
		field_store(field, target, index);
	return index < 0 ? index : 0;
}

static int enum_write(const struct field *field, const void *target, json_t **ret_value)
{
	*ret_value = json_string(field->names[field_load(field, target)]);
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *enum_schema(const struct field *field)
{
	json_t *names = json_array();

	for (const char *const *name = field->names; names != NULL && *name != NULL; name++) {
		if (json_array_append_new(names, json_string(*name)) < 0) {
			json_decref(names);
			return NULL;
		}
	}
	return names == NULL ? NULL : json_pack("{s:o}", "enum", names);
}

static void enum_describe(const struct field *field, char *buffer, size_t size)
{
	size_t length = 0;

	for (const char *const *name = field->names; *name != NULL && length < size; name++)
		length += (size_t)snprintf(buffer + length, size - length, "%s\"%s\"",
			length == 0					 ? ""
				: name[1] == NULL && field->zero == NULL ? " or "
									 : ", ",
			*name);
}

const struct field_kind field_enum = {
	.parse = enum_parse,
	.write = enum_write,
	.schema = enum_schema,
	.describe = enum_describe,
};

/* As an enum, but the member points to the name itself. */
static int name_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	int index = name_index(field, value);

	(void)report;
	if (index >= 0)
		*(const char **)target = field->names[index];
	return index < 0 ? index : 0;
}

const struct field_kind field_name = {
	.parse = name_parse,
	.write = string_write,
	.schema = enum_schema,
	.describe = enum_describe,
};

static int ignored_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	(void)report;
	(void)field;
	(void)target;
	return json_is_string(value) ? 0 : -EINVAL;
}

static int ignored_write(const struct field *field, const void *target, json_t **ret_value)
{
	(void)field;
	(void)target;
	*ret_value = NULL;
	return 0;
}

static json_t *ignored_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s}", "type", "string");
}

static void ignored_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "a string");
}

const struct field_kind field_ignored = {
	.parse = ignored_parse,
	.write = ignored_write,
	.schema = ignored_schema,
	.describe = ignored_describe,
};
