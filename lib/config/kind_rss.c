/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of fields of receive side scaling: the key, the letters of hash fields, weights. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#include "config/field.h"
#include "config/values.h"
#include "steering/toeplitz.h"

/* One of chance is read once: what is in force has its bytes. */
static int rss_key_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	(void)report;
	(void)field;
	if (!json_is_string(value))
		return -EINVAL;
	if (strcmp(json_string_value(value), "random") != 0)
		return toeplitz_key_parse(json_string_value(value), target, NULL);
	return getrandom(target, CONFIG_RSS_KEY_BYTES, 0) == CONFIG_RSS_KEY_BYTES ? 0 : -ENOMEM;
}

static int rss_key_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[CONFIG_TEXT_MAX];

	(void)field;
	*ret_value = json_string(config_format_rss_key(text, sizeof(text), target));
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *rss_key_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s,s:s}", "type", "string", "pattern",
		"^(microsoft|symmetric|random|[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){39,})$");
}

static void rss_key_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size,
		"\"microsoft\", \"symmetric\", \"random\" or %d bytes in hexadecimal",
		CONFIG_RSS_KEY_BYTES);
}

const struct field_kind field_rss_key = {
	.parse = rss_key_parse,
	.write = rss_key_write,
	.schema = rss_key_schema,
	.describe = rss_key_describe,
};

/* field->max: the RSS_FIELD_* that this type of traffic has. */
static void report_letter(
	struct report *report, const struct field *field, const char *text, const char *letter)
{
	char possible[RSS_FIELDS_TEXT_BYTES];

	rss_fields_format((uint8_t)field->max, possible);
	if (*letter == 'r')
		report_value(report,
			"found \"%.20s\": 'r' (discard) is not done by RSS here: let a pipeline "
			"drop what should not pass",
			text);
	else if (strchr(possible, *letter) != NULL)
		report_value(report, "found \"%.20s\": '%c' is given twice", text, *letter);
	else
		report_value(report,
			"found \"%.20s\": %s has no field '%.1s', expected letters of \"%s\", or "
			"\"none\"",
			text, field->name, letter, possible);
}

static int rss_letters_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	const char *text = json_string_value(value);
	const char *letter;

	if (text == NULL || text[0] == '\0')
		return -EINVAL;
	letter = rss_fields_parse(text, (uint8_t)field->max, target);
	if (letter != NULL && (unsigned char)*letter >= 0x80)
		return -EINVAL; /* not a letter to quote */
	if (letter != NULL)
		report_letter(report, field, text, letter);
	return 0;
}

static int rss_letters_write(const struct field *field, const void *target, json_t **ret_value)
{
	char text[RSS_FIELDS_TEXT_BYTES];

	(void)field;
	*ret_value = json_string(rss_fields_format(*(const uint8_t *)target, text));
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *rss_letters_schema(const struct field *field)
{
	char possible[RSS_FIELDS_TEXT_BYTES], pattern[64];

	rss_fields_format((uint8_t)field->max, possible);
	/* no letter twice */
	snprintf(pattern, sizeof(pattern), "^(?!.*(.).*\\1)[%s]+$", possible);
	return json_pack("{s:s,s:s}", "type", "string", "pattern", pattern);
}

static void rss_letters_describe(const struct field *field, char *buffer, size_t size)
{
	char possible[RSS_FIELDS_TEXT_BYTES];

	snprintf(buffer, size, "letters of \"%s\"",
		rss_fields_format((uint8_t)field->max, possible));
}

const struct field_kind field_rss_letters = {
	.parse = rss_letters_parse,
	.write = rss_letters_write,
	.schema = rss_letters_schema,
	.describe = rss_letters_describe,
};

enum { WEIGHT_MAX = 65535 };

static int rss_weights_parse(
	struct report *report, const struct field *field, const json_t *value, void *target)
{
	struct queue_weights *weights = target;
	size_t count = json_array_size(value);

	(void)report;
	(void)field;
	if (count == 0 || count > CONFIG_RSS_QUEUES_MAX)
		return -EINVAL;
	memset(weights, 0, sizeof(*weights));
	for (size_t i = 0; i < count; i++) {
		const json_t *weight = json_array_get(value, i);

		if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
			json_integer_value(weight) > WEIGHT_MAX)
			return -EINVAL;
		weights->weights[i] = (uint16_t)json_integer_value(weight);
	}
	weights->count = (uint16_t)count;
	return 0;
}

static int rss_weights_write(const struct field *field, const void *target, json_t **ret_value)
{
	const struct queue_weights *weights = target;

	(void)field;
	*ret_value = json_array();
	for (unsigned i = 0; *ret_value != NULL && i < weights->count; i++) {
		if (json_array_append_new(*ret_value, json_integer(weights->weights[i])) < 0) {
			json_decref(*ret_value);
			*ret_value = NULL;
		}
	}
	return *ret_value == NULL ? -ENOMEM : 0;
}

static json_t *rss_weights_schema(const struct field *field)
{
	(void)field;
	return json_pack("{s:s,s:i,s:i,s:{s:s,s:i,s:i}}", "type", "array", "minItems", 1,
		"maxItems", CONFIG_RSS_QUEUES_MAX, "items", "type", "integer", "minimum", 0,
		"maximum", WEIGHT_MAX);
}

static void rss_weights_describe(const struct field *field, char *buffer, size_t size)
{
	(void)field;
	snprintf(buffer, size,
		"a list of 1 to %d weights from 0 to %d, one a queue, such as [6, 2]",
		CONFIG_RSS_QUEUES_MAX, WEIGHT_MAX);
}

const struct field_kind field_rss_weights = {
	.parse = rss_weights_parse,
	.write = rss_weights_write,
	.schema = rss_weights_schema,
	.describe = rss_weights_describe,
};
