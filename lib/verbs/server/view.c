/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is, for people. The lock keeps the server thread from changing it meanwhile. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/packet_queue.h"
#include "verbs/server/state.h"

static void connection_view(
	const struct server_connection *connection, struct verbs_connection_view *view)
{
	*view = (struct verbs_connection_view){.number = connection->number,
		.pid = connection->pid,
		.uid = connection->uid,
		.queue_pairs = connection->queue_count,
		.regions = connection->region_count,
		.shared_receives = connection->srq_count,
		.bytes = connection->bytes};
	memcpy(view->name, connection->name, sizeof(view->name) - 1);
}

/* What its own header says, for people: its application can write it as well. */
static void raw_view(const struct server_queue *queue, struct verbs_queue_view *view)
{
	const struct verbs_packet_header *header =
		(const struct verbs_packet_header *)queue->mapping.base;

	view->cpu = (int)__atomic_load_n(&header->cpu, __ATOMIC_RELAXED) - 1;
	view->packet_mode = __atomic_load_n(&header->mode, __ATOMIC_RELAXED);
	view->dropped = __atomic_load_n(&header->dropped, __ATOMIC_RELAXED);
	view->condition = __atomic_load_n(&header->condition, __ATOMIC_RELAXED);
}

static void queue_view(const struct server_queue *queue, struct verbs_queue_view *view)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;

	*view = (struct verbs_queue_view){.connection = queue->connection->number,
		.queue = queue->number,
		.type = queue->type,
		.state = queue->state,
		.remote_queue = queue->remote,
		.path = queue->path,
		.cpu = -1,
		.requests = __atomic_load_n(&queue->done_requests, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&queue->done_bytes, __ATOMIC_RELAXED)};
	if (queue->type == WEIR_QPT_RAW_PACKET)
		raw_view(queue, view);
	if (header == NULL)
		return;
	view->cpu = (int)__atomic_load_n(&header->cpu, __ATOMIC_RELAXED) - 1;
	view->condition = header->condition;
	view->reason = header->condition_reason;
	if (__atomic_load_n(&queue->mode, __ATOMIC_RELAXED) == WORK_FLUSH &&
		queue->state < WEIR_QPS_SQE)
		view->state = queue->type == WEIR_QPT_RC ? WEIR_QPS_ERR : WEIR_QPS_SQE;
}

int verbs_server_view(struct verbs_server *server, struct verbs_server_view *ret_view)
{
	struct verbs_server_view *view = ret_view;
	int rc = 0;

	server_lock(server);
	*view = (struct verbs_server_view){.guid = server->guid,
		.connections_ever = server->connections_ever,
		.kicked = server->kicked,
		.died = server->died,
		.last_reason = server->last_reason};
	view->connections = calloc(server->connection_count + 1, sizeof(*view->connections));
	view->queues = calloc(server->queue_count + 1, sizeof(*view->queues));
	if (view->connections == NULL || view->queues == NULL) {
		verbs_server_view_free(view);
		rc = -ENOMEM;
		goto unlock;
	}
	for (const struct server_connection *connection = server->connections; connection != NULL;
		connection = connection->next) {
		connection_view(connection, &view->connections[view->connection_count++]);
		for (const struct server_queue *queue = connection->queues; queue != NULL;
			queue = queue->next_of_connection)
			queue_view(queue, &view->queues[view->queue_count++]);
	}
unlock:
	pthread_mutex_unlock(&server->lock);
	return rc;
}

void verbs_server_view_free(struct verbs_server_view *view)
{
	free(view->connections);
	free(view->queues);
	view->connections = NULL;
	view->queues = NULL;
	view->connection_count = view->queue_count = 0;
}
