/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kinds of fields with fields inside: objects, the map of ports, the list of pipelines and the
 * list of stages. The last three hold more than one member of their struct (array and count), so
 * their target is the struct itself.
 *
 * An entry that is wrong still takes its place, so that entry i of the array is entry i of the
 * file and the checks afterwards can say where they mean.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/field.h"
#include "config/nearest.h"

static int object_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	/* A name stands for the object without members: "workers": "auto". */
	if (json_is_string(value) && field->names != NULL &&
		strcmp(json_string_value(value), field->names[0]) == 0)
		value = NULL;
	else if (!json_is_object(value))
		return -EINVAL;
	fields_parse(report, field->fields, FIELD_VARIANTS_ALL, value, target);
	return 0;
}

static int object_write(const struct field *field, const void *target, json_t **ret_value)
{
	return fields_write(field->fields, FIELD_VARIANTS_ALL, target, ret_value);
}

static void object_release(const struct field *field, void *target)
{
	fields_release(field->fields, target);
}

static json_t *object_schema(const struct field *field)
{
	json_t *object = fields_schema(field->fields, FIELD_VARIANTS_ALL);

	if (object == NULL || field->names == NULL)
		return object;
	return json_pack("{s:[{s:s},o]}", "anyOf", "const", field->names[0], object);
}

static void object_describe(const struct field *field, char *buffer, size_t size)
{
	if (field->names == NULL)
		snprintf(buffer, size, "an object");
	else
		snprintf(buffer, size, "an object, or \"%s\"", field->names[0]);
}

const struct field_kind field_object = {
	.parse = object_parse,
	.write = object_write,
	.release = object_release,
	.schema = object_schema,
	.describe = object_describe,
};

/* Each variant of `fields` as one schema. */
static json_t *variants_schema(const struct field *fields, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; list != NULL && i < count; i++) {
		if (json_array_append_new(list, fields_schema(fields, 1u << i)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* A port has one source of packets, and that makes its kind. Returns the variants it may be. */
static unsigned port_variants(struct report *report, const json_t *value, struct config_port *port)
{
	char given[FIELD_TEXT_MAX] = "";
	size_t length = 0;
	unsigned count = 0;

	for (unsigned kind = 0; port_kind_names[kind] != NULL; kind++) {
		if (json_object_get(value, port_kind_names[kind]) == NULL)
			continue;
		port->kind = (enum port_kind)kind;
		length += (size_t)snprintf(given + length, sizeof(given) - length, "%s\"%s\"",
			count++ == 0 ? "" : " and ", port_kind_names[kind]);
	}
	if (count == 1)
		return 1u << port->kind;
	report_value(report,
		"found %s, expected exactly one of \"device\", \"replay\", \"generate\" and "
		"\"file\": what "
		"the port is",
		count == 0 ? "none" : given);
	return FIELD_VARIANTS_ALL;
}

/* Port names stand in tables, metrics and on command lines. */
static bool port_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= 31 &&
		strspn(name,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-") ==
		length;
}

static void port_parse(
	struct report *report, const char *name, const json_t *value, struct config_port *port)
{
	if (!port_name_valid(name))
		report_key(report,
			"a port's name has 1 to 31 letters, digits, or characters of \"_.:-\"");
	port->name = strdup(name);
	if (port->name == NULL)
		report->out_of_memory = true;
	if (!json_is_object(value)) {
		char found[FIELD_TEXT_MAX];

		field_found(value, found, sizeof(found));
		report_value(report, "found %s, expected an object that describes a port", found);
		return;
	}
	fields_parse(report, port_fields, port_variants(report, value, port), value, port);
}

static int ports_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct config *config = target;
	const char *name;
	json_t *entry;

	if (!json_is_object(value) || (int64_t)json_object_size(value) < field->min ||
		(int64_t)json_object_size(value) > field->max)
		return -EINVAL;
	/* In the order of the file: jansson keeps it. */
	json_object_foreach ((json_t *)(uintptr_t)value, name, entry) {
		size_t mark = report_enter_key(report, name);

		port_parse(report, name, entry, &config->ports[config->port_count++]);
		report_leave(report, mark);
	}
	return 0;
}

static int ports_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config *config = target;
	json_t *ports;

	(void)field;
	*ret_value = NULL;
	if (config->port_count == 0)
		return 0; /* beside "verbs": there need not be any */
	ports = json_object();
	for (unsigned i = 0; ports != NULL && i < config->port_count; i++) {
		const struct config_port *port = &config->ports[i];
		json_t *entry;

		if (fields_write(port_fields, 1u << port->kind, port, &entry) < 0 ||
			json_object_set_new(ports, port->name, entry) < 0) {
			json_decref(ports);
			return -ENOMEM;
		}
	}
	*ret_value = ports;
	return ports == NULL ? -ENOMEM : 0;
}

static void ports_release(const struct field *field, void *target)
{
	struct config *config = target;

	(void)field;
	for (unsigned i = 0; i < config->port_count; i++) {
		free(config->ports[i].name);
		fields_release(port_fields, &config->ports[i]);
	}
}

static json_t *ports_schema(const struct field *field)
{
	json_t *variants = variants_schema(port_fields, PORT_APPLICATION + 1);

	return variants == NULL
		? NULL
		: json_pack("{s:s,s:I,s:I,s:{s:s},s:{s:o}}", "type", "object", "minProperties",
			  (json_int_t)field->min, "maxProperties", (json_int_t)field->max,
			  "propertyNames", "pattern", "^[A-Za-z0-9_.:-]{1,31}$",
			  "additionalProperties", "oneOf", variants);
}

static void ports_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "an object with %lld to %lld ports by name", (long long)field->min,
		(long long)field->max);
}

const struct field_kind field_ports = {
	.parse = ports_parse,
	.write = ports_write,
	.release = ports_release,
	.schema = ports_schema,
	.describe = ports_describe,
};

static int pipelines_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	static const struct field pipeline = {.kind = &field_object, .fields = pipeline_fields};
	struct config *config = target;
	json_t *entry;
	size_t i;

	if (!json_is_array(value) || (int64_t)json_array_size(value) < field->min ||
		(int64_t)json_array_size(value) > field->max)
		return -EINVAL;
	json_array_foreach (value, i, entry) {
		size_t mark = report_enter_index(report, i);

		field_parse(report, &pipeline, entry, &config->pipelines[config->pipeline_count++]);
		report_leave(report, mark);
	}
	return 0;
}

static int pipelines_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config *config = target;

	(void)field;
	*ret_value = NULL;
	if (config->pipeline_count == 0)
		return 0;
	return fields_write_list(pipeline_fields, config->pipelines, sizeof(config->pipelines[0]),
		config->pipeline_count, ret_value);
}

static void pipelines_release(const struct field *field, void *target)
{
	struct config *config = target;

	(void)field;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		fields_release(pipeline_fields, &config->pipelines[i]);
}

static json_t *pipelines_schema(const struct field *field)
{
	json_t *pipeline = fields_schema(pipeline_fields, FIELD_VARIANTS_ALL);

	return pipeline == NULL ? NULL
				: json_pack("{s:s,s:I,s:I,s:o}", "type", "array", "minItems",
					  (json_int_t)field->min, "maxItems",
					  (json_int_t)field->max, "items", pipeline);
}

static void pipelines_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a list of %lld to %lld pipelines", (long long)field->min,
		(long long)field->max);
}

const struct field_kind field_pipelines = {
	.parse = pipelines_parse,
	.write = pipelines_write,
	.release = pipelines_release,
	.schema = pipelines_schema,
	.describe = pipelines_describe,
};

static unsigned stage_variants(const char *type)
{
	for (unsigned i = 0; type != NULL && stage_types[i] != NULL; i++)
		if (strcmp(stage_types[i], type) == 0)
			return 1u << i;
	return FIELD_VARIANTS_ALL;
}

/* "mac" is short for {"type": "mac"}. */
static void stage_parse(struct report *report, const json_t *value, struct config_stage *stage)
{
	const struct field *type = &stage_fields[0];
	char found[FIELD_TEXT_MAX];

	if (json_is_string(value)) {
		field_parse(report, type, value, field_at(type, stage));
		if (stage->type != NULL) {
			json_t *object = json_pack("{s:s}", type->name, stage->type);

			report->out_of_memory |= object == NULL;
			fields_parse(
				report, stage_fields, stage_variants(stage->type), object, stage);
			json_decref(object);
		}
	} else if (json_is_object(value)) {
		const char *given = json_string_value(json_object_get(value, type->name));

		fields_parse(report, stage_fields, stage_variants(given), value, stage);
	} else {
		field_found(value, found, sizeof(found));
		report_value(report,
			"found %s, expected the name of a stage, or an object with its \"type\"",
			found);
	}
}

static int stages_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct config_pipeline *pipeline = target;
	json_t *entry;
	size_t i;

	if (!json_is_array(value) || (int64_t)json_array_size(value) > field->max)
		return -EINVAL;
	json_array_foreach (value, i, entry) {
		size_t mark = report_enter_index(report, i);

		stage_parse(report, entry, &pipeline->stages[pipeline->stage_count++]);
		report_leave(report, mark);
	}
	return 0;
}

static int stages_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config_pipeline *pipeline = target;
	json_t *stages = json_array();

	(void)field;
	for (unsigned i = 0; stages != NULL && i < pipeline->stage_count; i++) {
		const struct config_stage *stage = &pipeline->stages[i];
		json_t *entry;

		if (fields_write(stage_fields, stage_variants(stage->type), stage, &entry) < 0 ||
			json_array_append_new(stages, entry) < 0) {
			json_decref(stages);
			return -ENOMEM;
		}
	}
	*ret_value = stages;
	return stages == NULL ? -ENOMEM : 0;
}

static json_t *stages_schema(const struct field *field)
{
	unsigned count = 0;
	json_t *variants, *names;

	while (stage_types[count] != NULL)
		count++;
	variants = variants_schema(stage_fields, count);
	if (variants == NULL)
		return NULL;
	names = stage_fields[0].kind->schema(&stage_fields[0]);
	if (json_array_insert_new(variants, 0, names) < 0) {
		json_decref(variants);
		return NULL;
	}
	/* The type of a variant is that one only. */
	for (unsigned i = 0; i < count; i++) {
		json_t *properties = json_object_get(json_array_get(variants, i + 1), "properties");

		if (json_object_set_new(properties, stage_fields[0].name,
			    json_pack("{s:s}", "const", stage_types[i])) < 0) {
			json_decref(variants);
			return NULL;
		}
	}
	return json_pack("{s:s,s:I,s:{s:o}}", "type", "array", "maxItems", (json_int_t)field->max,
		"items", "oneOf", variants);
}

static void stages_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a list of at most %lld stages", (long long)field->max);
}

const struct field_kind field_stages = {
	.parse = stages_parse,
	.write = stages_write,
	.schema = stages_schema,
	.describe = stages_describe,
};
