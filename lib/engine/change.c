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
#define SLOW_NS NS_PER_SECOND

struct change {
	struct rfs_consumers *consumers;
	/* By poll: the new ones, then those that were in force. */
	struct steering_tables *tables[CONFIG_PORTS_MAX * CONFIG_RSS_QUEUES_MAX];
	struct steering_tables *old[CONFIG_PORTS_MAX * CONFIG_RSS_QUEUES_MAX];
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

/* Lets some time pass, with no worker asleep. Says once when it takes long: to go on without a
 * worker would take from it what it uses. */
static void wait_for_workers(const struct engine *engine, uint64_t *said_ns)
{
	if (clock_monotonic_ns() > *said_ns) {
		engine_say(engine, true,
			"a change waits for the workers to finish what they were handed before "
			"(a full backlog and slow stages take long)");
		*said_ns = UINT64_MAX;
	}
	for (uint16_t w = 0; w < engine->worker_count; w++)
		if (engine->workers[w]->adaptive)
			handoff_wake(engine->workers[w]);
	nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
}

/* Each worker has begun another turn since: none still looks at what it saw before. */
void engine_wait_a_turn(const struct engine *engine)
{
	uint64_t before[CONFIG_WORKERS_MAX] = {0}, say_ns = clock_monotonic_ns() + SLOW_NS;

	for (uint16_t w = 0; w < engine->worker_count; w++)
		before[w] =
			__atomic_load_n(&engine->workers[w]->counters.iterations, __ATOMIC_RELAXED);
	for (uint16_t w = 0; w < engine->worker_count; w++) {
		const uint64_t *turns = &engine->workers[w]->counters.iterations;

		while (engine_phase(engine) == PHASE_RUN &&
			__atomic_load_n(turns, __ATOMIC_RELAXED) < before[w] + 2)
			wait_for_workers(engine, &say_ns);
	}
}

static void publish(const struct engine *engine, const struct change *change)
{
	uint64_t say_ns = clock_monotonic_ns() + SLOW_NS;

	for (unsigned i = 0; i < change->count; i++)
		__atomic_store_n(&steering_poll(engine, i)->steering->next, change->tables[i],
			__ATOMIC_RELEASE);
	while (!all_taken(engine, change->count))
		wait_for_workers(engine, &say_ns);
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
static void keep_old(struct engine *engine, struct change *change)
{
	struct rfs_consumers *consumers = engine->consumers;

	memcpy(change->tables, change->old, sizeof(change->old));
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

/* Configurations begin as zeros and are filled member by member: what is between members is alike.
 */
static bool differ(const void *one, const void *other, size_t bytes)
{
	return memcmp(one, other, bytes) != 0;
}

static bool device_rss_differs(
	const struct engine *engine, const struct config *wanted, uint16_t port)
{
	return engine->ports[port].rss == PORT_RSS_HARDWARE &&
		differ(&engine->config->ports[port].rss, &wanted->ports[port].rss,
			sizeof(wanted->ports[port].rss));
}

/* What decides which steps are linked into the pipelines. */
static bool steps_differ(const struct engine *engine, const struct config *wanted)
{
	bool differs = false;

	for (uint16_t p = 0; p < engine->port_count; p++) {
		const struct config_port *from = &engine->config->ports[p];
		const struct config_port *to = &wanted->ports[p];

		differs |= differ(&from->features, &to->features, sizeof(from->features)) ||
			differ(&from->gro, &to->gro, sizeof(from->gro)) ||
			from->drop_bad_checksums != to->drop_bad_checksums;
	}
	return differs;
}

static bool needs_parking(const struct engine *engine, const struct config *wanted)
{
	bool needs = wanted->steering.netdev_max_backlog > engine->ring_limit ||
		steps_differ(engine, wanted);

	for (uint16_t p = 0; p < engine->port_count; p++) {
		const struct config_port *from = &engine->config->ports[p];
		const struct config_port *to = &wanted->ports[p];

		needs |= differ(&from->xps_cpus, &to->xps_cpus, sizeof(from->xps_cpus)) ||
			differ(&from->xps_rxqs, &to->xps_rxqs, sizeof(from->xps_rxqs)) ||
			device_rss_differs(engine, wanted, p);
	}
	return needs;
}

/* The first ports have what they had before. */
static void give_device_rss_back(
	struct engine *engine, const struct config *wanted, uint16_t port_count)
{
	struct error ignored;

	for (uint16_t p = 0; p < port_count; p++)
		if (device_rss_differs(engine, wanted, p))
			port_set_rss(&engine->ports[p], &engine->config->ports[p].rss, &ignored);
}

static int set_device_rss(struct engine *engine, const struct config *wanted, struct error *error)
{
	for (uint16_t p = 0; p < engine->port_count; p++)
		if (device_rss_differs(engine, wanted, p) &&
			port_set_rss(&engine->ports[p], &wanted->ports[p].rss, error) != 0) {
			give_device_rss_back(engine, wanted, p);
			return -error->code;
		}
	return 0;
}

/* What may fail comes first; after an error all is as it was. */
static int change_parked(struct engine *engine, const struct config *wanted, struct error *error)
{
	if (set_device_rss(engine, wanted, error) != 0)
		return -error->code;
	if (wanted->steering.netdev_max_backlog > engine->ring_limit &&
		engine_build_rings(engine, wanted->steering.netdev_max_backlog, error) != 0) {
		give_device_rss_back(engine, wanted, engine->port_count);
		return error_prefix(error, "steering.netdev_max_backlog %u",
			wanted->steering.netdev_max_backlog);
	}
	if (steps_differ(engine, wanted) && engine_link(engine, wanted, error) != 0) {
		give_device_rss_back(engine, wanted, engine->port_count);
		return -error->code;
	}
	for (uint16_t p = 0; p < engine->port_count; p++)
		engine_choose_tx_queues(engine, wanted, p);
	return 0;
}

static int carry_out(struct engine *engine, const struct config *wanted, struct change *change,
	struct error *error)
{
	bool parks = needs_parking(engine, wanted) || engine_phase(engine) != PHASE_RUN;
	bool restart = parks && engine_pause(engine);
	int result = 0;

	for (unsigned i = 0; i < change->count; i++)
		change->old[i] = steering_poll(engine, i)->steering->tables;
	if (parks)
		result = change_parked(engine, wanted, error);
	if (result == 0) {
		if (parks)
			take_for_parked(engine, change, wanted->steering.netdev_max_backlog);
		else
			publish(engine, change);
		keep_old(engine, change);
	}
	if (restart)
		engine_resume(engine);
	if (result == 0)
		engine_wait_a_turn(engine);
	return result;
}

static bool steering_differs(const struct engine *engine, const struct config *wanted)
{
	const struct config *present = engine->config;
	bool differs = differ(&present->steering, &wanted->steering, sizeof(present->steering));

	for (uint16_t p = 0; p < engine->port_count; p++) {
		const struct config_port *from = &present->ports[p];
		const struct config_port *to = &wanted->ports[p];

		differs |= differ(&from->rss, &to->rss, sizeof(from->rss)) ||
			differ(&from->rps_cpus, &to->rps_cpus, sizeof(from->rps_cpus)) ||
			from->rps_flow_cnt != to->rps_flow_cnt;
	}
	return differs || needs_parking(engine, wanted);
}

static void take_config(struct engine *engine, const struct config *wanted)
{
	config_copy_live(engine->config, wanted);
	for (uint16_t p = 0; p < engine->port_count; p++)
		engine_set_tx_retry(engine, p);
}

int engine_change(struct engine *engine, const struct config *wanted, struct error *error)
{
	struct change *change;
	int result;

	if (!steering_differs(engine, wanted)) {
		/* A capture that ends looks at the configuration too. */
		pthread_mutex_lock(&engine->steering_lock);
		take_config(engine, wanted);
		pthread_mutex_unlock(&engine->steering_lock);
		return 0;
	}
	change = calloc(1, sizeof(*change));
	if (change == NULL)
		return error_set(error, ENOMEM, "no memory for the change");
	pthread_mutex_lock(&engine->steering_lock);
	result = change_make(engine, wanted, change, error);
	if (result == 0)
		result = carry_out(engine, wanted, change, error);
	if (result == 0) {
		take_config(engine, wanted);
		result = balance_reset(engine, error);
	}
	pthread_mutex_unlock(&engine->steering_lock);
	change_free(change);
	return result;
}
