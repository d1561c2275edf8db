/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/order_table.h"
#include "engine/order_worst.h"
#include "engine/tap.h"

/* A packet's stamp: which tap received it, its flow's slot there, its number in the flow. */
enum { NUMBER_BITS = 32, SLOT_BITS = 18, TAPS_MAX = 1 << 14 };
_Static_assert(ORDER_FLOWS_MAX == 1 << SLOT_BITS, "a slot for each flow");
static const uint64_t UNKNOWN = UINT64_MAX, UNTRACKED = UINT64_MAX - 1;

/* Writer of each tap: the worker of its queue. Readers of the counters: any. */
struct order_rx {
	struct rx_queue queue;
	struct tap_stamp stamp;
	uint64_t source; /* which tap: the top bits of stamps */
	struct order_table table;
	uint64_t received, untracked;
} __attribute__((aligned(64)));

struct order_tx {
	struct tx_queue queue;
	struct tap_stamp stamp;
	const struct order_rx *sources;
	uint64_t checked, reordered, duplicated, untracked, unknown;
} __attribute__((aligned(64)));

struct order {
	struct tap_stamp stamp;
	unsigned rx_count, tx_count;
	struct order_rx *rx;
	struct order_tx *tx;
};

static inline void count(uint64_t *counter, uint64_t packets)
{
	__atomic_store_n(counter, *counter + packets, __ATOMIC_RELAXED);
}

static inline uint64_t counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* ---- packets come ---- */

static void stamp_packet(
	struct order_rx *tap, struct rte_mbuf *packet, uint64_t hash, const struct flow_key *key)
{
	struct order_entry *entry = order_table_find(&tap->table, hash, key);
	uint32_t number;

	if (unlikely(entry == NULL)) {
		count(&tap->untracked, 1);
		tap_stamp_set(&tap->stamp, packet, UNTRACKED);
		return;
	}
	number = entry->sent;
	__atomic_store_n(&entry->sent, number + 1, __ATOMIC_RELAXED);
	tap_stamp_set(&tap->stamp, packet,
		(tap->source << SLOT_BITS | entry->slot) << NUMBER_BITS | number);
}

static uint16_t order_receive(void *argument, struct rte_mbuf **packets, uint16_t room)
{
	struct order_rx *tap = argument;
	struct flow_key keys[BURST_SIZE];
	uint64_t hashes[BURST_SIZE];
	uint16_t received;

	received = rx_queue_receive(&tap->queue, packets, RTE_MIN(room, BURST_SIZE));
	for (uint16_t i = 0; i < received; i++) {
		tap_flow_key(packets[i], &keys[i]);
		hashes[i] = flow_key_hash(&keys[i]);
		order_table_prefetch(&tap->table, hashes[i]);
	}
	for (uint16_t i = 0; i < received; i++)
		stamp_packet(tap, packets[i], hashes[i], &keys[i]);
	count(&tap->received, received);
	return received;
}

/* ---- packets leave ---- */

static inline struct order_flow *stamp_flow(const struct order_tx *tap, uint64_t stamp)
{
	uint32_t slot = stamp >> NUMBER_BITS & (ORDER_FLOWS_MAX - 1);

	return &tap->sources[stamp >> (NUMBER_BITS + SLOT_BITS)].table.flows[slot];
}

static void judge(struct order_tx *tap, uint64_t stamp)
{
	struct order_flow *flow;
	enum order_verdict verdict;

	if (unlikely(stamp >= UNTRACKED)) {
		count(stamp == UNKNOWN ? &tap->unknown : &tap->untracked, 1);
		return;
	}
	flow = stamp_flow(tap, stamp);
	order_flow_lock(flow);
	verdict = order_flow_arrive(flow, (uint32_t)stamp);
	order_flow_unlock(flow);
	count(&tap->checked, 1);
	if (unlikely(verdict != ORDER_KEPT))
		count(verdict == ORDER_REORDERED ? &tap->reordered : &tap->duplicated, 1);
}

/* Judged are those that the queue took, after it did: then the packets are no longer ours to read,
 * so stamps are read before. A worker to which the flow moves meanwhile cannot come in between: it
 * waits until this call is over, or there is the fault that is looked for. */
static uint16_t order_send(void *argument, struct rte_mbuf **packets, uint16_t waiting)
{
	struct order_tx *tap = argument;
	uint64_t stamps[BURST_SIZE];
	uint16_t sent;

	waiting = RTE_MIN(waiting, BURST_SIZE);
	for (uint16_t i = 0; i < waiting; i++) {
		stamps[i] = tap_stamp_get(&tap->stamp, packets[i], UNKNOWN);
		if (stamps[i] < UNTRACKED)
			rte_prefetch0(stamp_flow(tap, stamps[i]));
	}
	sent = tx_queue_send(&tap->queue, packets, waiting);
	for (uint16_t i = 0; i < sent && i < waiting; i++)
		judge(tap, stamps[i]);
	return sent;
}

/* ---- on and off ---- */

static void tap_rx(void *argument, struct rx_queue *queue)
{
	struct order *order = argument;
	struct order_rx *tap = &order->rx[order->rx_count];

	tap->source = order->rx_count++;
	tap->stamp = order->stamp;
	tap->queue = *queue;
	*queue = (struct rx_queue){.receive = order_receive, .argument = tap};
}

static void tap_tx(void *argument, struct tx_queue *queue)
{
	struct order *order = argument;
	struct order_tx *tap = &order->tx[order->tx_count++];

	tap->stamp = order->stamp;
	tap->sources = order->rx;
	tap->queue = *queue;
	*queue = (struct tx_queue){.send = order_send, .argument = tap};
}

static void *taps_create(unsigned taps, size_t tap_bytes)
{
	void *memory = aligned_alloc(64, (taps > 0 ? taps : 1) * tap_bytes);

	if (memory != NULL)
		memset(memory, 0, (taps > 0 ? taps : 1) * tap_bytes);
	return memory;
}

static int order_create(const struct engine *engine, struct order **ret_order)
{
	struct order *order = calloc(1, sizeof(*order));
	unsigned rx_count = engine_rx_count(engine);

	if (order == NULL)
		return -ENOMEM;
	order->rx = taps_create(rx_count, sizeof(*order->rx));
	order->tx = taps_create(engine_tx_count(engine), sizeof(*order->tx));
	*ret_order = order;
	if (order->rx == NULL || order->tx == NULL || rx_count >= TAPS_MAX)
		return -ENOMEM;
	for (unsigned i = 0; i < rx_count; i++) {
		if (order_table_init(&order->rx[i].table, ORDER_FLOWS_MAX) != 0)
			return -ENOMEM;
		order->rx_count = i + 1;
	}
	return 0;
}

int engine_order_on(struct engine *engine, struct error *error)
{
	struct order *order = NULL;

	if (order_create(engine, &order) != 0) {
		order_destroy(order);
		return error_set(error, ENOMEM, "no memory to watch the order of flows");
	}
	if (tap_stamp_register("weir_order", &order->stamp, error) != 0) {
		order_destroy(order);
		return -ENOMEM;
	}
	order->rx_count = 0;
	tap_queues(engine, tap_rx, tap_tx, order);
	engine->order = order;
	return 0;
}

void order_destroy(struct order *order)
{
	if (order == NULL)
		return;
	for (unsigned i = 0; i < order->rx_count; i++)
		order_table_fini(&order->rx[i].table);
	free(order->rx);
	free(order->tx);
	free(order);
}

/* ---- the result ---- */

/* Departures first: what leaves meanwhile is then on the way, never more than came. */
static uint64_t sum_departures(const struct order *order, struct order_result *result)
{
	uint64_t untracked = 0;

	for (unsigned i = 0; i < order->tx_count; i++) {
		const struct order_tx *tap = &order->tx[i];

		result->duplicated += counted(&tap->duplicated);
		result->reordered += counted(&tap->reordered);
		result->checked += counted(&tap->checked);
		result->unknown += counted(&tap->unknown);
		untracked += counted(&tap->untracked);
	}
	return result->checked - result->duplicated + untracked;
}

static void look_for_worst(const struct order *order, struct order_result *result)
{
	for (unsigned i = 0; i < order->rx_count; i++) {
		const struct order_table *table = &order->rx[i].table;
		uint32_t used = __atomic_load_n(&table->used, __ATOMIC_ACQUIRE);

		for (uint32_t slot = 0; slot < used; slot++)
			order_worst_offer(result, table, slot);
	}
}

bool engine_order_result(const struct engine *engine, struct order_result *result)
{
	const struct order *order = engine->order;
	struct engine_account account;
	uint64_t left;

	memset(result, 0, sizeof(*result));
	if (order == NULL)
		return false;
	result->exact = engine_phase(engine) == PHASE_PARKED;
	left = sum_departures(order, result);
	for (unsigned i = 0; i < order->rx_count; i++) {
		result->received += counted(&order->rx[i].received);
		result->untracked += counted(&order->rx[i].untracked);
		result->flows += __atomic_load_n(&order->rx[i].table.used, __ATOMIC_RELAXED);
	}
	/* Copies of untracked packets are not told from them. */
	result->lost = result->received > left ? result->received - left : 0;
	if (result->checked > result->duplicated)
		result->reordered_ratio =
			(double)result->reordered / (double)(result->checked - result->duplicated);
	engine_account(engine, &account);
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		result->dropped += account.drops[r];
	result->good = result->reordered == 0 && result->duplicated == 0 &&
		(!result->exact || result->lost <= result->dropped);
	if (result->reordered + result->duplicated > 0 || (result->exact && result->lost > 0))
		look_for_worst(order, result);
	return true;
}
