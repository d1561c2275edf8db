/* SPDX-License-Identifier: BSD-3-Clause */
/* The send queue as verbs has it: full until completions are polled, and drained. */
#include "client_engine.h"
#include "verbs/client/post.h"

#include <fcntl.h>

/* ---- full ---- */

static int post_write(struct world *world, struct weir_qp *qp, bool signaled)
{
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr = {.wr_id = 5,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_RDMA_WRITE,
				    .send_flags = signaled ? WEIR_SEND_SIGNALED : 0,
				    .wr.rdma = {(uintptr_t)world->other.memory,
					    world->other.mr->rkey}},
			    *bad = NULL;
	int status = weir_post_send(qp, &wr, &bad);

	assert_ptr_equal(bad, status == 0 ? NULL : &wr);
	return status;
}

static unsigned post_until_full(struct world *world, struct weir_qp *qp)
{
	unsigned posted = 0;
	int status;

	while ((status = post_write(world, qp, true)) == 0)
		assert_true(++posted <= 1000);
	assert_int_equal(status, ENOMEM);
	return posted;
}

/* A program that posts until there is no more room, and then polls. */
static void full(void **state)
{
	struct world *world = *state;
	struct weir_wc wc[END_DEPTH];
	int polled = 0;

	assert_int_equal(post_until_full(world, world->one.qp), END_DEPTH);
	for (int i = 0; i < 3; i++)
		assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_int_equal(post_until_full(world, world->one.qp), 3);
	for (int i = 0; i < 60000 && polled < END_DEPTH; i++) {
		int count = weir_poll_cq(world->one.cq, END_DEPTH, wc);

		assert_in_range(count, 0, END_DEPTH - polled);
		polled += count;
		if (count == 0)
			usleep(50);
	}
	assert_int_equal(polled, END_DEPTH);
	assert_int_equal(post_until_full(world, world->one.qp), END_DEPTH);
}

/* Two queue pairs with one completion queue: each has its own room. */
static void full_beside(void **state)
{
	struct world *world = *state;
	struct end beside = world->one, other = world->other;

	end_make(&beside, WEIR_QPT_RC, NULL);
	end_make(&other, WEIR_QPT_RC, NULL);
	ends_connect(&beside, &other);
	assert_int_equal(post_until_full(world, world->one.qp), END_DEPTH);
	assert_int_equal(post_until_full(world, beside.qp), END_DEPTH);
	assert_int_equal(end_poll(&beside).status, WEIR_WC_SUCCESS);
	assert_int_equal(
		post_until_full(world, world->one.qp) + post_until_full(world, beside.qp), 1);
	MUST(weir_destroy_qp(world->one.qp));
	assert_in_range(post_until_full(world, beside.qp), 0, 1);
}

/* What ibv_wr_complete() wants: all of a list, or none. */
static void whole_lists(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr[END_DEPTH], *bad = NULL;

	for (unsigned i = 0; i < END_DEPTH; i++)
		wr[i] = (struct weir_send_wr){.next = i + 1 < END_DEPTH ? &wr[i + 1] : NULL,
			.sg_list = &sge,
			.num_sge = 1,
			.opcode = WEIR_WR_RDMA_WRITE,
			.wr.rdma = {(uintptr_t)world->other.memory, world->other.mr->rkey}};
	wr[3].num_sge = 3;
	assert_int_equal(client_post_send_all(world->one.qp, wr, &bad), EINVAL);
	assert_ptr_equal(bad, &wr[3]);
	wr[3].num_sge = 1;
	MUST(post_write(world, world->one.qp, true));
	assert_int_equal(client_post_send_all(world->one.qp, wr, &bad), ENOMEM);
	assert_ptr_equal(bad, &wr[END_DEPTH - 1]);
	assert_int_equal(end_poll(&world->one).wr_id, 5);
	assert_int_equal(weir_poll_cq(world->one.cq, 1, &(struct weir_wc){0}), 0);
	MUST(client_post_send_all(world->one.qp, wr, &bad));
	assert_int_equal(post_write(world, world->one.qp, true), ENOMEM);
}

/* ---- drained ---- */

static void modify(struct end *end, enum weir_qp_state state, unsigned mask)
{
	const struct weir_qp_attr attr = {.qp_state = state};

	MUST(weir_modify_qp(end->qp, &attr, WEIR_QP_STATE | mask));
}

static bool drained(struct end *end)
{
	struct weir_async_event event;
	int status = weir_get_async_event(end->device, &event);

	if (status != 0) {
		assert_int_equal(status, EAGAIN);
		return false;
	}
	assert_int_equal(event.event_type, WEIR_EVENT_SQ_DRAINED);
	assert_ptr_equal(event.element.qp, end->qp);
	return true;
}

static bool poll_some(struct end *end)
{
	struct weir_wc wc;

	for (int i = 0; i < 300; i++) {
		if (weir_poll_cq(end->cq, 1, &wc) != 0)
			return true;
		usleep(10);
	}
	return false;
}

static void sqd(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one, *other = &world->other;

	fcntl(weir_async_fd(one->device), F_SETFL, O_NONBLOCK);
	MUST(end_post_send(one, 1, 0, 64, 0)); /* waits for a receive */
	modify(one, WEIR_QPS_SQD, WEIR_QP_EN_SQD_ASYNC_NOTIFY);
	assert_int_equal(one->qp->state, WEIR_QPS_SQD);
	assert_false(drained(one));
	assert_int_equal(post_write(world, one->qp, true), 0);
	MUST(end_post_send(one, 2, 0, 64, 0));
	assert_false(drained(one));

	/* What was posted before is done, and told; nothing else is. */
	for (uint64_t i = 0; i < 2; i++)
		MUST(end_post_recv(other, 10 + i, 4096, 64));
	for (int i = 0; i < 5000 && !drained(one); i++) {
		assert_int_not_equal(i, 4999);
		usleep(100);
	}
	assert_false(drained(one));
	assert_int_equal(end_poll(other).wr_id, 10);
	assert_int_equal(end_poll(one).wr_id, 1);
	assert_false(poll_some(one));
	assert_false(poll_some(other));

	modify(one, WEIR_QPS_RTS, 0);
	assert_int_equal(end_poll(one).wr_id, 5);
	assert_int_equal(end_poll(one).wr_id, 2);
	assert_int_equal(end_poll(other).wr_id, 11);

	/* Nothing is posted: at once. */
	modify(one, WEIR_QPS_SQD, WEIR_QP_EN_SQD_ASYNC_NOTIFY);
	assert_true(drained(one));
	modify(one, WEIR_QPS_RTS, 0);
	modify(one, WEIR_QPS_SQD, 0);
	assert_false(drained(one));
}

/* Who waits for the event need not poll. */
static void sqd_waits(void **state)
{
	struct world *world = *state;
	struct weir_async_event event;

	MUST(end_post_send(&world->one, 1, 0, 64, 0));
	modify(&world->one, WEIR_QPS_SQD, WEIR_QP_EN_SQD_ASYNC_NOTIFY);
	MUST(end_post_recv(&world->other, 2, 4096, 64));
	MUST(weir_get_async_event(world->one.device, &event));
	assert_int_equal(event.event_type, WEIR_EVENT_SQ_DRAINED);
}

/* ---- failed ---- */

/* The other end has sent all it had, and ends, with a request of ours on its way. */
static void good_ones_first(void **state)
{
	struct world *world = *state;
	struct end beside = world->one, other = world->other;
	struct weir_wc wc;

	end_make(&beside, WEIR_QPT_RC, NULL);
	end_make(&other, WEIR_QPT_RC, NULL);
	ends_connect(&beside, &other);
	MUST(end_post_recv(&beside, 1, 4096, 64));
	MUST(end_post_send(&world->one, 2, 0, 64, 0)); /* waits for a receive */
	MUST(end_post_send(&other, 3, 0, 64, 0));
	assert_int_equal(end_poll(&other).status, WEIR_WC_SUCCESS);
	MUST(weir_destroy_qp(world->other.qp));
	usleep(5000);
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 1);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 2);
	assert_int_equal(wc.status, WEIR_WC_RETRY_EXC_ERR);
}

/* ---- woken ---- */

/* Who has never sent anything knows whom his receive is for, and wakes him at once. */
static void receiver_wakes(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one;
	struct pollfd waiting = {.fd = one->channel->fd, .events = POLLIN};
	struct weir_cq *cq;
	void *context;

	fcntl(one->channel->fd, F_SETFL, O_NONBLOCK);
	MUST(weir_req_notify_cq(one->cq, 0));
	MUST(end_post_send(one, 1, 0, 64, 0));
	assert_int_equal(weir_get_cq_event(one->channel, &cq, &context), EAGAIN);
	assert_int_equal(poll(&waiting, 1, 0), 0);
	MUST(end_post_recv(&world->other, 2, 4096, 64));
	assert_int_equal(poll(&waiting, 1, 0), 1);
	MUST(weir_get_cq_event(one->channel, &cq, &context));
	weir_ack_cq_events(cq, 1);
	assert_int_equal(end_poll(one).status, WEIR_WC_SUCCESS);
}

/* Nobody wakes a program when a send was tried for long enough: the channel's fd does it, also for
 * one that sleeps in poll(2) of its own. */
static void too_long(void **state)
{
	const struct weir_qp_attr drain = {.qp_state = WEIR_QPS_SQD};
	const struct weir_qp_attr again = {.qp_state = WEIR_QPS_RTS};
	const struct weir_qp_attr patience = {.rnr_retry = 2};
	struct world *world = *state;
	struct end *one = &world->one;
	struct pollfd waiting = {.fd = one->channel->fd, .events = POLLIN};
	struct weir_cq *cq;
	void *context;

	fcntl(one->channel->fd, F_SETFL, O_NONBLOCK);
	MUST(weir_modify_qp(one->qp, &drain, WEIR_QP_STATE));
	MUST(weir_modify_qp(one->qp, &patience, WEIR_QP_RNR_RETRY));
	MUST(weir_modify_qp(one->qp, &again, WEIR_QP_STATE));
	MUST(end_post_send(one, 1, 0, 64, 0));
	MUST(weir_req_notify_cq(one->cq, 0));
	for (int i = 0; weir_get_cq_event(one->channel, &cq, &context) != 0; i++) {
		assert_in_range(i, 0, 20);
		assert_int_equal(poll(&waiting, 1, 2000), 1);
	}
	weir_ack_cq_events(cq, 1);
	assert_int_equal(end_poll(one).status, WEIR_WC_RNR_RETRY_EXC_ERR);
}

/* ---- carried on ---- */

/* A program that waits for answers, and never looks at the queue of its sends. */
static void only_receives_polled(void **state)
{
	struct world *world = *state;
	struct end sender = world->one, other = world->other;
	struct weir_cq *answers = weir_create_cq(sender.device, 16, NULL, sender.channel), *cq;
	struct weir_qp_init_attr attr = {.recv_cq = answers,
		.cap = {.max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1},
		.qp_type = WEIR_QPT_RC};
	struct weir_wc wc;
	void *context;

	MUST_HAVE(attr.send_cq = weir_create_cq(sender.device, 16, NULL, NULL));
	MUST_HAVE(sender.qp = weir_create_qp(sender.pd, &attr));
	end_make(&other, WEIR_QPT_RC, NULL);
	ends_connect(&sender, &other);
	MUST(end_post_send(&sender, 1, 0, 64, 0)); /* waits for a receive */
	MUST(end_post_send(&sender, 2, 0, 64, 0));
	MUST(end_post_recv(&other, 3, 4096, 64));
	for (int i = 0; i < 60000 && weir_poll_cq(other.cq, 1, &wc) == 0; i++) {
		assert_int_not_equal(i, 59999);
		assert_int_equal(weir_poll_cq(answers, 1, &wc), 0);
	}
	/* The same asleep. */
	fcntl(sender.channel->fd, F_SETFL, O_NONBLOCK);
	MUST(weir_req_notify_cq(answers, 0));
	MUST(end_post_recv(&other, 3, 4096, 64));
	for (int i = 0; i < 500 && weir_poll_cq(other.cq, 1, &wc) == 0; i++) {
		struct pollfd waiting = {.fd = sender.channel->fd, .events = POLLIN};

		assert_int_not_equal(i, 499);
		poll(&waiting, 1, 100);
		assert_int_equal(weir_get_cq_event(sender.channel, &cq, &context), EAGAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_BOTH(full),
		PAIR_BOTH(full_beside),
		PAIR_BOTH(whole_lists),
		PAIR_BOTH(sqd),
		PAIR_BOTH(sqd_waits),
		PAIR_BOTH(good_ones_first),
		PAIR_BOTH(too_long),
		PAIR_BOTH(only_receives_polled),
		cmocka_unit_test_setup_teardown(receiver_wakes, pair_set_up_direct, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
