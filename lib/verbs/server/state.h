/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the server's files know: connections and what they own.
 *
 * Who touches what. The server thread owns everything and may change it; `lock` is held in each of
 * its steps, for those who look (view.c). Workers read queue pairs, shared receive queues and
 * regions inside verbs_server_work(), and nothing of it outside. So before the server thread
 * changes or frees what they might read, it stops them: see work_stop(). Fields that workers write
 * say so.
 */
#ifndef WEIR_VERBS_SERVER_STATE_H
#define WEIR_VERBS_SERVER_STATE_H

#include <pthread.h>

#include "base/unix_listener.h"
#include "verbs/mapping.h"
#include "verbs/protocol.h"
#include "verbs/server/server.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

enum { SERVER_NAME_BYTES = 64, SERVER_BUCKETS = 4096, SERVER_WORKERS_MAX = 256 };

struct server_connection;

struct server_region {
	struct verbs_region region;
	struct verbs_mapping mapping;
	int fd;
	uint64_t fd_offset;
	/* Queue pairs of others that GET_REGION told of it: they hear when it goes. */
	uint32_t *readers;
	uint32_t reader_count, reader_room;
};

struct server_srq {
	struct verbs_srq shared;
	struct verbs_mapping mapping;
	int fd;
	uint32_t handle, pd, users;
};

enum work_mode { /* what a worker does with a queue pair's requests */
	WORK_NOTHING,
	WORK_SEND,
	WORK_FLUSH,
};

struct server_queue {
	/* The queue pair as the end of messages: for whoever holds `taken`. */
	struct verbs_responder responder;
	uint32_t taken; /* 1: an executor is at it. Writers: workers */

	/* As their beginning. Writer: its worker; the server thread while workers are stopped. */
	uint32_t next; /* request */
	uint8_t mode; /* enum work_mode */
	bool transferring, resuming;
	uint8_t waiting; /* enum verbs_step */
	uint64_t waiting_since_ns;
	uint64_t done_requests, done_bytes; /* read by view.c */
	struct verbs_transfer transfer;
	uint8_t payload[VERBS_INLINE_MAX];

	/* Writer: the server thread; workers read it. */
	struct server_connection *connection;
	struct server_queue *peer; /* connected to it, and it to us */
	uint32_t worker;
	bool listed; /* with its worker */
	int receive_event_fd, send_event_fd; /* -1: none */
	uint32_t rnr_retry, retry, timeout;

	/* Server thread only. */
	uint32_t number, pd, type, state, remote, path;
	uint32_t remote_connection; /* whose `remote` was when they were connected; 0: not yet */
	struct server_srq *srq;
	struct verbs_mapping mapping;
	int memory_fd;
	bool checked; /* its header is as agreed */
	bool attached; /* raw: the engine serves it */
	uint32_t broken; /* raw, atomic: enum verbs_reason. Writers: workers */
	uint64_t alone_since_ns; /* it came back, its other end has not; 0: else */
	uint64_t raw_bytes; /* raw: of the area */
	struct server_queue *next_of_connection, *next_of_bucket;
};

struct server_flow {
	uint32_t handle, queue;
	struct server_flow *next;
};

struct server_outgoing { /* a message that waits until the application reads */
	struct server_outgoing *next;
	int fds[VERBS_FDS_MAX]; /* own duplicates */
	unsigned fd_count;
	union verbs_message message;
};

struct server_connection {
	struct verbs_regions executors_view; /* first: regions_find() looks around it */
	struct server_region **regions; /* [limit], by key index */
	uint16_t *generations; /* [limit] */
	uint32_t region_count, region_next;

	struct verbs_server *server;
	int socket, keys_fd, doorbell; /* -1 before HELLO */
	uint32_t number, pid, uid;
	char name[VERBS_NAME_BYTES];
	bool trusted; /* of the engine's user, or root */
	bool greeted, closing;
	bool some_alone; /* of its queue pairs */
	uint64_t since_ns; /* accepted */
	uint64_t process_began; /* see deadline.c; 0: not known */
	uint32_t reason; /* why it is kicked; 0: it went by itself */
	uint32_t refused; /* requests over its limits */
	uint32_t fd_count; /* of its that we keep */
	uint64_t bytes; /* registered */
	int64_t *domain_users; /* [limit + 1]; -1: no such domain */
	struct server_srq **srqs; /* [limit + 1] */
	uint32_t srq_count, queue_count, flow_count, flow_next;
	struct server_queue *queues;
	struct server_flow *flows;
	struct server_outgoing *outgoing, **outgoing_end;
	uint32_t outgoing_count;
	struct server_connection *next;
};

struct server_bell { /* bell.c */
	unsigned long context; /* 0: none */
	int ready;
};

struct server_worker {
	/* Writer: the worker. Reader: the server thread. 1: it may be touching things. */
	uint32_t inside;
	uint32_t asleep; /* 1: write wake_fd when something comes */
	int wake_fd;
	bool flagged; /* engine_asleep is set in its headers. Worker, and server when stopped */
	unsigned turn; /* where it begins next time */
	struct server_bell bell;
	uint8_t pad[24];
	/* Writer: the server thread, while workers are stopped. */
	struct server_queue **queues;
	unsigned count, room;
	int timer; /* wakes it when something that waits is due */
	uint8_t pad2[44];
} __attribute__((aligned(64)));

struct verbs_server {
	struct verbs_server_config config;
	char version[SERVER_NAME_BYTES];
	const struct verbs_server_raw *raw;
	void *raw_argument;
	pthread_mutex_t lock;
	pthread_mutex_t turn; /* for `lock`: who looks gets it, however busy the server thread is */
	int epoll, spare_fd;
	struct unix_listener listener;
	uint64_t guid;
	uint32_t fds_max; /* a connection may have us keep */
	int deadline; /* timer */
	int broken; /* eventfd: some raw queue pair is. Writers: workers */
	uint64_t due_ns; /* when it rings; 0: not */
	uint64_t deaf_until_ns; /* accepting failed; 0: it listens */
	uint32_t connection_next, queue_next;
	uint64_t connections_ever, kicked, died;
	uint32_t last_reason;
	unsigned connection_count, queue_count;
	struct server_connection *connections;
	struct server_queue *buckets[SERVER_BUCKETS]; /* queue pairs, by number */
	struct server_bell bell; /* the server thread's */
	bool fences; /* no membarrier(2): workers order what they write themselves */
	unsigned stop_depth;
	unsigned worker_count;
	struct server_worker *workers;
	uint32_t stopped __attribute__((aligned(64))); /* Writer: the server thread */
};

/* A request being answered. */
struct server_call {
	struct server_connection *connection;
	const union verbs_message *request;
	int fds[VERBS_FDS_MAX]; /* that came; -1: taken. The rest is closed afterwards */
	unsigned fd_count;
	union verbs_message *answer;
	int answer_fds[VERBS_FDS_MAX]; /* stay whose they are, */
	int answer_own_fd; /* but for this one, which is closed then; -1: none */
	unsigned answer_fd_count;
	struct error error;
};

/* What is watched: the lower bits of a pointer to it. */
enum server_source {
	SOURCE_CONNECTION, /* its socket; NULL: the listener */
	SOURCE_DOORBELL,
	SOURCE_WORKER_TIMER,
	SOURCE_DEADLINE,
	SOURCE_BROKEN,
	SOURCE_MASK = 7,
};

/* server.c: takes `lock`, in turn. */
void server_lock(struct verbs_server *server);

/* deadline.c */
int deadline_init(struct verbs_server *server, struct error *error);
void deadline_hello(struct server_connection *connection); /* it was accepted just now */
void deadline_alone(struct server_queue *queue);
/* Notes whom it is connected to, for the next engine. */
void deadline_note_peer(struct server_queue *queue);
void deadline_deaf(struct verbs_server *server); /* accepting is of no use for a while */
void deadline_pass(struct verbs_server *server);

/* share.c */
void server_share(struct verbs_server *server);
bool server_user_has_place(const struct server_connection *connection); /* not yet in the list */
int server_mapping_check(struct server_call *call); /* -ENOMEM: no more */

/* connection.c. Kicking and dying only mark; server_reap() closes. */
void server_accept(struct verbs_server *server);
void server_connection_read(struct server_connection *connection);
void server_connection_write(struct server_connection *connection);
void server_kick(struct server_connection *connection, uint32_t reason);
void server_reap(struct verbs_server *server);
/* Sends now, or when there is room; kicks who does not read. */
void server_send(struct server_connection *connection, const union verbs_message *message,
	const int fds[], unsigned fd_count);
void server_tell(struct server_connection *connection, uint32_t event, uint32_t handle,
	uint32_t queue, uint32_t reason);

/* request.c: -errno with call->error, or 0. */
void server_handle(struct server_connection *connection, const union verbs_message *request,
	const int fds[], unsigned fd_count);
/* Takes descriptor `index` of the request into the connection's keeping. */
int server_fd_keep(struct server_call *call, unsigned index);
void server_fd_drop(struct server_connection *connection, int *fd);
/* A limit of the connection was hit. */
int server_refuse(struct server_call *call, const char *what, uint64_t limit);

/* object.c: domains, regions, shared receive queues. */
int server_hello(struct server_call *call);
int server_alloc_pd(struct server_call *call);
int server_dealloc_pd(struct server_call *call);
int server_domain_check(struct server_call *call, uint32_t pd);
int server_reg_mr(struct server_call *call);
int server_dereg_mr(struct server_call *call);
int server_create_srq(struct server_call *call);
int server_destroy_srq(struct server_call *call);
void server_objects_release(struct server_connection *connection);
const struct verbs_region *server_region_find(struct verbs_regions *regions, uint32_t key);

/* queue.c */
int server_create_qp(struct server_call *call);
int server_modify_qp(struct server_call *call);
int server_destroy_qp(struct server_call *call);
struct server_queue *server_queue_find(const struct verbs_server *server, uint32_t number);
/* Of this connection; NULL with call->error. */
struct server_queue *server_queue_own(struct server_call *call, uint32_t number);
/* Gives it a number (`wanted`, or 0), and puts it into the tables. */
int server_queue_enter(struct server_call *call, struct server_queue *queue, uint32_t wanted);
void server_queue_release(struct server_queue *queue);

/* peer.c */
int server_get_peer(struct server_call *call);
int server_get_region(struct server_call *call);
/* Connects it with the other end if that wants it too, and gives it to a worker if it needs one.
 * Workers stopped. */
int server_pair(struct server_queue *queue);
/* Its other end is no more: it is told. */
void server_peer_gone(struct server_queue *queue);
/* gone: the queue pair, or its process, is no more: the other end is told. Workers stopped. */
void server_unpair(struct server_queue *queue, bool gone);

/* raw.c */
int server_create_raw(struct server_call *call);
int server_create_flow(struct server_call *call);
int server_destroy_flow(struct server_call *call);
int server_get_packets(struct server_call *call);
void server_raw_release(struct server_queue *queue);
int server_raw_init(struct verbs_server *server, struct error *error);
void server_raw_fini(struct verbs_server *server);
/* Those that broke a rule lose their connections. */
void server_raw_broken(struct verbs_server *server);

/* gate.c: after work_stop() no worker is inside verbs_server_work() and none goes in, until
 * work_go_on(). They nest. */
void work_stop(struct verbs_server *server);
void work_go_on(struct verbs_server *server);
bool work_enter(struct verbs_server *server, struct server_worker *worker);
void work_leave(struct server_worker *worker);
int work_init(struct verbs_server *server, struct error *error);
void work_fini(struct verbs_server *server);
/* Workers stopped. */
int work_list(struct server_queue *queue);
void work_unlist(struct server_queue *queue);

/* sleep.c */
void work_wake(const struct server_worker *worker);
void work_wake_all(struct verbs_server *server);
void work_awake(struct server_worker *worker);
/* Whether request `next` is posted. */
bool work_posted(const struct server_queue *queue);
void work_event_write(int fd); /* an eventfd of the engine's own, or of one trusted */

/* bell.c */
void bell_init(struct server_bell *bell);
void bell_fini(struct server_bell *bell);
/* Rings an eventfd of `owner`, -1: none. Never blocks, whatever he did to it. */
void bell_ring(const struct server_bell *bell, const struct server_connection *owner, int fd);

/* work.c: all that is posted now ends as flushed. Workers stopped. */
void work_flush(struct server_queue *queue);

/* resume.c */
/* Sets counters by what stands in its memory. Workers stopped. */
void work_restore_inbox(struct server_queue *queue);
void work_restore_requests(struct server_queue *queue);
/* The first request after a restart: whether it was done already; then transfer.status. */
bool work_was_done(struct server_queue *queue, struct server_queue *to);

#endif
