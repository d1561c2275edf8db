/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of fields: true and false, whole numbers, fractions. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "config/field.h"

static int bool_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	(void)report;
	if (!json_is_boolean(value))
		return -EINVAL;
	field_store(field, target, json_is_true(value));
	return 0;
}

static int bool_write(const struct field *field, const void *target, json_t **ret_value)
{
	*ret_value = json_boolean(field_load(field, target) != 0);
	return 0;
}

static json_t *bool_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s}", "type", "boolean");
}

static void bool_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "true or false");
}

const struct field_kind field_bool = {
	.parse = bool_parse,
	.write = bool_write,
	.schema = bool_schema,
	.describe = bool_describe,
};

static int switch_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	if (!json_is_string(value))
		return bool_parse(report, field, value, target);
	if (strcmp(json_string_value(value), "auto") != 0)
		return -EINVAL;
	field_store(field, target, FEATURE_AUTO);
	return 0;
}

static int switch_write(const struct field *field, const void *target, json_t **ret_value)
{
	if (field_load(field, target) != FEATURE_AUTO)
		return bool_write(field, target, ret_value);
	*ret_value = json_string("auto");
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *switch_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:[b,b,s]}", "enum", 1, 0, "auto");
}

static void switch_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "true, false or \"auto\"");
}

const struct field_kind field_switch = {
	.parse = switch_parse,
	.write = switch_write,
	.schema = switch_schema,
	.describe = switch_describe,
};

/* 1000, 1e3 and "1k" are the same whole number. */
static int integer_value(const json_t *value, int64_t *ret_number)
{
	uint64_t count;

	if (json_is_integer(value)) {
		*ret_number = json_integer_value(value);
		return 0;
	}
	if (json_is_real(value)) {
		double real = json_real_value(value);

		if (real != floor(real) ||
			fabs(real) > 9007199254740992.0) /* 2^53: exact up to there */
			return -EINVAL;
		*ret_number = (int64_t)real;
		return 0;
	}
	if (!json_is_string(value) || units_parse_count(json_string_value(value), &count) < 0 ||
		count > INT64_MAX)
		return -EINVAL;
	*ret_number = (int64_t)count;
	return 0;
}

static int integer_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	int64_t number = 0;

	(void)report;
	if (integer_value(value, &number) < 0 || !field_takes(field, number))
		return -EINVAL;
	field_store(field, target, number);
	return 0;
}

static int integer_write(const struct field *field, const void *target, json_t **ret_value)
{
	*ret_value = json_integer(field_load(field, target));
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *integer_schema(const struct field *field)
{
	json_t *numbers;

	if (field->names == NULL)
		return json_pack("{s:[{s:s,s:I,s:I},{s:s,s:s}]}", "anyOf", "type", "integer",
			"minimum", (json_int_t)field->min, "maximum", (json_int_t)field->max,
			"type", "string", "pattern", "^[0-9]+(\\.[0-9]+)? ?[kKMGT]?$");
	numbers = json_array();
	for (const char *const *name = field->names; numbers != NULL && *name != NULL; name++) {
		json_t *number = json_loads(*name, JSON_DECODE_ANY, NULL);

		if (number == NULL || json_array_append_new(numbers, number) < 0) {
			json_decref(numbers);
			return NULL;
		}
	}
	return json_pack("{s:o}", "enum", numbers);
}

static void integer_describe(const struct field *field, char *buffer, size_t size)
{
	size_t length = 0;

	if (field->names == NULL) {
		snprintf(buffer, size, "a whole number from %lld to %lld", (long long)field->min,
			(long long)field->max);
		return;
	}
	for (const char *const *name = field->names; *name != NULL && length < size; name++)
		length += (size_t)snprintf(buffer + length, size - length, "%s%s",
			length == 0		  ? ""
				: name[1] == NULL ? " or "
						  : ", ",
			*name);
}

const struct field_kind field_integer = {
	.numeric = true,
	.parse = integer_parse,
	.write = integer_write,
	.schema = integer_schema,
	.describe = integer_describe,
};

/* Rounded to 10^-12, so that 15 digits write it back exactly and 0.3 stays "0.3". */
static int fraction_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	double number;

	(void)report;
	if (!json_is_number(value))
		return -EINVAL;
	number = json_number_value(value);
	if (!(number >= (double)field->min && number <= (double)field->max))
		return -EINVAL;
	*(double *)target = round(number * 1e12) / 1e12;
	return 0;
}

static int fraction_write(const struct field *field, const void *target, json_t **ret_value)
{
	(void)field;
	*ret_value = json_real(*(const double *)target);
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *fraction_schema(const struct field *field)
{
	return json_pack("{s:s,s:I,s:I}", "type", "number", "minimum", (json_int_t)field->min,
		"maximum", (json_int_t)field->max);
}

static void fraction_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a number from %lld to %lld", (long long)field->min,
		(long long)field->max);
}

const struct field_kind field_fraction = {
	.parse = fraction_parse,
	.write = fraction_write,
	.schema = fraction_schema,
	.describe = fraction_describe,
};
