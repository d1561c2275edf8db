/* SPDX-License-Identifier: BSD-3-Clause */
/* Switching features one by one, as ethtool -K does. */
#include <errno.h>
#include <string.h>

#include "config/nearest.h"
#include "port/features.h"

static int unknown(const char *name, struct error *error)
{
	const char *names[2 * FEATURE_COUNT + 1];
	const char *near;
	unsigned count = 0;

	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		names[count++] = feature_infos[i].name;
		if (feature_infos[i].alias != NULL)
			names[count++] = feature_infos[i].alias;
	}
	names[count] = NULL;
	near = config_nearest(name, names);
	return error_set(error, EINVAL, "there is no feature \"%.64s\"%s%s%s", name,
		near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

/* What needs a feature that goes off: it is there again when that is on again, where the port can
 * do it by itself. */
static void drop_dependants(struct config_features *wanted, enum feature feature)
{
	static const enum feature dependants[] = {FEATURE_TCP_SEGMENTATION_OFFLOAD,
		FEATURE_TX_UDP_SEGMENTATION, FEATURE_UDP_FRAGMENTATION_OFFLOAD};

	if (feature != FEATURE_SCATTER_GATHER && feature != FEATURE_TX_CHECKSUMMING)
		return;
	for (unsigned i = 0; i < RTE_DIM(dependants); i++)
		if (feature_wanted(wanted, dependants[i]) == FEATURE_ON)
			feature_want(wanted, dependants[i], FEATURE_AUTO);
}

/* Why a feature that is now wanted does not come on; NULL: it does. */
static const char *obstacle(const struct feature_abilities *abilities,
	const struct config_features *wanted, enum feature feature)
{
	struct feature_state states[FEATURE_COUNT];

	if (feature == FEATURE_GENERIC_RECEIVE_OFFLOAD &&
		wanted->large_receive_offload == FEATURE_ON)
		return "excluded by large-receive-offload";
	features_resolve(abilities, wanted, false, states);
	/* It may be asked for first, and GRO after it. */
	if (states[feature].on || feature == FEATURE_RX_UDP_GRO_FORWARDING)
		return NULL;
	return states[feature].why;
}

int features_switch(const struct feature_abilities *abilities, struct config_features *wanted,
	const char *name, bool on, struct error *error)
{
	enum feature feature = feature_find(name);
	struct feature_state states[FEATURE_COUNT];
	struct config_features changed = *wanted;
	const struct feature_state *state;
	const char *why;

	if (feature == FEATURE_NONE)
		return unknown(name, error);
	features_resolve(abilities, wanted, false, states);
	state = &states[feature];
	if (state->fixed) {
		if (state->on == on)
			return 0; /* it is so: ethtool takes that too */
		return error_set(error, EINVAL, "%s is fixed: %s", feature_infos[feature].name,
			state->why != NULL ? state->why : "nobody does it here");
	}
	feature_want(&changed, feature, on ? FEATURE_ON : FEATURE_OFF);
	if (!on)
		drop_dependants(&changed, feature);
	why = on ? obstacle(abilities, &changed, feature) : NULL;
	if (why != NULL)
		return error_set(
			error, EINVAL, "%s cannot be on: %s", feature_infos[feature].name, why);
	*wanted = changed;
	return 0;
}
