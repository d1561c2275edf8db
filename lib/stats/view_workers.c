/* SPDX-License-Identifier: BSD-3-Clause */
/* What each worker did, and how long packets took through it. */
#include <stdio.h>
#include <stdlib.h>

#include "stats/measure.h"
#include "stats/view.h"

/* Packets a worker had to do with, in the interval. */
struct work {
	uint64_t total; /* processed since the start */
	uint64_t processed; /* went through its pipelines: received or handed in, and not handed out
			     */
	uint64_t touched; /* received, handed in or made: what its busy cycles were spent on */
};

static uint64_t rx_packets(
	const struct engine *engine, const struct snapshot *snapshot, unsigned worker)
{
	uint64_t packets = 0;

	for (unsigned i = 0; i < engine_rx_count(engine); i++) {
		struct rx_view queue;

		engine_rx_view(engine, i, &queue);
		if (queue.worker == worker)
			packets += snapshot->rx[i].packets;
	}
	return packets;
}

static uint64_t made_packets(
	const struct engine *engine, const struct snapshot *snapshot, unsigned worker)
{
	uint64_t packets = 0;

	for (unsigned i = 0; i < engine_stage_count(engine); i++) {
		struct stage_view stage;

		engine_stage_view(engine, i, &stage);
		if (stage.worker == worker)
			packets += snapshot->stages[i].made;
	}
	return packets;
}

static void work_read(const struct engine *engine, const struct snapshot *snapshot, unsigned worker,
	uint64_t *ret_processed, uint64_t *ret_touched)
{
	const struct worker_counters *counters = &snapshot->workers[worker];

	*ret_touched = rx_packets(engine, snapshot, worker) + counters->handoff_in +
		made_packets(engine, snapshot, worker);
	*ret_processed = difference(*ret_touched, counters->handoff_out);
}

static struct work work_of(const struct view *view, unsigned worker)
{
	uint64_t processed, touched, processed_before, touched_before;

	work_read(view->engine, view->now, worker, &processed, &touched);
	work_read(view->engine, view->before, worker, &processed_before, &touched_before);
	return (struct work){.total = processed,
		.processed = difference(processed, processed_before),
		.touched = difference(touched, touched_before)};
}

static void set_time_shares(json_t *object, const struct worker_counters *now,
	const struct worker_counters *before, uint64_t touched)
{
	uint64_t busy = difference(now->busy_cycles, before->busy_cycles);
	uint64_t idle = difference(now->idle_cycles, before->idle_cycles);
	uint64_t sleep = difference(now->sleep_cycles, before->sleep_cycles);
	uint64_t all = busy + idle + sleep;

	set_ratio(object, "busy_percent", ratio(busy * 100, all));
	set_ratio(object, "idle_percent", ratio(idle * 100, all));
	set_ratio(object, "sleep_percent", ratio(sleep * 100, all));
	set_ratio(object, "cycles_per_packet", ratio(busy, touched));
}

/* Rx bursts by size, in powers of two: "1", "2-3", ... "32". */
static void set_burst_sizes(
	json_t *object, const struct worker_counters *now, const struct worker_counters *before)
{
	json_t *sizes = json_object();
	/* Batches taken from backlogs are batches too, but their sizes are not kept apart. */
	uint64_t packets = difference(now->handoff_in, before->handoff_in);
	uint64_t batches = difference(now->handoff_batches, before->handoff_batches);

	for (unsigned low = 1; low <= BURST_SIZE; low *= 2) {
		unsigned high = low * 2 - 1 < BURST_SIZE ? low * 2 - 1 : BURST_SIZE;
		uint64_t total = 0;
		char name[16];

		for (unsigned size = low; size <= high; size++) {
			uint64_t count =
				difference(now->burst_sizes[size], before->burst_sizes[size]);

			total += now->burst_sizes[size];
			packets += count * size;
			batches += count;
		}
		if (low == high)
			snprintf(name, sizeof(name), "%u", low);
		else
			snprintf(name, sizeof(name), "%u-%u", low, high);
		set_count(sizes, name, total);
	}
	set_ratio(object, "packets_per_batch", ratio(packets, batches));
	json_object_set_new(object, "burst_sizes", sizes);
}

static void set_drops(json_t *object, const struct worker_counters *counters)
{
	json_t *reasons = json_object();
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		sum += counters->drops[i];
		set_count(reasons, drop_reason_infos[i].name, counters->drops[i]);
	}
	set_count(object, "drops", sum);
	json_object_set_new(object, "drop_reasons", reasons);
}

static json_t *interval_latency_json(
	const struct histogram *now, const struct histogram *before, uint64_t tsc_hz)
{
	struct histogram *interval = malloc(sizeof(*interval));
	json_t *object;

	if (interval == NULL)
		return json_null();
	*interval = *now;
	histogram_subtract(interval, before);
	object = latency_json(interval, tsc_hz);
	free(interval);
	return object;
}

static json_t *worker_json(
	const struct view *view, unsigned worker, const struct work *work, uint64_t all_processed)
{
	const struct worker_counters *now = &view->now->workers[worker];
	const struct worker_counters *before = &view->before->workers[worker];
	uint64_t tsc_hz = engine_tsc_hz(view->engine);
	const uint64_t *values = (const uint64_t *)now;
	json_t *object = json_object();
	struct worker_view place;

	engine_worker_view(view->engine, (uint16_t)worker, &place);
	set_count(object, "worker", worker);
	json_object_set_new(object, "cpu", json_integer(place.cpu));
	json_object_set_new(object, "numa_node", json_integer(place.numa_node));
	json_object_set_new(object, "tid", json_integer(place.tid));
	set_count(object, "packets", work->total);
	set_count(object, "pps", rate_per_second(work->processed, view->interval_ns));
	set_ratio(object, "share_percent", ratio(work->processed * 100, all_processed));
	set_time_shares(object, now, before, work->touched);
	for (unsigned i = 0; i < worker_counter_count; i++)
		set_count(object, worker_counter_infos[i].name, values[i]);
	set_burst_sizes(object, now, before);
	set_drops(object, now);
	json_object_set_new(object, "latency_ns", latency_json(&now->latency_cycles, tsc_hz));
	json_object_set_new(object, "latency_interval_ns",
		interval_latency_json(&now->latency_cycles, &before->latency_cycles, tsc_hz));
	return object;
}

json_t *view_workers_json(const struct view *view)
{
	struct work work[CONFIG_WORKERS_MAX];
	unsigned count = engine_worker_count(view->engine);
	json_t *workers = json_array();
	uint64_t all_processed = 0;

	for (unsigned i = 0; i < count && i < CONFIG_WORKERS_MAX; i++) {
		work[i] = work_of(view, i);
		all_processed += work[i].processed;
	}
	for (unsigned i = 0; i < count && i < CONFIG_WORKERS_MAX; i++)
		json_array_append_new(workers, worker_json(view, i, &work[i], all_processed));
	return workers;
}

json_t *view_latency_json(const struct view *view)
{
	struct histogram *sums = calloc(2, sizeof(*sums));
	uint64_t tsc_hz = engine_tsc_hz(view->engine);
	json_t *object = json_object();

	if (sums == NULL)
		return object;
	for (unsigned i = 0; i < engine_worker_count(view->engine); i++) {
		histogram_add(&sums[0], &view->now->workers[i].latency_cycles);
		histogram_add(&sums[1], &view->before->workers[i].latency_cycles);
	}
	json_object_set_new(object, "unit", json_string("ns"));
	json_object_set_new(object, "since_start", latency_json(&sums[0], tsc_hz));
	json_object_set_new(object, "interval", interval_latency_json(&sums[0], &sums[1], tsc_hz));
	free(sums);
	return object;
}
