/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which queue pairs are connected, on which path, and what one end may know of the other: its
 * memory only on the direct path, and only while both say that they are connected to each other.
 */
#include <errno.h>
#include <stdlib.h>

#include "verbs/server/state.h"

enum { READERS_MAX = 1 << 16 };

static bool connectable(const struct server_queue *queue)
{
	return queue->state >= WEIR_QPS_RTR && queue->state != WEIR_QPS_ERR &&
		(queue->type == WEIR_QPT_RC || queue->type == WEIR_QPT_UC);
}

static uint32_t path_of(const struct server_queue *one, const struct server_queue *other)
{
	switch (one->connection->server->config.policy) {
	case VERBS_POLICY_DIRECT: return VERBS_PATH_DIRECT;
	case VERBS_POLICY_ENGINE: return VERBS_PATH_ENGINE;
	default:
		return one->connection->uid == other->connection->uid ? VERBS_PATH_DIRECT
								      : VERBS_PATH_ENGINE;
	}
}

static void condition_set(struct server_queue *queue, uint32_t condition, uint32_t reason)
{
	struct verbs_queue_header *header = queue->responder.queue.header;

	header->condition_reason = reason;
	__atomic_store_n(&header->condition, condition, __ATOMIC_RELEASE);
}

/* Numbers can be asked for: who has the number of one that went is not that one. */
static bool wants(const struct server_queue *queue, const struct server_queue *other)
{
	return queue->remote == other->number &&
		(queue->remote_connection == 0 ||
			queue->remote_connection == other->connection->number);
}

int server_pair(struct server_queue *queue)
{
	struct server_queue *other;
	int rc;

	if (queue->type == WEIR_QPT_UD)
		return work_list(queue);
	if (queue->peer != NULL)
		return 0;
	other = server_queue_find(queue->connection->server, queue->remote);
	if (other == NULL || !connectable(other) || other->type != queue->type ||
		!wants(queue, other) || !wants(other, queue))
		return 0;
	queue->path = other->path = path_of(queue, other);
	if (queue->path == VERBS_PATH_ENGINE) {
		rc = work_list(queue);
		if (rc == 0)
			rc = work_list(other);
		if (rc < 0)
			return rc;
	} else {
		/* Of another path before: their applications do their requests themselves now. */
		work_unlist(queue);
		work_unlist(other);
	}
	queue->peer = other;
	other->peer = queue;
	queue->remote_connection = other->connection->number;
	other->remote_connection = queue->connection->number;
	deadline_note_peer(queue);
	deadline_note_peer(other);
	condition_set(queue, VERBS_CONNECTED, VERBS_REASON_NONE);
	condition_set(other, VERBS_CONNECTED, VERBS_REASON_NONE);
	return 0;
}

/* A request under way has chosen memory of the other end: from its start, wherever it goes next. A
 * shared receive that it has claimed is taken back by its owner when that is reset or ends. */
static void request_forget(struct server_queue *queue)
{
	verbs_transfer_begin(&queue->transfer);
	queue->waiting = VERBS_FINISHED;
	queue->transferring = false;
}

void server_peer_gone(struct server_queue *queue)
{
	const struct server_bell *bell = &queue->connection->server->bell;

	queue->remote = 0;
	condition_set(queue, VERBS_PEER_GONE, VERBS_REASON_PEER_GONE);
	bell_ring(bell, queue->connection, queue->receive_event_fd);
	bell_ring(bell, queue->connection, queue->send_event_fd);
	server_tell(queue->connection, VERBS_EVENT_PEER_GONE, queue->number, queue->number,
		VERBS_REASON_PEER_GONE);
}

void server_unpair(struct server_queue *queue, bool gone)
{
	struct server_queue *other = queue->peer;

	if (other == NULL)
		return;
	queue->peer = other->peer = NULL;
	request_forget(queue);
	request_forget(other);
	if (!gone || other == queue)
		return;
	server_peer_gone(other);
}

static int not_connected(struct server_call *call, const struct server_queue *queue)
{
	return error_set(&call->error, ENOTCONN,
		"queue pair %u is not connected, or the other end is not yet", queue->number);
}

int server_get_peer(struct server_call *call)
{
	struct server_queue *queue = server_queue_own(call, call->request->get_peer.queue);
	struct verbs_get_peer_answer *answer = &call->answer->get_peer_answer;
	const struct server_queue *peer;

	if (queue == NULL)
		return -EINVAL;
	peer = queue->peer;
	if (queue->type == WEIR_QPT_UD) {
		answer->path = VERBS_PATH_ENGINE;
		return 0;
	}
	if (peer == NULL || !connectable(queue))
		return not_connected(call, queue);
	answer->path = queue->path;
	if (queue->path != VERBS_PATH_DIRECT)
		return 0;
	answer->pd = peer->pd;
	answer->process = peer->connection == queue->connection;
	answer->geometry = peer->responder.queue.geometry;
	call->answer_fds[call->answer_fd_count++] = peer->memory_fd;
	call->answer_fds[call->answer_fd_count++] = peer->connection->keys_fd;
	if (peer->receive_event_fd >= 0) {
		answer->has_event_fd = 1;
		call->answer_fds[call->answer_fd_count++] = peer->receive_event_fd;
	}
	if (peer->srq != NULL) {
		answer->srq = peer->srq->handle;
		answer->srq_depth = peer->srq->shared.depth;
		answer->srq_segments = peer->srq->shared.segments;
		call->answer_fds[call->answer_fd_count++] = peer->srq->fd;
	}
	return 0;
}

/* Remembers who was told, to tell him when it goes. */
static int reader_add(struct server_region *region, uint32_t number)
{
	for (uint32_t i = 0; i < region->reader_count; i++)
		if (region->readers[i] == number)
			return 0;
	if (region->reader_count == region->reader_room) {
		uint32_t room = region->reader_room == 0 ? 4 : region->reader_room * 2;
		uint32_t *readers = room > READERS_MAX
			? NULL
			: realloc(region->readers, room * sizeof(*readers));

		if (readers == NULL)
			return -ENOMEM;
		region->readers = readers;
		region->reader_room = room;
	}
	region->readers[region->reader_count++] = number;
	return 0;
}

int server_get_region(struct server_call *call)
{
	const struct verbs_get_region *request = &call->request->get_region;
	struct verbs_get_region_answer *answer = &call->answer->get_region_answer;
	struct server_queue *queue = server_queue_own(call, request->queue);
	struct server_region *region;
	struct server_connection *owner;

	if (queue == NULL)
		return -EINVAL;
	if (queue->peer == NULL || !connectable(queue) || queue->path != VERBS_PATH_DIRECT)
		return not_connected(call, queue);
	owner = queue->peer->connection;
	if (server_region_find(&owner->executors_view, request->key) == NULL)
		return error_set(&call->error, EACCES,
			"the other end of queue pair %u has no region with key %#x", queue->number,
			request->key);
	region = owner->regions[verbs_key_index(request->key)];
	if (region->region.pd != queue->peer->pd)
		return error_set(&call->error, EACCES,
			"the region with key %#x is of another protection domain", request->key);
	if (reader_add(region, queue->number) < 0)
		return -ENOMEM;
	answer->pd = region->region.pd;
	answer->access = region->region.access;
	answer->address = region->region.address;
	answer->bytes = region->region.bytes;
	answer->fd_offset = region->fd_offset;
	call->answer_fds[call->answer_fd_count++] = region->fd;
	return 0;
}
