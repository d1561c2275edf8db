/* SPDX-License-Identifier: BSD-3-Clause */
/* The live fields: copied, listed, compared. */
#include <errno.h>
#include <string.h>

#include "config/change.h"
#include "config/live.h"

static int copy_live(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	(void)argument;
	(void)path;
	if (field->live)
		memcpy(one, other, field->width);
	return 0;
}

void config_copy_live(struct config *to, const struct config *from)
{
	live_walk(to, from, copy_live, NULL);
}

static int append(json_t *list, json_t *object)
{
	return json_array_append_new(list, object) == 0 ? 0 : -ENOMEM;
}

static int add_setting(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	char expected[FIELD_TEXT_MAX];
	json_t *value = NULL;

	(void)other;
	if (!field->live)
		return 0;
	field_describe(field, expected, sizeof(expected));
	if (field_write(field, one, &value) < 0)
		return -ENOMEM;
	return append(argument,
		json_pack("{s:s, s:o, s:s, s:s}", "path", path, "value",
			value != NULL ? value : json_null(), "expected", expected, "help",
			field->help));
}

static int add_change(
	void *argument, const char *path, const struct field *field, void *one, const void *other)
{
	json_t *before, *after;
	int ret;

	if (!field->live)
		return 0;
	ret = live_differ(field, one, other, &before, &after);
	if (ret > 0)
		ret = append(argument,
			json_pack("{s:s, s:O, s:O}", "path", path, "from",
				before != NULL ? before : json_null(), "to",
				after != NULL ? after : json_null()));
	json_decref(before);
	json_decref(after);
	return ret;
}

static json_t *list_of(const struct config *one, const struct config *other, live_visit *visit)
{
	json_t *list = json_array();

	if (list != NULL && live_walk(live_unwritten(one), other, visit, list) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

json_t *config_settings(const struct config *config)
{
	return list_of(config, config, add_setting);
}

json_t *config_changes(const struct config *before, const struct config *after)
{
	return list_of(before, after, add_change);
}
