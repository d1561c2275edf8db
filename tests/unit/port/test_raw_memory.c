/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet memory as applications are shown it: which chunks of a pool are one piece. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_mempool.h>

#include "port/raw_memory.h"

enum { CHUNK = 64 * 1024, PAGE = 4096, CHUNKS_MAX = 80, ELEMENT = 1024 };

static uint8_t *area;

static int group_setup(void **state)
{
	static char words[][16] = {"test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci",
		"--no-telemetry", "-l", "0", "--log-level", "error"};
	enum { COUNT = sizeof(words) / sizeof(words[0]) };
	char *arguments[COUNT + 1] = {NULL};

	(void)state;
	for (int i = 0; i < COUNT; i++)
		arguments[i] = words[i];
	if (rte_eal_init(COUNT, arguments) < 0)
		return -1;
	area = rte_malloc(NULL, 2 * CHUNKS_MAX * CHUNK, PAGE);
	return area != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	rte_free(area);
	return rte_eal_cleanup();
}

/* A pool whose chunks are at these multiples of CHUNK. */
static struct rte_mempool *pool_of(const unsigned at[], unsigned count)
{
	struct rte_mempool *pool = rte_mempool_create_empty(
		"chunks", CHUNKS_MAX * CHUNK / ELEMENT, ELEMENT, 0, 0, SOCKET_ID_ANY, 0);

	assert_non_null(pool);
	for (unsigned i = 0; i < count; i++)
		assert_true(rte_mempool_populate_iova(pool, (char *)area + (size_t)at[i] * CHUNK,
				    RTE_BAD_IOVA, CHUNK, NULL, NULL) > 0);
	return pool;
}

static void test_neighbours_are_one_piece(void **state)
{
	static const unsigned at[] = {0, 1, 2};
	struct raw_memory memory = {0};
	struct raw_share share = {.pool = pool_of(at, 3)};
	unsigned hint = 0;
	struct error error;

	(void)state;
	assert_int_equal(raw_memory_add(&memory, &share, &error), 0);
	assert_int_equal(memory.span_count, 1);
	assert_ptr_equal(memory.spans[0].base, area);
	assert_int_equal(memory.spans[0].bytes, 3 * CHUNK);
	/* Even what lies in two of them. */
	assert_int_equal(raw_memory_place(&memory, area + CHUNK - 10, 20, &hint), CHUNK - 10);
	assert_true(raw_memory_place(&memory, area + 3 * CHUNK - 10, 20, &hint) == RAW_NO_PLACE);
	/* All of it is shown, once. */
	for (unsigned p = 0, offset = 0; p < memory.part_count; p++) {
		assert_int_equal(memory.parts[p].span, 0);
		assert_int_equal(memory.parts[p].offset, offset);
		offset += (unsigned)memory.parts[p].bytes;
		if (p + 1 == memory.part_count)
			assert_int_equal(offset, 3 * CHUNK);
	}
	raw_memory_fini(&memory);
	rte_mempool_free(share.pool);
}

static void test_a_gap_parts_them(void **state)
{
	static const unsigned at[] = {0, 2, 3};
	struct raw_memory memory = {0};
	struct raw_share share = {.pool = pool_of(at, 3)};
	unsigned hint = 0;
	struct error error;

	(void)state;
	assert_int_equal(raw_memory_add(&memory, &share, &error), 0);
	assert_int_equal(memory.span_count, 2);
	assert_true(raw_memory_place(&memory, area + CHUNK, 1, &hint) == RAW_NO_PLACE);
	assert_true(raw_memory_place(&memory, area + 4 * CHUNK - 1, 1, &hint) ==
		((uint64_t)1 << 48 | (2 * CHUNK - 1)));
	raw_memory_fini(&memory);
	rte_mempool_free(share.pool);
}

/* What was there before is untouched, also where the new pool begins at its end. */
static void test_too_many_pieces_add_nothing(void **state)
{
	static const unsigned first_at[] = {0};
	unsigned at[CHUNKS_MAX] = {1};
	struct raw_memory memory = {0};
	struct raw_share first = {.pool = pool_of(first_at, 1)}, share;
	struct error error;

	(void)state;
	assert_int_equal(raw_memory_add(&memory, &first, &error), 0);
	rte_mempool_free(first.pool);
	for (unsigned i = 1; i < CHUNKS_MAX; i++)
		at[i] = 2 * i + 1;
	share = (struct raw_share){.pool = pool_of(at, CHUNKS_MAX)};
	assert_int_equal(raw_memory_add(&memory, &share, &error), -ENOSPC);
	assert_int_equal(memory.span_count, 1);
	assert_int_equal(memory.spans[0].bytes, CHUNK);
	assert_int_equal(memory.share_count, 1);
	for (unsigned p = 0; p < memory.part_count; p++)
		assert_true(memory.parts[p].offset + memory.parts[p].bytes <= CHUNK);
	raw_memory_fini(&memory);
	rte_mempool_free(share.pool);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbours_are_one_piece),
		cmocka_unit_test(test_a_gap_parts_them),
		cmocka_unit_test(test_too_many_pieces_add_nothing),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
