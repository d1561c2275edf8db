/* SPDX-License-Identifier: BSD-3-Clause */
/* However many queue pairs have however much to do: a worker is back soon, and all get on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

enum { QUEUES = 64, REQUESTS = 8, LONG = 64 * 1024 };

static struct fake_server fake;
static struct fake_client client;
static struct fake_queue queues[QUEUES];
static struct fake_region region;

static int setup(void **state)
{
	struct verbs_server_config config = fake_config(VERBS_POLICY_ENGINE);

	(void)state;
	config.queue_pairs = QUEUES;
	config.workers = 1;
	fake_server_start(&fake, config, NULL, NULL);
	fake_client_start(&fake, &client);
	assert_int_equal(fake_reg(&client, 2 * LONG, 15, 0, &region), 0);
	for (unsigned i = 0; i < QUEUES; i++) {
		assert_int_equal(fake_queue_create(&client, WEIR_QPT_RC, &queues[i]), 0);
		assert_int_equal(fake_connect(&queues[i], queues[i].number), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUES; i++)
		fake_queue_drop(&queues[i]);
	fake_region_drop(&region);
	fake_client_drop(&client);
	verbs_server_destroy(fake.server);
	return 0;
}

static void writes_post(uint32_t bytes)
{
	for (unsigned i = 0; i < QUEUES; i++)
		for (unsigned j = 0; j < REQUESTS; j++) {
			struct verbs_request *request = fake_request(&queues[i]);

			request->opcode = WEIR_WR_RDMA_WRITE;
			request->remote_address = (uintptr_t)region.memory.base + LONG;
			request->remote_key = region.key;
			fake_segment(request, &region, 0, bytes);
			fake_post(&queues[i], request);
		}
}

/* Requests done, of all; the fewest and the most of one queue pair. */
static unsigned done(unsigned *ret_least, unsigned *ret_most)
{
	unsigned all = 0;

	*ret_least = UINT32_MAX;
	*ret_most = 0;
	for (unsigned i = 0; i < QUEUES; i++) {
		unsigned count = queues[i].queue.header->executed;

		all += count;
		*ret_least = count < *ret_least ? count : *ret_least;
		*ret_most = count > *ret_most ? count : *ret_most;
	}
	return all;
}

/* Most requests in one turn, until all are done. */
static unsigned longest_turn(unsigned a_share)
{
	unsigned before = 0, longest = 0, all, least, most;

	do {
		assert_true(verbs_server_work(fake.server, 0) > 0);
		all = done(&least, &most);
		longest = all - before > longest ? all - before : longest;
		before = all;
		/* Nobody is served a second time while another waits for the first. */
		assert_true(most - least <= a_share);
	} while (all < QUEUES * REQUESTS);
	assert_int_equal(verbs_server_work(fake.server, 0), 0);
	return longest;
}

static void test_many_bytes(void **state)
{
	(void)state;
	writes_post(LONG);
	assert_in_range(longest_turn(256 * 1024 / LONG), 1, 768 * 1024 / LONG);
}

static void test_many_requests(void **state)
{
	(void)state;
	writes_post(8);
	assert_in_range(longest_turn(REQUESTS), REQUESTS, 256);
}

/* What one can do is not cut by what others do not have. */
static void test_one_busy_among_idle_ones(void **state)
{
	(void)state;
	for (unsigned j = 0; j < REQUESTS; j++) {
		struct verbs_request *request = fake_request(&queues[17]);

		request->opcode = WEIR_WR_RDMA_WRITE;
		request->remote_address = (uintptr_t)region.memory.base + LONG;
		request->remote_key = region.key;
		fake_segment(request, &region, 0, 8);
		fake_post(&queues[17], request);
	}
	assert_int_equal(verbs_server_work(fake.server, 0), REQUESTS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_many_bytes),
		TEST(test_many_requests),
		TEST(test_one_busy_among_idle_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
