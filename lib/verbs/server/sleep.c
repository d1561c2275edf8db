/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker that goes to sleep, and who wakes it.
 *
 * Awake, it polls the requests of its queue pairs, and applications post without telling. Before
 * it sleeps it says so in the header of each, then looks again. Applications store a request and
 * then read the header, without a fence; membarrier(2) puts one on their CPUs, between our store
 * and our look. So either we see the request or they see that we sleep, and ring the doorbell: the
 * server thread hears it and writes the worker's wake_fd.
 *
 * Requests that wait for the other end ring no bell: a timer looks after them.
 */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "verbs/server/state.h"

enum { WAIT_POLL_NS = 200000 };

void work_event_write(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0) {
		/* Full: whoever reads it has not yet. */
	}
}

bool work_posted(const struct server_queue *queue)
{
	const struct verbs_queue *own = &queue->responder.queue;
	const struct verbs_request *request;

	if (own->geometry.request_depth == 0)
		return false;
	request = (const struct verbs_request *)(own->requests +
		(size_t)(queue->next & (own->geometry.request_depth - 1)) * own->request_stride);
	return __atomic_load_n(&request->sequence, __ATOMIC_ACQUIRE) == queue->next + 1;
}

static void timer_set(const struct server_worker *worker, uint64_t after_ns)
{
	struct itimerspec when = {.it_value = {.tv_nsec = (long)after_ns}};

	timerfd_settime(worker->timer, 0, &when, NULL);
}

static void flags_set(struct server_worker *worker, uint32_t asleep)
{
	for (unsigned i = 0; i < worker->count; i++)
		__atomic_store_n(&worker->queues[i]->responder.queue.header->engine_asleep, asleep,
			__ATOMIC_RELAXED);
	worker->flagged = asleep != 0;
}

/* Inside. */
void work_awake(struct server_worker *worker)
{
	__atomic_store_n(&worker->asleep, 0, __ATOMIC_RELAXED);
	flags_set(worker, 0);
	timer_set(worker, 0);
}

/* Whether it has something to do now; waits: something that waits for its other end. */
static bool busy(const struct server_worker *worker, bool *ret_waits)
{
	*ret_waits = false;
	for (unsigned i = 0; i < worker->count; i++) {
		const struct server_queue *queue = worker->queues[i];

		if (queue->mode == WORK_NOTHING)
			continue;
		if (queue->transferring && queue->waiting != VERBS_FINISHED)
			*ret_waits = true;
		else if (queue->transferring || work_posted(queue))
			return true;
	}
	return false;
}

bool verbs_server_sleep(struct verbs_server *server, unsigned number, int wake_fd)
{
	struct server_worker *worker = &server->workers[number];
	bool waits, sleeps;

	if (!work_enter(server, worker))
		return false;
	__atomic_store_n(&worker->wake_fd, wake_fd, __ATOMIC_RELAXED);
	__atomic_store_n(&worker->asleep, 1, __ATOMIC_RELEASE);
	flags_set(worker, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	syscall(__NR_membarrier,
		server->fences ? MEMBARRIER_CMD_GLOBAL : MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	sleeps = !busy(worker, &waits);
	if (!sleeps)
		work_awake(worker);
	else if (waits)
		timer_set(worker, WAIT_POLL_NS);
	work_leave(worker);
	return sleeps;
}

void verbs_server_wake(struct verbs_server *server, unsigned worker)
{
	/* The flags in the headers go with the next work: it may not be our turn now. */
	__atomic_store_n(&server->workers[worker].asleep, 0, __ATOMIC_RELAXED);
}

void work_wake(const struct server_worker *worker)
{
	if (__atomic_load_n(&worker->asleep, __ATOMIC_ACQUIRE) != 0)
		work_event_write(__atomic_load_n(&worker->wake_fd, __ATOMIC_RELAXED));
}

void work_wake_all(struct verbs_server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++)
		work_wake(&server->workers[i]);
}
