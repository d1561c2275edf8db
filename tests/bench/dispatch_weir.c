/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir's way from one worker to another, as the poll loop takes it: decide, count, ring, the
 * receiving worker's pipeline up to its transmit. For hashes that are known by RSS alone, and by
 * RSS, RPS and RFS with few and with many flows; and with finding headers and hashing before it.
 */
#include <string.h>

#include <rte_malloc.h>
#include <rte_pause.h>

#include "dispatch.h"
#include "engine/steering_internal.h"
#include "engine/worker.h"
#include "flow_tables.h"

enum { BACKLOG = 1024, QUEUES = 8 };

/* One queue that brings packets in, and what they are steered by. */
struct source {
	struct rx_poll poll;
	const uint32_t *hashes; /* NULL: weir finds them */
	uint32_t hash_mask; /* hashes - 1 */
	uint64_t next; /* which of them; rounds go on where the last one ended */
};

static struct worker *workers[2];
static struct pipeline pipelines[2];
static struct transmit transmit;
static struct queue_counters sent __attribute__((aligned(64)));
static struct source plain, parsing, few, many;
static struct dispatch_round *current;

static uint16_t arrive(void *queue, struct rte_mbuf **burst, uint16_t count)
{
	(void)queue;
	dispatch_arrived(current, burst, count);
	return count;
}

static struct worker *worker_make(uint16_t index)
{
	struct worker *worker = rte_zmalloc(NULL, sizeof(*worker), 64);

	if (worker == NULL)
		return NULL;
	worker->index = index;
	worker->worker_count = RTE_DIM(workers);
	worker->workers = workers;
	worker->lanes = rte_zmalloc(NULL, RTE_DIM(workers) * sizeof(*worker->lanes), 64);
	worker->outboxes = rte_zmalloc(NULL, RTE_DIM(workers) * sizeof(*worker->outboxes), 64);
	worker->backlogs = rte_zmalloc(NULL, RTE_DIM(workers) * sizeof(*worker->backlogs), 64);
	worker->inboxes = rte_zmalloc(NULL, RTE_DIM(workers) * sizeof(*worker->inboxes), 64);
	worker->pipelines = &pipelines[index];
	pipelines[index].worker = worker;
	pipelines[index].transmit = &transmit;
	return worker->lanes && worker->outboxes && worker->backlogs && worker->inboxes ? worker
											: NULL;
}

static const char *workers_make(void)
{
	struct batch_ring *ring = rte_zmalloc(NULL, batch_ring_bytes(BACKLOG), 64);

	for (uint16_t i = 0; i < RTE_DIM(workers); i++)
		workers[i] = worker_make(i);
	if (ring == NULL || workers[0] == NULL || workers[1] == NULL)
		return "out of memory";
	batch_ring_init(ring, BACKLOG);
	workers[0]->outboxes[1].ring = ring;
	workers[0]->backlogs[0].drained_now = &workers[0]->own_drained;
	workers[0]->backlogs[1].drained_now = &ring->popped.drained;
	workers[1]->inboxes[workers[1]->inbox_count++] = ring;
	transmit.queue.send = arrive;
	transmit.counters = &sent;
	return NULL;
}

/* A source that steers by `table`. */
static const char *source_make(struct source *source, const struct steer_table *table)
{
	struct steering *steering = rte_zmalloc(NULL, sizeof(*steering), 64);
	struct steering_tables *tables = rte_zmalloc(NULL, sizeof(*tables), 64);
	void *hitters = rte_zmalloc(NULL, heavy_hitters_bytes(), 64);

	if (workers[1] == NULL || steering == NULL || tables == NULL || hitters == NULL)
		return "out of memory";
	rss_hash_init(&tables->hash, toeplitz_key_microsoft, NULL, RSS_TRANSFORM_NONE, false);
	tables->table = *table;
	tables->active = true;
	steering->tables = steering->next = tables;
	steering->hitters = heavy_hitters_init(hitters, STEERING_HITTERS_EVERY);
	steer_init(&steering->steer, &tables->table, workers[0]->backlogs, NULL, 0);
	source->poll =
		(struct rx_poll){.pipeline = &pipelines[0], .steering = steering, .steers = true};
	return NULL;
}

static const char *rss_make(struct source *source)
{
	static struct steer_table table;

	reta_fill_equal(&table.reta, RETA_SIZE_MIN, QUEUES);
	table.worker_count = RTE_DIM(workers);
	for (unsigned queue = 0; queue < QUEUES; queue++)
		table.queue_worker[queue] = 1;
	return source_make(source, &table);
}

static const char *plain_setup(void)
{
	const char *problem = workers_make();

	plain.hashes = dispatch_packets.hashes;
	plain.hash_mask = DISPATCH_PACKETS - 1;
	return problem ? problem : rss_make(&plain);
}

static const char *parsing_setup(void)
{
	return rss_make(&parsing);
}

static const char *flows_make(struct source *source, uint32_t flows)
{
	static struct flow_tables tables;

	memset(&tables, 0, sizeof(tables));
	if (!flow_tables_make(&tables, flows, 1, 1))
		return "out of memory";
	source->hashes = tables.hashes;
	source->hash_mask = FLOW_TABLES_PACKETS - 1;
	return source_make(source, &tables.table);
}

static const char *few_setup(void)
{
	return flows_make(&few, FLOW_TABLES_FEW);
}

static const char *many_setup(void)
{
	return flows_make(&many, FLOW_TABLES_MANY);
}

static void produce(struct dispatch_round *round, struct source *source)
{
	struct burst burst;
	unsigned moved = 0;

	for (uint64_t done = 0; done < round->packets; done += DISPATCH_BURST) {
		while (!handoff_has_room(workers[0])) {
			if (dispatch_expired(round))
				return;
			rte_pause();
		}
		burst.count = DISPATCH_BURST;
		burst.rx_tsc = tsc_now();
		if (!spread_ready(workers[0], &source->poll, true, burst.rx_tsc, &moved))
			return;
		memcpy(burst.packets, &dispatch_packets.mbufs[done % DISPATCH_PACKETS],
			DISPATCH_BURST * sizeof(burst.packets[0]));
		if (source->hashes == NULL)
			spread_received(workers[0], &source->poll, &burst);
		else
			spread_hashed(workers[0], &source->poll, &burst,
				&source->hashes[source->next & source->hash_mask]);
		source->next += DISPATCH_BURST;
	}
}

static void plain_produce(struct dispatch_round *round)
{
	produce(round, &plain);
}

static void parsing_produce(struct dispatch_round *round)
{
	produce(round, &parsing);
}

static void few_produce(struct dispatch_round *round)
{
	produce(round, &few);
}

static void many_produce(struct dispatch_round *round)
{
	produce(round, &many);
}

static void weir_consume(struct dispatch_round *round)
{
	current = round;
	while (round->arrived < round->packets)
		if (handoff_receive(workers[1], tsc_now()) == 0 && dispatch_expired(round))
			return;
}

const struct dispatch_contender dispatch_weir = {"weir", plain_setup, plain_produce, weir_consume};
const struct dispatch_contender dispatch_weir_parsing = {
	"weir, parsing and hashing", parsing_setup, parsing_produce, weir_consume};
const struct dispatch_contender dispatch_weir_few = {
	"weir, RSS+RPS+RFS, 1 k flows", few_setup, few_produce, weir_consume};
const struct dispatch_contender dispatch_weir_many = {
	"weir, RSS+RPS+RFS, 1 M flows", many_setup, many_produce, weir_consume};
