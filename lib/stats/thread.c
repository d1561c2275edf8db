/* SPDX-License-Identifier: BSD-3-Clause */
/* The one thread beside main and the workers: it waits, serves the socket, and ticks. */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "stats/render.h"
#include "stats/state.h"

/* Rates are kept even where nothing is printed, for `weir show`. */
enum { QUIET_INTERVAL_S = 1 };

/* Whether a write would not block: a pager that is not being read must not stop the clock. */
static bool writable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLOUT) != 0;
}

/* Whole lines or nothing: a full disk costs lines, and leaves no half ones where it can. */
static bool line_append(int fd, const json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
	size_t length;
	ssize_t written;

	if (line == NULL)
		return false;
	length = strlen(line);
	line[length] = '\n'; /* in place of the NUL */
	written = write(fd, line, length + 1);
	free(line);
	return written == (ssize_t)(length + 1);
}

static void table_print_periodic(const json_t *object)
{
	if (!writable(STDOUT_FILENO))
		return;
	render(stdout, object, RENDER_PERIODIC, isatty(STDOUT_FILENO) ? RENDER_BOLD : 0);
	fflush(stdout);
}

static void tick(struct stats *stats, uint64_t now_ns, bool last)
{
	bool table;
	json_t *object;

	/* Tables of steering stay while they are read. */
	pthread_mutex_lock(&stats->settings_lock);
	pthread_mutex_lock(&stats->lock);
	/* The summary follows the last tick and says more than a table would. */
	table = stats->table && !last;
	object = stats_tick(stats, now_ns, clock_wall_ns());
	if (object != NULL && stats->json_lines_fd >= 0 &&
		!line_append(stats->json_lines_fd, object))
		stats->lines_lost++;
	pthread_mutex_unlock(&stats->lock);
	pthread_mutex_unlock(&stats->settings_lock);
	if (object != NULL && table)
		table_print_periodic(object);
	json_decref(object);
}

static uint64_t tick_interval_ns(struct stats *stats)
{
	uint64_t interval_ns;

	pthread_mutex_lock(&stats->lock);
	interval_ns = stats->interval_ns;
	pthread_mutex_unlock(&stats->lock);
	return interval_ns != 0 ? interval_ns : QUIET_INTERVAL_S * NS_PER_SECOND;
}

static void wait_and_serve(struct stats *stats, uint64_t wait_ns)
{
	/* Rounded up: waking just before the tick would spin. */
	int wait_ms = wait_ns < 1000000000000 ? (int)((wait_ns + 999999) / 1000000) : 1000000;
	struct pollfd wake = {.fd = stats->wake_fd, .events = POLLIN};
	uint64_t wakes;

	if (stats->server != NULL)
		control_server_poll(stats->server, stats->wake_fd, wait_ms);
	else
		poll(&wake, 1, wait_ms);
	/* Why it was woken, the loop sees for itself: to stop, or a new interval. */
	if (read(stats->wake_fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
}

static void *stats_thread(void *arg)
{
	struct stats *stats = arg;
	uint64_t last_ns = stats->latest->taken_ns;

	while (!atomic_load_explicit(&stats->stopping, memory_order_acquire)) {
		uint64_t interval_ns = tick_interval_ns(stats);
		uint64_t now_ns = clock_monotonic_ns();

		if (now_ns - last_ns < interval_ns) {
			/* The interval may be set shorter meanwhile: the loop asks again. */
			wait_and_serve(stats, last_ns + interval_ns - now_ns);
			continue;
		}
		tick(stats, now_ns, false);
		/* On the grid, without drift; ticks that were missed stay missed. */
		last_ns += (now_ns - last_ns) / interval_ns * interval_ns;
	}
	tick(stats, clock_monotonic_ns(), true);
	return NULL;
}

int stats_start(struct stats *stats, int cpu, struct error *error)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	cpu_set_t cpus;
	int rc;

	pthread_attr_init(&attributes);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_ZERO(&cpus);
		CPU_SET((unsigned)cpu, &cpus);
		pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	/* Signals are main's: a new thread takes over the mask of its maker. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_store_explicit(&stats->stopping, false, memory_order_release);
	rc = pthread_create(&stats->thread, &attributes, stats_thread, stats);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (rc != 0)
		return error_set(error, rc, "cannot start the stats thread on CPU %d: %s", cpu,
			strerror(rc));
	pthread_setname_np(stats->thread, "weir-stats");
	stats->started = true;
	return 0;
}

void stats_wake(struct stats *stats)
{
	uint64_t one = 1;

	/* Fails only when it is readable already. */
	if (write(stats->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void stats_stop(struct stats *stats)
{
	if (!stats->started)
		return;
	atomic_store_explicit(&stats->stopping, true, memory_order_release);
	stats_wake(stats);
	pthread_join(stats->thread, NULL);
	stats->started = false;
}
