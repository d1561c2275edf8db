/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has to happen in time, by one timer: a connection says hello; a queue pair that came back
 * after a restart meets its other end again; a listener that could not accept tries again.
 *
 * An honest application does the first two at once, but its machine may be busy, or just be
 * starting again everything that the restart ended: so it gets PATIENCE_NS. Who is given up too
 * early loses what was under way; who is given up late only waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "verbs/server/state.h"

#define PATIENCE_NS (5 * NS_PER_SECOND)
/* Accepting fails when the machine has no memory or descriptors: not for long, or for long. */
#define DEAF_NS (NS_PER_SECOND / 10)

int deadline_init(struct verbs_server *server, struct error *error)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = SOURCE_DEADLINE};

	if (server->config.patience_ns == 0)
		server->config.patience_ns = PATIENCE_NS;
	server->deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->deadline < 0)
		return error_set(error, errno, "timerfd_create: %s", strerror(errno));
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->deadline, &event) < 0)
		return error_set(error, errno, "epoll_ctl: %s", strerror(errno));
	return 0;
}

static void due_set(struct verbs_server *server, uint64_t at_ns)
{
	struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at_ns / NS_PER_SECOND),
					  .tv_nsec = (long)(at_ns % NS_PER_SECOND)}};

	if (server->due_ns != 0 && server->due_ns <= at_ns)
		return;
	server->due_ns = at_ns;
	timerfd_settime(server->deadline, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool is_due(struct verbs_server *server, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t at_ns = since_ns + server->config.patience_ns;

	if (now_ns >= at_ns)
		return true;
	due_set(server, at_ns);
	return false;
}

/* ---- whether a process lives ---- */

/* When it began, in clock ticks after the machine's start: its number alone may be another's by
 * now. 0: it is no more, or cannot be seen. proc_pid_stat(5). */
static uint64_t process_began(uint32_t pid)
{
	char path[32], text[1024], *at;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = pid == 0 ? NULL : fopen(path, "re");
	if (file == NULL)
		return 0;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	/* Its name, which may hold anything, is in parentheses; then its state; field 22. */
	at = strrchr(text, ')');
	if (at == NULL || strchr("ZXx", at[1] == ' ' ? at[2] : 'X') != NULL)
		return 0;
	for (unsigned field = 2; field < 22 && at != NULL; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

void deadline_note_peer(struct server_queue *queue)
{
	struct verbs_queue_header *header = queue->responder.queue.header;
	const struct server_connection *other = queue->peer->connection;

	header->path = queue->path;
	header->peer_pid = other->pid;
	header->peer_began = other->process_began;
}

/* On the direct path they need no engine to go on, and the other end may never look for one: as
 * unmodified RDMA programs do not. Only its death ends that. */
static bool goes_on_directly(const struct server_queue *queue)
{
	const struct verbs_queue_header *header = queue->responder.queue.header;
	uint64_t began;

	if (__atomic_load_n(&header->path, __ATOMIC_RELAXED) != VERBS_PATH_DIRECT)
		return false;
	began = process_began(__atomic_load_n(&header->peer_pid, __ATOMIC_RELAXED));
	return began != 0 && began == __atomic_load_n(&header->peer_began, __ATOMIC_RELAXED);
}

/* ---- what there is to wait for ---- */

void deadline_hello(struct server_connection *connection)
{
	connection->since_ns = clock_monotonic_ns();
	connection->process_began = process_began(connection->pid);
	due_set(connection->server, connection->since_ns + connection->server->config.patience_ns);
}

void deadline_alone(struct server_queue *queue)
{
	struct verbs_server *server = queue->connection->server;

	queue->alone_since_ns = clock_monotonic_ns();
	queue->connection->some_alone = true;
	due_set(server, queue->alone_since_ns + server->config.patience_ns);
}

static void listener_watch(struct verbs_server *server, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = SOURCE_CONNECTION};

	epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listener.fd, &event);
}

void deadline_deaf(struct verbs_server *server)
{
	server->deaf_until_ns = clock_monotonic_ns() + DEAF_NS;
	listener_watch(server, 0);
	due_set(server, server->deaf_until_ns);
}

/* ---- when it is due ---- */

/* Its number is nobody's, or he came back only to say that he is done for. */
static bool is_gone(const struct verbs_server *server, uint32_t number)
{
	const struct server_queue *other = server_queue_find(server, number);

	return other == NULL || other->state == WEIR_QPS_ERR;
}

/* Returns whether it is to be looked at again. */
static bool alone_check(struct server_queue *queue, uint64_t now_ns)
{
	struct verbs_server *server = queue->connection->server;

	if (queue->alone_since_ns == 0)
		return false;
	if (queue->peer == NULL && is_gone(server, queue->remote)) {
		if (!is_due(server, queue->alone_since_ns, now_ns))
			return true;
		if (goes_on_directly(queue)) {
			deadline_alone(queue);
			return true;
		}
		server_peer_gone(queue);
	}
	/* Or its other end is here, and connects when it likes. */
	queue->alone_since_ns = 0;
	return false;
}

void deadline_pass(struct verbs_server *server)
{
	uint64_t now_ns = clock_monotonic_ns(), count;

	if (read(server->deadline, &count, sizeof(count)) < 0)
		return;
	server->due_ns = 0;
	if (server->deaf_until_ns != 0 && now_ns >= server->deaf_until_ns) {
		server->deaf_until_ns = 0;
		listener_watch(server, EPOLLIN);
	} else if (server->deaf_until_ns != 0) {
		due_set(server, server->deaf_until_ns);
	}
	for (struct server_connection *connection = server->connections; connection != NULL;
		connection = connection->next) {
		bool some = false;

		if (!connection->greeted && is_due(server, connection->since_ns, now_ns))
			server_kick(connection, VERBS_REASON_NO_HELLO);
		if (!connection->some_alone)
			continue;
		for (struct server_queue *queue = connection->queues; queue != NULL;
			queue = queue->next_of_connection)
			some |= alone_check(queue, now_ns);
		connection->some_alone = some;
	}
}
