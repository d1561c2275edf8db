/* SPDX-License-Identifier: BSD-3-Clause */
/* weir perf over the verbs: ping-pong of sends and writes; reads and atomics one after the other.
 */
#include <string.h>

#include "perf_pattern.h"
#include "perf_weir.h"

/* Requests on their way are carried on by polling, too: so often while nothing comes. */
enum { PROGRESS_POLLS = 64 };

static int wrong_at(const struct perf_weir *endpoint, uint64_t index, uint64_t at)
{
	return error_set(endpoint->run->error, EIO,
		"message %llu is not what was sent, from byte %llu on", (unsigned long long)index,
		(unsigned long long)at);
}

/* Takes the completion of a send that was signaled, if there is one; all of them if `all`. */
static int reap(struct perf_weir *endpoint, bool all)
{
	struct weir_wc wc;
	int count, ret = 0;

	do {
		count = weir_poll_cq(endpoint->send_cq, 1, &wc);
		if (count < 0)
			return perf_weir_failed(endpoint, "polling");
		if (count > 0)
			ret = perf_weir_completed(endpoint, &wc);
		endpoint->signaled -= (uint32_t)count;
	} while (ret == 0 && all && endpoint->signaled > 0);
	return ret;
}

/* The prepared request. Of every signal_every-th one the completion is asked for, and taken before
 * the next of these: so there are never more than the queue has room for. */
static inline int post(struct perf_weir *endpoint)
{
	struct weir_send_wr *bad;
	int ret;

	if (++endpoint->since_signal >= endpoint->signal_every) {
		if (endpoint->signaled > 0 && (ret = reap(endpoint, true)) != 0)
			return ret;
		endpoint->wr.send_flags |= WEIR_SEND_SIGNALED;
		endpoint->since_signal = 0;
		endpoint->signaled++;
	} else {
		endpoint->wr.send_flags &= ~(unsigned)WEIR_SEND_SIGNALED;
	}
	errno = weir_post_send(endpoint->queues[0].qp, &endpoint->wr, &bad);
	return __builtin_expect(errno == 0, 1) ? 0 : perf_weir_failed(endpoint, "send");
}

static inline int nothing_yet(struct perf_weir *endpoint)
{
	if ((++endpoint->empty_polls & (PROGRESS_POLLS - 1)) == 0)
		return reap(endpoint, false);
	return 0;
}

/* ---- sends ---- */

/* The receive that the last message took. */
static inline int give_back(struct perf_weir *endpoint)
{
	struct weir_recv_wr *bad;

	endpoint->owed--;
	errno = weir_post_recv(endpoint->queues[0].qp, &endpoint->receive, &bad);
	return errno == 0 ? 0 : perf_weir_failed(endpoint, "receive");
}

static int send_post(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;
	int ret;

	if (endpoint->run->settings.verify) {
		/* What is not inline must not change before it has left. */
		if (endpoint->signaled > 0 && (ret = reap(endpoint, true)) != 0)
			return ret;
		perf_pattern_fill(endpoint->out, endpoint->run->settings.bytes, index);
	}
	ret = post(endpoint);
	if (ret != 0 || endpoint->owed == 0)
		return ret;
	return give_back(endpoint); /* while the message is on its way */
}

static int send_check(struct perf_weir *endpoint, uint64_t slot, uint64_t index)
{
	uint8_t *message = endpoint->in + slot * endpoint->slot_bytes + endpoint->header_bytes;
	uint64_t bytes = endpoint->run->settings.bytes;
	uint64_t wrong = perf_pattern_wrong(message, bytes, index);

	return wrong == bytes ? 0 : wrong_at(endpoint, index, wrong);
}

static int send_poll(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;
	struct weir_wc wc;
	int count = weir_poll_cq(endpoint->recv_cq, 1, &wc);
	int ret;

	if (count == 0)
		return nothing_yet(endpoint);
	if (count < 0)
		return perf_weir_failed(endpoint, "polling");
	ret = perf_weir_completed(endpoint, &wc);
	if (ret == 0 && wc.byte_len != endpoint->run->settings.bytes + endpoint->header_bytes)
		ret = error_set(endpoint->run->error, EIO, "message %llu has %u bytes",
			(unsigned long long)index, wc.byte_len);
	if (ret == 0 && endpoint->run->settings.verify)
		ret = send_check(endpoint, wc.wr_id & UINT32_MAX, index);
	if (ret == 0 && endpoint->owed > 0)
		ret = give_back(endpoint);
	/* The next one may come where this one was: it has been looked at. */
	endpoint->in_sge.addr =
		(uintptr_t)(endpoint->in + (wc.wr_id & UINT32_MAX) * endpoint->slot_bytes);
	endpoint->receive.wr_id = wc.wr_id;
	endpoint->owed++;
	return ret == 0 ? 1 : ret;
}

/* ---- writes: each ends with the byte that is waited for ---- */

static int write_post(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;
	uint64_t last = endpoint->run->settings.bytes - 1;

	/* That the answer to the one before has come says that it had left. */
	if (endpoint->run->settings.verify)
		perf_pattern_fill(endpoint->out, last, index);
	endpoint->out[last] = (uint8_t)(index + 1);
	return post(endpoint);
}

static int write_poll(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;
	uint64_t last = endpoint->run->settings.bytes - 1, wrong;

	if (__atomic_load_n(&endpoint->in[last], __ATOMIC_ACQUIRE) != (uint8_t)(index + 1))
		return nothing_yet(endpoint);
	if (!endpoint->run->settings.verify)
		return 1;
	wrong = perf_pattern_wrong(endpoint->in, last, index);
	return wrong == last ? 1 : wrong_at(endpoint, index, wrong);
}

/* ---- reads and atomics: the other side has nothing to do ---- */

static int fetch_post(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;

	if (endpoint->run->settings.verb == PERF_READ && endpoint->run->settings.verify)
		memset(endpoint->in, 0, endpoint->run->settings.bytes);
	if (endpoint->run->settings.verb == PERF_ATOMIC) {
		endpoint->wr.wr.atomic.compare_add =
			endpoint->run->settings.compare_swap ? index : 1;
		endpoint->wr.wr.atomic.swap = index + 1;
	}
	return post(endpoint);
}

static int fetch_check(struct perf_weir *endpoint, uint64_t index)
{
	uint64_t bytes = endpoint->run->settings.bytes, wrong, old;

	if (endpoint->run->settings.verb == PERF_READ) {
		wrong = perf_pattern_wrong(endpoint->in, bytes, 0);
		return wrong == bytes ? 0 : wrong_at(endpoint, index, wrong);
	}
	memcpy(&old, endpoint->in, sizeof(old));
	return old == index ? 0
			    : error_set(endpoint->run->error, EIO, "atomic %llu found %llu",
				      (unsigned long long)index, (unsigned long long)old);
}

static int fetch_poll(void *opened, uint64_t index)
{
	struct perf_weir *endpoint = opened;
	struct weir_wc wc;
	int count = weir_poll_cq(endpoint->send_cq, 1, &wc);
	int ret;

	if (count == 0)
		return 0;
	if (count < 0)
		return perf_weir_failed(endpoint, "polling");
	endpoint->signaled--;
	ret = perf_weir_completed(endpoint, &wc);
	if (ret == 0 && endpoint->run->settings.verify)
		ret = fetch_check(endpoint, index);
	return ret == 0 ? 1 : ret;
}

/* ---- the run ---- */

static void prepare(struct perf_weir *endpoint)
{
	const struct perf_settings *settings = &endpoint->run->settings;
	bool fetches = settings->verb == PERF_READ || settings->verb == PERF_ATOMIC;

	perf_weir_prepare(endpoint);
	endpoint->signal_every = settings->tx_depth > 1 && !fetches ? settings->tx_depth / 2 : 1;
	if (settings->verify && (endpoint->wr.send_flags & WEIR_SEND_INLINE) == 0)
		endpoint->signal_every = 1;
	endpoint->in_sge =
		(struct weir_sge){.length = (uint32_t)(settings->bytes + endpoint->header_bytes),
			.lkey = endpoint->mr->lkey};
	endpoint->receive.sg_list = &endpoint->in_sge;
	endpoint->receive.num_sge = 1;
}

static int serve_fetches(struct perf_run *run)
{
	uint64_t total;

	return perf_exchange_receive(run->exchange, PERF_SENT, &total, sizeof(total), run->error);
}

int perf_weir_latency(void *opened)
{
	static const struct perf_ping_operations sends = {send_post, send_poll, perf_weir_wait},
						 writes = {write_post, write_poll, perf_weir_wait},
						 fetches = {fetch_post, fetch_poll, perf_weir_wait};
	struct perf_weir *endpoint = opened;
	struct perf_run *run = endpoint->run;

	prepare(endpoint);
	if (run->settings.verb == PERF_SEND)
		return run->client ? perf_ping(run, endpoint, &sends)
				   : perf_pong(run, endpoint, &sends);
	if (run->settings.verb == PERF_WRITE)
		return run->client ? perf_ping(run, endpoint, &writes)
				   : perf_pong(run, endpoint, &writes);
	return run->client ? perf_ping(run, endpoint, &fetches) : serve_fetches(run);
}
