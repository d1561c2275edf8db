/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The biggest flows of all receiving workers together. A flow is what its RSS hash and its port
 * say; the same flow at two receivers (a port with several queues of its own) is added up.
 */
#include <stdlib.h>

#include "stats/measure.h"
#include "stats/snapshot_steering.h"
#include "stats/view.h"

struct flow_sum {
	uint16_t port;
	uint32_t hash;
	unsigned steering; /* where most of it was received */
	uint64_t packets, bytes, error, biggest;
	uint64_t delta_packets, delta_bytes; /* in the interval */
	const struct tuple *tuple;
};

static int by_key(const void *a, const void *b)
{
	const struct flow_sum *x = a, *y = b;

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* What it sent of late counts; what it sent in all decides among those that were silent. */
static int by_size(const void *a, const void *b)
{
	const struct flow_sum *x = a, *y = b;

	if (x->delta_packets != y->delta_packets)
		return x->delta_packets > y->delta_packets ? -1 : 1;
	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return by_key(a, b);
}

static void flow_merge(struct flow_sum *sum, const struct flow_sum *more)
{
	sum->packets += more->packets;
	sum->bytes += more->bytes;
	sum->error += more->error;
	if (more->biggest > sum->biggest) {
		sum->biggest = more->biggest;
		sum->steering = more->steering;
		sum->tuple = more->tuple;
	}
}

static size_t flows_of_ports(
	const struct view *view, const struct snapshot *snapshot, struct flow_sum *sums)
{
	size_t count = 0;

	for (unsigned i = 0; i < snapshot->steering_count; i++) {
		const struct steering_sample *sample = &snapshot->steering[i];
		struct steering_view port;

		engine_steering_view(view->engine, i, &port);
		for (unsigned n = 0; n < sample->flow_count; n++) {
			const struct heavy_hitter *flow = &sample->flows[n];

			sums[count++] = (struct flow_sum){.port = port.port,
				.hash = flow->hash,
				.steering = i,
				.packets = flow->packets,
				.bytes = flow->bytes,
				.error = flow->error,
				.biggest = flow->packets,
				.tuple = &flow->tuple};
		}
	}
	return count;
}

/* Sorted by key, each flow once. malloc'ed; NULL: out of memory. */
static struct flow_sum *flows_collect(
	const struct view *view, const struct snapshot *snapshot, size_t *ret_count)
{
	size_t room = (size_t)snapshot->steering_count * HEAVY_HITTERS_MAX + 1;
	struct flow_sum *sums = calloc(room, sizeof(*sums));
	size_t all, count = 0;

	if (sums == NULL)
		return NULL;
	all = flows_of_ports(view, snapshot, sums);
	qsort(sums, all, sizeof(*sums), by_key);
	for (size_t i = 0; i < all; i++) {
		if (count > 0 && by_key(&sums[count - 1], &sums[i]) == 0)
			flow_merge(&sums[count - 1], &sums[i]);
		else
			sums[count++] = sums[i];
	}
	*ret_count = count;
	return sums;
}

/* A flow that came in since is credited with what is surely its own. */
static void set_delta(struct flow_sum *flow, const struct flow_sum *before)
{
	if (before != NULL && flow->packets >= before->packets) {
		flow->delta_packets = flow->packets - before->packets;
		flow->delta_bytes = difference(flow->bytes, before->bytes);
		return;
	}
	flow->delta_packets = difference(flow->packets, flow->error);
	if (flow->packets > 0)
		flow->delta_bytes = (uint64_t)((double)flow->bytes * (double)flow->delta_packets /
			(double)flow->packets);
}

/* Packets that came in where flows are looked for, in the interval. */
static uint64_t received(const struct view *view)
{
	uint64_t packets = 0;

	for (unsigned i = 0; i < view->now->steering_count; i++) {
		struct steering_view port;

		engine_steering_view(view->engine, i, &port);
		packets += view_received(view, &port).delta.packets;
	}
	return packets;
}

/* The worker its packets go to, and what decides it. */
static unsigned flow_place(const struct steering_view *port, const struct steering_sample *now,
	uint32_t hash, const char **ret_by)
{
	const struct steer_table *table = port->table;
	unsigned bucket = hash & (port->reta_size - 1u), worker = now->routes[bucket].worker, cpu;
	const struct rps_map *map = &table->rps[now->routes[bucket].queue % STEER_QUEUES_MAX];
	unsigned home = table->queue_worker[table->reta.queues[bucket] % STEER_QUEUES_MAX];
	bool by_map = worker == STEER_MAP && map->count > 0 && hash != 0;
	int last;

	*ret_by = "moving";
	if (worker == STEER_PARK)
		return worker;
	if (worker == STEER_MAP)
		worker = by_map ? rps_worker(map, hash) : home;
	*ret_by = by_map ? "RPS" : worker == home ? "RSS" : "balancer";
	if (table->consumers == NULL || table->flows == NULL || hash == 0)
		return worker;
	cpu = rfs_consumer_cpu(table->consumers, hash);
	if (cpu == RFS_CPU_NONE || table->cpu_worker[cpu] == STEER_NONE)
		return worker;
	*ret_by = "RFS";
	/* Until its old worker has drained, the flow stays there. */
	last = rfs_flow_worker(__atomic_load_n(
		&table->flows->entries[hash & table->flows->mask], __ATOMIC_RELAXED));
	return last != RFS_WORKER_NONE ? (unsigned)last : table->cpu_worker[cpu];
}

static void set_tuple(json_t *object, const struct tuple *tuple)
{
	char text[TUPLE_TEXT_BYTES];

	set_text(object, "flow", tuple_format(tuple, text));
	set_text(object, "source", tuple_format_source(tuple, text));
	set_text(object, "destination", tuple_format_destination(tuple, text));
	set_text(object, "protocol", tuple_format_protocol(tuple, text));
}

static json_t *flow_json(const struct view *view, const struct flow_sum *flow, uint64_t all)
{
	json_t *object = json_object();
	struct steering_view port;
	const char *by = NULL;
	unsigned bucket;

	engine_steering_view(view->engine, flow->steering, &port);
	bucket = flow->hash & (port.reta_size - 1u);
	set_text(object, "port", view->now->ports[flow->port].name);
	set_tuple(object, flow->tuple);
	set_ratio(object, "share_percent", ratio(flow->delta_packets * 100, all));
	set_count(object, "packets", flow->packets);
	set_count(object, "bytes", flow->bytes);
	set_count(object, "error", flow->error);
	set_count(object, "pps", rate_per_second(flow->delta_packets, view->interval_ns));
	set_count(object, "bps", rate_per_second(flow->delta_bytes * 8, view->interval_ns));
	set_count(object, "hash", flow->hash);
	set_count(object, "rx_queue", port.rx_queue);
	set_count(object, "receiver", port.worker);
	set_count(object, "bucket", bucket);
	if (port.table != NULL) {
		const struct steering_sample *now = &view->now->steering[flow->steering];

		unsigned worker = flow_place(&port, now, flow->hash, &by);

		json_object_set_new(object, "worker",
			worker == STEER_PARK ? json_null() : json_integer(worker));
		set_text(object, "by", by);
	}
	return object;
}

json_t *view_flows_json(const struct view *view, unsigned top)
{
	size_t count = 0, before_count = 0;
	struct flow_sum *sums = flows_collect(view, view->now, &count);
	struct flow_sum *before = flows_collect(view, view->before, &before_count);
	json_t *flows = json_array();
	uint64_t all = received(view);

	for (size_t i = 0; sums != NULL && before != NULL && i < count; i++)
		set_delta(
			&sums[i], bsearch(&sums[i], before, before_count, sizeof(*before), by_key));
	if (sums != NULL && before != NULL)
		qsort(sums, count, sizeof(*sums), by_size);
	for (size_t i = 0; sums != NULL && before != NULL && i < count && i < top; i++) {
		json_t *flow = flow_json(view, &sums[i], all);

		set_count(flow, "rank", i + 1);
		json_array_append_new(flows, flow);
	}
	free(sums);
	free(before);
	return flows;
}
