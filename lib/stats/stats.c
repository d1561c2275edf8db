/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "stats/snapshot_json.h"
#include "stats/state.h"

static int outputs_open(struct stats *stats, struct error *error)
{
	const struct config *config = engine_config(stats->engine);
	const char *lines = config->stats.json_lines, *path = config->control.socket;
	char default_path[128];

	if (lines != NULL) {
		stats->json_lines_fd =
			open(lines, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
		if (stats->json_lines_fd < 0)
			return error_set(error, errno, "stats: cannot append to %s: %s", lines,
				strerror(errno));
	}
	if (path == NULL) {
		control_default_path(default_path, sizeof(default_path));
		path = default_path;
	}
	if (path[0] == '\0')
		return 0;
	return control_server_create(path, 0, stats_command, stats, &stats->server, error);
}

int stats_create(struct engine *engine, struct stats **ret_stats, struct error *error)
{
	const struct config_stats *config = &engine_config(engine)->stats;
	struct stats *stats = calloc(1, sizeof(*stats));
	int rc;

	*ret_stats = NULL;
	if (stats == NULL)
		return error_set(error, ENOMEM, "no memory for statistics");
	pthread_mutex_init(&stats->lock, NULL);
	pthread_mutex_init(&stats->settings_lock, NULL);
	stats->engine = engine;
	stats->interval_ns = config->interval_ns;
	stats->table = config->table;
	stats->json_lines_fd = -1;
	stats->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	stats->request_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	stats->earlier = snapshot_create(engine);
	stats->latest = snapshot_create(engine);
	stats->asked = snapshot_create(engine);
	stats->zero = snapshot_create(engine);
	if (stats->wake_fd < 0 || stats->request_fd < 0 || stats->earlier == NULL ||
		stats->latest == NULL || stats->asked == NULL || stats->zero == NULL)
		goto no_memory;
	rc = outputs_open(stats, error);
	if (rc < 0) {
		stats_destroy(stats);
		return rc;
	}
	snapshot_take(stats->latest, stats->latest, engine, clock_monotonic_ns(), clock_wall_ns());
	snapshot_take(stats->earlier, stats->latest, engine, stats->latest->taken_ns,
		stats->latest->wall_ns);
	*ret_stats = stats;
	return 0;

no_memory:
	stats_destroy(stats);
	return error_set(error, ENOMEM, "no memory or descriptors for statistics");
}

struct stats *stats_destroy(struct stats *stats)
{
	if (stats == NULL)
		return NULL;
	stats_stop(stats);
	control_server_destroy(stats->server);
	snapshot_destroy(stats->earlier);
	snapshot_destroy(stats->latest);
	snapshot_destroy(stats->asked);
	snapshot_destroy(stats->zero);
	if (stats->json_lines_fd >= 0)
		close(stats->json_lines_fd);
	if (stats->request_fd >= 0)
		close(stats->request_fd);
	if (stats->wake_fd >= 0)
		close(stats->wake_fd);
	pthread_mutex_destroy(&stats->settings_lock);
	pthread_mutex_destroy(&stats->lock);
	free(stats);
	return NULL;
}

json_t *stats_tick(struct stats *stats, uint64_t now_ns, uint64_t wall_ns)
{
	struct snapshot *oldest = stats->earlier;

	stats->earlier = stats->latest;
	stats->latest = oldest;
	snapshot_take(stats->latest, stats->earlier, stats->engine, now_ns, wall_ns);
	if (stats->interval_ns == 0 || (!stats->table && stats->json_lines_fd < 0))
		return NULL;
	return snapshot_json(
		stats->engine, stats->latest, stats->earlier, now_ns - stats->earlier->taken_ns);
}

json_t *stats_ask(struct stats *stats, uint64_t now_ns, uint64_t wall_ns, unsigned flows)
{
	uint64_t whole_ns = stats->latest->taken_ns - stats->earlier->taken_ns;
	const struct snapshot *before = stats->latest;
	json_t *object;

	/* Just after a tick the interval since then is too short for a rate to mean anything. */
	if (now_ns - before->taken_ns < whole_ns / 2)
		before = stats->earlier;
	snapshot_take(stats->asked, stats->latest, stats->engine, now_ns, wall_ns);
	object = snapshot_json(stats->engine, stats->asked, before, now_ns - before->taken_ns);
	if (object != NULL && flows > 0)
		snapshot_json_steering(object, stats->engine, stats->asked, before,
			now_ns - before->taken_ns, flows);
	return object;
}

uint64_t stats_forwarded_ns(const struct stats *stats, uint64_t now_ns)
{
	return stats->forwarded_ns + (stats->forwarding ? now_ns - stats->forwarding_since_ns : 0);
}

void stats_set_forwarding(struct stats *stats, bool forwarding)
{
	uint64_t now_ns = clock_monotonic_ns();

	pthread_mutex_lock(&stats->lock);
	stats->forwarded_ns = stats_forwarded_ns(stats, now_ns);
	stats->forwarding_since_ns = now_ns;
	stats->forwarding = forwarding;
	pthread_mutex_unlock(&stats->lock);
}

bool stats_forwarding(struct stats *stats)
{
	bool forwarding;

	pthread_mutex_lock(&stats->lock);
	forwarding = stats->forwarding;
	pthread_mutex_unlock(&stats->lock);
	return forwarding;
}

int stats_post_request(struct stats *stats, enum stats_request request, struct error *error)
{
	uint64_t one = 1;

	if (stats->request_count == STATS_REQUESTS_MAX)
		return error_set(error, EBUSY, "too many requests wait already: try again");
	stats->requests[stats->request_count++] = request;
	if (write(stats->request_fd, &one, sizeof(one)) < 0)
		return error_set(error, errno, "eventfd: %s", strerror(errno));
	return 0;
}

enum stats_request stats_take_request(struct stats *stats)
{
	enum stats_request request = STATS_REQUEST_NONE;
	uint64_t one;

	pthread_mutex_lock(&stats->lock);
	if (stats->request_count > 0) {
		request = stats->requests[0];
		stats->request_count--;
		memmove(stats->requests, stats->requests + 1,
			stats->request_count * sizeof(stats->requests[0]));
		if (read(stats->request_fd, &one, sizeof(one)) < 0)
			request = STATS_REQUEST_NONE;
	}
	pthread_mutex_unlock(&stats->lock);
	return request;
}

int stats_request_fd(const struct stats *stats)
{
	return stats->request_fd;
}

json_t *stats_summary_json(struct stats *stats)
{
	uint64_t now_ns = clock_monotonic_ns();
	json_t *object;

	pthread_mutex_lock(&stats->settings_lock);
	pthread_mutex_lock(&stats->lock);
	snapshot_take(stats->asked, stats->latest, stats->engine, now_ns, clock_wall_ns());
	object = snapshot_json(
		stats->engine, stats->asked, stats->zero, stats_forwarded_ns(stats, now_ns));
	json_object_set_new(object, "forwarding", json_boolean(stats->forwarding));
	json_object_set_new(object, "lines_lost", json_integer((json_int_t)stats->lines_lost));
	pthread_mutex_unlock(&stats->lock);
	pthread_mutex_unlock(&stats->settings_lock);
	return object;
}
