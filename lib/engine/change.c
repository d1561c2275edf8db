/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes while packets flow. Tables are made new beside the old, given to the receiving workers,
 * and the old ones freed when all use the new. What two workers share (a tx queue, a ring's length)
 * is changed while all are parked, for about a millisecond; packets wait in the rx queues.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "config/change.h"
#include "engine/steering_internal.h"

enum { POLL_NS = 20000 };
#define CHANGE_TIMEOUT_NS NS_PER_SECOND

struct change {
	struct rfs_consumers *consumers;
	struct steering_tables *tables[CONFIG_PORTS_MAX * CONFIG_RSS_QUEUES_MAX]; /* by poll */
	struct flow_limit *limits[CONFIG_WORKERS_MAX][CONFIG_WORKERS_MAX];
	unsigned count; /* polls */
};

static void change_free(struct change *change)
{
	for (unsigned i = 0; i < change->count; i++)
		steering_tables_free(change->tables[i]);
	for (unsigned w = 0; w < CONFIG_WORKERS_MAX; w++)
		for (unsigned i = 0; i < CONFIG_WORKERS_MAX; i++)
			steering_limit_free(change->limits[w][i]);
	steering_consumers_free(change->consumers);
	free(change);
}

static int change_make(struct engine *engine, const struct config *wanted, struct change *change,
	struct error *error)
{
	struct rx_poll *poll;

	if (steering_consumers_make(wanted, &change->consumers, error) != 0)
		return -error->code;
	for (uint16_t w = 0; w < engine->worker_count; w++)
		if (steering_limits_make(
			    engine, wanted, engine->workers[w], change->limits[w], error) != 0)
			return -error->code;
	for (; (poll = steering_poll(engine, change->count)) != NULL; change->count++)
		if (steering_tables_make(engine, wanted, poll, change->consumers,
			    &change->tables[change->count], error) != 0)
			return -error->code;
	return 0;
}

static bool all_taken(const struct engine *engine, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct steering *steering = steering_poll(engine, i)->steering;

		if (__atomic_load_n(&steering->tables, __ATOMIC_ACQUIRE) != steering->next)
			return false;
	}
	return true;
}

/* Each worker has begun another turn since: none still looks at what it saw before. */
static void wait_a_turn(const struct engine *engine)
{
	uint64_t before[CONFIG_WORKERS_MAX], start_ns = clock_monotonic_ns();

	for (uint16_t w = 0; w < engine->worker_count; w++)
		before[w] = engine->workers[w]->counters.iterations;
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		const struct worker *worker = engine->workers[w];

		while (engine_phase(engine) == PHASE_RUN &&
			__atomic_load_n(&worker->counters.iterations, __ATOMIC_RELAXED) <
				before[w] + 2 &&
			clock_monotonic_ns() - start_ns < CHANGE_TIMEOUT_NS) {
			handoff_wake(engine->workers[w]);
			nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
		}
	}
}

static int publish(struct engine *engine, struct change *change, struct error *error)
{
	uint64_t start_ns = clock_monotonic_ns();

	for (unsigned i = 0; i < change->count; i++)
		__atomic_store_n(&steering_poll(engine, i)->steering->next, change->tables[i],
			__ATOMIC_RELEASE);
	while (!all_taken(engine, change->count)) {
		if (clock_monotonic_ns() - start_ns > CHANGE_TIMEOUT_NS)
			return error_set(error, ETIMEDOUT,
				"the workers did not take the change within a second; it comes "
				"into "
				"force when they do");
		for (uint16_t w = 0; w < engine->worker_count; w++)
			if (engine->workers[w]->adaptive)
				handoff_wake(engine->workers[w]);
		nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
	}
	return 0;
}

/* Workers are parked: they look at nothing. */
static void take_for_parked(struct engine *engine, struct change *change, uint32_t backlog_limit)
{
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t i = 0; i < engine->worker_count; i++)
			if (i != w)
				engine->workers[w]->outboxes[i].ring->limit = backlog_limit;
	for (unsigned i = 0; i < change->count; i++) {
		struct rx_poll *poll = steering_poll(engine, i);

		steer_swap(&poll->steering->steer, &change->tables[i]->table);
		poll->steering->steer.wish_seen = poll->steering->wish.epoch;
		poll->steering->tables = poll->steering->next = change->tables[i];
		poll->steers = change->tables[i]->active;
	}
}

/* What is now out of use goes where change_free() finds it. */
static void keep_old(struct engine *engine, struct change *change, struct steering_tables **old)
{
	struct rfs_consumers *consumers = engine->consumers;

	memcpy(change->tables, old, change->count * sizeof(*old));
	__atomic_store_n(&engine->consumers, change->consumers, __ATOMIC_RELEASE);
	change->consumers = consumers;
	for (uint16_t w = 0; w < engine->worker_count; w++)
		for (uint16_t i = 0; i < engine->worker_count; i++) {
			struct outbox *outbox = &engine->workers[w]->outboxes[i];
			struct flow_limit *limit = outbox->limit;

			__atomic_store_n(&outbox->limit, change->limits[w][i], __ATOMIC_RELEASE);
			change->limits[w][i] = limit;
		}
}

static bool device_rss_differs(
	const struct engine *engine, const struct config *wanted, uint16_t port)
{
	return engine->ports[port].rss == PORT_RSS_HARDWARE &&
		memcmp(&engine->config->ports[port].rss, &wanted->ports[port].rss,
			sizeof(wanted->ports[port].rss)) != 0;
}

static bool needs_parking(const struct engine *engine, const struct config *wanted)
{
	bool needs = wanted->steering.netdev_max_backlog > engine->ring_limit;

	for (uint16_t p = 0; p < engine->port_count; p++) {
		const struct config_port *from = &engine->config->ports[p];
		const struct config_port *to = &wanted->ports[p];

		needs |= memcmp(&from->xps_cpus, &to->xps_cpus, sizeof(from->xps_cpus)) != 0 ||
			memcmp(&from->xps_rxqs, &to->xps_rxqs, sizeof(from->xps_rxqs)) != 0 ||
			device_rss_differs(engine, wanted, p);
	}
	return needs;
}

static int change_parked(struct engine *engine, const struct config *wanted, struct error *error)
{
	if (wanted->steering.netdev_max_backlog > engine->ring_limit &&
		engine_build_rings(engine, wanted->steering.netdev_max_backlog, error) != 0)
		return -error->code;
	for (uint16_t p = 0; p < engine->port_count; p++) {
		engine_choose_tx_queues(engine, wanted, p);
		if (device_rss_differs(engine, wanted, p) &&
			port_set_rss(&engine->ports[p], &wanted->ports[p].rss, error) != 0)
			return -error->code;
	}
	return 0;
}

static int carry_out(struct engine *engine, const struct config *wanted, struct change *change,
	struct error *error)
{
	static struct steering_tables *old[CONFIG_PORTS_MAX * CONFIG_RSS_QUEUES_MAX];
	bool parks = needs_parking(engine, wanted) || engine_phase(engine) != PHASE_RUN;
	bool restart = parks && engine_pause(engine);
	int result = 0;

	for (unsigned i = 0; i < change->count; i++)
		old[i] = steering_poll(engine, i)->steering->tables;
	if (parks) {
		result = change_parked(engine, wanted, error);
		if (result == 0)
			take_for_parked(engine, change, wanted->steering.netdev_max_backlog);
	} else {
		result = publish(engine, change, error);
	}
	if (result == 0)
		keep_old(engine, change, old);
	if (restart)
		engine_resume(engine);
	if (result == 0)
		wait_a_turn(engine);
	return result;
}

static bool steering_differs(const struct engine *engine, const struct config *wanted)
{
	const struct config *present = engine->config;
	bool differs =
		memcmp(&present->steering, &wanted->steering, sizeof(present->steering)) != 0;

	for (uint16_t p = 0; p < engine->port_count; p++) {
		const struct config_port *from = &present->ports[p];
		const struct config_port *to = &wanted->ports[p];

		differs |= memcmp(&from->rss, &to->rss, sizeof(from->rss)) != 0 ||
			memcmp(&from->rps_cpus, &to->rps_cpus, sizeof(from->rps_cpus)) != 0 ||
			from->rps_flow_cnt != to->rps_flow_cnt;
	}
	return differs || needs_parking(engine, wanted);
}

int engine_change(struct engine *engine, const struct config *wanted, struct error *error)
{
	struct change *change;
	int result;

	if (!steering_differs(engine, wanted)) {
		config_copy_live(engine->config, wanted);
		return 0;
	}
	change = calloc(1, sizeof(*change));
	if (change == NULL)
		return error_set(error, ENOMEM, "no memory for the change");
	pthread_mutex_lock(&engine->steering_lock);
	if (all_taken(engine, engine_steering_count(engine)))
		result = change_make(engine, wanted, change, error);
	else
		result = error_set(error, EBUSY, "the change before is not in force yet");
	if (result == 0)
		result = carry_out(engine, wanted, change, error);
	if (result == 0) {
		config_copy_live(engine->config, wanted);
		result = balance_reset(engine, error);
	}
	pthread_mutex_unlock(&engine->steering_lock);
	/* What the workers have not taken in time they may take yet, so it cannot be freed. */
	if (result != -ETIMEDOUT)
		change_free(change);
	return result;
}
