/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst's way through the stages of one worker's pipeline, to its tx queue. */
#include "base/clock.h"
#include "engine/worker.h"

/* Timing a stage takes two reads of the TSC: one batch in so many is timed. */
enum { SAMPLE_EVERY = 128 };

static void stages_run(struct stage *stage, struct burst *burst, bool timed)
{
	for (; stage != NULL; stage = stage->next) {
		struct stage_counters *counters = stage->counters;
		uint16_t entered = burst->count;
		uint64_t start;

		counters->packets += entered;
		counters->bytes += burst->bytes;
		counters->batches++;
		if (unlikely(timed)) {
			start = tsc_now();
			stage->ops->process(stage, burst);
			counters->sampled_cycles += tsc_now() - start;
			counters->sampled_packets += entered ? entered : burst->count;
		} else {
			stage->ops->process(stage, burst);
		}
		if (burst->count == 0)
			return;
	}
}

void pipeline_stages(struct pipeline *pipeline, struct burst *burst)
{
	bool timed = (pipeline->tick++ & (SAMPLE_EVERY - 1)) == 0;

	stages_run(pipeline->first, burst, timed);
}

void pipeline_run(struct pipeline *pipeline, struct burst *burst)
{
	pipeline_stages(pipeline, burst);
	if (burst->count > 0)
		transmit_burst(pipeline->worker, pipeline->transmit, burst);
}

unsigned pipeline_leave(struct pipeline *pipeline, struct burst *burst)
{
	uint16_t last = pipeline->stage_count - 1;
	unsigned count = burst->count;

	if (pipeline->on[last])
		stages_run(&pipeline->stages[last], burst, false);
	else if (pipeline->taps[last + 1].ops != NULL)
		stages_run(&pipeline->taps[last + 1], burst, false);
	if (burst->count > 0)
		transmit_burst(pipeline->worker, pipeline->transmit, burst);
	return count;
}

void stage_emit(struct stage *stage, struct burst *burst)
{
	if (burst->count > 0)
		stages_run(stage->next, burst, false);
	if (burst->count > 0)
		transmit_burst(stage->pipeline->worker, stage->pipeline->transmit, burst);
	burst->count = 0;
	burst->bytes = 0;
}

void pipeline_flush(struct pipeline *pipeline, uint64_t now_tsc, bool all)
{
	for (uint16_t i = 0; i < pipeline->stage_count; i++) {
		struct stage *stage = &pipeline->stages[i];

		if (pipeline->on[i] && stage->ops->flush != NULL)
			stage->ops->flush(stage, now_tsc, all);
	}
}
