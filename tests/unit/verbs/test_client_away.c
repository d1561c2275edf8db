/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on the direct path that needs to ask the engine for memory while there is none: it waits. */
#include "client_engine.h"

static int set_up(void **state)
{
	const unsigned access = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE;
	struct world *world = world_open(VERBS_POLICY_DIRECT);
	struct end *other = &world->other;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	/* They know each other, and one region. */
	MUST(end_post_recv(&world->other, 1, 4096, 64));
	MUST(end_post_send(&world->one, 2, 0, 16, 0));
	end_poll(&world->one);
	end_poll(other);
	MUST_HAVE(other->memory = weir_alloc(other->device, END_BYTES, false));
	MUST_HAVE(other->mr = weir_reg_mr(other->pd, other->memory, END_BYTES, access));
	*state = world;
	return 0;
}

static void expect_nothing(struct end *end)
{
	struct weir_wc wc;

	for (int i = 0; i < 200; i++)
		assert_int_equal(weir_poll_cq(end->cq, 1, &wc), 0);
	assert_int_equal(end->qp->state, WEIR_QPS_RTS);
}

/* Back is back when both ends are. */
static void restart(struct world *world)
{
	engine_start(&world->engine, VERBS_POLICY_DIRECT);
	MUST(weir_reconnect(world->one.device));
	expect_nothing(&world->one);
	MUST(weir_reconnect(world->other.device));
}

static void write_to_unknown_region(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr = {.wr_id = 5,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_RDMA_WRITE,
				    .wr.rdma = {(uintptr_t)world->other.memory + 8192,
					    world->other.mr->rkey}},
			    *bad;

	memset(world->one.memory, 0x29, 64);
	engine_stop(&world->engine);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	expect_nothing(&world->one);
	expect_nothing(&world->other);
	restart(world);
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_memory_equal(world->other.memory + 8192, world->one.memory, 64);
}

static void send_into_unknown_region(void **state)
{
	struct world *world = *state;

	memset(world->one.memory, 0x2a, 4096);
	MUST(end_post_recv(&world->other, 7, 8192, 4096));
	engine_stop(&world->engine);
	MUST(end_post_send(&world->one, 6, 0, 4096, 0));
	expect_nothing(&world->one);
	expect_nothing(&world->other);
	restart(world);
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_int_equal(end_poll(&world->other).wr_id, 7);
	assert_memory_equal(world->other.memory + 8192, world->one.memory, 4096);
}

/* A key that is none is none, engine or not. */
static void no_such_key(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr = {.sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_RDMA_WRITE,
				    .wr.rdma = {(uintptr_t)world->other.memory,
					    world->other.mr->rkey + 1}},
			    *bad;

	engine_stop(&world->engine);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_REM_ACCESS_ERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(write_to_unknown_region, set_up, world_close),
		cmocka_unit_test_setup_teardown(send_into_unknown_region, set_up, world_close),
		cmocka_unit_test_setup_teardown(no_such_key, set_up, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
