/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The balancer's thread: now and then it reads what workers and buckets did, asks for moves
 * (steering/balancer.h), and writes them as wishes that the receiving workers follow. It only ever
 * reads counters and writes wishes: a worker loses nothing if it is late.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/steering_internal.h"

enum { MOVES_MAX = 256 };

/* What the last step saw. */
struct balance {
	unsigned poll_count;
	uint32_t bucket_count;
	uint64_t last_ns;
	struct balancer_worker workers[CONFIG_WORKERS_MAX]; /* totals */
	uint64_t fixed_cycles[CONFIG_WORKERS_MAX];
	uint64_t *packets; /* [bucket_count], totals */
	struct balancer_bucket *buckets; /* [bucket_count] */
};

static struct balance *balance_destroy(struct balance *balance)
{
	if (balance != NULL) {
		free(balance->packets);
		free(balance->buckets);
		free(balance);
	}
	return NULL;
}

static const struct steer *steer_at(const struct engine *engine, unsigned poll)
{
	return &steering_poll(engine, poll)->steering->steer;
}

static struct balance *balance_create(const struct engine *engine)
{
	struct balance *balance = calloc(1, sizeof(*balance));

	if (balance == NULL)
		return NULL;
	for (unsigned i = 0; steering_poll(engine, i) != NULL; i++) {
		balance->bucket_count += steer_at(engine, i)->table->reta.size;
		balance->poll_count++;
	}
	balance->packets = calloc(balance->bucket_count + 1, sizeof(*balance->packets));
	balance->buckets = calloc(balance->bucket_count + 1, sizeof(*balance->buckets));
	if (balance->packets == NULL || balance->buckets == NULL)
		return balance_destroy(balance);
	return balance;
}

/* ---- what workers and buckets did ---- */

static uint64_t since(uint64_t now, uint64_t *last)
{
	uint64_t difference = now > *last ? now - *last : 0;

	*last = now;
	return difference;
}

/* Cycles of receiving and steering so far, from the bursts that were timed. */
static uint64_t fixed_cycles(const struct worker *worker)
{
	uint64_t cycles = 0;

	for (uint16_t i = 0; i < worker->poll_count; i++) {
		const struct rx_poll *poll = &worker->polls[i];

		if (poll->steering != NULL && poll->steering->sampled_packets > 0)
			cycles += (uint64_t)((double)poll->counters.packets *
				(double)poll->steering->sampled_cycles /
				(double)poll->steering->sampled_packets);
	}
	return cycles;
}

static void read_workers(
	const struct engine *engine, struct balance *balance, struct balancer_worker ret_workers[])
{
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		const struct worker *worker = engine->workers[w];
		struct balancer_worker *last = &balance->workers[w];
		struct softnet_view softnet;

		engine_softnet_view(engine, w, &softnet);
		ret_workers[w] = (struct balancer_worker){
			.busy_cycles = since(worker->counters.busy_cycles, &last->busy_cycles),
			.idle_cycles =
				since(worker->counters.idle_cycles + worker->counters.sleep_cycles,
					&last->idle_cycles),
			.fixed_cycles = since(fixed_cycles(worker), &balance->fixed_cycles[w]),
			.packets = since(worker->counters.processed, &last->packets),
			.backlog = softnet.backlog_len,
		};
	}
}

/* Workers a bucket may go to: those of its queue's RPS map, or all that a queue belongs to. */
static uint64_t allowed_workers(const struct steer_table *table, uint8_t queue)
{
	const struct rps_map *map = &table->rps[queue];
	uint64_t allowed = 0;

	for (unsigned i = 0; i < map->count; i++)
		allowed |= UINT64_C(1) << map->workers[i];
	for (unsigned i = 0; map->count == 0 && i < table->reta.queue_count; i++)
		allowed |= UINT64_C(1) << table->queue_worker[i];
	return allowed;
}

/* Where a bucket is, or will be when its move is done. That may end, and another take its place,
 * while it is looked at: then it is where it came to. */
static struct steer_route route_planned(const struct steer *steer, unsigned bucket)
{
	struct steer_route route = steer->routes[bucket];
	struct steer_move move;

	for (int tries = 0; route.worker == STEER_PARK && tries < 100; tries++) {
		move = steer->moves[route.queue % STEER_MOVES_MAX];
		if (move.bucket == bucket)
			return move.to;
		route = *(const volatile struct steer_route *)&steer->routes[bucket];
	}
	return route;
}

static void read_buckets(const struct engine *engine, struct balance *balance)
{
	uint32_t at = 0;

	for (unsigned p = 0; p < balance->poll_count; p++) {
		const struct steer *steer = steer_at(engine, p);
		const struct steer_table *table = steer->table;

		for (unsigned b = 0; b < table->reta.size; b++, at++) {
			struct steer_route route = route_planned(steer, b);
			bool moving = steer->routes[b].worker == STEER_PARK;

			if (route.worker >= engine->worker_count)
				continue; /* its move ended just now: as it was */
			balance->buckets[at] = (struct balancer_bucket){
				.packets = since(steer->bucket_packets[b], &balance->packets[at]),
				.allowed = allowed_workers(table, route.queue) |
					UINT64_C(1) << route.worker,
				.worker = route.worker,
				.moving = moving,
			};
		}
	}
}

/* ---- moves ---- */

static void wish_what_is(struct steering *steering)
{
	for (unsigned b = 0; b < steering->steer.table->reta.size; b++) {
		struct steer_route route = route_planned(&steering->steer, b);

		if (route.worker != STEER_PARK)
			steer_wish_set(&steering->wish, b, route);
	}
}

/* A queue of that worker, of this port; the bucket's own queue where RPS places it. */
static uint8_t queue_for(const struct steer_table *table, uint8_t queue, uint8_t worker)
{
	if (table->rps[queue].count > 0 || table->queue_worker[queue] == worker)
		return queue;
	for (unsigned i = 0; i < table->reta.queue_count; i++)
		if (table->queue_worker[i] == worker)
			return (uint8_t)i;
	return queue;
}

static void wish(struct engine *engine, const struct balance *balance,
	const struct balancer_move moves[], unsigned count)
{
	uint32_t first = 0;

	for (unsigned p = 0; p < balance->poll_count; p++) {
		struct steering *steering = steering_poll(engine, p)->steering;
		const struct steer_table *table = steering->steer.table;
		bool changed = false;

		/* An older wish may have been given up: it is not to be followed now. */
		wish_what_is(steering);
		for (unsigned i = 0; i < count; i++) {
			uint32_t bucket = moves[i].bucket - first;
			struct steer_route route;

			if (moves[i].bucket < first || bucket >= table->reta.size)
				continue;
			route = steer_wish_get(&steering->wish, bucket);
			route.queue = queue_for(table, route.queue, moves[i].to);
			route.worker = moves[i].to;
			steer_wish_set(&steering->wish, bucket, route);
			changed = true;
		}
		if (changed)
			steer_wish_publish(&steering->wish);
		first += table->reta.size;
	}
}

/* The lock is held. Returns when to step next. */
static uint64_t balance_step(struct engine *engine, struct balance *balance)
{
	struct balancer_worker workers[CONFIG_WORKERS_MAX];
	struct balancer_move moves[MOVES_MAX];
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t interval_ns = now_ns - balance->last_ns;
	struct balancer_state state;
	unsigned count;

	read_workers(engine, balance, workers);
	read_buckets(engine, balance);
	balance->last_ns = now_ns;
	count = balancer_step(
		engine->balancer, interval_ns, workers, balance->buckets, moves, MOVES_MAX);
	wish(engine, balance, moves, count);
	balancer_state(engine->balancer, &state);
	return state.tick_ns;
}

/* ---- the thread ---- */

static uint8_t distance(const struct engine *engine, uint16_t one, uint16_t other)
{
	const struct topology_cpu *a =
		topology_cpu_find(&engine->topology, engine->plan.workers[one].cpu);
	const struct topology_cpu *b =
		topology_cpu_find(&engine->topology, engine->plan.workers[other].cpu);

	if (one == other)
		return 0;
	if (a == NULL || b == NULL)
		return 3;
	return a->llc == b->llc ? 1 : a->node == b->node ? 2 : 3;
}

static int balancer_make(struct engine *engine)
{
	const struct config_steering *config = &engine->config->steering;
	struct balancer_config balancer = {
		.worker_count = engine->worker_count,
		.tick_min_ns = config->balance_tick_min_ns,
		.tick_max_ns = config->balance_tick_max_ns,
		.scale = config->scale,
	};

	engine->balance = balance_create(engine);
	if (engine->balance == NULL)
		return -ENOMEM;
	balancer.bucket_count = engine->balance->bucket_count;
	for (uint16_t one = 0; one < engine->worker_count; one++)
		for (uint16_t other = 0; other < engine->worker_count; other++)
			balancer.distance[one][other] = distance(engine, one, other);
	engine->balance->last_ns = clock_monotonic_ns();
	engine->balancer = balancer_create(&balancer);
	return engine->balancer != NULL ? 0 : -ENOMEM;
}

enum { IDLE_TICK_NS = 20000000 };

static void *balance_main(void *argument)
{
	struct engine *engine = argument;

	pthread_setname_np(pthread_self(), "weir-balancer");
	while (!__atomic_load_n(&engine->balance_stop, __ATOMIC_ACQUIRE)) {
		uint64_t wait_ns = IDLE_TICK_NS;

		pthread_mutex_lock(&engine->steering_lock);
		if (engine->balancer != NULL && engine_phase(engine) == PHASE_RUN)
			wait_ns = balance_step(engine, engine->balance);
		pthread_mutex_unlock(&engine->steering_lock);
		if (wait_ns > IDLE_TICK_NS * 5)
			wait_ns = IDLE_TICK_NS * 5; /* to be stopped soon */
		nanosleep(&(struct timespec){.tv_nsec = (long)wait_ns}, NULL);
	}
	return NULL;
}

static int thread_start(struct engine *engine, struct error *error)
{
	int result = engine_thread_start(
		engine, &engine->balance_thread, balance_main, engine, "the balancer", error);

	if (result != 0)
		return result;
	engine->balance_started = true;
	return 0;
}

int balance_reset(struct engine *engine, struct error *error)
{
	engine->balance = balance_destroy(engine->balance);
	engine->balancer = balancer_destroy(engine->balancer);
	if (!engine->config->steering.balance || engine->worker_count < 2 ||
		engine_steering_count(engine) == 0)
		return 0;
	if (balancer_make(engine) != 0)
		return error_set(error, ENOMEM, "no memory for the balancer");
	return engine->balance_started ? 0 : thread_start(engine, error);
}

void balance_end(struct engine *engine)
{
	if (engine->balance_started) {
		__atomic_store_n(&engine->balance_stop, true, __ATOMIC_RELEASE);
		pthread_join(engine->balance_thread, NULL);
		engine->balance_started = false;
	}
	engine->balance = balance_destroy(engine->balance);
	engine->balancer = balancer_destroy(engine->balancer);
}
