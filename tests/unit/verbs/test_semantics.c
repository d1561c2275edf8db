/* SPDX-License-Identifier: BSD-3-Clause */
/* What verbs promise of lists, signals, inline data, order, fences and full queues, on both paths.
 */
#include "client_engine.h"

static int set_up(void **state, enum verbs_policy policy)
{
	*state = world_open(policy);
	return 0;
}

static int set_up_direct(void **state)
{
	return set_up(state, VERBS_POLICY_DIRECT);
}

static int set_up_engine(void **state)
{
	return set_up(state, VERBS_POLICY_ENGINE);
}

/* A queue pair whose sends complete only where they say so. */
static void make_unsignaled(struct end *end, struct weir_cq *cq)
{
	struct weir_qp_init_attr attr = {.send_cq = cq,
		.recv_cq = end->cq,
		.cap = {END_DEPTH, END_DEPTH, 2, 2, 64},
		.qp_type = WEIR_QPT_RC};

	MUST_HAVE(end->qp = weir_create_qp(end->pd, &attr));
}

static void connected(struct world *world, struct weir_cq *cq)
{
	make_unsignaled(&world->one, cq);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	for (uint32_t i = 0; i < END_DEPTH; i++)
		MUST(end_post_recv(&world->other, i, 4096 + i * 512, 512));
}

/* What stands before the bad one is posted, from there on nothing. */
static void lists(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 100, world->one.mr->lkey};
	struct weir_send_wr wr[4] = {0}, *bad = NULL;
	struct weir_recv_wr receive[3] = {0}, *bad_receive = NULL;
	struct weir_wc wc;

	connected(world, world->one.cq);
	for (uint32_t i = 0; i < 4; i++)
		wr[i] = (struct weir_send_wr){.wr_id = 10 + i,
			.next = i < 3 ? &wr[i + 1] : NULL,
			.sg_list = &sge,
			.num_sge = i == 2 ? 3 : 1, /* it has two */
			.opcode = WEIR_WR_SEND,
			.send_flags = WEIR_SEND_SIGNALED};
	assert_int_equal(weir_post_send(world->one.qp, wr, &bad), EINVAL);
	assert_ptr_equal(bad, &wr[2]);
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(end_poll(&world->one).wr_id, 10 + i);
		assert_int_equal(end_poll(&world->other).wr_id, i);
	}
	usleep(2000);
	assert_int_equal(weir_poll_cq(world->one.cq, 1, &wc), 0);
	assert_int_equal(weir_poll_cq(world->other.cq, 1, &wc), 0);
	/* Two have room again. */
	for (uint32_t i = 0; i < 3; i++)
		receive[i] = (struct weir_recv_wr){.next = i < 2 ? &receive[i + 1] : NULL};
	assert_int_equal(weir_post_recv(world->other.qp, receive, &bad_receive), ENOMEM);
	assert_ptr_equal(bad_receive, &receive[2]);
}

/* Those in between are done, in order, without a word; one that fails says so all the same. */
static void unsignaled(void **state)
{
	struct world *world = *state;
	struct weir_wc wc;

	connected(world, world->one.cq);
	for (uint32_t i = 0; i < END_DEPTH - 1; i++)
		MUST(end_post_send(&world->one, i, 0, i % 2 == 0 ? 64 : 300,
			i % 4 == 3 ? WEIR_SEND_SIGNALED : 0));
	for (uint64_t i = 3; i < END_DEPTH - 1; i += 4) {
		wc = end_poll(&world->one);
		assert_int_equal(wc.wr_id, i);
		assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	}
	for (uint32_t i = 0; i < END_DEPTH - 1; i++) {
		wc = end_poll(&world->other);
		assert_int_equal(wc.wr_id, i);
		assert_int_equal(wc.byte_len, i % 2 == 0 ? 64 : 300);
	}
	assert_int_equal(weir_poll_cq(world->one.cq, 1, &wc), 0);
	MUST(end_post_send(&world->one, 77, 0, 600, 0)); /* too long for the receive */
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 77);
	assert_int_equal(wc.status, WEIR_WC_REM_INV_REQ_ERR);
}

/* Inline data is the caller's again when the call returns, and in no region. */
static void inline_data(void **state)
{
	struct world *world = *state;
	uint8_t text[48];
	struct weir_sge sge = {(uintptr_t)text, sizeof(text), 0};
	struct weir_send_wr wr = {.sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_SEND,
				    .send_flags = WEIR_SEND_INLINE},
			    *bad;

	connected(world, world->one.cq);
	for (uint32_t i = 0; i < END_DEPTH; i++) {
		memset(text, (int)(i + 1), sizeof(text));
		MUST(weir_post_send(world->one.qp, &wr, &bad));
		memset(text, 0xee, sizeof(text));
	}
	for (uint32_t i = 0; i < END_DEPTH; i++) {
		const uint8_t *at = world->other.memory + 4096 + (uint64_t)i * 512;

		assert_int_equal(end_poll(&world->other).byte_len, sizeof(text));
		for (uint32_t k = 0; k < sizeof(text); k++)
			assert_int_equal(at[k], i + 1);
	}
}

/* A send after a fence finds what a read before it brought. */
static void fence(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr[2] = {0}, *bad;

	connected(world, world->one.cq);
	for (uint32_t i = 0; i < END_DEPTH; i++) {
		memset(world->other.memory, (int)(i + 1), 64);
		wr[0] = (struct weir_send_wr){.next = &wr[1],
			.sg_list = &sge,
			.num_sge = 1,
			.opcode = WEIR_WR_RDMA_READ,
			.wr.rdma = {(uintptr_t)world->other.memory, world->other.mr->rkey}};
		wr[1] = (struct weir_send_wr){.sg_list = &sge,
			.num_sge = 1,
			.opcode = WEIR_WR_SEND,
			.send_flags = WEIR_SEND_FENCE | WEIR_SEND_SIGNALED};
		MUST(weir_post_send(world->one.qp, wr, &bad));
		assert_int_equal(end_poll(&world->one).opcode, WEIR_WC_SEND);
		end_poll(&world->other);
		assert_int_equal(world->other.memory[4096 + i * 512 + 63], i + 1);
	}
}

/* More completions than the queue has room for: said by an event, not in silence. */
static void overrun(void **state)
{
	struct world *world = *state;
	struct weir_cq *small = weir_create_cq(world->one.device, 4, NULL, NULL);
	struct weir_async_event event;
	struct weir_wc wc;

	MUST_HAVE(small);
	connected(world, small);
	for (uint32_t i = 0; i < END_DEPTH; i++) {
		MUST(end_post_send(&world->one, i, 0, 64, WEIR_SEND_SIGNALED));
		end_poll(&world->other);
	}
	for (int i = 0; i < 1000; i++)
		weir_poll_cq(small, 1, &wc);
	assert_true(small->cqe < END_DEPTH);
	if (strcmp(weir_qp_path(world->one.qp), "engine") == 0)
		return; /* there they wait in the queue pair until they are polled */
	MUST(weir_get_async_event(world->one.device, &event));
	assert_int_equal(event.event_type, WEIR_EVENT_CQ_ERR);
	assert_ptr_equal(event.element.cq, small);
}

#define BOTH(name)                                                                                 \
	{#name " direct", name, set_up_direct, world_close, NULL},                                 \
	{                                                                                          \
#name " engine", name, set_up_engine, world_close, NULL                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(lists), BOTH(unsignaled), BOTH(inline_data), BOTH(fence), BOTH(overrun)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
