/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: owns ports, workers and pipelines of one run, from a checked configuration to the
 * final account. The only place that starts worker threads.
 *
 *     engine_create -> engine_start -> (engine_running ...) -> engine_stop -> engine_destroy
 *
 * One engine a process (DPDK's EAL is one a process). All functions are called by one controlling
 * thread; the views below may be read by the stats thread too.
 */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "engine/counters.h"

struct engine;
struct feature_abilities;
struct feature_state;
struct plan;
struct replay;

/* Called with a line a person should read: the memory plan before memory is taken, and warnings. */
typedef void (*engine_notice)(void *argument, bool warning, const char *text);

/* Initialises EAL, memory, ports, pipelines and worker threads (which wait). `config` must outlive
 * the engine. Frees all it made on error. */
int engine_create(struct config *config, engine_notice notice, void *argument,
	struct engine **ret_engine, struct error *error);
/* Lets the workers run. */
int engine_start(struct engine *engine, struct error *error);
/* false once every source that ends (replay, generate with a count) has ended and all is drained,
 * or every worker has stopped. */
bool engine_running(const struct engine *engine);
/* Stops receiving, drains what is on the way, parks the workers. May be started again. */
void engine_stop(struct engine *engine);
/* Takes NULL. 0, or -EIO when packet buffers did not come back (a notice says which) or files could
 * not be written whole (`error`, NULL allowed, says which). */
int engine_destroy(struct engine *engine, struct error *error);

/* ---- views: fixed after engine_create() but for the counters they point to ---- */

struct worker_view {
	int cpu, numa_node;
	int tid; /* of the thread, for ps and perf */
	const struct worker_counters *counters;
};

struct rx_view { /* one hardware queue that one worker polls */
	uint16_t port, queue, worker;
	const struct queue_counters *counters;
};

enum { EMULATED_WRITERS_MAX = 4 * CONFIG_WORKERS_MAX };

struct emulated_queue_view { /* one rx queue made by RSS in software */
	uint16_t port, queue, worker; /* worker: the one that owns (processes) it */
	uint16_t writers; /* counter blocks, some for each receiving worker; to be added up */
	const struct queue_counters *counters[EMULATED_WRITERS_MAX]; /* [writers] */
};

struct tx_view {
	uint16_t port, queue;
	uint16_t worker; /* its owner; 0 while nobody sends through it */
	const struct queue_counters *counters;
};

struct stage_view {
	uint16_t pipeline, worker;
	uint16_t position; /* in the chain: first what features ask for, then what was configured */
	const char *type;
	bool by_feature; /* not configured: a feature of a port asks for it */
	bool on; /* linked now */
	const struct stage_counters *counters;
};

struct pool_view {
	const char *name;
	int numa_node;
	uint32_t size, free_at_start, free; /* buffers */
	uint32_t buffer_bytes;
};

struct port_state { /* asked from the driver when called */
	const char *name, *driver, *device;
	int numa_node;
	bool link_up, removed;
	uint32_t link_mbps;
	uint32_t mtu;
	uint16_t rx_queues, tx_queues, emulated_queues;
	const char *rss; /* "hardware", "software" or "off" */
	uint64_t missed, errors,
		no_mbuf; /* rx: lost before weir saw them, by the driver's account */
};

uint16_t engine_worker_count(const struct engine *engine);
void engine_worker_view(const struct engine *engine, uint16_t index, struct worker_view *ret_view);
unsigned engine_rx_count(const struct engine *engine);
void engine_rx_view(const struct engine *engine, unsigned index, struct rx_view *ret_view);
unsigned engine_emulated_queue_count(const struct engine *engine);
void engine_emulated_queue_view(
	const struct engine *engine, unsigned index, struct emulated_queue_view *ret_view);
unsigned engine_tx_count(const struct engine *engine);
void engine_tx_view(const struct engine *engine, unsigned index, struct tx_view *ret_view);
unsigned engine_stage_count(const struct engine *engine);
void engine_stage_view(const struct engine *engine, unsigned index, struct stage_view *ret_view);
unsigned engine_pool_count(const struct engine *engine);
void engine_pool_view(const struct engine *engine, unsigned index, struct pool_view *ret_view);
uint16_t engine_port_count(const struct engine *engine);
int engine_port_state(const struct engine *engine, uint16_t index, struct port_state *ret_state);
/* What a port can do, and what its features come to under `config` (the present configuration, or
 * one that is wanted): port/features.h. ret_states: [FEATURE_COUNT]. */
void engine_feature_abilities(
	const struct engine *engine, uint16_t port, struct feature_abilities *ret_abilities);
void engine_features(const struct engine *engine, const struct config *config, uint16_t port,
	struct feature_state *ret_states);
/* NULL: the port is no replay and no generator. */
const struct replay *engine_replay(const struct engine *engine, uint16_t port);
/* Whether a stage of any pipeline writes into packets. */
bool engine_writes(const struct engine *engine);
/* The plan in force, and how memory is got (never MEMORY_AUTO). */
const struct plan *engine_plan(const struct engine *engine);
enum memory_mode engine_memory_mode(const struct engine *engine);
/* From engine_start() to engine_stop(), or to now. */
uint64_t engine_duration_ns(const struct engine *engine);
uint64_t engine_tsc_hz(const struct engine *engine);
const struct config *engine_config(const struct engine *engine);

/* The account at this moment; exact after engine_stop():
 *     in + made = out + merged + held + drops
 * made: what stages created, cut super-packets among it, and what applications sent; merged: what
 * became part of another; out: also what was given to applications. */
struct engine_account {
	uint64_t in, made, merged, out, held;
	uint64_t bytes_in, bytes_out;
	uint64_t drops[DROP_REASON_COUNT];
	int64_t unaccounted; /* 0, or a defect of weir */
};
void engine_account(const struct engine *engine, struct engine_account *ret_account);

#endif
