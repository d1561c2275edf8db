/* SPDX-License-Identifier: BSD-3-Clause */
/* rxonly: everything received is counted and freed. */
#include "engine/stages/stages.h"

static void rxonly_process(struct stage *stage, struct burst *burst)
{
	stage_drop_burst(stage, burst, DROP_consumed);
}

const struct stage_ops rxonly_stage = {
	.name = "rxonly",
	.help = "receive and free",
	.flags = STAGE_TERMINAL,
	.process = rxonly_process,
};
