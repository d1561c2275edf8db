/* SPDX-License-Identifier: BSD-3-Clause */
/* io: packets pass as they are. The stage exists so that a pipeline can name what it does. */
#include "engine/stages/stages.h"

static void io_process(struct stage *stage, struct burst *burst)
{
	(void)stage;
	(void)burst;
}

const struct stage_ops io_stage = {
	.name = "io",
	.help = "pass packets as they are",
	.process = io_process,
};
