/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>

struct rte_mempool *test_pool;

int fixture_group_setup(void **state)
{
	static char words[][24] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--vdev=net_null0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0)
		return -1;
	test_pool = rte_pktmbuf_pool_create(
		"test", POOL_PACKETS, 0, 0, 512 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	return test_pool != NULL ? 0 : -1;
}

int fixture_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(test_pool);
	return rte_eal_cleanup();
}

static void *zeroed(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

	assert_non_null(memory);
	memset(memory, 0, bytes);
	return memory;
}

static uint16_t fake_send(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct fake_queue *queue = argument;
	unsigned taken = count < queue->takes ? count : queue->takes;

	if (queue->look != NULL)
		queue->look(queue);
	if (queue->calls < SENT_MAX)
		queue->sizes[queue->calls] = count;
	if (queue->calls++ < queue->refuses)
		return 0;
	if (queue->count + taken > queue->total)
		taken = queue->total - queue->count;
	memcpy(&queue->packets[queue->count], packets, taken * sizeof(*packets));
	queue->count += taken;
	return (uint16_t)taken;
}

static struct worker *make_worker(struct worker_fixture *fixture, unsigned index)
{
	struct worker *worker = zeroed(sizeof(*worker));

	worker->index = (uint16_t)index;
	worker->worker_count = WORKERS;
	worker->workers = fixture->workers;
	worker->wake_fd = -1;
	worker->lanes = zeroed(WORKERS * sizeof(*worker->lanes));
	worker->outboxes = zeroed(WORKERS * sizeof(*worker->outboxes));
	worker->backlogs = zeroed(WORKERS * sizeof(*worker->backlogs));
	worker->backlogs[index].drained_now = &worker->own_drained;
	worker->mark = zeroed(sizeof(*worker->mark));
	worker->inboxes = zeroed(WORKERS * sizeof(*worker->inboxes));
	worker->pipelines = zeroed(PIPELINES * sizeof(*worker->pipelines));
	worker->transmits = zeroed(PORTS * sizeof(*worker->transmits));
	for (unsigned p = 0; p < PORTS; p++) {
		struct fake_queue *queue = &fixture->queues[index][p];

		queue->takes = queue->total = SENT_MAX;
		worker->transmits[p].port = &fixture->ports[p];
		worker->transmits[p].counters = &fixture->tx_counters[index][p];
		worker->transmits[p].queue =
			(struct tx_queue){.send = fake_send, .argument = queue};
	}
	/* Pipeline i leads to port i. */
	for (unsigned i = 0; i < PIPELINES; i++) {
		worker->pipelines[i].worker = worker;
		worker->pipelines[i].index = (uint16_t)i;
		worker->pipelines[i].transmit = &worker->transmits[i];
	}
	fixture->polls[index].pipeline = &worker->pipelines[0];
	fixture->polls[index].worker = (uint16_t)index;
	fixture->polls[index].steering = &fixture->steerings[index];
	fixture->polls[index].steers = true;
	fixture->steerings[index].tables = fixture->steerings[index].next = &fixture->tables;
	fixture->steerings[index].hitters_skip = INT32_MAX;
	steer_init(&fixture->steerings[index].steer, &fixture->tables.table, worker->backlogs,
		fixture->slots[index], PARK_SLOTS);
	return worker;
}

static void make_ring(struct worker_fixture *fixture, unsigned from, unsigned to, uint32_t limit)
{
	struct worker *target = fixture->workers[to];

	fixture->rings[from][to] = zeroed(batch_ring_bytes(limit));
	batch_ring_init(fixture->rings[from][to], limit);
	fixture->workers[from]->outboxes[to].ring = fixture->rings[from][to];
	fixture->workers[from]->backlogs[to].drained_now =
		&fixture->rings[from][to]->popped.drained;
	target->inboxes[target->inbox_count++] = fixture->rings[from][to];
}

struct worker_fixture *fixture_create(uint32_t backlog)
{
	struct worker_fixture *fixture = zeroed(sizeof(*fixture));

	for (unsigned p = 0; p < PORTS; p++) {
		fixture->port_configs[p].kind = PORT_FILE;
		fixture->ports[p].config = &fixture->port_configs[p];
		fixture->ports[p].index = (uint16_t)p;
	}
	reta_fill_equal(&fixture->tables.table.reta, 128, WORKERS);
	fixture->tables.table.worker_count = WORKERS;
	fixture->tables.active = true;
	for (unsigned i = 0; i < WORKERS; i++)
		fixture->tables.table.queue_worker[i] = (uint8_t)i;
	for (unsigned i = 0; i < WORKERS; i++)
		fixture->workers[i] = make_worker(fixture, i);
	for (unsigned from = 0; from < WORKERS; from++)
		for (unsigned to = 0; to < WORKERS; to++)
			if (from != to)
				make_ring(fixture, from, to, backlog);
	return fixture;
}

void fixture_destroy(struct worker_fixture *fixture)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = fixture->workers[i];

		for (unsigned p = 0; p < PORTS; p++)
			rte_pktmbuf_free_bulk(
				fixture->queues[i][p].packets, fixture->queues[i][p].count);
		for (unsigned to = 0; to < WORKERS; to++)
			free(fixture->rings[i][to]);
		free(worker->lanes);
		free(worker->outboxes);
		free(worker->backlogs);
		free(worker->mark);
		free(worker->inboxes);
		free(worker->pipelines);
		free(worker->transmits);
		free(worker);
	}
	free(fixture);
	assert_int_equal(buffers_out(), 0);
}

struct rte_mbuf *packet_make(uint32_t source, uint32_t sequence, uint32_t length, unsigned segments)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(test_pool), *segment;
	struct label *label;

	assert_non_null(packet);
	label = (struct label *)rte_pktmbuf_append(
		packet, (uint16_t)(length - (segments - 1) * 10));
	assert_non_null(label);
	*label = (struct label){source, sequence};
	for (unsigned i = 1; i < segments; i++) {
		segment = rte_pktmbuf_alloc(test_pool);
		assert_non_null(segment);
		assert_non_null(rte_pktmbuf_append(segment, 10));
		assert_int_equal(rte_pktmbuf_chain(packet, segment), 0);
	}
	assert_int_equal(packet->pkt_len, length);
	return packet;
}

struct label packet_label(const struct rte_mbuf *packet)
{
	return *rte_pktmbuf_mtod(packet, const struct label *);
}

void burst_add(struct burst *burst, struct rte_mbuf *packet)
{
	assert_in_range(burst->count, 0, BURST_SIZE - 1);
	burst->packets[burst->count++] = packet;
	burst->bytes += packet->pkt_len;
}

struct burst burst_make(uint32_t source, uint32_t sequence, unsigned count)
{
	struct burst burst = {0};

	for (unsigned i = 0; i < count; i++)
		burst_add(&burst, packet_make(source, sequence + i, 60, 1));
	return burst;
}

uint32_t hash_to(unsigned worker)
{
	return worker; /* RETA entry i leads to queue i % WORKERS */
}

void hand_over(struct worker_fixture *fixture, unsigned from, unsigned to, struct burst *burst)
{
	uint32_t hashes[BURST_SIZE];

	for (unsigned i = 0; i < BURST_SIZE; i++)
		hashes[i] = hash_to(to);
	spread_hashed(fixture->workers[from], &fixture->polls[from], burst, hashes);
}

unsigned buffers_out(void)
{
	return POOL_PACKETS - rte_mempool_avail_count(test_pool);
}

struct queue_counters queue_sum(const struct steering *steering, unsigned queue)
{
	struct queue_counters sum = {0};

	for (unsigned i = 0; i < STEERING_COUNTERS; i++) {
		sum.packets += steering->queues[i][queue].packets;
		sum.bytes += steering->queues[i][queue].bytes;
	}
	return sum;
}

uint64_t worker_drops(const struct worker *worker)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		sum += worker->counters.drops[i];
	return sum;
}

uint64_t test_seed(void)
{
	const char *given = getenv("WEIR_SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	printf("WEIR_SEED=%" PRIu64 "\n", seed);
	return seed * 0x9e3779b97f4a7c15ull | 1;
}

uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1dull >> 32) % below);
}
