/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine dies, and the other end with it: nobody is left to say so but the next engine. */
#include "client_engine.h"

static void engine_restart(struct world *world, enum verbs_policy policy)
{
	world->engine.patience_ns = 20000000;
	engine_start(&world->engine, policy);
	MUST(weir_reconnect(world->one.device));
}

static void assert_event(struct end *end, enum weir_event_type type)
{
	struct weir_async_event event;

	MUST(weir_get_async_event(end->device, &event));
	assert_int_equal(event.event_type, type);
}

/* With `timeout` 0 and no receive posted: it would wait for ever. */
static void both_die(struct world *world, enum verbs_policy policy)
{
	struct end *one = &world->one;
	struct weir_wc wc;

	MUST(end_post_recv(one, 1, 4096, 64));
	MUST(end_post_send(one, 2, 0, 64, 0));
	assert_int_equal(weir_poll_cq(one->cq, 1, &wc), 0);
	engine_stop(&world->engine);
	weir_close(world->other.device);
	world->other.device = NULL;
	engine_restart(world, policy);
	assert_event(one, WEIR_EVENT_DEVICE_FATAL);
	assert_event(one, WEIR_EVENT_PORT_ACTIVE);
	wc = end_poll(one);
	assert_int_equal(wc.wr_id, 2);
	assert_int_equal(wc.status, WEIR_WC_RETRY_EXC_ERR);
	wc = end_poll(one);
	assert_int_equal(wc.wr_id, 1);
	assert_int_equal(wc.status, WEIR_WC_WR_FLUSH_ERR);
	assert_int_equal(one->qp->state, WEIR_QPS_ERR);
}

static void both_die_direct(void **state)
{
	both_die(*state, VERBS_POLICY_DIRECT);
}

static void both_die_engine(void **state)
{
	both_die(*state, VERBS_POLICY_ENGINE);
}

/* It came to say so, and died before it was heard. */
static void first_the_other_end(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one;

	weir_close(world->other.device);
	world->other.device = NULL;
	engine_stop(&world->engine);
	MUST(end_post_recv(one, 1, 4096, 64));
	engine_restart(world, VERBS_POLICY_ENGINE);
	/* At once: the patience is for those of whom nothing is known. */
	assert_int_equal(one->qp->state, WEIR_QPS_ERR);
	assert_int_equal(end_poll(one).status, WEIR_WC_WR_FLUSH_ERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_die_direct, pair_set_up_direct, world_close),
		cmocka_unit_test_setup_teardown(both_die_engine, pair_set_up_engine, world_close),
		cmocka_unit_test_setup_teardown(
			first_the_other_end, pair_set_up_engine, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
