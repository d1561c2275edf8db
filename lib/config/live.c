/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/live.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct walk {
	live_visit *visit;
	void *argument;
};

static bool same_ports(const struct config *one, const struct config *other)
{
	if (one->port_count != other->port_count)
		return false;
	for (unsigned i = 0; i < one->port_count; i++)
		if (one->ports[i].kind != other->ports[i].kind ||
			strcmp(one->ports[i].name, other->ports[i].name) != 0)
			return false;
	return true;
}

static int walk_fields(const struct walk *walk, const struct field *fields, unsigned variants,
	const char *prefix, void *one, const void *other);

static int walk_ports(
	const struct walk *walk, const char *prefix, struct config *one, const struct config *other)
{
	int ret = 0;

	for (unsigned i = 0; i < one->port_count && ret == 0; i++) {
		char path[LIVE_PATH_MAX];

		snprintf(path, sizeof(path), "%.100s.%.31s.", prefix, one->ports[i].name);
		ret = walk_fields(walk, port_fields, 1u << one->ports[i].kind, path, &one->ports[i],
			&other->ports[i]);
	}
	return ret;
}

static int walk_field(const struct walk *walk, const struct field *field, const char *path,
	void *one, const void *other)
{
	char inner[LIVE_PATH_MAX];

	if (field->kind == &field_object) {
		snprintf(inner, sizeof(inner), "%.250s.", path);
		return walk_fields(walk, field->fields, FIELD_VARIANTS_ALL, inner,
			field_at(field, one), field_at_const(field, other));
	}
	if (field->kind == &field_ports && same_ports(one, other))
		return walk_ports(walk, path, one, other);
	return walk->visit(
		walk->argument, path, field, field_at(field, one), field_at_const(field, other));
}

static int walk_fields(const struct walk *walk, const struct field *fields, unsigned variants,
	const char *prefix, void *one, const void *other)
{
	int ret = 0;

	for (const struct field *field = fields; field->name != NULL && ret == 0; field++) {
		char path[LIVE_PATH_MAX];

		if (!field_applies(field, variants) || field->kind == &field_ignored)
			continue;
		snprintf(path, sizeof(path), "%.200s%.50s", prefix, field->name);
		ret = walk_field(walk, field, path, one, other);
	}
	return ret;
}

int live_walk(struct config *one, const struct config *other, live_visit *visit, void *argument)
{
	const struct walk walk = {visit, argument};

	return walk_fields(&walk, config_fields, FIELD_VARIANTS_ALL, "", one, other);
}

int live_differ(const struct field *field, const void *one, const void *other, json_t **ret_one,
	json_t **ret_other)
{
	*ret_one = *ret_other = NULL;
	if (field_write(field, one, ret_one) < 0 || field_write(field, other, ret_other) < 0)
		return -ENOMEM;
	if (*ret_one == NULL || *ret_other == NULL)
		return *ret_one != *ret_other;
	return !json_equal(*ret_one, *ret_other);
}
