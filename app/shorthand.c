/* SPDX-License-Identifier: BSD-3-Clause */
#include "shorthand.h"

#include <errno.h>
#include <stdlib.h>

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

void shorthand_set(
	json_t *config, const char *section, const char *member, const char *value, bool number)
{
	if (value != NULL)
		json_object_set_new(shorthand_object(config, section), member,
			number ? shorthand_number(value) : json_string(value));
}
