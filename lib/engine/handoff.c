/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From one worker to another. A batch's header in the ring tells what is true of all its packets:
 *
 *     | when received, TSC, 48 bits | what to do, 8 bits | packets, 8 bits |
 *
 * What to do: run pipeline 0..31, help with it (restore.c: the tag of the burst stands where the
 * time does), or send to port 0..31.
 */
#include <errno.h>
#include <unistd.h>

#include <rte_prefetch.h>

#include "base/clock.h"
#include "engine/worker.h"

enum { HEADER_TSC_SHIFT = 16, HEADER_WORK_SHIFT = 8, WORK_MASK = 0xff };
enum { RECEIVE_BATCHES_MAX = 8 }; /* a backlog at a time, so that none starves the others */

static inline uint64_t header_make(uint64_t rx_tsc, unsigned work)
{
	return rx_tsc << HEADER_TSC_SHIFT | (uint64_t)work << HEADER_WORK_SHIFT;
}

/* 48 bits of TSC last a day and more; what is in a ring is younger. It may even be from after the
 * start of this turn: then it counts as received now. */
static inline uint64_t header_tsc(uint64_t header, uint64_t now_tsc)
{
	int64_t age = (int64_t)((now_tsc << HEADER_TSC_SHIFT) - (header & ~(uint64_t)0xffff)) >>
		HEADER_TSC_SHIFT;

	return age > 0 ? now_tsc - (uint64_t)age : now_tsc;
}

/* ---- giving ---- */

void handoff_wake(struct worker *worker)
{
	uint64_t one = 1;

	if (write(worker->wake_fd, &one, sizeof(one)) < 0) {
		/* EAGAIN: it has been told often enough. */
	}
}

static inline void handoff_wake_if_asleep(struct worker *target)
{
	if (!target->adaptive)
		return;
	/* The push must be visible before we look: the sleeper sets `asleep`, then looks again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&target->asleep, __ATOMIC_RELAXED)))
		handoff_wake(target);
}

void handoff_want_flush(struct worker *worker)
{
	if (!__atomic_load_n(&worker->flush_wanted, __ATOMIC_RELAXED))
		__atomic_store_n(&worker->flush_wanted, 1, __ATOMIC_RELAXED);
	handoff_wake_if_asleep(worker);
}

/* Those that fit, and how many bytes they are: their lines are in this worker's cache. */
static unsigned push(
	struct batch_ring *ring, uint64_t header, struct rte_mbuf **packets, unsigned count)
{
	uint64_t room = batch_ring_room(ring, count);

	if (unlikely(room < count))
		count = (unsigned)room;
	return batch_ring_push(
		ring, header, packets_bytes(packets, count), (void **)packets, count);
}

/* What the flow limit says no to leaves the lane here. */
static __rte_noinline void limit_flows(
	struct worker *worker, struct outbox *outbox, struct flow_limit *limit, struct lane *lane)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < lane->count; i++) {
		struct rte_mbuf *packet = lane->packets[i];

		if (flow_limit_exceeds(limit, packet->hash.rss)) {
			outbox->flow_limited++;
			worker->counters.drops[DROP_flow_limit]++;
			drop_tell(worker->drop_watch, &packet, 1, DROP_flow_limit);
			rte_pktmbuf_free(packet);
		} else {
			lane->packets[kept++] = packet;
		}
	}
	lane->count = kept;
}

void handoff_give(struct worker *worker, uint16_t target, struct lane *lane, uint64_t rx_tsc,
	unsigned work, bool patient)
{
	struct outbox *outbox = &worker->outboxes[target];
	struct flow_limit *limit = __atomic_load_n(&outbox->limit, __ATOMIC_ACQUIRE);
	struct batch_ring *ring = outbox->ring;
	unsigned pushed;

	if (unlikely(limit != NULL) && !patient &&
		batch_ring_room(ring, ring->limit / 2) < ring->limit / 2)
		limit_flows(worker, outbox, limit, lane);
	pushed = push(ring, header_make(rx_tsc, work), lane->packets, lane->count);
	worker->backlogs[target].pushed += pushed;
	worker->counters.handoff_out += pushed;
	if (unlikely(pushed < lane->count)) {
		outbox->dropped += lane->count - pushed;
		worker->counters.drops[DROP_backlog_full] += lane->count - pushed;
		drop_tell(worker->drop_watch, lane->packets + pushed, lane->count - pushed,
			DROP_backlog_full);
		rte_pktmbuf_free_bulk(lane->packets + pushed, lane->count - pushed);
	}
	lane->count = 0;
	handoff_wake_if_asleep(worker->workers[target]);
}

void handoff_commit(struct worker *worker, uint16_t target, struct rte_mbuf *const packets[],
	unsigned count, uint64_t rx_tsc, unsigned work)
{
	batch_ring_commit(worker->outboxes[target].ring, header_make(rx_tsc, work),
		packets_bytes(packets, count), count);
	worker->backlogs[target].pushed += count;
	worker->counters.handoff_out += count;
	handoff_wake_if_asleep(worker->workers[target]);
}

uint64_t handoff_full(struct worker *worker)
{
	uint64_t full = 0;

	for (uint16_t i = 0; i < worker->worker_count; i++) {
		struct batch_ring *ring = worker->outboxes[i].ring;

		if (ring != NULL && batch_ring_room(ring, BURST_SIZE) < BURST_SIZE)
			full |= UINT64_C(1) << i;
	}
	return full;
}

bool handoff_has_room(struct worker *worker)
{
	return handoff_full(worker) == 0;
}

__rte_noinline uint16_t handoff_transmit(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t first)
{
	uint16_t owner = transmit->owner->index;
	unsigned pushed = push(transmit->owner_ring,
		header_make(burst->rx_tsc, WORK_TRANSMIT | transmit->port->index),
		&burst->packets[first], burst->count - first);

	worker->backlogs[owner].pushed += pushed;
	worker->counters.handoff_out += pushed;
	handoff_wake_if_asleep(transmit->owner);
	return (uint16_t)pushed;
}

/* ---- taking ---- */

/* `tag` is that of a burst to help with. */
static void receive_run(
	struct worker *worker, uint16_t from, struct burst *burst, unsigned work, uint64_t tag)
{
	worker->counters.handoff_batches++;
	worker->counters.handoff_in += burst->count;
	if (work & WORK_TRANSMIT) {
		transmit_burst(worker, &worker->transmits[work & ~(unsigned)WORK_TRANSMIT], burst);
		return;
	}
	worker->counters.processed += burst->count;
	if (work & WORK_HELP)
		restore_help(
			worker, from, &worker->pipelines[work & ~(unsigned)WORK_HELP], burst, tag);
	else
		pipeline_run(&worker->pipelines[work], burst);
}

/* Adds the batch at the ring's head to the burst. */
static void receive_take(struct batch_ring *ring, uint64_t header, bool looks, struct burst *burst)
{
	uint16_t first = burst->count;

	burst->count += header & BATCH_RING_COUNT_MASK;
	burst->bytes += batch_ring_note(ring);
	batch_ring_take(ring, header, (void **)&burst->packets[first]);
	/* What no stage looks at stays in the cache it is in. */
	for (uint16_t i = first; looks && i < burst->count; i++)
		rte_prefetch0(burst->packets[i]);
}

/* Whether this worker looks at the packets, not only passes them on. */
static inline bool work_looks(const struct worker *worker, unsigned work)
{
	return (work & WORK_TRANSMIT) == 0 &&
		worker->pipelines[work & ~(unsigned)WORK_HELP].first != NULL;
}

static inline bool runs_alone(unsigned batch_work, unsigned work, unsigned count)
{
	return batch_work != work || (work & WORK_HELP) != 0 || count > BURST_SIZE;
}

/* Batches for the same work run together, as many as a burst holds. The ring's room is given back
 * only after they ran: what it says is popped, went through the pipeline. */
static unsigned receive_from(
	struct worker *worker, struct batch_ring *ring, uint16_t from, uint64_t now_tsc)
{
	struct burst burst = {0};
	unsigned packets = 0, work = 0;
	uint64_t header, tag = 0;

	for (unsigned batches = 0; batches < RECEIVE_BATCHES_MAX && batch_ring_peek(ring, &header);
		batches++) {
		unsigned batch_work = (header >> HEADER_WORK_SHIFT) & WORK_MASK;

		if (burst.count > 0 &&
			runs_alone(batch_work, work,
				burst.count + (unsigned)(header & BATCH_RING_COUNT_MASK))) {
			receive_run(worker, from, &burst, work, tag);
			burst.count = 0;
			burst.bytes = 0;
		}
		if (burst.count == 0) {
			work = batch_work;
			tag = header >> HEADER_TSC_SHIFT;
			burst.rx_tsc = header_tsc(header, now_tsc);
		}
		packets += header & BATCH_RING_COUNT_MASK;
		receive_take(ring, header, work_looks(worker, work), &burst);
	}
	if (burst.count > 0)
		receive_run(worker, from, &burst, work, tag);
	batch_ring_release(ring);
	if (!worker->holds)
		batch_ring_drain(ring, ring->consumer.items);
	return packets;
}

unsigned handoff_receive(struct worker *worker, uint64_t now_tsc)
{
	uint64_t waiting = 0;
	unsigned packets = 0;

	for (uint16_t i = 0; i < worker->inbox_count; i++) {
		struct batch_ring *ring = worker->inboxes[i];
		uint64_t in_ring = batch_ring_waiting(ring);

		if (in_ring == 0)
			continue;
		waiting += in_ring;
		packets += receive_from(
			worker, ring, i < worker->index ? i : (uint16_t)(i + 1), now_tsc);
	}
	if (waiting > worker->counters.backlog_high)
		worker->counters.backlog_high = waiting;
	worker->counters.time_squeeze += waiting > packets;
	return packets;
}

/* ---- telling what is through ---- */

/*
 * A packet is through when it has left this worker: sent, dropped, or handed to the worker that
 * owns the tx queue and through there too. What a stage holds is not, and what waits in the owner's
 * backlog is not. So a mark is set now and then, while nothing is held: all that came in so far,
 * and how much of it went to owners; when these have drained that much, all before the mark is
 * through.
 */
static void mark_set(struct worker *worker)
{
	struct drain_mark *mark = worker->mark;

	mark->set = true;
	mark->own = worker->backlogs[worker->index].pushed;
	for (uint16_t i = 0; i < worker->inbox_count; i++)
		mark->in[i] = worker->inboxes[i]->consumer.items;
	/* Owners have lower numbers. */
	for (uint16_t i = 0; i < worker->index; i++)
		mark->out[i] = worker->backlogs[i].pushed;
}

static bool mark_is_through(struct worker *worker)
{
	for (uint16_t i = 0; i < worker->index; i++) {
		struct steer_backlog *backlog = &worker->backlogs[i];

		if (backlog->drained >= worker->mark->out[i])
			continue;
		backlog->drained = __atomic_load_n(backlog->drained_now, __ATOMIC_ACQUIRE);
		if (backlog->drained < worker->mark->out[i])
			return false;
	}
	return true;
}

void handoff_publish(struct worker *worker, uint64_t held)
{
	if (!worker->holds) {
		__atomic_store_n(&worker->own_drained, worker->backlogs[worker->index].pushed,
			__ATOMIC_RELEASE);
		return;
	}
	if (!worker->mark->set) {
		if (held > 0)
			return;
		mark_set(worker);
	}
	if (!mark_is_through(worker))
		return;
	worker->mark->set = false;
	for (uint16_t i = 0; i < worker->inbox_count; i++)
		batch_ring_drain(worker->inboxes[i], worker->mark->in[i]);
	__atomic_store_n(&worker->own_drained, worker->mark->own, __ATOMIC_RELEASE);
}

/* A mark may not be published when a worker parks, or be from before its last packets; and if it
 * holds nothing from now on, or its rings are new, nobody would ever tell. */
void handoff_all_through(struct worker *worker)
{
	worker->mark->set = false;
	for (uint16_t i = 0; i < worker->inbox_count; i++)
		batch_ring_drain(worker->inboxes[i], worker->inboxes[i]->consumer.items);
	__atomic_store_n(
		&worker->own_drained, worker->backlogs[worker->index].pushed, __ATOMIC_RELEASE);
}
