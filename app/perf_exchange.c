/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf_exchange.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of the messages; the version of weir goes with it. */
static const uint32_t MAGIC = 0x31667077; /* "wpf1" */

struct header {
	uint32_t magic;
	uint16_t kind, bytes;
};

/* ---- messages ---- */

static int read_all(int fd, void *bytes, size_t count, struct error *error)
{
	size_t done = 0;
	ssize_t got;

	while (done < count) {
		got = recv(fd, (uint8_t *)bytes + done, count - done, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(error, errno, "the other side can not be heard: %s",
				strerror(errno));
		if (got == 0)
			return error_set(error, ECONNRESET, "the other side left");
		done += (size_t)got;
	}
	return 0;
}

int perf_exchange_send(
	int fd, enum perf_message kind, const void *bytes, size_t count, struct error *error)
{
	struct {
		struct header header;
		uint8_t bytes[PERF_MESSAGE_MAX];
	} message = {.header = {MAGIC, (uint16_t)kind, (uint16_t)count}};
	size_t length = sizeof(message.header) + count, done = 0;
	ssize_t sent;

	if (count > 0)
		memcpy(message.bytes, bytes, count);
	while (done < length) {
		sent = send(fd, (uint8_t *)&message + done, length - done, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return error_set(error, errno, "the other side left: %s", strerror(errno));
		done += (size_t)sent;
	}
	return 0;
}

int perf_exchange_take(int fd, enum perf_message *ret_kind, void *bytes, struct error *error)
{
	struct header header;
	int ret = read_all(fd, &header, sizeof(header), error);

	if (ret != 0)
		return ret;
	if (header.magic != MAGIC || header.bytes > PERF_MESSAGE_MAX)
		return error_set(error, EPROTO,
			"what answers there is no `weir perf`, or one of another version");
	ret = read_all(fd, bytes, header.bytes, error);
	if (ret != 0)
		return ret;
	*ret_kind = header.kind;
	return header.bytes;
}

int perf_exchange_receive(
	int fd, enum perf_message kind, void *bytes, size_t count, struct error *error)
{
	uint8_t buffer[PERF_MESSAGE_MAX];
	enum perf_message found = PERF_OVER;
	int length = perf_exchange_take(fd, &found, buffer, error);

	if (length < 0)
		return length;
	if (found == PERF_FAILED)
		return error_set(error, EREMOTEIO, "the other side: %.*s", length, (char *)buffer);
	if (found != kind || (size_t)length != count)
		return error_set(error, EPROTO,
			"the other side said something else (%d) than expected (%d)", (int)found,
			(int)kind);
	if (count > 0)
		memcpy(bytes, buffer, count);
	return 0;
}

int perf_exchange_waits(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, 0) > 0;
}

void perf_exchange_fail(int fd, const struct error *error)
{
	size_t length = strlen(error->message);

	/* What it said itself it knows already. */
	if (error->code != EREMOTEIO)
		perf_exchange_send(fd, PERF_FAILED, error->message,
			length < PERF_MESSAGE_MAX ? length : PERF_MESSAGE_MAX, NULL);
}

int perf_exchange_meet(int fd, struct error *error)
{
	int ret = perf_exchange_send(fd, PERF_READY, NULL, 0, error);

	return ret != 0 ? ret : perf_exchange_receive(fd, PERF_READY, NULL, 0, error);
}

int perf_exchange_over(int fd, struct error *error)
{
	uint8_t buffer[PERF_MESSAGE_MAX];
	enum perf_message found = PERF_READY;
	int ret = perf_exchange_send(fd, PERF_OVER, NULL, 0, error);

	while (ret >= 0 && found != PERF_OVER)
		ret = perf_exchange_take(fd, &found, buffer, error);
	return ret < 0 ? ret : 0;
}

int perf_exchange_hello(int fd, struct error *error)
{
	char theirs[PERF_MESSAGE_MAX + 1];
	enum perf_message kind = PERF_OVER;
	int length, ret;

	ret = perf_exchange_send(fd, PERF_HELLO, WEIR_VERSION, strlen(WEIR_VERSION), error);
	if (ret != 0)
		return ret;
	length = perf_exchange_take(fd, &kind, theirs, error);
	if (length < 0)
		return length;
	theirs[length] = '\0';
	if (kind != PERF_HELLO || strcmp(theirs, WEIR_VERSION) != 0)
		return error_set(error, EPROTO,
			"this is weir %s, but the other side is weir %s: both must be of one "
			"version",
			WEIR_VERSION, theirs);
	return 0;
}

/* ---- connections ---- */

static int addresses(
	const char *host, uint16_t port, struct addrinfo **ret_list, struct error *error)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	char service[8];
	int ret;

	snprintf(service, sizeof(service), "%u", port);
	ret = getaddrinfo(host, service, &hints, ret_list);
	if (ret != 0)
		return error_set(error, EINVAL, "host \"%s\": %s", host, gai_strerror(ret));
	return 0;
}

static int without_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* IPv6 and IPv4 alike; IPv4 only where the machine has no IPv6. */
static int listen_on(uint16_t port, struct error *error)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
	bool is_six = fd >= 0;
	int failed;

	if (!is_six)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, errno, "no socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	failed = is_six ? bind(fd, (struct sockaddr *)&six, sizeof(six))
			: bind(fd, (struct sockaddr *)&four, sizeof(four));
	if (failed == 0 && listen(fd, 1) == 0)
		return fd;
	failed = errno;
	close(fd);
	return error_set(
		error, failed, "TCP port %u: %s; another one: --tcp-port", port, strerror(failed));
}

int perf_exchange_accept(uint16_t port, struct error *error)
{
	int listener = listen_on(port, error), fd;

	if (listener < 0)
		return listener;
	do
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		error_set(error, errno, "no client: %s", strerror(errno));
	close(listener);
	return fd < 0 ? -error->code : without_delay(fd);
}

int perf_exchange_connect(const char *host, uint16_t port, struct error *error)
{
	struct addrinfo *list;
	int fd = -1, failed = 0;
	int ret = addresses(host, port, &list, error);

	if (ret != 0)
		return ret;
	for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		failed = errno;
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	if (fd >= 0)
		return without_delay(fd);
	return error_set(error, failed,
		"no server at %s, TCP port %u (%s): start the same command there without a host "
		"first",
		host, port, strerror(failed));
}
