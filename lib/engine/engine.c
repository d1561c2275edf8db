/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a run: plan, DPDK, ports, workers; start, drain, stop. */
#include "engine/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "engine/steering_internal.h"
#include "engine/verbs.h"
#include "placement/device.h"
#include "placement/thread.h"
#include "port/replay_stream.h"

enum { ACKNOWLEDGE_POLL_NS = 100000 };
#define ACKNOWLEDGE_TIMEOUT_NS (10 * NS_PER_SECOND)

/* ---- notices ---- */

void engine_say(const struct engine *engine, bool warning, const char *format, ...)
{
	char text[512];
	va_list list;

	if (engine->notice == NULL)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	engine->notice(engine->notice_argument, warning, text);
}

static void say_warnings(const struct engine *engine)
{
	char text[512];

	for (unsigned i = 0; i < engine->plan.warning_count; i++)
		engine_say(engine, true, "%s", engine->plan.warnings[i]);
	if (thread_realtime_warning(&engine->config->workers, "", text, sizeof(text)) > 0)
		engine_say(engine, true, "%s", text);
}

/* ---- ports and the final plan ---- */

/* Each of two sockets would receive all there is. */
static int check_distinct_interface(
	const struct engine *engine, uint16_t index, struct error *error)
{
	const struct config_port *port = engine->ports[index].config;

	for (uint16_t i = 0; i < index; i++) {
		const struct config_port *other = engine->ports[i].config;

		if (other->kind == PORT_INTERFACE && strcmp(other->interface, port->interface) == 0)
			return error_set(error, EINVAL,
				"port %s: interface \"%s\" is port %s's already", port->name,
				port->interface, other->name);
	}
	return 0;
}

static int check_distinct(struct engine *engine, uint16_t index, struct error *error)
{
	struct port *port = &engine->ports[index];

	if (port->config->kind == PORT_INTERFACE)
		return check_distinct_interface(engine, index, error);
	if (port->config->kind != PORT_DEVICE)
		return 0;
	for (uint16_t i = 0; i < index; i++)
		if (engine->ports[i].config->kind == PORT_DEVICE &&
			engine->ports[i].ethdev == port->ethdev) {
			port->ethdev = RTE_MAX_ETHPORTS; /* not ours to close */
			return error_set(error, EINVAL,
				"port %s: device \"%s\" is port %s's already; "
				"give each port a device of its own (net_null0, net_null1)",
				port->config->name, port->config->device,
				engine->ports[i].config->name);
		}
	return 0;
}

static int open_ports(struct engine *engine, struct error *error)
{
	struct plan_port known[CONFIG_PORTS_MAX];
	int result;

	for (uint16_t i = 0; i < engine->config->port_count; i++) {
		struct port *port = &engine->ports[i];

		result = port_open(port, &engine->config->ports[i], i, error);
		engine->port_count = i + 1;
		if (result != 0)
			return result;
		result = check_distinct(engine, i, error);
		if (result != 0)
			return result;
		known[i] = (struct plan_port){
			/* Not what ethdev says: to it a virtual device is on the node of the thread
			 * that made it, and main is where the first plan put it. */
			.numa_node = device_numa_node("", port->config),
			.rx_queues_max = port->rx_queues_max,
			.tx_queues_max = port->tx_queues_max,
			.rss_unable = port->rss_unable,
		};
		if (port->config->kind == PORT_INTERFACE)
			port->numa_node = known[i].numa_node;
	}
	result = plan_make(engine->config, &engine->topology, known, &engine->plan, error);
	if (result == 0)
		say_warnings(engine);
	return result;
}

/* ---- phases ---- */

static bool all_acknowledged(const struct engine *engine, enum phase phase)
{
	for (uint16_t i = 0; i < engine->threads; i++) {
		uint32_t seen =
			__atomic_load_n(&engine->workers[i]->acknowledged, __ATOMIC_ACQUIRE);

		if (seen != (uint32_t)phase && seen != PHASE_EXIT)
			return false;
	}
	return true;
}

/* Waits for all workers, however long it takes: to go on without one would lose its packets. Who
 * does not want to wait sends a second signal. */
static void set_phase(struct engine *engine, enum phase phase)
{
	uint64_t deadline = clock_monotonic_ns() + ACKNOWLEDGE_TIMEOUT_NS;

	__atomic_store_n(&engine->phase, phase, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < engine->threads; i++)
		if (engine->workers[i]->wake_fd >= 0)
			handoff_wake(engine->workers[i]);
	while (!all_acknowledged(engine, phase)) {
		if (clock_monotonic_ns() > deadline) {
			engine_say(engine, true,
				"a worker does not come to rest (stuck in a driver, or its "
				"CPU is taken by others); waiting");
			deadline = UINT64_MAX;
		}
		nanosleep(&(struct timespec){.tv_nsec = ACKNOWLEDGE_POLL_NS}, NULL);
	}
}

static int start_threads(struct engine *engine, struct error *error)
{
	engine->phase = PHASE_PARKED;
	/* Asking a port for rx interrupts that it does not have is no error to tell a person. */
	rte_log_set_level_pattern("lib.ethdev", RTE_LOG_CRIT);
	for (uint16_t i = 0; i < engine->worker_count; i++) {
		struct worker *worker = engine->workers[i];
		int result;

		worker->acknowledged = PHASE_RUN; /* until it says otherwise */
		result = pthread_create(&worker->thread, NULL, worker_main, worker);
		if (result != 0)
			return error_set(
				error, result, "no thread for worker %u: %s", i, strerror(result));
		engine->threads = i + 1;
	}
	set_phase(engine, PHASE_PARKED);
	rte_log_set_level_pattern("lib.ethdev", RTE_LOG_ERR);
	for (uint16_t i = 0; i < engine->worker_count; i++)
		if (engine->workers[i]->start_error.code != 0) {
			*error = engine->workers[i]->start_error;
			return -error->code;
		}
	return 0;
}

static void join_threads(struct engine *engine)
{
	set_phase(engine, PHASE_EXIT);
	for (uint16_t i = 0; i < engine->threads; i++)
		pthread_join(engine->workers[i]->thread, NULL);
	engine->threads = 0;
}

/* ---- public ---- */

int engine_create(struct config *config, engine_notice notice_function, void *argument,
	struct engine **ret_engine, struct error *error)
{
	struct engine *engine = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*engine), 64));
	int result;

	*ret_engine = NULL;
	error->code = 0;
	if (engine == NULL)
		return error_set(error, ENOMEM, "no memory for the engine");
	memset(engine, 0, sizeof(*engine));
	engine->config = config;
	pthread_mutex_init(&engine->steering_lock, NULL);
	engine->notice = notice_function;
	engine->notice_argument = argument;
	result = engine_prepare(engine, error);
	if (result != 0) {
		free(engine);
		return result;
	}
	engine->tsc_hz = rte_get_tsc_hz();
	if (rte_eal_process_type() == RTE_PROC_PRIMARY)
		rte_mp_disable(); /* or worker threads could not be registered */
	result = open_ports(engine, error);
	if (result == 0)
		result = engine_build_pools(engine, error);
	if (result == 0)
		result = engine_build_ports(engine, error);
	if (result == 0)
		result = engine_build_workers(engine, error);
	if (result == 0)
		result = start_threads(engine, error);
	if (result == 0)
		result = balance_reset(engine, error);
	if (result == 0)
		result = captures_begin(engine, error);
	if (result == 0)
		result = engine_verbs_begin(engine, error);
	if (result != 0) {
		engine_destroy(engine, NULL);
		return result;
	}
	*ret_engine = engine;
	return 0;
}

int engine_start(struct engine *engine, struct error *error)
{
	uint64_t start_tsc = tsc_now() + ns_to_tsc(1000000, engine->tsc_hz);

	for (uint16_t i = 0; i < engine->port_count; i++) {
		struct port *port = &engine->ports[i];
		int result = port->replay == NULL
			? 0
			: replay_start(port->replay, start_tsc, engine->plan.main_cpu, error);

		if (result != 0)
			return result;
	}
	engine->started_ns = clock_monotonic_ns();
	pthread_mutex_lock(&engine->steering_lock);
	engine_resume(engine);
	pthread_mutex_unlock(&engine->steering_lock);
	return 0;
}

void engine_resume(struct engine *engine)
{
	__atomic_store_n(&engine->phase, PHASE_RUN, __ATOMIC_RELEASE);
}

bool engine_pause(struct engine *engine)
{
	if (engine_phase(engine) != PHASE_RUN)
		return false;
	/* Each drain ends when all workers found nothing left to do in it; see enum phase. */
	for (enum phase phase = PHASE_DRAIN_RX; phase <= PHASE_DRAIN_TX; phase++)
		set_phase(engine, phase);
	set_phase(engine, PHASE_PARKED);
	return true;
}

/* A port that never ends keeps the engine running: a device that is read (until it is unplugged), a
 * stage that makes packets. */
static bool never_ends(const struct engine *engine, const struct config_pipeline *pipeline)
{
	if (engine->ports[pipeline->from_port].replay == NULL)
		return !__atomic_load_n(
			&engine->ports[pipeline->from_port].removed, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < pipeline->stage_count; i++)
		if (stage_find(pipeline->stages[i].type)->flags & STAGE_SOURCE)
			return true;
	return false;
}

bool engine_running(const struct engine *engine)
{
	if (engine->verbs != NULL)
		return true;
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &engine->config->pipelines[i];

		const struct replay *replay = engine->ports[pipeline->from_port].replay;

		if (never_ends(engine, pipeline) || (replay != NULL && !replay_finished(replay)))
			return true;
	}
	return false;
}

void engine_stop(struct engine *engine)
{
	uint64_t now_tsc;
	bool stopped;

	pthread_mutex_lock(&engine->steering_lock);
	stopped = engine_pause(engine);
	pthread_mutex_unlock(&engine->steering_lock);
	if (!stopped)
		return;
	engine->stopped_ns = clock_monotonic_ns();
	now_tsc = tsc_now();
	for (uint16_t i = 0; i < engine->port_count; i++)
		if (engine->ports[i].replay != NULL)
			replay_pause(engine->ports[i].replay, now_tsc);
}

int engine_destroy(struct engine *engine, struct error *error)
{
	int result;

	if (engine == NULL)
		return 0;
	engine_stop(engine);
	engine_verbs_end(engine);
	result = captures_end(engine, error);
	balance_end(engine);
	join_threads(engine);
	raw_fini(engine);
	if (engine_unbuild(engine, error) != 0)
		result = -EIO;
	verify_destroy(engine->verify);
	order_destroy(engine->order);
	eal_stop();
	free(engine);
	return result;
}
