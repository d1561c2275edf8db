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

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "placement/device.h"
#include "placement/thread.h"
#include "port/replay_stream.h"

enum { ACKNOWLEDGE_POLL_NS = 100000 };
#define ACKNOWLEDGE_TIMEOUT_NS (10 * NS_PER_SECOND)

/* ---- what it will take ---- */

static bool is_replay(const struct config_port *port)
{
	return port->kind == PORT_REPLAY || port->kind == PORT_GENERATE;
}

/* Half of what is free may be packet memory of replays. */
static uint64_t replay_memory_limit(const struct engine *engine)
{
	const struct config_memory *memory = &engine->config->memory;
	uint64_t free_bytes = 0;

	if (memory->size_bytes != 0)
		return memory->size_bytes / 2;
	for (unsigned i = 0; i < engine->topology.node_count; i++)
		free_bytes += engine->topology.nodes[i].memory_free_bytes;
	return free_bytes / 2;
}

static int plan_replays(struct engine *engine, uint64_t *ret_bytes, struct error *error)
{
	uint64_t limit = replay_memory_limit(engine);

	*ret_bytes = 0;
	for (uint16_t i = 0; i < engine->config->port_count; i++) {
		struct replay_plan *plan = &engine->replay_plans[i];
		int result;

		if (!is_replay(&engine->config->ports[i]))
			continue;
		result = replay_plan_make(&engine->config->ports[i], limit, plan, error);
		if (result != 0)
			return result;
		*ret_bytes += plan->preload ? plan->memory_bytes + plan->memory_bytes / 8 :
			plan_pool_bytes(STREAM_POOL_PACKETS, REPLAY_SEGMENT_BYTES);
		limit -= plan->memory_bytes < limit ? plan->memory_bytes : limit;
	}
	return 0;
}

/* Hugepages that are all free may still be too few once the replays' memory is added. */
static void choose_memory(struct engine *engine, uint64_t bytes)
{
	uint64_t free_bytes = 0;

	engine->memory_mode = plan_memory_mode(engine->config, &engine->topology, &engine->plan);
	for (unsigned i = 0; i < engine->topology.node_count; i++)
		free_bytes += (engine->topology.nodes[i].hugepages_2m_free << 21) +
			(engine->topology.nodes[i].hugepages_1g_free << 30);
	if (engine->config->memory.mode == MEMORY_AUTO && bytes > free_bytes)
		engine->memory_mode = MEMORY_NO_HUGE;
}

static bool has_pci_port(const struct config *config)
{
	char address[DEVICE_ADDRESS_BYTES];

	for (uint16_t i = 0; i < config->port_count; i++)
		if (config->ports[i].kind == PORT_DEVICE &&
			device_pci_address(config->ports[i].device, address))
			return true;
	return false;
}

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

static void notice_replays(const struct engine *engine)
{
	for (uint16_t i = 0; i < engine->config->port_count; i++) {
		const struct replay_plan *plan = &engine->replay_plans[i];

		if (plan->config == NULL)
			continue;
		if (plan->preload)
			engine_say(engine, false,
				"port %s: %llu packets, %.1f MB, %.3f s; preloaded into %.1f MiB of packet memory",
				plan->config->name, (unsigned long long)plan->packets,
				(double)plan->bytes / 1e6, (double)plan->span_ns / 1e9,
				(double)plan->memory_bytes / 1048576);
		else
			engine_say(engine, false, "port %s: streamed while it plays, %u packets read ahead",
				plan->config->name, STREAM_AHEAD_PACKETS);
	}
}

static void notice_memory(const struct engine *engine, uint64_t bytes)
{
	static const char *const modes[] = {
		[MEMORY_HUGE] = "hugepages",
		[MEMORY_IN_MEMORY] = "hugepages, no files",
		[MEMORY_NO_HUGE] = "ordinary pages",
	};

	engine_say(engine, false, "memory: %.0f MiB needed, from %s", (double)bytes / 1048576,
		modes[engine->memory_mode]);
}

static void notice_warnings(const struct engine *engine)
{
	char text[512];

	for (unsigned i = 0; i < engine->plan.warning_count; i++)
		engine_say(engine, true, "%s", engine->plan.warnings[i]);
	if (thread_realtime_warning(&engine->config->workers, "", text, sizeof(text)) > 0)
		engine_say(engine, true, "%s", text);
}

static int prepare(struct engine *engine, struct error *error)
{
	struct plan_port ports[CONFIG_PORTS_MAX];
	uint64_t bytes = 0;
	int result = topology_read("", &engine->topology, error);

	if (result == 0)
		result = plan_replays(engine, &bytes, error);
	if (result != 0)
		return result;
	device_plan_ports(engine->config, "", ports);
	result = plan_make(engine->config, &engine->topology, ports, &engine->plan, error);
	if (result != 0)
		return result;
	choose_memory(engine, bytes + plan_memory_total(&engine->plan, MEMORY_HUGE));
	bytes += plan_memory_total(&engine->plan, engine->memory_mode);
	notice_replays(engine);
	notice_memory(engine, bytes);
	return eal_start(engine, bytes, has_pci_port(engine->config), error);
}

/* ---- ports and the final plan ---- */

/* Not what ethdev says: to it a virtual device is on the node of the thread that made it, and main
 * is where the first plan put it. */
static int device_node(const struct config_port *port)
{
	return port->kind == PORT_DEVICE ? device_numa_node("", port->device) : -1;
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
		known[i] = (struct plan_port){
			.numa_node = device_node(&engine->config->ports[i]),
			.rx_queues_max = port->rx_queues_max,
			.tx_queues_max = port->tx_queues_max,
		};
	}
	result = plan_make(engine->config, &engine->topology, known, &engine->plan, error);
	if (result == 0)
		notice_warnings(engine);
	return result;
}

/* ---- phases ---- */

static bool all_acknowledged(const struct engine *engine, enum phase phase)
{
	for (uint16_t i = 0; i < engine->threads; i++) {
		uint32_t seen = __atomic_load_n(&engine->workers[i]->acknowledged, __ATOMIC_ACQUIRE);

		if (seen != (uint32_t)phase && seen != PHASE_EXIT)
			return false;
	}
	return true;
}

/* false: a worker did not come to it in time (stuck in a driver, or starved of its CPU). */
static bool set_phase(struct engine *engine, enum phase phase)
{
	uint64_t deadline = clock_monotonic_ns() + ACKNOWLEDGE_TIMEOUT_NS;

	__atomic_store_n(&engine->phase, phase, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < engine->threads; i++)
		if (engine->workers[i]->wake_fd >= 0)
			handoff_wake(engine->workers[i]);
	while (!all_acknowledged(engine, phase)) {
		if (clock_monotonic_ns() > deadline)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = ACKNOWLEDGE_POLL_NS}, NULL);
	}
	return true;
}

static int start_threads(struct engine *engine, struct error *error)
{
	engine->phase = PHASE_PARKED;
	for (uint16_t i = 0; i < engine->worker_count; i++) {
		struct worker *worker = engine->workers[i];
		int result;

		worker->acknowledged = PHASE_RUN; /* until it says otherwise */
		result = pthread_create(&worker->thread, NULL, worker_main, worker);
		if (result != 0)
			return error_set(error, result, "no thread for worker %u: %s", i,
				strerror(result));
		engine->threads = i + 1;
	}
	set_phase(engine, PHASE_PARKED);
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

int engine_create(const struct config *config, engine_notice notice_function, void *argument,
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
	engine->notice = notice_function;
	engine->notice_argument = argument;
	result = prepare(engine, error);
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
		int result = port->replay == NULL ? 0 :
			replay_start(port->replay, start_tsc, engine->plan.main_cpu, error);

		if (result != 0)
			return result;
	}
	engine->started_ns = clock_monotonic_ns();
	__atomic_store_n(&engine->phase, PHASE_RUN, __ATOMIC_RELEASE);
	return 0;
}

/* A port that never ends keeps the engine running: a device that is read, a stage that makes. */
static bool never_ends(const struct engine *engine, const struct config_pipeline *pipeline)
{
	if (!is_replay(&engine->config->ports[pipeline->from_port]))
		return true;
	for (uint16_t i = 0; i < pipeline->stage_count; i++)
		if (stage_find(pipeline->stages[i].type)->flags & STAGE_SOURCE)
			return true;
	return false;
}

bool engine_running(const struct engine *engine)
{
	for (uint16_t i = 0; i < engine->config->pipeline_count; i++) {
		const struct config_pipeline *pipeline = &engine->config->pipelines[i];

		if (never_ends(engine, pipeline) ||
			!replay_finished(engine->ports[pipeline->from_port].replay))
			return true;
	}
	return false;
}

void engine_stop(struct engine *engine)
{
	bool in_time = true;
	uint64_t now_tsc;

	if (engine_phase(engine) != PHASE_RUN)
		return;
	/* Each drain ends when all workers found nothing left to do in it; see enum phase. */
	for (enum phase phase = PHASE_DRAIN_RX; phase <= PHASE_DRAIN_TX; phase++)
		in_time &= set_phase(engine, phase);
	in_time &= set_phase(engine, PHASE_PARKED);
	if (!in_time)
		engine_say(engine, true, "a worker did not come to rest in 10 s (stuck in a driver, or its "
			"CPU is taken by others); the numbers are not exact");
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
	join_threads(engine);
	result = engine_unbuild(engine, error);
	verify_destroy(engine->verify);
	eal_stop();
	free(engine);
	return result;
}
