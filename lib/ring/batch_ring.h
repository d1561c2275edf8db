/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-off between two workers: a lock-free ring with one producer and one consumer that carries
 * batches. A batch is a header word and a note, then its items:
 *
 *     | header | note | item | item | item | to the next line | header | note | item | ...
 *
 * Both belong to the caller but for the header's low byte, the number of items (1..255). Carrying
 * batches instead of single items lets what is true of all packets of a burst (when it was
 * received, which pipeline it is for, how many bytes they are) cross once, and needs no look at the
 * packets, which lie in the other's cache.
 *
 * Each side works on its own cache line and keeps a stale copy of the other's progress; it looks at
 * the other's line only when the copy says full or empty. A batch starts a cache line of its own.
 * The limit is in items, so that it means what the kernel's netdev_max_backlog means; there are
 * words for as many batches of one item.
 *
 * `pushed` and `popped` count items since the start and never wrap (2^64). An item is popped when
 * its room is given back, and drained when nothing of it is left with the consumer: "all items
 * pushed before this moment are through" is drained >= pushed-as-it-was, the test that RFS needs.
 *
 * Threads: one producer, one consumer. No EAL. Source: the cached-index idea is from Lee et al.,
 * "A lock-free, cache-efficient multi-core synchronization mechanism" (2009); the layout is our
 * own.
 */
#ifndef WEIR_RING_BATCH_RING_H
#define WEIR_RING_BATCH_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BATCH_RING_COUNT_BITS = 8, BATCH_RING_COUNT_MASK = 0xff };
enum { BATCH_RING_LINE_WORDS = 8, BATCH_RING_HEAD_WORDS = 2 };

/* How far one side has come, as it tells the other. Writer: that side. Reader: the other. */
struct batch_ring_progress {
	uint64_t words;
	uint64_t items;
	uint64_t drained; /* consumer: items that are done with for good; <= items */
} __attribute__((aligned(64)));

/* What one side keeps for itself. Writer and reader: that side. */
struct batch_ring_side {
	uint64_t words; /* own position */
	uint64_t items;
	uint64_t other_words; /* the other's progress when last looked */
	uint64_t other_items;
} __attribute__((aligned(64)));

struct batch_ring {
	uint64_t mask; /* words - 1; fixed */
	uint64_t limit; /* items; the producer may change it, up to what the ring was made for */
	struct batch_ring_side producer;
	struct batch_ring_progress pushed;
	struct batch_ring_side consumer;
	struct batch_ring_progress popped;
	uint64_t words[] __attribute__((aligned(64)));
};

/* Words a batch takes: whole cache lines, so that the producer never writes the line that the
 * consumer is reading. */
static inline uint64_t batch_ring_span(unsigned count)
{
	return (BATCH_RING_HEAD_WORDS + count + BATCH_RING_LINE_WORDS - 1) &
		~(uint64_t)(BATCH_RING_LINE_WORDS - 1);
}

/* Bytes a ring for `limit` items takes; give batch_ring_init() memory of that size, 64-aligned. */
size_t batch_ring_bytes(uint32_t limit);
void batch_ring_init(struct batch_ring *ring, uint32_t limit);

/* More may wait than the limit allows when it was lowered. */
static inline uint64_t batch_ring_left(const struct batch_ring *ring)
{
	uint64_t waiting = ring->producer.items - ring->producer.other_items;

	return ring->limit > waiting ? ring->limit - waiting : 0;
}

/* Producer: items that may be pushed now. Looks at the consumer's progress only if the stale copy
 * has less than `wanted`. */
static inline uint64_t batch_ring_room(struct batch_ring *ring, uint64_t wanted)
{
	uint64_t room = batch_ring_left(ring);

	if (room >= wanted)
		return room;
	ring->producer.other_items = __atomic_load_n(&ring->popped.items, __ATOMIC_ACQUIRE);
	return batch_ring_left(ring);
}

/* Producer: pushes the first items that fit as one batch. `header`'s low byte must be 0.
 * Returns how many were pushed (0..count, count <= 255). */
static inline unsigned batch_ring_push(
	struct batch_ring *ring, uint64_t header, uint64_t note, void *const *items, unsigned count)
{
	struct batch_ring_side *own = &ring->producer;
	uint64_t room = batch_ring_room(ring, count);
	uint64_t position = own->words;
	uint64_t start;

	if (room < count)
		count = (unsigned)room;
	if (count == 0)
		return 0;
	ring->words[position & ring->mask] = header | count;
	ring->words[(position & ring->mask) + 1] = note;
	start = (position + BATCH_RING_HEAD_WORDS) & ring->mask;
	if (start + count <= ring->mask + 1) {
		memcpy(&ring->words[start], items, count * sizeof(*items));
	} else {
		unsigned first = (unsigned)(ring->mask + 1 - start);

		memcpy(&ring->words[start], items, first * sizeof(*items));
		memcpy(&ring->words[0], items + first, (count - first) * sizeof(*items));
	}
	own->words = position + batch_ring_span(count);
	own->items += count;
	__atomic_store_n(&ring->pushed.items, own->items, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->pushed.words, own->words, __ATOMIC_RELEASE);
	return count;
}

/* Producer: as batch_ring_push(), for a caller that knows there is room; an empty batch is one too.
 * It takes as many words as one with one item. */
static inline void batch_ring_push_always(
	struct batch_ring *ring, uint64_t header, uint64_t note, void *const *items, unsigned count)
{
	struct batch_ring_side *own = &ring->producer;

	if (count > 0) {
		batch_ring_push(ring, header, note, items, count);
		return;
	}
	ring->words[own->words & ring->mask] = header;
	ring->words[(own->words & ring->mask) + 1] = note;
	own->words += batch_ring_span(0);
	__atomic_store_n(&ring->pushed.words, own->words, __ATOMIC_RELEASE);
}

/* Producer: where to put up to `count` items of the next batch, side by side, before
 * batch_ring_commit(); NULL when the ring has no such place now (full, or it would wrap around). */
static inline void **batch_ring_reserve(struct batch_ring *ring, unsigned count)
{
	uint64_t start = (ring->producer.words + BATCH_RING_HEAD_WORDS) & ring->mask;

	if (start + count > ring->mask + 1 || batch_ring_room(ring, count) < count)
		return NULL;
	return (void **)&ring->words[start];
}

/* Producer: gives the first `count` reserved items away as one batch; 0: none, nothing happened. */
static inline void batch_ring_commit(
	struct batch_ring *ring, uint64_t header, uint64_t note, unsigned count)
{
	struct batch_ring_side *own = &ring->producer;

	if (count == 0)
		return;
	ring->words[own->words & ring->mask] = header | count;
	ring->words[(own->words & ring->mask) + 1] = note;
	own->words += batch_ring_span(count);
	own->items += count;
	__atomic_store_n(&ring->pushed.items, own->items, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->pushed.words, own->words, __ATOMIC_RELEASE);
}

/* Consumer: true and the header of the oldest batch, or false when there is none. */
static inline bool batch_ring_peek(struct batch_ring *ring, uint64_t *ret_header)
{
	struct batch_ring_side *own = &ring->consumer;

	if (own->words == own->other_words) {
		own->other_words = __atomic_load_n(&ring->pushed.words, __ATOMIC_ACQUIRE);
		if (own->words == own->other_words)
			return false;
	}
	*ret_header = ring->words[own->words & ring->mask];
	return true;
}

/* Consumer: the note of the batch that batch_ring_peek() showed. */
static inline uint64_t batch_ring_note(const struct batch_ring *ring)
{
	return ring->words[(ring->consumer.words & ring->mask) + 1];
}

/* Consumer: copies the items of the batch that batch_ring_peek() showed. The producer may not use
 * the room again before batch_ring_release(). */
static inline void batch_ring_take(struct batch_ring *ring, uint64_t header, void **items)
{
	struct batch_ring_side *own = &ring->consumer;
	unsigned count = header & BATCH_RING_COUNT_MASK;
	uint64_t start = (own->words + BATCH_RING_HEAD_WORDS) & ring->mask;

	if (start + count <= ring->mask + 1) {
		memcpy(items, &ring->words[start], count * sizeof(*items));
	} else {
		unsigned first = (unsigned)(ring->mask + 1 - start);

		memcpy(items, &ring->words[start], first * sizeof(*items));
		memcpy(items + first, &ring->words[0], (count - first) * sizeof(*items));
	}
	own->words += batch_ring_span(count);
	own->items += count;
}

/* Consumer: gives the room of all taken batches back. */
static inline void batch_ring_release(struct batch_ring *ring)
{
	__atomic_store_n(&ring->popped.items, ring->consumer.items, __ATOMIC_RELEASE);
}

/* Consumer: says that the first `items` items are done with. */
static inline void batch_ring_drain(struct batch_ring *ring, uint64_t items)
{
	__atomic_store_n(&ring->popped.drained, items, __ATOMIC_RELEASE);
}

/* Consumer: items waiting now, those it took but did not release not counted. */
static inline uint64_t batch_ring_waiting(const struct batch_ring *ring)
{
	return __atomic_load_n(&ring->pushed.items, __ATOMIC_RELAXED) - ring->consumer.items;
}

#endif
