/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's side in a thread (and one that does the work of the engine path), for tests of
 * libweir; and a queue pair with what it needs. */
#ifndef WEIR_TEST_CLIENT_ENGINE_H
#define WEIR_TEST_CLIENT_ENGINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verbs/server/server.h"
#include "verbs/weir.h"

struct engine {
	char path[64];
	struct verbs_server *server;
	pthread_t server_thread, worker_thread;
	bool stop;
	uint64_t patience_ns; /* 0: what the server has by itself */
};

static inline void *engine_serve(void *argument)
{
	struct engine *engine = argument;

	while (!__atomic_load_n(&engine->stop, __ATOMIC_ACQUIRE)) {
		struct pollfd waiting = {.fd = verbs_server_fd(engine->server), .events = POLLIN};

		poll(&waiting, 1, 5);
		verbs_server_step(engine->server);
	}
	return NULL;
}

static inline void *engine_work(void *argument)
{
	struct engine *engine = argument;

	while (!__atomic_load_n(&engine->stop, __ATOMIC_ACQUIRE))
		if (verbs_server_work(engine->server, 0) == 0)
			usleep(50);
	return NULL;
}

static inline void engine_start(struct engine *engine, enum verbs_policy policy)
{
	struct verbs_server_config config = {
		.socket = engine->path,
		.policy = policy,
		.connections = 8,
		.queue_pairs = 64,
		.regions = 1024,
		.domains = 16,
		.shared_receives = 16,
		.depth = 4096,
		.bytes = 1ull << 30,
		.version = "test",
		.workers = 1,
		.patience_ns = engine->patience_ns,
	};
	struct error error = {.code = 0};

	if (engine->path[0] == '\0')
		snprintf(engine->path, sizeof(engine->path), "/tmp/weir-test-%d.sock", getpid());
	engine->stop = false;
	if (verbs_server_create(&config, NULL, NULL, &engine->server, &error) != 0)
		fail_msg("%s", error.message);
	pthread_create(&engine->server_thread, NULL, engine_serve, engine);
	pthread_create(&engine->worker_thread, NULL, engine_work, engine);
}

static inline void engine_stop(struct engine *engine)
{
	__atomic_store_n(&engine->stop, true, __ATOMIC_RELEASE);
	pthread_join(engine->server_thread, NULL);
	pthread_join(engine->worker_thread, NULL);
	engine->server = verbs_server_destroy(engine->server);
}

/* One application: each its own connection, as if it were a process of its own. */
struct end {
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_comp_channel *channel;
	struct weir_cq *cq;
	struct weir_qp *qp;
	struct weir_mr *mr;
	uint8_t *memory;
};

enum { END_BYTES = 1 << 16, END_DEPTH = 16 };

#define MUST(call)                                                                                 \
	do {                                                                                       \
		if ((call) != 0)                                                                   \
			fail_msg("%s: %s", #call, weir_error_text());                              \
	} while (0)
#define MUST_HAVE(pointer)                                                                         \
	do {                                                                                       \
		if ((pointer) == NULL)                                                             \
			fail_msg("%s: %s", #pointer, weir_error_text());                           \
	} while (0)

static inline void end_open(struct end *end, const struct engine *engine)
{
	const unsigned access = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE |
		WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC;

	memset(end, 0, sizeof(*end));
	MUST_HAVE(end->device = weir_open(engine->path));
	MUST_HAVE(end->pd = weir_alloc_pd(end->device));
	MUST_HAVE(end->channel = weir_create_comp_channel(end->device));
	MUST_HAVE(end->cq = weir_create_cq(end->device, 64, end, end->channel));
	MUST_HAVE(end->memory = weir_alloc(end->device, END_BYTES, false));
	MUST_HAVE(end->mr = weir_reg_mr(end->pd, end->memory, END_BYTES, access));
}

static inline struct weir_qp *end_make(
	struct end *end, enum weir_qp_type type, struct weir_srq *srq)
{
	struct weir_qp_init_attr attr = {
		.send_cq = end->cq,
		.recv_cq = end->cq,
		.srq = srq,
		.cap = {.max_send_wr = END_DEPTH,
			.max_recv_wr = END_DEPTH,
			.max_send_sge = 2,
			.max_recv_sge = 2,
			.max_inline_data = 64},
		.qp_type = type,
		.sq_sig_all = 1,
	};

	MUST_HAVE(end->qp = weir_create_qp(end->pd, &attr));
	return end->qp;
}

static inline void ends_connect(struct end *one, struct end *other)
{
	MUST(weir_connect_qp(one->qp, other->qp->qp_num));
	MUST(weir_connect_qp(other->qp, one->qp->qp_num));
}

static inline int end_post_recv(struct end *end, uint64_t id, uint32_t offset, uint32_t bytes)
{
	struct weir_sge sge = {(uintptr_t)end->memory + offset, bytes, end->mr->lkey};
	struct weir_recv_wr wr = {.wr_id = id, .sg_list = &sge, .num_sge = 1}, *bad;

	return weir_post_recv(end->qp, &wr, &bad);
}

static inline int end_post_send(
	struct end *end, uint64_t id, uint32_t offset, uint32_t bytes, unsigned flags)
{
	struct weir_sge sge = {(uintptr_t)end->memory + offset, bytes, end->mr->lkey};
	struct weir_send_wr wr = {.wr_id = id,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .opcode = WEIR_WR_SEND,
				    .send_flags = flags},
			    *bad;

	return weir_post_send(end->qp, &wr, &bad);
}

/* The next completion, within 5 s. */
static inline struct weir_wc end_poll(struct end *end)
{
	struct weir_wc wc = {.status = 1000};

	for (int i = 0; i < 60000; i++) {
		int count = weir_poll_cq(end->cq, 1, &wc);

		assert_true(count >= 0);
		if (count == 1)
			return wc;
		if (i > 1000)
			usleep(10);
	}
	fail_msg("no completion came");
	return wc;
}

/* Two applications at one engine: what most tests begin with. */
struct world {
	struct engine engine;
	struct end one, other;
};

static inline struct world *world_open(enum verbs_policy policy)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	engine_start(&world.engine, policy);
	end_open(&world.one, &world.engine);
	end_open(&world.other, &world.engine);
	return &world;
}

/* With a queue pair each, connected. */
static inline int pair_set_up(void **state, enum verbs_policy policy)
{
	struct world *world = world_open(policy);

	end_make(&world->one, WEIR_QPT_RC, NULL);
	end_make(&world->other, WEIR_QPT_RC, NULL);
	ends_connect(&world->one, &world->other);
	*state = world;
	return 0;
}

static inline int pair_set_up_direct(void **state)
{
	return pair_set_up(state, VERBS_POLICY_DIRECT);
}

static inline int pair_set_up_engine(void **state)
{
	return pair_set_up(state, VERBS_POLICY_ENGINE);
}

/* weir_close() takes what the test left; a test may have ended the engine. */
static inline int world_close(void **state)
{
	struct world *world = *state;

	weir_close(world->one.device);
	weir_close(world->other.device);
	if (world->engine.server != NULL)
		engine_stop(&world->engine);
	return 0;
}

/* A test of a connected pair, on both paths. */
#define PAIR_BOTH(name)                                                                            \
	{#name " direct", name, pair_set_up_direct, world_close, NULL},                            \
	{                                                                                          \
#name " engine", name, pair_set_up_engine, world_close, NULL                       \
	}

#endif
