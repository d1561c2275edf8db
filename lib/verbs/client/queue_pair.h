/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs and what they hang on, for libweir's files of the control side. */
#ifndef WEIR_VERBS_CLIENT_QUEUE_PAIR_H
#define WEIR_VERBS_CLIENT_QUEUE_PAIR_H

#include "verbs/client/client.h"

/* queue_pair.c */

/* The deepest queue that this connection may have. */
uint32_t client_depth_max(const struct weir_device *device);
/* Without a look at who uses it: flows go with it. */
void client_qp_destroy(struct client_qp *qp);
/* Tells the engine of the queue pair; wanted: its number with the engine before, or 0. */
int client_qp_announce(struct client_qp *qp, uint32_t wanted);

/* cq.c. At most 2^31. */
uint32_t client_power_of_two(uint32_t at_least);
/* Into the lists of its completion queues, and out. No lock of theirs held. */
int client_cq_join(struct client_qp *qp);
void client_cq_leave(struct client_qp *qp);
/* Takes out what is of this queue pair. Lock held. */
void client_cq_purge(struct client_cq *cq, uint32_t number);

/* srq.c */
int client_srq_announce(struct client_srq *srq, uint32_t wanted);

/* state.c */

/* What queue pair and memory are like in RESET. client_qp_lock() held. */
void client_qp_empty(struct client_qp *qp);
/* Asks the engine for a state. resumed: it was there before (protocol.h). */
int client_qp_announce_state(struct client_qp *qp, const struct weir_qp_attr *attr,
	enum weir_qp_state state, uint32_t resumed);

/* Tells the engine of queue pairs that went into an error state by themselves. No lock held. */
void client_tell_errors(struct weir_device *device);

/* transition.c: whether a queue pair of this type may go from `from` to `to` with these
 * attributes. 0 or EINVAL, said. */
int client_transition_check(enum weir_qp_type type, enum weir_qp_state from, enum weir_qp_state to,
	const struct weir_qp_attr *attr, unsigned mask);
/* The attributes that this step requires. */
unsigned client_transition_required(
	enum weir_qp_type type, enum weir_qp_state from, enum weir_qp_state to);
const char *client_state_name(enum weir_qp_state state);

#endif
