/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers at work while regions, queue pairs and whole applications come and go. Run under the
 * address and thread sanitizers this is what shows whether the gate holds. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

enum { ROUNDS = 150 };

static struct fake_server fake;
static uint32_t stop;

static void *work(void *argument)
{
	unsigned worker = (unsigned)(uintptr_t)argument;
	int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
		if (verbs_server_work(fake.server, worker) != 0)
			continue;
		if (verbs_server_sleep(fake.server, worker, wake))
			verbs_server_wake(fake.server, worker);
	}
	close(wake);
	return NULL;
}

static void post_some(struct fake_queue *queue, const struct fake_region *near,
	const struct fake_region *far, uint32_t remote)
{
	for (unsigned i = 0; i < 6; i++) {
		struct verbs_request *request = fake_request(queue);

		request->opcode = i % 2 == 0 ? WEIR_WR_SEND : WEIR_WR_RDMA_WRITE;
		request->remote_address = (uintptr_t)far->memory.base;
		request->remote_key = far->key;
		request->remote_queue = remote;
		request->remote_qkey = 7;
		fake_segment(request, near, 0, i % 2 == 0 ? 1000 : 300000);
		fake_post(queue, request);
	}
}

/* One application's life beside another's; ends at some point of it. */
static void live(uint32_t type, unsigned end)
{
	struct fake_client one, two;
	struct fake_queue a, b;
	struct fake_region near, far;

	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, type, &a), 0);
	assert_int_equal(fake_queue_create(&two, type, &b), 0);
	assert_int_equal(fake_reg(&one, 1 << 20, 15, 0, &near), 0);
	assert_int_equal(fake_reg(&two, 1 << 20, 15, 0, &far), 0);
	assert_int_equal(fake_connect(&a, type == WEIR_QPT_UD ? 0 : b.number), 0);
	assert_int_equal(fake_connect(&b, type == WEIR_QPT_UD ? 0 : a.number), 0);
	for (unsigned i = 0; i < 8; i++)
		fake_post_receive(&b, &far, 0, 1100);
	for (unsigned i = 0; i < 8; i++)
		fake_post_receive(&a, &near, 0, 1100);
	post_some(&a, &near, &far, b.number);
	post_some(&b, &far, &near, a.number);
	if (end % 4 == 1) {
		assert_int_equal(fake_destroy(&two, VERBS_DEREG_MR, far.key), 0);
	} else if (end % 4 == 2) {
		assert_int_equal(fake_destroy(&two, VERBS_DESTROY_QP, b.number), 0);
	} else if (end % 4 == 3) {
		assert_int_equal(fake_modify(&b, WEIR_QPS_RESET, 0, 0), 0);
	}
	fake_client_drop(&two);
	verbs_server_step(fake.server);
	fake_client_drop(&one);
	verbs_server_step(fake.server);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_region_drop(&near);
	fake_region_drop(&far);
}

static void test_all_comes_and_goes_at_work(void **state)
{
	unsigned before = fake_open_fds();
	struct verbs_server_view view;
	pthread_t threads[2];

	(void)state;
	fake_server_start(&fake, fake_config(VERBS_POLICY_ENGINE), NULL, NULL);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (unsigned i = 0; i < ROUNDS; i++)
		live(i % 3 == 0 ? WEIR_QPT_UD : WEIR_QPT_RC, i);
	assert_int_equal(verbs_server_view(fake.server, &view), 0);
	assert_int_equal(view.connection_count, 0);
	assert_int_equal(view.queue_count, 0);
	verbs_server_view_free(&view);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	verbs_server_destroy(fake.server);
	assert_int_equal(fake_open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_comes_and_goes_at_work)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
