/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a received burst to the workers: headers and hash, the decision (steering/steer.h), and each
 * packet on its way. What is moved, parked or changed meanwhile is carried on between bursts.
 */
#include "base/clock.h"
#include "engine/steering_internal.h"
#include "engine/worker.h"
#include "steering/receive.h"

/* `i`: any number that changes from packet to packet. */
static inline void count_queue(
	struct steering *steering, unsigned i, unsigned queue, const struct rte_mbuf *packet)
{
	struct queue_counters *counters = &steering->queues[i % STEERING_COUNTERS][queue];

	counters->packets++;
	counters->bytes += packet->pkt_len;
}

/* ---- sorting by worker ---- */

/* More workers than this, and what follows is no longer cheaper than lanes. */
enum { FEW_WORKERS = 8 };

/* Where packets for a worker are put: its ring's own memory, or a lane if there is no room side by
 * side, or the flow limit may want to look at them. */
static void **open_slots(struct worker *worker, uint16_t target, uint16_t count)
{
	struct outbox *outbox = &worker->outboxes[target];
	void **slots = NULL;

	if (outbox->ring != NULL && __atomic_load_n(&outbox->limit, __ATOMIC_RELAXED) == NULL)
		slots = batch_ring_reserve(outbox->ring, count);
	return slots ? slots : (void **)worker->lanes[target].packets;
}

/* Up to 8 workers: packets are sorted straight into their rings, and how many each has so far
 * stands in one register, 8 bits each: in memory, each packet would wait for the store of the one
 * before it. */
static void sort_into_rings(struct worker *worker, struct rx_poll *poll, const struct burst *burst,
	const struct steer_route routes[])
{
	void **slots[FEW_WORKERS] = {NULL};
	uint64_t counts = 0;

	for (uint16_t i = 0; i < burst->count; i++)
		count_queue(poll->steering, i, routes[i].queue, burst->packets[i]);
	for (uint16_t target = 0; target < worker->worker_count; target++)
		slots[target] = open_slots(worker, target, burst->count);
	for (uint16_t i = 0; i < burst->count; i++) {
		unsigned shift = 8u * routes[i].worker;

		slots[routes[i].worker][(counts >> shift) & 0xff] = burst->packets[i];
		counts += 1ull << shift;
	}
	for (uint16_t target = 0; target < worker->worker_count; target++) {
		unsigned count = (counts >> (8 * target)) & 0xff;

		if (slots[target] == (void **)worker->lanes[target].packets)
			worker->lanes[target].count = (uint16_t)count;
		else if (count > 0)
			handoff_commit(worker, target, (struct rte_mbuf **)slots[target], count,
				burst->rx_tsc, poll->pipeline->index);
	}
}

static void sort_into_lanes(struct worker *worker, struct rx_poll *poll, const struct burst *burst,
	const struct steer_route routes[], const uint32_t hashes[])
{
	for (uint16_t i = 0; i < burst->count; i++) {
		struct lane *lane;

		if (routes[i].worker == STEER_PARK) {
			steer_park(&poll->steering->steer, burst->packets[i], hashes[i]);
			continue;
		}
		lane = &worker->lanes[routes[i].worker];
		count_queue(poll->steering, i, routes[i].queue, burst->packets[i]);
		lane->packets[lane->count++] = burst->packets[i];
	}
}

/* Sends the lanes off; leaves in the burst what is this worker's own. */
static void give_lanes(struct worker *worker, struct rx_poll *poll, struct burst *burst)
{
	struct lane *own = &worker->lanes[worker->index];

	for (uint16_t target = 0; target < worker->worker_count; target++) {
		struct lane *lane = &worker->lanes[target];

		if (lane->count > 0 && lane != own)
			handoff_give(worker, target, lane, burst->rx_tsc, poll->pipeline->index,
				poll->pauses);
	}
	burst->count = own->count;
	burst->bytes = 0;
	for (uint16_t i = 0; i < own->count; i++) {
		burst->packets[i] = own->packets[i];
		burst->bytes += own->packets[i]->pkt_len;
	}
	worker->backlogs[worker->index].pushed += own->count;
	worker->counters.processed += own->count;
	own->count = 0;
}

void spread_hashed(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, const uint32_t hashes[])
{
	struct steer *steer = &poll->steering->steer;
	struct steer_route routes[BURST_SIZE];

	steer_burst(steer, hashes, burst->count, routes);
	if (worker->worker_count <= FEW_WORKERS && likely(steer->move_count == 0))
		sort_into_rings(worker, poll, burst, routes);
	else
		sort_into_lanes(worker, poll, burst, routes, hashes);
	give_lanes(worker, poll, burst);
}

/* ---- a received burst ---- */

/* A random one of about 128 packets each: an even spacing might keep step with the traffic. */
static __rte_noinline void note_hitter(
	struct steering *steering, const struct burst *burst, const uint32_t hashes[])
{
	unsigned index = (unsigned)(steering->hitters_skip + burst->count);
	const struct rte_mbuf *packet = burst->packets[index];

	heavy_hitters_note(steering->hitters, hashes[index], packet->pkt_len,
		rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len);
	steering->hitters_random = steering->hitters_random * 1664525u + 1013904223u;
	steering->hitters_skip +=
		STEERING_HITTERS_EVERY / 2 + (int32_t)(steering->hitters_random >> 25); /* 7 bits */
}

void spread_received(struct worker *worker, struct rx_poll *poll, struct burst *burst)
{
	struct steering *steering = poll->steering;
	uint32_t hashes[BURST_SIZE];

	receive_parse_rss(
		&steering->tables->hash, poll->keep_nic_hash, burst->packets, burst->count, hashes);
	steering->hitters_skip -= burst->count;
	while (unlikely(steering->hitters_skip < 0))
		note_hitter(steering, burst, hashes);
	spread_hashed(worker, poll, burst, hashes);
}

/* ---- between bursts ---- */

static void run_unparked(struct worker *worker, struct rx_poll *poll, uint64_t now_tsc,
	struct rte_mbuf *const packets[], const struct steer_route routes[], unsigned count)
{
	struct burst burst = {.rx_tsc = now_tsc};

	for (unsigned i = 0; i < count; i++) {
		struct lane *lane = &worker->lanes[routes[i].worker];

		count_queue(poll->steering, i, routes[i].queue, packets[i]);
		lane->packets[lane->count++] = packets[i];
	}
	give_lanes(worker, poll, &burst);
	if (burst.count > 0)
		pipeline_run(poll->pipeline, &burst);
}

/* Sends on what was parked for moves that are done. Returns packets. */
static unsigned unpark(struct worker *worker, struct rx_poll *poll, uint64_t now_tsc)
{
	struct steer *steer = &poll->steering->steer;
	struct steer_route routes[BURST_SIZE];
	struct rte_mbuf *packets[BURST_SIZE];
	uint32_t hashes[BURST_SIZE];
	unsigned total = 0, count;
	uint64_t full;

	do {
		full = handoff_full(worker);
		/* RFS may send a packet anywhere: a source that can wait does. */
		if (full != 0 && poll->pauses && steer->table->flows != NULL)
			break;
		count = steer_unpark(
			steer, now_tsc, full, (void **)packets, hashes, routes, BURST_SIZE);
		if (count > 0)
			run_unparked(worker, poll, now_tsc, packets, routes, count);
		total += count;
	} while (count == BURST_SIZE);
	return total;
}

/* How far each backlog must drain before everything given so far is through. */
static void note_positions(const struct worker *worker, struct steering *steering)
{
	for (uint16_t i = 0; i < worker->worker_count; i++)
		steering->swap_positions[i] = worker->backlogs[i].pushed;
}

static bool have_drained(struct worker *worker, const struct steering *steering)
{
	bool all = true;

	for (uint16_t i = 0; i < worker->worker_count; i++) {
		struct steer_backlog *backlog = &worker->backlogs[i];

		backlog->drained = __atomic_load_n(backlog->drained_now, __ATOMIC_ACQUIRE);
		all &= backlog->drained >= steering->swap_positions[i];
	}
	return all;
}

static void ask_for_flush(struct worker *worker)
{
	for (uint16_t i = 0; i < worker->worker_count; i++)
		if (worker->workers[i]->flushes)
			handoff_want_flush(worker->workers[i]);
}

static bool overdue(const struct worker *worker, uint64_t since_tsc, uint64_t now_tsc)
{
	return since_tsc != 0 && now_tsc > since_tsc &&
		now_tsc - since_tsc > worker->flush_after_cycles;
}

/* New tables are taken when nothing that the old ones sent out is on its way. Until then packets
 * wait in the rx queue. */
static bool take_tables(
	struct worker *worker, struct rx_poll *poll, struct steering_tables *next, uint64_t now_tsc)
{
	struct steering *steering = poll->steering;

	if (steering->swap_since_tsc == 0) {
		steering->swap_since_tsc = now_tsc;
		note_positions(worker, steering);
	}
	if (steering->steer.move_count > 0)
		return false; /* what was parked goes out first */
	if (!have_drained(worker, steering)) {
		if (overdue(worker, steering->swap_since_tsc, now_tsc))
			ask_for_flush(worker);
		return false;
	}
	steering->swap_since_tsc = 0;
	steer_swap(&steering->steer, &next->table);
	/* What was wished of the old table is not wished of this one. */
	steering->steer.wish_seen = __atomic_load_n(&steering->wish.epoch, __ATOMIC_ACQUIRE);
	for (uint16_t i = 0; i < worker->worker_count; i++)
		if (worker->outboxes[i].ring != NULL)
			worker->outboxes[i].ring->limit = next->backlog_limit;
	poll->steers = next->active;
	__atomic_store_n(&steering->tables, next, __ATOMIC_RELEASE);
	return true;
}

static uint64_t oldest_move(const struct steer *steer)
{
	uint64_t oldest = 0;

	for (unsigned i = 0; i < steer->move_count; i++)
		if (oldest == 0 || steer->moves[i].start_tsc < oldest)
			oldest = steer->moves[i].start_tsc;
	return oldest;
}

static __rte_noinline bool carry_on(struct worker *worker, struct rx_poll *poll, bool running,
	uint64_t now_tsc, unsigned *moved)
{
	struct steering *steering = poll->steering;
	struct steer *steer = &steering->steer;
	struct steering_tables *next = __atomic_load_n(&steering->next, __ATOMIC_ACQUIRE);

	if (running && next == steering->tables)
		steer_follow(steer, &steering->wish, now_tsc);
	if (steer->move_count > 0) {
		*moved += unpark(worker, poll, now_tsc);
		note_positions(worker, steering); /* new tables wait for what was parked too */
		if (overdue(worker, oldest_move(steer), now_tsc))
			ask_for_flush(worker);
	}
	if (next != steering->tables)
		return take_tables(worker, poll, next, now_tsc);
	if (steer->move_count > 0 && steer_park_room(steer) < BURST_SIZE) {
		steer_cancel_moves(steer);
		*moved += unpark(worker, poll, now_tsc);
		worker->counters.stalls++;
		return steer_park_room(steer) >= BURST_SIZE;
	}
	return true;
}

bool spread_ready(struct worker *worker, struct rx_poll *poll, bool running, uint64_t now_tsc,
	unsigned *moved)
{
	const struct steering *steering = poll->steering;

	if (likely(steering->steer.move_count == 0 &&
		    __atomic_load_n(&steering->wish.epoch, __ATOMIC_RELAXED) ==
			    steering->steer.wish_seen &&
		    __atomic_load_n(&steering->next, __ATOMIC_RELAXED) == steering->tables))
		return true;
	return carry_on(worker, poll, running, now_tsc, moved);
}

uint64_t spread_parked(const struct worker *worker)
{
	uint64_t parked = 0;

	for (uint16_t i = 0; i < worker->poll_count; i++)
		if (worker->polls[i].steering != NULL)
			parked += __atomic_load_n(
				&worker->polls[i].steering->steer.parked, __ATOMIC_RELAXED);
	return parked;
}
