/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "packet/parse.h"
#include "packet/rewrite.h"
#include "port/replay_memory.h"
#include "port/replay_stream.h"

/* A packet due this soon is waited for on the spot: a turn of the poll loop may take as long. */
enum { SPIN_NS = 2000, PREFETCH_AHEAD = 8 };

struct replay {
	struct replay_plan plan;
	struct replay_memory memory; /* preloaded */
	struct replay_stream *stream; /* or streamed */
	struct rte_mempool *pool; /* for copies */
	uint64_t tsc_hz, spin_cycles;
	bool copy, timed, started;
	/* the worker's */
	uint64_t position; /* next packet of this loop */
	uint64_t loop; /* from 0 */
	uint64_t start_tsc; /* of loop 0 */
	uint64_t loop_tsc; /* of this loop */
	uint64_t end_tsc; /* duration over; UINT64_MAX: no limit */
	uint64_t pause_tsc;
	uint64_t waited_cycles; /* on the spot, since replay_take_waited() */
	struct replay_counters counters;
	uint32_t finished; /* writer: the worker; readers: any */
};

struct replay *replay_create(const struct replay_plan *plan, struct rte_mempool *pool,
	int numa_node, uint64_t tsc_hz, struct error *error)
{
	struct replay *replay = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*replay), 64));
	int result = 0;

	if (replay == NULL) {
		error_set(error, ENOMEM, "no memory to replay port %s", plan->config->name);
		return NULL;
	}
	memset(replay, 0, sizeof(*replay));
	replay->plan = *plan;
	replay->pool = pool;
	replay->tsc_hz = tsc_hz;
	replay->spin_cycles = ns_to_tsc(SPIN_NS, tsc_hz);
	replay->timed = plan->play.speed.kind != SPEED_TOP;
	replay->copy = plan->play.rewrite;
	replay->end_tsc = UINT64_MAX;
	if (plan->preload) {
		result = replay_memory_load(
			&replay->memory, &replay->plan, numa_node, tsc_hz, error);
		replay->finished = replay->memory.packet_count == 0;
	} else {
		replay->stream = replay_stream_create(&replay->plan, numa_node, tsc_hz, error);
	}
	if (result != 0 || (!plan->preload && replay->stream == NULL)) {
		free(replay);
		return NULL;
	}
	return replay;
}

struct replay *replay_destroy(struct replay *replay)
{
	if (replay == NULL)
		return NULL;
	replay_stream_destroy(replay->stream);
	replay_memory_free(&replay->memory);
	free(replay);
	return NULL;
}

void replay_set_copy(struct replay *replay, bool copy)
{
	replay->copy = copy || replay->plan.play.rewrite;
}

int replay_start(struct replay *replay, uint64_t start_tsc, int cpu, struct error *error)
{
	if (replay->started) {
		uint64_t paused = start_tsc - replay->pause_tsc;

		replay->start_tsc += paused;
		replay->loop_tsc += paused;
		if (replay->end_tsc != UINT64_MAX)
			replay->end_tsc += paused;
		return 0;
	}
	replay->started = true;
	replay->start_tsc = replay->loop_tsc = start_tsc;
	if (replay->plan.play.duration_ns != 0)
		replay->end_tsc =
			start_tsc + ns_to_tsc(replay->plan.play.duration_ns, replay->tsc_hz);
	return replay->stream ? replay_stream_start(replay->stream, cpu, error) : 0;
}

void replay_pause(struct replay *replay, uint64_t now_tsc)
{
	replay->pause_tsc = now_tsc;
}

static void replay_finish(struct replay *replay)
{
	__atomic_store_n(&replay->finished, 1, __ATOMIC_RELEASE);
}

static void replay_next_loop(struct replay *replay)
{
	replay->position = 0;
	replay->loop++;
	replay->counters.loops++;
	replay->loop_tsc = replay->start_tsc +
		(uint64_t)((long double)replay->loop * replay->memory.loop_cycles + 0.5L);
	if (replay->plan.play.loop != 0 && replay->loop == replay->plan.play.loop)
		replay_finish(replay);
}

/* ---- lend or copy ---- */

/* Home: nobody else has a reference. Segments are freed first to last by whoever holds them, so the
 * whole packet is home only when each is. */
static inline bool packet_is_home(const struct rte_mbuf *packet)
{
	do {
		if (rte_mbuf_refcnt_read(packet) != 1)
			return false;
		packet = packet->next;
	} while (packet != NULL);
	return true;
}

static inline struct rte_mbuf *packet_lend(struct rte_mbuf *packet, uint16_t port)
{
	struct rte_mbuf *segment = packet;

	do {
		rte_mbuf_refcnt_set(segment, 2);
		segment = segment->next;
	} while (segment != NULL);
	/* What the last trip learned is forgotten, so that every trip does the same work. */
	packet->ol_flags = RTE_MBUF_F_EXTERNAL;
	packet->port = port;
	return packet;
}

static struct rte_mbuf *packet_copy(struct replay *replay, const struct rte_mbuf *packet)
{
	struct rte_mbuf *copy;

	if (packet->next != NULL) {
		copy = rte_pktmbuf_copy(packet, replay->pool, 0, UINT32_MAX);
		if (copy == NULL)
			return NULL;
		copy->ol_flags = 0;
	} else {
		copy = rte_pktmbuf_alloc(replay->pool);
		if (copy == NULL)
			return NULL;
		copy->data_len = packet->data_len;
		copy->pkt_len = packet->pkt_len;
		memcpy(rte_pktmbuf_mtod(copy, void *), rte_pktmbuf_mtod(packet, void *),
			packet->data_len);
	}
	copy->port = replay->plan.port;
	replay->counters.copies++;
	return copy;
}

static void packet_rewrite(struct rte_mbuf *packet, uint64_t loop)
{
	uint8_t *bytes = rte_pktmbuf_mtod(packet, uint8_t *);
	struct headers headers;

	parse_headers(bytes, packet->data_len, &headers);
	rewrite_flow(bytes, packet->data_len, &headers, loop);
}

/* The packet at the present position, ready for the pipeline; NULL: no buffer for a copy. */
static inline struct rte_mbuf *replay_give(struct replay *replay)
{
	struct rte_mbuf *packet = replay->memory.packets[replay->position];

	if (likely(!replay->copy && packet_is_home(packet)))
		return packet_lend(packet, replay->plan.port);
	packet = packet_copy(replay, packet);
	if (packet != NULL && replay->plan.play.rewrite && replay->loop > 0)
		packet_rewrite(packet, replay->loop);
	return packet;
}

/* ---- receive ---- */

static void count_given(
	struct replay *replay, struct rte_mbuf *const *packets, uint16_t count, uint64_t now)
{
	struct replay_counters *counters = &replay->counters;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++)
		bytes += packets[i]->pkt_len;
	if (counters->packets == 0)
		counters->first_tsc = now;
	counters->packets += count;
	counters->bytes += bytes;
	counters->last_tsc = now;
}

static void count_error(struct replay *replay, uint64_t due, uint64_t now)
{
	uint64_t error_ns = tsc_to_ns(now - due, replay->tsc_hz);

	if (replay->counters.error_ns.count == 0)
		replay->counters.first_due_tsc = due;
	histogram_record(&replay->counters.error_ns, error_ns, 1);
	if (error_ns > REPLAY_LATE_NS)
		replay->counters.late++;
	replay->counters.last_due_tsc = due;
}

static uint16_t receive_preloaded_top(
	struct replay *replay, struct rte_mbuf **packets, uint16_t count)
{
	const struct replay_memory *memory = &replay->memory;
	uint16_t given = 0;

	while (given < count && !replay->finished) {
		uint64_t left = memory->packet_count - replay->position;
		uint16_t until = given + (uint16_t)RTE_MIN(left, (uint64_t)(count - given));

		for (; given < until; given++, replay->position++) {
			if (replay->position + PREFETCH_AHEAD < memory->packet_count)
				rte_prefetch0(memory->packets[replay->position + PREFETCH_AHEAD]);
			packets[given] = replay_give(replay);
			if (packets[given] == NULL) {
				replay->counters.waits++;
				return given;
			}
		}
		if (replay->position == memory->packet_count)
			replay_next_loop(replay);
	}
	return given;
}

/* Waits on the spot for what is nearly due. false: nothing is due soon. */
static inline bool wait_until(struct replay *replay, uint64_t due, uint64_t *now)
{
	uint64_t start = *now;

	if ((int64_t)(due - start) > (int64_t)replay->spin_cycles)
		return false;
	while ((int64_t)(due - *now) > 0)
		*now = tsc_now();
	replay->waited_cycles += *now - start;
	return true;
}

uint64_t replay_take_waited(struct replay *replay)
{
	uint64_t waited = replay->waited_cycles;

	replay->waited_cycles = 0;
	return waited;
}

static uint16_t receive_preloaded_timed(
	struct replay *replay, struct rte_mbuf **packets, uint16_t count)
{
	const struct replay_memory *memory = &replay->memory;
	uint64_t now = tsc_now();
	uint16_t given = 0;

	while (given < count && !replay->finished) {
		uint64_t due = replay->loop_tsc + memory->due[replay->position];

		/* Only the first of a burst is waited for; the others go along if their time came.
		 */
		if (given == 0 ? !wait_until(replay, due, &now) : (int64_t)(due - now) > 0)
			break;
		packets[given] = replay_give(replay);
		if (packets[given] == NULL) {
			replay->counters.waits++;
			break;
		}
		given++;
		count_error(replay, due, now);
		if (++replay->position == memory->packet_count)
			replay_next_loop(replay);
	}
	return given;
}

static uint16_t receive_stream(struct replay *replay, struct rte_mbuf **packets, uint16_t count)
{
	uint64_t now = tsc_now();
	struct rte_mbuf *packet;
	uint16_t given = 0;
	uint64_t due;

	while (given < count && replay_stream_peek(replay->stream, &packet, &due)) {
		due += replay->start_tsc;
		if (replay->timed) {
			if (given == 0 ? !wait_until(replay, due, &now) : (int64_t)(due - now) > 0)
				break;
			count_error(replay, due, now);
		}
		replay_stream_take(replay->stream);
		packet->port = replay->plan.port;
		packets[given++] = packet;
	}
	if (given == 0 && replay_stream_ended(replay->stream))
		replay_finish(replay);
	else if (given == 0 && !replay->timed)
		replay->counters.waits++;
	return given;
}

uint16_t replay_receive(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct replay *replay = argument;
	uint16_t given;
	uint64_t now;

	if (replay->finished)
		return 0;
	if (replay->stream != NULL)
		given = receive_stream(replay, packets, count);
	else if (replay->timed)
		given = receive_preloaded_timed(replay, packets, count);
	else
		given = receive_preloaded_top(replay, packets, count);
	now = tsc_now();
	if (given > 0)
		count_given(replay, packets, given, now);
	if (unlikely((int64_t)(now - replay->end_tsc) >= 0 && replay->end_tsc != UINT64_MAX))
		replay_finish(replay);
	return given;
}

/* ---- views ---- */

uint64_t replay_next_due(const struct replay *replay)
{
	if (!replay->timed || replay->finished || replay->stream != NULL)
		return 0;
	return replay->loop_tsc + replay->memory.due[replay->position];
}

bool replay_finished(const struct replay *replay)
{
	return __atomic_load_n(&replay->finished, __ATOMIC_ACQUIRE) != 0;
}

const struct replay_counters *replay_counters(const struct replay *replay)
{
	return &replay->counters;
}

const struct replay_plan *replay_plan(const struct replay *replay)
{
	return &replay->plan;
}

void replay_read_counts(const struct replay *replay, struct capture_counts *ret_counts)
{
	if (replay->stream != NULL)
		replay_stream_counts(replay->stream, ret_counts);
	else
		*ret_counts = replay->plan.counts;
}

const struct error *replay_error(const struct replay *replay)
{
	static const struct error none;

	return replay->stream ? replay_stream_error(replay->stream) : &none;
}

uint64_t replay_lent(const struct replay *replay)
{
	uint64_t lent = 0;

	for (uint64_t i = 0; i < replay->memory.packet_count; i++)
		lent += !packet_is_home(replay->memory.packets[i]);
	return lent;
}
