/* SPDX-License-Identifier: BSD-3-Clause */
/* What each stage of each pipeline did: over all workers, and for each. */
#include "stats/measure.h"
#include "stats/view.h"

/* One stage of a pipeline on one worker, or on all. */
struct stage_sum {
	struct flow flow;
	uint64_t sampled_cycles, sampled_packets; /* of the interval */
	uint64_t made, merged, held, bad_checksums, reordered;
};

static void stage_sum_add(struct stage_sum *sum, const struct stage_counters *now,
	const struct stage_counters *before)
{
	struct queue_counters flow_now = {
		.packets = now->packets, .bytes = now->bytes, .batches = now->batches};
	struct queue_counters flow_before = {
		.packets = before->packets, .bytes = before->bytes, .batches = before->batches};

	flow_add(&sum->flow, &flow_now, &flow_before);
	sum->sampled_cycles += difference(now->sampled_cycles, before->sampled_cycles);
	sum->sampled_packets += difference(now->sampled_packets, before->sampled_packets);
	sum->made += now->made;
	sum->merged += now->merged;
	sum->held += now->held;
	sum->bad_checksums += now->bad_checksums;
	sum->reordered += now->reordered;
}

static void set_stage_sum(json_t *object, const struct stage_sum *sum, uint64_t interval_ns)
{
	set_flow(object, &sum->flow, interval_ns);
	set_ratio(object, "cycles_per_packet", ratio(sum->sampled_cycles, sum->sampled_packets));
	set_count(object, "made", sum->made);
	set_count(object, "merged", sum->merged);
	set_count(object, "held", sum->held);
	set_count(object, "bad_checksums", sum->bad_checksums);
	set_count(object, "reordered", sum->reordered);
}

/* Sums what every worker's instance of this stage did; `workers` gets an object for each. */
static void stage_collect(const struct view *view, const struct stage_view *wanted,
	struct stage_sum *sum, json_t *workers)
{
	for (unsigned i = 0; i < engine_stage_count(view->engine); i++) {
		struct stage_sum alone = {0};
		struct stage_view stage;
		json_t *object;

		engine_stage_view(view->engine, i, &stage);
		if (stage.pipeline != wanted->pipeline || stage.position != wanted->position)
			continue;
		stage_sum_add(sum, &view->now->stages[i], &view->before->stages[i]);
		stage_sum_add(&alone, &view->now->stages[i], &view->before->stages[i]);
		object = json_object();
		set_count(object, "worker", stage.worker);
		set_stage_sum(object, &alone, view->interval_ns);
		json_array_append_new(workers, object);
	}
}

/* Whether no instance of the same stage comes before `index` in the engine's order. */
static int stage_is_first(const struct engine *engine, unsigned index)
{
	struct stage_view wanted, stage;

	engine_stage_view(engine, index, &wanted);
	for (unsigned i = 0; i < index; i++) {
		engine_stage_view(engine, i, &stage);
		if (stage.pipeline == wanted.pipeline && stage.position == wanted.position)
			return 0;
	}
	return 1;
}

json_t *view_stages_json(const struct view *view)
{
	const struct config *config = engine_config(view->engine);
	json_t *stages = json_array();

	for (unsigned i = 0; i < engine_stage_count(view->engine); i++) {
		json_t *object, *workers;
		struct stage_sum sum = {0};
		struct stage_view stage;

		if (!stage_is_first(view->engine, i))
			continue;
		engine_stage_view(view->engine, i, &stage);
		workers = json_array();
		stage_collect(view, &stage, &sum, workers);
		/* A feature that is off, and was all the time, says nothing to anybody. */
		if (stage.by_feature && !stage.on && sum.flow.total.packets == 0) {
			json_decref(workers);
			continue;
		}
		object = json_object();
		set_text(object, "pipeline",
			stage.pipeline < config->pipeline_count
				? config->pipelines[stage.pipeline].name
				: NULL);
		set_count(object, "position", stage.position);
		set_text(object, "stage", stage.type);
		json_object_set_new(object, "by_feature", json_boolean(stage.by_feature));
		set_stage_sum(object, &sum, view->interval_ns);
		json_object_set_new(object, "workers", workers);
		json_array_append_new(stages, object);
	}
	return stages;
}
