/* SPDX-License-Identifier: BSD-3-Clause */
/* What has to happen in time: hello, the other end's return, and accepting after it failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_client.h"

#define PATIENCE_NS 20000000

static struct fake_server fake;
static int accept_error; /* what accept4(2) fails with; 0: it does not */
static unsigned accepts;

/* Instead of the library's. */
int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	accepts++;
	if (accept_error == 0)
		return (int)syscall(SYS_accept4, fd, address, bytes, flags);
	errno = accept_error;
	return -1;
}

static enum verbs_policy policy;

static void start(void)
{
	struct verbs_server_config config = fake_config(policy);

	config.patience_ns = PATIENCE_NS;
	fake_server_start(&fake, config, NULL, NULL);
}

static int setup(void **state)
{
	(void)state;
	accept_error = 0;
	policy = VERBS_POLICY_ENGINE;
	start();
	return 0;
}

static int setup_direct(void **state)
{
	(void)state;
	accept_error = 0;
	policy = VERBS_POLICY_DIRECT;
	start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	verbs_server_destroy(fake.server);
	return 0;
}

static void steps_for(uint64_t ns)
{
	uint64_t end_ns = clock_monotonic_ns() + ns;

	while (clock_monotonic_ns() < end_ns) {
		verbs_server_step(fake.server);
		usleep(1000);
	}
}

static struct verbs_server_view view(void)
{
	struct verbs_server_view seen, counts;

	assert_int_equal(verbs_server_view(fake.server, &seen), 0);
	counts = seen;
	verbs_server_view_free(&seen);
	return counts;
}

static void test_who_says_no_hello_is_kicked(void **state)
{
	struct fake_client silent, good;

	(void)state;
	fake_client_start(&fake, &good);
	fake_client_open(&fake, &silent);
	assert_int_equal(view().connection_count, 2);
	steps_for(3 * PATIENCE_NS);
	assert_int_equal(view().connection_count, 1);
	assert_int_equal(view().kicked, 1);
	assert_int_equal(view().last_reason, VERBS_REASON_NO_HELLO);
	assert_int_equal(fake_events(&silent), 1);
	assert_int_equal(silent.event.event.reason, VERBS_REASON_NO_HELLO);
	fake_client_drop(&silent);
	fake_client_drop(&good);
}

/* ---- after a restart ---- */

static struct fake_client one, two;
static struct fake_queue a, b;

static void pair_make(void)
{
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
}

static void resume(struct fake_queue *queue, uint32_t remote)
{
	assert_int_equal(fake_queue_announce(queue, WEIR_QPT_RC, queue->number), 0);
	for (uint32_t at = WEIR_QPS_INIT; at <= WEIR_QPS_RTS; at++)
		assert_int_equal(fake_modify(queue, at, remote, 1), 0);
}

static void engine_again(void)
{
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_destroy(fake.server);
	start();
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
}

static void pair_drop(void)
{
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_client_drop(&one);
	fake_client_drop(&two);
}

static void assert_gone(bool gone)
{
	eventfd_t rings;

	assert_int_equal(a.queue.header->condition, gone ? VERBS_PEER_GONE : VERBS_CONNECTED);
	assert_int_equal(eventfd_read(a.receive_event, &rings), gone ? 0 : -1);
	fake_events(&one);
	assert_int_equal(one.events, gone);
}

static void test_the_other_end_does_not_come_back(void **state)
{
	(void)state;
	pair_make();
	engine_again();
	resume(&a, b.number);
	verbs_server_step(fake.server);
	assert_gone(false);
	steps_for(3 * PATIENCE_NS);
	assert_gone(true);
	pair_drop();
}

static void test_the_other_end_comes_back_in_error(void **state)
{
	(void)state;
	pair_make();
	engine_again();
	resume(&a, b.number);
	assert_int_equal(fake_queue_announce(&b, WEIR_QPT_RC, b.number), 0);
	assert_int_equal(fake_modify(&b, WEIR_QPS_ERR, a.number, 1), 0);
	steps_for(3 * PATIENCE_NS);
	assert_gone(true);
	pair_drop();
}

static void test_the_other_end_comes_back(void **state)
{
	(void)state;
	pair_make();
	engine_again();
	resume(&a, b.number);
	steps_for(PATIENCE_NS / 4);
	resume(&b, a.number);
	steps_for(3 * PATIENCE_NS);
	assert_gone(false);
	pair_drop();
}

/* It goes on without an engine, so it has to be dead to be gone. */
static void test_the_other_end_lives_and_does_not_come_back(void **state)
{
	(void)state;
	pair_make();
	assert_int_equal(a.queue.header->path, VERBS_PATH_DIRECT);
	assert_int_equal(a.queue.header->peer_pid, getpid());
	engine_again();
	resume(&a, b.number);
	steps_for(3 * PATIENCE_NS);
	assert_gone(false);
	/* As when its number was another's before. */
	a.queue.header->peer_began++;
	steps_for(3 * PATIENCE_NS);
	assert_gone(true);
	pair_drop();
}

/* It takes its time to connect, as any may. */
static void test_the_other_end_is_there(void **state)
{
	(void)state;
	pair_make();
	engine_again();
	resume(&a, b.number);
	assert_int_equal(fake_queue_announce(&b, WEIR_QPT_RC, b.number), 0);
	steps_for(3 * PATIENCE_NS);
	assert_gone(false);
	assert_int_equal(fake_connect(&b, a.number), 0);
	pair_drop();
}

static void test_a_new_one_waits_for_ever(void **state)
{
	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_connect(&a, 0xabcdef), 0);
	steps_for(3 * PATIENCE_NS);
	assert_gone(false);
	pair_drop();
}

/* ---- accepting ---- */

static void accepting_fails_with(int code)
{
	struct fake_client client;

	accept_error = code;
	accepts = 0;
	fake_client_open(&fake, &client);
	steps_for(30000000);
	/* Some 30 steps: not at each. */
	assert_in_range(accepts, 1, 4);
	accept_error = 0;
	steps_for(150000000);
	assert_int_equal(view().connections_ever, 1);
	fake_client_drop(&client);
}

static void test_no_memory_to_accept(void **state)
{
	(void)state;
	accepting_fails_with(ENOMEM);
}

static void test_no_descriptors_to_accept(void **state)
{
	(void)state;
	accepting_fails_with(EMFILE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_who_says_no_hello_is_kicked),
		TEST(test_the_other_end_does_not_come_back),
		TEST(test_the_other_end_comes_back_in_error),
		TEST(test_the_other_end_comes_back),
		cmocka_unit_test_setup_teardown(
			test_the_other_end_lives_and_does_not_come_back, setup_direct, teardown),
		TEST(test_the_other_end_is_there),
		TEST(test_a_new_one_waits_for_ever),
		TEST(test_no_memory_to_accept),
		TEST(test_no_descriptors_to_accept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
