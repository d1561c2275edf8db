/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drop: loses a share of the packets, chosen by a pseudo-random sequence that is the same in every
 * run (and differs between workers), so that a run with loss can be repeated.
 */
#include <errno.h>

#include "engine/stages/splitmix.h"
#include "engine/stages/stages.h"

struct drop_state {
	struct splitmix sequence;
	uint64_t threshold; /* of 2^32: a packet whose number is below it goes */
};

static int drop_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct drop_state *state;

	if (!(config->share >= 0 && config->share <= 1)) /* so that NaN is refused too */
		return error_set(error, EINVAL, "share is %g, must be 0 to 1", config->share);
	state = stage_state(stage, sizeof(*state), numa_node, error);
	if (state == NULL)
		return -ENOMEM;
	splitmix_init(&state->sequence, stage->worker);
	state->threshold = (uint64_t)(config->share * 4294967296.0);
	return 0;
}

static void drop_process(struct stage *stage, struct burst *burst)
{
	struct drop_state *state = stage->state;
	struct rte_mbuf *lost[BURST_SIZE];
	unsigned kept_count = 0, lost_count = 0;

	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet = burst->packets[i];

		if (splitmix_next(&state->sequence) >> 32 < state->threshold) {
			lost[lost_count++] = packet;
			burst->bytes -= packet->pkt_len;
		} else {
			burst->packets[kept_count++] = packet;
		}
	}
	burst->count = (uint16_t)kept_count;
	stage->drops[DROP_discarded] += lost_count;
	drop_tell(stage->watch, lost, lost_count, DROP_discarded);
	rte_pktmbuf_free_bulk(lost, lost_count);
}

const struct stage_ops drop_stage = {
	.name = "drop",
	.help = "lose a share of the packets (the same ones in every run)",
	.create = drop_create,
	.process = drop_process,
	.destroy = stage_state_free,
};
