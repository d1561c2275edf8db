/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeping workers and the server thread apart. A worker is inside only during verbs_server_work()
 * (and sleep, wake), and holds nothing when it leaves. So there are two epochs only, before and
 * after a stop: the server thread closes the gate and waits until each worker was seen outside.
 * What it then takes out of the tables can be unmapped after the gate is open again, because nobody
 * can find it any more.
 *
 * A worker looks at the gate between two steps: the wait is as long as one step (256 KiB copied).
 * Packets are not kept waiting: a worker that finds the gate closed goes on with other things.
 *
 * Each writes its own word and then reads the other's (Dekker): both are sequentially consistent.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "verbs/server/state.h"

void work_stop(struct verbs_server *server)
{
	unsigned spins = 0;

	if (server->stop_depth++ > 0)
		return;
	__atomic_store_n(&server->stopped, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < server->worker_count; i++)
		while (__atomic_load_n(&server->workers[i].inside, __ATOMIC_SEQ_CST) != 0) {
			/* Its thread may need this very CPU to get out. */
			if (++spins % 64 == 0)
				sched_yield();
			__builtin_ia32_pause();
		}
}

void work_go_on(struct verbs_server *server)
{
	if (--server->stop_depth == 0)
		__atomic_store_n(&server->stopped, 0, __ATOMIC_RELEASE);
}

bool work_enter(struct verbs_server *server, struct server_worker *worker)
{
	__atomic_store_n(&worker->inside, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&server->stopped, __ATOMIC_SEQ_CST) == 0)
		return true;
	work_leave(worker);
	return false;
}

void work_leave(struct server_worker *worker)
{
	__atomic_store_n(&worker->inside, 0, __ATOMIC_RELEASE);
}

int work_init(struct verbs_server *server, struct error *error)
{
	unsigned count = server->config.workers;

	if (count > SERVER_WORKERS_MAX)
		return error_set(error, EINVAL, "at most %d workers", SERVER_WORKERS_MAX);
	/* Who arms a queue runs the barrier on our CPUs too, if we ask for it. */
	server->fences =
		syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) < 0;
	if (count == 0)
		return 0;
	server->workers = aligned_alloc(64, count * sizeof(*server->workers));
	if (server->workers == NULL)
		return error_set(error, ENOMEM, "no memory for %u workers", count);
	memset(server->workers, 0, count * sizeof(*server->workers));
	for (; server->worker_count < count; server->worker_count++) {
		struct server_worker *worker = &server->workers[server->worker_count];
		struct epoll_event event = {.events = EPOLLIN,
			.data.u64 = (uint64_t)(uintptr_t)worker | SOURCE_WORKER_TIMER};

		worker->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (worker->timer < 0)
			return error_set(error, errno, "timerfd_create: %s", strerror(errno));
		worker->wake_fd = -1;
		bell_init(&worker->bell);
		if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, worker->timer, &event) < 0) {
			bell_fini(&worker->bell);
			close(worker->timer);
			return error_set(error, errno, "epoll_ctl: %s", strerror(errno));
		}
	}
	return 0;
}

void work_fini(struct verbs_server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++) {
		free(server->workers[i].queues);
		bell_fini(&server->workers[i].bell);
		close(server->workers[i].timer);
	}
	free(server->workers);
}

int work_list(struct server_queue *queue)
{
	struct verbs_server *server = queue->connection->server;
	struct server_worker *worker;

	if (queue->listed)
		return 0;
	if (server->worker_count == 0)
		return -EOPNOTSUPP;
	queue->worker = queue->number % server->worker_count;
	worker = &server->workers[queue->worker];
	if (worker->count == worker->room) {
		unsigned room = worker->room == 0 ? 16 : worker->room * 2;
		struct server_queue **queues = realloc(worker->queues, room * sizeof(*queues));

		if (queues == NULL)
			return -ENOMEM;
		worker->queues = queues;
		worker->room = room;
	}
	worker->queues[worker->count] = queue;
	__atomic_store_n(&worker->count, worker->count + 1, __ATOMIC_RELAXED);
	queue->listed = true;
	return 0;
}

void work_unlist(struct server_queue *queue)
{
	struct server_worker *worker;

	if (!queue->listed)
		return;
	worker = &queue->connection->server->workers[queue->worker];
	for (unsigned i = 0; i < worker->count; i++)
		if (worker->queues[i] == queue)
			worker->queues[i] = worker->queues[worker->count - 1];
	__atomic_store_n(&worker->count, worker->count - 1, __ATOMIC_RELAXED);
	queue->listed = false;
}
