/* SPDX-License-Identifier: BSD-3-Clause */
/* work: takes so many cycles of the TSC a packet, as a real application would. */
#include <errno.h>

#include <rte_pause.h>

#include "base/clock.h"
#include "engine/stages/stages.h"

struct work_state {
	uint32_t cycles; /* a packet */
};

static int work_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct work_state *state = stage_state(stage, sizeof(*state), numa_node, error);

	if (state == NULL)
		return -ENOMEM;
	state->cycles = config->cycles;
	return 0;
}

static void work_process(struct stage *stage, struct burst *burst)
{
	const struct work_state *state = stage->state;
	uint64_t end = tsc_now() + (uint64_t)burst->count * state->cycles;

	while (tsc_now() < end)
		rte_pause();
}

const struct stage_ops work_stage = {
	.name = "work",
	.help = "take a fixed number of cycles a packet",
	.create = work_create,
	.process = work_process,
	.destroy = stage_state_free,
};
