/* SPDX-License-Identifier: BSD-3-Clause */
/* What the order meter found, where it is on. */
#include "engine/order.h"
#include "stats/measure.h"
#include "stats/view.h"

static json_t *worst_json(const struct order_result *result)
{
	json_t *flows = json_array();

	for (unsigned i = 0; i < result->worst_count; i++) {
		const struct order_worst *worst = &result->worst[i];
		json_t *flow = json_object();

		set_text(flow, "flow", worst->flow);
		set_count(flow, "received", worst->received);
		set_count(flow, "reordered", worst->reordered);
		set_count(flow, "extent_max", worst->extent_max);
		set_count(flow, "duplicated", worst->duplicated);
		set_count(flow, "lost", worst->lost);
		json_array_append_new(flows, flow);
	}
	return flows;
}

json_t *view_order_json(const struct view *view)
{
	struct order_result result;
	json_t *object;

	if (!engine_order_result(view->engine, &result))
		return NULL;
	object = json_object();
	json_object_set_new(object, "good", json_boolean(result.good));
	json_object_set_new(object, "exact", json_boolean(result.exact));
	set_count(object, "flows", result.flows);
	set_count(object, "received", result.received);
	set_count(object, "checked", result.checked);
	set_count(object, "reordered", result.reordered);
	json_object_set_new(object, "reordered_ratio", json_real(result.reordered_ratio));
	set_count(object, "extent_max", result.extent_max);
	json_object_set_new(object, "extent_at_least", json_boolean(result.extent_at_least));
	set_count(object, "duplicated", result.duplicated);
	set_count(object, "lost", result.lost);
	set_count(object, "dropped", result.dropped);
	set_count(object, "untracked", result.untracked);
	set_count(object, "unknown", result.unknown);
	json_object_set_new(object, "worst", worst_json(&result));
	return object;
}
