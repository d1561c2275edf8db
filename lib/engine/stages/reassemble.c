/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reassemble: IP fragments become whole packets (segmentation/reassembly.h). All else passes.
 */
#include <errno.h>

#include "base/clock.h"
#include "engine/stages/stages.h"
#include "segmentation/reassembly.h"

/* Room for fragments: as many a packet as the engine has planned buffers for. */
enum { FRAGMENTS_TYPICAL = 4 };

struct reassemble_state {
	struct reassembly *reassembly;
	struct stage *stage; /* that the drops of the call under way are counted for */
};

static void fragment_drop(void *context, struct rte_mbuf *fragment)
{
	const struct reassemble_state *state = context;

	stage_drop(state->stage, fragment, DROP_reassembly);
}

static void reassemble_destroy(struct stage *stage)
{
	struct reassemble_state *state = stage->state;

	if (state == NULL)
		return;
	reassembly_destroy(state->reassembly);
	stage_state_free(stage);
}

static int reassemble_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct reassemble_state *state = stage_state(stage, sizeof(*state), numa_node, error);
	const struct reassembly_settings settings = {.datagrams = config->datagrams,
		.fragments = RTE_MAX(
			config->datagrams * FRAGMENTS_TYPICAL, (uint32_t)REASSEMBLY_FRAGMENTS_MAX),
		.timeout_tsc = ns_to_tsc(config->timeout_ns, stage->tsc_hz),
		.drop = fragment_drop,
		.context = state};

	if (state == NULL)
		return -ENOMEM;
	state->reassembly = reassembly_create(&settings, numa_node, error);
	if (state->reassembly == NULL) {
		reassemble_destroy(stage);
		return -ENOMEM;
	}
	return 0;
}

static void counters_update(struct stage *stage)
{
	const struct reassemble_state *state = stage->state;

	stage->counters->held = reassembly_held(state->reassembly);
	stage->counters->merged = reassembly_counters(state->reassembly)->merged;
}

static bool has_fragment(const struct burst *burst)
{
	bool found = false;

	for (unsigned i = 0; i < burst->count; i++)
		found |= (burst->packets[i]->packet_type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_FRAG;
	return found;
}

static void reassemble_process(struct stage *stage, struct burst *burst)
{
	struct reassemble_state *state = stage->state;
	unsigned out = 0;

	if (likely(!has_fragment(burst)))
		return;
	state->stage = stage;
	burst->bytes = 0;
	for (unsigned i = 0; i < burst->count; i++) {
		struct rte_mbuf *packet =
			reassembly_receive(state->reassembly, burst->packets[i], burst->rx_tsc);

		if (packet == NULL)
			continue;
		burst->packets[out++] = packet;
		burst->bytes += packet->pkt_len;
	}
	burst->count = (uint16_t)out;
	counters_update(stage);
}

/* What has to go before it is whole leaves as it came: whoever gets it may have the rest. */
static void release_all(struct stage *stage, uint64_t now_tsc)
{
	struct reassemble_state *state = stage->state;
	struct burst burst = {.rx_tsc = now_tsc};

	while ((burst.count = (uint16_t)reassembly_release(
			state->reassembly, burst.packets, BURST_SIZE)) > 0) {
		for (unsigned i = 0; i < burst.count; i++)
			burst.bytes += burst.packets[i]->pkt_len;
		counters_update(stage);
		stage_emit(stage, &burst);
	}
}

static void reassemble_flush(struct stage *stage, uint64_t now_tsc, bool all)
{
	struct reassemble_state *state = stage->state;

	state->stage = stage;
	if (all)
		release_all(stage, now_tsc);
	else
		reassembly_expire(state->reassembly, now_tsc);
	counters_update(stage);
}

const struct stage_ops reassemble_stage = {
	.name = "reassemble",
	.help = "put IPv4 and IPv6 fragments together again",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = reassemble_create,
	.process = reassemble_process,
	.flush = reassemble_flush,
	.destroy = reassemble_destroy,
};
