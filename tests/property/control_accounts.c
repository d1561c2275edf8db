/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_accounts.h"

#include <stdio.h>
#include <string.h>

static const char *limits_check(const struct server_connection *connection)
{
	const struct verbs_server_config *config = &connection->server->config;
	int64_t domains = 0;

	for (uint32_t i = 0; i <= config->domains; i++)
		domains += connection->domain_users[i] >= 0;
	if (connection->queue_count > config->queue_pairs ||
		connection->region_count > config->regions || connection->bytes > config->bytes ||
		connection->srq_count > config->shared_receives || domains > config->domains ||
		connection->flow_count > config->regions ||
		connection->fd_count > connection->server->fds_max)
		return "a connection has more than it may have";
	return NULL;
}

/* What is counted is what is there. */
static const char *accounts_check(const struct server_connection *connection)
{
	const struct verbs_server_config *config = &connection->server->config;
	uint32_t fds = 0, regions = 0, srqs = 0, queues = 0;
	uint64_t bytes = 0;

	fds += connection->keys_fd >= 0;
	for (uint32_t i = 0; i < config->regions; i++)
		if (connection->regions[i] != NULL) {
			regions++;
			fds++;
			bytes += connection->regions[i]->region.bytes;
		}
	for (uint32_t i = 0; i <= config->shared_receives; i++)
		if (connection->srqs[i] != NULL) {
			srqs++;
			fds++;
		}
	for (const struct server_queue *queue = connection->queues; queue != NULL;
		queue = queue->next_of_connection) {
		queues++;
		fds += (queue->memory_fd >= 0) + (queue->receive_event_fd >= 0) +
			(queue->send_event_fd >= 0);
		bytes += queue->raw_bytes;
	}
	if (fds != connection->fd_count || regions != connection->region_count ||
		srqs != connection->srq_count || queues != connection->queue_count ||
		bytes != connection->bytes)
		return "a connection's accounts are wrong";
	return NULL;
}

const char *control_accounts_check(const struct server_connection *connection)
{
	const char *wrong = limits_check(connection);

	return wrong != NULL ? wrong : accounts_check(connection);
}

const char *control_nothing_left(const struct verbs_server *server)
{
	if (server->connection_count != 0 || server->connections != NULL ||
		server->queue_count != 0)
		return "connections are closed, and something of them is there";
	for (unsigned i = 0; i < SERVER_BUCKETS; i++)
		if (server->buckets[i] != NULL)
			return "a queue pair is in the table";
	return NULL;
}

unsigned control_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned count = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strstr(line, "/memfd:") != NULL;
	if (file != NULL)
		fclose(file);
	return count;
}
