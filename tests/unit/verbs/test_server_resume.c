/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine dies at any point; the next one goes on. Nothing is lost, nothing is done twice. The
 * moments of death are made by putting the words of shared memory back to what they were then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

static struct fake_server fake;
static struct fake_client one, two;
static struct fake_queue a, b;
static struct fake_region near, far;

static void engine_start(void)
{
	fake_server_start(&fake, fake_config(VERBS_POLICY_ENGINE), NULL, NULL);
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
}

static int setup(void **state)
{
	(void)state;
	engine_start();
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_reg(&one, 1 << 16, 15, 0, &near), 0);
	assert_int_equal(fake_reg(&two, 1 << 16, 15, 0, &far), 0);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	return 0;
}

static void all_drop(void)
{
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_destroy(fake.server);
}

static int teardown(void **state)
{
	(void)state;
	all_drop();
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_region_drop(&near);
	fake_region_drop(&far);
	return 0;
}

static void region_again(struct fake_client *client, const struct fake_region *region)
{
	union verbs_message message = {.reg_mr = {.pd = client->pd,
					       .access = 15,
					       .wanted = region->key,
					       .address = (uintptr_t)region->memory.base,
					       .bytes = region->memory.bytes}};

	assert_int_equal(fake_call(client, VERBS_REG_MR, &message, &region->fd, 1, NULL, NULL), 0);
	assert_int_equal(message.handle_answer.handle, region->key);
}

/* The same queue pairs, memory and keys, with the next engine. */
static void engine_again(void)
{
	all_drop();
	engine_start();
	region_again(&one, &near);
	region_again(&two, &far);
	assert_int_equal(fake_queue_announce(&a, WEIR_QPT_RC, a.number), 0);
	assert_int_equal(fake_queue_announce(&b, WEIR_QPT_RC, b.number), 0);
	/* The way that libweir goes. */
	for (uint32_t state = WEIR_QPS_INIT; state <= WEIR_QPS_RTS; state++) {
		assert_int_equal(fake_modify(&a, state, b.number, 1), 0);
		assert_int_equal(fake_modify(&b, state, a.number, 1), 0);
	}
}

static void test_what_was_not_begun_is_done(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		fake_post_receive(&b, &far, i * 100ull, 100);
	memset(near.memory.base, 'a', 100);
	fake_post_send(&a, &near, 0, 100);
	fake_work(&fake);
	fake_post_send(&a, &near, 0, 50);
	fake_post_send(&a, &near, 0, 25);
	engine_again();
	fake_work(&fake);
	assert_int_equal(a.queue.header->executed, 3);
	assert_int_equal(fake_slot(&b, 1)->bytes, 50);
	assert_int_equal(fake_slot(&b, 2)->bytes, 25);
	assert_null(fake_slot(&b, 3));
	assert_int_equal(far.memory.base[100], 'a');
	assert_int_equal(far.memory.base[149], 'a');
	assert_int_equal(far.memory.base[150], 0);
}

/* Its last moment: `sent`: the message is in the inbox; `told`: the outcome is written; the engine
 * comes to nothing more. */
static void die_at(bool sent, bool told)
{
	for (unsigned i = 0; i < 4; i++)
		fake_post_receive(&b, &far, i * 100ull, 100);
	for (unsigned i = 0; i < 2; i++) {
		fake_post_send(&a, &near, 0, 10);
		fake_work(&fake);
	}
	a.queue.header->executed = 1;
	if (!told)
		a.queue.outcomes[1].sequence = 0;
	if (!sent)
		b.queue.inbox[1].sequence = 0;
	engine_again();
	fake_post_send(&a, &near, 0, 20);
	fake_work(&fake);
	assert_int_equal(a.queue.header->executed, 3);
	assert_int_equal(fake_outcome(&a, 1)->status, WEIR_WC_SUCCESS);
	assert_int_equal(fake_slot(&b, 1)->bytes, 10);
	assert_int_equal(fake_slot(&b, 2)->bytes, 20);
	assert_null(fake_slot(&b, 3));
}

static void test_dead_before_the_message_was_put(void **state)
{
	(void)state;
	die_at(false, false);
}

static void test_dead_between_message_and_outcome(void **state)
{
	(void)state;
	die_at(true, false);
}

static void test_dead_between_outcome_and_its_count(void **state)
{
	(void)state;
	die_at(true, true);
}

static void add(uint64_t value)
{
	struct verbs_request *request = fake_request(&a);

	request->opcode = WEIR_WR_ATOMIC_FETCH_AND_ADD;
	request->remote_address = (uintptr_t)far.memory.base;
	request->remote_key = far.key;
	request->compare_add = value;
	fake_segment(request, &near, 0, 8);
	fake_post(&a, request);
}

/* The word holds `now` when the next engine comes. Returns the outcome's reason. */
static uint16_t die_at_atomic(uint64_t now)
{
	uint64_t *word = (uint64_t *)(void *)far.memory.base;

	*word = 100;
	add(5);
	fake_work(&fake);
	assert_int_equal(*word, 105);
	a.queue.header->executed = 0;
	a.queue.outcomes[0].sequence = 0;
	memset(near.memory.base, 0xff, 8);
	*word = now;
	engine_again();
	fake_work(&fake);
	assert_non_null(fake_outcome(&a, 0));
	return fake_outcome(&a, 0)->reason;
}

static void test_an_atomic_that_was_done_is_not_done_again(void **state)
{
	(void)state;
	assert_int_equal(die_at_atomic(105), VERBS_REASON_NONE);
	assert_int_equal(*(uint64_t *)(void *)far.memory.base, 105);
	assert_int_equal(*(uint64_t *)(void *)near.memory.base, 100);
}

static void test_an_atomic_that_was_not_done_is_done(void **state)
{
	(void)state;
	assert_int_equal(die_at_atomic(100), VERBS_REASON_NONE);
	assert_int_equal(*(uint64_t *)(void *)far.memory.base, 105);
	assert_int_equal(*(uint64_t *)(void *)near.memory.base, 100);
}

static void test_an_atomic_of_which_nobody_can_tell_is_said(void **state)
{
	(void)state;
	assert_int_equal(die_at_atomic(7), VERBS_REASON_ATOMIC_UNKNOWN);
	assert_int_equal(*(uint64_t *)(void *)far.memory.base, 7);
}

/* Over several laps of the inbox, at each place. */
static void test_at_each_place_of_the_inbox(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		fake_post_receive(&b, &far, 0, 100);
		fake_post_send(&a, &near, 0, i % 100);
		fake_work(&fake);
		assert_int_equal(fake_slot(&b, i)->bytes, i % 100);
		if (i % 3 != 0)
			b.queue.header->consumed = i + 1;
		if (i % 2 == 0) {
			a.queue.header->executed = i;
			a.queue.outcomes[i % 8].sequence = 0;
		}
		engine_again();
		fake_work(&fake);
		assert_int_equal(a.queue.header->executed, i + 1);
		assert_null(fake_slot(&b, i + 1));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_not_begun_is_done),
		TEST(test_dead_before_the_message_was_put),
		TEST(test_dead_between_message_and_outcome),
		TEST(test_dead_between_outcome_and_its_count),
		TEST(test_an_atomic_that_was_done_is_not_done_again),
		TEST(test_an_atomic_that_was_not_done_is_done),
		TEST(test_an_atomic_of_which_nobody_can_tell_is_said),
		TEST(test_at_each_place_of_the_inbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
