/* SPDX-License-Identifier: BSD-3-Clause */
/* The executor, between two queue pairs whose memory is ordinary memory of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verbs/transfer.h"
#include "verbs/weir.h"

enum {
	REGION_BYTES = 1 << 20,
	KEY = 0x10001,
	OTHER_KEY = 0x20002,
	PD = 7,
	INITIATOR = 11,
	OWNER = 12
};
enum { RECEIVE_DEPTH = 8, GUARD = 0x5a };

static const struct verbs_geometry geometry = {
	.inbox_depth = 16, .receive_depth = RECEIVE_DEPTH, .receive_segments = 3};

/* The regions of one side: at most two. */
struct side {
	struct verbs_regions regions;
	struct verbs_region list[2];
};

struct ends {
	uint8_t *memory; /* of the responder's queue */
	uint8_t *srq_memory;
	uint8_t *source, *target; /* regions, with a guard page's worth around */
	struct side own, theirs;
	struct verbs_responder responder;
	struct verbs_srq srq;
	struct verbs_transfer transfer;
};

static const struct verbs_region *find(struct verbs_regions *regions, uint32_t key)
{
	struct side *side = (struct side *)regions;

	for (unsigned i = 0; i < 2; i++)
		if (side->list[i].key == key && key != 0)
			return &side->list[i];
	return NULL;
}

static uint8_t *guarded(void)
{
	uint8_t *memory = malloc(REGION_BYTES + 2 * 4096);

	assert_non_null(memory);
	memset(memory, GUARD, REGION_BYTES + 2 * 4096);
	return memory + 4096;
}

static void guard_check(uint8_t *region)
{
	for (unsigned i = 0; i < 4096; i++) {
		assert_int_equal(region[-1 - (int)i], GUARD);
		assert_int_equal(region[REGION_BYTES + i], GUARD);
	}
	free(region - 4096);
}

static int setup(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	size_t bytes = verbs_queue_places(&geometry).total_bytes;

	assert_non_null(ends);
	ends->memory = aligned_alloc(4096, bytes);
	ends->srq_memory = aligned_alloc(4096, verbs_srq_bytes(RECEIVE_DEPTH, 3));
	assert_true(ends->memory && ends->srq_memory);
	memset(ends->memory, 0, bytes);
	memset(ends->srq_memory, 0, verbs_srq_bytes(RECEIVE_DEPTH, 3));
	ends->source = guarded();
	ends->target = guarded();
	for (unsigned i = 0; i < REGION_BYTES; i++)
		ends->source[i] = (uint8_t)(i * 31 + i / 251);
	memset(ends->target, 0, REGION_BYTES);
	ends->own.regions.find = ends->theirs.regions.find = find;
	/* The owners' addresses are none of ours: a pointer taken for a place would be seen. */
	ends->own.list[0] = (struct verbs_region){
		ends->source, 0x1000, REGION_BYTES, KEY, WEIR_ACCESS_LOCAL_WRITE, PD};
	ends->theirs.list[0] = (struct verbs_region){ends->target, 0x7000000000, REGION_BYTES, KEY,
		WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE | WEIR_ACCESS_REMOTE_READ |
			WEIR_ACCESS_REMOTE_ATOMIC,
		PD};
	verbs_queue_attach(&ends->responder.queue, ends->memory, OWNER, PD, &geometry);
	verbs_srq_attach(&ends->srq, ends->srq_memory, RECEIVE_DEPTH, 3);
	ends->responder.regions = &ends->theirs.regions;
	ends->responder.type = WEIR_QPT_RC;
	ends->responder.queue.header->state = VERBS_QUEUE_OPEN;
	ends->responder.queue.header->accepts_from = INITIATOR;
	ends->responder.queue.header->access =
		WEIR_ACCESS_REMOTE_WRITE | WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC;
	*state = ends;
	return 0;
}

static int teardown(void **state)
{
	struct ends *ends = *state;

	guard_check(ends->source);
	guard_check(ends->target);
	free(ends->memory);
	free(ends->srq_memory);
	free(ends);
	return 0;
}

/* ---- the two sides' parts ---- */

static void post_receive(struct ends *ends, const struct verbs_segment *segments, uint32_t count)
{
	struct verbs_queue *queue = &ends->responder.queue;
	uint32_t place = queue->header->received & (RECEIVE_DEPTH - 1), bytes = 0;
	struct verbs_receive *receive =
		(struct verbs_receive *)(queue->receives + place * queue->receive_stride);

	for (uint32_t i = 0; i < count; i++)
		bytes += segments[i].bytes;
	receive->segment_count = count;
	receive->bytes = bytes;
	memcpy(receive->segments, segments, count * sizeof(*segments));
	((uint32_t *)(uintptr_t)queue->sizes)[place] = bytes;
	queue->header->received++;
}

static void post_srq(struct ends *ends, uint64_t address, uint32_t bytes, uint32_t tag)
{
	uint32_t turn = ends->srq.header->posted++;
	struct verbs_receive *receive = (struct verbs_receive *)(ends->srq.receives +
		(turn & (RECEIVE_DEPTH - 1)) * ends->srq.receive_stride);

	receive->tag = tag;
	receive->bytes = bytes;
	receive->segment_count = 1;
	receive->segments[0] = (struct verbs_segment){address, bytes, KEY};
	receive->claim = turn + 1;
}

static void request(struct ends *ends, uint8_t opcode, uint64_t from, uint32_t bytes, uint64_t to)
{
	memset(&ends->transfer, 0, sizeof(ends->transfer));
	ends->transfer.request = (struct verbs_request){.sequence = 1,
		.opcode = opcode,
		.segment_count = 1,
		.bytes = bytes,
		.immediate = 0x12345678,
		.remote_address = to,
		.remote_key = KEY};
	ends->transfer.segments[0] = (struct verbs_segment){from, bytes, KEY};
	verbs_transfer_begin(&ends->transfer);
}

static enum verbs_step run(struct ends *ends)
{
	enum verbs_step step;

	do {
		step = verbs_transfer_step(
			&ends->transfer, &ends->responder, &ends->own.regions, PD, INITIATOR);
	} while (step == VERBS_AGAIN);
	return step;
}

static void expect(struct ends *ends, unsigned status, unsigned reason)
{
	assert_int_equal(run(ends), VERBS_FINISHED);
	assert_int_equal(ends->transfer.status, status);
	assert_int_equal(ends->transfer.reason, reason);
}

static const struct verbs_slot *arrived(struct ends *ends, uint32_t number)
{
	const struct verbs_slot *slot = &ends->responder.queue.inbox[number & 15];

	assert_int_equal(slot->sequence, number + 1);
	return slot;
}

/* ---- tests ---- */

static void send_scatters_over_all_segments(void **state)
{
	struct ends *ends = *state;
	struct verbs_segment into[3] = {
		{0x7000000000, 5, KEY}, {0x7000000100, 0, KEY}, {0x7000000200, 100, KEY}};

	post_receive(ends, into, 3);
	request(ends, WEIR_WR_SEND_WITH_IMM, 0x1000 + 9, 77, 0);
	ends->transfer.request.segment_count = 2;
	ends->transfer.segments[0].bytes = 50;
	ends->transfer.segments[1] = (struct verbs_segment){0x1000 + 500, 27, KEY};
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_memory_equal(ends->target, ends->source + 9, 5);
	assert_memory_equal(ends->target + 0x200, ends->source + 14, 45);
	assert_memory_equal(ends->target + 0x200 + 45, ends->source + 500, 27);
	assert_int_equal(ends->target[0x200 + 72], 0);
	assert_int_equal(arrived(ends, 0)->bytes, 77);
	assert_int_equal(arrived(ends, 0)->immediate, 0x12345678);
	assert_int_equal(arrived(ends, 0)->flags, VERBS_SLOT_IMMEDIATE);
	assert_true(ends->responder.wrote);
}

static void send_waits_for_a_receive_and_takes_them_in_turn(void **state)
{
	struct ends *ends = *state;

	request(ends, WEIR_WR_SEND, 0x1000, 10, 0);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
	for (uint32_t i = 0; i < 3 * RECEIVE_DEPTH; i++) {
		post_receive(ends, &(struct verbs_segment){0x7000000000 + i * 64, 64, KEY}, 1);
		request(ends, WEIR_WR_SEND, 0x1000 + i, 10, 0);
		expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
		assert_memory_equal(ends->target + i * 64, ends->source + i, 10);
		ends->responder.queue.header->consumed = i + 1;
	}
	request(ends, WEIR_WR_SEND, 0x1000, 10, 0);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
}

static void message_too_long_fails_both_ends(void **state)
{
	struct ends *ends = *state;

	post_receive(ends, &(struct verbs_segment){0x7000000000, 64, KEY}, 1);
	request(ends, WEIR_WR_SEND, 0x1000, 65, 0);
	expect(ends, WEIR_WC_REM_INV_REQ_ERR, VERBS_REASON_RECEIVE_TOO_SMALL);
	assert_int_equal(arrived(ends, 0)->status, WEIR_WC_LOC_LEN_ERR);
	assert_int_equal(ends->target[0], 0);
}

static void large_ones_go_in_steps(void **state)
{
	struct ends *ends = *state;
	unsigned steps = 0;

	request(ends, WEIR_WR_RDMA_WRITE, 0x1000, REGION_BYTES, 0x7000000000);
	while (verbs_transfer_step(&ends->transfer, &ends->responder, &ends->own.regions, PD,
		       INITIATOR) == VERBS_AGAIN)
		steps++;
	assert_int_equal(steps, REGION_BYTES / VERBS_STEP_BYTES - 1);
	assert_memory_equal(ends->target, ends->source, REGION_BYTES);
}

static void read_brings_and_atomics_return_what_was(void **state)
{
	struct ends *ends = *state;
	uint64_t word = 41, got;

	memset(ends->target, 0xab, 5000);
	request(ends, WEIR_WR_RDMA_READ, 0x1000 + 3, 4000, 0x7000000000 + 1);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_memory_equal(ends->source + 3, ends->target + 1, 4000);

	memcpy(ends->target + 64, &word, 8);
	request(ends, WEIR_WR_ATOMIC_FETCH_AND_ADD, 0x1000, 8, 0x7000000000 + 64);
	ends->transfer.request.compare_add = 1;
	ends->transfer.journal = ends->responder.queue.header;
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	memcpy(&got, ends->source, 8);
	assert_int_equal(got, 41);
	assert_int_equal(ends->responder.queue.header->intent, 1);
	assert_int_equal(ends->responder.queue.header->intent_before, 41);
	assert_int_equal(ends->responder.queue.header->intent_after, 42);

	request(ends, WEIR_WR_ATOMIC_CMP_AND_SWP, 0x1000, 8, 0x7000000000 + 64);
	ends->transfer.request.compare_add = 42;
	ends->transfer.request.swap = 7;
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	memcpy(&got, ends->target + 64, 8);
	assert_int_equal(got, 7);
	ends->transfer.request.swap = 8; /* compares with 42 again: nothing */
	verbs_transfer_begin(&ends->transfer);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	memcpy(&got, ends->target + 64, 8);
	assert_int_equal(got, 7);
	request(ends, WEIR_WR_ATOMIC_FETCH_AND_ADD, 0x1000, 8, 0x7000000000 + 4);
	expect(ends, WEIR_WC_REM_INV_REQ_ERR, VERBS_REASON_MISALIGNED);
}

/* Everything that reaches out of where it may. */
static void places_are_checked(void **state)
{
	struct ends *ends = *state;
	static const struct {
		uint8_t opcode;
		uint64_t from;
		uint32_t bytes;
		uint64_t to;
		unsigned status, reason;
	} cases[] = {
		{WEIR_WR_RDMA_WRITE, 0x1000, 2, 0x7000000000 + REGION_BYTES - 1,
			WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_RANGE},
		{WEIR_WR_RDMA_WRITE, 0x1000, 1, 0x6fffffffff, WEIR_WC_REM_ACCESS_ERR,
			VERBS_REASON_REMOTE_RANGE},
		{WEIR_WR_RDMA_WRITE, 0x1000, 16, UINT64_MAX - 3, WEIR_WC_REM_ACCESS_ERR,
			VERBS_REASON_REMOTE_RANGE},
		{WEIR_WR_RDMA_READ, 0x1000, REGION_BYTES, 0x7000000001, WEIR_WC_REM_ACCESS_ERR,
			VERBS_REASON_REMOTE_RANGE},
		{WEIR_WR_RDMA_WRITE, 0x0fff, 1, 0x7000000000, WEIR_WC_LOC_PROT_ERR,
			VERBS_REASON_LOCAL_RANGE},
		{WEIR_WR_RDMA_WRITE, 0x1000 + REGION_BYTES - 1, 2, 0x7000000000,
			WEIR_WC_LOC_PROT_ERR, VERBS_REASON_LOCAL_RANGE},
		{WEIR_WR_RDMA_READ, UINT64_MAX, 8, 0x7000000000, WEIR_WC_LOC_PROT_ERR,
			VERBS_REASON_LOCAL_RANGE},
		{99, 0x1000, 1, 0x7000000000, WEIR_WC_LOC_QP_OP_ERR, VERBS_REASON_BAD_OPCODE},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		request(ends, cases[i].opcode, cases[i].from, cases[i].bytes, cases[i].to);
		expect(ends, cases[i].status, cases[i].reason);
	}
	for (unsigned i = 0; i < REGION_BYTES; i++)
		assert_int_equal(ends->target[i], 0);
}

static void keys_access_and_domains_are_checked(void **state)
{
	struct ends *ends = *state;
	struct verbs_region *remote = &ends->theirs.list[0];

	request(ends, WEIR_WR_RDMA_WRITE, 0x1000, 8, 0x7000000000);
	ends->transfer.request.remote_key = OTHER_KEY;
	expect(ends, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_KEY);
	assert_int_equal(arrived(ends, 0)->kind, VERBS_ARRIVED_FAULT);
	remote->pd = PD + 1;
	request(ends, WEIR_WR_RDMA_WRITE, 0x1000, 8, 0x7000000000);
	expect(ends, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_PD);
	remote->pd = PD;
	remote->access = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_READ;
	request(ends, WEIR_WR_RDMA_WRITE, 0x1000, 8, 0x7000000000);
	expect(ends, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_ACCESS);
	ends->responder.queue.header->access = 0;
	request(ends, WEIR_WR_RDMA_READ, 0x1000, 8, 0x7000000000);
	expect(ends, WEIR_WC_REM_ACCESS_ERR, VERBS_REASON_REMOTE_ACCESS);
	ends->own.list[0].access = 0;
	request(ends, WEIR_WR_RDMA_READ, 0x1000, 8, 0x7000000000);
	expect(ends, WEIR_WC_LOC_PROT_ERR, VERBS_REASON_LOCAL_ACCESS);
}

/* What a hostile owner may write into its queue. */
static void lies_of_the_owner_harm_nobody(void **state)
{
	struct ends *ends = *state;
	struct verbs_queue *queue = &ends->responder.queue;
	struct verbs_receive *receive = (struct verbs_receive *)queue->receives;

	queue->header->received = 1000; /* more than there can be */
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
	queue->header->received = 0;
	post_receive(ends, &(struct verbs_segment){0x7000000000, 64, KEY}, 1);
	receive->segment_count = 1u << 30;
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	expect(ends, WEIR_WC_REM_INV_REQ_ERR, VERBS_REASON_RECEIVE_TOO_SMALL);
	post_receive(ends, &(struct verbs_segment){0x7000000000 + REGION_BYTES - 4, 64, KEY}, 1);
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	expect(ends, WEIR_WC_REM_OP_ERR, VERBS_REASON_RECEIVE_BAD);
	post_receive(ends, &(struct verbs_segment){0x7000000000, 4, KEY}, 1);
	((struct verbs_receive *)(queue->receives + 2 * queue->receive_stride))->bytes = 4096;
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	expect(ends, WEIR_WC_REM_OP_ERR, VERBS_REASON_RECEIVE_BAD);
}

static void shared_receives_are_claimed_once(void **state)
{
	struct ends *ends = *state;
	const struct verbs_receive *first = (const struct verbs_receive *)ends->srq.receives;

	ends->responder.srq = &ends->srq;
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
	post_srq(ends, 0x7000000000, 64, 100);
	post_srq(ends, 0x7000001000, 64, 101);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 0)->receive, 100);
	assert_int_equal(first->claim >> 32, INITIATOR);
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 1)->receive, 101);
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
}

static void a_claim_of_another_is_passed_over(void **state)
{
	struct ends *ends = *state;

	ends->responder.srq = &ends->srq;
	post_srq(ends, 0x7000000000, 64, 100);
	post_srq(ends, 0x7000001000, 64, 101);
	((struct verbs_receive *)ends->srq.receives)->claim |= (uint64_t)99 << 32;
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 0)->receive, 101);
}

static void inbox_room_bounds_those_with_shared_receives(void **state)
{
	struct ends *ends = *state;

	ends->responder.srq = &ends->srq;
	for (uint32_t i = 0; i < 16; i++) {
		post_srq(ends, 0x7000000000, 64, i);
		request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
		expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	}
	post_srq(ends, 0x7000000000, 64, 16);
	request(ends, WEIR_WR_SEND, 0x1000, 8, 0);
	assert_int_equal(run(ends), VERBS_WAIT_ROOM);
	ends->responder.queue.header->consumed = 1;
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 16)->receive, 16);
}

static void only_the_connected_one_gets_in(void **state)
{
	struct ends *ends = *state;

	post_receive(ends, &(struct verbs_segment){0x7000000000, 64, KEY}, 1);
	ends->responder.queue.header->accepts_from = INITIATOR + 1;
	request(ends, WEIR_WR_RDMA_WRITE, 0x1000, 8, 0x7000000000);
	assert_int_equal(run(ends), VERBS_WAIT_PEER);
	ends->responder.queue.header->accepts_from = INITIATOR;
	ends->responder.queue.header->state = VERBS_QUEUE_CLOSED;
	assert_int_equal(run(ends), VERBS_WAIT_PEER);
	ends->responder.queue.header->state = VERBS_QUEUE_ERROR;
	expect(ends, WEIR_WC_RETRY_EXC_ERR, VERBS_REASON_PEER_ERROR);
	assert_int_equal(ends->target[0], 0);
}

static void write_with_immediate_takes_a_receive_after_the_data(void **state)
{
	struct ends *ends = *state;

	request(ends, WEIR_WR_RDMA_WRITE_WITH_IMM, 0x1000, 300, 0x7000000000);
	assert_int_equal(run(ends), VERBS_WAIT_RECEIVE);
	assert_memory_equal(ends->target, ends->source, 300);
	post_receive(ends, &(struct verbs_segment){0}, 0);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 0)->kind, VERBS_ARRIVED_WRITE);
	assert_int_equal(arrived(ends, 0)->bytes, 300);
}

static void datagrams_leave_room_for_the_header(void **state)
{
	struct ends *ends = *state;

	ends->responder.type = WEIR_QPT_UD;
	post_receive(ends, &(struct verbs_segment){0x7000000000, 100, KEY}, 1);
	request(ends, WEIR_WR_SEND, 0x1000, 60, 0);
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_memory_equal(ends->target + VERBS_GRH_BYTES, ends->source, 60);
	assert_int_equal(ends->target[VERBS_GRH_BYTES - 1], 0);
	post_receive(ends, &(struct verbs_segment){0x7000000000, 100, KEY}, 1);
	request(ends, WEIR_WR_SEND, 0x1000, 61, 0); /* the sender does not learn of it */
	expect(ends, WEIR_WC_SUCCESS, VERBS_REASON_NONE);
	assert_int_equal(arrived(ends, 1)->status, WEIR_WC_LOC_LEN_ERR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(send_scatters_over_all_segments),
		TEST(send_waits_for_a_receive_and_takes_them_in_turn),
		TEST(message_too_long_fails_both_ends),
		TEST(large_ones_go_in_steps),
		TEST(read_brings_and_atomics_return_what_was),
		TEST(places_are_checked),
		TEST(keys_access_and_domains_are_checked),
		TEST(lies_of_the_owner_harm_nobody),
		TEST(shared_receives_are_claimed_once),
		TEST(a_claim_of_another_is_passed_over),
		TEST(inbox_room_bounds_those_with_shared_receives),
		TEST(only_the_connected_one_gets_in),
		TEST(write_with_immediate_takes_a_receive_after_the_data),
		TEST(datagrams_leave_room_for_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
