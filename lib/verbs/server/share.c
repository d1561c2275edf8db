/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is the engine's as a whole, and how much of it one may take: descriptors, mappings, places
 * for connections. Who is not of the engine's user gets half of it at most, with all connections of
 * his: others always find some left.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "verbs/server/state.h"

enum { RESERVED_FDS = 256, FDS_MIN = 32, MAPPINGS_FALLBACK = 65530 };

static void share_descriptors(struct verbs_server *server)
{
	struct rlimit limit;
	uint64_t share;

	server->fds_max = FDS_MIN;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur <= RESERVED_FDS || server->config.connections == 0)
		return;
	share = (limit.rlim_cur - RESERVED_FDS) / server->config.connections;
	if (share > server->fds_max)
		server->fds_max = share > 1u << 20 ? 1u << 20 : (uint32_t)share;
}

/* A process has so many mappings; at the last one its own malloc(3) fails. Half is for
 * applications. */
static void share_mappings(struct verbs_server *server)
{
	FILE *file;
	unsigned most = MAPPINGS_FALLBACK;

	if (server->config.mappings != 0)
		return;
	file = fopen("/proc/sys/vm/max_map_count", "re");
	if (file != NULL && fscanf(file, "%u", &most) != 1)
		most = MAPPINGS_FALLBACK;
	if (file != NULL)
		fclose(file);
	server->config.mappings = most / 2;
}

void server_share(struct verbs_server *server)
{
	share_descriptors(server);
	share_mappings(server);
}

bool server_user_has_place(const struct server_connection *connection)
{
	const struct verbs_server *server = connection->server;
	uint32_t count = 0;

	if (connection->trusted)
		return true;
	for (const struct server_connection *other = server->connections; other != NULL;
		other = other->next)
		count += other->uid == connection->uid;
	return count < (server->config.connections + 1) / 2;
}

int server_mapping_check(struct server_call *call)
{
	const struct server_connection *connection = call->connection;
	const struct verbs_server *server = connection->server;
	uint64_t all = 0, of_user = 0;

	for (const struct server_connection *other = server->connections; other != NULL;
		other = other->next) {
		uint64_t count =
			(uint64_t)other->region_count + other->queue_count + other->srq_count;

		all += count;
		if (other->uid == connection->uid)
			of_user += count;
	}
	if (all < server->config.mappings &&
		(connection->trusted || of_user < server->config.mappings / 2))
		return 0;
	return error_set(&call->error, ENOMEM,
		"applications have %llu regions and queues at this engine, %llu of them this user: "
		"it maps at most %u, half for one user: raise vm.max_map_count",
		(unsigned long long)all, (unsigned long long)of_user, server->config.mappings);
}
