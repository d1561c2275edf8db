/* SPDX-License-Identifier: BSD-3-Clause */
/* The byte ring: records stay whole and in order, also around its end and between two threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring/byte_ring.h"

enum { SIZE = 1024, THREAD_RECORDS = 200000 };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static bool put(struct byte_ring *ring, uint8_t mark, uint64_t length)
{
	void *room = byte_ring_reserve(ring, length);

	if (room == NULL)
		return false;
	assert_int_equal((uintptr_t)room % 8, 0);
	memset(room, mark, length);
	byte_ring_publish(ring, byte_ring_stage(ring, length));
	return true;
}

static void check(struct byte_ring *ring, uint8_t mark, uint64_t wanted)
{
	uint64_t length = 0;
	const uint8_t *bytes = byte_ring_peek(ring, &length);

	assert_non_null(bytes);
	assert_int_equal(length, wanted);
	for (uint64_t i = 0; i < length; i++)
		assert_int_equal(bytes[i], mark);
	byte_ring_take(ring);
	byte_ring_release(ring);
}

static void test_empty(void **state)
{
	struct byte_ring *ring = byte_ring_create(SIZE);
	uint64_t length;

	(void)state;
	assert_null(byte_ring_peek(ring, &length));
	assert_true(put(ring, 7, 0));
	check(ring, 7, 0);
	assert_null(byte_ring_peek(ring, &length));
	byte_ring_destroy(ring);
}

static void test_full(void **state)
{
	struct byte_ring *ring = byte_ring_create(SIZE);
	unsigned count = 0;

	(void)state;
	while (put(ring, (uint8_t)count, 56))
		count++;
	assert_int_equal(count, SIZE / 64);
	check(ring, 0, 56);
	assert_true(put(ring, (uint8_t)count, 56));
	assert_false(put(ring, 0, 0));
	for (unsigned i = 1; i <= count; i++)
		check(ring, (uint8_t)i, 56);
	byte_ring_destroy(ring);
}

/* The longest fits wherever an empty ring happens to stand. */
static void test_longest(void **state)
{
	(void)state;
	for (uint64_t before = 0; before < SIZE / 2; before += 8) {
		struct byte_ring *ring = byte_ring_create(SIZE);

		assert_true(put(ring, 1, before));
		check(ring, 1, before);
		assert_true(put(ring, 2, byte_ring_longest(ring)));
		check(ring, 2, byte_ring_longest(ring));
		byte_ring_destroy(ring);
	}
}

static void test_taken_back(void **state)
{
	struct byte_ring *ring = byte_ring_create(SIZE);
	uint64_t first, length;

	(void)state;
	memset(byte_ring_reserve(ring, 40), 1, 40);
	first = byte_ring_stage(ring, 40);
	memset(byte_ring_reserve(ring, 48), 2, 48);
	byte_ring_stage(ring, 48);
	assert_null(byte_ring_peek(ring, &length));
	byte_ring_publish(ring, first);
	check(ring, 1, 40);
	assert_null(byte_ring_peek(ring, &length));
	assert_true(put(ring, 3, 16));
	check(ring, 3, 16);
	byte_ring_destroy(ring);
}

static void test_random(void **state)
{
	const char *given = getenv("WEIR_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20120417, random;
	struct byte_ring *ring = byte_ring_create(SIZE);
	uint64_t lengths[SIZE];
	unsigned in = 0, out = 0;

	(void)state;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	random = seed;
	for (unsigned i = 0; i < 100000; i++) {
		if (next_random(&random) % 2) {
			uint64_t length = next_random(&random) % (byte_ring_longest(ring) + 1);

			lengths[in % SIZE] = length;
			in += put(ring, (uint8_t)in, length);
		} else if (out < in) {
			check(ring, (uint8_t)out, lengths[out % SIZE]);
			out++;
		}
	}
	assert_true(in > 1000);
	byte_ring_destroy(ring);
}

/* ---- two threads ---- */

struct shared {
	struct byte_ring *ring;
	uint64_t lost;
};

static void *produce(void *argument)
{
	struct shared *shared = argument;
	uint64_t random = 1;

	for (uint64_t i = 1; i <= THREAD_RECORDS; i++) {
		uint64_t length = 8 + 8 * (next_random(&random) % 20);
		uint64_t *room = byte_ring_reserve(shared->ring, length);

		if (room == NULL) {
			shared->lost++;
			continue;
		}
		for (uint64_t k = 0; k < length / 8; k++)
			room[k] = i;
		byte_ring_stage(shared->ring, length);
		if (i % 3 != 0) /* now and then two together */
			byte_ring_publish(shared->ring, shared->ring->producer.staged);
	}
	byte_ring_publish(shared->ring, shared->ring->producer.staged);
	return NULL;
}

static void test_threads(void **state)
{
	struct shared shared = {.ring = byte_ring_create(4096)};
	uint64_t last = 0, seen = 0, length;
	bool ended = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, produce, &shared), 0);
	for (;;) {
		const uint64_t *record = byte_ring_peek(shared.ring, &length);

		if (record == NULL) {
			if (ended)
				break;
			ended = pthread_tryjoin_np(thread, NULL) == 0;
			continue;
		}
		assert_true(record[0] > last);
		last = record[0];
		for (uint64_t k = 0; k < length / 8; k++)
			assert_int_equal(record[k], last);
		seen++;
		byte_ring_take(shared.ring);
		byte_ring_release(shared.ring);
	}
	assert_int_equal(seen + shared.lost, THREAD_RECORDS);
	assert_true(seen > 0);
	byte_ring_destroy(shared.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
