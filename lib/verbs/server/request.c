/* SPDX-License-Identifier: BSD-3-Clause */
/* From a message to the function that does it, and back. Who sends what is no request is kicked;
 * who asks for what he cannot have is answered. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { REFUSED_MAX = 100000 };

static const struct {
	int (*handle)(struct server_call *call);
	unsigned fds_min, fds_max;
} requests[VERBS_TYPE_COUNT] = {
	[VERBS_HELLO] = {server_hello, 1, 1},
	[VERBS_ALLOC_PD] = {server_alloc_pd, 0, 0},
	[VERBS_DEALLOC_PD] = {server_dealloc_pd, 0, 0},
	[VERBS_REG_MR] = {server_reg_mr, 1, 1},
	[VERBS_DEREG_MR] = {server_dereg_mr, 0, 0},
	[VERBS_CREATE_SRQ] = {server_create_srq, 1, 1},
	[VERBS_DESTROY_SRQ] = {server_destroy_srq, 0, 0},
	[VERBS_CREATE_QP] = {server_create_qp, 1, 3},
	[VERBS_MODIFY_QP] = {server_modify_qp, 0, 0},
	[VERBS_DESTROY_QP] = {server_destroy_qp, 0, 0},
	[VERBS_GET_PEER] = {server_get_peer, 0, 0},
	[VERBS_GET_REGION] = {server_get_region, 0, 0},
	[VERBS_CREATE_RAW] = {server_create_raw, 1, 2},
	[VERBS_CREATE_FLOW] = {server_create_flow, 0, 0},
	[VERBS_DESTROY_FLOW] = {server_destroy_flow, 0, 0},
	[VERBS_GET_PACKETS] = {server_get_packets, 0, 0},
};

int server_fd_keep(struct server_call *call, unsigned index)
{
	int fd = call->fds[index];

	call->fds[index] = -1;
	call->connection->fd_count++;
	return fd;
}

void server_fd_drop(struct server_connection *connection, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	connection->fd_count--;
}

int server_refuse(struct server_call *call, const char *what, uint64_t limit)
{
	/* An application tries again; one that does nothing else costs others time. */
	if (++call->connection->refused > REFUSED_MAX)
		server_kick(call->connection, VERBS_REASON_LIMIT);
	return error_set(&call->error, ENOMEM,
		"a connection may have at most %llu %s: raise the engine's limit",
		(unsigned long long)limit, what);
}

static bool acceptable(const struct server_connection *connection,
	const union verbs_message *request, unsigned fd_count)
{
	unsigned type = request->head.type;

	return type < VERBS_TYPE_COUNT && requests[type].handle != NULL &&
		request->head.bytes == verbs_request_bytes(type) && request->head.number != 0 &&
		fd_count >= requests[type].fds_min && fd_count <= requests[type].fds_max &&
		connection->greeted == (type != VERBS_HELLO);
}

/* What comes with descriptors is mapped. */
static int room_check(struct server_call *call)
{
	const struct server_connection *connection = call->connection;

	if (connection->fd_count + call->fd_count > connection->server->fds_max)
		return server_refuse(call, "descriptors", connection->server->fds_max);
	return server_mapping_check(call);
}

static void answer(struct server_call *call, int rc)
{
	union verbs_message *message = call->answer;
	struct verbs_head head = {call->request->head.type,
		(uint16_t)verbs_answer_bytes(call->request->head.type), call->request->head.number};

	if (rc < 0) {
		memset(message, 0, sizeof(*message));
		message->answer.error = -rc;
		snprintf(message->answer.text, sizeof(message->answer.text), "%.*s",
			(int)sizeof(message->answer.text) - 1,
			call->error.code != 0 ? call->error.message : strerror(-rc));
		call->answer_fd_count = 0;
	}
	message->head = head;
	server_send(call->connection, message, call->answer_fds, call->answer_fd_count);
}

void server_handle(struct server_connection *connection, const union verbs_message *request,
	const int fds[], unsigned fd_count)
{
	union verbs_message reply = {.answer = {.error = 0}};
	struct server_call call = {.connection = connection,
		.request = request,
		.fd_count = fd_count,
		.answer = &reply,
		.answer_own_fd = -1};
	int rc;

	for (unsigned i = 0; i < fd_count; i++)
		call.fds[i] = fds[i];
	if (!acceptable(connection, request, fd_count)) {
		server_kick(connection, VERBS_REASON_BAD_MESSAGE);
	} else {
		rc = fd_count > 0 ? room_check(&call) : 0;
		if (rc == 0)
			rc = requests[request->head.type].handle(&call);
		answer(&call, rc);
		if (call.answer_own_fd >= 0) /* an answer that waits has a duplicate */
			close(call.answer_own_fd);
	}
	for (unsigned i = 0; i < fd_count; i++)
		if (call.fds[i] >= 0)
			close(call.fds[i]);
}
