/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ring/batch_ring.h"

static struct batch_ring *ring_new(uint32_t limit)
{
	struct batch_ring *ring = aligned_alloc(64, (batch_ring_bytes(limit) + 63) & ~63ul);

	assert_non_null(ring);
	batch_ring_init(ring, limit);
	return ring;
}

static void fill(void **items, unsigned count, uintptr_t first)
{
	for (unsigned i = 0; i < count; i++)
		items[i] = (void *)(first + i);
}

static void test_empty_ring_has_nothing(void **state)
{
	struct batch_ring *ring = ring_new(8);
	uint64_t header = 0;

	(void)state;
	assert_false(batch_ring_peek(ring, &header));
	assert_int_equal(batch_ring_waiting(ring), 0);
	assert_int_equal(batch_ring_room(ring, 8), 8);
	free(ring);
}

static void test_limit_counts_items_not_words(void **state)
{
	struct batch_ring *ring = ring_new(8);
	void *items[16];

	(void)state;
	fill(items, 16, 1);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(batch_ring_push(ring, 0, 0, items, 1), 1);
	assert_int_equal(batch_ring_push(ring, 0, 0, items, 1), 0);
	assert_int_equal(batch_ring_waiting(ring), 8);
	free(ring);
}

/* netdev_max_backlog set lower while more than that waits. */
static void test_lowered_limit(void **state)
{
	struct batch_ring *ring = ring_new(256);
	void *items[200], *taken[255];
	uint64_t header = 0;

	(void)state;
	fill(items, 200, 1);
	assert_int_equal(batch_ring_push(ring, 0, 0, items, 200), 200);
	ring->limit = 64;
	assert_int_equal(batch_ring_room(ring, 1), 0);
	assert_null(batch_ring_reserve(ring, 1));
	assert_int_equal(batch_ring_push(ring, 0, 0, items, 1), 0);
	assert_true(batch_ring_peek(ring, &header));
	batch_ring_take(ring, header, taken);
	batch_ring_release(ring);
	assert_int_equal(batch_ring_room(ring, 1), 64);
	assert_int_equal(batch_ring_push(ring, 0, 0, items, 200), 64);
	free(ring);
}

static void test_full_ring_takes_what_fits(void **state)
{
	struct batch_ring *ring = ring_new(8);
	void *items[16], *taken[255];
	uint64_t header = 0;

	(void)state;
	fill(items, 16, 1);
	assert_int_equal(batch_ring_push(ring, 0xab00, 77, items, 5), 5);
	assert_int_equal(batch_ring_push(ring, 0xcd00, 78, items + 5, 5), 3);
	assert_true(batch_ring_peek(ring, &header));
	assert_int_equal(header, 0xab05);
	assert_int_equal(batch_ring_note(ring), 77);
	batch_ring_take(ring, header, taken);
	assert_int_equal((uintptr_t)taken[4], 5);
	/* taken, not released: no room yet */
	assert_int_equal(batch_ring_room(ring, 5), 0);
	batch_ring_release(ring);
	assert_int_equal(batch_ring_room(ring, 5), 5);
	assert_true(batch_ring_peek(ring, &header));
	assert_int_equal(header, 0xcd03);
	assert_int_equal(batch_ring_note(ring), 78);
	free(ring);
}

/* Against the obvious model: a queue of numbers. Batches of random size, random pops. */
static void test_random_against_model(void **state)
{
	struct batch_ring *ring = ring_new(100);
	const char *seed_text = getenv("WEIR_SEED");
	unsigned seed = seed_text ? (unsigned)atoi(seed_text) : 20261122u;
	uintptr_t next_in = 1, next_out = 1;
	void *items[255];
	uint64_t header = 0;

	(void)state;
	print_message("seed %u\n", seed);
	for (unsigned step = 0; step < 1000000; step++) {
		if (rand_r(&seed) & 1) {
			unsigned wanted = 1 + (unsigned)rand_r(&seed) % 60;
			unsigned room = 100 - (unsigned)(next_in - next_out);

			fill(items, wanted, next_in);
			unsigned pushed = batch_ring_push(ring, 0, 0, items, wanted);
			assert_int_equal(pushed, wanted < room ? wanted : room);
			next_in += pushed;
		} else if (batch_ring_peek(ring, &header)) {
			batch_ring_take(ring, header, items);
			for (unsigned i = 0; i < (header & BATCH_RING_COUNT_MASK); i++)
				assert_int_equal((uintptr_t)items[i], next_out++);
			batch_ring_release(ring);
		} else {
			assert_int_equal(next_in, next_out);
		}
		assert_int_equal(batch_ring_waiting(ring), next_in - next_out);
	}
	free(ring);
}

enum { TRANSFERS = 2000000 };

static void *produce(void *argument)
{
	struct batch_ring *ring = argument;
	uintptr_t next = 1;
	void *items[32];

	while (next <= TRANSFERS) {
		unsigned count = 1 + next % 32;

		if (next + count > TRANSFERS + 1)
			count = (unsigned)(TRANSFERS + 1 - next);
		fill(items, count, next);
		/* the header's upper part tells the first item: both must arrive together */
		next += batch_ring_push(ring, (uint64_t)next << 8, next, items, count);
	}
	return NULL;
}

static void test_two_threads_keep_order(void **state)
{
	struct batch_ring *ring = ring_new(256);
	uintptr_t next = 1;
	void *items[255];
	pthread_t producer;
	uint64_t header = 0;

	(void)state;
	assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
	while (next <= TRANSFERS) {
		if (!batch_ring_peek(ring, &header))
			continue;
		assert_int_equal(header >> 8, next);
		batch_ring_take(ring, header, items);
		for (unsigned i = 0; i < (header & BATCH_RING_COUNT_MASK); i++)
			assert_int_equal((uintptr_t)items[i], next++);
		batch_ring_release(ring);
	}
	pthread_join(producer, NULL);
	assert_int_equal(batch_ring_waiting(ring), 0);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_ring_has_nothing),
		cmocka_unit_test(test_limit_counts_items_not_words),
		cmocka_unit_test(test_lowered_limit),
		cmocka_unit_test(test_full_ring_takes_what_fits),
		cmocka_unit_test(test_random_against_model),
		cmocka_unit_test(test_two_threads_keep_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
