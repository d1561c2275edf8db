/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared memory of queue pairs: who may write what. Read by three programs: the application
 * that owns it (libweir), the engine, and on the direct path the application at the other end.
 *
 * All of it belongs to the application: it makes a memfd for each queue pair (shared receive queue,
 * connection), seals it against shrinking and passes it on. So what is in flight outlives the
 * engine, and a limit on an application's memory counts it.
 *
 *   connection memory   key table: which keys are valid now
 *   queue memory        header | sizes | receives | inbox | requests | outcomes   (a queue pair)
 *   SRQ memory          header | receives
 *
 *   initiator                               responder
 *     requests ──> executor ── payload ──────> region, or its posted receive
 *     outcomes <──    │     ── message ──────> inbox
 *
 * The executor (transfer.h) is the same code on both paths. Direct: it runs in the initiator's
 * library; `requests` and `outcomes` are not used. Engine: it runs in the engine, which is then the
 * only one to map the memory of both.
 *
 * Rules. No pointers: places are offsets. No field is written by two parties, but a posted SRQ
 * entry's `claim`. Whoever reads another's field copies it once, checks the copy and uses the copy.
 * Geometry is fixed at creation: every party keeps its own copy and never reads it here again.
 * A message or entry is valid when its `sequence`, written last, is that of its turn: the reader
 * never reads the writer's position.
 */
#ifndef WEIR_VERBS_LAYOUT_H
#define WEIR_VERBS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
	VERBS_VERSION = 1,
	VERBS_LINE_BYTES = 64,
	VERBS_SLOT_BYTES = 128, /* two lines, fetched as a pair */
	VERBS_PAYLOAD_MAX = 96, /* of a message that travels in its slot: so much of it */
	VERBS_PAYLOAD_FIRST = 32, /* is in the line of the header */
	VERBS_DEPTH_MAX = 32768, /* of any queue; a power of two */
	VERBS_SEGMENTS_MAX = 32, /* of one work request */
	VERBS_INLINE_MAX = 1024,
	VERBS_KEYS_MAX = 65536, /* of one connection */
	VERBS_GRH_BYTES = 40, /* before what a UD queue pair receives */
	VERBS_UD_MAX = 4096,
};
#define VERBS_MESSAGE_MAX (1u << 30)
#define VERBS_QUEUE_COOKIE 0x31716e7269657751ull /* "Qweirnq1" */
#define VERBS_SRQ_COOKIE 0x3171727372696577ull

/* A key: index into the connection's key table, and a generation that tells apart who had that
 * index before. Never 0. */
enum { VERBS_KEY_INDEX_BITS = 16 };

static inline uint32_t verbs_key(uint32_t index, uint32_t generation)
{
	return index | generation << VERBS_KEY_INDEX_BITS;
}

static inline uint32_t verbs_key_index(uint32_t key)
{
	return key & ((1u << VERBS_KEY_INDEX_BITS) - 1);
}

/* Connection memory. Writer: the application. Readers: peers on the direct path. keys[i]: the key
 * that is valid at this index; 0: none. */
struct verbs_keys {
	uint32_t keys[VERBS_KEYS_MAX];
};

/* One message that arrived. Writer: the executor. Reader: the owner. */
struct verbs_slot {
	uint32_t sequence; /* message number + 1; atomic, written last */
	uint32_t bytes; /* of the whole message */
	uint32_t immediate;
	uint32_t source; /* queue pair it came from */
	uint32_t receive; /* with an SRQ: the tag of the entry it took */
	uint8_t kind; /* enum verbs_arrival */
	uint8_t flags; /* enum verbs_slot_flags */
	uint16_t status; /* enum weir_wc_status of the receive */
	uint8_t reserved[8]; /* no vector of the payload lies in two lines: that costs a round trip
			      */
	uint8_t payload[VERBS_PAYLOAD_MAX]; /* VERBS_SLOT_INLINE: the message */
};

enum verbs_arrival {
	VERBS_ARRIVED_SEND,
	VERBS_ARRIVED_WRITE, /* with immediate data */
	VERBS_ARRIVED_FAULT, /* no message: the initiator tried what it may not; see status */
};

enum verbs_slot_flags {
	VERBS_SLOT_IMMEDIATE = 1 << 0,
	VERBS_SLOT_INLINE = 1 << 1, /* the payload is here, else where the receive says */
	VERBS_SLOT_SOLICITED = 1 << 2,
};

struct verbs_segment { /* laid out as weir_sge */
	uint64_t address;
	uint32_t bytes;
	uint32_t key;
};

/* One posted receive. Writer: the owner. Reader: the executor. Followed by its segments; the
 * stride is verbs_receive_stride(). A queue pair's own have their sizes in an array as well: all
 * that a message that travels in its slot needs to know, 16 to a line. */
struct verbs_receive {
	/* SRQ only: sequence of its turn in the lower half, in the upper the queue pair whose
	 * executor has taken it (0: posted and free). Atomic; owner posts, executors claim by
	 * compare and swap, so that the owner can tell what a dead one had claimed. */
	uint64_t claim;
	uint32_t tag; /* the owner's, to find its work request: SRQ only */
	uint32_t bytes; /* room in all segments */
	uint32_t segment_count;
	uint32_t reserved[11];
	struct verbs_segment segments[];
};

/* A work request on the engine path. Writer: the owner. Reader: the engine. Followed by segments,
 * or by the payload if inline; the stride is verbs_request_stride(). */
struct verbs_request {
	uint32_t sequence; /* request number + 1; atomic, written last */
	uint8_t opcode; /* enum weir_wr_opcode */
	uint8_t flags; /* enum weir_send_flags */
	uint16_t segment_count;
	uint32_t bytes; /* in all segments, or inline */
	uint32_t immediate;
	uint64_t remote_address;
	uint32_t remote_key;
	uint32_t remote_queue; /* UD: the destination */
	uint64_t compare_add, swap;
	uint32_t remote_qkey;
	uint32_t reserved[3];
	union {
		struct verbs_segment segments[0];
		uint8_t payload[0];
	};
};

/* How a request ended, at its place in the order. Writer: the engine. Reader: the owner. */
struct verbs_outcome {
	uint32_t sequence; /* request number + 1; atomic, written last */
	uint16_t status; /* enum weir_wc_status */
	uint16_t reason; /* enum verbs_reason */
	uint32_t bytes;
	uint32_t reserved;
};

enum verbs_queue_state { /* what the owner lets in */
	VERBS_QUEUE_CLOSED, /* RESET, INIT, ERR: a sender waits, or gives up after its timeout */
	VERBS_QUEUE_OPEN, /* RTR, RTS, SQD, SQE */
	VERBS_QUEUE_ERROR, /* ERR: a sender is told at once */
};

enum verbs_condition { /* what the engine says of the connection */
	VERBS_CONNECTED, /* nothing against it */
	VERBS_PEER_GONE, /* the other end was destroyed, or its process died */
	VERBS_PEER_BROKEN, /* the other end did what it must not: see the reason */
};

/* First page of queue memory. A line for each writer and purpose. */
struct verbs_queue_header {
	/* Writer: the owner, at creation. Only to be compared with what was agreed. */
	uint64_t cookie;
	uint32_t version, queue, inbox_depth, receive_depth, receive_segments, request_depth,
		request_segments, inline_bytes;
	uint8_t pad0[VERBS_LINE_BYTES - 40];
	/* Writer: the owner. */
	uint32_t state; /* enum verbs_queue_state */
	uint32_t accepts_from; /* queue pair it is connected to */
	uint32_t rnr_timer; /* verbs' code */
	uint32_t qkey; /* UD */
	uint32_t access; /* enum weir_access: what the other end may do */
	uint8_t pad1[VERBS_LINE_BYTES - 20];
	uint32_t received; /* receives posted so far. Writer: the owner */
	uint8_t pad2[VERBS_LINE_BYTES - 4];
	uint32_t consumed; /* messages taken from the inbox so far. Writer: the owner, now and then
			    */
	uint8_t pad3[VERBS_LINE_BYTES - 4];
	/* Writer: the owner. */
	/* 0: do not wake. Else count of armings << 2 | 1: for any message, | 2: for solicited ones
	 * and errors. The count tells a sender for which arming it has woken already. */
	uint32_t armed;
	uint32_t sender_armed; /* wake for outcomes (engine path) */
	uint32_t cpu; /* where the owner last polled, + 1 */
	/* It waits for the other end to post or take something, and wants to be woken. */
	uint32_t waits;
	uint8_t pad4[VERBS_LINE_BYTES - 16];
	/* Writer: the owner, as an initiator. Odd: it may be touching memory of the other end now,
	 * which reads this before it takes memory away, and only then: so the line stays here. */
	uint32_t busy;
	uint8_t pad5[VERBS_LINE_BYTES - 4];
	/* Writer: the engine. */
	uint32_t condition; /* enum verbs_condition */
	uint32_t condition_reason; /* enum verbs_reason */
	uint32_t engine_asleep; /* nobody polls `requests`: ring the doorbell */
	/* Whom it was connected to last, for the next engine: enum verbs_path, and the process. */
	uint32_t path, peer_pid;
	uint64_t peer_began; /* clock ticks after the machine's start */
	uint8_t pad6[VERBS_LINE_BYTES - 32];
	/* Writer: the engine: how far it has come, for the next engine if this one dies. */
	uint32_t executed; /* requests whose effect and outcome are written */
	uint32_t intent; /* request number + 1 of an atomic that is being done, */
	uint64_t intent_before, intent_after; /* and the word before and after it */
	uint32_t sending; /* request number + 1 of one whose message is being put */
	uint32_t sending_place; /* into the other end's inbox, as this message number */
	uint8_t pad7[VERBS_LINE_BYTES - 32];
};

/* First page of SRQ memory. */
struct verbs_srq_header {
	uint64_t cookie;
	uint32_t version, srq, depth, segments;
	uint8_t pad0[VERBS_LINE_BYTES - 24];
	uint32_t posted; /* Writer: the owner */
	uint32_t limit; /* SRQ_LIMIT_REACHED below so many; 0: off */
	uint8_t pad1[VERBS_LINE_BYTES - 8];
	uint32_t next; /* a hint where free entries begin. Writers: all executors, atomic */
	uint8_t pad2[VERBS_LINE_BYTES - 4];
};

/* Why something failed: vendor_err of completions, and what logs and counters name. */
#define VERBS_REASONS(X)                                                                           \
	X(NONE, "no error")                                                                        \
	X(STATE, "the queue pair is not in a state to send")                                       \
	X(BAD_OPCODE, "no such operation for this type of queue pair")                             \
	X(LOCAL_KEY, "no region of this protection domain has that lkey")                          \
	X(LOCAL_RANGE, "a segment reaches out of its region")                                      \
	X(LOCAL_ACCESS, "the region does not allow local writes")                                  \
	X(TOO_LONG, "the message is longer than 1 GiB, or than a UD message may be")               \
	X(TOO_MANY_SEGMENTS, "more segments than the queue pair was made for")                     \
	X(REMOTE_KEY, "the other end has no region with that rkey")                                \
	X(REMOTE_RANGE, "the address reaches out of the other end's region")                       \
	X(REMOTE_ACCESS, "the other end's region or queue pair does not allow that")               \
	X(REMOTE_PD, "the other end's region is of another protection domain")                     \
	X(MISALIGNED, "an atomic needs an address that is a multiple of 8")                        \
	X(RECEIVE_TOO_SMALL, "the message is longer than the receive that was posted for it")      \
	X(RECEIVE_BAD, "the receive that was posted names memory that is not there")               \
	X(NO_RECEIVE, "no receive was posted in time")                                             \
	X(NOT_READY, "the other end was not ready in time")                                        \
	X(PEER_GONE, "the other end is gone")                                                      \
	X(PEER_ERROR, "the other end is in the error state")                                       \
	X(FLUSHED, "the queue pair went into the error state before this was done")                \
	X(BAD_COOKIE, "its shared memory does not begin as it should")                             \
	X(BAD_SEQUENCE, "its shared memory holds a position that cannot be")                       \
	X(BAD_REQUEST, "a work request in its shared memory makes no sense")                       \
	X(BAD_MEMORY, "its file is too short, or can shrink")                                      \
	X(BAD_MESSAGE, "a message on its socket makes no sense")                                   \
	X(LIMIT, "more objects or memory than a connection may have")                              \
	X(ENGINE_GONE, "the engine is gone")                                                       \
	X(ATOMIC_UNKNOWN, "whether the atomic was done before the engine died cannot be told")     \
	X(NO_HELLO, "it connected and did not say hello in time")

enum verbs_reason {
#define VERBS_REASON_ENUM(name, text) VERBS_REASON_##name,
	VERBS_REASONS(VERBS_REASON_ENUM)
#undef VERBS_REASON_ENUM
		VERBS_REASON_COUNT
};

static inline size_t verbs_line_up(size_t bytes)
{
	return (bytes + VERBS_LINE_BYTES - 1) & ~(size_t)(VERBS_LINE_BYTES - 1);
}

static inline size_t verbs_receive_stride(uint32_t segments)
{
	return verbs_line_up(
		sizeof(struct verbs_receive) + segments * sizeof(struct verbs_segment));
}

static inline size_t verbs_request_stride(uint32_t segments, uint32_t inline_bytes)
{
	size_t list = segments * sizeof(struct verbs_segment);

	return verbs_line_up(
		sizeof(struct verbs_request) + (list > inline_bytes ? list : inline_bytes));
}

/* What a queue pair's memory is made for. Depths are powers of two up to VERBS_DEPTH_MAX, or 0. */
struct verbs_geometry {
	uint32_t inbox_depth, receive_depth, receive_segments, request_depth, request_segments,
		inline_bytes;
};

/* Where the parts stand. */
struct verbs_queue_places {
	size_t sizes, receives, receive_stride, inbox, requests, request_stride, outcomes,
		total_bytes;
};

static inline struct verbs_queue_places verbs_queue_places(const struct verbs_geometry *geometry)
{
	struct verbs_queue_places places;

	places.receive_stride = verbs_receive_stride(geometry->receive_segments);
	places.request_stride =
		verbs_request_stride(geometry->request_segments, geometry->inline_bytes);
	places.sizes = 4096;
	places.receives = verbs_line_up(places.sizes + geometry->receive_depth * sizeof(uint32_t));
	places.inbox = (places.receives + geometry->receive_depth * places.receive_stride + 127) &
		~(size_t)127;
	places.requests = places.inbox + (size_t)geometry->inbox_depth * VERBS_SLOT_BYTES;
	places.outcomes = places.requests + (size_t)geometry->request_depth * places.request_stride;
	places.total_bytes =
		(places.outcomes + geometry->request_depth * sizeof(struct verbs_outcome) + 4095) &
		~(size_t)4095;
	return places;
}

_Static_assert(sizeof(struct verbs_slot) == VERBS_SLOT_BYTES, "two lines");
_Static_assert(sizeof(struct verbs_receive) == 64, "a line");
_Static_assert(sizeof(struct verbs_request) == 64, "a line");
_Static_assert(sizeof(struct verbs_outcome) == 16, "four a line");
_Static_assert(sizeof(struct verbs_queue_header) == 8 * VERBS_LINE_BYTES, "a line a writer");
_Static_assert(offsetof(struct verbs_queue_header, condition) == 6 * VERBS_LINE_BYTES, "");

#endif
