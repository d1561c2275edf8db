/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of one application: one takes regions away while another resets, connects and destroys
 * queue pairs. What one unmaps the other is looking at, unless they keep apart; the thread
 * sanitizer sees it at once. */
#include "client_engine.h"

enum { TURNS = 60 };

struct regions {
	struct end *end;
	bool stop;
	unsigned turns;
};

static void *take_away(void *argument)
{
	struct regions *regions = argument;
	struct end *end = regions->end;
	uint8_t *memory = weir_alloc(end->device, 4096, false);

	while (!__atomic_load_n(&regions->stop, __ATOMIC_ACQUIRE)) {
		struct weir_mr *mr = weir_reg_mr(end->pd, memory, 4096, WEIR_ACCESS_LOCAL_WRITE);

		if (mr == NULL || weir_dereg_mr(mr) != 0)
			break;
		__atomic_store_n(&regions->turns, regions->turns + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void reset_and_dereg(void **state)
{
	const struct weir_qp_attr reset = {.qp_state = WEIR_QPS_RESET};
	struct world *world = *state;
	struct end *one = &world->one, *other = &world->other;
	struct regions regions = {.end = one};
	pthread_t thread;

	end_make(one, WEIR_QPT_RC, NULL);
	end_make(other, WEIR_QPT_RC, NULL);
	pthread_create(&thread, NULL, take_away, &regions);
	for (unsigned i = 0; i < TURNS; i++) {
		ends_connect(one, other);
		MUST(end_post_recv(other, 1, 4096, 64));
		MUST(end_post_send(one, 2, 0, 16, 0));
		assert_int_equal(end_poll(one).status, WEIR_WC_SUCCESS);
		assert_int_equal(end_poll(other).status, WEIR_WC_SUCCESS);
		if (i % 2 == 0) {
			MUST(weir_modify_qp(one->qp, &reset, WEIR_QP_STATE));
		} else {
			MUST(weir_destroy_qp(one->qp));
			end_make(one, WEIR_QPT_RC, NULL);
		}
		MUST(weir_modify_qp(other->qp, &reset, WEIR_QP_STATE));
	}
	__atomic_store_n(&regions.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_true(regions.turns > 0);
}

static int set_up(void **state)
{
	*state = world_open(VERBS_POLICY_DIRECT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reset_and_dereg, set_up, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
