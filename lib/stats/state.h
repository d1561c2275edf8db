/* SPDX-License-Identifier: BSD-3-Clause */
/* What is behind struct stats, for the files of stats/ and its tests. */
#ifndef WEIR_STATS_STATE_H
#define WEIR_STATS_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"
#include "stats/snapshot.h"
#include "stats/stats.h"

enum { STATS_REQUESTS_MAX = 8 };

struct stats {
	struct engine *engine; /* changed under settings_lock; else only read */
	struct control_server *server; /* NULL: none. Used by the stats thread only */
	int wake_fd; /* eventfd: ends the thread's wait */
	int json_lines_fd; /* -1: none */
	pthread_t thread;
	bool started;
	atomic_bool stopping; /* writer: main; reader: the stats thread */

	/* One change of the engine's configuration at a time, and nobody reads it meanwhile. Taken
	 * before `lock`. */
	pthread_mutex_t settings_lock;

	/* Everything below is under `lock`: main and the stats thread both come here. */
	pthread_mutex_t lock;
	uint64_t interval_ns; /* 0: nothing is printed or appended */
	bool table;
	uint64_t lines_lost; /* JSON lines the file did not take */
	/* The last two ticks, what is made for a question, and all zeros. */
	struct snapshot *earlier, *latest, *asked, *zero;
	bool forwarding;
	uint64_t forwarding_since_ns, forwarded_ns;
	/* Requests for main, oldest first; request_fd counts them. */
	enum stats_request requests[STATS_REQUESTS_MAX];
	unsigned request_count;
	int request_fd;
};

/* Takes the snapshot of a tick. Returns its JSON when somebody wants it (table or lines), or NULL.
 * The stats thread, with `lock` held. */
json_t *stats_tick(struct stats *stats, uint64_t now_ns, uint64_t wall_ns);

/* A fresh snapshot; rates since the newest tick that is old enough. `flows` > 0: with the whole of
 * steering, and so many of the biggest flows. With `lock` held. */
json_t *stats_ask(struct stats *stats, uint64_t now_ns, uint64_t wall_ns, unsigned flows);

/* Makes the stats thread look at its settings now. Any thread. */
void stats_wake(struct stats *stats);

/* Queues a request for main. With `lock` held. */
int stats_post_request(struct stats *stats, enum stats_request request, struct error *error);

/* How long forwarding has been on, all periods together. With `lock` held. */
uint64_t stats_forwarded_ns(const struct stats *stats, uint64_t now_ns);

#endif
