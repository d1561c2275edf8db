/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs: creation, states, end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { NUMBER_MASK = (1 << 24) - 1, FIRST_NUMBER = 2 };

struct server_queue *server_queue_find(const struct verbs_server *server, uint32_t number)
{
	struct server_queue *queue = server->buckets[number % SERVER_BUCKETS];

	while (queue != NULL && queue->number != number)
		queue = queue->next_of_bucket;
	return queue;
}

struct server_queue *server_queue_own(struct server_call *call, uint32_t number)
{
	struct server_queue *queue = server_queue_find(call->connection->server, number);

	if (queue != NULL && queue->connection == call->connection)
		return queue;
	error_set(&call->error, EINVAL, "there is no queue pair %u of this connection", number);
	return NULL;
}

int server_queue_enter(struct server_call *call, struct server_queue *queue, uint32_t wanted)
{
	struct server_connection *connection = call->connection;
	struct verbs_server *server = connection->server;
	uint32_t number = wanted;

	if (wanted > NUMBER_MASK || wanted == 1 ||
		(wanted != 0 && server_queue_find(server, wanted) != NULL))
		return error_set(&call->error, EBUSY, "queue pair number %u is taken", wanted);
	/* Numbers of before do not come back soon: late messages do not go to a new one. */
	while (number < FIRST_NUMBER || (wanted == 0 && server_queue_find(server, number) != NULL))
		number = server->queue_next++ & NUMBER_MASK;
	queue->number = number;
	queue->connection = connection;
	work_stop(server);
	queue->next_of_bucket = server->buckets[number % SERVER_BUCKETS];
	server->buckets[number % SERVER_BUCKETS] = queue;
	work_go_on(server);
	queue->next_of_connection = connection->queues;
	connection->queues = queue;
	connection->queue_count++;
	server->queue_count++;
	connection->domain_users[queue->pd]++;
	call->answer->handle_answer.handle = number;
	return 0;
}

/* ---- creation ---- */

static bool depth_good(uint32_t depth, uint32_t limit)
{
	return depth <= limit && (depth & (depth - 1)) == 0;
}

static int geometry_check(struct server_call *call)
{
	const struct verbs_geometry *geometry = &call->request->create_qp.geometry;
	uint32_t depth = call->connection->server->config.depth;

	if (!depth_good(geometry->receive_depth, depth) ||
		!depth_good(geometry->request_depth, depth) ||
		!depth_good(geometry->inbox_depth, VERBS_DEPTH_MAX))
		return error_set(
			&call->error, EINVAL, "depths of queues are powers of two up to %u", depth);
	/* A message that takes a receive finds room without a look: transfer_parts.h. */
	if (geometry->inbox_depth == 0 || geometry->inbox_depth < geometry->receive_depth)
		return error_set(&call->error, EINVAL, "an inbox has room for each receive");
	if (geometry->receive_segments > VERBS_SEGMENTS_MAX ||
		geometry->request_segments > VERBS_SEGMENTS_MAX)
		return error_set(&call->error, EINVAL, "a request has at most %d segments",
			VERBS_SEGMENTS_MAX);
	if (geometry->inline_bytes > VERBS_INLINE_MAX)
		return error_set(
			&call->error, EINVAL, "at most %d bytes go inline", VERBS_INLINE_MAX);
	return 0;
}

static int create_check(struct server_call *call)
{
	const struct verbs_create_qp *request = &call->request->create_qp;
	const struct server_connection *connection = call->connection;
	const struct verbs_server_config *config = &connection->server->config;
	unsigned wanted_fds = 1u + ((request->flags & VERBS_QP_RECEIVE_EVENTS) != 0) +
		((request->flags & VERBS_QP_SEND_EVENTS) != 0);
	int rc = server_domain_check(call, request->pd);

	if (rc < 0)
		return rc;
	if (call->fd_count != wanted_fds) {
		server_kick(call->connection, VERBS_REASON_BAD_MESSAGE);
		return -EPROTO;
	}
	if (connection->queue_count >= config->queue_pairs)
		return server_refuse(call, "queue pairs", config->queue_pairs);
	if (request->type != WEIR_QPT_RC && request->type != WEIR_QPT_UC &&
		request->type != WEIR_QPT_UD)
		return error_set(
			&call->error, EOPNOTSUPP, "no queue pairs of type %u", request->type);
	if (request->type == WEIR_QPT_UD && config->workers == 0)
		return error_set(&call->error, EOPNOTSUPP,
			"UD goes through the engine, which has no worker for it: "
			"set verbs.policy in its configuration");
	if (request->srq != 0 &&
		(request->srq > config->shared_receives || connection->srqs[request->srq] == NULL))
		return error_set(
			&call->error, EINVAL, "there is no shared receive queue %u", request->srq);
	return geometry_check(call);
}

static int memory_take(struct server_call *call, struct server_queue *queue)
{
	const struct verbs_geometry *geometry = &call->request->create_qp.geometry;
	int rc;

	if (!call->connection->trusted && verbs_file_is_huge(call->fds[0]))
		rc = error_set(&call->error, EPERM, "queues in huge pages are not taken");
	else
		rc = verbs_map(&queue->mapping, call->fds[0], 0,
			verbs_queue_places(geometry).total_bytes, true, &call->error);
	if (rc == -EPERM || rc == -EINVAL)
		server_kick(call->connection, VERBS_REASON_BAD_MEMORY);
	return rc;
}

static void descriptors_take(struct server_call *call, struct server_queue *queue)
{
	uint32_t flags = call->request->create_qp.flags;
	unsigned next = 1;

	queue->memory_fd = server_fd_keep(call, 0);
	if ((flags & VERBS_QP_RECEIVE_EVENTS) != 0)
		queue->receive_event_fd = server_fd_keep(call, next++);
	if ((flags & VERBS_QP_SEND_EVENTS) != 0)
		queue->send_event_fd = server_fd_keep(call, next);
}

int server_create_qp(struct server_call *call)
{
	const struct verbs_create_qp *request = &call->request->create_qp;
	struct server_connection *connection = call->connection;
	struct server_queue *queue;
	int rc = create_check(call);

	if (rc < 0)
		return rc;
	queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	queue->pd = request->pd;
	queue->type = request->type;
	queue->memory_fd = queue->receive_event_fd = queue->send_event_fd = -1;
	rc = memory_take(call, queue);
	if (rc == 0)
		rc = server_queue_enter(call, queue, request->wanted);
	if (rc < 0) {
		verbs_unmap(&queue->mapping);
		free(queue);
		return rc;
	}
	descriptors_take(call, queue);
	verbs_queue_attach(&queue->responder.queue, queue->mapping.base, queue->number, queue->pd,
		&request->geometry);
	queue->responder.regions = &connection->executors_view;
	queue->responder.type = queue->type;
	if (request->srq != 0) {
		queue->srq = connection->srqs[request->srq];
		queue->srq->users++;
		queue->responder.srq = &queue->srq->shared;
	}
	queue->path = queue->type == WEIR_QPT_UD ? VERBS_PATH_ENGINE : VERBS_PATH_NONE;
	return 0;
}

/* ---- states ---- */

/* What it says of itself is what was agreed. */
static int header_check(struct server_call *call, struct server_queue *queue)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;
	const struct verbs_geometry *geometry = &queue->responder.queue.geometry;

	if (queue->checked)
		return 0;
	if (header->cookie != VERBS_QUEUE_COOKIE || header->version != VERBS_VERSION ||
		header->inbox_depth != geometry->inbox_depth ||
		header->receive_depth != geometry->receive_depth ||
		header->receive_segments != geometry->receive_segments ||
		header->request_depth != geometry->request_depth ||
		header->request_segments != geometry->request_segments ||
		header->inline_bytes != geometry->inline_bytes) {
		server_kick(call->connection, VERBS_REASON_BAD_COOKIE);
		return error_set(&call->error, EINVAL,
			"the memory of queue pair %u does not begin as was agreed", queue->number);
	}
	queue->checked = true;
	return 0;
}

static bool is_open(uint32_t state)
{
	return state >= WEIR_QPS_RTR && state != WEIR_QPS_ERR;
}

static uint8_t mode_of(uint32_t state)
{
	switch (state) {
	case WEIR_QPS_RTS:
	case WEIR_QPS_SQD: return WORK_SEND;
	case WEIR_QPS_SQE:
	case WEIR_QPS_ERR: return WORK_FLUSH;
	default: return WORK_NOTHING;
	}
}

static void sender_reset(struct server_queue *queue)
{
	struct verbs_queue_header *header = queue->responder.queue.header;

	queue->next = 0;
	queue->transferring = queue->resuming = false;
	header->executed = header->intent = header->sending = 0;
}

/* Workers are stopped. */
static int state_set(struct server_queue *queue, const struct verbs_modify_qp *request)
{
	bool receives = is_open(request->state);
	uint8_t mode = mode_of(request->state);
	struct verbs_queue_header *header = queue->responder.queue.header;
	int rc;

	queue->rnr_retry = request->rnr_retry;
	queue->retry = request->retry & 7;
	queue->timeout = request->timeout & 31;
	if (request->state == WEIR_QPS_RESET || request->state == WEIR_QPS_INIT) {
		server_unpair(queue, false);
		queue->remote = queue->remote_connection = 0;
		queue->alone_since_ns = 0;
		/* On the way back after a restart its memory says how far the last engine came, and
		 * what that one had against the other end. */
		if (request->resumed == 0) {
			sender_reset(queue);
			__atomic_store_n(&header->condition, VERBS_CONNECTED, __ATOMIC_RELEASE);
		}
	} else if (queue->type != WEIR_QPT_UD && request->remote_queue != queue->remote) {
		server_unpair(queue, false);
		queue->remote = request->remote_queue;
		queue->remote_connection = 0;
		queue->alone_since_ns = 0;
		/* What an engine of before noted was for another end. */
		queue->resuming = false;
	}
	if (mode == WORK_SEND && queue->mode == WORK_FLUSH)
		work_flush(queue);
	queue->mode = mode;
	queue->state = request->state;
	if (!receives)
		return 0;
	rc = server_pair(queue);
	/* Its other end may have died with the engine: nobody else would tell it. */
	if (request->resumed != 0 && queue->peer == NULL && queue->type != WEIR_QPT_UD)
		deadline_alone(queue);
	return rc;
}

/* Counters from what stands in its memory. That is long: before workers are stopped, as none of
 * them knows yet a queue pair that does not receive, or send. */
static void state_prepare(struct server_queue *queue, const struct verbs_modify_qp *request)
{
	if (is_open(request->state) && queue->state < WEIR_QPS_RTR)
		work_restore_inbox(queue);
	if (mode_of(request->state) == WORK_SEND && queue->mode == WORK_NOTHING &&
		request->resumed != 0)
		work_restore_requests(queue);
}

int server_modify_qp(struct server_call *call)
{
	const struct verbs_modify_qp *request = &call->request->modify_qp;
	struct verbs_server *server = call->connection->server;
	struct server_queue *queue = server_queue_own(call, request->queue);
	int rc = 0;

	if (queue == NULL)
		return -EINVAL;
	if (request->state > WEIR_QPS_ERR)
		return error_set(&call->error, EINVAL, "there is no state %u", request->state);
	if (queue->type == WEIR_QPT_RAW_PACKET) {
		queue->state = request->state;
		return 0;
	}
	if (is_open(request->state))
		rc = header_check(call, queue);
	if (rc < 0)
		return rc;
	state_prepare(queue, request);
	work_stop(server);
	rc = state_set(queue, request);
	work_go_on(server);
	if (queue->listed)
		work_wake_all(server);
	return rc;
}

/* ---- the end ---- */

static void table_leave(struct server_queue *queue)
{
	struct server_connection *connection = queue->connection;
	struct verbs_server *server = connection->server;
	struct server_queue **at = &server->buckets[queue->number % SERVER_BUCKETS];

	while (*at != queue)
		at = &(*at)->next_of_bucket;
	*at = queue->next_of_bucket;
	for (at = &connection->queues; *at != queue;)
		at = &(*at)->next_of_connection;
	*at = queue->next_of_connection;
	connection->queue_count--;
	server->queue_count--;
	connection->domain_users[queue->pd]--;
}

void server_queue_release(struct server_queue *queue)
{
	struct server_connection *connection = queue->connection;

	if (queue->type == WEIR_QPT_RAW_PACKET)
		server_raw_release(queue);
	work_stop(connection->server);
	server_unpair(queue, true);
	work_unlist(queue);
	table_leave(queue);
	work_go_on(connection->server);
	if (queue->srq != NULL)
		queue->srq->users--;
	verbs_unmap(&queue->mapping);
	server_fd_drop(connection, &queue->memory_fd);
	server_fd_drop(connection, &queue->receive_event_fd);
	server_fd_drop(connection, &queue->send_event_fd);
	free(queue);
}

int server_destroy_qp(struct server_call *call)
{
	struct server_queue *queue = server_queue_own(call, call->request->handle.handle);

	if (queue == NULL)
		return -EINVAL;
	server_queue_release(queue);
	return 0;
}
