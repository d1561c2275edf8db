/* SPDX-License-Identifier: BSD-3-Clause */
/* Raw-packet queue pairs: checked and kept here, served by the engine (struct verbs_server_raw). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "verbs/packet_queue.h"
#include "verbs/server/state.h"

enum { RAW_DEPTH_MAX = 32768 };
#define RAW_AREA_MAX (1ull << 32)

static bool depth_good(uint32_t depth)
{
	return depth != 0 && depth <= RAW_DEPTH_MAX && (depth & (depth - 1)) == 0;
}

static int raw_check(struct server_call *call)
{
	const struct verbs_create_raw *request = &call->request->create_raw;
	const struct server_connection *connection = call->connection;
	const struct verbs_server_config *config = &connection->server->config;
	int rc = server_domain_check(call, request->pd);

	if (rc < 0)
		return rc;
	if (connection->server->raw == NULL)
		return error_set(&call->error, EOPNOTSUPP, "this engine has no raw packets");
	if (connection->queue_count >= config->queue_pairs)
		return server_refuse(call, "queue pairs", config->queue_pairs);
	if (!depth_good(request->receive_depth) || !depth_good(request->send_depth))
		return error_set(&call->error, EINVAL,
			"depths of queues are powers of two up to %d", RAW_DEPTH_MAX);
	if (request->area_bytes > RAW_AREA_MAX || request->area_bytes % 4096 != 0)
		return error_set(&call->error, EINVAL,
			"the area for packets is of whole pages, at most 4 GiB");
	if (request->area_bytes > config->bytes - connection->bytes)
		return server_refuse(call, "bytes registered", config->bytes);
	return 0;
}

static int memory_take(struct server_call *call, struct server_queue *queue)
{
	const struct verbs_create_raw *request = &call->request->create_raw;
	uint64_t bytes = verbs_packet_places(
		request->receive_depth, request->send_depth, request->area_bytes)
				 .total_bytes;
	int rc;

	if (!call->connection->trusted && verbs_file_is_huge(call->fds[0]))
		rc = error_set(&call->error, EPERM,
			"huge pages can be taken away from under the engine: use ordinary memory");
	else
		rc = verbs_map(&queue->mapping, call->fds[0], 0, bytes, true, &call->error);
	if (rc == -EPERM || rc == -EINVAL)
		server_kick(call->connection, VERBS_REASON_BAD_MEMORY);
	return rc;
}

static void ring(void *argument)
{
	const struct server_queue *queue = argument;

	/* Any thread may: it is the kernel that orders them. */
	bell_ring(&queue->connection->server->bell, queue->connection, queue->receive_event_fd);
}

/* ---- what broke a rule ---- */

int server_raw_init(struct verbs_server *server, struct error *error)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = SOURCE_BROKEN};

	server->broken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->broken < 0)
		return error_set(error, errno, "eventfd: %s", strerror(errno));
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->broken, &event) < 0)
		return error_set(error, errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

void server_raw_fini(struct verbs_server *server)
{
	if (server->broken >= 0)
		close(server->broken);
}

static void broke(void *argument, uint32_t reason)
{
	struct server_queue *queue = argument;

	__atomic_store_n(&queue->broken, reason, __ATOMIC_RELEASE);
	work_event_write(queue->connection->server->broken);
}

void server_raw_broken(struct verbs_server *server)
{
	uint64_t count;

	if (read(server->broken, &count, sizeof(count)) < 0)
		return;
	for (struct server_connection *connection = server->connections; connection != NULL;
		connection = connection->next)
		for (struct server_queue *queue = connection->queues; queue != NULL;
			queue = queue->next_of_connection) {
			uint32_t reason = __atomic_load_n(&queue->broken, __ATOMIC_ACQUIRE);

			if (reason != VERBS_REASON_NONE)
				server_kick(connection, reason);
		}
}

/* ---- life ---- */

static int raw_attach(struct server_call *call, struct server_queue *queue)
{
	const struct verbs_create_raw *request = &call->request->create_raw;
	const struct verbs_server *server = call->connection->server;
	struct verbs_raw_queue raw = {.number = queue->number,
		.connection = call->connection->number,
		.memory = queue->mapping.base,
		.memory_bytes = queue->mapping.bytes,
		.area_bytes = request->area_bytes,
		.receive_depth = request->receive_depth,
		.send_depth = request->send_depth,
		.ring = queue->receive_event_fd < 0 ? NULL : ring,
		.broke = broke,
		.argument = queue,
		.trusted = call->connection->trusted};

	return server->raw->attach(server->raw_argument, &raw, &call->error);
}

/* Its memory mapped, with a number, in the tables; the engine does not know of it yet. */
static int raw_enter(struct server_call *call, struct server_queue **ret_queue)
{
	const struct verbs_create_raw *request = &call->request->create_raw;
	struct server_queue *queue = calloc(1, sizeof(*queue));
	int rc;

	if (queue == NULL)
		return -ENOMEM;
	queue->pd = request->pd;
	queue->type = WEIR_QPT_RAW_PACKET;
	queue->memory_fd = queue->receive_event_fd = queue->send_event_fd = -1;
	rc = memory_take(call, queue);
	if (rc == 0)
		rc = server_queue_enter(call, queue, request->wanted);
	if (rc != 0) {
		verbs_unmap(&queue->mapping);
		free(queue);
		return rc;
	}
	queue->raw_bytes = request->area_bytes;
	call->connection->bytes += queue->raw_bytes;
	queue->memory_fd = server_fd_keep(call, 0);
	if (call->fd_count > 1)
		queue->receive_event_fd = server_fd_keep(call, 1);
	*ret_queue = queue;
	return 0;
}

int server_create_raw(struct server_call *call)
{
	struct server_queue *queue = NULL;
	int rc = raw_check(call);

	if (rc == 0)
		rc = raw_enter(call, &queue);
	if (rc != 0)
		return rc;
	rc = raw_attach(call, queue);
	if (rc != 0) {
		server_queue_release(queue);
		return rc;
	}
	queue->attached = true;
	return 0;
}

void server_raw_release(struct server_queue *queue)
{
	struct server_connection *connection = queue->connection;
	const struct verbs_server *server = connection->server;
	struct server_flow **at = &connection->flows;

	if (queue->attached)
		server->raw->detach(server->raw_argument, queue->number);
	connection->bytes -= queue->raw_bytes;
	while (*at != NULL) {
		struct server_flow *flow = *at;

		if (flow->queue != queue->number) {
			at = &flow->next;
			continue;
		}
		*at = flow->next;
		connection->flow_count--;
		free(flow);
	}
}

static struct server_queue *raw_own(struct server_call *call, uint32_t number)
{
	struct server_queue *queue = server_queue_own(call, number);

	if (queue == NULL || queue->type == WEIR_QPT_RAW_PACKET)
		return queue;
	error_set(&call->error, EINVAL, "queue pair %u is not for raw packets", number);
	return NULL;
}

int server_create_flow(struct server_call *call)
{
	const struct verbs_create_flow *request = &call->request->create_flow;
	struct server_connection *connection = call->connection;
	const struct verbs_server *server = connection->server;
	struct server_flow *flow;
	int rc;

	if (raw_own(call, request->queue) == NULL)
		return -EINVAL;
	if (memchr(request->port, '\0', sizeof(request->port)) == NULL)
		return error_set(&call->error, EINVAL, "the name of the port has no end");
	if (connection->flow_count >= server->config.regions)
		return server_refuse(call, "flows", server->config.regions);
	flow = calloc(1, sizeof(*flow));
	if (flow == NULL)
		return -ENOMEM;
	flow->queue = request->queue;
	flow->handle = ++connection->flow_next;
	rc = server->raw->flow_add(
		server->raw_argument, flow->queue, request, flow->handle, &call->error);
	if (rc < 0) {
		free(flow);
		return rc;
	}
	flow->next = connection->flows;
	connection->flows = flow;
	connection->flow_count++;
	call->answer->handle_answer.handle = flow->handle;
	return 0;
}

int server_destroy_flow(struct server_call *call)
{
	struct server_connection *connection = call->connection;
	uint32_t handle = call->request->handle.handle;

	for (struct server_flow **at = &connection->flows; *at != NULL; at = &(*at)->next) {
		struct server_flow *flow = *at;

		if (flow->handle != handle)
			continue;
		*at = flow->next;
		connection->flow_count--;
		connection->server->raw->flow_remove(
			connection->server->raw_argument, flow->queue, handle);
		free(flow);
		return 0;
	}
	return error_set(&call->error, EINVAL, "there is no flow %u", handle);
}

int server_get_packets(struct server_call *call)
{
	const struct verbs_get_packets *request = &call->request->get_packets;
	const struct verbs_server *server = call->connection->server;
	int rc;

	if (raw_own(call, request->queue) == NULL)
		return -EINVAL;
	rc = server->raw->packets(server->raw_argument, request->queue, request->part,
		&call->answer->get_packets_answer, &call->answer_own_fd, &call->error);
	if (rc == 0 && call->answer_own_fd >= 0)
		call->answer_fds[call->answer_fd_count++] = call->answer_own_fd;
	return rc;
}
