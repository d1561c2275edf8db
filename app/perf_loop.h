/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf: ping-pong and stream, for any way of moving messages. The operations are constants of
 * the file that includes this, so that a compiled loop has no calls between the time stamps but
 * those that are measured.
 */
#ifndef WEIR_APP_PERF_LOOP_H
#define WEIR_APP_PERF_LOOP_H

#include <errno.h>

#include "base/clock.h"
#include "perf.h"
#include "perf_exchange.h"

struct perf_ping_operations {
	/* Message number `index` leaves. 0 or -errno. */
	int (*post)(void *endpoint, uint64_t index);
	/* 1: number `index` has come; 0: not yet; or -errno. */
	int (*poll)(void *endpoint, uint64_t index);
	/* Until something may have come; may return early. For settings.events; else unused. */
	int (*wait)(void *endpoint, uint64_t timeout_ns);
};

struct perf_stream_operations {
	/* Sends what goes now, at most up to the `target`th message in all; sees what has
	 * completed. Afterwards progress->completed == progress->started if no more is to come. */
	int (*send)(void *endpoint, uint64_t target);
	int (*receive)(void *endpoint);
	int (*wait)(void *endpoint, uint64_t timeout_ns);
};

#define PERF_INLINE static inline __attribute__((always_inline))

/* Looks now and then, while nothing comes, whether the other side has something to say. */
struct perf_idle {
	uint32_t turns;
	uint64_t since_tsc; /* of the first of these turns; 0: none yet */
	bool told; /* the other side has sent all */
	uint64_t sent; /* so many */
};

enum { PERF_IDLE_TURNS = 1 << 14, PERF_WAIT_NS = 10 * 1000 * 1000 };

int perf_idle_look(struct perf_run *run, struct perf_idle *idle);

PERF_INLINE int perf_idle(struct perf_run *run, struct perf_idle *idle)
{
	/* A turn that has slept is long. */
	if ((++idle->turns & ((run->settings.events ? 16 : PERF_IDLE_TURNS) - 1)) != 0)
		return 0;
	return perf_idle_look(run, idle);
}

/* ---- latency ---- */

PERF_INLINE int perf_await(struct perf_run *run, void *endpoint, uint64_t index,
	const struct perf_ping_operations *operations, struct perf_idle *idle)
{
	int ret;

	while ((ret = operations->poll(endpoint, index)) == 0) {
		ret = run->settings.events ? operations->wait(endpoint, PERF_WAIT_NS) : 0;
		if (ret == 0)
			ret = perf_idle(run, idle);
		if (ret != 0)
			return ret;
	}
	return ret < 0 ? ret : 0;
}

/* One after the other: each leaves when the last one is back. */
PERF_INLINE int perf_ping_closed(struct perf_run *run, void *endpoint, uint64_t first,
	const struct perf_ping_operations *operations, struct perf_idle *idle)
{
	uint64_t duration = (uint64_t)((double)run->settings.duration_ns / 1e9 * run->tsc_hz);
	uint64_t start = tsc_now(), begin, end;
	int ret;

	for (uint64_t i = 0; duration != 0 || i < run->settings.iterations; i++) {
		begin = tsc_now();
		ret = operations->post(endpoint, first + i);
		if (ret == 0)
			ret = perf_await(run, endpoint, first + i, operations, idle);
		if (ret != 0)
			return ret;
		end = tsc_now();
		idle->since_tsc = 0;
		perf_samples_add(&run->samples, end - begin);
		if (duration != 0 && end - start >= duration)
			break;
	}
	return 0;
}

/* How many may be on their way: more would fill the buffers between the two, and both would wait
 * to send. */
static inline uint64_t perf_window(const struct perf_settings *settings)
{
	uint64_t fits = settings->bytes > 0 ? 65536 / settings->bytes : settings->tx_depth;

	if (settings->verb != PERF_SEND || fits < 1)
		return 1;
	return fits < settings->tx_depth ? fits : settings->tx_depth;
}

/* On a schedule: message i is due at start + i * period, whatever happened before, and its time
 * counts from there; so a stall is seen by all whom it keeps waiting. */
PERF_INLINE int perf_ping_open(struct perf_run *run, void *endpoint, uint64_t first,
	const struct perf_ping_operations *operations, struct perf_idle *idle)
{
	const struct perf_settings *settings = &run->settings;
	double period = run->tsc_hz / (double)settings->rate_per_second;
	uint64_t total = settings->duration_ns == 0
		? settings->iterations
		: (uint64_t)((double)settings->duration_ns / 1e9 *
			  (double)settings->rate_per_second);
	uint64_t window = perf_window(settings), start = tsc_now() + (uint64_t)period;
	uint64_t sent = 0, back = 0, due, now;
	int ret = 0;

	while (back < total && ret >= 0) {
		now = tsc_now();
		due = start + (uint64_t)((double)sent * period);
		if (sent < total && sent - back < window && now >= due)
			ret = operations->post(endpoint, first + sent++);
		else if (sent > back && (ret = operations->poll(endpoint, first + back)) > 0) {
			now = tsc_now();
			perf_samples_add(
				&run->samples, now - (start + (uint64_t)((double)back++ * period)));
			idle->since_tsc = 0;
		} else if (ret == 0 && settings->events) {
			uint64_t left = now < due && sent < total
				? (uint64_t)((double)(due - now) / run->tsc_hz * 1e9)
				: PERF_WAIT_NS;
			ret = operations->wait(endpoint, left < PERF_WAIT_NS ? left : PERF_WAIT_NS);
		}
		/* Nobody is late who was not asked. */
		if (ret == 0 && sent > back)
			ret = perf_idle(run, idle);
	}
	return ret < 0 ? ret : 0;
}

/* The client's side: the first ones, which find nothing in the caches, are not counted. */
PERF_INLINE int perf_ping(
	struct perf_run *run, void *endpoint, const struct perf_ping_operations *operations)
{
	struct perf_idle idle = {0};
	uint64_t total;
	int ret = 0;

	for (uint64_t i = 0; i < PERF_WARM_UP && ret == 0; i++) {
		ret = operations->post(endpoint, i);
		if (ret == 0)
			ret = perf_await(run, endpoint, i, operations, &idle);
		idle.since_tsc = 0;
	}
	if (ret == 0 && run->settings.rate_per_second != 0)
		ret = perf_ping_open(run, endpoint, PERF_WARM_UP, operations, &idle);
	else if (ret == 0)
		ret = perf_ping_closed(run, endpoint, PERF_WARM_UP, operations, &idle);
	if (ret != 0)
		return ret;
	total = PERF_WARM_UP + run->samples.count;
	return perf_exchange_send(run->exchange, PERF_SENT, &total, sizeof(total), run->error);
}

/* The server's: sends each back, until the client says that there were no more. */
PERF_INLINE int perf_pong(
	struct perf_run *run, void *endpoint, const struct perf_ping_operations *operations)
{
	struct perf_idle idle = {0};
	uint64_t index = 0;
	int ret;

	while (!idle.told || index < idle.sent) {
		ret = operations->poll(endpoint, index);
		if (ret > 0) {
			ret = operations->post(endpoint, index++);
		} else if (ret == 0) {
			ret = run->settings.events ? operations->wait(endpoint, PERF_WAIT_NS) : 0;
			if (ret == 0)
				ret = perf_idle(run, &idle);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- bandwidth ---- */

/* Who does what: the peer may send and nobody here receive, where it writes into our memory. */
struct perf_roles {
	bool sends, receives, peer_sends;
	bool lossy; /* what was sent does not have to arrive */
};

/* What the loop knows, so that it reads from top to bottom. */
struct perf_stream {
	struct perf_run *run;
	struct perf_progress *progress;
	struct perf_roles roles;
	struct perf_idle idle;
	uint64_t start_tsc, duration_tsc, target, last_tsc; /* last: when something last moved */
	bool sent_all, received_all;
};

int perf_stream_begin(struct perf_stream *stream, struct perf_run *run,
	struct perf_progress *progress, const struct perf_roles *roles);
/* After each turn that moved something (`moved`), or not. */
int perf_stream_turn(struct perf_stream *stream, bool moved);
int perf_stream_end(struct perf_stream *stream);

PERF_INLINE int perf_stream_run(struct perf_run *run, struct perf_progress *progress,
	const struct perf_roles *roles, const struct perf_stream_operations *operations)
{
	struct perf_stream stream;
	uint64_t before;
	int ret = perf_stream_begin(&stream, run, progress, roles);

	while (ret == 0 && !(stream.sent_all && stream.received_all)) {
		before = progress->started + progress->completed + progress->received;
		if (!stream.sent_all)
			ret = operations->send(progress, stream.target);
		if (ret == 0 && !stream.received_all)
			ret = operations->receive(progress);
		if (ret != 0)
			break;
		bool moved = progress->started + progress->completed + progress->received != before;

		ret = perf_stream_turn(&stream, moved);
		if (ret == 0 && !moved && run->settings.events)
			ret = operations->wait(progress, PERF_WAIT_NS);
	}
	return ret != 0 ? ret : perf_stream_end(&stream);
}

#endif
