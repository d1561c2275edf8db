/* SPDX-License-Identifier: BSD-3-Clause */
#include "shorthand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/features.h"

json_t *shorthand_object(json_t *config, const char *section)
{
	json_t *object = json_object_get(config, section);

	if (!json_is_object(object)) {
		object = json_object();
		json_object_set_new(config, section, object);
	}
	return object;
}

json_t *shorthand_number(const char *text)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return json_string(text);
	return json_integer(number);
}

json_t *shorthand_port(const char *text)
{
	static const char interface[] = "interface=";
	const size_t length = sizeof(interface) - 1;

	if (strncmp(text, interface, length) == 0)
		return json_pack("{s:s}", "interface", text + length);
	return json_pack("{s:s}", "device", text);
}

void shorthand_set(
	json_t *config, const char *section, const char *member, const char *value, bool number)
{
	if (value != NULL)
		json_object_set_new(shorthand_object(config, section), member,
			number ? shorthand_number(value) : json_string(value));
}

/* "tso=off": its name up to the '='; its value as the configuration has it. */
static json_t *feature_value(const char *text, size_t length)
{
	if (length == 0 || (length == 3 && strncmp(text, "=on", length) == 0))
		return json_true();
	if (length == 4 && strncmp(text, "=off", length) == 0)
		return json_false();
	return json_stringn(text + 1, length - 1);
}

void shorthand_features(json_t *port, const char *list, bool receives, bool sends)
{
	char name[64];

	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ","), name_length = strcspn(list, ",=");
		enum feature feature;

		snprintf(name, sizeof(name), "%.*s", (int)name_length, list);
		feature = feature_find(name);
		if (name_length > 0 &&
			(feature == FEATURE_NONE ||
				(feature_infos[feature].direction == FEATURE_RX ? receives
										: sends)))
			json_object_set_new(shorthand_object(port, "features"), name,
				feature_value(list + name_length, length - name_length));
		list += length + (list[length] == ',');
	}
}

void shorthand_capture(json_t *config, const char *file, const char *at, const char *filter)
{
	const char *points = at != NULL ? at : "rx,tx";
	json_t *list = json_array(), *captures = json_object_get(config, "captures"), *capture;

	while (*points != '\0') {
		size_t length = strcspn(points, ",");

		json_array_append_new(list, json_stringn(points, length));
		points += length + (points[length] == ',');
	}
	capture = json_pack("{s:s, s:o}", "file", file, "at", list);
	if (filter != NULL)
		json_object_set_new(capture, "filter", json_string(filter));
	if (!json_is_array(captures)) {
		captures = json_array();
		json_object_set_new(config, "captures", captures);
	}
	json_array_append_new(captures, capture);
}
