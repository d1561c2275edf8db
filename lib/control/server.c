/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server: one listening socket, a bounded set of clients, one poll(2) for all of them.
 *
 * A client is in one of three states: reading a request, having one answered (a line is complete
 * and no reply waits), or taking its reply. Its deadline is set when the state changes and not when
 * bytes trickle, so that a client cannot keep its place by sending a byte now and then.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unix_listener.h"
#include "control/control.h"

enum { TIMEOUT_DEFAULT_S = 30, ACCEPT_REST_S = 1 };

struct client {
	int fd; /* -1: the place is free */
	bool ended; /* it will send no more */
	bool closing; /* to be closed once its reply is out */
	uint64_t deadline_ns;
	size_t used; /* bytes of `request` */
	char *reply; /* NULL: none waits */
	size_t reply_length, reply_sent;
	char request[CONTROL_REQUEST_MAX_BYTES + 1]; /* and its newline */
};

struct control_server {
	struct unix_listener listener;
	uint64_t timeout_ns;
	uint64_t accept_after_ns; /* no accept(2) before: it failed for want of something */
	control_handler handler;
	void *arg;
	struct client clients[CONTROL_CLIENTS_MAX];
};

int control_server_create(const char *path, uint64_t timeout_ns, control_handler handler, void *arg,
	struct control_server **ret_server, struct error *error)
{
	struct control_server *server = calloc(1, sizeof(*server));
	int rc;

	*ret_server = NULL;
	if (server == NULL)
		return error_set(error, ENOMEM, "no memory for the control socket");
	rc = unix_listener_open(
		&server->listener, path, SOCK_STREAM, CONTROL_CLIENTS_MAX, "control.socket", error);
	if (rc < 0) {
		free(server);
		return rc;
	}
	server->timeout_ns = timeout_ns != 0 ? timeout_ns : TIMEOUT_DEFAULT_S * NS_PER_SECOND;
	server->handler = handler;
	server->arg = arg;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		server->clients[i].fd = -1;
	*ret_server = server;
	return 0;
}

static void client_close(struct client *client)
{
	close(client->fd);
	free(client->reply);
	client->fd = -1;
	client->reply = NULL;
}

struct control_server *control_server_destroy(struct control_server *server)
{
	if (server == NULL)
		return NULL;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->clients[i].fd >= 0)
			client_close(&server->clients[i]);
	}
	unix_listener_close(&server->listener);
	free(server);
	return NULL;
}

/* Length of the first complete line, its newline excluded, or -1. What a client that has ended its
 * stream left without a newline counts as a line. */
static ssize_t client_line(const struct client *client)
{
	const char *end = memchr(client->request, '\n', client->used);

	if (end != NULL)
		return end - client->request;
	return client->ended && client->used > 0 ? (ssize_t)client->used : -1;
}

static void client_progress(struct client *client, const struct control_server *server)
{
	client->deadline_ns = clock_monotonic_ns() + server->timeout_ns;
}

/* A free place, or that of the client nearest to its deadline. */
static struct client *client_place(struct control_server *server)
{
	struct client *place = &server->clients[0];

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		if (client->fd < 0)
			return client;
		if (client->deadline_ns < place->deadline_ns)
			place = client;
	}
	client_close(place);
	return place;
}

static void server_accept(struct control_server *server)
{
	int fd = accept4(server->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *client;

	if (fd < 0) {
		/* Out of descriptors, say: the socket stays readable, so do not spin on it. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server->accept_after_ns =
				clock_monotonic_ns() + ACCEPT_REST_S * NS_PER_SECOND;
		return;
	}
	client = client_place(server);
	client->fd = fd;
	client->ended = client->closing = false;
	client->used = 0;
	client_progress(client, server);
}

/* false: the connection is broken. */
static bool client_receive(struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->used,
		sizeof(client->request) - client->used, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		client->ended = true;
	client->used += (size_t)got;
	return true;
}

static bool client_send(struct client *client, const struct control_server *server)
{
	ssize_t sent = send(client->fd, client->reply + client->reply_sent,
		client->reply_length - client->reply_sent, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	client->reply_sent += (size_t)sent;
	if (client->reply_sent == client->reply_length) {
		free(client->reply);
		client->reply = NULL;
		client_progress(client, server);
	}
	return true;
}

/* Answers the next complete line, if there is one and no reply waits. false: close the client. */
static bool client_answer(struct client *client, const struct control_server *server)
{
	ssize_t length = client_line(client);
	size_t taken;

	if (client->reply != NULL)
		return true;
	if (length < 0 && client->used < sizeof(client->request))
		return !client->ended && !client->closing;
	if (length <
		0) { /* the buffer is full and holds no line: refused, and never read to its end */
		length = (ssize_t)client->used;
		client->closing = true;
	}
	client->reply = control_handle(client->request, (size_t)length, server->handler,
		server->arg, &client->reply_length);
	if (client->reply == NULL)
		return false;
	client->reply_sent = 0;
	taken = (size_t)length < client->used ? (size_t)length + 1 : client->used;
	client->used -= taken;
	memmove(client->request, client->request + taken, client->used);
	client_progress(client, server);
	return client_send(client, server);
}

static void client_serve(struct client *client, const struct control_server *server, short events)
{
	bool alive = true;

	if (client->reply != NULL) {
		if (events != 0)
			alive = client_send(client, server);
	} else if (client->closing) {
		alive = false;
	} else {
		/* A hang-up shows in recv(2), after what was sent before it. */
		if (events != 0 && client->used < sizeof(client->request))
			alive = client_receive(client);
		if (alive)
			alive = client_answer(client, server);
	}
	if (alive && client->reply == NULL && client->closing)
		alive = false;
	if (alive && clock_monotonic_ns() >= client->deadline_ns)
		alive = false;
	if (!alive)
		client_close(client);
}

/* What to wait for of a client; shortens *timeout_ms to what the client needs. */
static short client_events(const struct client *client, uint64_t now_ns, int *timeout_ms)
{
	uint64_t left_ms =
		client->deadline_ns > now_ns ? (client->deadline_ns - now_ns) / 1000000 + 1 : 0;

	if (left_ms < (uint64_t)*timeout_ms)
		*timeout_ms = (int)left_ms;
	if (client->reply != NULL)
		return POLLOUT;
	if (client->ended || client_line(client) >= 0) {
		*timeout_ms = 0; /* there is work already */
		return 0;
	}
	return POLLIN;
}

void control_server_poll(struct control_server *server, int wake_fd, int timeout_ms)
{
	struct pollfd polls[CONTROL_CLIENTS_MAX + 2];
	uint64_t now_ns = clock_monotonic_ns();
	struct pollfd *wake = &polls[CONTROL_CLIENTS_MAX];
	struct pollfd *listener = &polls[CONTROL_CLIENTS_MAX + 1];

	if (timeout_ms < 0)
		timeout_ms = INT_MAX;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		polls[i] = (struct pollfd){.fd = client->fd}; /* poll(2) passes over -1 */
		if (client->fd >= 0)
			polls[i].events = client_events(client, now_ns, &timeout_ms);
	}
	*wake = (struct pollfd){.fd = wake_fd, .events = POLLIN};
	*listener = (struct pollfd){.fd = server->listener.fd, .events = POLLIN};
	if (now_ns < server->accept_after_ns)
		listener->fd = -1;
	if (poll(polls, CONTROL_CLIENTS_MAX + 2, timeout_ms) < 0)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (server->clients[i].fd >= 0)
			client_serve(&server->clients[i], server, polls[i].revents);
	}
	if (listener->revents != 0)
		server_accept(server);
}
