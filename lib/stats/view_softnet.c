/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's softnet_stat of each worker. */
#include "stats/measure.h"
#include "stats/softnet.h"
#include "stats/view.h"

json_t *view_softnet_json(const struct view *view)
{
	json_t *softnet = json_array();

	for (unsigned i = 0; i < engine_worker_count(view->engine); i++) {
		const struct softnet_view *worker = &view->now->softnet[i];
		json_t *object = json_object();

		set_count(object, "worker", i);
		json_object_set_new(object, "cpu", json_integer(worker->cpu));
#define X(name, position, description) set_count(object, #name, worker->name);
		SOFTNET_COLUMNS(X)
#undef X
		json_array_append_new(softnet, object);
	}
	return softnet;
}
