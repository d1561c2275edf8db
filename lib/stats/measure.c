/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/measure.h"

#include <math.h>

#include "base/clock.h"

uint64_t difference(uint64_t larger, uint64_t smaller)
{
	return larger > smaller ? larger - smaller : 0;
}

void flow_add(
	struct flow *flow, const struct queue_counters *now, const struct queue_counters *before)
{
	flow->total.packets += now->packets;
	flow->total.bytes += now->bytes;
	flow->total.batches += now->batches;
	flow->delta.packets += difference(now->packets, before->packets);
	flow->delta.bytes += difference(now->bytes, before->bytes);
	flow->delta.batches += difference(now->batches, before->batches);
}

uint64_t rate_per_second(uint64_t count, uint64_t interval_ns)
{
	unsigned __int128 scaled = (unsigned __int128)count * NS_PER_SECOND;

	return interval_ns > 0 ? (uint64_t)((scaled + interval_ns / 2) / interval_ns) : 0;
}

double ratio(uint64_t part, uint64_t whole)
{
	return whole > 0 ? round((double)part / (double)whole * 100.0) / 100.0 : 0.0;
}

void set_count(json_t *object, const char *name, uint64_t value)
{
	json_int_t integer = value > INT64_MAX ? INT64_MAX : (json_int_t)value;

	json_object_set_new(object, name, json_integer(integer));
}

void set_ratio(json_t *object, const char *name, double value)
{
	json_object_set_new(object, name, json_real(value));
}

/* NULL where there is nothing to say, or nothing that JSON can carry. */
void set_text(json_t *object, const char *name, const char *text)
{
	json_t *string = text != NULL ? json_string(text) : NULL;

	json_object_set_new(object, name, string != NULL ? string : json_null());
}

void set_flow(json_t *object, const struct flow *flow, uint64_t interval_ns)
{
	const uint64_t *totals = (const uint64_t *)&flow->total;

	for (unsigned i = 0; i < queue_counter_count; i++)
		set_count(object, queue_counter_infos[i].name, totals[i]);
	set_ratio(object, "packets_per_batch", ratio(flow->delta.packets, flow->delta.batches));
	set_count(object, "pps", rate_per_second(flow->delta.packets, interval_ns));
	set_count(object, "bps", rate_per_second(flow->delta.bytes * 8, interval_ns));
}

json_t *latency_json(const struct histogram *cycles, uint64_t tsc_hz)
{
	static const struct {
		const char *name;
		double quantile;
	} points[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"max", 1.0}};
	json_t *object = json_object();

	set_count(object, "count", cycles->count);
	for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		set_count(object, points[i].name,
			tsc_to_ns(histogram_quantile(cycles, points[i].quantile), tsc_hz));
	return object;
}
