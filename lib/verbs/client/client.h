/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libweir's files know of its objects. Each begins with the public part that weir.h shows.
 *
 * Locks, in this order: device->lock (objects), cq->lock (of two: the lower address first),
 * qp->lock, srq->lock; then, each alone, socket_lock and event_lock, which nobody holds while he
 * takes another. Those of the data path are spinlocks and are not taken while the process has one
 * thread.
 */
#ifndef WEIR_VERBS_CLIENT_H
#define WEIR_VERBS_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/single_threaded.h>

#include "verbs/layout.h"
#include "verbs/mapping.h"
#include "verbs/protocol.h"
#include "verbs/transfer.h"
#include "verbs/weir.h"

struct client_lock {
	uint32_t taken;
};

static inline void client_lock(struct client_lock *lock)
{
	if (__libc_single_threaded) {
		lock->taken = 1;
		return;
	}
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED) != 0)
			__builtin_ia32_pause();
}

static inline bool client_trylock(struct client_lock *lock)
{
	if (__libc_single_threaded) {
		lock->taken = 1;
		return true;
	}
	return __atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void client_unlock(struct client_lock *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

/* A registered region: memory.c finds or makes the shared file behind it. */
struct client_mr {
	struct weir_mr mr;
	struct verbs_region region;
	int fd; /* of the file behind it */
	uint64_t fd_offset; /* of its first byte */
	bool fd_owned; /* close it with the region */
	bool shared; /* by client_memory_share() */
	struct client_mr *next; /* of the device */
};

/* Our own regions by key index; verbs_regions first, so that an executor can use it. */
struct client_regions {
	struct verbs_regions regions;
	const struct verbs_region *by_index[VERBS_KEYS_MAX];
};

struct client_pd {
	struct weir_pd pd;
	uint32_t users;
	struct client_pd *next;
};

struct weir_ah {
	struct weir_pd *pd;
};

struct client_channel {
	struct weir_comp_channel channel; /* fd: an epoll of the two */
	int event_fd; /* an eventfd that peers and the engine write */
	int timer_fd; /* for what nobody wakes us for: a time that is over, the next try */
	struct client_cq *cqs; /* by next_of_channel */
	uint32_t users;
	struct client_channel *next;
};

struct client_cq {
	struct weir_cq cq;
	struct client_lock lock;
	uint32_t head, tail, mask; /* of `ring`: what sends left, and flushed receives */
	struct weir_wc *ring;
	bool overrun, overrun_told; /* told: the event was raised */
	bool fails; /* sends have failed with their connection: said when nothing else is there, */
	bool failing; /* which is now */
	bool rung; /* for this arming the channel was made readable by who posted */
	uint8_t armed; /* 0; 1: next completion; 2: next solicited one or error */
	uint16_t next_receiver; /* where polling goes on */
	uint16_t receiver_count, sender_count;
	struct client_qp **receivers; /* queue pairs whose recv_cq it is */
	struct client_qp **senders; /* whose send_cq it is */
	uint32_t pending; /* send requests that are not finished, of all senders */
	uint32_t events_unacked, polls; /* polls: empty ones in a row */
	struct client_cq *next_of_channel, *next;
};

struct client_srq {
	struct weir_srq srq;
	struct client_lock lock;
	struct verbs_srq shared;
	struct verbs_mapping mapping;
	int fd;
	uint32_t handle, limit;
	uint32_t posted; /* so far: the next turn */
	uint32_t outstanding; /* posted and not yet taken */
	/* By tag, which is the place of the entry: what was posted. */
	uint64_t *wr_ids;
	bool *in_use;
	struct verbs_segment *segments; /* [depth * shared.segments] */
	uint32_t *segment_counts;
	uint32_t users;
	struct client_srq *next;
};

struct client_sent { /* a posted send request, until it has completed */
	uint64_t wr_id;
	uint32_t bytes;
	uint8_t opcode; /* enum weir_wr_opcode */
	bool signaled;
};

struct client_received { /* a posted receive. Private: a peer may scribble on the shared copy */
	uint64_t wr_id;
	uint32_t segment_count, bytes;
};

/* The regions of the other end, by key index: asked from the engine at first use (peer.c). */
struct client_remote {
	struct verbs_regions regions; /* find: client_remote_find */
	struct client_qp *qp;
	const struct verbs_keys *keys; /* the owner's: which are valid now */
	struct client_remote_region {
		struct verbs_region region;
		struct verbs_mapping mapping;
	} * *by_index; /* [VERBS_KEYS_MAX] */
};

struct client_qp {
	struct weir_qp qp;
	/* What every post and poll touches first. */
	struct client_lock lock;
	uint8_t path; /* enum verbs_path */
	bool sends; /* RTS, or SQD on its way */
	bool receives; /* INIT to SQE */
	bool sq_sig_all;
	bool error_untold; /* state.c: the engine has to be told */
	bool flushing; /* the error state: what is posted ends as WR_FLUSH_ERR when it is polled, */
	bool given_back; /* what the other end had claimed of our SRQ was taken back */
	uint32_t flush_status, flush_reason; /* but the oldest send so, if not 0 */
	uint32_t send_room; /* so many requests may be posted before it is counted again */
	struct verbs_queue own;
	struct client_cq *send_cq, *recv_cq;
	struct client_srq *srq;
	uint32_t inbox_next; /* next message to take */
	uint32_t streak; /* messages taken since none was there */
	uint32_t consumed_told; /* of which the producer was told */
	/* Sends: [sent_done, sent_next) are on their way, in order. */
	uint32_t sent_done, sent_next;
	struct client_sent *sent; /* [request_depth] */
	struct verbs_transfer transfer; /* of request sent_done, if `transferring` */
	bool transferring;
	uint8_t waiting; /* enum verbs_step: why it does not go on; VERBS_FINISHED: it does */
	uint32_t rnr_tries;
	uint64_t waiting_since_ns, retry_at_ns;
	/* Receives: [received_done, received_next) are posted. */
	uint32_t received_done, received_next;
	struct client_received *received; /* [receive_depth] */
	struct verbs_segment *received_segments; /* [receive_depth * receive_segments] */
	/* The other end, direct path. */
	struct verbs_responder responder;
	const uint8_t *written; /* where its last short write went; only to be prefetched */
	struct client_remote remote;
	struct verbs_srq peer_srq;
	struct verbs_mapping peer_memory, peer_keys, peer_srq_memory;
	int peer_event_fd; /* -1: it never sleeps */
	/* Set up. */
	struct verbs_mapping memory;
	int memory_fd;
	struct weir_qp_attr attr;
	struct weir_qp_cap cap;
	struct client_raw *raw; /* WEIR_QPT_RAW_PACKET: raw.c */
	uint32_t users; /* flows */
	uint32_t drain_to; /* SQD: sends up to here are done, what is posted from then on waits */
	bool draining; /* and then it is told so */
	struct client_qp *next;
};

/* Between two looks for the other end. */
enum { CLIENT_PEER_RETRY_NS = 100000 };
enum { CLIENT_EVENTS_MAX = 256, CLIENT_CQS_MAX = 65536, CLIENT_CQE_MAX = 1 << 20 };

struct weir_device {
	int socket, doorbell, keys_fd; /* socket: -1 when the engine is gone */
	int event_fd; /* readable: something waits in `events` or `incoming` */
	int async_fd; /* an epoll of event_fd and the socket */
	bool gone; /* the engine is: VERBS_EVENT_KICKED or end of file */
	bool fatal_said; /* and the application was told */
	bool errors_untold; /* queue pairs went into an error state, which the engine does not know
			     */
	bool drains; /* a queue pair may be draining */
	uint32_t kicked; /* enum verbs_reason */
	char path[108];
	pthread_mutex_t lock; /* objects */
	pthread_mutex_t socket_lock; /* the socket, `number` and `incoming` */
	struct client_lock event_lock; /* `events` */
	uint32_t number; /* of the last request */
	struct verbs_event incoming[CLIENT_EVENTS_MAX]; /* came, are not handled yet */
	uint32_t incoming_count;
	struct verbs_hello_answer hello;
	struct verbs_keys *keys;
	struct verbs_mapping keys_mapping;
	struct client_regions own; /* our regions */
	struct client_pd *pds;
	struct client_mr *mrs;
	struct client_cq *cqs;
	struct client_qp *qps;
	struct client_srq *srqs;
	struct client_channel *channels;
	struct weir_async_event events[CLIENT_EVENTS_MAX];
	uint32_t events_head, events_tail;
	struct client_memory *memory; /* memory.c */
};

/* error.c: fails with an errno value and a sentence for weir_error_text(). Returns `code`. */
int client_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* connection.c. One request and its answer; events that come meanwhile are kept. Any lock but
 * socket_lock and event_lock may be held. message->head.type and the body are set. fds: sent, stay
 * the caller's; ret_fds [VERBS_FDS_MAX] (NULL: none wanted, closed). 0 or an errno value, said by
 * client_fail(). */
int client_request(struct weir_device *device, union verbs_message *message, const int fds[],
	unsigned fd_count, int ret_fds[], unsigned *ret_fd_count);
/* Reads events that wait on the socket, to be handled later; notices that the engine is gone. Any
 * locks may be held, but those two. Called when conditions are looked at. */
void client_take_events(struct weir_device *device);
/* event.c. Does what came from the engine asks for. No lock is held. */
void client_handle_events(struct weir_device *device);
/* Keeps an event for weir_get_async_event(). object: what the type is about, or NULL. Takes no lock
 * that posting and polling hold. */
void client_event(struct weir_device *device, enum weir_event_type type, void *object);
/* Forgets what was not read of an object that goes. */
void client_event_forget(struct weir_device *device, const void *object);

/* barrier.c: membarrier(2). Once for a process; whether the kernel has it. */
bool client_barrier_init(void);
/* A full memory fence on each CPU that runs a thread of an application or the engine: for him who
 * seldom writes and then reads what those on the fast way read and write without a fence. */
void client_barrier(void);

static inline struct client_channel *client_channel_of(const struct client_cq *cq)
{
	return (struct client_channel *)cq->cq.channel;
}

/* channel.c. Makes its channel, if it has one, readable: who waits there looks again. */
void client_cq_wake(struct client_cq *cq);
/* Writes cq->armed, whose lock is held, into the headers of its queue pairs. */
void client_cq_tell_arming(struct client_cq *cq);
/* cq.c. Both queues' locks, once if they are the same, in order; then the queue pair's. */
void client_qp_lock(struct client_qp *qp);
void client_qp_unlock(struct client_qp *qp);
/* Locks of send_cq and of the queue pair held. Counts qp->send_room: as in verbs, a request takes
 * its place in the send queue until its completion is polled. Returns whether there is any. */
bool client_send_room(struct client_qp *qp);

/* drain.c: SQD. client_qp_lock() held. What is posted is to be done, and then, if `tell`, said so;
 * what is posted from now on waits. */
void client_drain_begin(struct client_qp *qp, bool tell);
/* Says so if it is. Locks of send_cq and of the queue pair held. */
void client_drain_look(struct client_qp *qp);
/* It is RTS again: what has waited goes on. */
void client_drain_end(struct client_qp *qp);
/* Goes on with all that drain, for who does not poll. No lock is held. */
void client_drain_progress(struct weir_device *device);

/* memory.c: the file behind [addr, addr + length): found, or made by moving its pages into shared
 * memory. The descriptor is `ret_owned` by the caller or the device's. 0 or an errno value. */
int client_memory_share(struct weir_device *device, void *addr, size_t length, bool writes,
	int *ret_fd, uint64_t *ret_offset, bool *ret_owned);
/* A region over it is gone. */
void client_memory_unshare(struct weir_device *device, void *addr, size_t length);
void client_memory_fini(struct weir_device *device);

/* peer.c, the queue pair's lock held. Asks for the other end, if it is not known: 0 and qp->path is
 * set, ENOTCONN (not there yet), or another errno value. What was
 * posted before stands in own.requests already, on both paths: nothing is moved. */
int client_peer_find(struct client_qp *qp);
void client_peer_forget(struct client_qp *qp);
/* For who only receives: looks for the other end, now and then, which may be waiting for us. */
void client_peer_meet(struct client_qp *qp);
const struct verbs_region *client_remote_find(struct verbs_regions *regions, uint32_t key);

/* progress.c. Locks of send_cq and of the queue pair held. Moves on what is on its way; completions
 * go to send_cq->ring. */
void client_progress(struct client_qp *qp);
/* Lock of the queue pair held. From now on everything posted ends as WR_FLUSH_ERR (when it is
 * polled); the oldest send, if `status` is not 0, with that. The caller wakes who sleeps. */
void client_flush(struct client_qp *qp, uint32_t status, uint32_t reason);

/* srq.c: what was posted as entry `tag`, which is free again after it. false: nothing was. The
 * segments stay as they are until the next weir_post_srq_recv(). */
struct client_srq_receive {
	uint64_t wr_id;
	const struct verbs_segment *segments;
	uint32_t segment_count, bytes;
};
/* srq.c. The queue pair `initiator` is gone, and what it sent is taken: what it had claimed and did
 * not use is posted again. */
void client_srq_give_back(struct client_srq *srq, uint32_t initiator);
bool client_srq_take(struct client_srq *srq, uint32_t tag, struct client_srq_receive *ret_receive);
/* Its limit was reached: says so, once. Its lock is held. */
void client_srq_limit_reached(struct client_srq *srq);

/* state.c. Into the error state by itself. The queue pair's lock is held, and perhaps that of one
 * of its CQs, so it takes none of those and not device->lock: it publishes the state in the header,
 * where the engine and the other end see it, calls client_flush(), and leaves an event. */
void client_qp_error(struct client_qp *qp, uint32_t status, uint32_t reason);
/* The same for a failed send of an unreliable one: SQE. */
void client_qp_send_error(struct client_qp *qp, uint32_t reason);
/* Of verbs' code for the RNR timer: nanoseconds. */
uint64_t client_rnr_ns(uint32_t code);

/* raw.c */
int client_raw_create(struct client_qp *qp, const struct weir_qp_init_attr *attr);
void client_raw_destroy(struct client_qp *qp);

#endif
