/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles a packet from one core to another: weir's hand-off of a burst whose hashes are known
 * (RETA, lanes, ring, the receiving worker's pipeline and its transmit), next to a bare rte_ring
 * and to rte_distributor with one worker. All packets go to the other core. The three alternate.
 *
 *     bench_handoff [--json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_distributor.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "base/clock.h"
#include "engine/worker.h"

enum { BURST = 32 }; /* as the peers' figures are given for */
enum { PACKETS = 512, ROUNDS = 9, TRANSFERS = 1 << 21, BACKLOG = 1024 };

static struct rte_mbuf *packets[PACKETS];
static uint32_t hashes[PACKETS];

/* ---- weir ---- */

static struct worker *workers[2];
static struct rx_poll rx_poll;
static struct pipeline pipelines[2];
static struct transmit transmit;

static uint16_t swallow(void *queue, struct rte_mbuf **burst, uint16_t count)
{
	(void)queue;
	(void)burst;
	return count;
}

static void weir_setup(void)
{
	struct batch_ring *ring = rte_zmalloc(NULL, batch_ring_bytes(BACKLOG), 64);

	for (unsigned i = 0; i < 2; i++) {
		struct worker *worker = rte_zmalloc(NULL, sizeof(*worker), 64);

		workers[i] = worker;
		worker->index = (uint16_t)i;
		worker->worker_count = 2;
		worker->workers = workers;
		worker->lanes = rte_zmalloc(NULL, 2 * sizeof(*worker->lanes), 64);
		worker->outboxes = rte_zmalloc(NULL, 2 * sizeof(*worker->outboxes), 64);
		worker->inboxes = rte_zmalloc(NULL, 2 * sizeof(*worker->inboxes), 64);
		worker->pipelines = &pipelines[i];
		pipelines[i].worker = worker;
		pipelines[i].transmit = &transmit;
	}
	batch_ring_init(ring, BACKLOG);
	workers[0]->outboxes[1] = ring;
	workers[1]->inboxes[workers[1]->inbox_count++] = ring;
	transmit.queue.send = swallow;
	rx_poll.pipeline = &pipelines[0];
	rx_poll.rss = rte_zmalloc(NULL, sizeof(*rx_poll.rss), 64);
	reta_fill_equal(&rx_poll.rss->reta, 128, 8);
	for (unsigned bucket = 0; bucket < rx_poll.rss->reta.size; bucket++)
		rx_poll.rss->routes[bucket] =
			(struct rss_route){.queue = rx_poll.rss->reta.queues[bucket], .worker = 1};
}

static int weir_consume(void *argument)
{
	uint64_t seen = 0;

	(void)argument;
	while (seen < TRANSFERS)
		seen += handoff_receive(workers[1], tsc_now());
	return 0;
}

static void weir_produce(void)
{
	struct burst burst;

	for (unsigned done = 0; done < TRANSFERS; done += BURST) {
		while (!handoff_has_room(workers[0]))
			rte_pause();
		burst.count = BURST;
		burst.rx_tsc = tsc_now();
		memcpy(burst.packets, &packets[done % PACKETS], BURST * sizeof(burst.packets[0]));
		handoff_spread(workers[0], &rx_poll, &burst, &hashes[done % PACKETS]);
	}
}

/* ---- rte_ring ---- */

static struct rte_ring *ring;

static int ring_consume(void *argument)
{
	void *burst[BURST];
	uint64_t seen = 0;

	(void)argument;
	while (seen < TRANSFERS)
		seen += rte_ring_sc_dequeue_burst(ring, burst, BURST, NULL);
	return 0;
}

static void ring_produce(void)
{
	for (unsigned done = 0; done < TRANSFERS;)
		done += rte_ring_sp_enqueue_bulk(
			ring, (void **)&packets[done % PACKETS], BURST, NULL);
}

/* ---- rte_distributor ---- */

static struct rte_distributor *distributor;

static uint64_t distributor_seen; /* writer: the consumer */
static bool distributor_stop; /* writer: the producer */

/* A request that found no packets stays open: the next round answers it. */
static int distributor_consume(void *argument)
{
	static bool requested;
	struct rte_mbuf *burst[8];
	int count;

	(void)argument;
	if (!requested)
		rte_distributor_request_pkt(distributor, 0, burst, 0);
	requested = true;
	while (!__atomic_load_n(&distributor_stop, __ATOMIC_ACQUIRE)) {
		count = rte_distributor_poll_pkt(distributor, 0, burst);
		if (count < 0)
			continue;
		__atomic_store_n(
			&distributor_seen, distributor_seen + (unsigned)count, __ATOMIC_RELEASE);
		rte_distributor_request_pkt(distributor, 0, burst, (unsigned)count);
	}
	return 0;
}

static void distributor_produce(void)
{
	struct rte_mbuf *returned[BURST * 4];
	uint64_t wanted = distributor_seen + TRANSFERS;

	for (unsigned done = 0; done < TRANSFERS; done += BURST) {
		rte_distributor_process(distributor, &packets[done % PACKETS], BURST);
		rte_distributor_returned_pkts(distributor, returned, RTE_DIM(returned));
	}
	while (__atomic_load_n(&distributor_seen, __ATOMIC_ACQUIRE) < wanted)
		rte_distributor_process(distributor, NULL, 0);
	__atomic_store_n(&distributor_stop, true, __ATOMIC_RELEASE);
	rte_eal_mp_wait_lcore();
	__atomic_store_n(&distributor_stop, false, __ATOMIC_RELEASE);
}

/* ---- measuring ---- */

struct contender {
	const char *name;
	int (*consume)(void *argument);
	void (*produce)(void);
	double cycles[ROUNDS];
};

static struct contender contenders[] = {
	{"weir hand-off", weir_consume, weir_produce, {0}},
	{"rte_ring SPSC, burst 32", ring_consume, ring_produce, {0}},
	{"rte_distributor, 1 worker", distributor_consume, distributor_produce, {0}},
};

static double measure(const struct contender *contender)
{
	uint64_t start;

	rte_eal_remote_launch(contender->consume, NULL, rte_get_next_lcore(-1, 1, 0));
	start = tsc_now();
	contender->produce();
	rte_eal_mp_wait_lcore();
	return (double)(tsc_now() - start) / TRANSFERS;
}

static int compare_doubles(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static void print_row(const struct contender *weir, const struct contender *peer, const char *goal,
	bool json, bool first)
{
	double ratio = peer->cycles[ROUNDS / 2] / weir->cycles[ROUNDS / 2];

	if (json)
		printf("%s{\"case\":\"hand-off to one core\",\"weir\":%.2f,\"weir_min\":%.2f,"
		       "\"weir_max\":%.2f,\"peer\":\"%s\",\"peer_value\":%.2f,\"ratio\":%.2f,"
		       "\"unit\":\"cycles/packet\",\"goal\":\"%s\"}",
			first ? "" : ",", weir->cycles[ROUNDS / 2], weir->cycles[0],
			weir->cycles[ROUNDS - 1], peer->name, peer->cycles[ROUNDS / 2], ratio,
			goal);
	else
		printf("%-22s %6.1f [%5.1f-%6.1f]  %-26s %6.1f [%5.1f-%6.1f] %5.2fx  %s\n",
			weir->name, weir->cycles[ROUNDS / 2], weir->cycles[0],
			weir->cycles[ROUNDS - 1], peer->name, peer->cycles[ROUNDS / 2],
			peer->cycles[0], peer->cycles[ROUNDS - 1], ratio, goal);
}

int main(int argc, char **argv)
{
	char *arguments[] = {argv[0], (char[]){"-l0,1"}, (char[]){"--no-huge"}, (char[]){"-m256"},
		(char[]){"--no-shconf"}, (char[]){"--no-pci"}, (char[]){"--no-telemetry"},
		(char[]){"--log-level=*:error"}};
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	struct rte_mbuf *memory;

	if (rte_eal_init(RTE_DIM(arguments), arguments) < 0 || rte_lcore_count() < 2) {
		fprintf(stderr, "bench_handoff: needs two cores and 256 MiB\n");
		return EXIT_FAILURE;
	}
	memory = rte_zmalloc(NULL, PACKETS * sizeof(*memory), 64);
	for (unsigned i = 0; i < PACKETS; i++) {
		packets[i] = &memory[i];
		packets[i]->pkt_len = 64;
		hashes[i] = (uint32_t)rand();
		packets[i]->hash.usr = hashes[i];
	}
	weir_setup();
	ring = rte_ring_create("bench", BACKLOG, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	distributor = rte_distributor_create("bench", SOCKET_ID_ANY, 1, RTE_DIST_ALG_BURST);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < RTE_DIM(contenders); i++)
			contenders[i].cycles[round] = measure(&contenders[i]);
	for (unsigned i = 0; i < RTE_DIM(contenders); i++)
		qsort(contenders[i].cycles, ROUNDS, sizeof(double), compare_doubles);
	printf("%s",
		json ? "{\"name\":\"handoff\",\"rows\":["
		     : "cycles a packet: median [min-max], burst 32\n");
	print_row(&contenders[0], &contenders[1], ">= 0.67x", json, true);
	print_row(&contenders[0], &contenders[2], ">= 3x", json, false);
	printf("%s", json ? "]}\n" : "");
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
