/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/snapshot_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "stats/measure.h"
#include "stats/view.h"

static const char *port_name(const struct view *view, uint16_t port)
{
	return port < engine_port_count(view->engine) ? view->now->ports[port].name : NULL;
}

static json_t *port_json(const struct view *view, uint16_t port)
{
	const struct port_state *state = &view->now->ports[port];
	struct flow rx = {0}, tx = {0};
	json_t *object = json_object(), *way;

	for (unsigned i = 0; i < engine_rx_count(view->engine); i++) {
		struct rx_view queue;

		engine_rx_view(view->engine, i, &queue);
		if (queue.port == port)
			flow_add(&rx, &view->now->rx[i], &view->before->rx[i]);
	}
	for (unsigned i = 0; i < engine_tx_count(view->engine); i++) {
		struct tx_view queue;

		engine_tx_view(view->engine, i, &queue);
		if (queue.port == port)
			flow_add(&tx, &view->now->tx[i], &view->before->tx[i]);
	}
	set_text(object, "port", state->name);
	set_text(object, "driver", state->driver);
	set_text(object, "device", state->device);
	json_object_set_new(object, "numa_node", json_integer(state->numa_node));
	set_text(object, "link", state->removed ? "removed" : state->link_up ? "up" : "down");
	set_count(object, "link_mbps", state->link_mbps);
	set_count(object, "mtu", state->mtu);
	set_text(object, "rss", state->rss);
	set_count(object, "rx_queues", state->rx_queues);
	set_count(object, "tx_queues", state->tx_queues);
	set_count(object, "emulated_queues", state->emulated_queues);
	way = json_object();
	set_flow(way, &rx, view->interval_ns);
	json_object_set_new(object, "rx", way);
	way = json_object();
	set_flow(way, &tx, view->interval_ns);
	json_object_set_new(object, "tx", way);
	set_count(object, "missed", state->missed);
	set_count(object, "errors", state->errors);
	set_count(object, "no_mbuf", state->no_mbuf);
	return object;
}

static void queue_append(json_t *queues, const struct view *view, const char *kind,
	const struct rx_view *queue, const struct queue_counters *before)
{
	struct flow flow = {0};
	json_t *object = json_object();

	flow_add(&flow, queue->counters, before);
	set_text(object, "kind", kind);
	set_text(object, "port", port_name(view, queue->port));
	set_count(object, "queue", queue->queue);
	set_count(object, "worker", queue->worker);
	set_flow(object, &flow, view->interval_ns);
	json_array_append_new(queues, object);
}

/* Hardware, emulated and tx queues have the same columns: each is shown as an rx_view would be,
 * its counters being the snapshot's copies. */
static json_t *queues_json(const struct view *view)
{
	const struct snapshot *now = view->now, *before = view->before;
	json_t *queues = json_array();

	for (unsigned i = 0; i < engine_rx_count(view->engine); i++) {
		struct rx_view queue;

		engine_rx_view(view->engine, i, &queue);
		queue.counters = &now->rx[i];
		queue_append(queues, view, "rx", &queue, &before->rx[i]);
	}
	for (unsigned i = 0; i < engine_emulated_queue_count(view->engine); i++) {
		struct emulated_queue_view emulated;
		struct rx_view queue;

		engine_emulated_queue_view(view->engine, i, &emulated);
		queue = (struct rx_view){.port = emulated.port,
			.queue = emulated.queue,
			.worker = emulated.worker,
			.counters = &now->emulated[i]};
		queue_append(queues, view, "emulated", &queue, &before->emulated[i]);
	}
	for (unsigned i = 0; i < engine_tx_count(view->engine); i++) {
		struct tx_view tx;
		struct rx_view queue;

		engine_tx_view(view->engine, i, &tx);
		queue = (struct rx_view){.port = tx.port,
			.queue = tx.queue,
			.worker = tx.worker,
			.counters = &now->tx[i]};
		queue_append(queues, view, "tx", &queue, &before->tx[i]);
	}
	return queues;
}

static json_t *drops_json(const struct view *view)
{
	json_t *drops = json_object();

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		uint64_t packets = view->now->account.drops[i];
		json_t *object = json_object();

		set_count(object, "packets", packets);
		set_count(object, "pps",
			rate_per_second(difference(packets, view->before->account.drops[i]),
				view->interval_ns));
		set_text(object, "severity", drop_reason_infos[i].severity);
		set_text(object, "description", drop_reason_infos[i].description);
		json_object_set_new(drops, drop_reason_infos[i].name, object);
	}
	return drops;
}

static json_t *memory_json(const struct view *view)
{
	json_t *memory = json_array();

	for (unsigned i = 0; i < engine_pool_count(view->engine); i++) {
		const struct pool_view *pool = &view->now->pools[i];
		json_t *object = json_object();

		set_text(object, "pool", pool->name);
		json_object_set_new(object, "numa_node", json_integer(pool->numa_node));
		set_count(object, "size", pool->size);
		set_count(object, "free", pool->free);
		set_count(object, "free_min", view->now->pool_free_min[i]);
		set_count(object, "used", difference(pool->size, pool->free));
		set_count(object, "buffer_bytes", pool->buffer_bytes);
		set_count(object, "bytes", (uint64_t)pool->size * pool->buffer_bytes);
		json_array_append_new(memory, object);
	}
	return memory;
}

static json_t *account_json(const struct engine_account *account)
{
	json_t *object = json_object();
	uint64_t drops = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		drops += account->drops[i];
	set_count(object, "in", account->in);
	set_count(object, "made", account->made);
	set_count(object, "out", account->out);
	set_count(object, "merged", account->merged);
	set_count(object, "held", account->held);
	set_count(object, "drops", drops);
	json_object_set_new(object, "unaccounted", json_integer(account->unaccounted));
	set_count(object, "bytes_in", account->bytes_in);
	set_count(object, "bytes_out", account->bytes_out);
	return object;
}

static json_t *time_json(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
	char text[64];
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%03uZ",
		(unsigned)(wall_ns / 1000000 % 1000));
	return json_string(text);
}

json_t *snapshot_json(const struct engine *engine, const struct snapshot *now,
	const struct snapshot *before, uint64_t interval_ns)
{
	const struct view view = {engine, now, before, interval_ns};
	json_t *object = json_object(), *ports = json_array(), *order;

	if (object == NULL || ports == NULL) {
		json_decref(ports);
		json_decref(object);
		return NULL;
	}
	json_object_set_new(object, "time", time_json(now->wall_ns));
	set_count(object, "interval_ns", interval_ns);
	for (unsigned i = 0; i < engine_port_count(engine); i++)
		json_array_append_new(ports, port_json(&view, (uint16_t)i));
	json_object_set_new(object, "ports", ports);
	json_object_set_new(object, "queues", queues_json(&view));
	json_object_set_new(object, "workers", view_workers_json(&view));
	json_object_set_new(object, "stages", view_stages_json(&view));
	json_object_set_new(object, "latency", view_latency_json(&view));
	json_object_set_new(object, "drops", drops_json(&view));
	json_object_set_new(object, "memory", memory_json(&view));
	json_object_set_new(object, "softnet", view_softnet_json(&view));
	json_object_set_new(object, "steering", view_steering_json(&view, NULL, false));
	json_object_set_new(object, "account", account_json(&now->account));
	if ((order = view_order_json(&view)) != NULL)
		json_object_set_new(object, "order", order);
	return object;
}

void snapshot_json_steering(json_t *object, const struct engine *engine, const struct snapshot *now,
	const struct snapshot *before, uint64_t interval_ns, unsigned flows)
{
	const struct view view = {engine, now, before, interval_ns};
	const json_t *workers = json_object_get(object, "workers");

	json_object_set_new(object, "steering", view_steering_json(&view, workers, true));
	json_object_set_new(object, "flows", view_flows_json(&view, flows));
}
