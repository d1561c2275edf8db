/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of snapshot_json() that have files of their own. Inside stats/ only. */
#ifndef WEIR_STATS_VIEW_H
#define WEIR_STATS_VIEW_H

#include <stdbool.h>

#include <jansson.h>

#include "stats/measure.h"
#include "stats/snapshot.h"

struct view {
	const struct engine *engine;
	const struct snapshot *now, *before;
	uint64_t interval_ns;
};

json_t *view_workers_json(const struct view *view);
json_t *view_order_json(const struct view *view); /* NULL: it is off */
json_t *view_latency_json(const struct view *view);
/* What came in where this steering is. */
struct flow view_received(const struct view *view, const struct steering_view *steering);
json_t *view_stages_json(const struct view *view);
json_t *view_softnet_json(const struct view *view);
/* `workers`: what view_workers_json() gave. Not whole: without tables and buckets. */
json_t *view_steering_json(const struct view *view, const json_t *workers, bool whole);
json_t *view_flows_json(const struct view *view, unsigned top);

struct feature_state;
/* {"port": name, "features": [...]} of states[FEATURE_COUNT]. */
json_t *view_features_json(const char *port, const struct feature_state *states);
/* What differs between two of them, or is not as it was asked for (`asked`, by feature; NULL:
 * nothing), of the features that are switched one by one. Each has "asked_for". */
json_t *view_features_changes_json(const char *port, const struct feature_state *before,
	const struct feature_state *after, const bool *asked);

#endif
