/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How packets are steered: the balancer, RFS, and for each port at each receiving worker its RETA
 * with the load of each bucket, its queues and what moved.
 *
 * Tables in force are read here: whoever asks for the whole holds settings_lock of struct stats, so
 * that nobody changes them meanwhile.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stats/measure.h"
#include "stats/snapshot_steering.h"
#include "stats/view.h"

struct flow view_received(const struct view *view, const struct steering_view *steering)
{
	struct flow flow = {0};

	for (unsigned i = 0; i < engine_rx_count(view->engine); i++) {
		struct rx_view queue;

		engine_rx_view(view->engine, i, &queue);
		if (queue.port == steering->port && queue.queue == steering->rx_queue)
			flow_add(&flow, &view->now->rx[i], &view->before->rx[i]);
	}
	return flow;
}

static void set_rounded(json_t *object, const char *name, double value)
{
	set_ratio(object, name, isfinite(value) ? round(value * 100.0) / 100.0 : 0.0);
}

static json_t *balancer_json(const struct view *view)
{
	const struct balancer_state *now = &view->now->balancer, *before = &view->before->balancer;
	json_t *object;

	if (!view->now->balancing)
		return json_null();
	object = json_object();
	set_rounded(object, "max_over_mean", now->max_over_mean);
	set_rounded(object, "max_over_mean_expected", now->max_over_mean_expected);
	set_count(object, "tick_ns", now->tick_ns);
	set_count(object, "steps", now->steps);
	set_count(object, "moves", now->moves);
	set_count(object, "moves_per_s",
		rate_per_second(difference(now->moves, before->moves), view->interval_ns));
	set_count(object, "active_workers", now->active_workers);
	return object;
}

static json_t *rfs_json(const struct view *view)
{
	struct rfs_view rfs;

	engine_rfs_view(view->engine, &rfs);
	if (rfs.consumer_entries == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "consumer_entries", (json_int_t)rfs.consumer_entries,
		"consumers_used", (json_int_t)rfs.consumers_used);
}

/* What a picture of steering needs of each worker, out of "workers" and "softnet". */
static json_t *loads_json(const struct view *view, const json_t *workers)
{
	static const char *const members[] = {"worker", "cpu", "numa_node", "busy_percent",
		"cycles_per_packet", "share_percent", "packets", "pps"};
	json_t *loads = json_array(), *worker;
	size_t i;

	json_array_foreach (workers, i, worker) {
		json_t *object = json_object();

		for (unsigned n = 0; n < sizeof(members) / sizeof(members[0]); n++)
			json_object_set(object, members[n], json_object_get(worker, members[n]));
		set_count(object, "backlog_len", view->now->softnet[i].backlog_len);
		json_array_append_new(loads, object);
	}
	return loads;
}

/* Each counter, and how much a second it grew; the gauge as a time. */
static void set_counters(
	json_t *object, const struct view *view, const struct steer_counters *now, unsigned index)
{
	const struct steer_counters *before = &view->before->steering[index].counters;
	char name[64];

#define X(counter, unit, description)                                                              \
	if (strcmp(#counter, "park_longest_cycles") != 0) {                                        \
		set_count(object, #counter, now->counter);                                         \
		snprintf(name, sizeof(name), "%s_per_s", #counter);                                \
		set_count(object, name,                                                            \
			rate_per_second(                                                           \
				difference(now->counter, before->counter), view->interval_ns));    \
	}
	STEER_COUNTERS(X)
#undef X
	set_count(object, "park_longest_ns",
		tsc_to_ns(now->park_longest_cycles, engine_tsc_hz(view->engine)));
}

static uint64_t bucket_delta(const struct view *view, unsigned index, unsigned bucket)
{
	return difference(view->now->steering[index].bucket_packets[bucket],
		view->before->steering[index].bucket_packets[bucket]);
}

static json_t *buckets_json(const struct view *view, unsigned index, unsigned size)
{
	const struct steering_sample *now = &view->now->steering[index];
	json_t *object = json_object();
	json_t *queues = json_array(), *workers = json_array(), *moving = json_array();
	json_t *packets = json_array(), *rates = json_array();

	for (unsigned i = 0; i < size; i++) {
		uint64_t rate = rate_per_second(bucket_delta(view, index, i), view->interval_ns);

		unsigned worker = now->routes[i].worker;

		json_array_append_new(queues, json_integer(now->routes[i].queue));
		json_array_append_new(workers,
			worker == STEER_MAP || worker == STEER_PARK ? json_null()
								    : json_integer(worker));
		if (worker == STEER_PARK)
			json_array_append_new(moving, json_integer(i));
		json_array_append_new(packets, json_integer((json_int_t)now->bucket_packets[i]));
		json_array_append_new(rates, json_integer((json_int_t)rate));
	}
	json_object_set_new(object, "queue", queues);
	json_object_set_new(object, "worker", workers);
	json_object_set_new(object, "packets", packets);
	json_object_set_new(object, "pps", rates);
	json_object_set_new(object, "moving", moving);
	return object;
}

static json_t *map_json(const struct rps_map *map)
{
	json_t *workers = json_array();

	for (unsigned i = 0; i < map->count; i++)
		json_array_append_new(workers, json_integer(map->workers[i]));
	return workers;
}

static json_t *queues_json(
	const struct view *view, unsigned index, const struct steering_view *port)
{
	const struct steering_sample *now = &view->now->steering[index];
	uint64_t packets[STEER_QUEUES_MAX] = {0}, all = 0;
	unsigned buckets[STEER_QUEUES_MAX] = {0};
	json_t *queues = json_array();

	for (unsigned i = 0; i < port->reta_size; i++) {
		unsigned queue = now->routes[i].queue % STEER_QUEUES_MAX;
		uint64_t delta = bucket_delta(view, index, i);

		packets[queue] += delta;
		all += delta;
		buckets[queue]++;
	}
	for (unsigned i = 0; i < port->queue_count && i < STEER_QUEUES_MAX; i++) {
		json_t *object = json_object();

		set_count(object, "queue", i);
		set_count(object, "worker", port->table->queue_worker[i]);
		set_count(object, "buckets", buckets[i]);
		set_count(object, "pps", rate_per_second(packets[i], view->interval_ns));
		set_ratio(object, "share_percent", ratio(packets[i] * 100, all));
		json_object_set_new(object, "rps_workers", map_json(&port->table->rps[i]));
		json_array_append_new(queues, object);
	}
	return queues;
}

/* Entries of the flows table that hold a flow. The receiving worker writes it meanwhile. */
static uint64_t flows_used(const struct rfs_flows *flows)
{
	uint64_t used = 0;

	for (uint64_t i = 0; flows != NULL && i <= flows->mask; i++)
		used += __atomic_load_n(&flows->entries[i], __ATOMIC_RELAXED) != 0;
	return used;
}

static json_t *port_json(
	const struct view *view, unsigned index, const struct steering_view *port, bool whole)
{
	const struct steering_sample *now = &view->now->steering[index];
	json_t *object = json_object();
	struct flow rx = view_received(view, port);

	set_text(object, "port", view->now->ports[port->port].name);
	set_count(object, "rx_queue", port->rx_queue);
	set_count(object, "receiver", port->worker);
	set_count(object, "packets", rx.total.packets);
	set_count(object, "pps", rate_per_second(rx.delta.packets, view->interval_ns));
	set_count(object, "reta_size", port->reta_size);
	set_count(object, "queue_count", port->queue_count);
	json_object_set_new(object, "rps", json_boolean(port->has_rps));
	json_object_set_new(object, "rfs", json_boolean(port->has_rfs));
	json_object_set_new(object, "balanced", json_boolean(port->balanced));
	set_counters(object, view, &now->counters, index);
	set_count(object, "parked", now->parked);
	set_count(object, "park_slots", port->park_slots);
	set_count(object, "moves_now", now->moves_now);
	set_count(object, "flow_entries", port->flow_entries);
	if (!whole || port->table == NULL)
		return object;
	set_count(object, "flows_used", flows_used(port->table->flows));
	json_object_set_new(object, "queues", queues_json(view, index, port));
	json_object_set_new(object, "buckets", buckets_json(view, index, port->reta_size));
	return object;
}

json_t *view_steering_json(const struct view *view, const json_t *workers, bool whole)
{
	json_t *object = json_object(), *ports = json_array();

	json_object_set_new(object, "balancer", balancer_json(view));
	if (whole) {
		json_object_set_new(object, "rfs", rfs_json(view));
		json_object_set_new(object, "workers", loads_json(view, workers));
	}
	for (unsigned i = 0; i < view->now->steering_count; i++) {
		struct steering_view port;

		engine_steering_view(view->engine, i, &port);
		if (port.active)
			json_array_append_new(ports, port_json(view, i, &port, whole));
	}
	json_object_set_new(object, "ports", ports);
	return object;
}
