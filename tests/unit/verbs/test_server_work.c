/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine path: what is asked for is done, once, in order; what must not be is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "fake_client.h"
#include "verbs/server/state.h"

static struct fake_server fake;
static struct fake_client one, two;
static struct fake_queue a, b;
static struct fake_region near, far;
static unsigned fds_before;

static void pair_make(uint32_t type)
{
	fds_before = fake_open_fds();
	fake_server_start(&fake, fake_config(VERBS_POLICY_ENGINE), NULL, NULL);
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, type, &a), 0);
	assert_int_equal(fake_queue_create(&two, type, &b), 0);
	assert_int_equal(fake_reg(&one, 1 << 20, 15, 0, &near), 0);
	assert_int_equal(fake_reg(&two, 1 << 20, 15, 0, &far), 0);
	assert_int_equal(fake_connect(&a, type == WEIR_QPT_UD ? 0 : b.number), 0);
	assert_int_equal(fake_connect(&b, type == WEIR_QPT_UD ? 0 : a.number), 0);
}

static int setup(void **state)
{
	(void)state;
	pair_make(WEIR_QPT_RC);
	return 0;
}

static int setup_datagram(void **state)
{
	(void)state;
	pair_make(WEIR_QPT_UD);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_region_drop(&near);
	fake_region_drop(&far);
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_destroy(fake.server);
	assert_int_equal(fake_open_fds(), fds_before);
	return 0;
}

static void assert_outcome(uint32_t number, uint16_t status, uint16_t reason)
{
	const struct verbs_outcome *outcome = fake_outcome(&a, number);

	assert_non_null(outcome);
	assert_int_equal(outcome->status, status);
	assert_int_equal(outcome->reason, reason);
}

static void test_sends_arrive_in_order(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		const struct verbs_slot *slot;

		fake_post_receive(&b, &far, i * 100ull, 100);
		memset(near.memory.base, (int)i + 1, 100);
		fake_post_send(&a, &near, 0, 100);
		fake_work(&fake);
		assert_outcome(i, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		slot = fake_slot(&b, i);
		assert_non_null(slot);
		assert_int_equal(slot->bytes, 100);
		assert_int_equal(slot->source, a.number);
		assert_memory_equal(far.memory.base + i * 100, near.memory.base, 100);
		assert_int_equal(a.queue.header->executed, i + 1);
		b.queue.header->consumed = i + 1;
	}
}

static struct verbs_request *one_sided(uint8_t opcode, uint64_t offset, uint32_t bytes)
{
	struct verbs_request *request = fake_request(&a);

	request->opcode = opcode;
	request->remote_address = (uintptr_t)far.memory.base + offset;
	request->remote_key = far.key;
	fake_segment(request, &near, 0, bytes);
	return request;
}

static void test_one_sided(void **state)
{
	struct verbs_request *request;
	uint64_t *word = (uint64_t *)(void *)(far.memory.base + 64);

	(void)state;
	memset(near.memory.base, 0x5a, 600000);
	fake_post(&a, one_sided(WEIR_WR_RDMA_WRITE, 1000, 600000)); /* several steps */
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_memory_equal(far.memory.base + 1000, near.memory.base, 600000);
	assert_int_equal(far.memory.base[999], 0);
	assert_int_equal(far.memory.base[601000], 0);
	memcpy(far.memory.base, "weir", 4);
	fake_post(&a, one_sided(WEIR_WR_RDMA_READ, 0, 4));
	fake_work(&fake);
	assert_memory_equal(near.memory.base, "weir", 4);
	*word = 40;
	request = one_sided(WEIR_WR_ATOMIC_FETCH_AND_ADD, 64, 8);
	request->compare_add = 2;
	fake_post(&a, request);
	request = one_sided(WEIR_WR_ATOMIC_CMP_AND_SWP, 64, 8);
	request->segments[0].address += 8;
	request->compare_add = 42;
	request->swap = 7;
	fake_post(&a, request);
	fake_work(&fake);
	assert_outcome(3, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(((uint64_t *)(void *)near.memory.base)[0], 40);
	assert_int_equal(((uint64_t *)(void *)near.memory.base)[1], 42);
	assert_int_equal(*word, 7);
	assert_int_equal(a.queue.header->intent, 4);
}

static void test_inline(void **state)
{
	struct verbs_request *request = fake_request(&a);

	(void)state;
	fake_post_receive(&b, &far, 0, 100);
	request->opcode = WEIR_WR_SEND_WITH_IMM;
	request->flags = WEIR_SEND_INLINE;
	request->immediate = 77;
	request->bytes = 64;
	memset(request->payload, 'x', 64);
	fake_post(&a, request);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(fake_slot(&b, 0)->immediate, 77);
	assert_int_equal(far.memory.base[63], 'x');
	assert_int_equal(far.memory.base[64], 0);
}

/* A request that makes no sense ends with this, and those behind it are flushed. */
static void assert_refused(struct verbs_request *request, uint16_t status, uint16_t reason)
{
	uint32_t number = a.posted;

	fake_post(&a, request);
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_outcome(number, status, reason);
	assert_outcome(number + 1, WEIR_WC_WR_FLUSH_ERR, VERBS_REASON_FLUSHED);
	assert_int_equal(fake_modify(&a, WEIR_QPS_SQE, b.number, 0), 0);
	assert_int_equal(fake_modify(&a, WEIR_QPS_RTS, b.number, 0), 0);
}

static void test_nonsense_is_refused(void **state)
{
	struct verbs_request *request = fake_request(&a);

	(void)state;
	request->opcode = 99;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_OPCODE);
	request = fake_request(&a);
	request->opcode = WEIR_WR_SEND;
	request->segment_count = 3;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_TOO_MANY_SEGMENTS);
	request = fake_request(&a);
	request->segment_count = 65535;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_TOO_MANY_SEGMENTS);
	request = fake_request(&a);
	request->opcode = WEIR_WR_SEND;
	request->flags = WEIR_SEND_INLINE;
	request->bytes = 65;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
	request = fake_request(&a);
	request->opcode = WEIR_WR_SEND;
	request->bytes = (1u << 30) + 1;
	assert_refused(request, WEIR_WC_LOC_LEN_ERR, VERBS_REASON_TOO_LONG);
	request = fake_request(&a);
	fake_segment(request, &near, 0, 100);
	request->bytes = 99;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
	request = one_sided(WEIR_WR_RDMA_READ, 0, 8);
	request->flags = WEIR_SEND_INLINE;
	assert_refused(request, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_REQUEST);
	request = fake_request(&a);
	fake_segment(request, &near, (1 << 20) - 4, 8);
	assert_refused(request, WEIR_WC_LOC_PROT_ERR, VERBS_REASON_LOCAL_RANGE);
}

static void test_a_region_of_the_other_end_must_be_named_right(void **state)
{
	struct verbs_request *request = one_sided(WEIR_WR_RDMA_WRITE, 0, 8);

	(void)state;
	request->remote_key += 0x10000;
	assert_refused(request, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_KEY);
	assert_refused(one_sided(WEIR_WR_RDMA_WRITE, (1 << 20) - 4, 8), WEIR_WC_REM_ACCESS_ERR,
		VERBS_REASON_REMOTE_RANGE);
	request = one_sided(WEIR_WR_RDMA_WRITE, 0, 8);
	request->remote_key = UINT32_MAX;
	assert_refused(request, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_KEY);
}

static void test_a_region_that_went_is_not_touched(void **state)
{

	(void)state;
	fake_post(&a, one_sided(WEIR_WR_RDMA_WRITE, 0, 600000));
	/* in the midst of it */
	assert_int_equal(verbs_server_work(fake.server, 0) + verbs_server_work(fake.server, 1), 1);
	assert_null(fake_outcome(&a, 0));
	assert_int_equal(fake_destroy(&two, VERBS_DEREG_MR, far.key), 0);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_KEY);
}

static void test_the_end_of_the_other_one_ends_it(void **state)
{
	(void)state;
	fake_post(&a, one_sided(WEIR_WR_RDMA_WRITE, 0, 600000));
	assert_int_equal(verbs_server_work(fake.server, 0) + verbs_server_work(fake.server, 1), 1);
	shutdown(two.socket, SHUT_RDWR);
	verbs_server_step(fake.server);
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_GONE);
	assert_outcome(1, WEIR_WC_WR_FLUSH_ERR, VERBS_REASON_FLUSHED);
}

static void test_no_receive(void **state)
{
	union verbs_message message = {.modify_qp = {.queue = a.number,
					       .state = WEIR_QPS_RTS,
					       .remote_queue = b.number,
					       .rnr_retry = 7}};

	(void)state;
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_null(fake_outcome(&a, 0));
	fake_post_receive(&b, &far, 0, 10);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	message.modify_qp.rnr_retry = 1;
	assert_int_equal(fake_call(&one, VERBS_MODIFY_QP, &message, NULL, 0, NULL, NULL), 0);
	b.queue.header->rnr_timer = 20; /* 10 ms */
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_null(fake_outcome(&a, 1));
	nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
	fake_work(&fake);
	assert_outcome(1, WEIR_WC_RNR_RETRY_EXC_ERR, VERBS_REASON_NO_RECEIVE);
}

static bool rang(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void test_who_is_armed_is_woken_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		fake_post_receive(&b, &far, 0, 10);
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_false(rang(b.receive_event));
	assert_false(rang(a.send_event));
	b.queue.header->armed = 1 << 2 | 1;
	a.queue.header->sender_armed = 1;
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_true(rang(b.receive_event));
	assert_true(rang(a.send_event));
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_false(rang(b.receive_event)); /* not armed again */
	b.queue.header->armed = 2 << 2 | 2; /* for solicited ones */
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_false(rang(b.receive_event));
}

/* Blocking, and full: a write would wait until somebody reads. */
static void test_an_event_that_would_block_does_not(void **state)
{
	uint64_t much = UINT64_MAX - 1;
	struct server_bell bell;
	struct server_connection stranger = {.trusted = false};
	int trap = eventfd(0, EFD_CLOEXEC), pipes[2];

	(void)state;
	bell_init(&bell);
	assert_int_not_equal(bell.context, 0);
	for (unsigned i = 1; i < 200; i++) {
		uint64_t count;

		bell_ring(&bell, &stranger, trap);
		assert_int_equal(read(trap, &count, sizeof(count)), sizeof(count));
		assert_int_equal(count, 1);
	}
	assert_int_equal(write(trap, &much, sizeof(much)), sizeof(much));
	bell_ring(&bell, &stranger, trap);
	bell_ring(&bell, &stranger, trap);
	/* What is no eventfd is left alone. */
	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	bell_ring(&bell, &stranger, pipes[1]);
	assert_int_equal(read(pipes[0], &much, 1), -1);
	close(pipes[0]);
	close(pipes[1]);
	close(trap);
	bell_fini(&bell);
}

static void test_sleep_and_doorbell(void **state)
{
	int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	unsigned worker = a.number % 2;
	uint64_t ring = 1;

	(void)state;
	fake_work(&fake);
	assert_true(verbs_server_sleep(fake.server, worker, wake));
	assert_int_equal(a.queue.header->engine_asleep, 1);
	fake_post_receive(&b, &far, 0, 10);
	fake_post_send(&a, &near, 0, 10);
	assert_false(rang(wake));
	assert_int_equal(write(one.doorbell, &ring, sizeof(ring)), sizeof(ring));
	verbs_server_step(fake.server);
	assert_true(rang(wake));
	verbs_server_wake(fake.server, worker);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(a.queue.header->engine_asleep, 0);
	/* something is there: no sleep */
	fake_post_receive(&b, &far, 0, 10);
	fake_post_send(&a, &near, 0, 10);
	assert_false(verbs_server_sleep(fake.server, worker, wake));
	assert_int_equal(a.queue.header->engine_asleep, 0);
	fake_work(&fake);
	/* what waits for the other end is looked after */
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_true(verbs_server_sleep(fake.server, worker, wake));
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	verbs_server_step(fake.server);
	assert_true(rang(wake));
	verbs_server_wake(fake.server, worker);
	close(wake);
}

static void test_datagrams(void **state)
{
	struct verbs_request *request;

	(void)state;
	fake_post_receive(&b, &far, 0, 200);
	for (unsigned i = 0; i < 4; i++) {
		request = fake_request(&a);
		request->opcode = WEIR_WR_SEND;
		fake_segment(request, &near, 0, 100 + i);
		/* to nobody; with the wrong key; well; without a receive */
		request->remote_queue = i == 0 ? 12345678 : b.number;
		request->remote_qkey = i == 1 ? 8 : 7;
		memset(near.memory.base, 'd', 100);
		fake_post(&a, request);
		fake_work(&fake);
		assert_outcome(i, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	}
	assert_int_equal(fake_slot(&b, 0)->bytes, 102);
	assert_int_equal(far.memory.base[39], 0);
	assert_int_equal(far.memory.base[40], 'd');
	assert_null(fake_slot(&b, 1));
	request = fake_request(&a);
	request->opcode = WEIR_WR_RDMA_WRITE;
	fake_post(&a, request);
	fake_work(&fake);
	assert_outcome(4, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_OPCODE);
}

static void test_reset_begins_anew(void **state)
{
	(void)state;
	fake_post_receive(&b, &far, 0, 10);
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_int_equal(fake_modify(&a, WEIR_QPS_RESET, 0, 0), 0);
	assert_int_equal(fake_modify(&b, WEIR_QPS_RESET, 0, 0), 0);
	a.posted = b.received = 0;
	memset(a.memory.base + 4096, 0, a.memory.bytes - 4096);
	memset(b.memory.base + 4096, 0, b.memory.bytes - 4096);
	b.queue.header->received = b.queue.header->consumed = 0;
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	fake_post_send(&a, &near, 0, 10);
	fake_work(&fake);
	assert_null(fake_outcome(&a, 0));
	fake_post_receive(&b, &far, 0, 10);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_non_null(fake_slot(&b, 0));
}

/* The receive it had begun to fill is no more its own. */
static void test_a_message_begins_anew_at_another_end(void **state)
{
	const uint32_t bytes = 400000, second = 500000;
	struct fake_queue c;

	(void)state;
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &c), 0);
	memset(near.memory.base, 0x5a, bytes);
	fake_post_receive(&b, &far, 0, bytes);
	fake_post_receive(&c, &far, second, bytes);
	fake_post_send(&a, &near, 0, bytes);
	assert_int_equal(verbs_server_work(fake.server, 0) + verbs_server_work(fake.server, 1), 1);
	assert_int_equal(fake_connect(&c, a.number), 0);
	assert_int_equal(fake_modify(&a, WEIR_QPS_RTS, c.number, 0), 0);
	fake_work(&fake);
	assert_outcome(0, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(far.memory.base[bytes - 1], 0);
	assert_memory_equal(far.memory.base + second, near.memory.base, bytes);
	assert_null(fake_slot(&b, 0));
	assert_int_equal(fake_slot(&c, 0)->bytes, bytes);
	/* So it does at the same one, if that began anew. */
	fake_post_receive(&c, &far, second, bytes);
	fake_post_send(&a, &near, 0, bytes);
	assert_int_equal(verbs_server_work(fake.server, 0) + verbs_server_work(fake.server, 1), 1);
	memset(far.memory.base + second, 0, bytes);
	assert_int_equal(fake_modify(&c, WEIR_QPS_RESET, 0, 0), 0);
	assert_int_equal(fake_connect(&c, a.number), 0);
	c.queue.header->consumed = 1;
	fake_work(&fake);
	assert_outcome(1, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_memory_equal(far.memory.base + second, near.memory.base, bytes);
	fake_queue_drop(&c);
}

/* Who comes by the number of one that died is not the one we were connected to. */
static void test_nobody_takes_the_place_of_the_dead(void **state)
{
	struct fake_client three;
	struct fake_queue c = {0};

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		uint32_t number = round == 0 ? b.number : c.number;
		struct fake_queue impostor;

		if (round == 1) /* not connected when it died */
			assert_int_equal(fake_modify(&c, WEIR_QPS_RESET, 0, 0), 0);
		fake_client_drop(round == 0 ? &two : &three);
		verbs_server_step(fake.server);
		fake_client_start(&fake, round == 0 ? &three : &two);
		assert_int_equal(
			fake_queue_create(round == 0 ? &three : &two, WEIR_QPT_RC, &impostor), 0);
		assert_int_equal(fake_queue_announce(&impostor, WEIR_QPT_RC, number), 0);
		assert_int_equal(impostor.number, number);
		assert_int_equal(fake_connect(&impostor, a.number), 0);
		assert_null(server_queue_find(fake.server, a.number)->peer);
		/* But if we say so. */
		assert_int_equal(fake_connect(&a, number), 0);
		assert_non_null(server_queue_find(fake.server, a.number)->peer);
		if (round == 1)
			fake_queue_drop(&c);
		c = impostor;
	}
	fake_queue_drop(&c);
}

static void test_on_the_direct_path_no_worker_looks(void **state)
{
	struct verbs_server *server = fake.server;
	struct server_queue *queue = server_queue_find(server, a.number);

	(void)state;
	assert_true(queue->listed);
	server->config.policy = VERBS_POLICY_DIRECT;
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(queue->path, VERBS_PATH_DIRECT);
	assert_false(queue->listed);
	assert_false(server_queue_find(server, b.number)->listed);
}

static void test_lies_about_positions_harm_nobody(void **state)
{
	const uint32_t lies[] = {0, 1, 7, 8, 9, 0x7fffffff, 0x80000000, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned j = 0; j < 8; j++) {
			b.queue.header->received = lies[i];
			b.queue.header->consumed = lies[j];
			a.queue.header->executed = lies[j];
			b.queue.inbox[i].sequence = lies[j];
			fake_post_send(&a, &near, 0, 10);
			fake_work(&fake);
		}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_sends_arrive_in_order),
		TEST(test_one_sided),
		TEST(test_inline),
		TEST(test_nonsense_is_refused),
		TEST(test_a_region_of_the_other_end_must_be_named_right),
		TEST(test_a_region_that_went_is_not_touched),
		TEST(test_the_end_of_the_other_one_ends_it),
		TEST(test_no_receive),
		TEST(test_who_is_armed_is_woken_once),
		TEST(test_an_event_that_would_block_does_not),
		TEST(test_sleep_and_doorbell),
		cmocka_unit_test_setup_teardown(test_datagrams, setup_datagram, teardown),
		TEST(test_reset_begins_anew),
		TEST(test_a_message_begins_anew_at_another_end),
		TEST(test_nobody_takes_the_place_of_the_dead),
		TEST(test_on_the_direct_path_no_worker_looks),
		TEST(test_lies_about_positions_harm_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
