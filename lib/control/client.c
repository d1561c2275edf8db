/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end: one request, one reply, one connection. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unix_listener.h"
#include "control/control.h"

enum { REQUEST_TIMEOUT_S = 10 };

struct connection {
	int fd;
	const char *path;
	uint64_t deadline_ns;
};

static int connection_open(struct connection *connection, const char *path, struct error *error)
{
	struct sockaddr_un address;
	int rc = unix_address_set(&address, path, error);

	if (rc < 0)
		return rc;
	connection->path = path;
	connection->deadline_ns = clock_monotonic_ns() + REQUEST_TIMEOUT_S * NS_PER_SECOND;
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	if (connect(connection->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		rc = error_set(error, ENOENT,
			"no engine listens at %s: start one with `weir run`, or name its socket "
			"with --socket",
			path);
		break;
	case EACCES:
		rc = error_set(error, EACCES,
			"%s may be used by its owner and group only: join the group, or use sudo",
			path);
		break;
	case EAGAIN:
		rc = error_set(error, EAGAIN, "the engine at %s is busy: try again", path);
		break;
	default: rc = error_set(error, errno, "%s: %s", path, strerror(errno)); break;
	}
	close(connection->fd);
	return rc;
}

static int connection_wait(const struct connection *connection, short events, struct error *error)
{
	struct pollfd poll_fd = {.fd = connection->fd, .events = events};
	uint64_t now_ns = clock_monotonic_ns();
	int rc = 0;

	if (now_ns < connection->deadline_ns)
		rc = poll(&poll_fd, 1, (int)((connection->deadline_ns - now_ns) / 1000000) + 1);
	if (rc == 0)
		return error_set(error, ETIMEDOUT, "the engine at %s did not answer in %d s",
			connection->path, REQUEST_TIMEOUT_S);
	if (rc < 0 && errno == EINTR)
		return error_set(error, EINTR, "interrupted");
	return 0; /* what else goes wrong, the next call tells */
}

static int connection_send(
	const struct connection *connection, const char *text, size_t length, struct error *error)
{
	size_t sent = 0;
	int rc;

	while (sent < length) {
		ssize_t part = send(connection->fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (part >= 0) {
			sent += (size_t)part;
			continue;
		}
		/* Closed at the other end: what it said before may still tell why. */
		if (errno == EPIPE)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return error_set(error, errno, "%s: %s", connection->path, strerror(errno));
		rc = connection_wait(connection, POLLOUT, error);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads up to a newline. *ret_line is malloc'ed. */
static int connection_receive(const struct connection *connection, char **ret_line,
	size_t *ret_length, struct error *error)
{
	size_t size = 64 << 10, used = 0;
	char *line = malloc(size);
	int rc;

	while (line != NULL) {
		ssize_t got = recv(connection->fd, line + used, size - used, 0);

		if (got > 0) {
			used += (size_t)got;
			if (line[used - 1] == '\n')
				break;
		} else if (got == 0) {
			rc = error_set(
				error, EPROTO, "%s hung up without an answer", connection->path);
			goto fail;
		} else if (errno != EAGAIN && errno != EINTR) {
			rc = error_set(error, errno, "%s: %s", connection->path, strerror(errno));
			goto fail;
		} else {
			rc = connection_wait(connection, POLLIN, error);
			if (rc < 0)
				goto fail;
		}
		if (used < size)
			continue;
		if (size >= CONTROL_REPLY_MAX_BYTES) {
			rc = error_set(error, EPROTO, "%s answers without end", connection->path);
			goto fail;
		}
		char *larger = realloc(line, size * 2);

		if (larger == NULL) {
			free(line);
			line = NULL;
			break;
		}
		line = larger;
		size *= 2;
	}
	if (line == NULL)
		return error_set(error, ENOMEM, "no memory for the answer");
	*ret_line = line;
	*ret_length = used;
	return 0;
fail:
	free(line);
	return rc;
}

static int reply_take(const struct connection *connection, const char *line, size_t length,
	json_t **ret_result, struct error *error)
{
	json_t *reply = json_loadb(line, length, 0, NULL);
	json_t *result = json_object_get(reply, "result");
	const char *message = json_string_value(json_object_get(reply, "error"));
	int rc = 0;

	if (json_is_true(json_object_get(reply, "ok")) && result != NULL)
		*ret_result = json_incref(result);
	else if (message != NULL)
		rc = error_set(error, EREMOTEIO, "%s", message);
	else
		rc = error_set(error, EPROTO, "what listens at %s does not speak as weir does",
			connection->path);
	json_decref(reply);
	return rc;
}

int control_request(
	const char *path, const json_t *request, json_t **ret_result, struct error *error)
{
	char *text = json_dumps(request, JSON_COMPACT);
	struct connection connection;
	char *line = NULL;
	size_t length = 0;
	int rc;

	if (text == NULL)
		return error_set(error, EINVAL, "the request cannot be written as JSON");
	length = strlen(text);
	rc = connection_open(&connection, path, error);
	if (rc < 0) {
		free(text);
		return rc;
	}
	text[length] = '\n'; /* in place of the NUL: from here on it goes by its length */
	rc = connection_send(&connection, text, length + 1, error);
	if (rc == 0)
		rc = connection_receive(&connection, &line, &length, error);
	if (rc == 0)
		rc = reply_take(&connection, line, length, ret_result, error);
	free(line);
	free(text);
	close(connection.fd);
	return rc;
}
