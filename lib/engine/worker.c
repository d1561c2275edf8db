/* SPDX-License-Identifier: BSD-3-Clause */
/* The poll loop. One read of the TSC a turn: what passed since the last one was busy if that turn
 * moved packets, and idle if not. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "base/clock.h"
#include "engine/capture_tap.h"
#include "engine/engine_internal.h"
#include "engine/worker.h"
#include "placement/thread.h"
#include "steering/receive.h"
#include "verbs/server/server.h"

enum { PARKED_SLEEP_NS = 200000 };

/* Packets its stages have created so far. */
static uint64_t pipeline_made(const struct pipeline *pipeline)
{
	uint64_t made = 0;

	for (uint16_t i = 0; i < pipeline->stage_count; i++)
		made += pipeline->counters[i].made;
	return made;
}

/* One burst in so many is timed from before it is received until all are handed over: what a move
 * of buckets cannot take away from this worker. */
enum { RECEIVE_SAMPLE_EVERY = 128 };

static void steer_received(struct worker *worker, struct rx_poll *poll, struct burst *burst,
	unsigned received, uint64_t start_tsc)
{
	spread_received(worker, poll, burst);
	if (unlikely(start_tsc != 0)) {
		poll->steering->sampled_cycles += tsc_now() - start_tsc;
		poll->steering->sampled_packets += received;
	}
	if (burst->count > 0 || poll->pipeline->is_source)
		pipeline_run(poll->pipeline, burst);
}

static void process_received(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, uint64_t start_tsc)
{
	unsigned received = burst->count;

	if (poll->restore != NULL) {
		restore_spray(worker, poll, burst);
	} else if (poll->steers) {
		steer_received(worker, poll, burst, received, start_tsc);
	} else {
		if (poll->pipeline->parses)
			receive_parse(burst->packets, burst->count);
		worker->counters.processed += burst->count;
		worker->backlogs[worker->index].pushed += burst->count;
		pipeline_run(poll->pipeline, burst);
	}
}

static bool may_receive(
	struct worker *worker, struct rx_poll *poll, uint64_t now_tsc, unsigned *moved)
{
	/* Moves end and changes are followed even if nothing more comes. */
	if (poll->steering != NULL && !spread_ready(worker, poll, true, now_tsc, moved))
		return false;
	/* A device that was unplugged is left alone; the others go on. */
	if (unlikely(__atomic_load_n(&poll->port->removed, __ATOMIC_RELAXED)))
		return false;
	if ((poll->pauses && worker->worker_count > 1 && !handoff_has_room(worker)) ||
		(poll->restore != NULL && !restore_has_room(poll->restore))) {
		worker->counters.stalls++;
		return false;
	}
	return true;
}

/* Takes a burst from one queue and sends it on its way. Returns packets moved. */
static unsigned poll_queue(
	struct worker *worker, struct rx_poll *poll, struct burst *burst, uint64_t now_tsc)
{
	uint64_t made, start_tsc = 0;
	unsigned received, moved = 0;

	if (!may_receive(worker, poll, now_tsc, &moved))
		return moved;
	if (poll->steers && (poll->steering->tick++ & (RECEIVE_SAMPLE_EVERY - 1)) == 0)
		start_tsc = tsc_now();
	made = poll->pipeline->is_source ? pipeline_made(poll->pipeline) : 0;
	received = rx_queue_receive(&poll->queue, burst->packets, BURST_SIZE);
	if (received == 0 && !poll->pipeline->is_source)
		return moved;
	if (unlikely(poll->tap != NULL))
		capture_received(poll, burst->packets, received);
	if (poll->port->patient) {
		burst->rx_tsc = tsc_now();
		worker->waited_cycles += replay_take_waited(poll->port->replay);
		if (start_tsc != 0)
			start_tsc = burst->rx_tsc;
	}
	burst->count = (uint16_t)received;
	burst->bytes = packets_bytes(burst->packets, received);
	if (received > 0) {
		poll->counters.packets += received;
		poll->counters.bytes += burst->bytes;
		poll->counters.batches++;
		worker->counters.burst_sizes[received]++;
	}
	process_received(worker, poll, burst, start_tsc);
	if (poll->pipeline->is_source)
		received += (unsigned)(pipeline_made(poll->pipeline) - made);
	return moved + received;
}

/* While no more is received: moves end, bursts that others help with come back. */
static unsigned finish_received(struct worker *worker, uint64_t now_tsc)
{
	unsigned moved = 0;

	for (uint16_t i = 0; i < worker->poll_count; i++)
		if (worker->polls[i].steering != NULL)
			spread_ready(worker, &worker->polls[i], false, now_tsc, &moved);
	return moved;
}

static unsigned worker_turn(struct worker *worker, enum phase phase, uint64_t now_tsc)
{
	struct raw_list *collects;
	struct burst burst;
	unsigned moved = 0;

	if (likely(phase == PHASE_RUN))
		for (uint16_t i = 0; i < worker->poll_count; i++) {
			/* A packet waits from the start of the turn at the latest; a replay gives
			 * none before its time, and stamps its burst itself. */
			burst.rx_tsc = now_tsc;
			moved += poll_queue(worker, &worker->polls[i], &burst, now_tsc);
		}
	else
		moved += finish_received(worker, now_tsc);
	if (worker->applications != NULL && phase == PHASE_RUN)
		moved += verbs_server_work(worker->applications, worker->index);
	if (worker->inbox_count > 0)
		moved += handoff_receive(worker, now_tsc);
	collects = __atomic_load_n(&worker->engine->raw.lists[worker->index], __ATOMIC_ACQUIRE);
	if (collects != NULL && phase == PHASE_RUN)
		moved += raw_turn(worker, collects);
	if (worker->restores)
		for (uint16_t i = 0; i < worker->poll_count; i++)
			if (worker->polls[i].restore != NULL)
				moved += restore_collect(worker, worker->polls[i].restore);
	return moved;
}

static void latency_record(struct worker *worker, uint64_t now_tsc)
{
	for (uint16_t i = 0; i < worker->latency_count; i++)
		histogram_record(&worker->counters.latency_cycles,
			now_tsc - worker->latency[i].rx_tsc, worker->latency[i].packets);
	worker->latency_count = 0;
}

/* Sends on what stages held too long, or all of it. Returns packets that are still held. */
static uint64_t worker_flush(struct worker *worker, uint64_t now_tsc, bool all)
{
	uint64_t held = 0;

	if (unlikely(__atomic_load_n(&worker->flush_wanted, __ATOMIC_RELAXED))) {
		__atomic_store_n(&worker->flush_wanted, 0, __ATOMIC_RELAXED);
		all = true;
	}
	for (uint16_t i = 0; i < worker->engine->config->pipeline_count; i++) {
		struct pipeline *pipeline = &worker->pipelines[i];

		if (!pipeline->flushes)
			continue;
		pipeline_flush(pipeline, now_tsc, all);
		for (uint16_t s = 0; s < pipeline->stage_count; s++)
			held += pipeline->counters[s].held;
	}
	return held;
}

/* Nothing that it received waits for others any more. */
static bool received_all_done(const struct worker *worker)
{
	if (spread_parked(worker) > 0)
		return false;
	for (uint16_t i = 0; i < worker->poll_count; i++)
		if (worker->polls[i].restore != NULL &&
			restore_outstanding(worker->polls[i].restore) > 0)
			return false;
	return true;
}

/* Runs until the phase is PHASE_PARKED. */
static void worker_loop(struct worker *worker)
{
	struct worker_counters *counters = &worker->counters;
	uint64_t tsc_hz = rte_get_tsc_hz();
	uint64_t last = tsc_now();
	uint64_t held = 0;
	unsigned moved = 0;

	worker->idle_since_tsc = 0;
	for (;;) {
		enum phase phase = engine_phase(worker->engine);
		uint64_t now = tsc_now();

		if (moved > 0) {
			counters->busy_cycles += now - last - worker->waited_cycles;
			counters->idle_cycles += worker->waited_cycles;
			worker->waited_cycles = 0;
		} else {
			counters->idle_cycles += now - last;
		}
		counters->iterations++;
		last = now;
		if (worker->latency_count > 0)
			latency_record(worker, now);
		moved = worker_turn(worker, phase, now);
		if (worker->flushes)
			held = worker_flush(worker, now,
				phase == PHASE_DRAIN_BACKLOG || phase == PHASE_DRAIN_TX);
		worker->held = held > 0;
		handoff_publish(worker, held);
		if (moved > 0) {
			worker->idle_since_tsc = 0;
			continue;
		}
		if (unlikely(phase != PHASE_RUN)) {
			/* A whole turn found nothing: this drain is done here. */
			if (worker->latency_count > 0 || !received_all_done(worker))
				continue;
			__atomic_store_n(&worker->acknowledged, phase, __ATOMIC_RELEASE);
			if (phase == PHASE_PARKED || phase == PHASE_EXIT)
				return;
			rte_pause();
		} else if (worker->adaptive) {
			uint64_t slept = idle_turn(worker, now, tsc_hz);

			counters->sleep_cycles += slept;
			last += slept;
		}
	}
}

/* Signals are for main. */
static void signals_block(void)
{
	sigset_t all;

	sigemptyset(&all);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static int worker_begin(struct worker *worker)
{
	const struct config_workers *config = &worker->engine->config->workers;
	char name[32];
	struct thread_placement placement = {
		.name = name,
		.cpu = worker->cpu,
		.scheduler = config->scheduler,
		.priority = config->priority,
		.nice = config->nice,
		.memory_node = worker->numa_node,
	};
	int result;

	snprintf(name, sizeof(name), "weir-worker-%u", worker->index);
	signals_block();
	worker->tid = gettid();
	result = thread_place(&placement, &worker->start_error);
	/* A DPDK thread id gives the thread its own mempool caches. */
	if (result == 0 && rte_thread_register() != 0)
		result = error_set(&worker->start_error, ENOSPC,
			"worker %u: DPDK has no thread id left", worker->index);
	if (result == 0)
		result = idle_init(worker, &worker->start_error);
	return result;
}

void *worker_main(void *argument)
{
	struct worker *worker = argument;
	enum phase phase;

	if (worker_begin(worker) != 0) {
		__atomic_store_n(&worker->acknowledged, PHASE_EXIT, __ATOMIC_RELEASE);
		return NULL;
	}
	__atomic_store_n(&worker->acknowledged, PHASE_PARKED, __ATOMIC_RELEASE);
	while ((phase = engine_phase(worker->engine)) != PHASE_EXIT) {
		if (phase == PHASE_PARKED)
			nanosleep(&(struct timespec){.tv_nsec = PARKED_SLEEP_NS}, NULL);
		else
			worker_loop(worker);
	}
	idle_fini(worker);
	rte_thread_unregister();
	__atomic_store_n(&worker->acknowledged, PHASE_EXIT, __ATOMIC_RELEASE);
	return NULL;
}
