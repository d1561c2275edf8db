/* SPDX-License-Identifier: BSD-3-Clause */
/* Each step of a queue pair's state: with what it needs, without each of that, with what it must
 * not have. The lists are ibv_modify_qp(3)'s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "verbs/client/queue_pair.h"

struct want {
	enum weir_qp_type type;
	enum weir_qp_state from, to;
	unsigned required;
};

static const struct want wants[] = {
	{WEIR_QPT_RC, WEIR_QPS_RESET, WEIR_QPS_INIT,
		WEIR_QP_PKEY_INDEX | WEIR_QP_PORT | WEIR_QP_ACCESS_FLAGS},
	{WEIR_QPT_RC, WEIR_QPS_INIT, WEIR_QPS_RTR,
		WEIR_QP_AV | WEIR_QP_PATH_MTU | WEIR_QP_DEST_QPN | WEIR_QP_RQ_PSN |
			WEIR_QP_MAX_DEST_RD_ATOMIC | WEIR_QP_MIN_RNR_TIMER},
	{WEIR_QPT_RC, WEIR_QPS_RTR, WEIR_QPS_RTS,
		WEIR_QP_SQ_PSN | WEIR_QP_MAX_QP_RD_ATOMIC | WEIR_QP_RETRY_CNT | WEIR_QP_RNR_RETRY |
			WEIR_QP_TIMEOUT},
	{WEIR_QPT_UC, WEIR_QPS_RESET, WEIR_QPS_INIT,
		WEIR_QP_PKEY_INDEX | WEIR_QP_PORT | WEIR_QP_ACCESS_FLAGS},
	{WEIR_QPT_UC, WEIR_QPS_INIT, WEIR_QPS_RTR,
		WEIR_QP_AV | WEIR_QP_PATH_MTU | WEIR_QP_DEST_QPN | WEIR_QP_RQ_PSN},
	{WEIR_QPT_UC, WEIR_QPS_RTR, WEIR_QPS_RTS, WEIR_QP_SQ_PSN},
	{WEIR_QPT_UC, WEIR_QPS_SQE, WEIR_QPS_RTS, 0},
	{WEIR_QPT_UD, WEIR_QPS_RESET, WEIR_QPS_INIT,
		WEIR_QP_PKEY_INDEX | WEIR_QP_PORT | WEIR_QP_QKEY},
	{WEIR_QPT_UD, WEIR_QPS_INIT, WEIR_QPS_RTR, 0},
	{WEIR_QPT_UD, WEIR_QPS_RTR, WEIR_QPS_RTS, WEIR_QP_SQ_PSN},
	{WEIR_QPT_UD, WEIR_QPS_SQE, WEIR_QPS_RTS, 0},
	{WEIR_QPT_RAW_PACKET, WEIR_QPS_RESET, WEIR_QPS_INIT, WEIR_QP_PORT},
	{WEIR_QPT_RAW_PACKET, WEIR_QPS_INIT, WEIR_QPS_RTR, 0},
	{WEIR_QPT_RAW_PACKET, WEIR_QPS_RTR, WEIR_QPS_RTS, 0},
	{WEIR_QPT_RC, WEIR_QPS_RTS, WEIR_QPS_SQD, 0},
	{WEIR_QPT_RC, WEIR_QPS_SQD, WEIR_QPS_RTS, 0},
	{WEIR_QPT_RC, WEIR_QPS_RTS, WEIR_QPS_ERR, 0},
	{WEIR_QPT_RC, WEIR_QPS_INIT, WEIR_QPS_ERR, 0},
	{WEIR_QPT_RC, WEIR_QPS_ERR, WEIR_QPS_RESET, 0},
	{WEIR_QPT_UD, WEIR_QPS_SQE, WEIR_QPS_RESET, 0},
};

static struct weir_qp_attr good_attr(enum weir_qp_state from)
{
	return (struct weir_qp_attr){.cur_qp_state = from,
		.port_num = 1,
		.path_mtu = 5,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.min_rnr_timer = 12,
		.dest_qp_num = 17};
}

static int check(const struct want *want, unsigned mask)
{
	struct weir_qp_attr attr = good_attr(want->from);

	return client_transition_check(
		want->type, want->from, want->to, &attr, WEIR_QP_STATE | mask);
}

static void required(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		const struct want *want = &wants[i];

		assert_int_equal(check(want, want->required), 0);
		for (unsigned bit = 1; bit <= WEIR_QP_DEST_QPN; bit <<= 1)
			if ((want->required & bit) != 0)
				assert_int_equal(check(want, want->required & ~bit), EINVAL);
		/* Never settable: a queue pair's size is what it was made with. */
		assert_int_equal(check(want, want->required | WEIR_QP_CAP), EINVAL);
	}
	assert_string_equal(weir_error_text(), "from SQE to RESET the attribute CAP cannot be set");
}

static bool listed(enum weir_qp_type type, unsigned from, unsigned to)
{
	for (unsigned i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		if (wants[i].type == type && wants[i].from == from && wants[i].to == to)
			return true;
	return false;
}

/* Which steps there are, for each pair of states, with nothing required. */
static void steps(void **state)
{
	static const enum weir_qp_type types[] = {
		WEIR_QPT_RC, WEIR_QPT_UC, WEIR_QPT_UD, WEIR_QPT_RAW_PACKET};

	(void)state;
	for (unsigned t = 0; t < 4; t++)
		for (unsigned from = WEIR_QPS_RESET; from <= WEIR_QPS_ERR; from++)
			for (unsigned to = WEIR_QPS_RESET; to <= WEIR_QPS_ERR; to++) {
				struct want want = {types[t], from, to, 0};
				bool same = from == to &&
					(from == WEIR_QPS_INIT || from == WEIR_QPS_RTS ||
						(from == WEIR_QPS_SQD &&
							types[t] != WEIR_QPT_RAW_PACKET));
				bool drains = types[t] != WEIR_QPT_RAW_PACKET &&
					((from == WEIR_QPS_RTS && to == WEIR_QPS_SQD) ||
						(from == WEIR_QPS_SQD && to == WEIR_QPS_RTS));
				bool there = to == WEIR_QPS_RESET || to == WEIR_QPS_ERR || same ||
					drains ||
					(listed(types[t], from, to) &&
						client_transition_required(types[t], from, to) ==
							0);

				assert_int_equal(check(&want, 0), there ? 0 : EINVAL);
			}
}

static void optional(void **state)
{
	static const struct {
		struct want want;
		unsigned may, may_not;
	} cases[] = {
		{{WEIR_QPT_RC, WEIR_QPS_RTS, WEIR_QPS_RTS, 0},
			WEIR_QP_CUR_STATE | WEIR_QP_ACCESS_FLAGS | WEIR_QP_MIN_RNR_TIMER,
			WEIR_QP_DEST_QPN},
		{{WEIR_QPT_UD, WEIR_QPS_RTS, WEIR_QPS_RTS, 0}, WEIR_QP_QKEY, WEIR_QP_ACCESS_FLAGS},
		{{WEIR_QPT_RC, WEIR_QPS_SQD, WEIR_QPS_SQD, 0},
			WEIR_QP_TIMEOUT | WEIR_QP_RETRY_CNT | WEIR_QP_RNR_RETRY, WEIR_QP_QKEY},
		{{WEIR_QPT_RC, WEIR_QPS_RTS, WEIR_QPS_SQD, 0}, WEIR_QP_EN_SQD_ASYNC_NOTIFY,
			WEIR_QP_ACCESS_FLAGS},
		{{WEIR_QPT_UC, WEIR_QPS_INIT, WEIR_QPS_INIT, 0}, WEIR_QP_ACCESS_FLAGS,
			WEIR_QP_QKEY},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(check(&cases[i].want, cases[i].may), 0);
		assert_int_equal(check(&cases[i].want, cases[i].may_not), EINVAL);
	}
}

static void values(void **state)
{
	const struct want *rtr = &wants[1], *rts = &wants[2];
	struct weir_qp_attr attr;

	(void)state;
#define REFUSED(want, member, value, says)                                                         \
	do {                                                                                       \
		attr = good_attr((want)->from);                                                    \
		attr.member = (value);                                                             \
		assert_int_equal(client_transition_check((want)->type, (want)->from, (want)->to,   \
					 &attr, WEIR_QP_STATE | (want)->required),                 \
			EINVAL);                                                                   \
		assert_string_equal(weir_error_text(), says);                                      \
	} while (0)
	REFUSED(rtr, path_mtu, 0, "PATH_MTU is 0: 1 to 5 are possible");
	REFUSED(rtr, path_mtu, 6, "PATH_MTU is 6: 1 to 5 are possible");
	REFUSED(rtr, min_rnr_timer, 32, "MIN_RNR_TIMER is 32: 0 to 31 are possible");
	REFUSED(rtr, dest_qp_num, 1 << 24, "DEST_QPN is 16777216: 0 to 16777215 are possible");
	REFUSED(rts, timeout, 32, "TIMEOUT is 32: 0 to 31 are possible");
	REFUSED(rts, retry_cnt, 8, "RETRY_CNT is 8: 0 to 7 are possible");
	REFUSED(rts, rnr_retry, 8, "RNR_RETRY is 8: 0 to 7 are possible");
	REFUSED(&wants[0], port_num, 2, "PORT is 2: 1 to 1 are possible");
#undef REFUSED
	attr = good_attr(WEIR_QPS_RTR);
	assert_int_equal(client_transition_check(
				 WEIR_QPT_RC, WEIR_QPS_RTS, WEIR_QPS_RTS, &attr, WEIR_QP_CUR_STATE),
		EINVAL);
	assert_string_equal(weir_error_text(), "the queue pair is in RTS, not in RTR");
}

static void rnr_timer(void **state)
{
	(void)state;
	assert_int_equal(client_rnr_ns(0), 655360000);
	assert_int_equal(client_rnr_ns(1), 10000);
	assert_int_equal(client_rnr_ns(12), 640000);
	assert_int_equal(client_rnr_ns(31), 491520000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(required),
		cmocka_unit_test(steps),
		cmocka_unit_test(optional),
		cmocka_unit_test(values),
		cmocka_unit_test(rnr_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
