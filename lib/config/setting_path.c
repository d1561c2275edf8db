/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/setting_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes of `rest` name the next member of `object`; 0: none of its members. */
static size_t longest_member(const json_t *object, const char *rest)
{
	size_t longest = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t length = strlen(key);

		if (length > longest && strncmp(rest, key, length) == 0 &&
			(rest[length] == '.' || rest[length] == '\0'))
			longest = length;
	}
	return longest;
}

/* One step of a JSON pointer: ~1 is a slash, ~0 a tilde. */
static void decode(char *key)
{
	char *out = key;

	for (const char *in = key; *in != '\0'; in++) {
		if (in[0] == '~' && (in[1] == '0' || in[1] == '1'))
			*out++ = *++in == '0' ? '~' : '/';
		else
			*out++ = *in;
	}
	*out = '\0';
}

/* Takes the next step of `*rest` into place->key. */
static int step(struct setting_place *place, char separator, const char **rest)
{
	const char *name = place->key;
	size_t length = separator == '.' ? longest_member(place->parent, *rest) : 0;

	if (length == 0)
		length = strcspn(*rest, separator == '.' ? "." : "/");
	if (length == 0 || length >= sizeof(place->key))
		return -ENOENT;
	memcpy(place->key, *rest, length);
	place->key[length] = '\0';
	if (separator == '/')
		decode(place->key);
	*rest += length;
	place->level = field_level_below(place->level, &name);
	if (name != place->key)
		snprintf(place->key, sizeof(place->key), "%s", name);
	if (json_is_array(place->parent)) {
		char *end;

		place->index = strtoul(place->key, &end, 10);
		if (*end != '\0' || json_array_get(place->parent, place->index) == NULL)
			return -ENOENT;
	}
	return 0;
}

int setting_path_find(json_t *root, const char *path, struct setting_place *ret_place)
{
	const char separator = path[0] == '/' ? '/' : '.';
	struct setting_place place = {.parent = root, .level = field_level_root()};

	path += separator == '/';
	while (step(&place, separator, &path) == 0) {
		if (*path == '\0') {
			*ret_place = place;
			return 0;
		}
		path++;
		place.parent = setting_get(&place);
		if (!json_is_object(place.parent) && !json_is_array(place.parent))
			break;
	}
	return -ENOENT;
}

json_t *setting_get(const struct setting_place *place)
{
	return json_is_array(place->parent) ? json_array_get(place->parent, place->index)
					    : json_object_get(place->parent, place->key);
}

int setting_put(const struct setting_place *place, json_t *value)
{
	int ret = json_is_array(place->parent)
		? json_array_set_new(place->parent, place->index, value)
		: json_object_set_new(place->parent, place->key, value);

	return ret == 0 ? 0 : -ENOMEM;
}
