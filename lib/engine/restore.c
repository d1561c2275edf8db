/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "order": "restore": for a flow that is more than one worker can do. The receiving worker numbers
 * its bursts and gives each to whichever worker has least of them; that one runs the stages and
 * gives the burst back, empty if need be; the receiving worker sends them on by their numbers.
 *
 *     receiver:  burst 7 ──> worker 1 ──> stages ──┐
 *                burst 8 ──> worker 2 ──> stages ──┼──> slots 7 8 9 ──> tx, in order
 *                burst 9 ──> itself   ──> stages ──┘
 *
 * A helper always finds room to give back: each may have no more than HELPED_MAX bursts of an rx
 * queue, and the ring back has room for so many. So nobody waits for another in a circle.
 *
 * A burst travels with a tag: the rx queue it is of, among those of its receiver, and its slot.
 */
#include <rte_malloc.h>

#include "engine/worker.h"
#include "steering/receive.h"

enum { SLOT_BITS = 8, SLOTS = 64, HELPED_MAX = 4 };
_Static_assert(SLOTS <= 1 << SLOT_BITS, "a slot fits into a tag");

struct restore_slot {
	bool done;
	struct burst burst;
};

struct restore {
	struct pipeline *pipeline; /* of the receiving worker */
	uint16_t index; /* among the polls of the receiving worker */
	uint64_t next_in, next_out; /* numbers; next_in - next_out are outstanding */
	uint64_t held; /* packets in slots that are done. Readers: the stats thread */
	uint16_t worker_count;
	uint16_t first_helper; /* who is asked first, in turn */
	uint16_t helped[CONFIG_WORKERS_MAX]; /* bursts that each worker has */
	struct restore_slot slots[SLOTS];
};

size_t restore_bytes(void)
{
	return sizeof(struct restore);
}

uint32_t restore_ring_packets(void)
{
	return HELPED_MAX * BURST_SIZE;
}

void restore_init(
	struct restore *restore, struct pipeline *pipeline, uint16_t index, uint16_t worker_count)
{
	restore->pipeline = pipeline;
	restore->index = index;
	restore->worker_count = worker_count;
}

bool restore_has_room(const struct restore *restore)
{
	return restore->next_in - restore->next_out < SLOTS;
}

uint64_t restore_outstanding(const struct restore *restore)
{
	return restore->next_in - restore->next_out;
}

uint64_t restore_held(const struct restore *restore)
{
	return __atomic_load_n(&restore->held, __ATOMIC_RELAXED);
}

/* One that is not busy enough yet; the worker itself when all are. */
static uint16_t choose_helper(struct worker *worker, struct restore *restore)
{
	uint16_t best = worker->index;
	uint16_t least = HELPED_MAX;

	for (uint16_t i = 0; i < restore->worker_count; i++) {
		uint16_t helper = (uint16_t)((restore->first_helper + i) % restore->worker_count);
		struct batch_ring *ring = worker->outboxes[helper].ring;

		if (helper == worker->index || restore->helped[helper] >= least ||
			batch_ring_room(ring, BURST_SIZE) < BURST_SIZE)
			continue;
		best = helper;
		least = restore->helped[helper];
	}
	restore->first_helper = (uint16_t)((best + 1) % restore->worker_count);
	return best;
}

static void slot_finish(struct restore *restore, struct restore_slot *slot)
{
	slot->done = true;
	__atomic_store_n(&restore->held, restore->held + slot->burst.count, __ATOMIC_RELAXED);
}

void restore_spray(struct worker *worker, struct rx_poll *poll, struct burst *burst)
{
	struct restore *restore = poll->restore;
	uint64_t number = restore->next_in++ % SLOTS;
	struct restore_slot *slot = &restore->slots[number];
	uint64_t tag = (uint64_t)restore->index << SLOT_BITS | number;
	/* A stage that makes packets runs without any, too: that crosses no ring. */
	uint16_t helper = burst->count > 0 ? choose_helper(worker, restore) : worker->index;

	slot->done = false;
	slot->burst.rx_tsc = burst->rx_tsc;
	if (restore->pipeline->parses)
		receive_parse(burst->packets, burst->count);
	if (helper != worker->index) {
		struct lane *lane = &worker->lanes[helper];

		lane->count = burst->count;
		memcpy(lane->packets, burst->packets, burst->count * sizeof(burst->packets[0]));
		restore->helped[helper]++;
		handoff_give(worker, helper, lane, tag, WORK_HELP | restore->pipeline->index, true);
	} else {
		worker->counters.processed += burst->count;
		pipeline_stages(restore->pipeline, burst);
		slot->burst = *burst;
		slot_finish(restore, slot);
	}
	burst->count = 0;
	burst->bytes = 0;
}

void restore_help(struct worker *worker, uint16_t from, struct pipeline *pipeline,
	struct burst *burst, uint64_t tag)
{
	pipeline_stages(pipeline, burst);
	batch_ring_push_always(worker->returns[from], tag << BATCH_RING_COUNT_BITS, burst->bytes,
		(void **)burst->packets, burst->count);
	burst->count = 0;
	burst->bytes = 0;
}

static inline uint64_t header_tag(uint64_t header)
{
	return header >> BATCH_RING_COUNT_BITS;
}

static void take_back(struct restore *restore, struct batch_ring *ring, uint64_t header)
{
	struct restore_slot *slot = &restore->slots[header_tag(header) % SLOTS];

	slot->burst.count = header & BATCH_RING_COUNT_MASK;
	slot->burst.bytes = batch_ring_note(ring);
	batch_ring_take(ring, header, (void **)slot->burst.packets);
	slot_finish(restore, slot);
}

/* Only batches of this rx queue: another's may be behind them, and waits for its own turn. */
static void take_from(struct worker *worker, struct restore *restore, uint16_t helper)
{
	struct batch_ring *ring = worker->returned[helper];
	uint64_t header;

	while (batch_ring_peek(ring, &header) &&
		header_tag(header) >> SLOT_BITS == restore->index) {
		take_back(restore, ring, header);
		restore->helped[helper]--;
	}
	batch_ring_release(ring);
}

unsigned restore_collect(struct worker *worker, struct restore *restore)
{
	unsigned packets = 0;

	for (uint16_t i = 0; i < restore->worker_count; i++)
		if (restore->helped[i] > 0)
			take_from(worker, restore, i);
	while (restore->next_out < restore->next_in &&
		restore->slots[restore->next_out % SLOTS].done) {
		struct restore_slot *slot = &restore->slots[restore->next_out % SLOTS];

		__atomic_store_n(
			&restore->held, restore->held - slot->burst.count, __ATOMIC_RELAXED);
		packets += slot->burst.count;
		if (slot->burst.count > 0)
			transmit_burst(worker, restore->pipeline->transmit, &slot->burst);
		slot->done = false;
		restore->next_out++;
	}
	return packets;
}
