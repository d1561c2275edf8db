/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/field_level.h"

#include <errno.h>

struct field_level field_level_root(void)
{
	return (struct field_level){.fields = config_fields};
}

struct field_level field_level_below(struct field_level level, const char **key)
{
	struct field_level below = {.fields = NULL};
	const struct field *field;

	if (level.ports)
		return (struct field_level){.fields = port_fields};
	field = level.fields ? field_find(level.fields, *key, FIELD_VARIANTS_ALL) : NULL;
	if (field == NULL)
		return below;
	*key = field->name;
	below.field = field;
	below.ports = field->kind == &field_ports;
	if (field->kind == &field_object)
		below.fields = field->fields;
	return below;
}

int field_level_rename(struct field_level level, json_t *value)
{
	const char *given;
	json_t *member;
	void *next;

	if (level.fields == NULL && !level.ports)
		return 0;
	json_object_foreach_safe(value, next, given, member)
	{
		const char *name = given;

		if (field_level_rename(field_level_below(level, &name), member) < 0)
			return -ENOMEM;
		if (name == given || json_object_get(value, name) != NULL)
			continue;
		if (json_object_set(value, name, member) < 0)
			return -ENOMEM;
		json_object_del(value, given);
	}
	return 0;
}
