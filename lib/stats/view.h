/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of snapshot_json() that have files of their own. Inside stats/ only. */
#ifndef WEIR_STATS_VIEW_H
#define WEIR_STATS_VIEW_H

#include <jansson.h>

#include "stats/snapshot.h"

struct view {
	const struct engine *engine;
	const struct snapshot *now, *before;
	uint64_t interval_ns;
};

json_t *view_workers_json(const struct view *view);
json_t *view_latency_json(const struct view *view);
json_t *view_stages_json(const struct view *view);
json_t *view_order_json(const struct view *view); /* NULL: it is off */

#endif
