/* SPDX-License-Identifier: BSD-3-Clause */
#include "tap_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

static uint16_t fake_receive(void *argument, struct rte_mbuf **packets, uint16_t count)
{
	struct burst *waiting = argument;
	uint16_t given = waiting->count;

	assert_in_range(count, given, BURST_SIZE);
	memcpy(packets, waiting->packets, given * sizeof(*packets));
	waiting->count = 0;
	return given;
}

struct tap_fixture *tap_fixture_create(void)
{
	struct tap_fixture *taps = calloc(1, sizeof(*taps));

	assert_non_null(taps);
	taps->fixture = fixture_create(64);
	taps->engine = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*taps->engine), 64));
	assert_non_null(taps->engine);
	memset(taps->engine, 0, sizeof(*taps->engine));
	taps->engine->config = &taps->config;
	taps->engine->tsc_hz = rte_get_tsc_hz();
	taps->engine->port_count = 1;
	taps->engine->worker_count = TAP_WORKERS;
	for (unsigned w = 0; w < TAP_WORKERS; w++) {
		taps->engine->workers[w] = taps->fixture->workers[w];
		taps->engine->workers[w]->engine = taps->engine;
		taps->fixture->workers[w]->transmits[0].queue_index = (uint16_t)w;
		taps->tx_queues[w] = taps->fixture->workers[w]->transmits[0].queue;
	}
	taps->engine->tx_queues[0] = taps->tx_queues;
	taps->engine->tx_counters[0] = taps->tx_counters;
	taps->engine->ports[0].tx_queue_count = TAP_WORKERS;
	taps->fixture->workers[0]->polls = taps->polls;
	taps->fixture->workers[0]->poll_count = TAP_RX;
	for (unsigned i = 0; i < TAP_RX; i++)
		taps->polls[i].queue =
			(struct rx_queue){.receive = fake_receive, .argument = &taps->waiting};
	return taps;
}

void tap_fixture_destroy(struct tap_fixture *taps)
{
	verify_destroy(taps->engine->verify);
	order_destroy(taps->engine->order);
	free(taps->engine);
	fixture_destroy(taps->fixture);
	free(taps);
}

struct rte_mbuf *packet_of_flow(unsigned flow, unsigned number)
{
	static const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 186,
		0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	struct rte_mbuf *packet = rte_pktmbuf_alloc(test_pool);
	uint8_t *bytes;

	assert_non_null(packet);
	assert_non_null(rte_pktmbuf_append(packet, TAP_FRAME_BYTES));
	bytes = rte_pktmbuf_mtod(packet, uint8_t *);
	memset(bytes, 0, TAP_FRAME_BYTES);
	memcpy(bytes, start, sizeof(start));
	bytes[28] = (uint8_t)(flow >> 16);
	bytes[34] = (uint8_t)(flow >> 8);
	bytes[35] = (uint8_t)flow;
	bytes[37] = 9;
	bytes[39] = 166;
	bytes[50] = (uint8_t)number;
	return packet;
}

void come_packets(
	struct tap_fixture *taps, unsigned queue, struct rte_mbuf **packets, unsigned count)
{
	struct rx_queue *rx = &taps->polls[queue].queue;
	struct rte_mbuf *received[BURST_SIZE];

	memcpy(taps->waiting.packets, packets, count * sizeof(*packets));
	taps->waiting.count = (uint16_t)count;
	assert_int_equal(rx->receive(rx->argument, received, BURST_SIZE), count);
	assert_memory_equal(received, packets, count * sizeof(*packets));
}

void come(struct tap_fixture *taps, unsigned queue, unsigned flows, unsigned count)
{
	assert_in_range(taps->count + count, count, TAP_PACKETS_MAX);
	for (unsigned i = 0; i < count; i++)
		taps->packets[taps->count + i] = packet_of_flow(i % flows, taps->count + i);
	come_packets(taps, queue, &taps->packets[taps->count], count);
	taps->count += count;
}

uint16_t leave(struct tap_fixture *taps, unsigned worker, struct rte_mbuf **packets, unsigned count)
{
	struct tx_queue *tx = &taps->engine->workers[worker]->transmits[0].queue;

	return tx->send(tx->argument, packets, (uint16_t)count);
}

void swap(struct tap_fixture *taps, unsigned one, unsigned other)
{
	struct rte_mbuf *packet = taps->packets[one];

	taps->packets[one] = taps->packets[other];
	taps->packets[other] = packet;
}
