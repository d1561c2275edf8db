/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of any length from one thread to another, lock-free: copies of captured packets. A record
 * lies in one piece, behind a word with its length, at a multiple of eight bytes:
 *
 *     | length | record ... | length | record ... | SKIP | to the end
 *
 * The producer reserves, fills and stages records, and publishes those it wants the other to see:
 * what was copied before a packet was sent can be taken back when it was not. When there is no room
 * the record is not made; nobody waits.
 *
 * Each side works on its own cache lines and keeps a stale copy of the other's progress; it looks
 * at the other's only when the copy says full or empty. Positions count bytes and never wrap.
 *
 * Threads: one producer, one consumer. No EAL.
 */
#ifndef WEIR_RING_BYTE_RING_H
#define WEIR_RING_BYTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BYTE_RING_WORD = sizeof(uint64_t) };
#define BYTE_RING_SKIP UINT64_MAX /* instead of a length: the next record is at the start */

struct byte_ring {
	uint64_t size; /* bytes, a power of two; fixed */
	struct { /* the producer's */
		uint64_t staged, published;
		uint64_t other; /* the consumer's progress when last looked */
	} producer __attribute__((aligned(64)));
	/* Writer: the producer. Reader: the consumer. */
	uint64_t published __attribute__((aligned(64)));
	struct { /* the consumer's */
		uint64_t taken;
		uint64_t other;
	} consumer __attribute__((aligned(64)));
	/* Writer: the consumer. Reader: the producer. */
	uint64_t released __attribute__((aligned(64)));
	uint8_t bytes[] __attribute__((aligned(64)));
};

/* `size` is a power of two, at least 64. NULL: out of memory. */
struct byte_ring *byte_ring_create(uint64_t size);
struct byte_ring *byte_ring_destroy(struct byte_ring *ring); /* takes NULL, returns NULL */

/* Half the ring is room for a record of any such length, once it is empty. */
static inline uint64_t byte_ring_longest(const struct byte_ring *ring)
{
	return ring->size / 2 - BYTE_RING_WORD;
}

static inline uint64_t byte_ring_span(uint64_t length)
{
	return BYTE_RING_WORD + ((length + BYTE_RING_WORD - 1) & ~(uint64_t)(BYTE_RING_WORD - 1));
}

static inline uint64_t *byte_ring_word(struct byte_ring *ring, uint64_t position)
{
	return (uint64_t *)(void *)&ring->bytes[position & (ring->size - 1)];
}

/* Producer: room for a record of up to `length` bytes, at a multiple of eight; NULL: there is none
 * now. */
static inline void *byte_ring_reserve(struct byte_ring *ring, uint64_t length)
{
	uint64_t span = byte_ring_span(length);
	uint64_t to_end = ring->size - (ring->producer.staged & (ring->size - 1));
	uint64_t skip = span > to_end ? to_end : 0;
	uint64_t end = ring->producer.staged + skip + span;

	if (end - ring->producer.other > ring->size) {
		ring->producer.other = __atomic_load_n(&ring->released, __ATOMIC_ACQUIRE);
		if (end - ring->producer.other > ring->size)
			return NULL;
	}
	if (skip > 0) {
		*byte_ring_word(ring, ring->producer.staged) = BYTE_RING_SKIP;
		ring->producer.staged += skip;
	}
	return byte_ring_word(ring, ring->producer.staged) + 1;
}

/* Producer: the reserved record is made, `length` bytes of it. Returns the position behind it. */
static inline uint64_t byte_ring_stage(struct byte_ring *ring, uint64_t length)
{
	*byte_ring_word(ring, ring->producer.staged) = length;
	ring->producer.staged += byte_ring_span(length);
	return ring->producer.staged;
}

/* Producer: where the last published record ends. */
static inline uint64_t byte_ring_position(const struct byte_ring *ring)
{
	return ring->producer.published;
}

/* Producer: shows the staged records up to `position`, and takes back those behind it. */
static inline void byte_ring_publish(struct byte_ring *ring, uint64_t position)
{
	ring->producer.staged = ring->producer.published = position;
	__atomic_store_n(&ring->published, position, __ATOMIC_RELEASE);
}

/* Consumer: the oldest record, at a multiple of eight; NULL: none. */
static inline const void *byte_ring_peek(struct byte_ring *ring, uint64_t *ret_length)
{
	for (;;) {
		uint64_t taken = ring->consumer.taken;

		if (taken == ring->consumer.other) {
			ring->consumer.other = __atomic_load_n(&ring->published, __ATOMIC_ACQUIRE);
			if (taken == ring->consumer.other)
				return NULL;
		}
		*ret_length = *byte_ring_word(ring, taken);
		if (*ret_length != BYTE_RING_SKIP)
			return byte_ring_word(ring, taken) + 1;
		ring->consumer.taken += ring->size - (taken & (ring->size - 1));
	}
}

/* Consumer: is done with the record that byte_ring_peek() showed. */
static inline void byte_ring_take(struct byte_ring *ring)
{
	ring->consumer.taken += byte_ring_span(*byte_ring_word(ring, ring->consumer.taken));
}

/* Consumer: gives the room of all taken records back. */
static inline void byte_ring_release(struct byte_ring *ring)
{
	__atomic_store_n(&ring->released, ring->consumer.taken, __ATOMIC_RELEASE);
}

#endif
