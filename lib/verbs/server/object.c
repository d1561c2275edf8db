/* SPDX-License-Identifier: BSD-3-Clause */
/* The hello of a connection, and its protection domains, regions and shared receive queues. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { ACCESS_ALL = 15 };

/* Memory that only libweir makes: what is wrong with it is no user's mistake. */
static int own_memory_map(
	struct server_call *call, uint64_t bytes, bool writable, struct verbs_mapping *ret_mapping)
{
	int rc;

	if (!call->connection->trusted && verbs_file_is_huge(call->fds[0]))
		rc = error_set(&call->error, EPERM, "shared queues in huge pages are not taken");
	else
		rc = verbs_map(ret_mapping, call->fds[0], 0, bytes, writable, &call->error);
	if (rc == -EPERM || rc == -EINVAL)
		server_kick(call->connection, VERBS_REASON_BAD_MEMORY);
	return rc;
}

static int doorbell_make(struct server_connection *connection, struct error *error)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET,
		.data.u64 = (uint64_t)(uintptr_t)connection | SOURCE_DOORBELL};
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return error_set(error, errno, "eventfd: %s", strerror(errno));
	if (epoll_ctl(connection->server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return error_set(error, errno, "epoll_ctl: %s", strerror(errno));
	}
	connection->doorbell = fd;
	return 0;
}

/* People read it on their terminals. */
static void name_take(struct server_connection *connection, const struct verbs_hello *hello)
{
	memcpy(connection->name, hello->name, sizeof(connection->name) - 1);
	for (char *at = connection->name; *at != '\0'; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
}

int server_hello(struct server_call *call)
{
	const struct verbs_hello *hello = &call->request->hello;
	struct verbs_hello_answer *answer = &call->answer->hello_answer;
	struct server_connection *connection = call->connection;
	const struct verbs_server *server = connection->server;
	struct verbs_mapping mapping;
	int rc;

	if (hello->version != VERBS_PROTOCOL_VERSION)
		return error_set(&call->error, EPROTONOSUPPORT,
			"libweir speaks version %u of the protocol and this engine %d: install "
			"both from one release",
			hello->version, VERBS_PROTOCOL_VERSION);
	rc = own_memory_map(call, sizeof(struct verbs_keys), false, &mapping);
	if (rc < 0)
		return rc;
	verbs_unmap(&mapping); /* peers map it, not we */
	rc = doorbell_make(connection, &call->error);
	if (rc < 0)
		return rc;
	name_take(connection, hello);
	connection->keys_fd = server_fd_keep(call, 0);
	connection->greeted = true;
	answer->connection = connection->number;
	answer->guid = server->guid;
	answer->engine_pid = (uint32_t)getpid();
	answer->max_qp = server->config.queue_pairs;
	answer->max_mr = server->config.regions;
	answer->max_pd = server->config.domains;
	answer->max_srq = server->config.shared_receives;
	answer->max_depth = server->config.depth;
	answer->max_bytes = server->config.bytes;
	memcpy(answer->engine, server->version, sizeof(answer->engine));
	call->answer_fds[call->answer_fd_count++] = connection->doorbell;
	return 0;
}

/* ---- domains ---- */

int server_alloc_pd(struct server_call *call)
{
	struct server_connection *connection = call->connection;
	uint32_t limit = connection->server->config.domains;
	uint32_t pd = call->request->alloc_pd.wanted;

	if (pd == 0)
		for (pd = 1; pd <= limit && connection->domain_users[pd] >= 0;)
			pd++;
	if (pd > limit)
		return server_refuse(call, "protection domains", limit);
	if (connection->domain_users[pd] >= 0)
		return error_set(&call->error, EBUSY, "protection domain %u is there already", pd);
	connection->domain_users[pd] = 0;
	call->answer->handle_answer.handle = pd;
	return 0;
}

int server_domain_check(struct server_call *call, uint32_t pd)
{
	if (pd == 0 || pd > call->connection->server->config.domains ||
		call->connection->domain_users[pd] < 0)
		return error_set(&call->error, EINVAL, "there is no protection domain %u", pd);
	return 0;
}

int server_dealloc_pd(struct server_call *call)
{
	uint32_t pd = call->request->handle.handle;
	int rc = server_domain_check(call, pd);

	if (rc < 0)
		return rc;
	if (call->connection->domain_users[pd] > 0)
		return error_set(&call->error, EBUSY,
			"protection domain %u still has %lld regions and queues", pd,
			(long long)call->connection->domain_users[pd]);
	call->connection->domain_users[pd] = -1;
	return 0;
}

/* ---- regions ---- */

/* Called by executors, with keys from wherever. The view is the first member of its connection. */
const struct verbs_region *server_region_find(struct verbs_regions *regions, uint32_t key)
{
	const struct server_connection *connection = (const struct server_connection *)regions;
	uint32_t index = verbs_key_index(key);
	const struct server_region *region;

	if (index >= connection->server->config.regions)
		return NULL;
	region = connection->regions[index];
	return region != NULL && region->region.key == key ? &region->region : NULL;
}

/* An index that is free, as late as possible the one that was just given up. */
static int key_choose(struct server_call *call, uint32_t wanted, uint32_t *ret_key)
{
	struct server_connection *connection = call->connection;
	uint32_t limit = connection->server->config.regions, index = verbs_key_index(wanted);

	if (connection->region_count >= limit)
		return server_refuse(call, "regions", limit);
	if (wanted != 0) {
		if (index >= limit || connection->regions[index] != NULL)
			return error_set(&call->error, EBUSY, "key %#x is taken", wanted);
		connection->generations[index] = (uint16_t)(wanted >> VERBS_KEY_INDEX_BITS);
		*ret_key = wanted;
		return 0;
	}
	do
		index = connection->region_next++ % limit;
	while (connection->regions[index] != NULL);
	if (++connection->generations[index] == 0)
		connection->generations[index] = 1;
	*ret_key = verbs_key(index, connection->generations[index]);
	return 0;
}

static int region_check(struct server_call *call)
{
	const struct verbs_reg_mr *request = &call->request->reg_mr;
	const struct server_connection *connection = call->connection;
	int rc = server_domain_check(call, request->pd);

	if (rc < 0)
		return rc;
	if ((request->access & ~(uint32_t)ACCESS_ALL) != 0)
		return error_set(&call->error, EINVAL, "access %#x is not known", request->access);
	if (request->bytes == 0 || request->address + request->bytes < request->address)
		return error_set(&call->error, EINVAL, "a region has bytes and an end");
	if (request->bytes > connection->server->config.bytes - connection->bytes)
		return server_refuse(call, "bytes registered", connection->server->config.bytes);
	if (!connection->trusted && verbs_file_is_huge(call->fds[0]))
		return error_set(&call->error, EPERM,
			"huge pages can be taken away from under the engine: "
			"register ordinary memory, or run as the engine's user");
	return 0;
}

int server_reg_mr(struct server_call *call)
{
	const struct verbs_reg_mr *request = &call->request->reg_mr;
	struct server_connection *connection = call->connection;
	struct server_region *region;
	uint32_t key = 0;
	int rc = region_check(call);

	if (rc == 0)
		rc = key_choose(call, request->wanted, &key);
	if (rc < 0)
		return rc;
	region = calloc(1, sizeof(*region));
	if (region == NULL)
		return -ENOMEM;
	/* Written by others or by our hand for its owner: read-only memory serves as a source. */
	rc = verbs_map(&region->mapping, call->fds[0], request->fd_offset, request->bytes,
		(request->access & ~(uint32_t)WEIR_ACCESS_REMOTE_READ) != 0, &call->error);
	if (rc < 0) {
		free(region);
		return rc;
	}
	region->region = (struct verbs_region){.base = region->mapping.base,
		.address = request->address,
		.bytes = request->bytes,
		.key = key,
		.access = request->access,
		.pd = request->pd};
	region->fd = server_fd_keep(call, 0);
	region->fd_offset = request->fd_offset;
	connection->domain_users[request->pd]++;
	connection->bytes += request->bytes;
	connection->region_count++;
	/* Complete before a worker can see it. */
	__atomic_store_n(&connection->regions[verbs_key_index(key)], region, __ATOMIC_RELEASE);
	call->answer->handle_answer.handle = key;
	return 0;
}

/* Workers are stopped, or cannot find it any more. */
static void region_free(struct server_connection *connection, struct server_region *region)
{
	for (uint32_t i = 0; i < region->reader_count; i++) {
		const struct server_queue *reader =
			server_queue_find(connection->server, region->readers[i]);

		if (reader != NULL)
			server_tell(reader->connection, VERBS_EVENT_REGION_GONE, region->region.key,
				reader->number, 0);
	}
	connection->domain_users[region->region.pd]--;
	connection->bytes -= region->region.bytes;
	connection->region_count--;
	verbs_unmap(&region->mapping);
	server_fd_drop(connection, &region->fd);
	free(region->readers);
	free(region);
}

int server_dereg_mr(struct server_call *call)
{
	struct server_connection *connection = call->connection;
	uint32_t key = call->request->handle.handle;
	struct server_region *region;

	if (server_region_find(&connection->executors_view, key) == NULL)
		return error_set(&call->error, EINVAL, "there is no region with key %#x", key);
	region = connection->regions[verbs_key_index(key)];
	work_stop(connection->server);
	connection->regions[verbs_key_index(key)] = NULL;
	work_go_on(connection->server);
	region_free(connection, region);
	return 0;
}

/* ---- shared receive queues ---- */

static int srq_check(struct server_call *call, uint32_t *ret_handle)
{
	const struct verbs_create_srq *request = &call->request->create_srq;
	const struct server_connection *connection = call->connection;
	uint32_t limit = connection->server->config.shared_receives, handle = request->wanted;
	int rc = server_domain_check(call, request->pd);

	if (rc < 0)
		return rc;
	if (request->depth == 0 || (request->depth & (request->depth - 1)) != 0 ||
		request->depth > connection->server->config.depth ||
		request->segments > VERBS_SEGMENTS_MAX)
		return error_set(&call->error, EINVAL,
			"a shared receive queue has up to %u entries, a power of two, of up to %d "
			"segments",
			connection->server->config.depth, VERBS_SEGMENTS_MAX);
	if (handle == 0)
		for (handle = 1; handle <= limit && connection->srqs[handle] != NULL;)
			handle++;
	if (handle > limit)
		return server_refuse(call, "shared receive queues", limit);
	if (connection->srqs[handle] != NULL)
		return error_set(
			&call->error, EBUSY, "shared receive queue %u is there already", handle);
	*ret_handle = handle;
	return 0;
}

int server_create_srq(struct server_call *call)
{
	const struct verbs_create_srq *request = &call->request->create_srq;
	struct server_connection *connection = call->connection;
	struct server_srq *srq;
	uint32_t handle = 0;
	int rc = srq_check(call, &handle);

	if (rc < 0)
		return rc;
	srq = calloc(1, sizeof(*srq));
	if (srq == NULL)
		return -ENOMEM;
	rc = own_memory_map(
		call, verbs_srq_bytes(request->depth, request->segments), true, &srq->mapping);
	if (rc < 0) {
		free(srq);
		return rc;
	}
	verbs_srq_attach(&srq->shared, srq->mapping.base, request->depth, request->segments);
	srq->fd = server_fd_keep(call, 0);
	srq->handle = handle;
	srq->pd = request->pd;
	connection->domain_users[request->pd]++;
	connection->srqs[handle] = srq;
	connection->srq_count++;
	call->answer->handle_answer.handle = handle;
	return 0;
}

/* No queue pair uses it any more, so no worker knows it. */
static void srq_free(struct server_connection *connection, struct server_srq *srq)
{
	connection->srqs[srq->handle] = NULL;
	connection->srq_count--;
	connection->domain_users[srq->pd]--;
	verbs_unmap(&srq->mapping);
	server_fd_drop(connection, &srq->fd);
	free(srq);
}

int server_destroy_srq(struct server_call *call)
{
	struct server_connection *connection = call->connection;
	uint32_t handle = call->request->handle.handle;

	if (handle == 0 || handle > connection->server->config.shared_receives ||
		connection->srqs[handle] == NULL)
		return error_set(
			&call->error, EINVAL, "there is no shared receive queue %u", handle);
	if (connection->srqs[handle]->users > 0)
		return error_set(&call->error, EBUSY,
			"%u queue pairs still use shared receive queue %u",
			connection->srqs[handle]->users, handle);
	srq_free(connection, connection->srqs[handle]);
	return 0;
}

/* ---- the end ---- */

void server_objects_release(struct server_connection *connection)
{
	const struct verbs_server_config *config = &connection->server->config;
	struct server_queue *next;

	/* The engine waits for its workers' turns: not while requests stand still. */
	for (struct server_queue *queue = connection->queues; queue != NULL; queue = next) {
		next = queue->next_of_connection;
		if (queue->type == WEIR_QPT_RAW_PACKET)
			server_queue_release(queue);
	}
	/* One stop for all. */
	work_stop(connection->server);
	while (connection->queues != NULL)
		server_queue_release(connection->queues);
	work_go_on(connection->server);
	/* Without queue pairs nobody looks for its regions. */
	for (uint32_t i = 0; i < config->regions && connection->region_count > 0; i++)
		if (connection->regions[i] != NULL) {
			region_free(connection, connection->regions[i]);
			connection->regions[i] = NULL;
		}
	for (uint32_t i = 1; i <= config->shared_receives; i++)
		if (connection->srqs[i] != NULL)
			srq_free(connection, connection->srqs[i]);
	server_fd_drop(connection, &connection->keys_fd);
}
