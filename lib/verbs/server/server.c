/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "verbs/server/state.h"

enum { EVENTS_MAX = 32, STEP_NS = 1000000, WAITING_MAX = 128 };

static void identify(struct verbs_server *server)
{
	uint64_t random[2] = {0};

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
		random[0] = clock_wall_ns();
		random[1] = random[0] * 0x9e3779b97f4a7c15ull >> 32;
	}
	/* Locally administered, as a GUID made up has to be. */
	server->guid = (random[0] & ~(3ull << 56)) | 2ull << 56;
	/* Elsewhere after a restart, so that numbers of before are mostly free. */
	server->queue_next = (uint32_t)random[1];
}

static int config_check(const struct verbs_server_config *config, struct error *error)
{
	if (config->regions == 0 || config->regions > VERBS_KEYS_MAX)
		return error_set(error, EINVAL, "1 to %d regions", VERBS_KEYS_MAX);
	if (config->depth == 0 || config->depth > VERBS_DEPTH_MAX)
		return error_set(error, EINVAL, "a queue's depth is 1 to %d", VERBS_DEPTH_MAX);
	if (config->domains == 0 || config->domains > VERBS_KEYS_MAX ||
		config->shared_receives > VERBS_KEYS_MAX || config->connections == 0)
		return error_set(error, EINVAL, "a limit of the verbs server is out of range");
	return 0;
}

int verbs_server_create(const struct verbs_server_config *config,
	const struct verbs_server_raw *raw, void *raw_argument, struct verbs_server **ret_server,
	struct error *error)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct verbs_server *server;
	int rc = config_check(config, error);

	if (rc < 0)
		return rc;
	server = aligned_alloc(64, (sizeof(*server) + 63) & ~(size_t)63);
	if (server == NULL)
		return error_set(error, ENOMEM, "no memory for the verbs server");
	memset(server, 0, sizeof(*server));
	server->config = *config;
	strncpy(server->version, config->version != NULL ? config->version : "",
		sizeof(server->version) - 1);
	server->raw = raw;
	server->raw_argument = raw_argument;
	server->listener.fd = server->deadline = server->broken = -1;
	pthread_mutex_init(&server->lock, NULL);
	pthread_mutex_init(&server->turn, NULL);
	bell_init(&server->bell);
	server_share(server);
	identify(server);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0) {
		rc = error_set(error, errno, "epoll_create1: %s", strerror(errno));
		goto destroy;
	}
	rc = work_init(server, error);
	if (rc == 0)
		rc = deadline_init(server, error);
	if (rc == 0)
		rc = server_raw_init(server, error);
	if (rc == 0)
		rc = unix_listener_open(&server->listener, config->socket, SOCK_SEQPACKET,
			WAITING_MAX, "verbs.socket", error);
	if (rc == 0 && epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener.fd, &event) < 0)
		rc = error_set(error, errno, "epoll_ctl: %s", strerror(errno));
	if (rc == 0) {
		*ret_server = server;
		return 0;
	}
destroy:
	verbs_server_destroy(server);
	return rc;
}

struct verbs_server *verbs_server_destroy(struct verbs_server *server)
{
	if (server == NULL)
		return NULL;
	unix_listener_close(&server->listener);
	for (struct server_connection *connection = server->connections; connection != NULL;
		connection = connection->next) {
		server_tell(connection, VERBS_EVENT_ENGINE_STOPS, 0, 0, 0);
		connection->closing = true;
		/* They stay connected: to the next engine, or by themselves. */
		for (struct server_queue *queue = connection->queues; queue != NULL;
			queue = queue->next_of_connection)
			server_unpair(queue, false);
	}
	server_reap(server);
	work_fini(server);
	bell_fini(&server->bell);
	server_raw_fini(server);
	if (server->deadline >= 0)
		close(server->deadline);
	if (server->epoll >= 0)
		close(server->epoll);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	pthread_mutex_destroy(&server->lock);
	pthread_mutex_destroy(&server->turn);
	free(server);
	return NULL;
}

void server_lock(struct verbs_server *server)
{
	pthread_mutex_lock(&server->turn);
	pthread_mutex_lock(&server->lock);
	pthread_mutex_unlock(&server->turn);
}

int verbs_server_fd(const struct verbs_server *server)
{
	return server->epoll;
}

static void source_handle(struct verbs_server *server, const struct epoll_event *event)
{
	void *source = (void *)(uintptr_t)(event->data.u64 & ~(uint64_t)SOURCE_MASK);
	struct server_worker *worker = source;
	uint64_t count;

	switch ((enum server_source)(event->data.u64 & SOURCE_MASK)) {
	case SOURCE_DOORBELL:
		/* Edge-triggered and never read: the application has it too, and could make the
		 * read wait for ever. */
		work_wake_all(server);
		return;
	case SOURCE_WORKER_TIMER:
		if (read(worker->timer, &count, sizeof(count)) >= 0)
			work_wake(worker);
		return;
	case SOURCE_DEADLINE: deadline_pass(server); return;
	case SOURCE_BROKEN: server_raw_broken(server); return;
	default: break;
	}
	if (source == NULL) {
		server_accept(server);
		return;
	}
	if ((event->events & (EPOLLOUT | EPOLLHUP)) != 0)
		server_connection_write(source);
	if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		server_connection_read(source);
}

void verbs_server_step(struct verbs_server *server)
{
	uint64_t end_ns = clock_monotonic_ns() + STEP_NS;
	struct epoll_event events[EVENTS_MAX];
	int count;

	do {
		count = epoll_wait(server->epoll, events, EVENTS_MAX, 0);
		if (count <= 0)
			return;
		server_lock(server);
		for (int i = 0; i < count; i++)
			source_handle(server, &events[i]);
		/* Not before: events of this round may still name one that is closing. */
		server_reap(server);
		pthread_mutex_unlock(&server->lock);
	} while (clock_monotonic_ns() < end_ns);
}
