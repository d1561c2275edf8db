/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf over sockets, for comparison: TCP, TCP_NODELAY, UDP and a UNIX stream. By default they
 * poll as verbs do; with --event they block. A write is what a send is; a read is asked for with
 * 16 bytes, an atomic with 24, and both are answered.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "perf_pattern.h"
#include "perf_socket.h"

enum { READ_BYTES = 16, ATOMIC_BYTES = 24 };

int perf_socket_failed(struct perf_socket *endpoint, const char *what)
{
	return error_set(endpoint->run->error, errno, "%s: %s: %s",
		perf_transport_names[endpoint->run->settings.transport], what, strerror(errno));
}

/* ---- where they are ---- */

struct place {
	struct sockaddr_storage address;
	socklen_t length;
};

/* This end of the connection on which both agree, or the other end. Both sides in one command are
 * joined by a socket pair, which has no address. */
static void host_address(int exchange, bool peer, struct place *place)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&place->address;

	place->length = sizeof(place->address);
	if (peer)
		getpeername(exchange, (struct sockaddr *)&place->address, &place->length);
	else
		getsockname(exchange, (struct sockaddr *)&place->address, &place->length);
	if (place->address.ss_family == AF_INET || place->address.ss_family == AF_INET6)
		return;
	*four = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	place->length = sizeof(*four);
}

static in_port_t *place_port(struct place *place)
{
	/* In the same place in both. */
	return &((struct sockaddr_in *)&place->address)->sin_port;
}

static int open_socket(struct perf_socket *endpoint, struct perf_place *ret_place)
{
	bool local = endpoint->run->settings.transport == PERF_UNIX, listens;
	struct place place = {.address.ss_family = AF_UNIX, .length = sizeof(sa_family_t)};
	int fd;

	if (!local) {
		host_address(endpoint->run->exchange, false, &place);
		*place_port(&place) = 0;
	}
	listens = !endpoint->datagrams && !endpoint->run->client;
	if (!endpoint->datagrams && !listens)
		return 0; /* made when it is connected */
	fd = socket(place.address.ss_family,
		(endpoint->datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return perf_socket_failed(endpoint, "no socket");
	*(listens ? &endpoint->listener : &endpoint->fd) = fd;
	/* An empty UNIX address: the kernel chooses an abstract one. */
	if (bind(fd, (struct sockaddr *)&place.address, place.length) != 0 ||
		(listens && listen(fd, 1) != 0))
		return perf_socket_failed(endpoint, "no address");
	place.length = sizeof(place.address);
	getsockname(fd, (struct sockaddr *)&place.address, &place.length);
	memcpy(ret_place->bytes, &place, sizeof(place));
	ret_place->length = sizeof(place);
	return 0;
}

static void socket_close(void *opened)
{
	struct perf_socket *endpoint = opened;

	if (endpoint->fd >= 0)
		close(endpoint->fd);
	if (endpoint->listener >= 0)
		close(endpoint->listener);
	free(endpoint->out);
	free(endpoint->in);
	free(endpoint->pattern);
	free(endpoint);
}

/* How long the messages are in each direction. */
static void choose_bytes(struct perf_socket *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	bool latency = settings->measure == PERF_LATENCY;
	uint64_t asks, answers = settings->bytes;

	asks = latency && settings->verb == PERF_READ	   ? READ_BYTES
		: latency && settings->verb == PERF_ATOMIC ? ATOMIC_BYTES
							   : answers;
	endpoint->out_bytes = endpoint->run->client ? asks : answers;
	endpoint->in_bytes = endpoint->run->client ? answers : asks;
}

static int make_buffers(struct perf_socket *endpoint)
{
	uint64_t in = endpoint->in_bytes > PERF_TAKE_BYTES ? endpoint->in_bytes : PERF_TAKE_BYTES;

	endpoint->out = malloc(endpoint->out_bytes);
	endpoint->in = malloc(in);
	endpoint->pattern = malloc(endpoint->in_bytes);
	if (endpoint->out == NULL || endpoint->in == NULL || endpoint->pattern == NULL) {
		errno = ENOMEM;
		return perf_socket_failed(endpoint, "buffers");
	}
	perf_pattern_fill(endpoint->out, endpoint->out_bytes, 0);
	perf_pattern_fill(endpoint->pattern, endpoint->in_bytes, 0);
	memset(endpoint->in, 0, in);
	return 0;
}

static void *socket_open(struct perf_run *run, struct perf_place *ret_place)
{
	struct perf_socket *endpoint = calloc(1, sizeof(*endpoint));
	const struct perf_settings *settings = &run->settings;

	if (endpoint == NULL) {
		error_set(run->error, ENOMEM, "no memory");
		return NULL;
	}
	endpoint->run = run;
	endpoint->fd = endpoint->listener = -1;
	endpoint->datagrams = settings->transport == PERF_UDP;
	/* Who has two things to wait for can not block on one of them. */
	endpoint->flags = MSG_NOSIGNAL;
	if (!settings->events || settings->bidirectional || settings->rate_per_second != 0)
		endpoint->flags |= MSG_DONTWAIT;
	choose_bytes(endpoint);
	if (make_buffers(endpoint) == 0 && open_socket(endpoint, ret_place) == 0)
		return endpoint;
	socket_close(endpoint);
	return NULL;
}

/* ---- connecting ---- */

static int connect_stream(struct perf_socket *endpoint, struct place *peer)
{
	int fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	endpoint->fd = fd;
	if (fd < 0)
		return perf_socket_failed(endpoint, "no socket");
	if (connect(fd, (struct sockaddr *)&peer->address, peer->length) == 0)
		return 0;
	if (endpoint->run->settings.transport == PERF_UNIX)
		return error_set(endpoint->run->error, errno,
			"unix: the server can not be reached (%s): both sides must be on one "
			"machine",
			strerror(errno));
	return perf_socket_failed(endpoint, "the server can not be reached");
}

static int connect_either(struct perf_socket *endpoint, const struct perf_place *shown)
{
	struct place peer, host;
	struct pollfd wait = {.fd = endpoint->listener, .events = POLLIN};

	if (shown->length == sizeof(peer)) {
		memcpy(&peer, shown->bytes, sizeof(peer));
		if (endpoint->run->settings.transport != PERF_UNIX) {
			host_address(endpoint->run->exchange, true, &host);
			*place_port(&host) = *place_port(&peer);
			peer = host;
		}
		if (endpoint->run->client && !endpoint->datagrams)
			return connect_stream(endpoint, &peer);
		if (connect(endpoint->fd, (struct sockaddr *)&peer.address, peer.length) != 0)
			return perf_socket_failed(endpoint, "the other side can not be reached");
		return 0;
	}
	if (endpoint->listener < 0)
		return error_set(endpoint->run->error, EPROTO, "the server shows no address");
	/* A client that can not reach us does not leave us waiting for ever. */
	if (poll(&wait, 1, 5000) != 1)
		return error_set(endpoint->run->error, ETIMEDOUT, "the client did not connect");
	endpoint->fd = accept4(endpoint->listener, NULL, NULL, SOCK_CLOEXEC);
	return endpoint->fd >= 0 ? 0 : perf_socket_failed(endpoint, "the client did not connect");
}

static int socket_connect(void *opened, const struct perf_place *peer)
{
	struct perf_socket *endpoint = opened;
	const struct timeval timeout = {.tv_usec = PERF_WAIT_NS / 1000};
	int on = 1, deep = 4 << 20;
	int ret = connect_either(endpoint, peer);

	if (ret != 0)
		return ret;
	if (endpoint->run->settings.transport == PERF_TCP_NODELAY)
		setsockopt(endpoint->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (endpoint->datagrams) {
		setsockopt(endpoint->fd, SOL_SOCKET, SO_RCVBUF, &deep, sizeof(deep));
		setsockopt(endpoint->fd, SOL_SOCKET, SO_SNDBUF, &deep, sizeof(deep));
	}
	/* A blocking call comes back now and then, to see whether the other side is still there. */
	setsockopt(endpoint->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	prctl(PR_SET_TIMERSLACK, 1);
	return 0;
}

const struct perf_way perf_socket_way = {
	.open = socket_open,
	.connect = socket_connect,
	.latency = perf_socket_latency,
	.bandwidth = perf_socket_bandwidth,
	.close = socket_close,
};
