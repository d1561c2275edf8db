/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of fields whose values are one word with a form of its own: 10ms, 64KiB, 2-5,8, 1.5Mpps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "config/field.h"
#include "config/values.h"

static int write_text(const char *text, json_t **ret_value)
{
	*ret_value = json_string(text);
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *pattern_schema(const char *pattern)
{
	return json_pack("{s:s,s:s}", "type", "string", "pattern", pattern);
}

static int store_if_taken(const struct field *field, void *target, uint64_t value)
{
	if (value > INT64_MAX || !field_takes(field, (int64_t)value))
		return -EINVAL;
	field_store(field, target, (int64_t)value);
	return 0;
}

static int duration_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	uint64_t ns;

	(void)report;
	if (!json_is_string(value) || units_parse_duration(json_string_value(value), &ns) < 0)
		return -EINVAL;
	return store_if_taken(field, target, ns);
}

static int duration_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[UNITS_TEXT_MAX];

	units_format_duration(text, sizeof(text), (uint64_t)field_load(field, target));
	return write_text(text, ret_value);
}

static json_t *duration_schema(const struct field *field)
{
	(void)field;
	return pattern_schema("^(0|[0-9]+(\\.[0-9]+)? ?(ns|us|µs|ms|s|min|h|d))$");
}

static void duration_describe(const struct field *field, char *buffer, size_t size)
{
	char from[UNITS_TEXT_MAX], to[UNITS_TEXT_MAX];

	units_format_duration(from, sizeof(from), (uint64_t)field->min);
	units_format_duration(to, sizeof(to), (uint64_t)field->max);
	snprintf(buffer, size, "%s, from %s to %s", units_duration_expected, from, to);
}

const struct field_kind field_duration = {
	.numeric = true,
	.parse = duration_parse,
	.write = duration_write,
	.schema = duration_schema,
	.describe = duration_describe,
};

static int bytes_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	uint64_t bytes;

	(void)report;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		bytes = (uint64_t)json_integer_value(value);
	else if (!json_is_string(value) || units_parse_bytes(json_string_value(value), &bytes) < 0)
		return -EINVAL;
	return store_if_taken(field, target, bytes);
}

static int bytes_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[UNITS_TEXT_MAX];
	int64_t bytes = field_load(field, target);

	if (bytes % 1024 != 0) {
		*ret_value = json_integer(bytes);
		return *ret_value == NULL ? -ENOMEM : 0;
	}
	units_format_bytes(text, sizeof(text), (uint64_t)bytes);
	return write_text(text, ret_value);
}

static json_t *bytes_schema(const struct field *field)
{
	return json_pack("{s:[{s:s,s:I,s:I},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum",
		(json_int_t)field->min, "maximum", (json_int_t)field->max, "type", "string",
		"pattern", "^[0-9]+(\\.[0-9]+)? ?([kKMGT]i?)?B?$");
}

static void bytes_describe(const struct field *field, char *buffer, size_t size)
{
	char from[UNITS_TEXT_MAX], to[UNITS_TEXT_MAX];

	units_format_bytes(from, sizeof(from), (uint64_t)field->min);
	units_format_bytes(to, sizeof(to), (uint64_t)field->max);
	snprintf(buffer, size, "%s, from %s to %s", units_bytes_expected, from, to);
}

const struct field_kind field_bytes = {
	.numeric = true,
	.parse = bytes_parse,
	.write = bytes_write,
	.schema = bytes_schema,
	.describe = bytes_describe,
};

/* A plain number, or a list like "2-5,8". */
static int cpus_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct cpu_list *cpus = target;

	(void)report;
	if (json_is_integer(value)) {
		json_int_t cpu = json_integer_value(value);

		if (cpu < field->min || cpu > field->max)
			return -EINVAL;
		cpus->count = 1;
		cpus->cpus[0] = (uint16_t)cpu;
		return 0;
	}
	if (!json_is_string(value) ||
		config_parse_cpus(json_string_value(value), (unsigned)field->max, cpus) < 0)
		return -EINVAL;
	return 0;
}

static int cpus_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[CONFIG_TEXT_MAX];

	(void)field;
	return write_text(config_format_cpus(text, sizeof(text), target), ret_value);
}

static json_t *cpus_schema(const struct field *field)
{
	return json_pack("{s:[{s:s,s:I,s:I},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum",
		(json_int_t)field->min, "maximum", (json_int_t)field->max, "type", "string",
		"pattern", "^[0-9]+(-[0-9]+)?(, ?[0-9]+(-[0-9]+)?)*$");
}

static void cpus_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size, "a list of numbers from %lld to %lld, such as \"2-5,8\"",
		(long long)field->min, (long long)field->max);
}

const struct field_kind field_cpus = {
	.parse = cpus_parse,
	.write = cpus_write,
	.schema = cpus_schema,
	.describe = cpus_describe,
};

static int speed_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct speed *speed = target;
	int ret;

	(void)report;
	if (!json_is_string(value))
		return -EINVAL;
	ret = config_parse_speed(json_string_value(value), speed);
	/* A field that starts at 1 is of a source without times of its own: see speed_describe().
	 */
	if (ret == 0 && field->min == 1 &&
		(speed->kind == SPEED_ORIGINAL || speed->kind == SPEED_MULTIPLE))
		return -EINVAL;
	return ret < 0 ? -EINVAL : 0;
}

static int speed_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[CONFIG_TEXT_MAX];

	(void)field;
	return write_text(config_format_speed(text, sizeof(text), target), ret_value);
}

static json_t *speed_schema(const struct field *field)
{
	return pattern_schema(field->min == 1
			? "^(top|[0-9]+(\\.[0-9]+)? ?[kKMGT]?(pps|bps|bit/s))$"
			: "^(original|top|x[0-9]+(\\.[0-9]+)?|"
			  "[0-9]+(\\.[0-9]+)? ?[kKMGT]?(pps|bps|bit/s))$");
}

static void speed_describe(const struct field *field, char *buffer, size_t size)
{
	snprintf(buffer, size,
		"\"top\", %spackets a second such as \"1.5Mpps\" or bits a second such "
		"as \"10Gbps\"",
		field->min == 1 ? "" : "\"original\", a multiple of it such as \"x2.5\", ");
}

const struct field_kind field_speed = {
	.parse = speed_parse,
	.write = speed_write,
	.schema = speed_schema,
	.describe = speed_describe,
};

static int mac_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	(void)report;
	(void)field;
	return json_is_string(value) ? config_parse_mac(json_string_value(value), target) : -EINVAL;
}

static int mac_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[CONFIG_TEXT_MAX];

	(void)field;
	return write_text(config_format_mac(text, sizeof(text), target), ret_value);
}

static json_t *mac_schema(const struct field *field)
{
	(void)field;
	return pattern_schema("^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$");
}

static void mac_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size, "a MAC address such as \"02:00:00:00:00:01\"");
}

const struct field_kind field_mac = {
	.parse = mac_parse,
	.write = mac_write,
	.schema = mac_schema,
	.describe = mac_describe,
};

/* Its target is the whole struct config_generate: three members come from one word. */
static int frame_size_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	char text[24];

	(void)report;
	(void)field;
	if (json_is_string(value))
		return config_parse_frame_size(json_string_value(value), target) < 0 ? -EINVAL : 0;
	if (!json_is_integer(value))
		return -EINVAL;
	snprintf(text, sizeof(text), "%lld", json_integer_value(value));
	return config_parse_frame_size(text, target) < 0 ? -EINVAL : 0;
}

static int frame_size_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct config_generate *generate = target;
	char text[CONFIG_TEXT_MAX];

	(void)field;
	if (!generate->imix && generate->size_min == generate->size_max) {
		*ret_value = json_integer(generate->size_min);
		return *ret_value == NULL ? -ENOMEM : 0;
	}
	return write_text(config_format_frame_size(text, sizeof(text), generate), ret_value);
}

static json_t *frame_size_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:[{s:s,s:i,s:i},{s:s,s:s}]}", "anyOf", "type", "integer", "minimum",
		CONFIG_FRAME_BYTES_MIN, "maximum", CONFIG_FRAME_BYTES_MAX, "type", "string",
		"pattern", "^(imix|[0-9]+(-[0-9]+)?)$");
}

static void frame_size_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size,
		"frame bytes from %d to %d, a range of them such as \"64-1500\", or \"imix\"",
		CONFIG_FRAME_BYTES_MIN, CONFIG_FRAME_BYTES_MAX);
}

const struct field_kind field_frame_size = {
	.parse = frame_size_parse,
	.write = frame_size_write,
	.schema = frame_size_schema,
	.describe = frame_size_describe,
};
