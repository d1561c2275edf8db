/* SPDX-License-Identifier: BSD-3-Clause */
/* Sleeping and being woken: completion events, asynchronous events, an engine that goes. */
#include "client_engine.h"
#include "verbs/client/client.h"

#include <fcntl.h>
#include <stdlib.h>

static void not_blocking(struct end *end)
{
	assert_int_equal(fcntl(end->channel->fd, F_SETFL, O_NONBLOCK), 0);
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	return poll(&waiting, 1, timeout_ms) > 0;
}

/* The next event, which is there within 5 s; the channel does not block. */
static void expect_event(struct end *end)
{
	struct weir_cq *cq;
	void *context;

	for (int i = 0; i < 500; i++) {
		int status = weir_get_cq_event(end->channel, &cq, &context);

		if (status == 0) {
			assert_ptr_equal(cq, end->cq);
			assert_ptr_equal(context, end);
			weir_ack_cq_events(cq, 1);
			return;
		}
		assert_int_equal(status, EAGAIN);
		readable(end->channel->fd, 10);
	}
	fail_msg("no event came");
}

static void expect_none(struct end *end)
{
	struct weir_cq *cq;
	void *context;

	readable(end->channel->fd, 20);
	assert_int_equal(weir_get_cq_event(end->channel, &cq, &context), EAGAIN);
}

static void drain(struct end *end)
{
	struct weir_wc wc;

	while (weir_poll_cq(end->cq, 1, &wc) > 0)
		;
}

static void send_one(struct world *world, unsigned flags)
{
	MUST(end_post_recv(&world->other, 1, 4096, 256));
	MUST(end_post_send(&world->one, 2, 0, 64, flags));
	end_poll(&world->one);
}

static void armed(void **state)
{
	struct world *world = *state;
	struct end *to = &world->other;

	not_blocking(to);
	/* Not armed: nothing. */
	send_one(world, 0);
	expect_none(to);
	end_poll(to);
	/* Armed, then a message: one event, not two. */
	MUST(weir_req_notify_cq(to->cq, 0));
	expect_none(to);
	send_one(world, 0);
	assert_true(readable(to->channel->fd, 5000));
	expect_event(to);
	send_one(world, 0);
	expect_none(to);
	end_poll(to);
	end_poll(to);
	/* A message, then armed: that it is there already is not missed. */
	send_one(world, 0);
	MUST(weir_req_notify_cq(to->cq, 0));
	assert_true(readable(to->channel->fd, 5000));
	expect_event(to);
	end_poll(to);
	/* Armed, and the event's message polled before: nothing. */
	MUST(weir_req_notify_cq(to->cq, 0));
	send_one(world, 0);
	end_poll(to);
	expect_none(to);
}

static void solicited(void **state)
{
	struct world *world = *state;
	struct end *to = &world->other;

	not_blocking(to);
	MUST(weir_req_notify_cq(to->cq, 1));
	send_one(world, 0);
	send_one(world, 0);
	expect_none(to);
	send_one(world, WEIR_SEND_SOLICITED);
	assert_true(readable(to->channel->fd, 5000));
	expect_event(to);
	drain(to);
	/* Armed for any after armed for solicited ones: for any. And not back. */
	MUST(weir_req_notify_cq(to->cq, 1));
	MUST(weir_req_notify_cq(to->cq, 0));
	MUST(weir_req_notify_cq(to->cq, 1));
	send_one(world, 0);
	expect_event(to);
}

/* What it has sent itself wakes as well. */
static void sends_wake(void **state)
{
	struct world *world = *state;

	not_blocking(&world->one);
	MUST(weir_req_notify_cq(world->one.cq, 0));
	MUST(end_post_recv(&world->other, 1, 4096, 256));
	MUST(end_post_send(&world->one, 2, 0, 64, 0));
	expect_event(&world->one);
	end_poll(&world->one);
	end_poll(&world->other);
	/* One that waits for its receive: woken when that is posted. */
	MUST(weir_req_notify_cq(world->one.cq, 0));
	MUST(end_post_send(&world->one, 2, 0, 64, 0));
	expect_none(&world->one);
	MUST(end_post_recv(&world->other, 1, 4096, 256));
	expect_event(&world->one);
	assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
}

struct sleeper {
	struct end *end;
	unsigned events;
	int status;
};

static void *sleep_for_events(void *argument)
{
	struct sleeper *sleeper = argument;
	struct end *end = sleeper->end;

	while (sleeper->events < 300 && sleeper->status == 0) {
		struct weir_cq *cq;
		struct weir_wc wc;
		void *context;

		sleeper->status = weir_get_cq_event(end->channel, &cq, &context);
		weir_ack_cq_events(end->cq, 1);
		weir_req_notify_cq(end->cq, 0);
		while (weir_poll_cq(end->cq, 1, &wc) > 0) {
			sleeper->events++;
			end_post_recv(end, 0, 0, 64);
		}
	}
	return NULL;
}

/* Many times around, each time at another moment of falling asleep: a wake-up that is lost would
 * hang. */
static void none_lost(void **state)
{
	struct world *world = *state;
	struct sleeper sleeper = {.end = &world->other};
	pthread_t thread;

	MUST(end_post_recv(&world->other, 0, 0, 64));
	MUST(weir_req_notify_cq(world->other.cq, 0));
	pthread_create(&thread, NULL, sleep_for_events, &sleeper);
	for (unsigned i = 0; i < 300; i++) {
		MUST(end_post_send(&world->one, i, 0, 16, 0));
		assert_int_equal(end_poll(&world->one).status, WEIR_WC_SUCCESS);
		for (volatile unsigned spin = 0; spin < i * 97; spin++)
			;
	}
	pthread_join(thread, NULL);
	assert_int_equal(sleeper.status, 0);
	assert_int_equal(sleeper.events, 300);
}

static void *sleep_once(void *argument)
{
	struct sleeper *sleeper = argument;
	struct weir_cq *cq;
	void *context;

	sleeper->status = weir_get_cq_event(sleeper->end->channel, &cq, &context);
	__atomic_store_n(&sleeper->events, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* One thread sleeps for completions, another one posts what completes at once. */
static void own_post_wakes(void **state)
{
	struct world *world = *state;
	struct sleeper sleeper = {.end = &world->one};
	pthread_t thread;

	MUST(end_post_recv(&world->other, 0, 0, 64));
	MUST(weir_req_notify_cq(world->one.cq, 0));
	pthread_create(&thread, NULL, sleep_once, &sleeper);
	usleep(50000);
	MUST(end_post_send(&world->one, 5, 0, 16, 0));
	for (int i = 0; i < 5000 && __atomic_load_n(&sleeper.events, __ATOMIC_ACQUIRE) == 0; i++)
		usleep(1000);
	assert_int_equal(sleeper.events, 1);
	pthread_join(thread, NULL);
	assert_int_equal(sleeper.status, 0);
	assert_int_equal(end_poll(&world->one).wr_id, 5);
	weir_ack_cq_events(world->one.cq, 1);
}

/* A queue pair connected to itself, its queue armed and about to have a completion. */
static void second_make(const struct end *to, struct end *second)
{
	MUST_HAVE(second->cq = weir_create_cq(to->device, 16, second, to->channel));
	MUST_HAVE(end_make(second, WEIR_QPT_RC, NULL));
	MUST(weir_connect_qp(second->qp, second->qp->qp_num));
	MUST(weir_req_notify_cq(second->cq, 0));
	MUST(end_post_recv(second, 1, 0, 64));
	MUST(end_post_send(second, 1, 0, 16, 0));
}

/* Two queues on a channel: each gives its event. */
static void two_queues(void **state)
{
	struct world *world = *state;
	struct end *to = &world->other, second = *to;
	struct weir_cq *cq[2];
	void *context[2];

	not_blocking(to);
	MUST(weir_req_notify_cq(to->cq, 0));
	second_make(to, &second);
	send_one(world, 0);
	usleep(20000);
	for (int i = 0; i < 2; i++) {
		assert_true(readable(to->channel->fd, 5000));
		MUST(weir_get_cq_event(to->channel, &cq[i], &context[i]));
		assert_ptr_equal(cq[i]->cq_context, context[i]);
	}
	assert_ptr_not_equal(cq[0], cq[1]);
	assert_int_equal(weir_destroy_cq(second.cq), EBUSY);
	MUST(weir_destroy_qp(second.qp));
	assert_int_equal(weir_destroy_cq(second.cq), EBUSY);
	assert_string_equal(weir_error_text(), "1 events are not acknowledged");
	weir_ack_cq_events(second.cq, 1);
	MUST(weir_destroy_cq(second.cq));
}

/* ---- the other end goes ---- */

static void peer_gone(void **state)
{
	struct world *world = *state;
	struct weir_wc wc;

	not_blocking(&world->one);
	/* What it had sent arrives. */
	MUST(end_post_recv(&world->one, 1, 4096, 64));
	MUST(end_post_recv(&world->one, 2, 4096, 64));
	MUST(end_post_send(&world->other, 9, 0, 16, 0));
	end_poll(&world->other);
	MUST(weir_destroy_qp(world->other.qp));
	MUST(weir_req_notify_cq(world->one.cq, 0));
	expect_event(&world->one);
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 1);
	assert_int_equal(wc.status, WEIR_WC_SUCCESS);
	wc = end_poll(&world->one);
	assert_int_equal(wc.wr_id, 2);
	assert_int_equal(wc.status, WEIR_WC_WR_FLUSH_ERR);
	assert_int_equal(world->one.qp->state, WEIR_QPS_ERR);
}

/* ---- the engine goes ---- */

static void fatal(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one;
	struct weir_async_event event;
	struct weir_device_attr attr;

	assert_int_equal(fcntl(weir_async_fd(one->device), F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(weir_get_async_event(one->device, &event), EAGAIN);
	engine_stop(&world->engine);
	assert_true(readable(weir_async_fd(one->device), 5000));
	MUST(weir_get_async_event(one->device, &event));
	assert_int_equal(event.event_type, WEIR_EVENT_DEVICE_FATAL);
	weir_ack_async_event(&event);
	/* Said once. */
	assert_int_equal(weir_get_async_event(one->device, &event), EAGAIN);
	assert_false(readable(weir_async_fd(one->device), 0));
	assert_null(weir_alloc_pd(one->device));
	assert_int_equal(errno, EIO);
	assert_int_equal(weir_reconnect(one->device), EAGAIN);
	MUST(weir_query_device(one->device, &attr));
	assert_false(attr.active);
}

/* The event that nobody may miss has a place where others have none. */
static void fatal_after_many(void **state)
{
	struct world *world = *state;
	struct end *one = &world->one;
	struct weir_async_event event;
	unsigned count = 0;

	assert_int_equal(fcntl(weir_async_fd(one->device), F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 2 * CLIENT_EVENTS_MAX; i++)
		client_event(one->device, WEIR_EVENT_PORT_ACTIVE, NULL);
	engine_stop(&world->engine);
	event.event_type = WEIR_EVENT_CQ_ERR;
	while (weir_get_async_event(one->device, &event) == 0)
		count++;
	assert_int_equal(event.event_type, WEIR_EVENT_DEVICE_FATAL);
	assert_int_equal(count, CLIENT_EVENTS_MAX);
}

/* The same objects at the next engine; what was on its way is done once. */
static void reconnect(struct world *world, enum verbs_policy policy)
{
	struct end *one = &world->one, *other = &world->other;
	uint32_t number = one->qp->qp_num, key = one->mr->rkey;
	struct weir_device_attr attr;
	struct weir_wc wc;

	send_one(world, 0);
	end_poll(other);
	MUST(end_post_send(one, 20, 0, 64, 0)); /* no receive: on its way */
	MUST(end_post_send(one, 21, 0, 200, 0));
	usleep(5000);
	engine_stop(&world->engine);
	assert_int_equal(weir_reconnect(one->device), EAGAIN);
	/* That the engine is gone is no error of what it connected. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(weir_poll_cq(one->cq, 1, &wc), 0);
		assert_int_equal(weir_poll_cq(other->cq, 1, &wc), 0);
	}
	engine_start(&world->engine, policy);
	MUST(weir_reconnect(one->device));
	MUST(weir_reconnect(other->device));
	assert_int_equal(weir_reconnect(other->device), EISCONN);
	MUST(weir_query_device(one->device, &attr));
	assert_true(attr.active);
	assert_int_equal(one->qp->qp_num, number);
	assert_int_equal(one->mr->rkey, key);
	memset(one->memory, 0x66, 256);
	MUST(end_post_recv(other, 30, 4096, 256));
	MUST(end_post_recv(other, 31, 8192, 256));
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(end_poll(one).wr_id, 20 + i);
		wc = end_poll(other);
		assert_int_equal(wc.status, WEIR_WC_SUCCESS);
		assert_int_equal(wc.wr_id, 30 + i);
		assert_int_equal(wc.byte_len, i == 0 ? 64 : 200);
	}
	/* And new work, both ways, with new objects too. */
	send_one(world, 0);
	end_poll(other);
	MUST(end_post_recv(one, 1, 4096, 256));
	MUST(end_post_send(other, 2, 0, 150, 0));
	assert_int_equal(end_poll(one).status, WEIR_WC_SUCCESS);
	assert_int_equal(end_poll(other).status, WEIR_WC_SUCCESS);
	assert_non_null(weir_alloc_pd(one->device));
}

static void reconnect_direct(void **state)
{
	reconnect(*state, VERBS_POLICY_DIRECT);
}

static void reconnect_engine(void **state)
{
	reconnect(*state, VERBS_POLICY_ENGINE);
}

static void nobody_there(void **state)
{
	(void)state;
	setenv("WEIR_VERBS_SOCKET", "/tmp/weir-nobody.sock", 1);
	assert_null(weir_open(NULL));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(weir_error_text(),
		"no engine at /tmp/weir-nobody.sock: there is no such socket; start one with: "
		"weir run config/verbs.json");
	assert_null(weir_open("/tmp/a-path-that-is-much-too-long-for-the-address-of-a-socket-of-"
			      "this-kind-which-has-108-bytes-and-not-one-more-than-that"));
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_BOTH(armed),
		PAIR_BOTH(solicited),
		PAIR_BOTH(sends_wake),
		PAIR_BOTH(none_lost),
		PAIR_BOTH(own_post_wakes),
		PAIR_BOTH(two_queues),
		PAIR_BOTH(peer_gone),
		PAIR_BOTH(fatal),
		{"fatal_after_many direct", fatal_after_many, pair_set_up_direct, world_close,
			NULL},
		cmocka_unit_test_setup_teardown(reconnect_direct, pair_set_up_direct, world_close),
		cmocka_unit_test_setup_teardown(reconnect_engine, pair_set_up_engine, world_close),
		cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
