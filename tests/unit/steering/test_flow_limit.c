/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steering/flow_limit.h"

static struct flow_limit *limit_new(uint32_t buckets)
{
	struct flow_limit *limit = malloc(flow_limit_bytes(buckets));

	assert_non_null(limit);
	flow_limit_init(limit, buckets);
	return limit;
}

/* A flow alone is let through until more than half of the history is its own, then dropped. */
static void one_flow(void **state)
{
	struct flow_limit *limit = limit_new(4096);

	(void)state;
	for (unsigned i = 0; i <= FLOW_LIMIT_HISTORY / 2; i++)
		assert_false(flow_limit_exceeds(limit, 0x51ccc178));
	for (unsigned i = 0; i < 1000; i++)
		assert_true(flow_limit_exceeds(limit, 0x51ccc178));
	assert_int_equal(limit->count, 1000);
	free(limit);
}

/* The elephant is dropped, mice never are, and it gets through again once it is small. */
static void elephant_and_mice(void **state)
{
	struct flow_limit *limit = limit_new(4096);
	unsigned dropped = 0;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		if (i % 4 == 3)
			assert_false(flow_limit_exceeds(limit, 0x1000 + i));
		else
			dropped += flow_limit_exceeds(limit, 0xabcdef01);
	}
	assert_in_range(dropped, 3000 - 2 * FLOW_LIMIT_HISTORY, 3000);
	assert_int_equal(limit->count, dropped);
	for (unsigned i = 0; i < FLOW_LIMIT_HISTORY; i++)
		assert_false(flow_limit_exceeds(limit, 0x100000 + 64 * i));
	assert_false(flow_limit_exceeds(limit, 0xabcdef01));
	free(limit);
}

/* With as many packets from each of two flows neither has more than half. */
static void two_alike(void **state)
{
	struct flow_limit *limit = limit_new(4096);

	(void)state;
	for (unsigned i = 0; i < 100 * FLOW_LIMIT_HISTORY; i++)
		assert_false(flow_limit_exceeds(limit, i % 2 ? 0x12345678 : 0x87654321));
	free(limit);
}

/* Against the definition: how many of the last packets were of this flow? */
static void definition(void **state)
{
	static const uint32_t hashes[] = {0, 1, 0x51ccc178, 0xc626b0ea, 0x5c2b394a};
	struct flow_limit *limit = limit_new(FLOW_LIMIT_BUCKETS_MAX);
	unsigned history[FLOW_LIMIT_HISTORY], random = 1;

	(void)state;
	memset(history, 0xff, sizeof(history));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned same = 0, favourite = i / 700 % 5, flow;

		random = random * 1103515245 + 12345;
		flow = random >> 16 & 3 ? favourite : (random >> 20) % 5;
		history[i % FLOW_LIMIT_HISTORY] = UINT32_MAX;
		for (unsigned k = 0; k < FLOW_LIMIT_HISTORY; k++)
			same += history[k] == flow;
		history[i % FLOW_LIMIT_HISTORY] = flow;
		assert_int_equal(
			flow_limit_exceeds(limit, hashes[flow]), same > FLOW_LIMIT_HISTORY / 2);
	}
	assert_in_range(limit->count, 1000, 199000);
	free(limit);
}

/* Hashes that one worker gets have lower bits alike: they use all buckets nevertheless. */
static void all_buckets_are_used(void **state)
{
	const uint32_t buckets = 256;
	struct flow_limit *limit = limit_new(buckets);
	unsigned used = 0;
	bool seen[256] = {false};

	(void)state;
	for (uint32_t i = 0; i < 8 * buckets; i++) {
		flow_limit_exceeds(limit, i << 7 | 5);
		seen[limit->history[i % FLOW_LIMIT_HISTORY]] = true;
	}
	for (unsigned i = 0; i < buckets; i++)
		used += seen[i];
	assert_true(used > buckets * 9 / 10);
	free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_flow),
		cmocka_unit_test(elephant_and_mice),
		cmocka_unit_test(two_alike),
		cmocka_unit_test(definition),
		cmocka_unit_test(all_buckets_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
