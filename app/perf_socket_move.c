/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf over sockets: messages there and back, and streams of them. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "perf_pattern.h"
#include "perf_socket.h"

enum { TURN_MESSAGES = 64 };

/* ---- latency ---- */

static int try_again(struct perf_socket *endpoint, const char *what)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		? 0
		: perf_socket_failed(endpoint, what);
}

static int ping_post(void *opened, uint64_t index)
{
	struct perf_socket *endpoint = opened;
	uint64_t done = 0;
	ssize_t sent;
	int ret;

	if (endpoint->run->settings.verify)
		perf_pattern_fill(endpoint->out, endpoint->out_bytes, index);
	while (done < endpoint->out_bytes) {
		sent = send(endpoint->fd, endpoint->out + done, endpoint->out_bytes - done,
			endpoint->flags);
		if (sent < 0 && (ret = try_again(endpoint, "send")) != 0)
			return ret;
		done += sent > 0 ? (uint64_t)sent : 0;
	}
	return 0;
}

static int ping_poll(void *opened, uint64_t index)
{
	struct perf_socket *endpoint = opened;
	uint64_t left = endpoint->in_bytes - endpoint->in_done, wrong;
	ssize_t got = recv(endpoint->fd, endpoint->in + endpoint->in_done, left, endpoint->flags);

	if (got < 0)
		return try_again(endpoint, "receive");
	if (got == 0)
		return error_set(endpoint->run->error, ECONNRESET, "the other side left");
	endpoint->in_done += (uint64_t)got;
	if (endpoint->in_done < endpoint->in_bytes && !endpoint->datagrams)
		return 0;
	if (endpoint->in_done != endpoint->in_bytes)
		return error_set(endpoint->run->error, EPROTO, "a datagram of another length");
	endpoint->in_done = 0;
	if (!endpoint->run->settings.verify)
		return 1;
	wrong = perf_pattern_wrong(endpoint->in, endpoint->in_bytes, index);
	return wrong == endpoint->in_bytes
		? 1
		: error_set(endpoint->run->error, EIO,
			  "message %llu is not what was sent, from byte %llu on",
			  (unsigned long long)index, (unsigned long long)wrong);
}

static int socket_wait(void *opened, uint64_t timeout_ns)
{
	struct perf_socket *endpoint = opened;
	const struct timespec timeout = {.tv_nsec = (long)timeout_ns};
	struct pollfd wait = {.fd = endpoint->fd, .events = POLLIN};

	if ((endpoint->flags & MSG_DONTWAIT) == 0)
		return 0; /* recv() itself has waited */
	if (endpoint->progress.started < endpoint->run->settings.iterations &&
		endpoint->run->settings.bidirectional)
		wait.events |= POLLOUT;
	ppoll(&wait, 1, &timeout, NULL);
	return 0;
}

int perf_socket_latency(void *opened)
{
	static const struct perf_ping_operations operations = {ping_post, ping_poll, socket_wait};
	struct perf_socket *endpoint = opened;

	return endpoint->run->client ? perf_ping(endpoint->run, endpoint, &operations)
				     : perf_pong(endpoint->run, endpoint, &operations);
}

/* ---- bandwidth ---- */

static int stream_send(void *opened, uint64_t target)
{
	struct perf_socket *endpoint = opened;
	struct perf_progress *progress = &endpoint->progress;
	ssize_t sent;

	for (int turn = 0; turn < TURN_MESSAGES; turn++) {
		if (progress->started >= target && endpoint->out_done == 0)
			return 0;
		if (endpoint->out_done == 0)
			progress->started++;
		sent = send(endpoint->fd, endpoint->out + endpoint->out_done,
			endpoint->out_bytes - endpoint->out_done, endpoint->flags);
		if (sent < 0) {
			/* Not even begun: it does not count as on its way. */
			progress->started -= endpoint->out_done == 0;
			return errno == ECONNREFUSED ? 0 : try_again(endpoint, "send");
		}
		endpoint->out_done += (uint64_t)sent;
		if (endpoint->out_done == endpoint->out_bytes) {
			endpoint->out_done = 0;
			progress->completed++;
		}
	}
	return 0;
}

/* `got` bytes at the start of `in` go on where the last ones of the stream ended. */
static int check_stream(struct perf_socket *endpoint, uint64_t got)
{
	uint64_t at = endpoint->in_done, done = 0, length;

	while (done < got) {
		length =
			endpoint->in_bytes - at < got - done ? endpoint->in_bytes - at : got - done;
		if (memcmp(endpoint->in + done, endpoint->pattern + at, length) != 0)
			return error_set(endpoint->run->error, EIO,
				"message %llu is not what was sent",
				(unsigned long long)endpoint->progress.received);
		done += length;
		at = 0;
	}
	return 0;
}

static int stream_receive(void *opened)
{
	struct perf_socket *endpoint = opened;
	uint64_t bytes;
	ssize_t got;
	int ret;

	for (int turn = 0; turn < (endpoint->datagrams ? TURN_MESSAGES : 1); turn++) {
		got = recv(endpoint->fd, endpoint->in,
			endpoint->datagrams ? endpoint->in_bytes : PERF_TAKE_BYTES,
			endpoint->flags);
		if (got < 0)
			return errno == ECONNREFUSED ? 0 : try_again(endpoint, "receive");
		if (got == 0)
			return 0; /* the other side says itself whether it is done */
		if (endpoint->run->settings.verify &&
			(ret = check_stream(endpoint, (uint64_t)got)) != 0)
			return ret;
		bytes = endpoint->in_done + (uint64_t)got;
		endpoint->progress.received += bytes / endpoint->in_bytes;
		endpoint->in_done = bytes % endpoint->in_bytes;
	}
	return 0;
}

int perf_socket_bandwidth(void *opened)
{
	static const struct perf_stream_operations operations = {
		stream_send, stream_receive, socket_wait};
	struct perf_socket *endpoint = opened;
	struct perf_run *run = endpoint->run;
	/* Who reads, the other one sends to. */
	bool from_client = run->settings.verb != PERF_READ, both = run->settings.bidirectional;
	struct perf_roles roles = {.sends = both || run->client == from_client,
		.receives = both || run->client != from_client,
		.peer_sends = both || run->client != from_client,
		.lossy = endpoint->datagrams};

	return perf_stream_run(run, &endpoint->progress, &roles, &operations);
}
