/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir's hand-off between two workers, as the poll loop does it: route, count, ring, the receiving
 * worker's pipeline up to its transmit. Once for hashes that are known, once with finding headers
 * and hashing before it.
 */
#include <string.h>

#include <rte_malloc.h>
#include <rte_pause.h>

#include "dispatch.h"
#include "engine/worker.h"

enum { BACKLOG = 1024, QUEUES = 8 };

static struct worker *workers[2];
static struct rx_poll rx_poll;
static struct pipeline pipelines[2];
static struct transmit transmit;
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
	worker->inboxes = rte_zmalloc(NULL, RTE_DIM(workers) * sizeof(*worker->inboxes), 64);
	worker->pipelines = &pipelines[index];
	pipelines[index].worker = worker;
	pipelines[index].transmit = &transmit;
	return worker->lanes && worker->outboxes && worker->inboxes ? worker : NULL;
}

static const char *weir_setup(void)
{
	struct batch_ring *ring = rte_zmalloc(NULL, batch_ring_bytes(BACKLOG), 64);

	for (uint16_t i = 0; i < RTE_DIM(workers); i++)
		workers[i] = worker_make(i);
	rx_poll.rss = rte_zmalloc(NULL, sizeof(*rx_poll.rss), 64);
	if (ring == NULL || workers[0] == NULL || workers[1] == NULL || rx_poll.rss == NULL)
		return "out of memory";
	batch_ring_init(ring, BACKLOG);
	workers[0]->outboxes[1] = ring;
	workers[1]->inboxes[workers[1]->inbox_count++] = ring;
	transmit.queue.send = arrive;
	rx_poll.pipeline = &pipelines[0];
	toeplitz_key_init(&rx_poll.rss->key, toeplitz_key_microsoft, NULL);
	reta_fill_equal(&rx_poll.rss->reta, RETA_SIZE_MIN, QUEUES);
	for (unsigned bucket = 0; bucket < rx_poll.rss->reta.size; bucket++)
		rx_poll.rss->routes[bucket] =
			(struct rss_route){.queue = rx_poll.rss->reta.queues[bucket], .worker = 1};
	return NULL;
}

static inline void weir_produce(struct dispatch_round *round, bool parsing)
{
	struct burst burst;

	for (uint64_t done = 0; done < round->packets; done += DISPATCH_BURST) {
		unsigned first = done % DISPATCH_PACKETS;

		while (!handoff_has_room(workers[0])) {
			if (dispatch_expired(round))
				return;
			rte_pause();
		}
		burst.count = DISPATCH_BURST;
		burst.rx_tsc = tsc_now();
		memcpy(burst.packets, &dispatch_packets.mbufs[first],
			DISPATCH_BURST * sizeof(burst.packets[0]));
		if (parsing)
			handoff_steer(workers[0], &rx_poll, &burst);
		else
			handoff_spread(
				workers[0], &rx_poll, &burst, &dispatch_packets.hashes[first]);
	}
}

static void produce_spread(struct dispatch_round *round)
{
	weir_produce(round, false);
}

static void produce_steer(struct dispatch_round *round)
{
	weir_produce(round, true);
}

static void weir_consume(struct dispatch_round *round)
{
	current = round;
	while (round->arrived < round->packets)
		if (handoff_receive(workers[1], tsc_now()) == 0 && dispatch_expired(round))
			return;
}

static const char *already_set_up(void)
{
	return rx_poll.rss == NULL ? "out of memory" : NULL;
}

const struct dispatch_contender dispatch_weir = {"weir", weir_setup, produce_spread, weir_consume};
const struct dispatch_contender dispatch_weir_parsing = {
	"weir, parsing and hashing", already_set_up, produce_steer, weir_consume};
