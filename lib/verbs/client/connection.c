/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket to the engine: a request and its answer at a time, and between them events. Only for
 * setting up and taking down; when the engine is gone, what needs it fails with EIO, and what is
 * set up on the direct path goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/connection.h"
#include "verbs/reason.h"
#include "verbs/socket_path.h"

/* An engine that does not answer for so long is as good as gone. It answers within a millisecond
 * unless it is stopped in a debugger. */
enum { ANSWER_TIMEOUT_MS = 20000 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_all(const int fds[], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* ---- connecting ---- */

int client_socket_path(const char *wanted, char *path, size_t size)
{
	int status = 0;

	if (wanted == NULL || wanted[0] == '\0')
		wanted = getenv("WEIR_VERBS_SOCKET");
	if (wanted == NULL || wanted[0] == '\0')
		status = -verbs_default_socket(path, size);
	else if ((size_t)snprintf(path, size, "%s", wanted) >= size)
		status = ENAMETOOLONG;
	if (status != 0)
		return client_fail(status, "%.40s...: a socket's path may have at most %zu bytes",
			path, size - 1);
	return 0;
}

static const char *why_not(int code)
{
	switch (code) {
	case ENOENT: return "there is no such socket";
	case ECONNREFUSED: return "nobody listens there";
	case EACCES: return "you have no permission on it";
	default: return strerror(code);
	}
}

int client_connect(const char *path, int *ret_socket)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), code;

	if (fd < 0)
		return client_fail(errno, "no socket: %s", strerror(errno));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		code = errno;
		close(fd);
		return client_fail(code,
			"no engine at %s: %s; start one with: weir run config/verbs.json", path,
			why_not(code));
	}
	*ret_socket = fd;
	return 0;
}

/* ---- what comes ---- */

/* The engine is gone: said once. socket_lock held. */
static void connection_lost(struct weir_device *device)
{
	if (device->socket >= 0)
		close(device->socket); /* and so it leaves the epoll */
	device->socket = -1;
	__atomic_store_n(&device->gone, true, __ATOMIC_RELEASE);
	if (!device->fatal_said) {
		device->fatal_said = true;
		client_event(device, WEIR_EVENT_DEVICE_FATAL, NULL);
	}
}

static int said_gone(const struct weir_device *device)
{
	if (device->kicked != VERBS_REASON_NONE)
		return client_fail(EIO, "the engine closed the connection: %s",
			verbs_reason_text(device->kicked));
	return client_fail(
		EIO, "the engine at %s is gone: weir_reconnect() finds the next one", device->path);
}

/* socket_lock held. An event that has no room is lost; all but their hurry is known otherwise: the
 * header's condition, the key table. */
static void keep_event(struct weir_device *device, const struct verbs_event *event)
{
	if (event->event == VERBS_EVENT_KICKED)
		device->kicked = event->reason;
	if (device->incoming_count == CLIENT_EVENTS_MAX)
		return;
	device->incoming[device->incoming_count++] = *event;
	eventfd_write(device->event_fd, 1);
}

/* One message. 0: an answer; EAGAIN: an event, or none; EIO: the engine is gone. */
static int receive_one(struct weir_device *device, union verbs_message *ret_message, int fds[],
	unsigned *ret_fd_count)
{
	int status = verbs_message_receive(device->socket, ret_message, fds, ret_fd_count);

	if (status == -EAGAIN || status == -EINTR)
		return EAGAIN;
	if (status != 0) {
		connection_lost(device);
		return EIO;
	}
	if (ret_message->head.type == VERBS_EVENT) {
		close_all(fds, *ret_fd_count);
		keep_event(device, &ret_message->event);
		return EAGAIN;
	}
	return 0;
}

void client_take_events(struct weir_device *device)
{
	union verbs_message message;
	int fds[VERBS_FDS_MAX];
	unsigned fd_count;
	struct pollfd waiting = {.events = POLLIN};

	if (__atomic_load_n(&device->gone, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&device->socket_lock);
	waiting.fd = device->socket;
	while (device->socket >= 0 && poll(&waiting, 1, 0) > 0) {
		/* Nobody asked: an answer now is none. */
		if (receive_one(device, &message, fds, &fd_count) == 0) {
			close_all(fds, fd_count);
			connection_lost(device);
		}
	}
	pthread_mutex_unlock(&device->socket_lock);
}

/* ---- request and answer ---- */

static int wait_socket(struct weir_device *device, short events, int64_t until_ms)
{
	struct pollfd waiting = {.fd = device->socket, .events = events};
	int64_t left_ms = until_ms - now_ms();

	if (left_ms <= 0) {
		connection_lost(device);
		return client_fail(ETIMEDOUT, "the engine at %s does not answer", device->path);
	}
	poll(&waiting, 1, (int)left_ms);
	return 0;
}

static int send_request(struct weir_device *device, const union verbs_message *message,
	const int fds[], unsigned fd_count, int64_t until_ms)
{
	int status;

	while ((status = verbs_message_send(device->socket, message, fds, fd_count)) == -EAGAIN ||
		status == -EINTR) {
		status = wait_socket(device, POLLOUT, until_ms);
		if (status != 0)
			return status;
	}
	if (status == 0)
		return 0;
	/* The reason why it was closed may be waiting to be read. */
	if (status == -EPIPE || status == -ECONNRESET) {
		union verbs_message last;
		int last_fds[VERBS_FDS_MAX];
		unsigned last_count;

		while (receive_one(device, &last, last_fds, &last_count) == EAGAIN &&
			device->kicked == VERBS_REASON_NONE)
			if (wait_socket(device, POLLIN, until_ms) != 0)
				break;
		connection_lost(device);
		return said_gone(device);
	}
	return client_fail(-status, "a request to the engine: %s", strerror(-status));
}

static int receive_answer(struct weir_device *device, const struct verbs_head *request,
	union verbs_message *ret_answer, int fds[], unsigned *ret_fd_count, int64_t until_ms)
{
	int status;

	while ((status = receive_one(device, ret_answer, fds, ret_fd_count)) == EAGAIN) {
		status = wait_socket(device, POLLIN, until_ms);
		if (status != 0)
			return status;
	}
	if (status != 0)
		return said_gone(device);
	if (ret_answer->head.type == request->type && ret_answer->head.number == request->number &&
		ret_answer->answer.error >= 0 && ret_answer->answer.error < 4096)
		return 0;
	close_all(fds, *ret_fd_count);
	connection_lost(device);
	return client_fail(EPROTO, "what answers at %s does not speak as weir does", device->path);
}

static int exchange(struct weir_device *device, union verbs_message *message, const int fds[],
	unsigned fd_count, int ret_fds[], unsigned *ret_fd_count)
{
	int64_t until_ms = now_ms() + ANSWER_TIMEOUT_MS;
	struct verbs_head request;
	int status;

	if (device->socket < 0)
		return said_gone(device);
	if (++device->number == 0)
		device->number = 1;
	message->head.number = device->number;
	message->head.bytes = (uint16_t)verbs_request_bytes(message->head.type);
	request = message->head;
	status = send_request(device, message, fds, fd_count, until_ms);
	if (status == 0)
		status = receive_answer(device, &request, message, ret_fds, ret_fd_count, until_ms);
	return status;
}

int client_request(struct weir_device *device, union verbs_message *message, const int fds[],
	unsigned fd_count, int ret_fds[], unsigned *ret_fd_count)
{
	int got_fds[VERBS_FDS_MAX];
	unsigned got_count = 0;
	int status;

	if (ret_fd_count != NULL)
		*ret_fd_count = 0;
	pthread_mutex_lock(&device->socket_lock);
	status = exchange(device, message, fds, fd_count, got_fds, &got_count);
	pthread_mutex_unlock(&device->socket_lock);
	if (status != 0)
		return status;
	if (message->answer.error != 0) {
		close_all(got_fds, got_count);
		message->answer.text[VERBS_TEXT_BYTES - 1] = '\0';
		return client_fail(message->answer.error, "%s", message->answer.text);
	}
	if (ret_fds == NULL) {
		close_all(got_fds, got_count);
		return 0;
	}
	memcpy(ret_fds, got_fds, got_count * sizeof(got_fds[0]));
	*ret_fd_count = got_count;
	return 0;
}

/* ---- the first words ---- */

static int greet(struct weir_device *device)
{
	union verbs_message message = {.hello = {.version = VERBS_PROTOCOL_VERSION}};
	int fds[VERBS_FDS_MAX];
	unsigned fd_count;
	int status;

	message.head.type = VERBS_HELLO;
	snprintf(message.hello.name, sizeof(message.hello.name), "%s",
		program_invocation_short_name);
	status = client_request(device, &message, &device->keys_fd, 1, fds, &fd_count);
	if (status != 0)
		return status;
	if (fd_count != 1) {
		close_all(fds, fd_count);
		return client_fail(EPROTO, "the engine's greeting lacks its doorbell");
	}
	/* In the place of the old one, which somebody may be about to ring. */
	if (device->doorbell >= 0) {
		dup3(fds[0], device->doorbell, O_CLOEXEC);
		close(fds[0]);
	} else {
		device->doorbell = fds[0];
	}
	device->hello = message.hello_answer;
	device->hello.engine[sizeof(device->hello.engine) - 1] = '\0';
	return 0;
}

int client_attach_socket(struct weir_device *device, int socket)
{
	struct epoll_event event = {.events = EPOLLIN};

	pthread_mutex_lock(&device->socket_lock);
	device->socket = socket;
	device->kicked = VERBS_REASON_NONE;
	device->incoming_count = 0;
	device->fatal_said = false;
	__atomic_store_n(&device->gone, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&device->socket_lock);
	if (fcntl(socket, F_SETFL, O_NONBLOCK) != 0 ||
		epoll_ctl(device->async_fd, EPOLL_CTL_ADD, socket, &event) != 0)
		return client_fail(errno, "the socket: %s", strerror(errno));
	return greet(device);
}

void client_detach_socket(struct weir_device *device)
{
	pthread_mutex_lock(&device->socket_lock);
	if (device->socket >= 0)
		close(device->socket);
	device->socket = -1;
	__atomic_store_n(&device->gone, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&device->socket_lock);
}
