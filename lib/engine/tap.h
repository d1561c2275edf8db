/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the meters that watch packets come and go (verify.h, order.h) have in common: a way around
 * every queue of the engine, a number in each received packet that is still there when it leaves,
 * and what flow it is of. Inside engine/ only.
 */
#ifndef WEIR_ENGINE_TAP_H
#define WEIR_ENGINE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf_dyn.h>

#include "base/error.h"
#include "packet/flow_key.h"
#include "port/port.h"

struct engine;

/* A number in the mbuf. The flag says that it is there: a buffer's fields outlive its packet, its
 * flags do not, so a packet that a stage made has no number. A copy that takes all fields along
 * (rte_pktmbuf_copy() and _clone()) has its original's. */
struct tap_stamp {
	int offset; /* of the dynfield, uint64_t */
	uint64_t flag; /* in ol_flags */
};

/* Registers field and flag under this name; asked again, it gives the same. -ENOMEM: mbufs have no
 * room left. */
int tap_stamp_register(const char *name, struct tap_stamp *ret_stamp, struct error *error);

static inline void tap_stamp_set(
	const struct tap_stamp *stamp, struct rte_mbuf *packet, uint64_t number)
{
	*RTE_MBUF_DYNFIELD(packet, stamp->offset, uint64_t *) = number;
	packet->ol_flags |= stamp->flag;
}

/* `absent`: what is returned where there is none. */
static inline uint64_t tap_stamp_get(
	const struct tap_stamp *stamp, const struct rte_mbuf *packet, uint64_t absent)
{
	return packet->ol_flags & stamp->flag
		? *RTE_MBUF_DYNFIELD(packet, stamp->offset, const uint64_t *)
		: absent;
}

/* Hands every rx queue a worker polls to `rx`, then every tx queue a worker has to `tx`: they keep
 * a copy and put their own function in its place. While no worker runs. */
void tap_queues(struct engine *engine, void (*rx)(void *argument, struct rx_queue *queue),
	void (*tx)(void *argument, struct tx_queue *queue), void *argument);

void tap_flow_key(const struct rte_mbuf *packet, struct flow_key *ret_key);

#endif
