/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an idle worker does under the policy "adaptive": the longer nothing came, the less it costs.
 *
 *   first 20 us     polls on
 *   to 1 ms         pauses between polls
 *   to 50 ms        sleeps 10 us, then 50 us, between polls
 *   after           waits for an rx interrupt where all its queues have them; else sleeps 200 us
 *
 * Other workers wake it when they hand packets over. A replay's next packet ends a sleep in time.
 * Source for the interrupt order (arm, look again, wait): DPDK's l3fwd-power example.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>

#include "base/clock.h"
#include "engine/engine_internal.h"
#include "engine/worker.h"
#include "port/packet_socket.h"
#include "port/replay.h"
#include "verbs/server/server.h"

enum {
	POLL_NS = 20000,
	PAUSE_NS = 1000000,
	SHORT_SLEEPS_NS = 50000000,
	SLEEP_FIRST_NS = 10000,
	SLEEP_SHORT_NS = 50000,
	SLEEP_LONG_NS = 200000,
	SLEEP_WOKEN_NS = 100000000, /* of a worker without queues: all it may get wakes it */
	INTERRUPT_WAIT_MS = 100,
	WAKE_EARLY_NS = 80000, /* sleeps overrun by about so much */
};

static bool queue_interrupt_add(struct rx_poll *poll, int operation)
{
	if (poll->port->socket != NULL)
		return packet_socket_wake(poll->port->socket, operation == RTE_INTR_EVENT_ADD);
	return poll->port->config->kind == PORT_DEVICE && poll->port->rx_interrupts &&
		rte_eth_dev_rx_intr_ctl_q(poll->port->ethdev, poll->queue_index,
			RTE_EPOLL_PER_THREAD, operation, NULL) == 0;
}

int idle_init(struct worker *worker, struct error *error)
{
	worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (worker->wake_fd < 0)
		return error_set(error, errno, "worker %u: no eventfd to wake it by: %s",
			worker->index, strerror(errno));
	if (!worker->adaptive)
		return 0;
	/* The kernel's default slack of 50 us would triple the shortest sleep. */
	prctl(PR_SET_TIMERSLACK, 1000ul);
	worker->wake_event.epdata.event = EPOLLIN;
	worker->interrupts_ready = worker->poll_count > 0 &&
		rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD, worker->wake_fd,
			&worker->wake_event) == 0;
	for (uint16_t i = 0; i < worker->poll_count && worker->interrupts_ready; i++)
		worker->interrupts_ready =
			queue_interrupt_add(&worker->polls[i], RTE_INTR_EVENT_ADD);
	return 0;
}

void idle_fini(struct worker *worker)
{
	if (worker->interrupts_ready)
		for (uint16_t i = 0; i < worker->poll_count; i++)
			queue_interrupt_add(&worker->polls[i], RTE_INTR_EVENT_DEL);
	/* wake_fd stays open: others may still write to it. The engine closes it. */
}

/* The soonest time a replay of this worker has something; UINT64_MAX: nothing known. */
static uint64_t next_due(const struct worker *worker)
{
	uint64_t soonest = UINT64_MAX;

	for (uint16_t i = 0; i < worker->poll_count; i++) {
		const struct port *port = worker->polls[i].port;
		uint64_t due;

		if (port->replay == NULL || replay_finished(port->replay))
			continue;
		due = replay_next_due(port->replay);
		if (due < soonest)
			soonest = due;
	}
	return soonest;
}

static void sleep_ns(struct worker *worker, uint64_t ns)
{
	struct pollfd wake = {.fd = worker->wake_fd, .events = POLLIN};
	struct timespec time = {.tv_nsec = (long)ns};
	uint64_t told;

	if (ppoll(&wake, 1, &time, NULL) == 1 &&
		read(worker->wake_fd, &told, sizeof(told)) == sizeof(told)) {
		worker->counters.interrupts++;
		worker->counters.wakes_in++;
	}
}

static void interrupts_arm(struct worker *worker, bool on)
{
	worker->interrupts_armed = on;
	for (uint16_t i = 0; i < worker->poll_count; i++) {
		const struct rx_poll *poll = &worker->polls[i];

		/* A packet socket wakes whoever sleeps, armed or not. */
		if (poll->port->socket != NULL)
			continue;
		if (on)
			rte_eth_dev_rx_intr_enable(poll->port->ethdev, poll->queue_index);
		else
			rte_eth_dev_rx_intr_disable(poll->port->ethdev, poll->queue_index);
	}
}

static void wait_for_interrupt(struct worker *worker)
{
	struct rte_epoll_event events[8];
	uint64_t told;
	int count;

	count = rte_epoll_wait(RTE_EPOLL_PER_THREAD, events, RTE_DIM(events), INTERRUPT_WAIT_MS);
	if (count > 0)
		worker->counters.interrupts++;
	/* Nobody called, if there is nothing to read: an interrupt or the timeout. */
	if (read(worker->wake_fd, &told, sizeof(told)) == sizeof(told))
		worker->counters.wakes_in++;
}

/* Neither a backlog nor something that others will finish without waking this worker. */
static bool nothing_waits(const struct worker *worker)
{
	for (uint16_t i = 0; i < worker->inbox_count; i++)
		if (batch_ring_waiting(worker->inboxes[i]) > 0)
			return false;
	for (uint16_t i = 0; i < worker->poll_count; i++) {
		const struct rx_poll *poll = &worker->polls[i];

		if (poll->steering != NULL &&
			(poll->steering->steer.move_count > 0 ||
				poll->steering->swap_since_tsc != 0))
			return false;
		if (poll->restore != NULL && restore_outstanding(poll->restore) > 0)
			return false;
	}
	return !worker->mark->set && !raw_waits(worker);
}

/* Applications ring from now on. false: one of them has posted something meanwhile: who rang before
 * we were known to sleep was not heard. */
static bool applications_sleep(struct worker *worker)
{
	return worker->applications == NULL ||
		(verbs_server_sleep(worker->applications, worker->index, worker->wake_fd) &&
			!raw_waits(worker));
}

/* Sleeps unless somebody handed something over in the meantime. */
static void go_to_sleep(struct worker *worker, uint64_t ns, bool by_interrupt)
{
	__atomic_store_n(&worker->asleep, 1, __ATOMIC_RELAXED);
	raw_sleeps(worker, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (nothing_waits(worker) && engine_phase(worker->engine) == PHASE_RUN &&
		applications_sleep(worker)) {
		worker->counters.sleeps++;
		if (by_interrupt)
			wait_for_interrupt(worker);
		else
			sleep_ns(worker, ns);
	}
	raw_sleeps(worker, false);
	if (worker->applications != NULL)
		verbs_server_wake(worker->applications, worker->index);
	__atomic_store_n(&worker->asleep, 0, __ATOMIC_RELAXED);
}

uint64_t idle_turn(struct worker *worker, uint64_t now_tsc, uint64_t tsc_hz)
{
	uint64_t idle_ns, due, sleep, start;
	bool by_interrupt;

	if (worker->idle_since_tsc == 0) {
		worker->idle_since_tsc = now_tsc;
		if (worker->interrupts_armed)
			interrupts_arm(worker, false);
		return 0;
	}
	idle_ns = tsc_to_ns(now_tsc - worker->idle_since_tsc, tsc_hz);
	if (idle_ns < POLL_NS)
		return 0;
	if (idle_ns < PAUSE_NS) {
		for (int i = 0; i < 16; i++)
			rte_pause();
		/* What is to come may be an application's, which waits for this CPU. */
		if (worker->applications != NULL)
			sched_yield();
		return 0;
	}
	sleep = idle_ns < 2 * PAUSE_NS	    ? SLEEP_FIRST_NS
		: idle_ns < SHORT_SLEEPS_NS ? SLEEP_SHORT_NS
		: worker->poll_count > 0    ? SLEEP_LONG_NS
					    : SLEEP_WOKEN_NS;
	due = next_due(worker);
	if (due != UINT64_MAX) {
		uint64_t left = (int64_t)(due - now_tsc) > 0 ? tsc_to_ns(due - now_tsc, tsc_hz) : 0;

		if (left < WAKE_EARLY_NS + sleep)
			return 0;
	}
	/* No interrupt comes for what a stage holds, or an application sends. */
	by_interrupt = worker->interrupts_ready && idle_ns >= SHORT_SLEEPS_NS && !worker->held &&
		!raw_collects(worker);
	/* What came between the last poll and the arming raises no interrupt: poll once more first.
	 */
	if (by_interrupt && !worker->interrupts_armed) {
		interrupts_arm(worker, true);
		return 0;
	}
	start = tsc_now();
	go_to_sleep(worker, sleep, by_interrupt);
	if (by_interrupt)
		interrupts_arm(worker, false);
	return tsc_now() - start;
}
