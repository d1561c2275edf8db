/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages there are, one a file, and what several of them share. Only for this folder: others
 * ask stage_find() of engine/stage.h. What each stage does is written in docs/stages.md.
 */
#ifndef WEIR_ENGINE_STAGES_STAGES_H
#define WEIR_ENGINE_STAGES_STAGES_H

#include "engine/stage.h"

extern const struct stage_ops io_stage;
extern const struct stage_ops mac_stage;
extern const struct stage_ops macswap_stage;
extern const struct stage_ops fivetuple_swap_stage;
extern const struct stage_ops csum_stage;
extern const struct stage_ops icmpecho_stage;
extern const struct stage_ops rxonly_stage;
extern const struct stage_ops txonly_stage;
extern const struct stage_ops flowgen_stage;
extern const struct stage_ops noisy_stage;
extern const struct stage_ops drop_stage;
extern const struct stage_ops consume_stage;
extern const struct stage_ops work_stage;
extern const struct stage_ops rx_checksum_stage; /* in no configuration: rx_checksum.h */
extern const struct stage_ops gro_stage;
extern const struct stage_ops gso_stage;
extern const struct stage_ops reassemble_stage;
extern const struct stage_ops fragment_stage;
extern const struct stage_ops raw_deliver_stage; /* in no configuration: engine/raw.h */

/* Frees every packet of the burst under one reason and leaves it empty. */
static inline void stage_drop_burst(
	struct stage *stage, struct burst *burst, enum drop_reason reason)
{
	stage->drops[reason] += burst->count;
	drop_tell(stage->watch, burst->packets, burst->count, reason);
	rte_pktmbuf_free_bulk(burst->packets, burst->count);
	burst->count = 0;
	burst->bytes = 0;
}

/* Puts a packet behind those of `out`, which is sent on when it is full. */
static inline void stage_append(struct stage *stage, struct burst *out, struct rte_mbuf *packet)
{
	if (out->count == BURST_SIZE)
		stage_emit(stage, out);
	out->packets[out->count++] = packet;
	out->bytes += packet->pkt_len;
}

/* State for a stage's create(), zeroed, of the worker's node: `struct x *x = stage_state(...)`.
 * Freed by stage_state_free(). NULL: out of memory, and `error` says so. */
void *stage_state(struct stage *stage, size_t bytes, int numa_node, struct error *error);
void stage_state_free(struct stage *stage);

#endif
