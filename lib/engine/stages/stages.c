/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "engine/stages/stages.h"

static const struct stage_ops *const stages[] = {
	&io_stage,
	&mac_stage,
	&macswap_stage,
	&fivetuple_swap_stage,
	&csum_stage,
	&icmpecho_stage,
	&rxonly_stage,
	&txonly_stage,
	&flowgen_stage,
	&noisy_stage,
	&drop_stage,
	&consume_stage,
	&work_stage,
	&gro_stage,
	&gso_stage,
	&reassemble_stage,
	&fragment_stage,
};

const struct stage_ops *stage_find(const char *name)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (strcmp(stages[i]->name, name) == 0)
			return stages[i];
	return NULL;
}

void *stage_state(struct stage *stage, size_t bytes, int numa_node, struct error *error)
{
	stage->state = rte_zmalloc_socket(stage->ops->name, bytes, RTE_CACHE_LINE_SIZE, numa_node);
	if (stage->state == NULL)
		error_set(error, ENOMEM,
			"no memory for its state (%zu bytes on node %d); raise memory.size", bytes,
			numa_node);
	return stage->state;
}

void stage_state_free(struct stage *stage)
{
	rte_free(stage->state);
	stage->state = NULL;
}
