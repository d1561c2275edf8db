/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From one worker to another. A batch's header in the ring tells what is true of all its packets:
 *
 *     | when received, TSC, 48 bits | what to do, 8 bits | packets, 8 bits |
 *
 * What to do: run pipeline 0..127, or (top bit) send to port 0..127.
 */
#include <errno.h>
#include <unistd.h>

#include <rte_prefetch.h>

#include "base/clock.h"
#include "engine/worker.h"
#include "steering/receive.h"

enum { HEADER_TSC_SHIFT = 16, HEADER_WORK_SHIFT = 8, WORK_TRANSMIT = 0x80, WORK_MASK = 0xff };
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

static void handoff_push(struct worker *worker, uint16_t target, struct lane *lane, uint64_t header)
{
	unsigned pushed = batch_ring_push(
		worker->outboxes[target], header, (void **)lane->packets, lane->count);

	worker->counters.handoff_out += pushed;
	if (unlikely(pushed < lane->count)) {
		worker->counters.drops[DROP_backlog_full] += lane->count - pushed;
		rte_pktmbuf_free_bulk(lane->packets + pushed, lane->count - pushed);
	}
	handoff_wake_if_asleep(worker->workers[target]);
}

static inline void count_queue(struct rss *rss, unsigned queue, const struct rte_mbuf *packet)
{
	rss->queues[queue].packets++;
	rss->queues[queue].bytes += packet->pkt_len;
}

/* More workers than this, and what follows is no longer cheaper than lanes. */
enum { FEW_WORKERS = 8 };

/* Up to 8 workers: packets are sorted straight into their rings, and how many each has so far
 * stands in one register, 8 bits each: in memory, each packet would wait for the store of the one
 * before it. A ring that has no room side by side gets its packets by way of the lane. */
static void sort_into_rings(struct worker *worker, struct rss *rss, const struct burst *burst,
	const uint32_t hashes[], uint64_t header)
{
	void **slots[FEW_WORKERS], **reserved;
	uint64_t counts = 0;

	for (uint16_t target = 0; target < worker->worker_count; target++) {
		reserved = target == worker->index
			? NULL
			: batch_ring_reserve(worker->outboxes[target], burst->count);
		slots[target] = reserved ? reserved : (void **)worker->lanes[target].packets;
	}
	for (uint16_t i = 0; i < burst->count; i++) {
		struct rss_route route = rss->routes[reta_bucket(&rss->reta, hashes[i])];
		unsigned shift = 8u * route.worker;

		count_queue(rss, route.queue, burst->packets[i]);
		slots[route.worker][(counts >> shift) & 0xff] = burst->packets[i];
		counts += 1ull << shift;
	}
	for (uint16_t target = 0; target < worker->worker_count; target++) {
		unsigned count = (counts >> (8 * target)) & 0xff;

		if (slots[target] == (void **)worker->lanes[target].packets) {
			worker->lanes[target].count = (uint16_t)count;
		} else if (count > 0) {
			batch_ring_commit(worker->outboxes[target], header, count);
			worker->counters.handoff_out += count;
			handoff_wake_if_asleep(worker->workers[target]);
		}
	}
}

static void sort_into_lanes(
	struct worker *worker, struct rss *rss, const struct burst *burst, const uint32_t hashes[])
{
	for (uint16_t i = 0; i < burst->count; i++) {
		struct rss_route route = rss->routes[reta_bucket(&rss->reta, hashes[i])];
		struct lane *lane = &worker->lanes[route.worker];

		count_queue(rss, route.queue, burst->packets[i]);
		lane->packets[lane->count++] = burst->packets[i];
	}
}

static uint64_t lane_bytes(const struct lane *lane)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < lane->count; i++)
		bytes += lane->packets[i]->pkt_len;
	return bytes;
}

void handoff_spread(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, const uint32_t hashes[])
{
	uint64_t header = header_make(burst->rx_tsc, poll->pipeline->index);
	struct lane *own = &worker->lanes[worker->index];

	if (worker->worker_count <= FEW_WORKERS)
		sort_into_rings(worker, poll->rss, burst, hashes, header);
	else
		sort_into_lanes(worker, poll->rss, burst, hashes);
	for (uint16_t target = 0; target < worker->worker_count; target++) {
		struct lane *lane = &worker->lanes[target];

		if (lane->count == 0 || lane == own)
			continue;
		handoff_push(worker, target, lane, header);
		lane->count = 0;
	}
	burst->count = own->count;
	burst->bytes = lane_bytes(own);
	memcpy(burst->packets, own->packets, own->count * sizeof(own->packets[0]));
	own->count = 0;
}

void handoff_steer(struct worker *worker, struct rx_poll *poll, struct burst *burst)
{
	uint32_t hashes[BURST_SIZE];

	receive_parse_hash(
		&poll->rss->key, poll->keep_nic_hash, burst->packets, burst->count, hashes);
	handoff_spread(worker, poll, burst, hashes);
	if (burst->count > 0 || poll->pipeline->is_source)
		pipeline_run(poll->pipeline, burst);
}

bool handoff_has_room(struct worker *worker)
{
	for (uint16_t i = 0; i < worker->worker_count; i++)
		if (worker->outboxes[i] != NULL &&
			batch_ring_room(worker->outboxes[i], BURST_SIZE) < BURST_SIZE)
			return false;
	return true;
}

__rte_noinline uint16_t handoff_transmit(
	struct worker *worker, struct transmit *transmit, struct burst *burst, uint16_t first)
{
	uint64_t header = header_make(burst->rx_tsc, WORK_TRANSMIT | transmit->port->index);
	unsigned pushed = batch_ring_push(transmit->owner_ring, header,
		(void **)&burst->packets[first], burst->count - first);

	worker->counters.handoff_out += pushed;
	handoff_wake_if_asleep(transmit->owner);
	return (uint16_t)pushed;
}

static void receive_run(struct worker *worker, struct burst *burst, unsigned work)
{
	worker->counters.handoff_batches++;
	worker->counters.handoff_in += burst->count;
	if (work & WORK_TRANSMIT)
		transmit_burst(worker, &worker->transmits[work & ~WORK_TRANSMIT], burst);
	else
		pipeline_run(&worker->pipelines[work], burst);
}

/* Adds the batch at the ring's head to the burst. */
static void receive_take(struct batch_ring *ring, uint64_t header, struct burst *burst)
{
	uint16_t first = burst->count;

	burst->count += header & BATCH_RING_COUNT_MASK;
	batch_ring_take(ring, header, (void **)&burst->packets[first]);
	for (uint16_t i = first; i < burst->count; i++)
		rte_prefetch0(burst->packets[i]);
	for (uint16_t i = first; i < burst->count; i++)
		burst->bytes += burst->packets[i]->pkt_len;
}

/* Batches for the same work run together, as many as a burst holds. The ring's room is given back
 * only after they ran: what it says is popped, has left the worker. */
static unsigned receive_from(struct worker *worker, struct batch_ring *ring, uint64_t now_tsc)
{
	struct burst burst = {0};
	unsigned packets = 0, work = 0;
	uint64_t header;

	for (unsigned batches = 0; batches < RECEIVE_BATCHES_MAX && batch_ring_peek(ring, &header);
		batches++) {
		unsigned batch_work = (header >> HEADER_WORK_SHIFT) & WORK_MASK;

		if (burst.count > 0 &&
			(batch_work != work ||
				burst.count + (header & BATCH_RING_COUNT_MASK) > BURST_SIZE)) {
			receive_run(worker, &burst, work);
			burst.count = 0;
			burst.bytes = 0;
		}
		if (burst.count == 0) {
			work = batch_work;
			burst.rx_tsc = header_tsc(header, now_tsc);
		}
		packets += header & BATCH_RING_COUNT_MASK;
		receive_take(ring, header, &burst);
	}
	if (burst.count > 0)
		receive_run(worker, &burst, work);
	batch_ring_release(ring);
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
		packets += receive_from(worker, ring, now_tsc);
	}
	if (waiting > worker->counters.backlog_high)
		worker->counters.backlog_high = waiting;
	return packets;
}
