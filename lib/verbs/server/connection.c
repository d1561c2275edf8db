/* SPDX-License-Identifier: BSD-3-Clause */
/* One application: its socket, from accept to the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { OUTGOING_MAX = 16384, MESSAGES_A_TURN = 16 };

static int watch(struct server_connection *connection, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = connection};

	return epoll_ctl(connection->server->epoll, operation, connection->socket, &event);
}

static struct server_connection *connection_free(struct server_connection *connection)
{
	if (connection == NULL)
		return NULL;
	free(connection->regions);
	free(connection->generations);
	free(connection->domain_users);
	free(connection->srqs);
	free(connection);
	return NULL;
}

static struct server_connection *connection_new(struct verbs_server *server, int socket)
{
	const struct verbs_server_config *config = &server->config;
	struct server_connection *connection = calloc(1, sizeof(*connection));
	struct ucred peer = {.pid = 0, .uid = (uid_t)-1};
	socklen_t bytes = sizeof(peer);

	if (connection == NULL)
		return NULL;
	connection->regions = calloc(config->regions, sizeof(*connection->regions));
	connection->generations = calloc(config->regions, sizeof(*connection->generations));
	connection->domain_users = calloc(config->domains + 1u, sizeof(int64_t));
	connection->srqs = calloc(config->shared_receives + 1u, sizeof(*connection->srqs));
	if (connection->regions == NULL || connection->generations == NULL ||
		connection->domain_users == NULL || connection->srqs == NULL ||
		getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
		return connection_free(connection);
	for (uint32_t i = 0; i <= config->domains; i++)
		connection->domain_users[i] = -1;
	connection->executors_view.find = server_region_find;
	connection->server = server;
	connection->socket = socket;
	connection->keys_fd = connection->doorbell = -1;
	connection->pid = (uint32_t)peer.pid;
	connection->uid = peer.uid;
	connection->trusted = peer.uid == 0 || peer.uid == geteuid();
	connection->outgoing_end = &connection->outgoing;
	return connection;
}

static void say_kicked(int socket, uint32_t reason)
{
	union verbs_message message = {
		.event = {.head = {VERBS_EVENT, sizeof(struct verbs_event), 0},
			.event = VERBS_EVENT_KICKED,
			.reason = reason}};

	verbs_message_send(socket, &message, NULL, 0);
}

/* No descriptor is left: take one from the side, so that the one who waits is at least sent away
 * and the listener does not stay readable for ever. */
static bool turn_away(struct verbs_server *server)
{
	int socket;

	if (server->spare_fd < 0)
		return false;

	close(server->spare_fd);
	socket = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (socket >= 0) {
		say_kicked(socket, VERBS_REASON_LIMIT);
		close(socket);
	}
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return socket >= 0;
}

/* What is wrong with the one who waits is over with him. Else he goes on waiting, and the listener
 * stays readable: not to be asked again at once. */
static void accept_failed(struct verbs_server *server, int code)
{
	if (code == EAGAIN || code == EINTR || code == ECONNABORTED)
		return;
	if ((code != EMFILE && code != ENFILE) || !turn_away(server))
		deadline_deaf(server);
}

void server_accept(struct verbs_server *server)
{
	int socket = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct server_connection *connection;

	if (socket < 0) {
		accept_failed(server, errno);
		return;
	}
	connection = server->connection_count < server->config.connections
		? connection_new(server, socket)
		: NULL;
	if (connection == NULL || !server_user_has_place(connection) ||
		watch(connection, EPOLL_CTL_ADD, EPOLLIN) < 0) {
		say_kicked(socket, VERBS_REASON_LIMIT);
		close(socket);
		connection_free(connection);
		return;
	}
	deadline_hello(connection);
	connection->number = ++server->connection_next;
	connection->next = server->connections;
	server->connections = connection;
	server->connection_count++;
	server->connections_ever++;
}

void server_kick(struct server_connection *connection, uint32_t reason)
{
	if (connection->closing)
		return;
	connection->closing = true;
	connection->reason = reason;
}

void server_connection_read(struct server_connection *connection)
{
	/* Who has not read our answers gets no more of them. */
	for (unsigned i = 0;
		i < MESSAGES_A_TURN && !connection->closing && connection->outgoing == NULL; i++) {
		union verbs_message request;
		int fds[VERBS_FDS_MAX];
		unsigned fd_count;
		int rc = verbs_message_receive(connection->socket, &request, fds, &fd_count);

		if (rc == -EAGAIN)
			return;
		if (rc == 0)
			server_handle(connection, &request, fds, fd_count);
		else if (rc == -EPROTO)
			server_kick(connection, VERBS_REASON_BAD_MESSAGE);
		else
			connection->closing = true;
	}
}

static void outgoing_pop(struct server_connection *connection)
{
	struct server_outgoing *first = connection->outgoing;

	connection->outgoing = first->next;
	if (connection->outgoing == NULL)
		connection->outgoing_end = &connection->outgoing;
	connection->outgoing_count--;
	while (first->fd_count > 0)
		close(first->fds[--first->fd_count]);
	free(first);
}

void server_connection_write(struct server_connection *connection)
{
	while (connection->outgoing != NULL && !connection->closing) {
		const struct server_outgoing *first = connection->outgoing;
		int rc = verbs_message_send(
			connection->socket, &first->message, first->fds, first->fd_count);

		if (rc == -EAGAIN)
			return;
		if (rc < 0)
			connection->closing = true;
		outgoing_pop(connection);
	}
	if (!connection->closing)
		watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

static int outgoing_push(struct server_connection *connection, const union verbs_message *message,
	const int fds[], unsigned fd_count)
{
	struct server_outgoing *last;

	if (connection->outgoing_count >= OUTGOING_MAX)
		return -ENOBUFS;
	last = calloc(1, sizeof(*last));
	if (last == NULL)
		return -ENOMEM;
	last->message = *message;
	for (; last->fd_count < fd_count; last->fd_count++) {
		int fd = fcntl(fds[last->fd_count], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			while (last->fd_count > 0)
				close(last->fds[--last->fd_count]);
			free(last);
			return -EMFILE;
		}
		last->fds[last->fd_count] = fd;
	}
	*connection->outgoing_end = last;
	connection->outgoing_end = &last->next;
	connection->outgoing_count++;
	return watch(connection, EPOLL_CTL_MOD, EPOLLOUT) < 0 ? -errno : 0;
}

void server_send(struct server_connection *connection, const union verbs_message *message,
	const int fds[], unsigned fd_count)
{
	int rc = -EAGAIN;

	if (connection->closing)
		return;
	if (connection->outgoing == NULL)
		rc = verbs_message_send(connection->socket, message, fds, fd_count);
	if (rc == -EAGAIN && outgoing_push(connection, message, fds, fd_count) < 0)
		server_kick(connection, VERBS_REASON_LIMIT);
	else if (rc < 0 && rc != -EAGAIN)
		connection->closing = true;
}

void server_tell(struct server_connection *connection, uint32_t event, uint32_t handle,
	uint32_t queue, uint32_t reason)
{
	union verbs_message message = {
		.event = {.head = {VERBS_EVENT, sizeof(struct verbs_event), 0},
			.event = event,
			.handle = handle,
			.queue = queue,
			.reason = reason}};

	server_send(connection, &message, NULL, 0);
}

static void connection_close(struct server_connection *connection)
{
	struct verbs_server *server = connection->server;

	if (connection->reason != VERBS_REASON_NONE) {
		say_kicked(connection->socket, connection->reason);
		server->kicked++;
		server->last_reason = connection->reason;
	} else if (connection->queue_count + connection->region_count > 0) {
		server->died++;
	}
	server_objects_release(connection);
	while (connection->outgoing != NULL)
		outgoing_pop(connection);
	/* A duplicate in a child process would keep them in the epoll set. */
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->socket, NULL);
	close(connection->socket);
	if (connection->doorbell >= 0) {
		epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->doorbell, NULL);
		close(connection->doorbell);
	}
	server->connection_count--;
	connection_free(connection);
}

void server_reap(struct verbs_server *server)
{
	struct server_connection **at = &server->connections;

	while (*at != NULL) {
		struct server_connection *connection = *at;

		if (!connection->closing) {
			at = &connection->next;
			continue;
		}
		*at = connection->next;
		connection_close(connection);
		/* Telling others may have ended one that was passed already. */
		at = &server->connections;
	}
}
