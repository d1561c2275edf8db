/* SPDX-License-Identifier: BSD-3-Clause */
/* A verbs server and applications made by hand, in one thread: a request is sent, the server makes
 * its steps, the answer is read. Shared by the tests of the server and by fuzz targets. */
#ifndef WEIR_TEST_FAKE_CLIENT_H
#define WEIR_TEST_FAKE_CLIENT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "verbs/mapping.h"
#include "verbs/protocol.h"
#include "verbs/server/server.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

struct fake_server {
	struct verbs_server *server;
	char path[64];
};

struct fake_client {
	struct fake_server *server;
	int socket;
	uint32_t number, pd;
	int keys_fd, doorbell;
	struct verbs_keys *keys;
	struct verbs_mapping keys_mapping;
	union verbs_message event; /* the last one */
	unsigned events;
};

struct fake_queue {
	struct fake_client *client;
	uint32_t number, srq;
	struct verbs_mapping memory;
	int fd, receive_event, send_event;
	struct verbs_queue queue;
	uint32_t posted, received;
};

struct fake_region {
	struct verbs_mapping memory;
	int fd;
	uint32_t key;
};

static inline void fake_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	abort();
}

static inline unsigned fake_open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

static inline struct verbs_server_config fake_config(enum verbs_policy policy)
{
	return (struct verbs_server_config){.policy = policy,
		.connections = 8,
		.queue_pairs = 8,
		.regions = 8,
		.domains = 4,
		.shared_receives = 2,
		.depth = 1024,
		.bytes = 64 << 20,
		.version = "test",
		.workers = 2};
}

static inline void fake_server_start(struct fake_server *fake, struct verbs_server_config config,
	const struct verbs_server_raw *raw, void *argument)
{
	static unsigned count;
	struct error error = {0};

	snprintf(fake->path, sizeof(fake->path), "/tmp/weir-test-%d-%u.sock", (int)getpid(),
		count++);
	config.socket = fake->path;
	if (verbs_server_create(&config, raw, argument, &fake->server, &error) < 0) {
		fprintf(stderr, "%s\n", error.message);
		abort();
	}
}

static inline void fake_client_open(struct fake_server *server, struct fake_client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(client, 0, sizeof(*client));
	client->server = server;
	client->keys_fd = client->doorbell = -1;
	memcpy(address.sun_path, server->path, sizeof(server->path));
	client->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->socket < 0 ||
		connect(client->socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		fake_die("connect");
	verbs_server_step(server->server);
}

/* Sends what stands in `message` as a request of `type` and reads what answers it. Returns the
 * answer's error; -ECONNRESET: the connection is closed. */
static inline int fake_call(struct fake_client *client, unsigned type, union verbs_message *message,
	const int fds[], unsigned fd_count, int ret_fds[], unsigned *ret_fd_count)
{
	int got[VERBS_FDS_MAX], rc;
	unsigned got_count = 0;

	message->head = (struct verbs_head){
		(uint16_t)type, (uint16_t)verbs_request_bytes(type), ++client->number};
	rc = verbs_message_send(client->socket, message, fds, fd_count);
	if (rc < 0)
		return rc;
	verbs_server_step(client->server->server);
	do {
		rc = verbs_message_receive(client->socket, message, got, &got_count);
		if (rc == 0 && message->head.type == VERBS_EVENT) {
			client->event = *message;
			client->events++;
		}
	} while (rc == 0 && message->head.type == VERBS_EVENT);
	if (rc < 0)
		return rc;
	if (ret_fd_count != NULL)
		*ret_fd_count = got_count;
	for (unsigned i = 0; i < got_count; i++)
		if (ret_fds != NULL)
			ret_fds[i] = got[i];
		else
			close(got[i]);
	if (message->head.type != type || message->head.number != client->number ||
		message->head.bytes != verbs_answer_bytes(type))
		return -EPROTO;
	return message->answer.error;
}

/* Events that came; returns how many. */
static inline unsigned fake_events(struct fake_client *client)
{
	unsigned before = client->events, fd_count;
	union verbs_message message;
	int fds[VERBS_FDS_MAX];

	verbs_server_step(client->server->server);
	while (verbs_message_receive(client->socket, &message, fds, &fd_count) == 0) {
		if (message.head.type == VERBS_EVENT) {
			client->event = message;
			client->events++;
		}
		while (fd_count > 0)
			close(fds[--fd_count]);
	}
	return client->events - before;
}

static inline int fake_hello_as(struct fake_client *client, const char *name)
{
	union verbs_message message = {.hello = {.version = VERBS_PROTOCOL_VERSION}};
	struct error error = {0};
	unsigned fd_count;
	int rc;

	memcpy(message.hello.name, name, strnlen(name, sizeof(message.hello.name)));
	client->keys_fd = verbs_memory_create(
		"keys", sizeof(struct verbs_keys), false, &client->keys_mapping, &error);
	if (client->keys_fd < 0)
		fake_die("keys");
	client->keys = (struct verbs_keys *)(void *)client->keys_mapping.base;
	rc = fake_call(
		client, VERBS_HELLO, &message, &client->keys_fd, 1, &client->doorbell, &fd_count);
	return rc == 0 && fd_count != 1 ? -EPROTO : rc;
}

static inline uint32_t fake_handle(
	struct fake_client *client, unsigned type, uint32_t wanted, int *ret_rc)
{
	union verbs_message message = {.alloc_pd = {.wanted = wanted}};

	*ret_rc = fake_call(client, type, &message, NULL, 0, NULL, NULL);
	return message.handle_answer.handle;
}

static inline int fake_hello(struct fake_client *client)
{
	return fake_hello_as(client, "fake");
}

/* DEALLOC_PD, DEREG_MR, DESTROY_QP ... */
static inline int fake_destroy(struct fake_client *client, unsigned type, uint32_t handle)
{
	union verbs_message message = {.head = {0}};

	message.handle.handle = handle;
	return fake_call(client, type, &message, NULL, 0, NULL, NULL);
}

/* Connected, with a domain. */
static inline void fake_client_start(struct fake_server *server, struct fake_client *client)
{
	int rc;

	fake_client_open(server, client);
	if (fake_hello(client) != 0)
		fake_die("hello");
	client->pd = fake_handle(client, VERBS_ALLOC_PD, 0, &rc);
	if (rc != 0)
		fake_die("alloc_pd");
}

/* As SIGKILL would: nothing is said. The server is not stepped. */
static inline void fake_client_drop(struct fake_client *client)
{
	close(client->socket);
	if (client->doorbell >= 0)
		close(client->doorbell);
	verbs_unmap(&client->keys_mapping);
	if (client->keys_fd >= 0)
		close(client->keys_fd);
}

static inline int fake_reg(struct fake_client *client, size_t bytes, uint32_t access,
	uint32_t wanted, struct fake_region *region)
{
	union verbs_message message = {
		.reg_mr = {.pd = client->pd, .access = access, .wanted = wanted, .bytes = bytes}};
	struct error error = {0};
	int rc;

	region->fd = verbs_memory_create("region", bytes, false, &region->memory, &error);
	if (region->fd < 0)
		fake_die("region");
	message.reg_mr.address = (uintptr_t)region->memory.base;
	rc = fake_call(client, VERBS_REG_MR, &message, &region->fd, 1, NULL, NULL);
	region->key = rc == 0 ? message.handle_answer.handle : 0;
	return rc;
}

static inline void fake_region_drop(struct fake_region *region)
{
	verbs_unmap(&region->memory);
	close(region->fd);
}

static inline void fake_header_fill(
	struct verbs_queue_header *header, const struct verbs_geometry *geometry)
{
	header->cookie = VERBS_QUEUE_COOKIE;
	header->version = VERBS_VERSION;
	header->inbox_depth = geometry->inbox_depth;
	header->receive_depth = geometry->receive_depth;
	header->receive_segments = geometry->receive_segments;
	header->request_depth = geometry->request_depth;
	header->request_segments = geometry->request_segments;
	header->inline_bytes = geometry->inline_bytes;
}

/* Announces queue memory that is there. */
static inline int fake_queue_announce(struct fake_queue *queue, uint32_t type, uint32_t wanted)
{
	union verbs_message message = {
		.create_qp = {.pd = queue->client->pd,
			.type = type,
			.wanted = wanted,
			.flags = VERBS_QP_RECEIVE_EVENTS | VERBS_QP_SEND_EVENTS,
			.geometry = queue->queue.geometry}};
	int fds[3] = {queue->fd, queue->receive_event, queue->send_event};
	int rc = fake_call(queue->client, VERBS_CREATE_QP, &message, fds, 3, NULL, NULL);

	if (rc == 0)
		queue->number = queue->queue.number = queue->queue.header->queue =
			message.handle_answer.handle;
	return rc;
}

static inline const struct verbs_geometry *fake_geometry(void)
{
	static const struct verbs_geometry geometry = {.inbox_depth = 16,
		.receive_depth = 8,
		.receive_segments = 2,
		.request_depth = 8,
		.request_segments = 2,
		.inline_bytes = 64};

	return &geometry;
}

static inline int fake_queue_create_on(
	struct fake_client *client, uint32_t type, uint32_t srq, struct fake_queue *queue)
{
	const struct verbs_geometry *geometry = fake_geometry();
	struct error error = {0};

	memset(queue, 0, sizeof(*queue));
	queue->client = client;
	queue->srq = srq;
	queue->fd = verbs_memory_create(
		"queue", verbs_queue_places(geometry).total_bytes, false, &queue->memory, &error);
	queue->receive_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	queue->send_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->fd < 0 || queue->receive_event < 0 || queue->send_event < 0)
		fake_die("queue");
	verbs_queue_attach(&queue->queue, queue->memory.base, 0, client->pd, geometry);
	fake_header_fill(queue->queue.header, geometry);
	return fake_queue_announce(queue, type, 0);
}

static inline int fake_queue_create(
	struct fake_client *client, uint32_t type, struct fake_queue *queue)
{
	return fake_queue_create_on(client, type, 0, queue);
}

static inline void fake_queue_drop(struct fake_queue *queue)
{
	verbs_unmap(&queue->memory);
	close(queue->fd);
	close(queue->receive_event);
	close(queue->send_event);
}

static inline int fake_modify(
	struct fake_queue *queue, uint32_t state, uint32_t remote, uint32_t resumed)
{
	union verbs_message message = {.modify_qp = {.queue = queue->number,
					       .state = state,
					       .remote_queue = remote,
					       .rnr_retry = 7,
					       .retry = 0,
					       .timeout = 0,
					       .resumed = resumed}};
	struct verbs_queue_header *header = queue->queue.header;
	int rc = fake_call(queue->client, VERBS_MODIFY_QP, &message, NULL, 0, NULL, NULL);

	if (rc != 0)
		return rc;
	header->accepts_from = remote;
	header->access = 15;
	header->qkey = 7;
	header->rnr_timer = 1;
	header->state = state == WEIR_QPS_ERR ? VERBS_QUEUE_ERROR
		: state >= WEIR_QPS_RTR	      ? VERBS_QUEUE_OPEN
					      : VERBS_QUEUE_CLOSED;
	return 0;
}

static inline int fake_connect(struct fake_queue *queue, uint32_t remote)
{
	int rc = fake_modify(queue, WEIR_QPS_INIT, 0, 0);

	if (rc == 0)
		rc = fake_modify(queue, WEIR_QPS_RTR, remote, 0);
	return rc != 0 ? rc : fake_modify(queue, WEIR_QPS_RTS, remote, 0);
}

static inline void fake_post_receive(
	struct fake_queue *queue, const struct fake_region *region, uint64_t offset, uint32_t bytes)
{
	uint32_t place = queue->received & (queue->queue.geometry.receive_depth - 1);
	struct verbs_receive *receive = (struct verbs_receive *)(queue->queue.receives +
		(size_t)place * queue->queue.receive_stride);

	receive->bytes = bytes;
	receive->segment_count = 1;
	receive->segments[0] =
		(struct verbs_segment){(uintptr_t)region->memory.base + offset, bytes, region->key};
	((uint32_t *)(uintptr_t)queue->queue.sizes)[place] = bytes;
	__atomic_store_n(&queue->queue.header->received, ++queue->received, __ATOMIC_RELEASE);
}

/* The next request, to be filled. */
static inline struct verbs_request *fake_request(struct fake_queue *queue)
{
	struct verbs_request *request = (struct verbs_request *)(queue->queue.requests +
		(size_t)(queue->posted & (queue->queue.geometry.request_depth - 1)) *
			queue->queue.request_stride);

	memset(request, 0, queue->queue.request_stride);
	return request;
}

static inline void fake_post(struct fake_queue *queue, struct verbs_request *request)
{
	__atomic_store_n(&request->sequence, ++queue->posted, __ATOMIC_RELEASE);
}

static inline void fake_segment(struct verbs_request *request, const struct fake_region *region,
	uint64_t offset, uint32_t bytes)
{
	request->segments[request->segment_count++] =
		(struct verbs_segment){(uintptr_t)region->memory.base + offset, bytes, region->key};
	request->bytes += bytes;
}

static inline void fake_post_send(
	struct fake_queue *queue, const struct fake_region *region, uint64_t offset, uint32_t bytes)
{
	struct verbs_request *request = fake_request(queue);

	request->opcode = WEIR_WR_SEND;
	fake_segment(request, region, offset, bytes);
	fake_post(queue, request);
}

static inline void fake_work(struct fake_server *fake)
{
	for (unsigned idle = 0; idle < 2;)
		idle = verbs_server_work(fake->server, 0) + verbs_server_work(fake->server, 1) == 0
			? idle + 1
			: 0;
}

/* The outcome of request `number`; NULL: not yet. */
static inline const struct verbs_outcome *fake_outcome(
	const struct fake_queue *queue, uint32_t number)
{
	const struct verbs_outcome *outcome =
		&queue->queue.outcomes[number & (queue->queue.geometry.request_depth - 1)];

	return outcome->sequence == number + 1 ? outcome : NULL;
}

static inline const struct verbs_slot *fake_slot(const struct fake_queue *queue, uint32_t number)
{
	const struct verbs_slot *slot =
		&queue->queue.inbox[number & (queue->queue.geometry.inbox_depth - 1)];

	return slot->sequence == number + 1 ? slot : NULL;
}

#endif
