/* SPDX-License-Identifier: BSD-3-Clause */
/* `weir show rdma`: the device that applications see, who is connected, and their queue pairs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "engine/engine.h"
#include "engine/verbs.h"
#include "stats/measure.h"
#include "stats/rdma.h"
#include "verbs/packet_queue.h"
#include "verbs/protocol.h"
#include "verbs/reason.h"
#include "verbs/weir.h"

static const char *type_name(uint32_t type)
{
	switch (type) {
	case WEIR_QPT_RC: return "RC";
	case WEIR_QPT_UC: return "UC";
	case WEIR_QPT_UD: return "UD";
	case WEIR_QPT_RAW_PACKET: return "raw";
	default: return "?";
	}
}

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static const char *path_name(uint32_t path)
{
	return path == VERBS_PATH_DIRECT ? "direct" : path == VERBS_PATH_ENGINE ? "engine" : "none";
}

static const char *mode_name(uint32_t mode)
{
	switch (mode) {
	case VERBS_PACKETS_COPY: return "copy";
	case VERBS_PACKETS_READ_ONLY: return "read-only";
	case VERBS_PACKETS_DEDICATED: return "dedicated";
	default: return "?";
	}
}

static json_t *device_json(const struct verbs_server_view *view, const char *socket)
{
	json_t *device = json_object();
	char guid[24];

	snprintf(guid, sizeof(guid), "0x%016" PRIx64, view->guid);
	set_text(device, "name", "weir0");
	set_text(device, "type", "weir");
	set_text(device, "firmware", WEIR_VERSION);
	set_text(device, "guid", guid);
	set_text(device, "state", "Active");
	set_text(device, "physical_state", "LinkUp");
	set_count(device, "rate_gbps", VERBS_RATE_GBPS);
	set_count(device, "lid", VERBS_LID);
	set_text(device, "link_layer", "InfiniBand");
	set_text(device, "socket", socket);
	set_count(device, "connections_ever", view->connections_ever);
	set_count(device, "died", view->died);
	set_count(device, "kicked", view->kicked);
	if (view->kicked > 0)
		set_text(device, "last_reason", verbs_reason_text(view->last_reason));
	return device;
}

static json_t *connections_json(const struct verbs_server_view *view)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < view->connection_count; i++) {
		const struct verbs_connection_view *connection = &view->connections[i];
		json_t *object = json_object();

		set_count(object, "connection", connection->number);
		set_text(object, "name", connection->name);
		set_count(object, "pid", connection->pid);
		set_count(object, "uid", connection->uid);
		set_count(object, "queue_pairs", connection->queue_pairs);
		set_count(object, "regions", connection->regions);
		set_count(object, "srqs", connection->shared_receives);
		set_count(object, "bytes", connection->bytes);
		json_array_append_new(list, object);
	}
	return list;
}

static void raw_json(json_t *object, const struct verbs_queue_view *queue)
{
	set_text(object, "mode", mode_name(queue->packet_mode));
	set_count(object, "dropped", queue->dropped);
	if (queue->condition != VERBS_CONNECTED)
		set_text(object, "condition", "its shared memory holds what cannot be");
}

static json_t *queues_json(const struct verbs_server_view *view)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < view->queue_count; i++) {
		const struct verbs_queue_view *queue = &view->queues[i];
		json_t *object = json_object();

		set_count(object, "queue_pair", queue->queue);
		set_count(object, "connection", queue->connection);
		set_text(object, "type", type_name(queue->type));
		set_text(object, "state", state_name(queue->state));
		set_count(object, "remote", queue->remote_queue);
		set_text(object, "path", path_name(queue->path));
		if (queue->cpu >= 0)
			set_count(object, "cpu", (uint64_t)queue->cpu);
		set_count(object, "requests", queue->requests);
		set_count(object, "bytes", queue->bytes);
		if (queue->type == WEIR_QPT_RAW_PACKET)
			raw_json(object, queue);
		else if (queue->condition != VERBS_CONNECTED)
			set_text(object, "condition", verbs_reason_text(queue->reason));
		json_array_append_new(list, object);
	}
	return list;
}

json_t *rdma_json(const struct engine *engine, struct error *error)
{
	struct verbs_server *server = engine_verbs(engine);
	struct verbs_server_view view;
	json_t *object;

	if (server == NULL) {
		error_set(error, ENOENT,
			"no applications may attach: put \"verbs\": {} into the configuration");
		return NULL;
	}
	if (verbs_server_view(server, &view) != 0) {
		error_set(error, ENOMEM, "no memory for the answer");
		return NULL;
	}
	object = json_object();
	json_object_set_new(object, "device", device_json(&view, engine_verbs_socket(engine)));
	json_object_set_new(object, "connections", connections_json(&view));
	json_object_set_new(object, "queue_pairs", queues_json(&view));
	verbs_server_view_free(&view);
	return object;
}
