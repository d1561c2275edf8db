/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of fields share: defaults, the zero word, messages, and objects of fields. */
#include "config/field.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"

enum { FIELDS_MAX = 32 }; /* an object has fewer */

bool field_applies(const struct field *field, unsigned variants)
{
	return field->variants == 0 || (field->variants & variants) != 0;
}

static bool is_name_of(const struct field *field, const char *name)
{
	return strcmp(field->name, name) == 0 ||
		(field->alias != NULL && strcmp(field->alias, name) == 0);
}

const struct field *field_find(const struct field *fields, const char *name, unsigned variants)
{
	for (; fields->name != NULL; fields++)
		if (field_applies(fields, variants) && is_name_of(fields, name))
			return fields;
	return NULL;
}

void field_store(const struct field *field, void *target, int64_t value)
{
	/* Little endian, as every machine weir runs on: the low bytes are the narrower number. */
	memcpy(target, &value, field->width);
}

int64_t field_load(const struct field *field, const void *target)
{
	int64_t value = 0;

	memcpy(&value, target, field->width);
	if (field->min < 0 && field->width < sizeof(value)) {
		unsigned shift = 64 - 8 * (unsigned)field->width;

		value = (int64_t)((uint64_t)value << shift) >> shift;
	}
	return value;
}

bool field_takes(const struct field *field, int64_t value)
{
	char text[24];

	if (value == 0 && field->zero != NULL)
		return true;
	if (field->names == NULL)
		return value >= field->min && value <= field->max;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	for (const char *const *name = field->names; *name != NULL; name++)
		if (strcmp(*name, text) == 0)
			return true;
	return false;
}

/* Cuts at a whole UTF-8 character. */
static void shorten(char *text, size_t length_max)
{
	size_t length = length_max;

	if (strlen(text) <= length_max + 3)
		return;
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	memcpy(text + length, "...", 4);
}

void field_found(const json_t *value, char *buffer, size_t size)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: snprintf(buffer, size, "an object"); break;
	case JSON_ARRAY: snprintf(buffer, size, "a list"); break;
	case JSON_STRING: {
		char text[FIELD_TEXT_MAX];

		snprintf(text, sizeof(text), "%s", json_string_value(value));
		shorten(text, 60);
		snprintf(buffer, size, "\"%s\"", text);
		break;
	}
	case JSON_INTEGER: snprintf(buffer, size, "%lld", json_integer_value(value)); break;
	case JSON_REAL: snprintf(buffer, size, "%.15g", json_real_value(value)); break;
	case JSON_TRUE: snprintf(buffer, size, "true"); break;
	case JSON_FALSE: snprintf(buffer, size, "false"); break;
	case JSON_NULL: snprintf(buffer, size, "null"); break;
	}
}

void field_describe(const struct field *field, char *buffer, size_t size)
{
	size_t length;

	field->kind->describe(field, buffer, size);
	length = strlen(buffer);
	if (field->zero != NULL)
		snprintf(buffer + length, size - length, ", or \"%s\"", field->zero);
}

/* "did you mean" for a misspelt word; "" when there is nothing to propose. */
static void suggest(const struct field *field, const json_t *value, char *buffer, size_t size)
{
	const char *zero[] = {field->zero, NULL};
	const char *near = NULL;

	buffer[0] = '\0';
	if (!json_is_string(value))
		return;
	if (field->names != NULL)
		near = config_nearest(json_string_value(value), field->names);
	if (near == NULL)
		near = config_nearest(json_string_value(value), zero);
	if (near != NULL)
		snprintf(buffer, size, "; did you mean \"%s\"?", near);
}

static bool is_zero(const struct field *field, const json_t *value)
{
	if (field->zero == NULL)
		return false;
	if (json_is_string(value))
		return strcmp(json_string_value(value), field->zero) == 0;
	return field->kind->numeric && json_is_integer(value) && json_integer_value(value) == 0;
}

void field_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	char found[FIELD_TEXT_MAX], expected[FIELD_TEXT_MAX], hint[FIELD_TEXT_MAX];
	int ret;

	if (is_zero(field, value))
		return; /* the struct began as zero */
	ret = field->kind->parse(report, field, value, target);
	if (ret == -ENOMEM) {
		report->out_of_memory = true;
	} else if (ret < 0) {
		field_found(value, found, sizeof(found));
		field_describe(field, expected, sizeof(expected));
		suggest(field, value, hint, sizeof(hint));
		report_value(report, "found %s, expected %s%s", found, expected, hint);
	}
}

static void parse_fallback(struct report *report, const struct field *field, void *target)
{
	json_t *value = json_loads(field->fallback, JSON_DECODE_ANY, NULL);

	if (value == NULL)
		report->out_of_memory = true;
	else
		field_parse(report, field, value, target);
	json_decref(value);
}

static void report_unknown(
	struct report *report, const struct field *fields, unsigned variants, const char *key)
{
	const char *names[2 * FIELDS_MAX + 1];
	const char *near;
	char known[FIELD_TEXT_MAX] = "", found[FIELD_TEXT_MAX];
	size_t count = 0, length = 0;

	for (const struct field *field = fields; field->name != NULL && count < 2 * FIELDS_MAX - 1;
		field++) {
		if (!field_applies(field, variants) || field->kind == &field_ignored)
			continue;
		names[count++] = field->name;
		if (field->alias != NULL)
			names[count++] = field->alias;
		if (length < sizeof(known))
			length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%s",
				length == 0 ? "" : ", ", field->name);
	}
	names[count] = NULL;
	snprintf(found, sizeof(found), "%s", key);
	shorten(found, 60);
	near = config_nearest(key, names);
	if (near != NULL)
		report_key(report, "unknown key \"%s\"; did you mean \"%s\"?", found, near);
	else if (field_find(fields, key, FIELD_VARIANTS_ALL) != NULL)
		report_key(report, "\"%s\" has no meaning here; expected one of: %s", found, known);
	else
		report_key(report, "unknown key \"%s\"; expected one of: %s", found, known);
}

/* The value of a field, under which of its names it stands: its own where it stands nowhere. */
static const json_t *find_value(struct report *report, const struct field *field,
	const json_t *object, const char **ret_key)
{
	const json_t *value = json_object_get(object, field->name);
	const json_t *other = field->alias ? json_object_get(object, field->alias) : NULL;
	size_t mark;

	*ret_key = field->name;
	if (other == NULL)
		return value;
	*ret_key = field->alias;
	if (value != NULL) {
		mark = report_enter_key(report, field->alias);
		report_key(report, "\"%s\" is \"%s\", which is given too: one of them is enough",
			field->alias, field->name);
		report_leave(report, mark);
	}
	return other;
}

void fields_parse(struct report *report, const struct field *fields, unsigned variants,
	const json_t *object, void *structure)
{
	const char *key;
	json_t *member;

	/* jansson's iteration does not change the object, but does not take a const one. */
	json_object_foreach ((json_t *)(uintptr_t)object, key, member) {
		size_t mark = report_enter_key(report, key);

		if (field_find(fields, key, variants) == NULL)
			report_unknown(report, fields, variants, key);
		report_leave(report, mark);
	}
	for (const struct field *field = fields; field->name != NULL; field++) {
		const json_t *value;
		size_t mark;

		if (!field_applies(field, variants))
			continue;
		/* Of an object of unknown variant, the first field of a name reads the value. */
		if (field_find(fields, field->name, variants) != field)
			continue;
		value = find_value(report, field, object, &key);
		if (value == NULL && field->required &&
			(field->unless == NULL || json_object_get(object, field->unless) == NULL) &&
			(field->variants == 0 || variants != FIELD_VARIANTS_ALL))
			report_value(report, "\"%s\" is missing: %s", field->name, field->help);
		mark = report_enter_key(report, key);
		if (value != NULL)
			field_parse(report, field, value, field_at(field, structure));
		else if (field->fallback != NULL)
			parse_fallback(report, field, field_at(field, structure));
		report_leave(report, mark);
	}
}

int fields_write_list(const struct field *fields, const void *structures, size_t each,
	unsigned count, json_t **ret_list)
{
	json_t *list = json_array();

	for (unsigned i = 0; list != NULL && i < count; i++) {
		json_t *entry;

		if (fields_write(fields, FIELD_VARIANTS_ALL, (const char *)structures + i * each,
			    &entry) < 0 ||
			json_array_append_new(list, entry) < 0) {
			json_decref(list);
			return -ENOMEM;
		}
	}
	*ret_list = list;
	return list == NULL ? -ENOMEM : 0;
}

void fields_release(const struct field *fields, void *structure)
{
	for (const struct field *field = fields; field->name != NULL; field++)
		if (field->kind->release != NULL)
			field->kind->release(field, field_at(field, structure));
}

static bool all_zero(const void *bytes, size_t count)
{
	const char *at = bytes;

	return count > 0 && at[0] == 0 && memcmp(at, at + 1, count - 1) == 0;
}

int field_write(const struct field *field, const void *target, json_t **ret_value)
{
	if (field->zero != NULL && all_zero(target, field->width)) {
		*ret_value = json_string(field->zero);
		return *ret_value == NULL ? -ENOMEM : 0;
	}
	return field->kind->write(field, target, ret_value);
}

int fields_write(
	const struct field *fields, unsigned variants, const void *structure, json_t **ret_object)
{
	json_t *object = json_object();

	*ret_object = NULL;
	if (object == NULL)
		return -ENOMEM;
	for (const struct field *field = fields; field->name != NULL; field++) {
		json_t *value = NULL;

		if (!field_applies(field, variants))
			continue;
		if (field_write(field, field_at_const(field, structure), &value) < 0 ||
			(value != NULL && json_object_set_new(object, field->name, value) < 0)) {
			json_decref(object);
			return -ENOMEM;
		}
	}
	*ret_object = object;
	return 0;
}
