/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a transfer that are short and hot: used by transfer.c, and by libweir for small
 * messages without the detour over a verbs_transfer. What is read from the other end's memory is
 * read once, and checked where a lie could lead out of bounds.
 */
#ifndef WEIR_VERBS_TRANSFER_PARTS_H
#define WEIR_VERBS_TRANSFER_PARTS_H

#include <string.h>

#include "base/prefetch.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

/* What a request or the other end has wrong about memory. A benchmark is built with
 * VERBS_UNCHECKED, to see what looking costs; nothing else is. */
#ifdef VERBS_UNCHECKED
#define VERBS_WRONG(condition) ((condition) && false)
#else
#define VERBS_WRONG(condition) (condition)
#endif

/* Nothing before may be moved after it by the compiler; x86 keeps stores in order by itself. */
static inline void verbs_store_order(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* The queue is open and listens to `source`. */
static inline bool verbs_open_for(const struct verbs_responder *responder, uint32_t source)
{
	const struct verbs_queue_header *header = responder->queue.header;

	return __atomic_load_n(&header->state, __ATOMIC_ACQUIRE) == VERBS_QUEUE_OPEN &&
		__atomic_load_n(&header->accepts_from, __ATOMIC_RELAXED) == source;
}

static inline uint32_t verbs_receive_size(const struct verbs_responder *responder, uint32_t number)
{
	const struct verbs_queue *queue = &responder->queue;

	return __atomic_load_n(
		&queue->sizes[number & (queue->geometry.receive_depth - 1)], __ATOMIC_RELAXED);
}

/* Looks how many receives are posted, at most VERBS_AHEAD of them at a time: with their sizes, so
 * that messages that fit all of them touch neither line again while their owner writes there. A
 * position that cannot be is none: it harms only who wrote it. */
static inline void verbs_receives_look(struct verbs_responder *responder)
{
	uint32_t received = __atomic_load_n(&responder->queue.header->received, __ATOMIC_ACQUIRE);
	uint32_t ahead = received - responder->taken, least = UINT32_MAX;

	if (ahead > responder->queue.geometry.receive_depth)
		return;
	if (ahead > VERBS_AHEAD)
		ahead = VERBS_AHEAD;
	for (uint32_t i = 0; i < ahead; i++) {
		uint32_t size = verbs_receive_size(responder, responder->taken + i);

		least = size < least ? size : least;
	}
	responder->least_size = least;
	responder->received = responder->taken + ahead;
}

/* A receive of its own is posted for the next message. As a receive is posted again only after
 * the message that used it was taken, there is room in the inbox then as well. */
static inline bool verbs_receive_posted(struct verbs_responder *responder)
{
	if (responder->taken == responder->received)
		verbs_receives_look(responder);
	return responder->taken != responder->received;
}

/* And it has room for that many bytes. */
static inline bool verbs_receive_fits(const struct verbs_responder *responder, uint32_t bytes)
{
	return bytes <= responder->least_size ||
		bytes <= verbs_receive_size(responder, responder->taken);
}

/* Room in the inbox, where receives do not say so (SRQ, faults). */
static inline bool verbs_inbox_room(struct verbs_responder *responder)
{
	uint32_t depth = responder->queue.geometry.inbox_depth;

	if (responder->messages - responder->consumed >= depth) {
		uint32_t consumed =
			__atomic_load_n(&responder->queue.header->consumed, __ATOMIC_ACQUIRE);

		if (responder->messages - consumed > depth)
			return false;
		responder->consumed = consumed;
	}
	return responder->messages - responder->consumed < depth;
}

static inline struct verbs_slot *verbs_next_slot(const struct verbs_responder *responder)
{
	const struct verbs_queue *queue = &responder->queue;

	return &queue->inbox[responder->messages & (queue->geometry.inbox_depth - 1)];
}

/* The slot is filled: the owner may see it. Of one some messages on, the lines are on their way
 * from the owner's cache when its turn comes: without that each message waits for them. */
static inline void verbs_publish(struct verbs_responder *responder, struct verbs_slot *slot)
{
	const struct verbs_queue *queue = &responder->queue;
	const struct verbs_slot *later;

	responder->messages++;
	__atomic_store_n(&slot->sequence, responder->messages, __ATOMIC_RELEASE);
	later = &queue->inbox[(responder->messages + VERBS_PREFETCH_SLOTS) &
		(queue->geometry.inbox_depth - 1)];
	prefetch_to_write(later);
	prefetch_to_write(later->payload + VERBS_PAYLOAD_FIRST);
}

/* Whether [address, address + bytes) lies in the region; then where that is here. */
static inline uint8_t *verbs_region_place(
	const struct verbs_region *region, uint64_t address, uint64_t bytes)
{
	uint64_t offset = address - region->address;

	if (VERBS_WRONG(offset > region->bytes || bytes > region->bytes - offset))
		return NULL;
	return region->base + offset;
}

typedef uint64_t verbs_word __attribute__((may_alias, aligned(1)));
typedef uint64_t verbs_whole_word __attribute__((may_alias));
typedef uint8_t verbs_vector __attribute__((vector_size(16), may_alias, aligned(1)));

/* Without the call of memcpy where the size is not known before; the areas do not overlap. */
static inline void verbs_copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes > 64) {
		memcpy(to, from, bytes);
	} else if (bytes > 32) {
		verbs_vector a = *(const verbs_vector *)from,
			     b = *(const verbs_vector *)(from + 16);
		verbs_vector c = *(const verbs_vector *)(from + bytes - 32);
		verbs_vector d = *(const verbs_vector *)(from + bytes - 16);

		*(verbs_vector *)to = a;
		*(verbs_vector *)(to + 16) = b;
		*(verbs_vector *)(to + bytes - 32) = c;
		*(verbs_vector *)(to + bytes - 16) = d;
	} else if (bytes >= 16) {
		verbs_vector a = *(const verbs_vector *)from;
		verbs_vector b = *(const verbs_vector *)(from + bytes - 16);

		*(verbs_vector *)to = a;
		*(verbs_vector *)(to + bytes - 16) = b;
	} else if (bytes >= 8) {
		verbs_word a = *(const verbs_word *)from;
		verbs_word b = *(const verbs_word *)(from + bytes - 8);

		*(verbs_word *)to = a;
		*(verbs_word *)(to + bytes - 8) = b;
	} else {
		for (size_t i = 0; i < bytes; i++)
			to[i] = from[i];
	}
}

/* A payload of at most VERBS_PAYLOAD_MAX bytes into a slot or out of it: no access crosses from its
 * first line to the second. */
static inline void verbs_copy_payload(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes <= VERBS_PAYLOAD_FIRST) {
		verbs_copy(to, from, bytes);
		return;
	}
	verbs_copy(to, from, VERBS_PAYLOAD_FIRST);
	verbs_copy(
		to + VERBS_PAYLOAD_FIRST, from + VERBS_PAYLOAD_FIRST, bytes - VERBS_PAYLOAD_FIRST);
}

/* Copies so that the last byte lands last: whoever polls it finds the rest. (memcpy promises no
 * order, and a store over two cache lines has none within.) */
static inline void verbs_copy_ordered(uint8_t *to, const uint8_t *from, size_t bytes)
{
	if (bytes == 0)
		return;
	if (bytes == sizeof(verbs_word) && ((uintptr_t)to & 7) == 0) {
		/* A word is seen whole, as on hardware: programs poll counters. */
		__atomic_store_n(
			(verbs_whole_word *)to, *(const verbs_word *)from, __ATOMIC_RELAXED);
		return;
	}
	verbs_copy(to, from, bytes - 1);
	verbs_store_order();
	__atomic_store_n(&to[bytes - 1], from[bytes - 1], __ATOMIC_RELAXED);
}

#endif
