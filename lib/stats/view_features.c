/* SPDX-License-Identifier: BSD-3-Clause */
/* Features of ports: what they come to, and what a switch changed. */
#include "port/features.h"
#include "stats/view.h"

static json_t *feature_json(enum feature feature, const struct feature_state *state)
{
	static const char *const doers[] = {
		[FEATURE_BY_NOBODY] = "nobody",
		[FEATURE_BY_DEVICE] = "device",
		[FEATURE_BY_WEIR] = "weir",
	};
	const struct feature_info *info = &feature_infos[feature];
	json_t *object = json_pack("{s:s, s:b, s:b, s:b, s:s}", "name", info->name, "on", state->on,
		"fixed", state->fixed, "requested", state->wanted, "by", doers[state->by]);

	if (info->alias != NULL)
		json_object_set_new(object, "short", json_string(info->alias));
	if (info->parent != FEATURE_NONE)
		json_object_set_new(
			object, "part_of", json_string(feature_infos[info->parent].name));
	if (state->why != NULL)
		json_object_set_new(object, "why", json_string(state->why));
	return object;
}

json_t *view_features_json(const char *port, const struct feature_state *states)
{
	json_t *features = json_array();

	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		json_array_append_new(features, feature_json((enum feature)i, &states[i]));
	return json_pack("{s:s, s:o*}", "port", port, "features", features);
}

json_t *view_features_changes_json(const char *port, const struct feature_state *before,
	const struct feature_state *after, const bool *asked)
{
	json_t *features = json_array();

	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		bool meant = asked != NULL && asked[i];
		json_t *feature;

		/* What only goes with another one is no news. */
		if (feature_infos[i].member == FEATURE_NO_MEMBER ||
			(before[i].on == after[i].on && before[i].by == after[i].by &&
				!(meant && after[i].wanted && !after[i].on)))
			continue;
		feature = feature_json((enum feature)i, &after[i]);
		json_object_set_new(feature, "asked_for", json_boolean(meant));
		json_array_append_new(features, feature);
	}
	return json_pack("{s:s, s:o*}", "port", port, "features", features);
}
