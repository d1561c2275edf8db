/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU masks, written as lists ("1-3,8"), and one mask for each queue of a port. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/field.h"
#include "config/values.h"

#define LIST_PATTERN "^[0-9]+(-[0-9]+)?(, ?[0-9]+(-[0-9]+)?)*$"

static int mask_read(const json_t *value, struct cpu_mask *ret_mask)
{
	struct cpu_list list;

	memset(ret_mask, 0, sizeof(*ret_mask));
	if (json_is_integer(value)) {
		json_int_t cpu = json_integer_value(value);

		if (cpu < 0 || cpu >= CONFIG_CPUS_MAX)
			return -EINVAL;
		ret_mask->words[cpu / 64] = UINT64_C(1) << (cpu % 64);
		return 0;
	}
	if (!json_is_string(value))
		return -EINVAL;
	if (json_string_length(value) == 0)
		return 0;
	if (config_parse_cpus(json_string_value(value), CONFIG_CPUS_MAX - 1, &list) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < list.count; i++)
		ret_mask->words[list.cpus[i] / 64] |= UINT64_C(1) << (list.cpus[i] % 64);
	return 0;
}

/* A new reference, or NULL: out of memory. */
static json_t *mask_text(const struct cpu_mask *mask)
{
	char text[CONFIG_TEXT_MAX];
	struct cpu_list list;

	list.count = 0;
	for (unsigned cpu = 0; cpu < CONFIG_CPUS_MAX; cpu++)
		if (cpu_mask_has(mask, cpu))
			list.cpus[list.count++] = (uint16_t)cpu;
	if (list.count == 0)
		return json_string("");
	return json_string(config_format_cpus(text, sizeof(text), &list));
}

static int cpu_mask_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct cpu_mask mask;

	(void)report;
	(void)field;
	if (json_is_string(value) && json_string_length(value) == 0)
		return -EINVAL;
	if (mask_read(value, &mask) < 0)
		return -EINVAL;
	memcpy(target, &mask, sizeof(mask));
	return 0;
}

static int cpu_mask_write(const struct field *field, const void *target, json_t **ret_value)
{
	(void)field;
	*ret_value = mask_text(target);
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *cpu_mask_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:[{s:s,s:i,s:i},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum", 0,
		"maximum", CONFIG_CPUS_MAX - 1, "type", "string", "pattern", LIST_PATTERN);
}

static void cpu_mask_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "a list of CPUs from 0 to %d, such as \"2-5,8\"",
		CONFIG_CPUS_MAX - 1);
}

const struct field_kind field_cpu_mask = {
	.parse = cpu_mask_parse,
	.write = cpu_mask_write,
	.schema = cpu_mask_schema,
	.describe = cpu_mask_describe,
};

static int queue_masks_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct queue_masks *masks = target;
	size_t count = json_array_size(value);

	(void)report;
	(void)field;
	memset(masks, 0, sizeof(*masks));
	if (!json_is_array(value)) {
		masks->count = 1;
		masks->all = true;
		if (json_is_string(value) && json_string_length(value) == 0)
			return -EINVAL;
		return mask_read(value, &masks->masks[0]);
	}
	if (count == 0 || count > CONFIG_RSS_QUEUES_MAX)
		return -EINVAL;
	masks->count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		if (mask_read(json_array_get(value, i), &masks->masks[i]) < 0)
			return -EINVAL;
	return 0;
}

static int queue_masks_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct queue_masks *masks = target;

	(void)field;
	if (masks->all) {
		*ret_value = mask_text(&masks->masks[0]);
		return *ret_value == NULL ? -ENOMEM : 0;
	}
	*ret_value = json_array();
	for (unsigned i = 0; *ret_value != NULL && i < masks->count; i++)
		if (json_array_append_new(*ret_value, mask_text(&masks->masks[i])) < 0) {
			json_decref(*ret_value);
			*ret_value = NULL;
		}
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *queue_masks_schema(const struct field *field)
{
	return json_pack("{s:[o,{s:s,s:i,s:i,s:{s:[{s:s,s:i},{s:s,s:s}]}}]}", "anyOf",
		cpu_mask_schema(field), "type", "array", "minItems", 1, "maxItems",
		CONFIG_RSS_QUEUES_MAX, "items", "anyOf", "type", "integer", "minimum", 0, "type",
		"string", "pattern", "^([0-9]+(-[0-9]+)?(, ?[0-9]+(-[0-9]+)?)*)?$");
}

static void queue_masks_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size,
		"one list for all queues such as \"1-3\", or an array of lists, one a queue, such "
		"as "
		"[\"1\", \"2-3\"]");
}

const struct field_kind field_queue_masks = {
	.parse = queue_masks_parse,
	.write = queue_masks_write,
	.schema = queue_masks_schema,
	.describe = queue_masks_describe,
};
