/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * gro: merges packets of a flow into super-packets (segmentation/gro.h), as the `gro` settings of
 * the port that the pipeline begins at say. As a stage, or by the port's feature.
 */
#include <errno.h>

#include <rte_malloc.h>

#include "base/clock.h"
#include "engine/stages/stages.h"
#include "segmentation/gro.h"
#include "segmentation/super_packet.h"

struct gro_state {
	struct gro *gro;
	uint64_t timeout_tsc;
	uint64_t bad_checksums, reordered; /* that the stage's counters have already */
};

static int gro_stage_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	const struct config_gro *wanted = &stage->from->gro;
	const struct config_features *features = &stage->from->features;
	struct gro_settings settings = {
		.flows = wanted->flows,
		.buffers = wanted->packets,
		.timeout_tsc = ns_to_tsc(wanted->flush_timeout_ns, stage->tsc_hz),
		.rules = wanted->rules == GRO_LINUX_CLASSIC ? GRO_RULES_CLASSIC : GRO_RULES_CURRENT,
		.tcp = true,
		.udp = features->rx_udp_gro_forwarding == FEATURE_ON,
		.tunnels = true,
		.verify = wanted->verify,
		.reorder = wanted->reorder,
		.lro = features->large_receive_offload == FEATURE_ON,
		.lro_bytes = wanted->lro_bytes,
	};
	struct gro_state *state;

	(void)config;
	if (super_note_register(error) != 0)
		return -error->code;
	state = stage_state(stage, sizeof(*state), numa_node, error);
	if (state == NULL)
		return -ENOMEM;
	state->timeout_tsc = settings.timeout_tsc;
	state->gro = gro_create(&settings, numa_node, error);
	return state->gro != NULL ? 0 : -error->code;
}

/* Those of the stage go on when the features of a port change, and with them the GRO. */
static void counters_update(struct stage *stage)
{
	struct gro_state *state = stage->state;
	const struct gro_counters *now = gro_counters(state->gro);

	stage->counters->bad_checksums += now->bad_checksums - state->bad_checksums;
	stage->counters->reordered += now->reordered - state->reordered;
	stage->counters->held = gro_held(state->gro);
	state->bad_checksums = now->bad_checksums;
	state->reordered = now->reordered;
}

/* Sends on what came out; what fits into one burst at the end stays in `burst`, for the next step.
 */
static void gro_send(struct stage *stage, struct burst *burst, struct rte_mbuf *const packets[],
	unsigned count, uint64_t rx_tsc)
{
	for (unsigned done = 0; done < count;) {
		unsigned part = RTE_MIN(count - done, (unsigned)BURST_SIZE);

		burst->count = (uint16_t)part;
		burst->bytes = 0;
		burst->rx_tsc = rx_tsc;
		for (unsigned i = 0; i < part; i++) {
			burst->packets[i] = packets[done + i];
			burst->bytes += packets[done + i]->pkt_len;
		}
		done += part;
		if (done < count)
			stage_emit(stage, burst);
	}
}

static void gro_process(struct stage *stage, struct burst *burst)
{
	struct gro_state *state = stage->state;
	struct rte_mbuf *packets[GRO_OUT_FACTOR * BURST_SIZE];
	uint64_t rx_tsc = burst->rx_tsc;
	unsigned count = burst->count, out;

	out = gro_receive(
		state->gro, burst->packets, count, state->timeout_tsc > 0 ? tsc_now() : 0, packets);
	stage->counters->merged += count + stage->counters->held - out - gro_held(state->gro);
	counters_update(stage);
	burst->count = 0;
	burst->bytes = 0;
	gro_send(stage, burst, packets, out, rx_tsc);
}

static void gro_stage_flush(struct stage *stage, uint64_t now_tsc, bool all)
{
	struct gro_state *state = stage->state;
	struct rte_mbuf *packets[BURST_SIZE];
	struct burst burst = {0};
	uint64_t due_tsc;
	unsigned count;

	while ((due_tsc = gro_due_tsc(state->gro)) <= now_tsc || (all && due_tsc != UINT64_MAX)) {
		count = gro_flush(state->gro, now_tsc, all, packets, BURST_SIZE);
		if (count == 0)
			break;
		stage->counters->merged += stage->counters->held - count - gro_held(state->gro);
		counters_update(stage);
		/* When the first of them came, so that the wait counts as latency; of those that
		 * there was no room for before, nobody knows. */
		gro_send(stage, &burst, packets, count,
			due_tsc != 0 ? due_tsc - state->timeout_tsc : now_tsc);
		stage_emit(stage, &burst);
	}
}

static void gro_stage_destroy(struct stage *stage)
{
	struct gro_state *state = stage->state;

	if (state != NULL)
		gro_destroy(state->gro);
	stage_state_free(stage);
}

const struct stage_ops gro_stage = {
	.name = "gro",
	.help = "merge packets of a flow into super-packets, by Linux's rules",
	.flags = STAGE_WRITES | STAGE_PARSES,
	.create = gro_stage_create,
	.process = gro_process,
	.flush = gro_stage_flush,
	.destroy = gro_stage_destroy,
};
