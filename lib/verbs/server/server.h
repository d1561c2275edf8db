/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's side of the verbs: who is connected, what they own, and who is told what. A state
 * machine over sockets, without threads: the engine calls verbs_server_step() from one thread of
 * its own (the server thread). Workers do the engine path's requests (server/work.h).
 *
 * Nothing that a connection does can hurt another: its limits, its messages, its memory and its
 * end are its own. An end of file on its socket is its death: all it had is taken back at once.
 */
#ifndef WEIR_VERBS_SERVER_H
#define WEIR_VERBS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "verbs/layout.h"

enum verbs_policy { /* which path connected queue pairs get */
	VERBS_POLICY_AUTO, /* direct where both processes have the same user, else engine */
	VERBS_POLICY_DIRECT,
	VERBS_POLICY_ENGINE,
};

struct verbs_server_config {
	const char *socket; /* path */
	enum verbs_policy policy;
	uint32_t connections; /* limits: in all, */
	uint32_t queue_pairs, regions, domains, shared_receives; /* and of each connection */
	uint32_t depth; /* of a queue */
	uint64_t bytes; /* registered, of each connection */
	const char *version; /* of the engine */
	uint32_t workers; /* that do requests; 0: the direct path only */
	uint32_t mappings; /* regions and queues in all; 0: half of vm.max_map_count */
	uint64_t patience_ns; /* with who does not say hello, or does not come back; 0: 5 s */
};

struct verbs_server;
struct verbs_server_raw; /* what the engine does for raw-packet queue pairs */

/* Listens. `raw` may be NULL: no raw-packet queue pairs. The config is copied. */
int verbs_server_create(const struct verbs_server_config *config,
	const struct verbs_server_raw *raw, void *raw_argument, struct verbs_server **ret_server,
	struct error *error);
/* Tells all that the engine stops, closes all. NULL: nothing. */
struct verbs_server *verbs_server_destroy(struct verbs_server *server);
/* Readable: verbs_server_step() has something to do. */
int verbs_server_fd(const struct verbs_server *server);
/* Handles what came, for at most about a millisecond. Never blocks. */
void verbs_server_step(struct verbs_server *server);

/* ---- the engine path: workers ---- */

/* Of one worker: does requests of the queue pairs that are given to it. Returns how many steps it
 * did; 0: nothing to do. Worker thread only. Between two calls the worker holds no reference to
 * anything of the server: that is how the server thread knows that something can be unmapped. */
unsigned verbs_server_work(struct verbs_server *server, unsigned worker);
/* The worker is going to sleep: from now on applications ring. true: nothing came meanwhile.
 * wake_fd, an eventfd, is written when work comes. */
bool verbs_server_sleep(struct verbs_server *server, unsigned worker, int wake_fd);
void verbs_server_wake(struct verbs_server *server, unsigned worker);

/* ---- what is there, for people: any thread ---- */

struct verbs_connection_view {
	uint32_t number, pid, uid;
	char name[32];
	uint32_t queue_pairs, regions, shared_receives;
	uint64_t bytes;
};

struct verbs_queue_view {
	uint32_t connection, queue, type, state; /* enum weir_qp_type, weir_qp_state */
	uint32_t remote_queue, path; /* enum verbs_path */
	int cpu; /* where its application last polled; -1: not yet */
	uint64_t requests, bytes; /* done by the engine */
	uint32_t condition, reason;
	uint32_t packet_mode; /* WEIR_QPT_RAW_PACKET: enum verbs_packet_mode */
	uint64_t dropped; /* the same: packets for which there was no room */
};

struct verbs_server_view {
	uint64_t guid;
	uint64_t connections_ever, kicked, died; /* closed for cause; without saying good-bye */
	uint32_t last_reason; /* enum verbs_reason of the last one kicked */
	unsigned connection_count, queue_count;
	struct verbs_connection_view *connections;
	struct verbs_queue_view *queues;
};

/* A copy of what there is now; free with verbs_server_view_free(). 0 or -ENOMEM. */
int verbs_server_view(struct verbs_server *server, struct verbs_server_view *ret_view);
void verbs_server_view_free(struct verbs_server_view *view);

/* ---- raw-packet queue pairs: the engine's part, called on the server thread ---- */

struct verbs_raw_queue { /* as the server hands it over; memory is mapped and checked for size */
	uint32_t number, connection;
	void *memory;
	uint64_t memory_bytes, area_bytes;
	uint32_t receive_depth, send_depth;
	/* Wakes the application, from any thread; never waits. NULL: it has nothing to be woken by.
	 * Until detach() returns. */
	void (*ring)(void *argument);
	/* The application broke a rule (enum verbs_reason): it loses its connection. Any thread,
	 * never waits; until detach() returns. */
	void (*broke)(void *argument, uint32_t reason);
	void *argument; /* of both */
	bool trusted; /* same user as the engine, or root */
};

struct verbs_flow_rule; /* protocol.h: verbs_create_flow */
struct verbs_create_flow;
struct verbs_get_packets_answer;

struct verbs_server_raw {
	/* 0 or -errno with `error`, that the application reads. */
	int (*attach)(void *argument, const struct verbs_raw_queue *queue, struct error *error);
	/* Nothing of the queue is touched after it returns; all packet buffers are back, and its
	 * flows are forgotten. Workers of verbs_server_work() go on meanwhile. */
	void (*detach)(void *argument, uint32_t number);
	int (*flow_add)(void *argument, uint32_t number, const struct verbs_create_flow *flow,
		uint32_t handle, struct error *error);
	void (*flow_remove)(void *argument, uint32_t number, uint32_t handle);
	/* ret_fd: the server's from then on, who hands it to the application; -1: none. */
	int (*packets)(void *argument, uint32_t number, uint32_t part,
		struct verbs_get_packets_answer *ret_answer, int *ret_fd, struct error *error);
};

#endif
