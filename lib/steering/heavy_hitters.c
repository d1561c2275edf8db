/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Space-Saving: a flow that is watched is counted; one that is not takes the place of the smallest
 * that is, and its count too, which is noted as the error. A chained index finds a flow's entry, a
 * binary heap the smallest: an entry that is counted sinks in it, big ones stand at its leaves and
 * do not move at all.
 *
 * An entry is read whole by another thread because its sequence number is odd while it changes, and
 * another one after. Its words are atomic and stored with release, read with acquire: who reads a
 * word that is being written also sees the odd number that was stored before it.
 */
#include "steering/heavy_hitters.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/parse.h"

enum { INDEX_BITS = 9, INDEX_SIZE = 1 << INDEX_BITS, NO_ENTRY = UINT16_MAX };
/* A writer is done within some nanoseconds, unless it has lost its CPU meanwhile. */
enum { READ_TRIES = 10000, READ_TRIES_BEFORE_YIELD = 100 };
enum { WORDS = sizeof(struct heavy_hitter) / sizeof(uint64_t) };

_Static_assert(sizeof(struct heavy_hitter) == WORDS * sizeof(uint64_t), "whole words");
_Static_assert((unsigned)HEAVY_HITTERS_MAX < (unsigned)NO_ENTRY, "entries have 16-bit numbers");

/* Writer: the worker. Readers: heavy_hitters_top() on any thread. */
struct entry {
	uint64_t sequence; /* odd: being written */
	struct heavy_hitter flow; /* packets 0: not in use yet */
} __attribute__((aligned(64)));

struct node {
	uint64_t packets;
	uint16_t entry;
};

struct heavy_hitters {
	struct entry entries[HEAVY_HITTERS_MAX];
	/* Of the worker alone from here on. */
	unsigned interval;
	unsigned count; /* entries in use */
	uint16_t index[INDEX_SIZE]; /* the first entry of a chain, or NO_ENTRY */
	uint16_t next[HEAVY_HITTERS_MAX]; /* of the same chain */
	uint16_t places[HEAVY_HITTERS_MAX]; /* where an entry stands in the heap */
	struct node heap[HEAVY_HITTERS_MAX]; /* fewest packets first */
};

size_t heavy_hitters_bytes(void)
{
	return sizeof(struct heavy_hitters);
}

struct heavy_hitters *heavy_hitters_init(void *memory, unsigned interval)
{
	struct heavy_hitters *hitters = memory;

	memset(hitters, 0, sizeof(*hitters));
	memset(hitters->index, 0xff, sizeof(hitters->index));
	hitters->interval = interval;
	return hitters;
}

/* Lower bits of the hash have chosen the worker: all flows here may have them in common. */
static inline uint16_t *chain_of(struct heavy_hitters *hitters, uint32_t hash)
{
	return &hitters->index[hash * 0x9e3779b1u >> (32 - INDEX_BITS)];
}

static inline unsigned find(struct heavy_hitters *hitters, uint32_t hash)
{
	unsigned entry = *chain_of(hitters, hash);

	while (entry != NO_ENTRY && hitters->entries[entry].flow.hash != hash)
		entry = hitters->next[entry];
	return entry;
}

static void chain_remove(struct heavy_hitters *hitters, unsigned entry)
{
	uint16_t *link = chain_of(hitters, hitters->entries[entry].flow.hash);

	while (*link != entry)
		link = &hitters->next[*link];
	*link = hitters->next[entry];
}

static void chain_add(struct heavy_hitters *hitters, unsigned entry)
{
	uint16_t *link = chain_of(hitters, hitters->entries[entry].flow.hash);

	hitters->next[entry] = *link;
	*link = (uint16_t)entry;
}

static inline void heap_put(struct heavy_hitters *hitters, unsigned place, struct node node)
{
	hitters->heap[place] = node;
	hitters->places[node.entry] = (uint16_t)place;
}

/* The node at `place` now has more packets. */
static void heap_sink(struct heavy_hitters *hitters, unsigned place, uint64_t packets)
{
	const struct node node = {.packets = packets, .entry = hitters->heap[place].entry};

	for (;;) {
		unsigned child = 2 * place + 1;

		if (child + 1 < hitters->count &&
			hitters->heap[child + 1].packets < hitters->heap[child].packets)
			child++;
		if (child >= hitters->count || hitters->heap[child].packets >= packets)
			break;
		heap_put(hitters, place, hitters->heap[child]);
		place = child;
	}
	heap_put(hitters, place, node);
}

/* A new entry has one interval of packets, and no other has fewer. */
static unsigned heap_add(struct heavy_hitters *hitters)
{
	unsigned place = hitters->count++, entry = place;
	const struct node node = {.packets = hitters->interval, .entry = (uint16_t)entry};

	while (place > 0) {
		unsigned parent = (place - 1) / 2;

		if (hitters->heap[parent].packets <= node.packets)
			break;
		heap_put(hitters, place, hitters->heap[parent]);
		place = parent;
	}
	heap_put(hitters, place, node);
	return entry;
}

static inline void write_begin(struct entry *entry)
{
	__atomic_store_n(&entry->sequence, entry->sequence + 1, __ATOMIC_RELAXED);
}

static inline void write_end(struct entry *entry)
{
	__atomic_store_n(&entry->sequence, entry->sequence + 1, __ATOMIC_RELEASE);
}

static void write_whole(struct entry *entry, const struct heavy_hitter *flow)
{
	const uint64_t *from = (const uint64_t *)flow;
	uint64_t *to = (uint64_t *)&entry->flow;

	write_begin(entry);
	for (unsigned i = 0; i < WORDS; i++)
		__atomic_store_n(&to[i], from[i], __ATOMIC_RELEASE);
	write_end(entry);
}

static void read_tuple(const uint8_t *frame, uint32_t length, struct tuple *ret_tuple)
{
	struct headers headers;
	const uint8_t *addresses;
	unsigned address_bytes;

	parse_headers(frame, length, &headers);
	if (headers.l3_length == 0)
		return;
	ret_tuple->ipv6 = frame[headers.l3_offset] >> 4 == 6;
	addresses = frame + headers.l3_offset + (ret_tuple->ipv6 ? 8 : 12);
	address_bytes = ret_tuple->ipv6 ? 16 : 4;
	memcpy(ret_tuple->source, addresses, address_bytes);
	memcpy(ret_tuple->destination, addresses + address_bytes, address_bytes);
	ret_tuple->protocol = headers.ip_protocol;
	/* Set before it is asked: tuple_hashes_ports() says whether the protocol has any. */
	ret_tuple->has_ports = headers.l4_offset != 0;
	ret_tuple->has_ports = tuple_hashes_ports(ret_tuple);
	if (!ret_tuple->has_ports)
		return;
	ret_tuple->source_port = load_be16(frame + headers.l4_offset);
	ret_tuple->destination_port = load_be16(frame + headers.l4_offset + 2);
}

/* Bytes of the flow whose place it takes are not taken over: they would say nothing. */
static __attribute__((noinline)) void enter(struct heavy_hitters *hitters, uint32_t hash,
	uint32_t packet_bytes, const uint8_t *frame, uint32_t length)
{
	struct heavy_hitter flow;
	unsigned entry;

	memset(&flow, 0, sizeof(flow)); /* padding is copied too */
	flow.hash = hash;
	flow.packets = hitters->interval;
	flow.bytes = (uint64_t)packet_bytes * hitters->interval;
	read_tuple(frame, length, &flow.tuple);
	if (hitters->count < HEAVY_HITTERS_MAX) {
		entry = heap_add(hitters);
	} else {
		entry = hitters->heap[0].entry;
		flow.error = hitters->heap[0].packets;
		flow.packets += flow.error;
		chain_remove(hitters, entry);
		heap_sink(hitters, 0, flow.packets);
	}
	write_whole(&hitters->entries[entry], &flow);
	chain_add(hitters, entry);
}

void heavy_hitters_note(struct heavy_hitters *hitters, uint32_t hash, uint32_t packet_bytes,
	const uint8_t *frame, uint32_t length)
{
	const unsigned number = find(hitters, hash);
	struct entry *entry = &hitters->entries[number % HEAVY_HITTERS_MAX];
	uint64_t packets, bytes;

	if (number == NO_ENTRY) {
		enter(hitters, hash, packet_bytes, frame, length);
		return;
	}
	packets = entry->flow.packets + hitters->interval;
	bytes = entry->flow.bytes + (uint64_t)packet_bytes * hitters->interval;
	write_begin(entry);
	__atomic_store_n(&entry->flow.packets, packets, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->flow.bytes, bytes, __ATOMIC_RELEASE);
	write_end(entry);
	heap_sink(hitters, hitters->places[number], packets);
}

/* false: its writer lost its CPU while writing and does not come back. */
static bool read_whole(const struct entry *entry, struct heavy_hitter *ret_flow)
{
	const uint64_t *from = (const uint64_t *)&entry->flow;
	uint64_t *to = (uint64_t *)ret_flow;

	for (unsigned try = 1; try <= READ_TRIES; try++) {
		uint64_t sequence = __atomic_load_n(&entry->sequence, __ATOMIC_ACQUIRE);

		for (unsigned i = 0; i < WORDS; i++)
			to[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
		if (sequence % 2 == 0 &&
			__atomic_load_n(&entry->sequence, __ATOMIC_RELAXED) == sequence)
			return true;
		if (try % READ_TRIES_BEFORE_YIELD == 0)
			sched_yield();
	}
	return false;
}

/* More packets first; of equal ones the more certain. */
static int compare(const void *left, const void *right)
{
	const struct heavy_hitter *a = left, *b = right;

	if (a->packets != b->packets)
		return a->packets < b->packets ? 1 : -1;
	if (a->error != b->error)
		return a->error > b->error ? 1 : -1;
	return (a->hash > b->hash) - (a->hash < b->hash);
}

/* A flow that lost its entry and got another one meanwhile was read twice: the later one counts. */
static unsigned add_flow(
	struct heavy_hitter flows[], unsigned count, const struct heavy_hitter *flow)
{
	for (unsigned i = 0; i < count; i++) {
		if (flows[i].hash == flow->hash) {
			if (flows[i].packets < flow->packets)
				flows[i] = *flow;
			return count;
		}
	}
	flows[count] = *flow;
	return count + 1;
}

static unsigned read_all(const struct heavy_hitters *hitters, struct heavy_hitter ret_flows[])
{
	struct heavy_hitter flow;
	unsigned count = 0;

	for (unsigned i = 0; i < HEAVY_HITTERS_MAX; i++)
		if (read_whole(&hitters->entries[i], &flow) && flow.packets > 0)
			count = add_flow(ret_flows, count, &flow);
	return count;
}

unsigned heavy_hitters_top(
	const struct heavy_hitters *hitters, struct heavy_hitter ret_top[], unsigned max)
{
	struct heavy_hitter flows[HEAVY_HITTERS_MAX];
	unsigned count = read_all(hitters, flows);

	qsort(flows, count, sizeof(flows[0]), compare);
	if (count > max)
		count = max;
	memcpy(ret_top, flows, count * sizeof(flows[0]));
	return count;
}
