/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/verbs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/engine_internal.h"
#include "verbs/socket_path.h"

struct engine_verbs {
	struct verbs_server *server;
	pthread_t thread;
	int stop_fd; /* eventfd: the thread ends */
	char socket[108];
};

static void *verbs_main(void *argument)
{
	struct engine_verbs *verbs = argument;
	struct pollfd fds[2] = {{.fd = verbs_server_fd(verbs->server), .events = POLLIN},
		{.fd = verbs->stop_fd, .events = POLLIN}};

	pthread_setname_np(pthread_self(), "weir-verbs");
	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0)
			verbs_server_step(verbs->server);
	}
	return NULL;
}

static enum verbs_policy policy_of(enum verbs_path_policy path)
{
	switch (path) {
	case VERBS_PATH_ONLY_DIRECT: return VERBS_POLICY_DIRECT;
	case VERBS_PATH_ONLY_ENGINE: return VERBS_POLICY_ENGINE;
	default: return VERBS_POLICY_AUTO;
	}
}

static int server_make(struct engine *engine, struct engine_verbs *verbs, struct error *error)
{
	const struct config_verbs *config = &engine->config->verbs;
	struct verbs_server_config wanted = {
		.socket = verbs->socket,
		.policy = policy_of(config->path),
		.connections = config->connections,
		.queue_pairs = config->queue_pairs,
		.regions = config->regions,
		.domains = 256,
		.shared_receives = 256,
		.depth = config->depth,
		.bytes = config->memory_bytes,
		.version = "weir " WEIR_VERSION,
		.workers = engine->worker_count,
	};

	return verbs_server_create(&wanted, &engine_raw_operations, engine, &verbs->server, error);
}

static int socket_choose(
	const struct config_verbs *config, struct engine_verbs *verbs, struct error *error)
{
	if (config->socket != NULL) /* the schema bounds it */
		snprintf(verbs->socket, sizeof(verbs->socket), "%s", config->socket);
	else if (verbs_default_socket(verbs->socket, sizeof(verbs->socket)) != 0)
		return error_set(error, ENAMETOOLONG,
			"$XDG_RUNTIME_DIR is too long for a socket's path: name one in "
			"verbs.socket");
	return 0;
}

int engine_verbs_begin(struct engine *engine, struct error *error)
{
	const struct config_verbs *config = &engine->config->verbs;
	struct engine_verbs *verbs;
	int result;

	if (!config->on)
		return 0;
	verbs = calloc(1, sizeof(*verbs));
	if (verbs == NULL)
		return error_set(error, ENOMEM, "no memory for applications");
	verbs->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = verbs->stop_fd < 0
		? error_set(error, errno, "no eventfd for applications: %s", strerror(errno))
		: socket_choose(config, verbs, error);
	if (result == 0)
		result = server_make(engine, verbs, error);
	if (result == 0)
		result = engine_thread_start(
			engine, &verbs->thread, verbs_main, verbs, "applications", error);
	if (result == 0) {
		engine->verbs = verbs;
		for (uint16_t i = 0; i < engine->worker_count; i++)
			engine->workers[i]->applications = verbs->server;
		return 0;
	}
	verbs_server_destroy(verbs->server);
	if (verbs->stop_fd >= 0)
		close(verbs->stop_fd);
	free(verbs);
	return result;
}

void engine_verbs_end(struct engine *engine)
{
	struct engine_verbs *verbs = engine->verbs;
	uint64_t one = 1;

	if (verbs == NULL)
		return;
	if (write(verbs->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(verbs->thread, NULL);
	engine->verbs = NULL;
	for (uint16_t i = 0; i < engine->worker_count; i++)
		engine->workers[i]->applications = NULL;
	verbs_server_destroy(verbs->server);
	close(verbs->stop_fd);
	free(verbs);
}

struct verbs_server *engine_verbs(const struct engine *engine)
{
	return engine->verbs == NULL ? NULL : engine->verbs->server;
}

const char *engine_verbs_socket(const struct engine *engine)
{
	return engine->verbs == NULL ? NULL : engine->verbs->socket;
}
