/* SPDX-License-Identifier: BSD-3-Clause */
/* Two applications over a real engine, on both paths: from nothing to a message, and back. */
#include "client_engine.h"
#include "verbs/client/client.h"

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

static void ping(struct end *from, struct end *to, uint32_t bytes)
{
	struct weir_wc wc;

	memset(to->memory, 0, END_BYTES);
	for (uint32_t i = 0; i < bytes; i++)
		from->memory[i] = (uint8_t)(i * 7 + 1);
	MUST(end_post_recv(to, 7, 4096, 8192));
	MUST(end_post_send(from, 9, 0, bytes, 0));
	wc = end_poll(to);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	assert_int_equal(wc.opcode, WEIR_WC_RECV);
	assert_int_equal(wc.wr_id, 7);
	assert_int_equal(wc.byte_len, bytes);
	assert_int_equal(wc.qp_num, to->qp->qp_num);
	assert_int_equal(wc.src_qp, from->qp->qp_num);
	assert_memory_equal(from->memory, to->memory + 4096, bytes);
	wc = end_poll(from);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	assert_int_equal(wc.wr_id, 9);
}

static void exchange(struct world *world, enum weir_qp_type type)
{
	end_make(&world->one, type, NULL);
	end_make(&world->other, type, NULL);
	ends_connect(&world->one, &world->other);
	for (uint32_t bytes = 0; bytes <= 8192; bytes = bytes * 3 + 1) {
		ping(&world->one, &world->other, bytes);
		ping(&world->other, &world->one, bytes);
	}
}

static void rc_direct(void **state)
{
	struct world *world = *state;

	exchange(world, WEIR_QPT_RC);
	assert_string_equal(weir_qp_path(world->one.qp), "direct");
}

static void rc_engine(void **state)
{
	struct world *world = *state;

	exchange(world, WEIR_QPT_RC);
	assert_string_equal(weir_qp_path(world->one.qp), "engine");
}

static void one_sided(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 4096, world->one.mr->lkey};
	struct weir_send_wr wr = {.wr_id = 1,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_RDMA_WRITE,
				    .wr.rdma = {(uintptr_t)world->other.memory,
					    world->other.mr->rkey}},
			    *bad;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	memset(world->one.memory, 0x5a, 4096);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_memory_equal(world->one.memory, world->other.memory, 4096);

	memset(world->other.memory, 0x33, 4096);
	wr.opcode = WEIR_WR_RDMA_READ;
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_memory_equal(world->one.memory, world->other.memory, 4096);

	*(uint64_t *)(void *)world->other.memory = 41;
	sge.length = 8;
	wr.opcode = WEIR_WR_ATOMIC_FETCH_AND_ADD;
	wr.wr.atomic.remote_addr = (uintptr_t)world->other.memory;
	wr.wr.atomic.rkey = world->other.mr->rkey;
	wr.wr.atomic.compare_add = 1;
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	assert_int_equal(*(uint64_t *)(void *)world->other.memory, 42);
	assert_int_equal(*(uint64_t *)(void *)world->one.memory, 41);
}

/* A region that was taken away cannot be reached, and a key of before is not the next one's. */
static void revoked(void **state)
{
	struct world *world = *state;
	uint32_t old = world->other.mr->rkey;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey};
	struct weir_send_wr wr = {.sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_RDMA_WRITE,
				    .wr.rdma = {(uintptr_t)world->other.memory, old}},
			    *bad;
	struct weir_wc wc;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	MUST(weir_dereg_mr(world->other.mr));
	MUST_HAVE(world->other.mr = weir_reg_mr(world->other.pd, world->other.memory, END_BYTES,
			  WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE));
	assert_int_not_equal(world->other.mr->rkey, old);
	memset(world->one.memory, 0x77, 64);
	memset(world->other.memory, 0, 64);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	wc = end_poll(&world->one);
	assert_int_equal(wc.status, WEIR_WC_REM_ACCESS_ERR);
	assert_int_equal(world->other.memory[0], 0);
	assert_int_equal(world->one.qp->state, WEIR_QPS_ERR);
}

static void srq(void **state)
{
	struct world *world = *state;
	struct weir_srq_attr attr = {.max_wr = 5, .max_sge = 2};
	struct weir_sge sge = {0, 256, world->other.mr->lkey};
	struct weir_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;
	struct weir_srq *shared = weir_create_srq(world->other.pd, &attr, NULL);
	struct weir_async_event event;
	struct weir_wc wc;

	MUST_HAVE(shared);
	assert_int_equal(attr.max_wr, 8);
	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, shared);
	ends_connect(&world->one, &world->other);
	/* More than the queue holds, and around it more than once. */
	for (uint32_t i = 0; i < 40; i++) {
		sge.addr = (uintptr_t)world->other.memory + (uint64_t)i * 256;
		wr.wr_id = 100 + i;
		MUST(weir_post_srq_recv(shared, &wr, &bad));
		world->one.memory[0] = (uint8_t)i;
		MUST(end_post_send(&world->one, i, 0, i % 2 == 0 ? 16 : 200, 0));
		wc = end_poll(&world->other);
		assert_int_equal(wc.status, WEIR_WC_SUCCESS);
		assert_int_equal(wc.wr_id, 100 + i);
		assert_int_equal(*(uint8_t *)(uintptr_t)sge.addr, i);
		assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	}
	for (uint32_t i = 0; i < 8; i++)
		MUST(weir_post_srq_recv(shared, &wr, &bad));
	assert_int_equal(weir_post_srq_recv(shared, &wr, &bad), ENOMEM);
	assert_ptr_equal(bad, &wr);
	/* The limit: told once. */
	MUST(weir_modify_srq_limit(shared, 8));
	MUST(end_post_send(&world->one, 0, 0, 16, 0));
	assert_int_equal(end_poll(&world->other).status, WEIR_WC_SUCCESS);
	MUST(weir_get_async_event(world->other.device, &event));
	assert_int_equal(event.event_type, WEIR_EVENT_SRQ_LIMIT_REACHED);
	assert_ptr_equal(event.element.srq, shared);
	assert_int_equal(weir_destroy_srq(shared), EBUSY);
}

/* Of a queue pair that goes, or begins anew, with messages that nobody polled. */
static void srq_returned(void **state)
{
	struct world *world = *state;
	struct weir_srq_attr attr = {.max_wr = 4, .max_sge = 1};
	struct weir_sge sge = {(uintptr_t)world->other.memory, 256, world->other.mr->lkey};
	struct weir_recv_wr wr = {.wr_id = 7, .sg_list = &sge, .num_sge = 1}, *bad;
	struct weir_qp_attr reset = {.qp_state = WEIR_QPS_RESET};
	struct weir_srq *shared = weir_create_srq(world->other.pd, &attr, NULL);

	for (uint32_t i = 0; i < 4; i++)
		MUST(weir_post_srq_recv(shared, &wr, &bad));
	for (uint32_t turn = 0; turn < 12; turn++) {
		end_make(&world->one, WEIR_QPT_RC, NULL);
		end_make(&world->other, WEIR_QPT_RC, shared);
		ends_connect(&world->one, &world->other);
		/* All four are there each time. */
		for (uint32_t i = 0; i < 4; i++) {
			MUST(end_post_send(&world->one, i, 0, 200, 0));
			assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
		}
		if (turn % 3 == 0)
			MUST(weir_modify_qp(world->other.qp, &reset, WEIR_QP_STATE));
		if (turn % 3 == 1)
			MUST(weir_destroy_qp(world->one.qp));
		MUST(weir_destroy_qp(world->other.qp));
		if (turn % 3 != 1)
			MUST(weir_destroy_qp(world->one.qp));
	}
	/* One that was never connected takes nothing back. */
	end_make(&world->other, WEIR_QPT_RC, shared);
	MUST(weir_destroy_qp(world->other.qp));
	assert_int_equal(weir_post_srq_recv(shared, &wr, &bad), ENOMEM);
}

static uint32_t claimed(struct weir_srq *srq)
{
	return __atomic_load_n(&((struct client_srq *)srq)->shared.header->next, __ATOMIC_RELAXED);
}

/* A long message keeps its receive while others go around the queue many times. */
static void srq_out_of_order(void **state)
{
	enum { LONG = 64 << 20 };
	struct world *world = *state;
	struct end *one = &world->one, *other = &world->other, second = *one, second_other = *other;
	struct weir_srq_attr attr = {.max_wr = 4, .max_sge = 1};
	struct weir_srq *shared = weir_create_srq(other->pd, &attr, NULL);
	uint8_t *from = weir_alloc(one->device, LONG, false);
	uint8_t *to = weir_alloc(other->device, LONG, false);
	struct weir_mr *from_mr = weir_reg_mr(one->pd, from, LONG, WEIR_ACCESS_LOCAL_WRITE);
	struct weir_mr *to_mr = weir_reg_mr(other->pd, to, LONG, WEIR_ACCESS_LOCAL_WRITE);
	struct weir_sge sge = {(uintptr_t)to, LONG, to_mr->lkey};
	struct weir_recv_wr receive = {.wr_id = 1000, .sg_list = &sge, .num_sge = 1}, *bad_receive;
	struct weir_sge all = {(uintptr_t)from, LONG, from_mr->lkey};
	struct weir_send_wr wr = {.wr_id = 5,
				    .sg_list = &all,
				    .num_sge = 1,
				    .opcode = WEIR_WR_SEND},
			    *bad;
	unsigned taken_long = 0;

	MUST_HAVE(shared);
	MUST_HAVE(second.cq = weir_create_cq(one->device, 64, NULL, NULL));
	end_make(one, WEIR_QPT_RC, NULL);
	end_make(other, WEIR_QPT_RC, shared);
	end_make(&second, WEIR_QPT_RC, NULL);
	end_make(&second_other, WEIR_QPT_RC, shared);
	ends_connect(one, other);
	ends_connect(&second, &second_other);
	memset(from, 0x3c, LONG);
	MUST(weir_post_srq_recv(shared, &receive, &bad_receive));
	MUST(weir_post_send(one->qp, &wr, &bad));
	/* The engine may take the queue pairs in any order: the long message is to be the first. */
	for (int i = 0; i < 50000 && claimed(shared) == 0; i++)
		usleep(100);
	sge = (struct weir_sge){(uintptr_t)other->memory, 256, other->mr->lkey};
	for (uint64_t i = 0; i < 40; i++) {
		struct weir_wc wc;

		receive.wr_id = i;
		MUST(weir_post_srq_recv(shared, &receive, &bad_receive));
		MUST(end_post_send(&second, i, 0, 64, 0));
		assert_int_equal(end_poll(&second).status, WEIR_WC_SUCCESS);
		wc = end_poll(other);
		if (wc.wr_id == 1000) { /* the engine's thread may be quick */
			taken_long++;
			wc = end_poll(other);
		}
		assert_int_equal(wc.status, WEIR_WC_SUCCESS);
		assert_int_equal(wc.wr_id, i);
	}
	assert_int_equal(end_poll(one).wr_id, 5);
	if (taken_long == 0)
		assert_int_equal(end_poll(other).wr_id, 1000);
	assert_int_equal(to[LONG - 1], 0x3c);
}

/* An initiator goes in the middle of a message: the receive that it had claimed is there again. */
static void srq_given_back(void **state)
{
	enum { LONG = 64 << 20 };
	struct world *world = *state;
	struct end *one = &world->one, *other = &world->other, second = *one, second_other = *other;
	struct weir_srq_attr attr = {.max_wr = 4, .max_sge = 1};
	struct weir_srq *shared = weir_create_srq(other->pd, &attr, NULL);
	uint8_t *from = weir_alloc(one->device, LONG, false);
	uint8_t *to = weir_alloc(other->device, LONG, false);
	struct weir_mr *from_mr = weir_reg_mr(one->pd, from, LONG, WEIR_ACCESS_LOCAL_WRITE);
	struct weir_mr *to_mr = weir_reg_mr(other->pd, to, LONG, WEIR_ACCESS_LOCAL_WRITE);
	struct weir_sge sge = {(uintptr_t)to, LONG, to_mr->lkey};
	struct weir_recv_wr receive = {.sg_list = &sge, .num_sge = 1}, *bad_receive;
	struct weir_sge all = {(uintptr_t)from, LONG, from_mr->lkey};
	struct weir_send_wr wr = {.sg_list = &all, .num_sge = 1, .opcode = WEIR_WR_SEND}, *bad;
	unsigned seen = 0;

	end_make(one, WEIR_QPT_RC, NULL);
	end_make(other, WEIR_QPT_RC, shared);
	ends_connect(one, other);
	for (; receive.wr_id < 4; receive.wr_id++)
		MUST(weir_post_srq_recv(shared, &receive, &bad_receive));
	MUST(weir_post_send(one->qp, &wr, &bad));
	MUST(weir_destroy_qp(one->qp));
	for (int i = 0; i < 100000 && other->qp->state != WEIR_QPS_ERR; i++)
		assert_int_equal(weir_poll_cq(other->cq, 1, &(struct weir_wc){0}), 0);
	assert_int_equal(other->qp->state, WEIR_QPS_ERR);
	assert_int_equal(weir_poll_cq(other->cq, 1, &(struct weir_wc){0}), 0);

	end_make(&second, WEIR_QPT_RC, NULL);
	end_make(&second_other, WEIR_QPT_RC, shared);
	ends_connect(&second, &second_other);
	for (unsigned i = 0; i < 4; i++) {
		struct weir_wc wc;

		MUST(end_post_send(&second, i, 0, 64, 0));
		wc = end_poll(other);
		assert_int_equal(wc.status, WEIR_WC_SUCCESS);
		seen |= 1u << wc.wr_id;
		assert_int_equal(end_poll(&second).status, WEIR_WC_SUCCESS);
	}
	assert_int_equal(seen, 0xf);
}

/* The other end has our memory mapped and puts a message there that nobody could send. */
static void slot_lies(void **state)
{
	struct world *world = *state;
	struct client_qp *qp;
	struct verbs_slot *slot;
	struct weir_wc wc;

	for (unsigned kind = VERBS_ARRIVED_WRITE; kind < 256; kind += 127) {
		end_make(&world->one, WEIR_QPT_RC, NULL);
		end_make(&world->other, WEIR_QPT_RC, NULL);
		ends_connect(&world->one, &world->other);
		ping(&world->one, &world->other, 64);
		MUST(end_post_recv(&world->other, 3, 0, 64));
		qp = (struct client_qp *)world->other.qp;
		slot = &qp->own.inbox[1];
		slot->kind = kind == VERBS_ARRIVED_FAULT ? 3 : (uint8_t)kind;
		slot->flags = VERBS_SLOT_INLINE;
		slot->status = WEIR_WC_SUCCESS;
		slot->bytes = 1 << 30;
		__atomic_store_n(&slot->sequence, 2, __ATOMIC_RELEASE);
		wc = end_poll(&world->other);
		assert_int_equal(wc.wr_id, 3);
		assert_int_equal(wc.status, WEIR_WC_GENERAL_ERR);
		assert_int_equal(world->other.qp->state, WEIR_QPS_ERR);
		MUST(weir_destroy_qp(world->one.qp));
		MUST(weir_destroy_qp(world->other.qp));
		while (weir_poll_cq(world->one.cq, 1, &wc) + weir_poll_cq(world->other.cq, 1, &wc) >
			0)
			;
	}
}

/* And changes a request of ours that waits there. */
static void request_lies(void **state)
{
	struct world *world = *state;
	struct verbs_request *request;
	struct client_qp *qp;
	struct weir_wc wc;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	MUST(end_post_send(&world->one, 1, 0, 512, 0)); /* waits for a receive */
	MUST(end_post_send(&world->one, 2, 0, 512, 0));
	qp = (struct client_qp *)world->one.qp;
	request = (struct verbs_request *)(qp->own.requests + qp->own.request_stride);
	assert_int_equal(request->sequence, 2);
	request->segment_count = UINT16_MAX;
	request->bytes = 1 << 30;
	MUST(end_post_recv(&world->other, 7, 0, 1024));
	MUST(end_post_recv(&world->other, 8, 0, 1024));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 2);
	assert_int_equal(wc.status, WEIR_WC_LOC_QP_OP_ERR);
	assert_int_equal(end_poll(&world->other).byte_len, 512);
}

static void ud(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 100, world->one.mr->lkey};
	struct weir_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = WEIR_WR_SEND}, *bad;
	struct weir_wc wc;

	end_make(&world->one, WEIR_QPT_UD, NULL);
	end_make(&world->other, WEIR_QPT_UD, NULL);
	ends_connect(&world->one, &world->other);
	MUST_HAVE(wr.wr.ud.ah = weir_create_ah(world->one.pd));
	wr.wr.ud.remote_qpn = world->other.qp->qp_num;
	wr.wr.ud.remote_qkey = 0x11111111;
	memset(world->one.memory, 0x21, 100);
	MUST(end_post_recv(&world->other, 5, 0, 4096));
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
	wc = end_poll(&world->other);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	assert_int_equal(wc.byte_len, 140);
	assert_memory_equal(world->other.memory + 40, world->one.memory, 100);
	MUST(weir_destroy_ah(wr.wr.ud.ah));
}

/* Both ends in one process, and a queue pair with itself. */
static void loopback(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one, second = *one;

	end_make(one, WEIR_QPT_RC, NULL);
	MUST_HAVE(second.cq = weir_create_cq(one->device, 64, NULL, NULL));
	end_make(&second, WEIR_QPT_RC, NULL);
	ends_connect(one, &second);
	MUST(end_post_recv(&second, 3, 4096, 4096));
	memset(one->memory, 0x44, 2000);
	MUST(end_post_send(one, 4, 0, 2000, 0));
	assert_int_equal(end_poll(&second).wr_id, 3);
	assert_int_equal(end_poll(one).wr_id, 4);
	assert_memory_equal(one->memory, one->memory + 4096, 2000);
	MUST(weir_destroy_qp(second.qp));

	end_make(&second, WEIR_QPT_RC, NULL);
	MUST(weir_connect_qp(second.qp, second.qp->qp_num));
	MUST(end_post_recv(&second, 3, 8192, 4096));
	MUST(end_post_send(&second, 4, 0, 2000, 0));
	for (int i = 0; i < 2; i++)
		assert_int_equal(end_poll(&second).status, WEIR_WC_SUCCESS);
	assert_memory_equal(one->memory, one->memory + 8192, 2000);
}

/* RESET empties it, and it can be connected anew, to another one too. */
static void again(void **state)
{
	struct world *world = *state;
	const struct weir_qp_attr reset = {.qp_state = WEIR_QPS_RESET};
	struct weir_wc wc;

	exchange(world, WEIR_QPT_RC);
	MUST(end_post_recv(&world->other, 66, 0, 64));
	MUST(end_post_send(&world->one, 67, 0, 16, 0));
	MUST(weir_modify_qp(world->one.qp, &reset, WEIR_QP_STATE));
	MUST(weir_modify_qp(world->other.qp, &reset, WEIR_QP_STATE));
	assert_int_equal(weir_poll_cq(world->one.cq, 1, &wc), 0);
	assert_int_equal(weir_poll_cq(world->other.cq, 1, &wc), 0);
	assert_int_equal(end_post_recv(&world->one, 0, 0, 64), EINVAL);
	ends_connect(&world->one, &world->other);
	ping(&world->one, &world->other, 100);
	ping(&world->other, &world->one, 3000);
	MUST(weir_destroy_qp(world->other.qp));
	MUST(weir_modify_qp(world->one.qp, &reset, WEIR_QP_STATE));
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	ping(&world->one, &world->other, 100);
}

/* Sent before the other end is there: kept, and done then. */
static void early(void **state)
{
	struct world *world = *state;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	MUST(weir_connect_qp(world->one.qp, world->other.qp->qp_num));
	assert_string_equal(weir_qp_path(world->one.qp), "none yet");
	memset(world->one.memory, 0x18, 200);
	MUST(end_post_send(&world->one, 1, 0, 200, 0));
	MUST(end_post_send(&world->one, 2, 0, 32, WEIR_SEND_INLINE));
	MUST(weir_connect_qp(world->other.qp, world->one.qp->qp_num));
	MUST(end_post_recv(&world->other, 10, 4096, 256));
	MUST(end_post_recv(&world->other, 11, 8192, 256));
	assert_int_equal(end_poll(&world->one).wr_id, 1);
	assert_int_equal(end_poll(&world->one).wr_id, 2);
	assert_int_equal(end_poll(&world->other).wr_id, 10);
	assert_int_equal(end_poll(&world->other).wr_id, 11);
	assert_memory_equal(world->one.memory, world->other.memory + 4096, 200);
	assert_memory_equal(world->one.memory, world->other.memory + 8192, 32);
}

static void errors(void **state)
{
	struct world *world = *state;
	const struct weir_qp_attr error = {.qp_state = WEIR_QPS_ERR};
	struct weir_wc wc;

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	MUST(end_post_recv(&world->one, 1, 0, 64));
	MUST(end_post_send(&world->one, 2, 0, 64, 0));
	MUST(weir_modify_qp(world->one.qp, &error, WEIR_QP_STATE));
	for (int i = 0; i < 2; i++) {
		wc = end_poll(&world->one);
		assert_int_equal(wc.status, WEIR_WC_WR_FLUSH_ERR);
		assert_int_equal(wc.qp_num, world->one.qp->qp_num);
	}
	/* And what is posted now. */
	MUST(end_post_recv(&world->one, 3, 0, 64));
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 3);
	assert_int_equal(wc.status, WEIR_WC_WR_FLUSH_ERR);
}

#define BOTH(name)                                                                                 \
	{#name " direct", name, set_up_direct, world_close, NULL},                                 \
	{                                                                                          \
#name " engine", name, set_up_engine, world_close, NULL                            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rc_direct, set_up_direct, world_close),
		cmocka_unit_test_setup_teardown(rc_engine, set_up_engine, world_close),
		BOTH(one_sided),
		BOTH(revoked),
		BOTH(srq),
		BOTH(srq_out_of_order),
		{"slot_lies direct", slot_lies, set_up_direct, world_close, NULL},
		{"request_lies direct", request_lies, set_up_direct, world_close, NULL},
		{"srq_given_back direct", srq_given_back, set_up_direct, world_close, NULL},
		{"srq_returned direct", srq_returned, set_up_direct, world_close, NULL},
		{"srq_returned engine", srq_returned, set_up_engine, world_close, NULL},
		BOTH(ud),
		BOTH(loopback),
		BOTH(again),
		BOTH(early),
		BOTH(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
