/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The field table as a JSON Schema. Source: JSON Schema draft 2020-12, core and validation.
 *
 * A schema cannot say everything: that pipelines name ports, that a range's ends are in order,
 * limits of values with units. `weir check` says those.
 */
#include <errno.h>

#include "config/field.h"

/* What the field is for. JSON Schema has no word for what may be set while it runs, so the text
 * says it. */
static json_t *description(const struct field *field)
{
	return field->live ? json_sprintf("%s May be set while weir runs.", field->help)
			   : json_string(field->help);
}

/* The kind's schema, or the zero word; with what the field is for, and its default. */
json_t *field_schema(const struct field *field)
{
	json_t *schema = field->kind->schema(field);

	if (schema != NULL && field->zero != NULL)
		schema = field->kind->numeric
			? json_pack("{s:[{s:[s,i]},o]}", "anyOf", "enum", field->zero, 0, schema)
			: json_pack("{s:[{s:s},o]}", "anyOf", "const", field->zero, schema);
	if (schema == NULL)
		return NULL;
	if (json_object_set_new(schema, "description", description(field)) < 0)
		goto failed;
	if (field->fallback != NULL &&
		json_object_set_new(
			schema, "default", json_loads(field->fallback, JSON_DECODE_ANY, NULL)) < 0)
		goto failed;
	return schema;
failed:
	json_decref(schema);
	return NULL;
}

/* The other name of a field: as a property of its own, and not beside the first. */
static int add_alias(json_t *schema, const struct field *field)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *rules, *alias;

	if (json_object_get(schema, "allOf") == NULL &&
		json_object_set_new(schema, "allOf", json_array()) < 0)
		return -ENOMEM;
	rules = json_object_get(schema, "allOf");
	alias = field_schema(field);
	json_object_del(alias, "default");
	if (json_object_set_new(alias, "description", json_sprintf("Short for %s.", field->name)) <
			0 ||
		json_array_append_new(rules,
			json_pack("{s:{s:[s,s]}}", "not", "required", field->name, field->alias)) <
			0) {
		json_decref(alias);
		return -ENOMEM;
	}
	return json_object_set_new(properties, field->alias, alias) < 0 ? -ENOMEM : 0;
}

json_t *fields_schema(const struct field *fields, unsigned variants)
{
	json_t *schema = json_pack("{s:s,s:{},s:[],s:b}", "type", "object", "properties",
		"required", "additionalProperties", 0);
	json_t *properties = json_object_get(schema, "properties");
	json_t *required = json_object_get(schema, "required");

	if (schema == NULL)
		return NULL;
	for (const struct field *field = fields; field->name != NULL; field++) {
		if (!field_applies(field, variants))
			continue;
		if (json_object_set_new(properties, field->name, field_schema(field)) < 0 ||
			(field->alias != NULL && add_alias(schema, field) < 0) ||
			(field->required && field->unless == NULL &&
				json_array_append_new(required, json_string(field->name)) < 0)) {
			json_decref(schema);
			return NULL;
		}
	}
	return schema;
}

/* What is required but beside another member. */
static int add_unless(json_t *root)
{
	json_t *together = json_array(), *either = json_array();
	const char *other = NULL;
	int result = 0;

	for (const struct field *field = config_fields; field->name != NULL; field++)
		if (field->required && field->unless != NULL) {
			other = field->unless;
			result |= json_array_append_new(together, json_string(field->name));
		}
	if (result == 0 && other != NULL)
		result = json_array_append_new(either, json_pack("{s:[s]}", "required", other)) |
			json_array_append_new(either, json_pack("{s:O}", "required", together));
	json_decref(together);
	if (result == 0 && other != NULL)
		return json_object_set_new(root, "anyOf", either) < 0 ? -ENOMEM : 0;
	json_decref(either);
	return result == 0 ? 0 : -ENOMEM;
}

char *config_schema(void)
{
	json_t *schema = fields_schema(config_fields, FIELD_VARIANTS_ALL);
	json_t *root = NULL;
	char *text = NULL;

	if (schema != NULL)
		root = json_pack("{s:s,s:s}", "$schema",
			"https://json-schema.org/draft/2020-12/schema", "title",
			"weir configuration");
	if (root != NULL && json_object_update(root, schema) == 0 && add_unless(root) == 0)
		text = field_text(root);
	json_decref(schema);
	json_decref(root);
	return text;
}
