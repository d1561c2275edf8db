/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of every shape that had to wait for a receive: what arrives is what was posted, in its
 * order, whichever way each of them goes once it can.
 */
#include "client_engine.h"

enum { RECEIVE_AT = 32768, RECEIVE_BYTES = 256, MESSAGES = 9 };

static const struct shape {
	uint32_t pieces, bytes[2];
	bool is_inline, immediate, solicited;
} shapes[MESSAGES] = {
	{1, {64}, true, false, false},
	{1, {64}, false, true, false},
	{1, {40}, true, true, true},
	{2, {10, 30}, true, false, false},
	{2, {31, 33}, false, true, false},
	{0, {0}, false, true, false},
	{1, {96}, false, false, true},
	{1, {97}, false, false, false},
	{1, {1}, true, false, false},
};

static uint32_t bytes_of(const struct shape *shape)
{
	return shape->bytes[0] + shape->bytes[1];
}

static uint8_t byte_of(unsigned message, uint32_t at)
{
	return (uint8_t)(message * 37 + at * 11 + 5);
}

/* Posts message `m` from its own place in the region, or, inline, from memory that is another's
 * as soon as it is posted. */
static void post(struct end *end, unsigned m)
{
	const struct shape *shape = &shapes[m];
	uint8_t passing[RECEIVE_BYTES];
	uint8_t *from = shape->is_inline ? passing : end->memory + m * RECEIVE_BYTES;
	struct weir_sge sge[2] = {
		{(uintptr_t)from, shape->bytes[0], shape->is_inline ? 0 : end->mr->lkey},
		{(uintptr_t)from + shape->bytes[0], shape->bytes[1],
			shape->is_inline ? 0 : end->mr->lkey}};
	struct weir_send_wr wr = {.wr_id = m,
				    .sg_list = sge,
				    .num_sge = (int)shape->pieces,
				    .opcode =
					    shape->immediate ? WEIR_WR_SEND_WITH_IMM : WEIR_WR_SEND,
				    .send_flags = (shape->is_inline ? WEIR_SEND_INLINE : 0) |
					    (shape->solicited ? WEIR_SEND_SOLICITED : 0),
				    .imm_data = 1000 + m},
			    *bad;

	for (uint32_t i = 0; i < bytes_of(shape); i++)
		from[i] = byte_of(m, i);
	MUST(weir_post_send(end->qp, &wr, &bad));
	memset(passing, 0xee, sizeof(passing));
}

static void arrives(struct world *world, unsigned m, unsigned *completed)
{
	const struct shape *shape = &shapes[m];
	struct weir_wc wc;

	/* The sender goes on when it is called. */
	for (int i = 0; weir_poll_cq(world->other.cq, 1, &wc) == 0; i++) {
		struct weir_wc sent;

		assert_int_not_equal(i, 60000);
		if (weir_poll_cq(world->one.cq, 1, &sent) == 1) {
			assert_int_equal(sent.status, WEIR_WC_SUCCESS);
			assert_int_equal(sent.wr_id, (*completed)++);
			assert_in_range(*completed, 0, m + 1);
		}
		if (i > 1000)
			usleep(10);
	}
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	assert_int_equal(wc.wr_id, 100 + m);
	assert_int_equal(wc.byte_len, bytes_of(shape));
	assert_int_equal(wc.wc_flags, shape->immediate ? WEIR_WC_WITH_IMM : 0);
	if (shape->immediate)
		assert_int_equal(wc.imm_data, 1000 + m);
	for (uint32_t i = 0; i < bytes_of(shape); i++)
		assert_int_equal(world->other.memory[RECEIVE_AT + i], byte_of(m, i));
}

static void all_shapes(void **state)
{
	struct world *world = *state;
	unsigned completed = 0;

	for (unsigned m = 0; m < MESSAGES; m++)
		post(&world->one, m);
	for (unsigned m = 0; m < MESSAGES; m++) {
		memset(world->other.memory + RECEIVE_AT, 0, RECEIVE_BYTES);
		MUST(end_post_recv(&world->other, 100 + m, RECEIVE_AT, RECEIVE_BYTES));
		arrives(world, m, &completed);
	}
	while (completed < MESSAGES)
		assert_int_equal(end_poll(&world->one).wr_id, completed++);
}

/* One that may not be sent is refused in its turn, also while it waits; what came before it goes.
 */
static void bad_key(void **state)
{
	struct world *world = *state;
	struct weir_sge sge = {(uintptr_t)world->one.memory, 64, world->one.mr->lkey ^ 0x10000};
	struct weir_send_wr wr = {.wr_id = 2,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_SEND},
			    *bad;
	struct weir_wc wc;

	post(&world->one, 0);
	MUST(weir_post_send(world->one.qp, &wr, &bad));
	MUST(end_post_recv(&world->other, 100, RECEIVE_AT, RECEIVE_BYTES));
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 0);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	wc = end_poll(&world->one); /* no receive is there for it, nor needed */
	assert_int_equal(wc.wr_id, 2);
	assert_int_equal(wc.status, WEIR_WC_LOC_PROT_ERR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PAIR_BOTH(all_shapes),
		PAIR_BOTH(bad_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
