/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * consume: stands for applications that read the flows on given CPUs. For each packet it records,
 * as a socket's recvmsg() does in the kernel, on which CPU the flow's reader runs; RFS steers by
 * that. A flow's reader is chosen by its hash, and goes to the next CPU of the list every
 * `migrate`.
 */
#include <errno.h>

#include "base/clock.h"
#include "engine/stages/stages.h"
#include "steering/rfs.h"

struct consume_state {
	uint16_t count;
	uint16_t cpus[CONFIG_CPUS_MAX];
	uint64_t migrate_cycles; /* 0: never */
	uint64_t start_tsc;
};

static int consume_create(
	struct stage *stage, const struct config_stage *config, int numa_node, struct error *error)
{
	struct consume_state *state = stage_state(stage, sizeof(*state), numa_node, error);

	if (state == NULL)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < RFS_CPU_NONE; cpu++)
		if (cpu_mask_has(&config->cpus, cpu))
			state->cpus[state->count++] = (uint16_t)cpu;
	if (state->count == 0)
		return error_set(error, EINVAL, "cpus names no CPU below %d", RFS_CPU_NONE);
	if (config->migrate_ns > 0)
		state->migrate_cycles = ns_to_tsc(config->migrate_ns, stage->tsc_hz);
	return 0;
}

static void consume_process(struct stage *stage, struct burst *burst)
{
	const struct consume_state *state = stage->state;
	struct rfs_consumers *consumers = __atomic_load_n(stage->consumers, __ATOMIC_ACQUIRE);
	uint64_t moves = 0; /* how far readers went around the list */

	if (consumers == NULL)
		return;
	/* All workers must agree on who reads where: so by the clock that all share. */
	if (state->migrate_cycles > 0)
		moves = tsc_now() / state->migrate_cycles % state->count;
	for (uint16_t i = 0; i < burst->count; i++) {
		uint32_t hash = burst->packets[i]->hash.rss;
		uint64_t reader = ((uint64_t)hash * state->count >> 32) + moves;

		if (reader >= state->count)
			reader -= state->count;
		if (burst->packets[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH)
			rfs_record(consumers, hash, state->cpus[reader]);
	}
}

const struct stage_ops consume_stage = {
	.name = "consume",
	.help = "record on which CPU each flow is read, as applications do for RFS",
	.create = consume_create,
	.process = consume_process,
	.destroy = stage_state_free,
};
